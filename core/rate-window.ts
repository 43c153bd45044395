/**
 * How many calls of the API an account may make, as SendGrid tells it (`X-RateLimit-Limit`, `-Remaining`, `-Reset`): windows of a
 * minute. Counted by each environment for itself, so it bounds what one of them does, not the account's total.
 */

export type RateWindow = { calls: number; resetAt: number };

/** Calls within one window. */
export const RATE_LIMIT = 600;
const WINDOW_MS = 60_000;

/** Counts a call. @param now milliseconds since the epoch */
export function countCall(before: RateWindow | undefined, now: number): RateWindow {
  if (before && now < before.resetAt) return { ...before, calls: before.calls + 1 };
  return { calls: 1, resetAt: now + WINDOW_MS };
}

/** @param limit calls within one window */
export function rateHeaders({ calls, resetAt }: RateWindow, limit = RATE_LIMIT): Record<string, string> {
  return {
    'X-RateLimit-Limit': String(limit),
    'X-RateLimit-Remaining': String(Math.max(0, limit - calls)),
    'X-RateLimit-Reset': String(Math.ceil(resetAt / 1_000)),
  };
}
