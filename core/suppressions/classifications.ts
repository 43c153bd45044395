/**
 * Bounces by class and day (SendGrid: `/v3/suppression/bounces/classifications`), counted from the lists of bounces and blocks:
 * an address counts on the day of its entry. What was imported without a class is `Unclassified`.
 */
import type { ApiError } from '../errors.ts';
import type { ListedRecord } from '../records/suppressions.ts';
import type { Classification } from '../shaping/rule.ts';

export const CLASSIFICATIONS = [
  'Content',
  'Frequency or Volume Too High',
  'Invalid Address',
  'Mailbox Unavailable',
  'Reputation',
  'Technical Failure',
  'Unclassified',
] as const satisfies readonly Classification[];

/** Days of one answer. */
const MOST_DAYS = 366;
/** Days up to today, where the call says no beginning. */
const DAYS = 30;
const DAY = 86_400;

/** Unix seconds, both ends included. */
export type Days = { since: number; until: number };
export type Total = { date: string; name: string; count: number };

/** @param now unix seconds */
export function readDays(
  { start_date: start, end_date: end }: Partial<Record<string, string | undefined>>,
  now: number,
): { ok: true; days: Days } | { ok: false; errors: ApiError[] } {
  const to = end === undefined ? Math.floor(now / DAY) * DAY : dayOf(end);
  if (to === undefined) return refuse('end_date', 'end_date must be YYYY-MM-DD');
  const from = start === undefined ? to - (DAYS - 1) * DAY : dayOf(start);
  if (from === undefined) return refuse('start_date', 'start_date must be YYYY-MM-DD');
  if (from > to) return refuse('start_date', 'start_date must not be after end_date');
  if (to - from >= MOST_DAYS * DAY) return refuse('start_date', `the range must not be longer than ${MOST_DAYS} days`);
  return { ok: true, days: { since: from, until: to + DAY - 1 } };
}

/** Counts what is added by day and name. */
export function countByDay() {
  const days = new Map<string, Map<string, number>>();
  return {
    add: (record: Pick<ListedRecord, 'created'>, name: string) => {
      const date = new Date(record.created * 1_000).toISOString().slice(0, 10);
      const day = days.get(date) ?? new Map<string, number>();
      days.set(date, day);
      day.set(name, (day.get(name) ?? 0) + 1);
    },
    /** Days in order, and within each the most first. */
    totals: (): Total[] =>
      [...days]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .flatMap(([date, names]) =>
          [...names]
            .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
            .map(([name, count]) => ({ date, name, count })),
        ),
  };
}

/** @param of what is counted: `classification` or `domain` */
export function showTotals(totals: readonly Total[], of: 'classification' | 'domain') {
  const days = Map.groupBy(totals, ({ date }) => date);
  return {
    result: [...days].map(([date, day]) => ({
      date,
      stats: day.map(({ name, count }) => ({ [of]: name, count })),
    })),
  };
}

function dayOf(text: string): number | undefined {
  const at = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) || new Date(at).toISOString().slice(0, 10) !== text ? undefined : at / 1_000;
}

function refuse(field: string, message: string): { ok: false; errors: ApiError[] } {
  return { ok: false, errors: [{ message, field, help: null }] };
}
