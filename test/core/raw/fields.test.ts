import { describe, expect, it } from 'vitest';
import { cleanField, foldLong, withCharset } from '../../../core/raw/fields.ts';
import { readHeader } from '../../../core/raw/header.ts';

const clean = (text: string, encoding: BufferEncoding = 'utf8') => {
  const octets = Buffer.from(text, encoding);
  return cleanField(octets, readHeader(octets).fields[0]!);
};

describe('a field as it may go out', () => {
  it.each([
    'Subject:hello\r\n',
    'X-A:  two  spaces \t\r\n',
    'To: a@x.example,\r\n\tb@x.example\r\n',
    'Subject: =?utf-8?Q?=C3=A4?=\r\n',
    `X-A: ${'x'.repeat(990)}\r\n`,
    'X-A:\r\n',
  ])('is kept: %j', (field) => expect(clean(field)).toBe(field));

  it.each<[string, string]>([
    ['Subject : hello\r\n', 'Subject: hello\r\n'],
    ['Subject: a\r\n \r\n\t\r\n b\r\n', 'Subject: a\r\n b\r\n'],
    ['Subject: Grüße\r\n', 'Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=\r\n'],
    [
      'To: Jürgen <a@x.example>, b@bücher.example\r\n',
      'To: =?UTF-8?Q?J=C3=BCrgen?= <a@x.example>, b@xn--bcher-kva.example\r\n',
    ],
    ['Message-ID: <ä@x.example>\r\n', 'Message-ID: <?@x.example>\r\n'],
    ['Content-Type: image/png; name="ä b.png"\r\n', "Content-Type: image/png;\r\n\tname*0*=utf-8''%C3%A4%20b.png\r\n"],
    ['To: ä\r\n', 'To: ?\r\n'],
  ])('is mended: %j', (field, mended) => expect(clean(field)).toBe(mended));

  it('is mended where its octets are not UTF-8', () =>
    expect(clean('Subject: Gr\xfc\xdfe\r\n', 'latin1')).toBe('Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=\r\n'));

  it('has its charset changed, and nothing else', () =>
    expect(withCharset('text/plain; format="flowed"; charset=x', 'utf-8')).toBe(
      'Content-Type: text/plain;\r\n\tformat="flowed";\r\n\tcharset="utf-8"\r\n',
    ));

  it.each([
    `X: ${'word '.repeat(500)}\r\n`,
    `To: ${'a@x.example,'.repeat(300)}b@x.example\r\n`,
    `X: ${'x'.repeat(5_000)}\r\n`,
    `X:${' '.repeat(2_000)}y\r\n`,
    `X: y${' '.repeat(2_000)}\r\n`,
    `X: ${' '.repeat(3_000)}\r\n`,
  ])('is folded where it is too long, without a blank line', (field) => {
    const folded = foldLong(field);
    const lines = folded.slice(0, -2).split('\r\n');
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(998);
    for (const line of lines.slice(1)) expect(line).toMatch(/^[ \t]+[^ \t]/);
    expect(folded.replace(/\s/g, '')).toBe(field.replace(/\s/g, ''));
  });
});
