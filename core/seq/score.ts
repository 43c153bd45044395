/**
 * Engagement quality (SendGrid: SEQ): five scores from 1 to 5 and their mean, of an account's last 30 days, from what its statistics counted. Where the
 * lines between scores lie is ours, and said here; SendGrid does not publish its own. An account that sent little, or whose opens are not
 * counted, has no score: nothing is made up for it.
 */
import type { Hour } from '../stats/show.ts';

export type Metrics = {
  engagement_recency: number;
  open_rate: number;
  bounce_classification: number;
  bounce_rate: number;
  spam_rate: number;
};
export type Score = { score: number; metrics: Metrics };

/** Days that count, the one of the score included. */
export const SEQ_DAYS = 30;
/** Messages in these days without which there is no score (SendGrid). */
const FEWEST = 1_000;
/** Of a day's mail that must be opened for the day to count as one with readers. */
const READ_DAY = 0.1;

/** The least rates of a 5, 4, 3 and 2, where more is better. */
const MORE = { open_rate: [0.3, 0.2, 0.12, 0.06], engagement_recency: [0.8, 0.6, 0.4, 0.2] };
/** The greatest, where less is. */
const LESS = {
  bounce_classification: [0.01, 0.02, 0.05, 0.1],
  bounce_rate: [0.005, 0.01, 0.02, 0.05],
  spam_rate: [0.000_2, 0.000_5, 0.001, 0.003],
};

type Sums = Record<'processed' | 'delivered' | 'opens' | 'bounces' | 'blocks' | 'complaints', number>;

const COUNTERS: readonly [counter: string, sum: keyof Sums, sign: 1 | -1][] = [
  ['processed', 'processed', 1],
  ['delivered', 'delivered', 1],
  ['bounces', 'bounces', 1],
  ['blocks', 'blocks', 1],
  ['spam_reports', 'complaints', 1],
  ['unique_opens', 'opens', 1],
  // Nobody read it for that.
  ['unique_machine_opens', 'opens', -1],
];

/** What was counted, by UTC day. */
export function sumDays(hours: Iterable<Pick<Hour, 'hour' | 'counts'>>): Map<string, Sums> {
  const days = new Map<string, Sums>();
  for (const { hour, counts } of hours) {
    const day = hour.slice(0, 10);
    const sums = days.get(day) ?? nothing();
    days.set(day, sums);
    for (const [counter, sum, sign] of COUNTERS) sums[sum] += sign * (counts[counter] ?? 0);
  }
  return days;
}

/** The score of a day (`YYYY-MM-DD`); undefined: there is none. @param days of the 30 up to it at least */
export function scoreOf(day: string, days: ReadonlyMap<string, Sums>): Score | undefined {
  const window = Array.from({ length: SEQ_DAYS }, (_, n) => days.get(dayBefore(day, n)) ?? nothing());
  const total = nothing();
  for (const sums of window) for (const [name, count] of Object.entries(sums)) total[name as keyof Sums] += count;
  if (total.processed < FEWEST || total.opens <= 0 || total.delivered === 0) return undefined;
  const sending = window.filter(({ delivered }) => delivered > 0);
  const read = sending.filter(({ opens, delivered }) => opens >= READ_DAY * delivered);
  const metrics = {
    engagement_recency: atLeast(read.length / sending.length, MORE.engagement_recency),
    open_rate: atLeast(total.opens / total.delivered, MORE.open_rate),
    bounce_classification: atMost(total.blocks / total.processed, LESS.bounce_classification),
    bounce_rate: atMost(total.bounces / total.processed, LESS.bounce_rate),
    spam_rate: atMost(total.complaints / total.delivered, LESS.spam_rate),
  };
  const values = Object.values(metrics);
  return { score: Math.round(values.reduce((sum, one) => sum + one, 0) / values.length), metrics };
}

const nothing = (): Sums => ({ processed: 0, delivered: 0, opens: 0, bounces: 0, blocks: 0, complaints: 0 });
const atLeast = (rate: number, lines: readonly number[]) => 5 - lines.filter((line) => rate < line).length;
const atMost = (rate: number, lines: readonly number[]) => 5 - lines.filter((line) => rate > line).length;

/** @param day `YYYY-MM-DD` */
export const dayBefore = (day: string, days: number) =>
  new Date(Date.parse(day) - days * 86_400_000).toISOString().slice(0, 10);
