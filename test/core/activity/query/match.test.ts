/** Which messages a query means: SQL's three answers, patterns, sets, keys, ids. */
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { MESSAGE_FIELDS, type Values } from '../../../../core/activity/query/fields.ts';
import { matches } from '../../../../core/activity/query/match.ts';
import { parseQuery } from '../../../../core/activity/query/parse.ts';

const NOW = Date.parse('2026-11-25T12:00:00Z');
const ID = 'Xj5LmNkWSOqRbdvOpR34BA';
const MESSAGE: Values = {
  msg_id: `${ID}.recvd-pennypost-1.3`,
  from_email: 'shop@example.com',
  subject: 'Invoice 17_a',
  to_email: 'Bob@Example.net',
  status: 'not_delivered',
  template_id: null,
  events: ['processed', 'deferred', 'bounced'],
  categories: ['orders', 'autumn'],
  unique_args: { order: '17' },
  last_event_time: NOW,
  opens: 0,
  clicks: 2,
  asm_group_id: null,
};
const answer = (query: string, values = MESSAGE) => matches(parseQuery(query, MESSAGE_FIELDS, NOW), values);

test.each<[string, boolean | undefined]>([
  [`msg_id LIKE "${ID}%"`, true],
  [`msg_id = "${ID}.recvd-pennypost-1.3"`, true],
  // What mail/send answers with names all of the request.
  [`msg_id = "${ID}"`, true],
  [`msg_id != "${ID}"`, false],
  [`msg_id IN ("${ID}")`, true],
  [`msg_id = "${ID.toLowerCase()}"`, false],
  ['to_email = "bob@example.NET"', true],
  ['to_email LIKE "%@example.net"', true],
  ['subject = "invoice 17_a"', false],
  ['subject LIKE "Invoice%"', true],
  // SendGrid knows no `_`: ids have one.
  ['subject LIKE "Invoice 17aa"', false],
  ['subject LIKE "%voice%a"', true],
  ['subject NOT LIKE "%x%"', true],
  ['status IN ("processed", "not_delivered")', true],
  ['status NOT IN ("processed")', true],
  ['Contains(events, "bounced")', true],
  ['Contains(events, "bounce")', true],
  ['NOT Contains(events, "opened")', true],
  ['categories = "orders"', true],
  ['categories != "orders"', false],
  ['categories IN ("x", "autumn")', true],
  [`unique_args['order'] = '17'`, true],
  [`unique_args['order'] = 17`, true],
  [`unique_args["other"] = '17'`, undefined],
  [`unique_args["other"] IS NULL`, true],
  [`CONTAINS(unique_args, "order")`, true],
  ['clicks BETWEEN 1 AND 2', true],
  ['opens > 0', false],
  ['last_event_time >= NOW()', true],
  ['last_event_time < NOW()', false],
  ['template_id = "x"', undefined],
  ['template_id != "x"', undefined],
  ['NOT template_id = "x"', undefined],
  ['template_id IS NULL AND asm_group_id IS NULL', true],
  ['template_id = "x" OR clicks = 2', true],
  ['template_id = "x" AND clicks = 3', false],
])('%s', (query, expected) => {
  expect(answer(query)).toBe(expected);
});

describe('LIKE', () => {
  it('is what a regular expression of the pattern says, for 5,000 of few letters', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '%'), maxLength: 12 });
    fc.assert(
      fc.property(letters, letters, (pattern, given) => {
        const subject = given.replaceAll('%', '');
        const expected = new RegExp(`^${pattern.replaceAll('%', '.*')}$`).test(subject);
        expect(answer(`subject LIKE "${pattern}"`, { subject })).toBe(expected);
      }),
      { numRuns: 5_000 },
    );
  });

  it('takes its time by the length of both, not by what they say', () => {
    const begin = performance.now();
    expect(answer(`subject LIKE "${'%a'.repeat(2_000)}%b"`, { subject: 'a'.repeat(100_000) })).toBe(false);
    expect(performance.now() - begin).toBeLessThan(500);
  });
});

it('what is false while fields are unknown is no hit once they are known (5,000 queries)', () => {
  const conditions = fc.constantFrom(
    'status = "delivered"',
    'status != "delivered"',
    'subject LIKE "a%"',
    'template_id IS NULL',
    'template_id = "t"',
    'Contains(events, "opened")',
    'categories = "c"',
    `unique_args['k'] = "v"`,
    'CONTAINS(unique_args, "k")',
    'clicks > 1',
  );
  const { query } = fc.letrec<{ query: string }>((tie) => ({
    query: fc.oneof(
      { maxDepth: 4 },
      conditions,
      fc.tuple(tie('query'), fc.constantFrom('AND', 'OR'), tie('query')).map(([a, by, b]) => `(${a} ${by} ${b})`),
      tie('query').map((one) => `NOT (${one})`),
    ),
  }));
  const full = fc.record({
    status: fc.constantFrom('delivered', 'processed'),
    subject: fc.constantFrom('ab', 'b'),
    template_id: fc.constantFrom('t', null),
    events: fc.subarray(['opened', 'clicked']),
    categories: fc.subarray(['c', 'd']),
    unique_args: fc.constantFrom({}, { k: 'v' }, { k: 'w' }),
    clicks: fc.nat(3),
  });
  fc.assert(
    fc.property(query, full, fc.subarray(Object.keys(MESSAGE_FIELDS)), (text, values, hidden) => {
      const known: Record<string, Values[string]> = { ...values };
      for (const field of hidden) delete known[field];
      if (answer(text, known) === false) expect(answer(text, values)).not.toBe(true);
      if (answer(text, known) === true) expect(answer(text, values)).not.toBe(false);
    }),
    { numRuns: 5_000 },
  );
});
