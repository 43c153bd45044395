/**
 * Statistics as the API shows them (SendGrid: `/v3/stats` and kin): hours summed up to days, weeks or months of the account's time
 * zone, every period of the range there, also where nothing was counted, and in each the same names. An hour counts to the day on which it
 * begins there: in zones that are off by half an hour, midnight's hour is the one before.
 */
import { beginOf, periodsOf, type StatsQuery } from '../parse/stats.ts';
import type { Dimension, Metric } from './count.ts';

export type Metrics = Record<string, number>;
export type ShownStats = { date: string; stats: { type?: string; name?: string; metrics: Metrics }[] };

/** The metrics of routes that do not show all of SendGrid's (core/stats/count.ts). */
export const PROVIDER_METRICS = [
  'blocks',
  'bounces',
  'clicks',
  'deferred',
  'delivered',
  'drops',
  'opens',
  'processed',
  'requests',
  'spam_reports',
  'unique_clicks',
  'unique_opens',
] as const satisfies Metric[];
export const ENGAGEMENT_METRICS = ['clicks', 'opens', 'unique_clicks', 'unique_opens'] as const satisfies Metric[];
export const OPEN_METRICS = ['opens', 'unique_opens'] as const satisfies Metric[];
export const CLICK_METRICS = ['clicks', 'unique_clicks'] as const satisfies Metric[];

/** Counters of one hour (`YYYY-MM-DDTHH`, UTC); `name` of a category or template. */
export type Hour = { hour: string; name: string; counts: Record<string, number> };

/** What is shown, and under which names: `undefined` leaves a counter out. */
export type View = {
  /** SendGrid's word for the kind of name; absent: there are no names. */
  type?: string;
  metrics: readonly Metric[];
  /** The names of an hour's counters, each with the dimension and the value that it stands for. */
  split?: { dimension: Dimension; nameOf: (value: string) => string | undefined };
  /** The only names that are shown, whether anything was counted for them or not. */
  names?: readonly string[];
  /** Opens and clicks that no person made are left out. */
  peopleOnly?: boolean;
};

/** The first and the last hour that may belong to a range of days, whatever the time zone (UTC-12 to UTC+14). */
export function hoursOf({ from, to }: Pick<StatsQuery, 'from' | 'to'>): { first: string; last: string } {
  const hour = (day: string, hours: number) => new Date(Date.parse(day) + hours * 3_600_000).toISOString().slice(0, 13);
  return { first: hour(from, -14), last: hour(to, 24 + 12) };
}

/** The day of an hour in a time zone; '' where the zone is unknown. */
export function dayIn(timeZone: string): (hour: string) => string {
  const format = new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' });
  const known = new Map<string, string>();
  return (hour) => {
    let day = known.get(hour);
    if (day === undefined) {
      day = format.format(new Date(`${hour}:00:00Z`));
      known.set(hour, day);
    }
    return day;
  };
}

export function isTimeZone(timeZone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone });
    return true;
  } catch {
    return false;
  }
}

/** Sums by period and name. `byHour`: periods are hours of the time zone's days, as `YYYY-MM-DDTHH` in UTC. */
export function sumStats(
  hours: Iterable<Hour>,
  { from, to, by }: Pick<StatsQuery, 'from' | 'to' | 'by'>,
  view: View,
  timeZone: string,
): Map<string, Map<string, Metrics>> {
  const dayOf = dayIn(timeZone);
  const sums = new Map<string, Map<string, Metrics>>();
  for (const { hour, name, counts } of hours) {
    const day = dayOf(hour);
    if (day < from || day > to) continue;
    const period = beginOf(day, by);
    for (const [counter, count] of Object.entries(counts)) {
      const found = readCounter(counter, name, view);
      if (!found) continue;
      const names = sums.get(period) ?? new Map<string, Metrics>();
      sums.set(period, names);
      const metrics = names.get(found.name) ?? {};
      names.set(found.name, metrics);
      for (const metric of found.metrics) metrics[metric] = (metrics[metric] ?? 0) + found.sign * count;
    }
  }
  return sums;
}

type Found = { name: string; metrics: readonly string[]; sign: 1 | -1 };

function readCounter(counter: string, ownName: string, { metrics, split, peopleOnly, names }: View): Found | undefined {
  const parts = counter.split('|');
  const metric = parts.at(-1)!;
  let name: string | undefined = ownName;
  if (split) {
    if (parts.length < 3 || parts[0] !== split.dimension) return undefined;
    name = split.nameOf(parts.slice(1, -1).join('|'));
  } else if (parts.length > 1) return undefined;
  if (name === undefined || (names && !names.includes(name))) return undefined;
  const isMachine = /machine_/.test(metric);
  const shown = isMachine ? metric.replace('machine_', '') : metric;
  if (!(metrics as readonly string[]).includes(shown) || (isMachine && !peopleOnly)) return undefined;
  return { name, metrics: [shown], sign: isMachine ? -1 : 1 };
}

export function showStats(hours: Iterable<Hour>, query: StatsQuery, view: View, timeZone: string): ShownStats[] {
  const sums = sumStats(hours, query, view, timeZone);
  const names = view.names ?? [...new Set([...sums.values()].flatMap((one) => [...one.keys()]))].sort();
  return periodsOf(query)
    .slice(query.offset, query.offset + query.limit)
    .map((date) => ({
      date,
      stats:
        view.type === undefined
          ? [{ metrics: whole(sums.get(date)?.get(''), view.metrics) }]
          : names.map((name) => ({
              type: view.type!,
              name,
              metrics: whole(sums.get(date)?.get(name), view.metrics),
            })),
    }));
}

/** The sums of a whole range, by name, the greatest of one metric first. */
export function showSums(
  hours: Iterable<Hour>,
  query: Pick<StatsQuery, 'from' | 'to' | 'limit' | 'offset'>,
  view: View,
  timeZone: string,
  order: { metric: string; descending: boolean },
): ShownStats {
  const totals = new Map<string, Metrics>();
  for (const names of sumStats(hours, { ...query, by: 'day' }, view, timeZone).values())
    for (const [name, metrics] of names) {
      const total = totals.get(name) ?? {};
      totals.set(name, total);
      for (const [metric, count] of Object.entries(metrics)) total[metric] = (total[metric] ?? 0) + count;
    }
  const of = (metrics: Metrics) => (metrics[order.metric] ?? 0) * (order.descending ? -1 : 1);
  const stats = [...totals]
    .sort(([a, x], [b, y]) => of(x) - of(y) || (a < b ? -1 : 1))
    .slice(query.offset, query.offset + query.limit)
    .map(([name, metrics]) => ({
      ...(view.type === undefined ? {} : { type: view.type }),
      name,
      metrics: whole(metrics, view.metrics),
    }));
  return { date: query.from, stats };
}

function whole(counted: Metrics | undefined, metrics: readonly Metric[]): Metrics {
  return Object.fromEntries(metrics.map((metric) => [metric, counted?.[metric] ?? 0]));
}

/** Hour by hour, for the days of a range: ours, beyond SendGrid's. The date is the hour, UTC. */
export function showHours(
  hours: Iterable<Hour>,
  { from, to, limit, offset }: StatsQuery,
  view: View,
  timeZone: string,
): ShownStats[] {
  const dayOf = dayIn(timeZone);
  const { first, last } = hoursOf({ from, to });
  const all: string[] = [];
  for (let at = Date.parse(`${first}:00:00Z`); at <= Date.parse(`${last}:00:00Z`); at += 3_600_000) {
    const hour = new Date(at).toISOString().slice(0, 13);
    const day = dayOf(hour);
    if (day >= from && day <= to) all.push(hour);
  }
  const byHour = Map.groupBy(hours, ({ hour }) => hour);
  return all.slice(offset, offset + limit).map((hour) => {
    const day = dayOf(hour);
    const sums = sumStats(byHour.get(hour) ?? [], { from: day, to: day, by: 'day' }, view, timeZone);
    return { date: hour, stats: [{ metrics: whole(sums.get(day)?.get(''), view.metrics) }] };
  });
}

/** Names as SendGrid's users know them; others are shown as our rules call them. */
const PROVIDERS: Readonly<Record<string, string>> = {
  google: 'Gmail',
  yahoo: 'Yahoo',
  'yahoo-japan': 'Yahoo Japan',
  microsoft: 'Outlook.com',
  microsoft365: 'Microsoft 365',
  apple: 'iCloud',
  comcast: 'Comcast',
  gmx: 'GMX',
  att: 'AT&T',
  spectrum: 'Spectrum',
  cox: 'Cox',
  qq: 'QQ',
  'mail.ru': 'Mail.Ru',
  yandex: 'Yandex',
  proton: 'Proton',
  zoho: 'Zoho',
  fastmail: 'Fastmail',
  other: 'Other',
};
export const providerName = (provider: string) => PROVIDERS[provider] ?? provider;
