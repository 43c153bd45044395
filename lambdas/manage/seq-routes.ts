/** `/v3/engagementquality/…`: engagement quality from the account's own statistics (docs/engagement-quality.md), in SendGrid's shapes and words. */
import { type SubuserRecord, userIdOf } from '../../core/records/subusers.ts';
import { dayBefore, SEQ_DAYS, scoreOf, sumDays } from '../../core/seq/score.ts';
import type { Hour } from '../../core/stats/show.ts';
import type { Answer, Call } from './manage.ts';
import { refused } from './recipients.ts';
import type { Route } from './routes.ts';
import type { StatsRouteDeps } from './stats-routes.ts';

type Deps = Pick<StatsRouteDeps, 'now' | 'readHours'> & {
  readUser: (account: string) => Promise<{ username: string; userId: number }>;
  listSubusers: (parent: string) => Promise<SubuserRecord[]>;
};

/** Days back that scores are told of (SendGrid). */
const MOST_DAYS = 90;
/** Subusers of one answer (SendGrid: 1,000): each is a month of statistics to read, and an answer has seconds. */
const PAGE = 50;
const MOST_LIMIT = 1_000;
/** Subusers whose statistics are read at a time. */
const AT_ONCE = 10;

type Day = { ok: true; day: string } | { ok: false; answer: Answer };

const refuse = (field: string, message: string): Answer => refused(field, `failed to parse request: ${message}`);

function readDay({ query }: Call, name: string, today: string): Day {
  const no = (message: string): Day => ({ ok: false, answer: refuse(name, `"${name}" ${message}`) });
  const given = query[name] ?? '';
  if (given === '') return no('must be provided');
  const at = /^\d{4}-\d\d-\d\d$/.test(given) ? new Date(`${given}T00:00:00Z`) : undefined;
  if (!at || Number.isNaN(at.getTime()) || !at.toISOString().startsWith(given)) return no('invalid');
  if (given > today) return no('cannot be in the future');
  if (given < dayBefore(today, MOST_DAYS)) return no(`cannot be more than ${MOST_DAYS} days in the past`);
  return { ok: true, day: given };
}

const todayOf = ({ now }: Deps) => new Date(now()).toISOString().slice(0, 10);

async function daysOf(account: string, from: string, to: string, { readHours }: Deps) {
  const hours: Pick<Hour, 'hour' | 'counts'>[] = [];
  const first = dayBefore(from, SEQ_DAYS - 1);
  for await (const { hour, counts } of readHours(account, 'all', `${first}T00`, `${to}T23`))
    hours.push({ hour, counts });
  return sumDays(hours);
}

const show = (user: { username: string; userId: number }, date: string, days: ReturnType<typeof sumDays>) => ({
  user_id: String(user.userId),
  username: user.username,
  date,
  ...scoreOf(date, days),
});

async function listScores(call: Call, deps: Deps): Promise<Answer> {
  const today = todayOf(deps);
  const from = readDay(call, 'from', today);
  if (!from.ok) return from.answer;
  const to = readDay(call, 'to', today);
  if (!to.ok) return to.answer;
  if (from.day > to.day) return refuse('to', '"from" cannot come after "to"');
  // Today is not over: there is no score of it yet.
  const last = to.day === today ? dayBefore(today, 1) : to.day;
  if (from.day > last) return { status: 202 };
  const [user, days] = await Promise.all([deps.readUser(call.account), daysOf(call.account, from.day, last, deps)]);
  const count = (Date.parse(last) - Date.parse(from.day)) / 86_400_000 + 1;
  const dates = Array.from({ length: count }, (_, n) => dayBefore(last, count - 1 - n));
  return { status: 200, body: { result: dates.map((date) => show(user, date, days)) } };
}

async function listSubuserScores(call: Call, deps: Deps): Promise<Answer> {
  const { limit = String(MOST_LIMIT), after_key: after = '0' } = call.query;
  if (!/^\d{1,9}$/.test(limit)) return refuse('limit', '"limit" invalid');
  if (Number(limit) < 1) return refuse('limit', '"limit" must be a positive integer');
  if (!/^\d{1,10}$/.test(after)) return refuse('after_key', '"after_key" invalid');
  const today = todayOf(deps);
  const date = readDay(call, 'date', today);
  if (!date.ok) return date.answer;
  if (date.day === today) return { status: 202 };
  const users = (await deps.listSubusers(call.account))
    .map(({ account, username }) => ({ account, username, userId: userIdOf(account) }))
    .filter(({ userId }) => userId > Number(after))
    .sort((a, b) => a.userId - b.userId);
  const page = users.slice(0, Math.min(Number(limit), PAGE));
  const result: ReturnType<typeof show>[] = [];
  for (let n = 0; n < page.length; n += AT_ONCE)
    result.push(
      ...(await Promise.all(
        page
          .slice(n, n + AT_ONCE)
          .map(async (user) => show(user, date.day, await daysOf(user.account, date.day, date.day, deps))),
      )),
    );
  const next = page.length < users.length ? { after_key: String(page.at(-1)!.userId) } : {};
  return { status: 200, body: { result, _metadata: { next_params: next } } };
}

const PATH = '/v3/engagementquality';

export const SEQ_ROUTES: readonly Route[] = [
  { method: 'GET', path: `${PATH}/scores`, scope: 'seq.read', handle: listScores },
  { method: 'GET', path: `${PATH}/subusers/scores`, scope: 'seq.read', handle: listSubuserScores },
];
