/**
 * When a deferred copy is tried again: 5, 15, 30, 60 minutes, then every 2 to 4 hours, until 72 hours after its first
 * attempt (RFC 5321 4.5.4.1 asks for at least 30 minutes in general; the first two steps are for greylisting).
 */
import { RETRY_HOURS } from './limits.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const FIRST_STEPS = [5 * MINUTE, 15 * MINUTE, 30 * MINUTE, 60 * MINUTE];
const LAST_STEP = 4 * HOUR;

/**
 * The time of the next attempt, or undefined when the window is over.
 * @param attempt attempts made so far, at least 1
 * @param jitter from 0 to 1: moves the step by -20 % to +20 %
 * @param firstAttemptAt milliseconds since the epoch
 * @param now milliseconds since the epoch
 * @returns milliseconds since the epoch; never beyond the window's end, which is itself the last try
 */
export function nextAttempt(attempt: number, jitter: number, firstAttemptAt: number, now: number): number | undefined {
  const end = firstAttemptAt + RETRY_HOURS * HOUR;
  if (now >= end) return undefined;
  const later = attempt - FIRST_STEPS.length;
  const step = FIRST_STEPS[attempt - 1] ?? Math.min(LAST_STEP, (2 + 0.5 * (later - 1)) * HOUR);
  return Math.min(end, now + Math.round(step * (0.8 + 0.4 * jitter)));
}
