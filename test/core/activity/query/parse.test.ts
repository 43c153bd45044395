/** The query language: what is taken, what is refused and in which words, and that no text can hurt. */
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { MESSAGE_FIELDS } from '../../../../core/activity/query/fields.ts';
import { parseQuery, QUERY_LENGTH, type Query, QueryError } from '../../../../core/activity/query/parse.ts';

const NOW = Date.parse('2026-11-25T12:00:00Z');
const parse = (text: string) => parseQuery(text, MESSAGE_FIELDS, NOW);
const text = (field: string) => ({ field, kind: 'text' });
const name = (field: string) => ({ field, kind: 'name' });
const time = { field: 'last_event_time', kind: 'time' };

test.each<[string, object]>([
  // From SendGrid's own pages and its users.
  ['status="not_delivered"', { kind: 'compare', subject: name('status'), by: '=', value: 'not_delivered' }],
  [
    'msg_id LIKE "Xj5LmNkWSOqRbdvOpR34BA%"',
    { kind: 'like', subject: text('msg_id'), parts: ['Xj5LmNkWSOqRbdvOpR34BA', ''] },
  ],
  ['Contains(events,"processed")', { kind: 'contains', subject: { field: 'events', kind: 'set' }, value: 'processed' }],
  [
    '(last_event_time BETWEEN TIMESTAMP "2018-01-01T00:00:00.000Z" AND TIMESTAMP "2018-01-02T00:00:00Z")',
    { kind: 'between', subject: time, from: Date.UTC(2018, 0, 1), to: Date.UTC(2018, 0, 2) },
  ],
  [
    `(unique_args['order'] = "17")`,
    { kind: 'compare', subject: { field: 'unique_args', kind: 'map', key: 'order' }, by: '=', value: '17' },
  ],
  ['clicks > 0', { kind: 'compare', subject: { field: 'clicks', kind: 'number' }, by: '>', value: 0 }],
  // The rest.
  ['opens >= 2 + 3 * 4 - 1', { kind: 'compare', subject: { field: 'opens', kind: 'number' }, by: '>=', value: 13 }],
  ['template_id IS NULL', { kind: 'null', subject: text('template_id') }],
  ['template_id is not null', { kind: 'not', of: { kind: 'null', subject: text('template_id') } }],
  [
    'to_email NOT IN ("a@b.c", \'d@e.f\')',
    { kind: 'not', of: { kind: 'in', subject: name('to_email'), values: ['a@b.c', 'd@e.f'] } },
  ],
  [
    'subject NOT LIKE "50\\% off%"',
    { kind: 'not', of: { kind: 'like', subject: text('subject'), parts: ['50% off', ''] } },
  ],
  [
    'subject = "say \\"hi\\" \\\\ \\n"',
    { kind: 'compare', subject: text('subject'), by: '=', value: 'say "hi" \\ \\n' },
  ],
  [
    'last_event_time > NOW() - INTERVAL 2 DAY',
    { kind: 'compare', subject: time, by: '>', value: NOW - 2 * 86_400_000 },
  ],
  [
    'last_event_time >= "2026-11-01" + INTERVAL "1 hour"',
    { kind: 'compare', subject: time, by: '>=', value: Date.UTC(2026, 10, 1, 1) },
  ],
  [
    'last_event_time < TIMESTAMP "2026-11-25T00:00:00+02:00"',
    { kind: 'compare', subject: time, by: '<', value: Date.UTC(2026, 10, 24, 22) },
  ],
  [
    'NOT status <> "delivered" OR opens = 1 AND clicks = 2',
    {
      kind: 'or',
      all: [
        { kind: 'not', of: { kind: 'compare', subject: name('status'), by: '!=', value: 'delivered' } },
        {
          kind: 'and',
          all: [
            { kind: 'compare', subject: { field: 'opens', kind: 'number' }, by: '=', value: 1 },
            { kind: 'compare', subject: { field: 'clicks', kind: 'number' }, by: '=', value: 2 },
          ],
        },
      ],
    },
  ],
])('%s', (query, expected) => {
  expect(parse(query)).toEqual(expected);
});

test.each([
  ['bad_field="x"', "invalid syntax: 'bad_field' is not a known field"],
  ['__proto__ = "x"', "invalid syntax: '__proto__' is not a known field"],
  ['constructor IS NULL', "invalid syntax: 'constructor' is not a known field"],
  ['CONTAINS(subject, "Invoice")', 'CONTAINS expects an array or map type as the first argument'],
  ['status="processed', 'invalid syntax: a text does not end'],
  ['status = processed', "'status' is compared with a text in quotes, not with 'processed'"],
  ['status == "x"', "'status' is compared with a text in quotes, not with '='"],
  ['status', 'invalid syntax: unexpected the end of the query'],
  ['status = "a" clicks = 1', "invalid syntax: unexpected 'clicks'"],
  ['(status = "a"', "invalid syntax: expected ')', found the end of the query"],
  ['status = "a" AND', 'invalid syntax: unexpected the end of the query'],
  ['clicks = "many"', `invalid syntax: expected a number, found '"many"'`],
  ['last_event_time > "yesterday"', `expected a time like TIMESTAMP "2018-01-01T00:00:00.000Z", found '"yesterday"'`],
  ['last_event_time BETWEEN TIMESTAMP "2026-13-01T00:00:00Z" AND NOW()', /^expected a time/],
  ['unique_args = "x"', "'unique_args' is compared by key: unique_args['key']"],
  ['events > "x"', "invalid syntax: 'events' cannot be compared by >"],
  ['clicks LIKE "1%"', "invalid syntax: 'clicks' cannot be compared by LIKE"],
  ['status = "a"; DROP', "invalid syntax: unexpected character ';'"],
  ['status = 💥', "invalid syntax: unexpected character '💥'"],
  [`status = "${'x'.repeat(QUERY_LENGTH)}"`, `the query is longer than ${QUERY_LENGTH} characters`],
  [`to_email IN (${Array(1_001).fill('""').join(',')})`, 'IN takes at most 1000 values'],
  [Array(1_500).fill('a').join(' '), "invalid syntax: 'a' is not a known field"],
  [`${'('.repeat(33)}status = "a"${')'.repeat(33)}`, 'the query is deeper than 32 levels'],
  [`${'NOT '.repeat(40)}status = "a"`, 'the query is deeper than 32 levels'],
])('refuses %s', (query, message) => {
  expect(() => parse(query)).toThrow(QueryError);
  expect(() => parse(query)).toThrow(message);
});

describe('no text', () => {
  const words = fc.constantFrom(
    ...'( ) [ ] , = != < > <= >= + - * / AND OR NOT IN LIKE BETWEEN CONTAINS IS NULL TIMESTAMP INTERVAL DAY NOW msg_id status clicks events unique_args last_event_time subject "a%" \'b\' "2026-11-01T00:00:00Z" 17 \\ " % nonsense'.split(
      ' ',
    ),
  );

  it('does anything but parse or be refused (10,000 of words, 10,000 of characters)', () => {
    const check = (query: string) => {
      try {
        parse(query);
      } catch (error) {
        expect(error).toBeInstanceOf(QueryError);
      }
    };
    fc.assert(
      fc.property(fc.array(words, { maxLength: 40 }), (some) => check(some.join(' '))),
      { numRuns: 10_000 },
    );
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 60 }), check), { numRuns: 10_000 });
  });

  it('takes long: the longest of every kind are read in milliseconds', () => {
    const longest = [
      '"'.padEnd(QUERY_LENGTH, '\\'),
      'a'.repeat(QUERY_LENGTH),
      '1'.repeat(QUERY_LENGTH),
      ' '.repeat(QUERY_LENGTH),
      '('.repeat(QUERY_LENGTH),
      `subject LIKE "${'%a'.repeat(4_000)}"`,
      Array(600).fill('clicks=1').join(' OR '),
      `clicks = ${Array(1_400).fill('1').join('-')}`,
    ];
    const begin = performance.now();
    for (const query of longest) {
      try {
        parse(query);
      } catch (error) {
        expect(error).toBeInstanceOf(QueryError);
      }
    }
    expect(performance.now() - begin).toBeLessThan(1_000);
  });
});

it('reads what is written from a query, whatever it holds', () => {
  const quoted = (value: string) => `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
  const print = (query: Query): string => {
    if (query.kind === 'not') return `NOT (${print(query.of)})`;
    if ('all' in query) return query.all.map((one) => `(${print(one)})`).join(query.kind === 'and' ? ' and ' : ' Or ');
    const subject = query.subject.kind === 'map' ? `unique_args[${quoted(query.subject.key!)}]` : query.subject.field;
    if (query.kind === 'compare')
      return `${subject} ${query.by} ${typeof query.value === 'number' ? query.value : quoted(query.value)}`;
    if (query.kind === 'in') return `${subject} IN (${query.values.map((one) => quoted(String(one))).join(' , ')})`;
    if (query.kind === 'contains') return `contains( ${subject},${quoted(query.value)})`;
    if (query.kind === 'like')
      return `${subject} LIKE ${query.parts
        .map((part) => quoted(part).slice(1, -1).replaceAll('%', '\\%'))
        .join('%')
        .replace(/^.*$/s, (all) => `"${all}"`)}`;
    return `${subject} IS NULL`;
  };
  const value = fc.string({ unit: 'grapheme', maxLength: 12 });
  const subjects = fc.oneof(
    fc.constantFrom({ field: 'subject', kind: 'text' as const }, { field: 'to_email', kind: 'name' as const }),
    value.map((key) => ({ field: 'unique_args', kind: 'map' as const, key })),
  );
  const condition: fc.Arbitrary<Query> = fc.oneof(
    fc.record({
      kind: fc.constant('compare' as const),
      subject: subjects,
      by: fc.constantFrom('=' as const, '!=' as const, '<=' as const),
      value,
    }),
    fc.record({
      kind: fc.constant('compare' as const),
      subject: fc.constant({ field: 'clicks', kind: 'number' as const }),
      by: fc.constant('>' as const),
      value: fc.nat(1e6),
    }),
    fc.record({
      kind: fc.constant('in' as const),
      subject: subjects,
      values: fc.array(value, { minLength: 1, maxLength: 4 }),
    }),
    fc.record({
      kind: fc.constant('like' as const),
      subject: subjects,
      parts: fc.array(value, { minLength: 1, maxLength: 4 }),
    }),
    fc.record({
      kind: fc.constant('contains' as const),
      subject: fc.constant({ field: 'categories', kind: 'set' as const }),
      value,
    }),
    fc.record({ kind: fc.constant('null' as const), subject: subjects }),
  );
  const { query } = fc.letrec<{ query: Query }>((tie) => ({
    query: fc.oneof(
      { maxDepth: 5, withCrossShrink: true },
      condition,
      fc.record({
        kind: fc.constantFrom('and' as const, 'or' as const),
        all: fc.array(tie('query'), { minLength: 2, maxLength: 3 }),
      }),
      fc.record({ kind: fc.constant('not' as const), of: tie('query') }),
    ),
  }));
  fc.assert(
    fc.property(query, (one) => {
      const printed = print(one);
      fc.pre(printed.length <= QUERY_LENGTH);
      expect(parse(printed)).toEqual(one);
    }),
    { numRuns: 2_000 },
  );
});
