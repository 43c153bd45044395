/**
 * A sender's reputation from 0 to 100, as SendGrid shows one: how its mail was taken lately. The formula is ours, and plain: each percent of
 * bounces of addresses costs two points, each hundredth of a percent of complaints half a point, so that the rates at which an account's bulk is
 * paused (10 % and 0.3 %) leave 80 and 85.
 */

/** Days that count. */
export const REPUTATION_DAYS = 30;
/** Fewer outcomes say nothing: whoever has sent little is not judged. */
const FEWEST = 100;

export function reputationOf({
  delivered,
  bounces,
  complaints,
}: {
  delivered: number;
  bounces: number;
  complaints: number;
}): number {
  const outcomes = delivered + bounces;
  if (outcomes < FEWEST) return 100;
  const lost = 200 * (bounces / outcomes) + (delivered === 0 ? 0 : 5_000 * (complaints / delivered));
  return Math.max(0, Math.round((100 - lost) * 10) / 10);
}
