/**
 * Warming up a source IP: how much it may send in an hour while mailbox providers do not know it yet, day by day. What is
 * beyond the budget goes to a warm lane of the pool, or waits. Replies that turn bad set the schedule back by a day.
 * Days and hours are UTC's.
 */
import { createHash } from 'node:crypto';

/** Messages an hour, by day, from the first: the schedule of SendGrid's automated warm-up. After the last day an IP is warm. */
export const WARM_UP = [
  20, 28, 39, 55, 77, 108, 151, 211, 295, 413, 579, 810, 1_000, 1_587, 2_222, 3_111, 4_356, 6_098, 8_583, 11_953,
  16_734, 23_427, 32_798, 45_917, 64_284, 89_998, 125_997, 176_395, 246_953, 345_735, 484_029, 677_640, 948_696,
  1_328_175, 1_859_444, 2_603_222,
] as const;

const DAY = 86_400_000;
/** A block is about a twentieth of the budget: two environments share an hour evenly, with few writes. */
const BLOCKS = 20;
const LARGEST_BLOCK = 500;
/** Fewer answers within an hour say nothing. */
const FEWEST_ANSWERS = 50;
/** More of them bad than this, and the schedule is set back. */
const BAD_SHARE = 0.1;

/** Midnight UTC of `YYYY-MM-DD`, in milliseconds since the epoch. */
export function dayStart(date: string): number {
  return Date.parse(`${date}T00:00:00.000Z`);
}

/** The UTC hour, `YYYY-MM-DDTHH`. */
export function hourOf(now: number): string {
  return new Date(now).toISOString().slice(0, 13);
}

/**
 * Messages that the address may send in this hour; undefined: as many as it likes, it is warm.
 * @param heldDays how often replies set it back by a day
 */
export function budgetOf({
  startedAt,
  now,
  heldDays,
}: {
  startedAt: number;
  now: number;
  heldDays: number;
}): number | undefined {
  const day = Math.floor((now - startedAt) / DAY) - heldDays;
  return WARM_UP[Math.max(0, day)];
}

/** How many sends are claimed at once. */
export function blockOf(budget: number): number {
  return Math.max(1, Math.min(LARGEST_BLOCK, Math.ceil(budget / BLOCKS)));
}

/**
 * Whether this hour's answers set the schedule back by a day: more than 10 % of at least 50 were bad (throttled, or blocked
 * for Reputation or Frequency), at most once a day.
 * @param heldAt when it was last set back, milliseconds since the epoch
 */
export function isHeldBack(
  { good, bad }: { good: number; bad: number },
  heldAt: number | undefined,
  now: number,
): boolean {
  if (heldAt !== undefined && now - heldAt < DAY) return false;
  return good + bad >= FEWEST_ANSWERS && bad > BAD_SHARE * (good + bad);
}

/** Another lane of the pool, as overflow sees it. `warmUpFrom`: the day its own warm-up began; absent: it is warm. */
export type OverflowLane = { name: string; url: string; warmUpFrom?: string };

/** The warm lane that takes a job beyond the budget; undefined: there is none. The same for the same job. */
export function overflowLane(lanes: readonly OverflowLane[], jobId: string, now: number): OverflowLane | undefined {
  const warm = lanes.filter(
    ({ warmUpFrom }) =>
      warmUpFrom === undefined || budgetOf({ startedAt: dayStart(warmUpFrom), now, heldDays: 0 }) === undefined,
  );
  if (warm.length === 0) return undefined;
  return warm[createHash('sha256').update(jobId).digest().readUInt32BE(0) % warm.length];
}
