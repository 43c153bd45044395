/** `/v3/subusers/stats` and kin, and their reputations: what was counted of each subuser's mail, beside each other. Days are the parent's. */
import type { ApiError } from '../../core/errors.ts';
import { readStatsQuery, type StatsQuery } from '../../core/parse/stats.ts';
import type { SubuserRecord } from '../../core/records/subusers.ts';
import { GLOBAL_METRICS } from '../../core/stats/count.ts';
import { dayIn, type Hour, hoursOf, type ShownStats, showStats, showSums } from '../../core/stats/show.ts';
import { REPUTATION_DAYS, reputationOf } from '../../core/subusers/reputation.ts';
import type { Answer, Call } from './manage.ts';
import { NOT_FOUND, refused } from './recipients.ts';
import type { Route } from './routes.ts';
import type { StatsRouteDeps } from './stats-routes.ts';

type Deps = StatsRouteDeps & {
  readSubuser: (parent: string, username: string) => Promise<SubuserRecord | undefined>;
  listSubusers: (parent: string) => Promise<SubuserRecord[]>;
};

/** Subusers of one call of `stats` (SendGrid: 10). */
const MOST_NAMES = 10;
/** Entries of sums where the call does not say (SendGrid). */
const SUMS = '5';
/** Subusers whose statistics are read at a time. */
const AT_ONCE = 25;
/** By what sums are sorted (SendGrid: the rest cannot be). */
const SORTED_BY = [
  'blocks',
  'bounces',
  'clicks',
  'delivered',
  'opens',
  'requests',
  'unique_clicks',
  'unique_opens',
  'unsubscribes',
];
const VIEW = { type: 'subuser', metrics: GLOBAL_METRICS };
const HOUR = 3_600_000;
const hourOf = (at: number) => new Date(at).toISOString().slice(0, 13);

async function readHoursOf(
  subusers: SubuserRecord[],
  first: string,
  last: string,
  { readHours }: Deps,
): Promise<Hour[]> {
  const hours: Hour[] = [];
  const read = async ({ account, username }: SubuserRecord) => {
    for await (const { hour, counts } of readHours(account, 'all', first, last))
      hours.push({ hour, counts, name: username });
  };
  for (let n = 0; n < subusers.length; n += AT_ONCE) await Promise.all(subusers.slice(n, n + AT_ONCE).map(read));
  return hours;
}

type Read = { ok: true; query: StatsQuery; timeZone: string } | { ok: false; answer: Answer };

async function readRange(account: string, query: Call['query'], deps: Deps): Promise<Read> {
  const timeZone = await deps.readTimeZone(account);
  const today = dayIn(timeZone)(hourOf(deps.now()));
  const read = readStatsQuery(query, today);
  if (read.ok) return { ok: true, query: read.query, timeZone };
  return { ok: false, answer: { status: 400, errors: read.errors } };
}

async function listStats({ account, query, repeated }: Call, deps: Deps): Promise<Answer> {
  const read = await readRange(account, query, deps);
  if (!read.ok) return read.answer;
  const names = [...new Set(repeated('subusers'))].filter((name) => name !== '');
  if (names.length === 0) return refused('subusers', 'subusers is required');
  if (names.length > MOST_NAMES) return refused('subusers', `you can ask for at most ${MOST_NAMES} subusers`);
  const found = await Promise.all(names.map((name) => deps.readSubuser(account, name)));
  const subusers = found.filter((one) => one !== undefined);
  if (subusers.length < names.length) return NOT_FOUND;
  const { first, last } = hoursOf(read.query);
  const hours = await readHoursOf(subusers, first, last, deps);
  const shown = { ...VIEW, names: subusers.map(({ username }) => username) };
  return { status: 200, body: showStats(hours, read.query, shown, read.timeZone) };
}

type Order = { metric: string; descending: boolean };

function readOrder({
  sort_by_metric: metric = 'delivered',
  sort_by_direction: direction = 'desc',
}: Call['query']): { ok: true; order: Order } | { ok: false; errors: ApiError[] } {
  const refuse = (field: string, values: string[]) => ({
    ok: false as const,
    errors: [{ field, message: `${field} must be one of ${values.join(', ')}`, help: null }],
  });
  if (!SORTED_BY.includes(metric)) return refuse('sort_by_metric', SORTED_BY);
  if (direction !== 'desc' && direction !== 'asc') return refuse('sort_by_direction', ['desc', 'asc']);
  return { ok: true, order: { metric, descending: direction === 'desc' } };
}

/** The sums of a range, of some subusers, the greatest of one metric first; one of whom nothing was counted has zeros. */
async function sumsOf(call: Call, range: Call['query'], subusers: SubuserRecord[], deps: Deps) {
  const ordered = readOrder(call.query);
  if (!ordered.ok) return { ok: false as const, answer: { status: 400, errors: ordered.errors } };
  const { limit = SUMS, offset } = call.query;
  const read = await readRange(call.account, { ...range, limit, offset }, deps);
  if (!read.ok) return read;
  const { first, last } = hoursOf(read.query);
  const hours = await readHoursOf(subusers, first, last, deps);
  // So that who has sent nothing is there too.
  const none = subusers.map(({ username }) => ({
    hour: `${read.query.from}T12`,
    name: username,
    counts: { requests: 0 },
  }));
  return { ok: true as const, sums: showSums([...hours, ...none], read.query, VIEW, read.timeZone, ordered.order) };
}

async function listSums(call: Call, deps: Deps): Promise<Answer> {
  const { start_date, end_date, aggregated_by } = call.query;
  const read = await sumsOf(call, { start_date, end_date, aggregated_by }, await deps.listSubusers(call.account), deps);
  return read.ok ? { status: 200, body: read.sums } : read.answer;
}

/** A month of some subusers; SendGrid names people, and we know of none. */
async function monthOf(call: Call, subusers: SubuserRecord[], deps: Deps): Promise<Answer> {
  const { date = '' } = call.query;
  const day = /^\d{4}-\d\d-\d\d$/.test(date) ? new Date(`${date}T00:00:00Z`) : undefined;
  if (!day || Number.isNaN(day.getTime()) || !day.toISOString().startsWith(date))
    return refused('date', 'date is required, as YYYY-MM-DD');
  const begin = `${date.slice(0, 8)}01`;
  const end = new Date(Date.UTC(day.getUTCFullYear(), day.getUTCMonth() + 1, 0)).toISOString().slice(0, 10);
  const read = await sumsOf(call, { start_date: begin, end_date: end }, subusers, deps);
  if (!read.ok) return read.answer;
  const named = (stats: ShownStats['stats']) => stats.map((one) => ({ first_name: '', last_name: '', ...one }));
  return { status: 200, body: { date: read.sums.date, stats: named(read.sums.stats) } };
}

async function listMonthly(call: Call, deps: Deps): Promise<Answer> {
  const wanted = call.query.subuser?.toLowerCase() ?? '';
  const all = await deps.listSubusers(call.account);
  return monthOf(
    call,
    all.filter(({ username }) => username.toLowerCase().includes(wanted)),
    deps,
  );
}

async function getMonthly(call: Call, deps: Deps): Promise<Answer> {
  const found = await deps.readSubuser(call.account, call.params.subuser_name!);
  return found ? monthOf(call, [found], deps) : NOT_FOUND;
}

async function listReputations({ account, query, repeated }: Call, deps: Deps): Promise<Answer> {
  const names = [...repeated('usernames'), ...(query.usernames?.split(',') ?? [])].map((name) => name.toLowerCase());
  const wanted = new Set(names.filter((name) => name !== ''));
  const all = await deps.listSubusers(account);
  const subusers = all.filter(({ username }) => wanted.size === 0 || wanted.has(username.toLowerCase()));
  const sums = new Map(subusers.map(({ username }) => [username, { delivered: 0, bounces: 0, complaints: 0 }]));
  const now = deps.now();
  for (const { name, counts } of await readHoursOf(
    subusers,
    hourOf(now - REPUTATION_DAYS * 24 * HOUR),
    hourOf(now),
    deps,
  )) {
    const sum = sums.get(name)!;
    sum.delivered += counts.delivered ?? 0;
    sum.bounces += counts.bounces ?? 0;
    sum.complaints += counts.spam_reports ?? 0;
  }
  return {
    status: 200,
    body: [...sums].map(([username, sum]) => ({ username, reputation: reputationOf(sum) })),
  };
}

const PATH = '/v3/subusers';

/** Those with a word in the place of a name stand first. */
export const SUBUSER_STATS: [Route['method'], string, string, (call: Call, deps: Deps) => Promise<Answer>][] = [
  ['GET', `${PATH}/reputations`, 'subusers.reputations.read', listReputations],
  ['GET', `${PATH}/stats`, 'subusers.stats.read', listStats],
  ['GET', `${PATH}/stats/sums`, 'subusers.stats.sums.read', listSums],
  ['GET', `${PATH}/stats/monthly`, 'subusers.stats.monthly.read', listMonthly],
  ['GET', `${PATH}/{subuser_name}/stats/monthly`, 'subusers.stats.monthly.read', getMonthly],
];
