/** What a query pins: never less than its answer. */
import { expect, test } from 'vitest';
import { MESSAGE_FIELDS } from '../../../../core/activity/query/fields.ts';
import { parseQuery } from '../../../../core/activity/query/parse.ts';
import { planOf } from '../../../../core/activity/query/plan.ts';

const [A, B] = ['Xj5LmNkWSOqRbdvOpR34BA', 'Xj5LmNkWSOqRbdvOpR34BB'];
const [FROM, TO] = ['2026-11-01T00:00:00Z', '2026-11-02T00:00:00Z'];
const [from, to] = [Date.parse(FROM), Date.parse(TO)];
const plan = (query: string) => planOf(parseQuery(query, MESSAGE_FIELDS, to));

test.each<[string, object]>([
  [`msg_id LIKE "${A}%"`, { messages: [{ requestId: A }] }],
  [`msg_id LIKE "${A}.recvd%"`, { messages: [{ requestId: A }] }],
  [`msg_id = "${A}"`, { messages: [{ requestId: A }] }],
  [`msg_id = "${A}.recvd-pennypost-1.7"`, { messages: [{ requestId: A, index: 7 }] }],
  [`msg_id IN ("${A}", "${B}")`, { messages: [{ requestId: A }, { requestId: B }] }],
  // Of no request of ours: nothing has it.
  ['msg_id = "filter0307p1las1-16816-5A023E36-1.0"', { messages: [] }],
  // Too little to look it up by.
  ['msg_id LIKE "Xj5%"', {}],
  [`msg_id LIKE "%${A}%"`, {}],
  [`msg_id NOT LIKE "${A}%"`, {}],
  [`msg_id != "${A}"`, {}],
  ['to_email = "Bob@Example.net"', { recipients: ['bob@example.net'] }],
  ['to_email IN ("a@b.c", "A@b.c", "d@e.f")', { recipients: ['a@b.c', 'd@e.f'] }],
  ['to_email LIKE "%@b.c"', {}],
  ['to_email = "a@b.c" OR to_email = "d@e.f"', { recipients: ['a@b.c', 'd@e.f'] }],
  ['to_email = "a@b.c" OR status = "x"', {}],
  ['NOT to_email = "a@b.c"', {}],
  [`to_email = "a@b.c" AND (status = "x" OR msg_id = "${A}")`, { recipients: ['a@b.c'] }],
  [`last_event_time BETWEEN TIMESTAMP "${FROM}" AND TIMESTAMP "${TO}"`, { from, to }],
  [`last_event_time > "${FROM}" AND last_event_time <= "${TO}" AND status = "x"`, { from, to }],
  [`last_event_time > "${FROM}" OR last_event_time < "${TO}"`, {}],
  [`last_event_time = "${FROM}" OR last_event_time = "${TO}"`, { from, to }],
  [`last_event_time != "${FROM}"`, {}],
  [`to_email IN (${Array.from({ length: 21 }, (_, n) => `"a${n}@b.c"`).join(',')})`, {}],
])('%s', (query, expected) => {
  expect(plan(query)).toEqual(expected);
});
