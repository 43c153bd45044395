import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { relaxBody } from '../../core/dkim.ts';
import { composeEntity } from '../../core/mime.ts';

const compose = (parts: Parameters<typeof composeEntity>[0], attachments: Parameters<typeof composeEntity>[1]) => {
  const { header, body } = composeEntity(parts, attachments, 'base');
  return { header, body: body.toString() };
};

describe('mime', () => {
  it('sends short plain text as it is, the rest encoded', () => {
    const encoding = (value: string) =>
      /Transfer-Encoding: (\S+)/.exec(compose([{ type: 'text/plain', value }], []).header)?.[1];
    expect(encoding('hello\nworld')).toBe('7bit');
    expect(encoding('x'.repeat(77))).toBe('quoted-printable');
    expect(encoding('mostly ascii, one é')).toBe('quoted-printable');
    expect(encoding('bell \x07')).toBe('quoted-printable');
    expect(encoding('中文中文中文')).toBe('base64');
  });

  it('nests mixed, alternative and related only where needed', () => {
    const text = { type: 'text/plain', value: 'a' };
    const html = { type: 'text/html', value: '<b>a</b>' };
    const file = { content: 'eA==', filename: 'x.bin', disposition: 'attachment' as const };
    const image = {
      content: 'eA==',
      filename: 'x.png',
      type: 'image/png',
      disposition: 'inline' as const,
      contentId: 'i',
    };
    const shape = (...args: Parameters<typeof compose>) => {
      const { header, body } = compose(...args);
      return [...`${header}${body}`.matchAll(/^Content-Type: ([a-z/0-9-]+)/gm)].map(([, type]) => type);
    };
    expect(shape([text], [])).toEqual(['text/plain']);
    expect(shape([], [])).toEqual(['text/plain']);
    expect(shape([text, html], [])).toEqual(['multipart/alternative', 'text/plain', 'text/html']);
    expect(shape([html], [image])).toEqual(['multipart/related', 'text/html', 'image/png']);
    expect(shape([text], [image])).toEqual(['multipart/mixed', 'text/plain', 'image/png']);
    expect(shape([text, html], [file, image])).toEqual([
      'multipart/mixed',
      'multipart/alternative',
      'text/plain',
      'multipart/related',
      'text/html',
      'image/png',
      'application/octet-stream',
    ]);
  });

  it('wraps base64 at 76', () => {
    const content = Buffer.alloc(500, 7).toString('base64');
    const { body } = compose([], [{ content, filename: 'a', disposition: 'attachment' }]);
    const lines = body.trimEnd().split('\r\n');
    expect(Math.max(...lines.map(({ length }) => length))).toBe(76);
    expect(lines.join('')).toBe(content);
  });

  it('ends in CRLF, whatever the parts end in', () => {
    for (const value of ['a', 'a\n', '', '\n'])
      expect(compose([{ type: 'text/plain', value }], []).body).toMatch(/^$|\r\n$/);
  });
});

it('gives the same octets when its lines come back as when they were new, and says relaxed only of what is', () => {
  const piece = fc.constantFrom(
    'word ',
    'é',
    '—',
    '.',
    'From ',
    '=',
    ' ',
    '  ',
    '\t',
    '\n',
    '\r\n',
    'a'.repeat(80),
    '中文',
  );
  const text = fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join(''));
  let relaxed = 0;
  fc.assert(
    fc.property(text, (value) => {
      const parts = [
        { type: 'text/plain', value },
        { type: 'text/html', value: `${value}x` },
      ];
      // Often enough that its lines are learnt and then found.
      const entities = Array.from({ length: 10 }, () => composeEntity(parts, [], 'b'));
      for (const { header, body, relaxed: isRelaxed } of entities) {
        expect(header).toBe(entities[0]!.header);
        expect(body.equals(entities[0]!.body)).toBe(true);
        if (isRelaxed) expect(relaxBody(body).equals(body)).toBe(true);
        if (isRelaxed) relaxed++;
      }
    }),
    { numRuns: 300 },
  );
  expect(relaxed).toBeGreaterThan(0);
});
