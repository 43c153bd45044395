/**
 * Statistics of inbound parse as the API shows them: one entry for each day, week or month of a range, also where nothing came.
 * Dates are UTC. It refuses, naming the parameter, a range that is none or is longer than it would pay to read.
 */
import type { ApiError } from '../errors.ts';

export type StatsQuery = { from: string; to: string; by: 'day' | 'week' | 'month'; limit: number; offset: number };
export type StatsEntry = { date: string; stats: { metrics: { received: number } }[] };

const DATE = /^\d{4}-\d\d-\d\d$/;
const DAY = 86_400_000;
/** Days of one range. */
const MOST_DAYS = 1_100;
const MOST = 500;

/** @param today `YYYY-MM-DD` */
export function readStatsQuery(
  given: Partial<Record<string, string | undefined>>,
  today: string,
): { ok: true; query: StatsQuery } | { ok: false; errors: ApiError[] } {
  const errors: ApiError[] = [];
  const refuse = (field: string, message: string) => errors.push({ message, field, help: null });
  const { start_date: from = '', end_date: to = today, aggregated_by: by = 'day' } = given;
  if (!isDate(from)) refuse('start_date', 'start_date is required, as YYYY-MM-DD');
  if (!isDate(to)) refuse('end_date', 'end_date must be YYYY-MM-DD');
  if (by !== 'day' && by !== 'week' && by !== 'month')
    refuse('aggregated_by', 'aggregated_by must be day, week or month');
  const limit = whole(given.limit, MOST, 1, MOST);
  const offset = whole(given.offset, 0, 0, 100_000);
  if (limit === undefined) refuse('limit', `limit must be a whole number from 1 to ${MOST}`);
  if (offset === undefined) refuse('offset', 'offset must be a whole number');
  if (errors.length === 0) {
    if (from > to) refuse('start_date', 'start_date must not be after end_date');
    else if ((Date.parse(to) - Date.parse(from)) / DAY > MOST_DAYS)
      refuse('start_date', `start_date must not be more than ${MOST_DAYS} days before end_date`);
  }
  if (errors.length > 0) return { ok: false, errors };
  return { ok: true, query: { from, to, by: by as StatsQuery['by'], limit: limit!, offset: offset! } };
}

/** @param received mails by day, those days alone that had some */
export function showParseStats(
  { from, to, by, limit, offset }: StatsQuery,
  received: ReadonlyMap<string, number>,
): StatsEntry[] {
  const totals = new Map<string, number>();
  for (let at = Date.parse(from); at <= Date.parse(to); at += DAY) {
    const day = new Date(at).toISOString().slice(0, 10);
    const first = beginOf(day, by);
    totals.set(first, (totals.get(first) ?? 0) + (received.get(day) ?? 0));
  }
  return [...totals]
    .slice(offset, offset + limit)
    .map(([date, count]) => ({ date, stats: [{ metrics: { received: count } }] }));
}

/** The first day of its week (Monday) or month. */
export function beginOf(day: string, by: StatsQuery['by']): string {
  if (by === 'month') return `${day.slice(0, 8)}01`;
  if (by === 'day') return day;
  const at = Date.parse(day);
  return new Date(at - ((new Date(at).getUTCDay() + 6) % 7) * DAY).toISOString().slice(0, 10);
}

/** The periods of a range, each by its first day, in order; the first may begin before the range. */
export function periodsOf({ from, to, by }: Pick<StatsQuery, 'from' | 'to' | 'by'>): string[] {
  const periods = new Set<string>();
  for (let at = Date.parse(from); at <= Date.parse(to); at += DAY)
    periods.add(beginOf(new Date(at).toISOString().slice(0, 10), by));
  return [...periods];
}

function isDate(text: string): boolean {
  return DATE.test(text) && !Number.isNaN(Date.parse(text)) && new Date(text).toISOString().startsWith(text);
}

function whole(text: string | undefined, absent: number, least: number, most: number): number | undefined {
  if (text === undefined) return absent;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  return value >= least && value <= most ? value : undefined;
}
