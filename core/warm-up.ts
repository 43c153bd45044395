/**
 * Warming up a source IP: how much it may send in an hour while mailbox providers do not know it yet, day by day. What is
 * beyond the budget goes to a warm lane of the pool, or waits. Replies that turn bad set the schedule back by a day.
 * Days and hours are UTC's.
 */
import { createHash } from 'node:crypto';
import { type WarmUpsRecord, warmUpAttribute } from './records/warm-ups.ts';

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
  return WARM_UP[dayOf({ startedAt, now, heldDays }) - 1];
}

/** Which day of the schedule it is, from 1; beyond the last one it is over. */
export function dayOf({ startedAt, now, heldDays }: { startedAt: number; now: number; heldDays: number }): number {
  return 1 + Math.max(0, Math.floor((now - startedAt) / DAY) - heldDays);
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

/**
 * When a lane's warm-up began, milliseconds since the epoch; undefined: it is warm. What the API said holds over the settings'
 * `warmUpFrom`, for as long as that is what it was said over.
 */
export function startOf(
  { name, warmUpFrom }: { name: string; warmUpFrom?: string | undefined },
  words: WarmUpsRecord | undefined,
): number | undefined {
  const word = words?.[warmUpAttribute(name)];
  if (word && word.over === (warmUpFrom ?? null)) return word.startedAt;
  return warmUpFrom === undefined ? undefined : dayStart(warmUpFrom);
}

/** Another lane of the pool, as overflow sees it. `warmUpFrom`: of its settings. */
export type OverflowLane = { name: string; url: string; warmUpFrom?: string };

/**
 * The warm lane that takes a job beyond the budget; undefined: there is none. The same for the same job.
 * @param words of the API
 * @param only names of the lanes that it may take; absent: any
 */
export function overflowLane(
  lanes: readonly OverflowLane[],
  jobId: string,
  now: number,
  words: WarmUpsRecord | undefined,
  only?: readonly string[],
): OverflowLane | undefined {
  const warm = lanes.filter((lane) => {
    if (only && !only.includes(lane.name)) return false;
    const startedAt = startOf(lane, words);
    return startedAt === undefined || budgetOf({ startedAt, now, heldDays: 0 }) === undefined;
  });
  if (warm.length === 0) return undefined;
  return warm[createHash('sha256').update(jobId).digest().readUInt32BE(0) % warm.length];
}
