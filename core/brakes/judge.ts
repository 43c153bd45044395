/**
 * Whether an account's bulk must be stopped: a rate of its statistics, over a window with enough mail. Bounces are judged by this hour and
 * the one before, since a bad list shows at once; complaints by a day, since readers take their time. It judges all of an account's mail,
 * as mailbox providers do.
 */
import { hourOf } from '../event/page.ts';
import type { PauseCause } from './brakes.ts';

/** An hour (`YYYY-MM-DDTHH`, UTC) of an account's statistics, or a part of it. */
export type HourOfMail = { hour: string; counts: Record<string, number> };

/** What a rate is made of. */
export type Sums = { delivered: number; bounces: number; blocks: number; complaints: number };
/** By hour. */
export type Seen = Record<string, Sums>;

export type Thresholds = {
  /** Percent of outcomes that are bounces of addresses. */
  bouncePercent: number;
  /** Percent of delivered mail that was called spam. */
  complaintPercent: number;
};

/** Hours of a window, this one included. */
const WINDOWS = { bounces: 2, complaints: 24 } as const;
/** Fewer outcomes, or delivered copies, say nothing. */
export const FEWEST_OUTCOMES = 200;
/** Fewer complaints say nothing: one angry reader of a small list is no campaign. */
const FEWEST_COMPLAINTS = 5;
const HOUR = 3_600_000;

export type RateCause = Exclude<PauseCause, 'operator'>;

/** The first and the last hour of a window. */
export function windowOf(cause: RateCause, now: number): { first: string; last: string } {
  return { first: hourOf(now - (WINDOWS[cause] - 1) * HOUR), last: hourOf(now) };
}

/** What hours come to, one by one; several parts of an hour are one. */
export function sumHours(hours: Iterable<HourOfMail>): Seen {
  const seen: Seen = {};
  for (const { hour, counts } of hours) {
    const sums = seen[hour] ?? { delivered: 0, bounces: 0, blocks: 0, complaints: 0 };
    seen[hour] = sums;
    sums.delivered += counts.delivered ?? 0;
    sums.bounces += counts.bounces ?? 0;
    sums.blocks += counts.blocks ?? 0;
    sums.complaints += counts.spam_reports ?? 0;
  }
  return seen;
}

/**
 * Whether a window is too bad. `why`: for people.
 * @param before what was there when bulk was last resumed: only what came since counts
 */
export function judge(
  cause: RateCause,
  window: Seen,
  before: Seen,
  { bouncePercent, complaintPercent }: Thresholds,
): { why: string } | undefined {
  const sums = { delivered: 0, bounces: 0, blocks: 0, complaints: 0 };
  for (const [hour, own] of Object.entries(window))
    for (const name of Object.keys(sums) as (keyof Sums)[])
      sums[name] += Math.max(0, own[name] - (before[hour]?.[name] ?? 0));
  const { delivered, bounces, blocks, complaints } = sums;
  if (cause === 'bounces') {
    const outcomes = delivered + bounces + blocks;
    if (outcomes < FEWEST_OUTCOMES || bounces * 100 <= outcomes * bouncePercent) return undefined;
    return { why: `${percent(bounces, outcomes)} % of ${outcomes} copies bounced within two hours` };
  }
  if (delivered < FEWEST_OUTCOMES || complaints < FEWEST_COMPLAINTS) return undefined;
  if (complaints * 100 <= delivered * complaintPercent) return undefined;
  return { why: `${percent(complaints, delivered)} % of ${delivered} delivered copies were called spam within a day` };
}

const percent = (part: number, of: number) => ((part * 100) / of).toFixed(2).replace(/\.?0+$/, '');
