/**
 * How bulk of a paused account waits. It is parked under its account, where nobody looks by time, and a sweep takes all of it to its lanes
 * again: some hours later, for what has waited too long to be sent, or after a resume. While it is parked it costs nothing, and
 * it goes through a lane so seldom that its hops are no matter.
 */
import { type Hold, holdKey } from '../records/holds.ts';

/** Milliseconds from one sweep of a paused account to the next. */
const SWEEP_EVERY = 6 * 3_600_000;
/** Milliseconds before its time in which release may have done a sweep already: what is parked then is for the next. */
const SWEPT_EARLY = 120_000;
/**
 * Milliseconds for which deliver does not see that an account was paused or resumed. Longer, and a paused account sends on; shorter, and
 * each lane reads more often.
 */
export const PAUSE_LIFE = 10_000;
/**
 * Milliseconds after a resume of its sweeps: the first when every lane knows of it, the second for what a run has parked since. A sweep
 * may come a minute early to its jobs, since release looks ahead, and they are delayed until its time.
 */
const AFTER_RESUME = [PAUSE_LIFE + 15_000, PAUSE_LIFE + 80_000];

/** What a job says that was never sent. */
export const PAUSED_TOO_LONG = 'Bulk of this account was paused for 96 hours';

/** A sweep of what an account has parked: it holds no copies itself. */
function sweep(account: string, due: number): Hold {
  return { ...holdKey(`sweep-${account}`, due), due, account, copies: 0, kind: 'sweep' };
}

export function sweepsAfterResume(account: string, resumedAt: number): Hold[] {
  return AFTER_RESUME.map((after) => sweep(account, resumedAt + after));
}

/** The sweep that everything parked now is taken up by: one item, however many write it. */
export function nextSweep(account: string, now: number): Hold {
  return sweep(account, (Math.floor((now + SWEPT_EARLY) / SWEEP_EVERY) + 1) * SWEEP_EVERY);
}
