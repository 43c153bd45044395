import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeReplacer } from '../../core/replace.ts';

const NO_LIMIT = Number.POSITIVE_INFINITY;

/** The same by the plain definition: from the left, at each place the longest key. */
function replaceSlowly(text: string, table: Record<string, string>): string {
  const keys = Object.keys(table)
    .filter(Boolean)
    .sort((a, b) => b.length - a.length);
  let out = '';
  for (let at = 0; at < text.length; ) {
    const key = keys.find((one) => text.startsWith(one, at));
    out += key === undefined ? text[at] : table[key];
    at += key === undefined ? 1 : key.length;
  }
  return out;
}

describe('replace', () => {
  it('does what its definition says, for overlapping and nested keys too', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '-', 'c'), maxLength: 40 });
    const table = fc.dictionary(fc.string({ unit: fc.constantFrom('a', 'b', '-'), minLength: 1, maxLength: 5 }), text, {
      maxKeys: 6,
    });
    fc.assert(
      fc.property(text, table, (given, replacements) => {
        expect(makeReplacer(replacements).replace(given, NO_LIMIT)).toBe(replaceSlowly(given, replacements));
      }),
      { numRuns: 5_000 },
    );
  });

  it('does not search what it has put in', () => {
    expect(makeReplacer({ '-a-': '-b-', '-b-': '-a-' }).replace('-a--b-', NO_LIMIT)).toBe('-b--a-');
    expect(makeReplacer({ '': 'x' }).replace('abc', NO_LIMIT)).toBe('abc');
    expect(makeReplacer({ __proto__: 'x', constructor: 'y' }).replace('a constructor', NO_LIMIT)).toBe('a y');
  });

  // Attack: a key of 5,000 letters that almost matches everywhere, over megabytes: quadratic search would take hours.
  it('is linear in a hostile text', () => {
    const { replace } = makeReplacer({ [`b${'a'.repeat(5_000)}`]: 'x', [`${'a'.repeat(4_000)}b`]: 'y' });
    const text = 'a'.repeat(2_000_000);
    expect(replace(text, NO_LIMIT)).toBe(text);
  }, 10_000);

  // Attack: a key of one letter and a value of kilobytes turn a body of megabytes into gigabytes.
  it('stops at its limit', () => {
    const { replace } = makeReplacer({ a: 'x'.repeat(5_000) });
    expect(replace('a'.repeat(1_000_000), 8_000_000)).toBeUndefined();
    expect(replace('a', 5_000)).toHaveLength(5_000);
    expect(replace('a', 4_999)).toBeUndefined();
    expect(makeReplacer({}).replace('abc', 2)).toBeUndefined();
  });
});
