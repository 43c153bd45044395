/** `/v3/stats` and kin: what was counted, in the shapes of SendGrid's OpenAPI document, and some views of ours under `/v3/stats/…`. */
import type { ApiError } from '../../core/errors.ts';
import { readStatsQuery, type StatsQuery } from '../../core/parse/stats.ts';
import { GLOBAL_METRICS, type Kind, WITH_PROVINCES } from '../../core/stats/count.ts';
import {
  CLICK_METRICS,
  dayIn,
  ENGAGEMENT_METRICS,
  hoursOf,
  isTimeZone,
  OPEN_METRICS,
  PROVIDER_METRICS,
  providerName,
  showHours,
  showStats,
  showSums,
  type View,
} from '../../core/stats/show.ts';
import type { StatsOfHour } from '../../io/stats.ts';
import type { Answer, Call } from './manage.ts';
import type { TrackingRouteDeps } from './tracking-routes.ts';

export type StatsRouteDeps = {
  /** Milliseconds since the epoch. */
  now: () => number;
  readHours: (account: string, kind: Kind, from: string, to: string) => AsyncIterable<StatsOfHour>;
  /** IANA name; `UTC` where the account has set none. */
  readTimeZone: (account: string) => Promise<string>;
  writeTimeZone: (account: string, timeZone: string) => Promise<void>;
} & Pick<TrackingRouteDeps, 'readTrackingNow'>;

/** Categories, providers, browsers … of one call (SendGrid: 10). */
const MOST_NAMES = 10;
const SUMS = 5;
const CATEGORIES = 50;
/** Days in which a category that is listed was used. */
const LISTED_DAYS = 31;

type Read = { ok: true; query: StatsQuery; timeZone: string; peopleOnly: boolean } | { ok: false; answer: Answer };

async function readQuery({ account, query }: Call, deps: StatsRouteDeps): Promise<Read> {
  const [timeZone, { machines }] = await Promise.all([deps.readTimeZone(account), deps.readTrackingNow(account)]);
  // Opens and clicks that no person made: the call's word, else the account's.
  const peopleOnly = query.machine === 'exclude' || (query.machine !== 'include' && !machines.enabled);
  const today = dayIn(timeZone)(new Date(deps.now()).toISOString().slice(0, 13));
  const read = readStatsQuery(query, today);
  if (read.ok) return { ok: true, query: read.query, timeZone, peopleOnly };
  return { ok: false, answer: { status: 400, errors: read.errors } };
}

/** A route that shows one view of a kind of items. */
function showing(kind: Kind, view: (call: Call) => View | ApiError) {
  return async (call: Call, deps: StatsRouteDeps): Promise<Answer> => {
    const read = await readQuery(call, deps);
    if (!read.ok) return read.answer;
    const made = view(call);
    if ('message' in made) return { status: 400, errors: [made] };
    const { first, last } = hoursOf(read.query);
    const hours = await all(deps.readHours(call.account, kind, first, last));
    return { status: 200, body: showStats(hours, read.query, { ...made, peopleOnly: read.peopleOnly }, read.timeZone) };
  };
}

/** Some names that are asked for; none: all that there are. */
function named({ repeated }: Call, parameter: string): { names?: string[] } | ApiError {
  const names = [...new Set(repeated(parameter))].filter((name) => name !== '');
  if (names.length > MOST_NAMES) return fault(parameter, `you can ask for at most ${MOST_NAMES} ${parameter}`);
  return names.length === 0 ? {} : { names };
}

function splitBy(
  type: string,
  metrics: View['metrics'],
  dimension: NonNullable<View['split']>['dimension'],
  parameter: string,
  nameOf: (value: string) => string | undefined = (value) => value,
) {
  return (call: Call): View | ApiError => {
    const asked = named(call, parameter);
    return 'message' in asked ? asked : { type, metrics, split: { dimension, nameOf }, ...asked };
  };
}

const GLOBAL: View = { metrics: GLOBAL_METRICS };

export async function globalStats(call: Call, deps: StatsRouteDeps): Promise<Answer> {
  if (call.query.aggregated_by !== 'hour') return showing('all', () => GLOBAL)(call, deps);
  const { aggregated_by: _, ...query } = call.query;
  const read = await readQuery({ ...call, query }, deps);
  if (!read.ok) return read.answer;
  const { first, last } = hoursOf(read.query);
  const hours = await all(deps.readHours(call.account, 'all', first, last));
  return { status: 200, body: showHours(hours, read.query, { ...GLOBAL, peopleOnly: read.peopleOnly }, read.timeZone) };
}

export const providerStats = showing(
  'all',
  splitBy('mailbox_provider', PROVIDER_METRICS, 'provider', 'mailbox_providers', providerName),
);
export const deviceStats = showing('all', splitBy('device', OPEN_METRICS, 'device', 'devices'));
export const browserStats = showing('all', splitBy('browser', CLICK_METRICS, 'browser', 'browsers'));
export const poolStats = showing('all', splitBy('ip_pool', PROVIDER_METRICS, 'pool', 'ip_pools'));
export const sourceIpStats = showing('all', splitBy('source_ip', PROVIDER_METRICS, 'ip', 'source_ips'));

export const geoStats = showing('all', ({ query: { country } }) => {
  if (country === undefined || country === '')
    return { type: 'country', metrics: ENGAGEMENT_METRICS, split: { dimension: 'country', nameOf: (name) => name } };
  if (!WITH_PROVINCES.includes(country)) return fault('country', 'country must be US or CA');
  const nameOf = (value: string) => (value.startsWith(`${country}-`) ? value.slice(3) : undefined);
  return { type: 'province', metrics: ENGAGEMENT_METRICS, split: { dimension: 'province', nameOf } };
});

/** The devices of the path's client types. */
const CLIENT_TYPES: Readonly<Record<string, string>> = {
  phone: 'Phone',
  tablet: 'Tablet',
  webmail: 'Webmail',
  desktop: 'Desktop',
};

export const clientStats = showing('all', ({ params: { client_type: type } }) => {
  const device = type === undefined ? undefined : CLIENT_TYPES[type];
  if (type !== undefined && device === undefined)
    return fault('client_type', 'client_type must be phone, tablet, webmail or desktop');
  const nameOf = (value: string) => {
    const slash = value.indexOf('/');
    return device === undefined || value.slice(0, slash) === device ? value.slice(slash + 1) : undefined;
  };
  return { type: 'client', metrics: OPEN_METRICS, split: { dimension: 'client', nameOf } };
});

export const categoryStats = showing('category', (call) => {
  const asked = named(call, 'categories');
  if ('message' in asked) return asked;
  if (!asked.names) return fault('categories', 'categories is required');
  return { type: 'category', metrics: GLOBAL_METRICS, ...asked };
});

export const templateStats = showing('template', (call) => {
  const asked = named(call, 'templates');
  return 'message' in asked ? asked : { type: 'template', metrics: GLOBAL_METRICS, ...asked };
});

export async function categorySums(call: Call, deps: StatsRouteDeps): Promise<Answer> {
  const { sort_by_metric: metric = 'delivered', sort_by_direction: direction = 'desc', limit, ...query } = call.query;
  const read = await readQuery({ ...call, query: { ...query, limit: limit ?? String(SUMS) } }, deps);
  if (!read.ok) return read.answer;
  if (!(GLOBAL_METRICS as readonly string[]).includes(metric))
    return {
      status: 400,
      errors: [fault('sort_by_metric', `sort_by_metric must be one of ${GLOBAL_METRICS.join(', ')}`)],
    };
  if (direction !== 'desc' && direction !== 'asc')
    return { status: 400, errors: [fault('sort_by_direction', 'sort_by_direction must be desc or asc')] };
  const { first, last } = hoursOf(read.query);
  const hours = await all(deps.readHours(call.account, 'category', first, last));
  const view = { type: 'category', metrics: GLOBAL_METRICS, peopleOnly: read.peopleOnly };
  const order = { metric, descending: direction === 'desc' };
  return { status: 200, body: showSums(hours, read.query, view, read.timeZone, order) };
}

/** Categories that were used lately, by name. */
export async function listCategories({ account, query }: Call, deps: StatsRouteDeps): Promise<Answer> {
  const { category = '', limit = String(CATEGORIES), offset = '0' } = query;
  if (!/^[1-9]\d{0,3}$/.test(limit))
    return { status: 400, errors: [fault('limit', 'limit must be a whole number from 1')] };
  if (!/^\d{1,6}$/.test(offset)) return { status: 400, errors: [fault('offset', 'offset must be a whole number')] };
  const hour = (days: number) => new Date(deps.now() - days * 86_400_000).toISOString().slice(0, 13);
  const names = new Set<string>();
  for await (const { name } of deps.readHours(account, 'category', hour(LISTED_DAYS), hour(0)))
    if (name.startsWith(category)) names.add(name);
  const from = Number(offset);
  const body = [...names]
    .sort()
    .slice(from, from + Number(limit))
    .map((name) => ({ category: name }));
  return { status: 200, body };
}

export async function getTimeZone({ account }: Call, deps: StatsRouteDeps): Promise<Answer> {
  return { status: 200, body: { timezone: await deps.readTimeZone(account) } };
}

export async function changeTimeZone({ account, body }: Call, deps: StatsRouteDeps): Promise<Answer> {
  const timezone = (body as { timezone?: unknown } | null | undefined)?.timezone;
  if (typeof timezone !== 'string' || !isTimeZone(timezone))
    return {
      status: 400,
      errors: [fault('timezone', 'timezone must be the name of a time zone, like America/Chicago')],
    };
  await deps.writeTimeZone(account, timezone);
  return { status: 200, body: { timezone } };
}

function fault(field: string, message: string): ApiError {
  return { message, field, help: null };
}

async function all<T>(some: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const one of some) found.push(one);
  return found;
}
