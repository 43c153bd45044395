/** Streams as Lambda's pollers read them: filters, and a whole stack whose function fails as it is told. */
import { describe, expect, test } from 'vitest';
import { matches, readFilters } from '../../local/stream-filters.ts';

const filtersOf = (...patterns: object[]) =>
  readFilters({ Filters: patterns.map((pattern) => ({ Pattern: JSON.stringify(pattern) })) }, 'Mapping');
const record = (eventName: string, image: object) => ({ eventName, dynamodb: { NewImage: image } });

describe('filters', () => {
  const news = filtersOf({
    eventName: ['INSERT', 'MODIFY'],
    dynamodb: { NewImage: { event: { S: [{ exists: true }] } } },
  });

  test('ours lets outcomes through, and neither requests nor what expired', () => {
    expect(matches(record('INSERT', { event: { S: 'delivered' } }), news)).toBe(true);
    expect(matches(record('INSERT', { copies: { N: '1' } }), news)).toBe(false);
    expect(matches({ eventName: 'REMOVE', dynamodb: {} }, news)).toBe(false);
  });

  test('any pattern is enough; prefixes and exceptions are known', () => {
    const some = filtersOf({ a: [{ prefix: 'x' }] }, { b: [{ 'anything-but': ['y'] }] });
    expect([{ a: 'xy' }, { b: 'z' }, { b: 'y' }, {}].map((one) => matches(one, some))).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect(matches({}, [])).toBe(true);
  });

  test('what is not known is refused, by its place', () => {
    expect(() => filtersOf({ a: [{ numeric: ['>', 1] }] })).toThrow('Mapping: the filter rule {"numeric":[">",1]}');
    expect(() => filtersOf({ a: 'x' })).toThrow('Mapping: a filter holds');
  });
});
