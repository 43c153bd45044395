/** The links of a plain text: where they end, and that no text, however hostile, takes longer than its length. */
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { htmlOf } from '../../../core/mail-send/plain-content.ts';
import { findUrls } from '../../../core/tracking/text.ts';

const urlsOf = (text: string) => findUrls(text).map(({ from, to }) => text.slice(from, to));

describe('where a link ends', () => {
  test.each([
    ['(see http://a.example/b).', 'http://a.example/b'],
    ['http://a.example/b_(c)', 'http://a.example/b_(c)'],
    ['(http://a.example/b_(c)), then', 'http://a.example/b_(c)'],
    ['[x](http://a.example/?q[]=1)]!', 'http://a.example/?q[]=1'],
    ['http://a.example/)](.)]', 'http://a.example/)]('],
  ])('%s', (text, url) => {
    expect(urlsOf(text)).toEqual([url]);
  });

  it('is no punctuation, and no bracket that it does not open', () => {
    const end = fc.array(fc.constantFrom('(', ')', '[', ']', '.', '?', 'x'), { maxLength: 30 });
    fc.assert(
      fc.property(end, (pieces) => {
        const [url = ''] = urlsOf(`http://a${pieces.join('')}`);
        const rest = pieces.join('').slice(url.length - 'http://a'.length);
        const has = (text: string, one: string) => text.split(one).length - 1;
        expect(url).not.toMatch(/[.?]$/);
        for (const [open, close] of ['()', '[]'] as const) {
          if (url.endsWith(close!)) expect(has(url, close!)).toBeLessThanOrEqual(has(url, open!));
          // What was cut off of them was one too many.
          if (rest.includes(close!)) expect(has(url, close!)).toBeGreaterThanOrEqual(has(url, open!));
        }
        expect(rest).toMatch(/^[)\].?]*$/);
      }),
    );
  });
});

/**
 * Attack: an account asks for HTML beside its text, and sends a link of half a million brackets. Found in quadratic time, it keeps a run
 * of deliver busy for minutes, with other accounts' mail in it.
 */
describe('ten times the text takes about ten times as long', () => {
  const fastest = (text: string) =>
    Math.min(
      ...Array.from({ length: 5 }, () => {
        const from = performance.now();
        htmlOf(text);
        return performance.now() - from;
      }),
    );

  test.each([')', ']', '()', ').', '(', '.', 'http://', 'http://a ', ' ', '\n ', '<', '{{{unsubscribe}}}', '<%asm_'])(
    'http://a and many of "%s"',
    (piece) => {
      const text = (characters: number) => `http://a${piece.repeat(characters / piece.length)}`;
      fastest(text(2_000));
      // Quadratic is a hundred times; the tenth of a millisecond is for what is too quick to be timed.
      expect(fastest(text(50_000))).toBeLessThan(40 * Math.max(0.1, fastest(text(5_000))));
    },
  );
});
