import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { simpleParser } from 'mailparser';
import { describe, expect, it } from 'vitest';
import { composeBody, composeHeader, type Message } from '../../core/compose.ts';
import type { Attachment, Part } from '../../core/mail.ts';
import { measureLines } from '../../core/wire.ts';

const ID = Buffer.alloc(16, 3).toString('base64url');
const MESSAGE: Message = {
  requestId: ID,
  personalization: 2,
  account: 'operator',
  pool: 'default',
  acceptedAt: Date.UTC(2026, 10, 23, 12),
  from: { email: 'news@sender.example', name: 'Änne "N" News' },
  to: [{ email: 'Bob@x.example', name: 'Bob, Jr.' }, { email: 'c@bücher.example' }],
  cc: [{ email: 'd@x.example' }],
  replyTo: [{ email: 'reply@sender.example' }],
  subject: 'Grüße 😀',
  headers: {},
  categories: ['news letter'],
};
const TEXT: Part[] = [{ type: 'text/plain', value: 'Hello\n.\nFrom me\n' }];

function compose(changes: Partial<Message> = {}, parts = TEXT, attachments: Attachment[] = []): Buffer {
  const entity = composeBody(parts, attachments, ID);
  return Buffer.concat([composeHeader({ ...MESSAGE, ...changes }, entity), Buffer.from('\r\n'), entity.body]);
}
/** Names of the fields of the header block, in order. Throws when a line is neither a field nor a continuation. */
function fieldNames(message: Buffer): string[] {
  const text = message.toString('latin1');
  const lines = text.slice(0, text.indexOf('\r\n\r\n')).split('\r\n');
  return lines.flatMap((line) => {
    if (/^[ \t]+\S/.test(line)) return [];
    const name = /^([!-9;-~]+):(?: |$)/.exec(line)?.[1];
    if (!name) throw new Error(`not a field: ${JSON.stringify(line)}`);
    return [name.toLowerCase()];
  });
}

describe('compose', () => {
  it('writes what a reader reads', async () => {
    const mail = await simpleParser(compose());
    expect(mail.from?.value).toEqual([{ address: 'news@sender.example', name: 'Änne "N" News' }]);
    expect(mail.to).toMatchObject({
      value: [{ address: 'Bob@x.example', name: 'Bob, Jr.' }, { address: 'c@bücher.example' }],
    });
    expect(mail.cc).toMatchObject({ value: [{ address: 'd@x.example' }] });
    expect(mail.replyTo?.value[0]?.address).toBe('reply@sender.example');
    expect(mail.subject).toBe('Grüße 😀');
    expect(mail.date).toEqual(new Date(MESSAGE.acceptedAt));
    expect(mail.messageId).toBe(`<${ID}.2@sender.example>`);
    expect(mail.headers.get('feedback-id')).toBe('news-letter:default:operator:pennypost');
    expect(compose().toString()).toContain('c@xn--bcher-kva.example');
    expect(mail.text).toBe('Hello\n.\nFrom me\n');
  });

  it('gives the same octets each time', () => {
    const parts = [...TEXT, { type: 'text/html', value: '<p>é</p>' }];
    expect(compose({}, parts).equals(compose({}, parts))).toBe(true);
  });

  it('puts parts in the order that readers need, calendars with their method', async () => {
    const parts = [
      { type: 'text/calendar', value: 'BEGIN:VCALENDAR\nMETHOD:REQUEST\nEND:VCALENDAR' },
      { type: 'text/html', value: '<p>hello</p>' },
      { type: 'text/x-amp-html', value: '<html amp4email></html>' },
      ...TEXT,
    ];
    const types = [
      ...compose({}, parts)
        .toString()
        .matchAll(/^Content-Type: ([^\r]*)/gm),
    ].map(([, type]) => type);
    expect(types).toEqual([
      'multipart/alternative;',
      'text/plain; charset=utf-8',
      'text/x-amp-html; charset=utf-8',
      'text/html; charset=utf-8',
      'text/calendar; charset=utf-8; method=REQUEST',
    ]);
  });

  it('carries attachments, their names in any script, and inline images beside their HTML', async () => {
    const html = { type: 'text/html', value: '<img src="cid:logo">' };
    const octets = Buffer.from(Array.from({ length: 300 }, (_, n) => n % 256));
    const content = octets.toString('base64');
    const message = compose(
      {},
      [...TEXT, html],
      [
        { content, filename: 'Übersicht 😀 "a".pdf', type: 'application/pdf', disposition: 'attachment' },
        { content, filename: 'logo.png', type: 'image/png', disposition: 'inline', contentId: 'logo' },
        {
          content: Buffer.from('grün').toString('base64'),
          filename: 'a.txt',
          type: 'text/plain',
          disposition: 'attachment',
        },
      ],
    );
    const mail = await simpleParser(message);
    expect(mail.attachments.map(({ filename, contentType, related }) => [filename, contentType, related])).toEqual([
      ['logo.png', 'image/png', true],
      ['Übersicht 😀 "a".pdf', 'application/pdf', undefined],
      ['a.txt', 'text/plain', undefined],
    ]);
    expect(mail.attachments[1]?.content.equals(octets)).toBe(true);
    expect(mail.attachments[0]?.cid).toBe('logo');
    expect(message.toString()).toContain('text/plain; charset=utf-8; name=a.txt');
    expect(mail.html).toContain('<img src="data:image/png');
  });

  it('round-trips any text, in lines of at most 998 octets', async () => {
    const value = fc.string({
      unit: fc.constantFrom('a', 'é', '\n', '\r', '.', ' ', '中', 'x'.repeat(300), '=', '\t'),
      minLength: 1,
      maxLength: 60,
    });
    await fc.assert(
      fc.asyncProperty(value, async (text) => {
        const message = compose({}, [{ type: 'text/plain', value: text }]);
        expect(measureLines(message).longest).toBeLessThanOrEqual(998);
        const { text: read = '' } = await simpleParser(message);
        expect(read.trimEnd()).toBe(text.replace(/\r\n|\r|\n/g, '\n').trimEnd());
      }),
      { numRuns: 150 },
    );
  });

  it('keeps a Message-ID and a Date of the sender, and other headers of his', async () => {
    const headers = {
      'Message-Id': '<own@x.example>',
      Date: 'Mon, 01 Jan 2024 00:00:00 +0100',
      'X-Ünü': 'no',
      'X-Key': 'grün',
      References: 'a@b <c@d>',
    };
    const mail = await simpleParser(compose({ headers }));
    expect(mail.messageId).toBe('<own@x.example>');
    expect(mail.date).toEqual(new Date('2023-12-31T23:00:00Z'));
    expect(mail.headers.get('x-key')).toBe('=?UTF-8?Q?gr=C3=BCn?=');
    expect(mail.references).toEqual(['<a@b>', '<c@d>']);
    expect(fieldNames(compose({ headers })).filter((name) => name === 'message-id')).toHaveLength(1);
  });

  // Attack: a value, a name or an address that ends its line and begins another field, a Bcc above all, or the body.
  it('never begins another field, whatever is in any position', () => {
    const breaks = [
      '\r\n',
      '\n',
      '\r',
      '\u2028',
      '\u2029',
      '\u0085',
      '\v',
      '\f',
      '\0',
      '\u00a0',
      '\ufeff',
      '\u3000',
      '\r\n\t',
      '\r\n\r\n',
      ' \r\n',
    ];
    const evil = breaks.flatMap((end) => [
      `a${end}Bcc: e@x.example`,
      `${end}Bcc: e@x.example${end}${end}body`,
      `a${end}${' '.repeat(80)}b`,
    ]);
    evil.push(
      'x'.repeat(3_000),
      `${'x '.repeat(2_000)}`,
      '=?utf-8?Q?=0D=0ABcc:_e@x.example?=',
      '"\r\nBcc: e"',
      'a <b@c>, <d@e>',
      '__proto__',
      '',
    );
    const part = (type: string): Part[] => [{ type, value: 'x' }];
    const file = (change: Partial<Attachment>): Attachment[] => [
      { content: 'eA==', filename: 'a', disposition: 'attachment', ...change },
    ];
    for (const text of evil) {
      const cases: Buffer[] = [
        compose({ subject: text }),
        compose({ from: { email: 'a@sender.example', name: text } }),
        compose({ from: { email: `${text.slice(0, 300)}@sender.example` } }),
        compose({ to: [{ email: `${text}@x.example`, name: text }] }),
        compose({ to: [{ email: `a@${text}` }] }),
        compose({ cc: [{ email: `a${text}@x.example`, name: text }] }),
        compose({ replyTo: [{ email: text }, { email: `a@${text}`, name: text }] }),
        compose({ categories: [text], pool: text, account: text }),
        compose({
          headers: {
            'X-A': text,
            'Message-ID': text,
            'In-Reply-To': text,
            References: text,
            Date: text,
            'List-Unsubscribe': text,
          },
        }),
        compose({ headers: { [`X-A${text}`]: 'b', [`X-A: b${text}`]: 'c', [text]: 'd' } }),
        compose({}, part(text)),
        compose({}, part(`text/plain${text}`)),
        compose({}, TEXT, file({ filename: text, type: text })),
        compose(
          {},
          part('text/html'),
          file({ filename: `a${text}.png`, type: `image/png${text}`, disposition: 'inline', contentId: text }),
        ),
      ];
      for (const message of cases) {
        const names = fieldNames(message);
        expect(names.filter((name) => name === 'bcc')).toEqual([]);
        for (const once of ['from', 'subject', 'date', 'message-id', 'mime-version', 'content-type'])
          expect(
            names.filter((name) => name === once).length,
            `${once} with ${JSON.stringify(text)}`,
          ).toBeLessThanOrEqual(1);
        expect(measureLines(message).longest).toBeLessThanOrEqual(998);
        expect(/\r(?!\n)|(?<!\r)\n|\0/.test(message.toString('latin1'))).toBe(false);
      }
    }
  });

  it('refuses a from address that no line can hold', () => {
    expect(() => compose({ from: { email: `${'x'.repeat(400)}@sender.example` } })).toThrow('too long');
  });

  // Attack: nodemailer reads files and URLs where it is given objects with path, href or raw; input that looks so must not.
  it('reads neither files nor URLs', async () => {
    let visits = 0;
    const server = createServer((_, response) => {
      visits++;
      response.end('TRIPPED');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const path = join(mkdtempSync(join(tmpdir(), 'tripwire-')), 'secret');
    writeFileSync(path, 'TRIPPED');
    for (const bait of [
      { path },
      { href: `http://127.0.0.1:${port}/` },
      { raw: { path } },
      { content: { path } },
      { path: `data:text/plain,TRIPPED` },
    ]) {
      const text = bait as unknown as string;
      const messages = [
        compose({}, [{ type: 'text/plain', value: text, ...bait } as Part, { type: 'text/html', value: text }]),
        compose({}, TEXT, [{ content: text, filename: text, disposition: 'attachment', ...bait } as Attachment]),
        compose({}, TEXT, [{ content: path, filename: path, disposition: 'inline', contentId: path }]),
      ];
      for (const message of messages) {
        expect(message.toString()).not.toContain('TRIPPED');
        expect(message.toString()).not.toContain(Buffer.from('TRIPPED').toString('base64'));
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(visits).toBe(0);
    await new Promise((resolve) => server.close(resolve));
  });

  it('keeps message/rfc822 only where it needs no encoding', () => {
    const attach = (content: Buffer) =>
      compose({}, TEXT, [
        { content: content.toString('base64'), filename: 'a.eml', type: 'message/rfc822', disposition: 'attachment' },
      ]).toString();
    expect(attach(Buffer.from('Subject: x\n\n.\r\nhello'))).toContain('Content-Type: message/rfc822');
    expect(attach(Buffer.from('Subject: x\n\nhällo'))).toContain('Content-Type: application/octet-stream');
    expect(attach(Buffer.from('x'.repeat(1_200)))).toContain('Content-Type: application/octet-stream');
  });
});
