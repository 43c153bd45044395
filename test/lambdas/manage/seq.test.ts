/** `/v3/engagementquality/…`: days of a range, pages of subusers, SendGrid's words for what is wrong. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { userIdOf } from '../../../core/records/subusers.ts';
import type { ManageDeps } from '../../../lambdas/manage/manage.ts';
import { startManage } from './account.ts';

let world: Awaited<ReturnType<typeof startManage>>;
beforeAll(async () => {
  world = await startManage();
});
afterAll(() => world.stop());

const COUNTS = { processed: 2_000, delivered: 2_000, unique_opens: 900 };
/** Statistics by account: of the 20th of November. */
const counted = new Map<string, Record<string, number>>();
const deps: Partial<ManageDeps> = {
  readHours: async function* (account, kind, from, to) {
    const counts = counted.get(account);
    const hour = '2026-11-20T09';
    if (kind === 'all' && counts && from <= hour && hour <= to) yield { hour, name: '', counts };
  },
  readUser: async (account) => ({ username: account, userId: userIdOf(account) }),
  sources: [],
  randomBytes,
};

it('tells each day of a range, with a score where there is one; today is not over', async () => {
  counted.set('busy2222', COUNTS);
  const call = world.callBy('busy2222', deps);
  const { status, json } = await call('GET', '/v3/engagementquality/scores?from=2026-11-19&to=2026-11-25');
  const user_id = String(userIdOf('busy2222'));
  expect([status, json.result.length]).toEqual([200, 6]);
  expect(json.result.slice(0, 2)).toEqual([
    { user_id, username: 'busy2222', date: '2026-11-19' },
    {
      user_id,
      username: 'busy2222',
      date: '2026-11-20',
      score: 5,
      metrics: { engagement_recency: 5, open_rate: 5, bounce_classification: 5, bounce_rate: 5, spam_rate: 5 },
    },
  ]);
  expect((await call('GET', '/v3/engagementquality/scores?from=2026-11-25&to=2026-11-25')).status).toBe(202);
});

it.each([
  ['from', 'from=&to=2026-11-24', '"from" must be provided'],
  ['to', 'from=2026-11-24', '"to" must be provided'],
  ['from', 'from=2026-02-30&to=2026-11-24', '"from" invalid'],
  ['to', 'from=2026-11-24&to=2026-11-26', '"to" cannot be in the future'],
  ['from', 'from=2026-08-26&to=2026-11-24', '"from" cannot be more than 90 days in the past'],
  ['to', 'from=2026-11-24&to=2026-11-23', '"from" cannot come after "to"'],
])('names %s of %s', async (field, query, message) => {
  const { status, json } = await world.callBy('busy2222', deps)('GET', `/v3/engagementquality/scores?${query}`);
  expect([status, json.errors]).toEqual([400, [{ field, message: `failed to parse request: ${message}` }]]);
});

it('tells the caller’s own subusers, page by page, each once', async () => {
  const call = world.callBy('parent22', deps);
  for (const username of ['a', 'b', 'c'])
    await call('POST', '/v3/subusers', { username, email: 'x@example.com', password: 'p', ips: [] });
  const [first] = await world.listSubusers('parent22');
  counted.set(first!.account, COUNTS);
  const seen: { username: string; score?: number }[] = [];
  let after = '';
  for (let pages = 1; ; pages++) {
    const url = `/v3/engagementquality/subusers/scores?date=2026-11-20&limit=2${after}`;
    const { status, json } = await call('GET', url);
    expect(status).toBe(200);
    seen.push(...json.result);
    const { after_key } = json._metadata.next_params;
    if (after_key === undefined) {
      expect(pages).toBe(2);
      break;
    }
    after = `&after_key=${after_key}`;
  }
  expect(seen.map(({ username }) => username).sort()).toEqual(['a', 'b', 'c']);
  expect(seen.filter(({ score }) => score === 5).map(({ username }) => username)).toEqual([first!.username]);
  const other = await world.callBy('other222', deps)('GET', '/v3/engagementquality/subusers/scores?date=2026-11-20');
  expect(other.json.result).toEqual([]);
});

it.each([
  ['limit', 'date=2026-11-20&limit=x', '"limit" invalid'],
  ['limit', 'date=2026-11-20&limit=0', '"limit" must be a positive integer'],
  ['after_key', 'date=2026-11-20&after_key=-1', '"after_key" invalid'],
  ['date', 'limit=5', '"date" must be provided'],
])('of subusers names %s of %s', async (field, query, message) => {
  const url = `/v3/engagementquality/subusers/scores?${query}`;
  const { status, json } = await world.callBy('parent22', deps)('GET', url);
  expect([status, json.errors]).toEqual([400, [{ field, message: `failed to parse request: ${message}` }]]);
});
