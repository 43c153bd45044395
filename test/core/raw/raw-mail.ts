/** Messages that came as MIME, composed as deliver composes them, and what is to hold of each. */
import { expect } from 'vitest';
import type { Rewrite } from '../../../core/raw/body.ts';
import { composeRawBody, composeRawHeader, type RawContext, readRaw } from '../../../core/raw/compose.ts';
import { measureLines } from '../../../core/wire.ts';

export const ID = Buffer.alloc(16, 3).toString('base64url');
export const CONTEXT: RawContext = {
  requestId: ID,
  personalization: 0,
  account: 'operator',
  pool: 'default',
  categories: [],
  acceptedAt: Date.UTC(2026, 10, 23, 12),
  from: { email: 'news@sender.example' },
  to: [],
};

export const lines = (...text: string[]): Buffer => Buffer.from(text.map((line) => `${line}\r\n`).join(''));

export type Composed = { message: Buffer; header: string; body: Buffer; eightBit: boolean };

/** The whole message as it goes out, unsigned; or why it does not. */
export function compose(
  octets: Buffer,
  context: Partial<RawContext> = {},
  rewrite: Partial<Rewrite> = {},
): Composed | { dropped: string } {
  const raw = readRaw(octets);
  const body = composeRawBody(raw, { sevenBit: false, ...rewrite });
  if ('dropped' in body) return body;
  const header = composeRawHeader(raw, { ...CONTEXT, ...context }, body.edits);
  if (!header) return { dropped: 'too long' };
  return {
    message: Buffer.concat([header, Buffer.from('\r\n'), body.body]),
    header: header.toString('latin1'),
    body: body.body,
    eightBit: body.eightBit,
  };
}

export function composed(...args: Parameters<typeof compose>): Composed {
  const made = compose(...args);
  if ('dropped' in made) throw new Error(made.dropped);
  return made;
}

/** Names of the fields of a header block, in order and in lower case. Fails where a line is neither a field nor a continuation. */
export function fieldNames(header: string): string[] {
  return header.split('\r\n').flatMap((line, n, all) => {
    if (n === all.length - 1 && line === '') return [];
    if (n > 0 && /^[ \t]+[^ \t]/.test(line)) return [];
    const name = /^([!-9;-~]+):/.exec(line)?.[1];
    if (!name) throw new Error(`not a field: ${JSON.stringify(line)}`);
    return [name.toLowerCase()];
  });
}

/** The rules of the wire (RFC 5321 2.3.8, 4.5.3.1.6), and those of our own header. */
export function assertWire({ message, header }: Composed): void {
  const text = message.toString('latin1');
  expect(text).not.toMatch(/\0|\r(?!\n)|(?<!\r)\n/);
  expect(text.endsWith('\r\n')).toBe(true);
  expect(measureLines(message).longest).toBeLessThanOrEqual(998);
  const names = fieldNames(header);
  for (const own of ['bcc', 'resent-bcc', 'x-smtpapi', 'return-path', 'idempotency-key'])
    expect(names).not.toContain(own);
  for (const once of ['from', 'date', 'message-id', 'mime-version', 'feedback-id'])
    expect(names.filter((name) => name === once)).toEqual([once]);
  // But for addresses that have no other form (RFC 6532): they need SMTPUTF8.
  expect(header.replace(/[^\s<>,]*[\x80-\xff][^\s<>,@]*@[^\s<>,]*/g, '')).not.toMatch(/[\x80-\xff]/);
}
