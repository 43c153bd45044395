/**
 * How a day's cap is counted: whoever accepts mail claims copies of it in blocks, and gives them out. What is given out was claimed,
 * so the cap is never exceeded. What one of them has claimed and does not use is lost to the day: at most an eighth of what it sent, and a
 * 64th of what was left. A subuser's credits are counted the same way, with a 32nd for the eighth. A block grows with what was sent, so that a busy account costs a write for hundreds of messages, and many
 * environments that send one message each do not share out the cap among themselves.
 */

/** Of what was sent: a block at most. Credits were perhaps paid for, and do not come again tomorrow: less of them may be lost. */
const SHARE_OF_SENT = { cap: 8, credits: 32 };
/** Of what is left of the cap: a block at most. */
const SHARE_OF_LEFT = 64;
const LARGEST_BLOCK = 1_000;

/**
 * Copies to claim at once.
 * @param needed of them now: at least these
 * @param sent what this claimant has given out today
 * @param left of the cap, as far as is known
 */
export function creditBlock(
  { needed, sent, left }: { needed: number; sent: number; left: number },
  of: keyof typeof SHARE_OF_SENT = 'cap',
): number {
  const block = Math.min(LARGEST_BLOCK, Math.floor(sent / SHARE_OF_SENT[of]), Math.floor(left / SHARE_OF_LEFT));
  return Math.max(needed, block);
}

/** The UTC day, `YYYY-MM-DD`. @param now milliseconds since the epoch */
export const dayOf = (now: number) => new Date(now).toISOString().slice(0, 10);

/** Milliseconds since the epoch of the next midnight, UTC: when the next day's cap begins. */
export const nextDay = (now: number) => Date.parse(`${dayOf(now)}T00:00:00.000Z`) + 86_400_000;
