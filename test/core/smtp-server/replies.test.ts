import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fill, smtpReplies, writeReply } from '../../../core/smtp-server/replies.ts';

const page = readFileSync(new URL('../../../docs/relay.md', import.meta.url), 'utf8');
const rows = page
  .split('\n')
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .filter((cells) => /^\d{3}( \d\.\d\.\d+)?$/.test(cells[1] ?? ''))
  .map(([, code = '', text = '', next = '']) => ({ code, text, next }));

describe('the table of replies and docs/relay.md', () => {
  it('have the same replies', () => {
    const known = Object.values(smtpReplies).map(writeReply);
    expect(rows.map(({ code, text }) => `${code} ${text}\r\n`).sort()).toEqual(known.sort());
  });

  it.each(rows)('$code $text: what to do', ({ next }) => expect(next.length).toBeGreaterThan(3));
});

describe('a reply on the wire', () => {
  it('is one line, whatever was filled in', () =>
    expect(writeReply(fill(smtpReplies.parameter, 'a\r\n250 OK\u2028b'))).toBe(
      '555 5.5.4 Parameter not known, or not like this: a  250 OK b\r\n',
    ));
  it('has a dollar where a dollar was', () => expect(fill(smtpReplies.queued, '$&').text).toBe('Ok: queued as $&'));
  it('is at most 512 octets (RFC 5321 4.5.3.1.5)', () => {
    for (const reply of Object.values(smtpReplies)) expect(Buffer.byteLength(writeReply(reply))).toBeLessThan(450);
  });
  it.each(Object.entries(smtpReplies))('%s: an enhanced status of its class', (_, reply) => {
    if ('enhanced' in reply) expect(reply.enhanced[0]).toBe(String(reply.code)[0]);
  });
});
