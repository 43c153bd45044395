import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fitting, linkHeader, readListQuery } from '../../../core/suppressions/query.ts';

describe('a part of an address', () => {
  it('finds what the same pattern as a regular expression finds', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'A', '@', '.', '*', '('), maxLength: 8 });
    const pattern = fc.array(letters, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(pattern, fc.array(letters, { maxLength: 4 }), (parts, more) => {
        const email = [...parts, ...more].join('').slice(0, 20);
        const quoted = parts.map((part) => part.replaceAll(/[.*(]/g, '\\$&'));
        const model = new RegExp(`^${quoted.join('.*')}`, 'i');
        expect(fitting(parts.join('%'))(email)).toBe(model.test(email));
      }),
      { numRuns: 2_000 },
    );
  });

  // Attack: a pattern that keeps a backtracking search busy for ever, over a list of a million addresses.
  it('takes linear time, whatever is asked', () => {
    const fits = fitting('a%'.repeat(5_000));
    const began = performance.now();
    for (let n = 0; n < 1_000; n++) fits(`${'a'.repeat(300)}b`);
    expect(performance.now() - began).toBeLessThan(2_000);
  });
});

describe('the Link header', () => {
  it('leads over every entry once, whatever the limit, and says the last page', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 1, max: 20 }), (entries, limit) => {
        let seen = 0;
        let offset = 0;
        for (let pages = 0; pages < 100; pages++) {
          const shown = Math.min(limit, entries - offset);
          const more = offset + shown < entries;
          const link = linkHeader(
            'https://x/l',
            { email: 'a b&c' },
            { limit, offset, shown, more, total: more ? entries : undefined },
          );
          seen += shown;
          expect(link).toContain('email=a+b%26c');
          expect(/offset=(\d+)>; rel="last"/.exec(link)?.[1]).toBe(
            String(Math.max(0, Math.ceil(entries / limit) - 1) * limit),
          );
          const next = /offset=(\d+)>; rel="next"/.exec(link);
          if (!next) break;
          offset = Number(next[1]);
        }
        expect(seen).toBe(entries);
      }),
    );
  });

  // Attack: a parameter that closes the link and adds one of the attacker's.
  it('holds what a parameter says within its brackets', () => {
    const link = linkHeader(
      'https://x/l',
      { email: '"><https://evil.example>; rel="next' },
      { limit: 1, offset: 0, shown: 0, more: false },
    );
    expect(link.match(/[<>]/g)).toHaveLength(4);
    expect(link).not.toContain('evil.example>');
  });
});

describe('the query', () => {
  it('never throws, and gives numbers within their limits', () => {
    const text = fc.oneof(fc.string(), fc.integer().map(String), fc.constantFrom('1e3', '0x10', '١', '', ' 1'));
    const query = fc.record(
      { limit: text, offset: text, start_time: text, end_time: text, email: text },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(query, (given) => {
        const read = readListQuery(given);
        if (!read.ok) {
          for (const { field } of read.errors) expect(Object.keys(given)).toContain(field);
          return;
        }
        const { limit = 0, offset, since, until } = read.query;
        for (const [value, most] of [
          [limit, 500],
          [offset, 1e11],
          [since, 1e11],
          [until, 1e11],
        ] as const)
          expect(Number.isInteger(value) && value >= 0 && value <= most).toBe(true);
        expect(since).toBeLessThanOrEqual(until);
      }),
    );
  });
});
