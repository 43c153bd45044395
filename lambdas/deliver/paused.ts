/**
 * Bulk of an account whose brakes are on (core/brakes): it is parked as it came, before anything of it is claimed, read or tried, so that it
 * burns no attempt. Transactional mail is not asked about. What has waited as long as mail may wait is dropped, and says why.
 */
import { nextSweep, PAUSED_TOO_LONG } from '../../core/brakes/parked.ts';
import { hasWaitedOut, isBulk, isFirstSeen, type Job } from '../../core/job.ts';
import type { Run } from './deliver.ts';
import { hold } from './holding.ts';
import type { ReadMessage } from './take.ts';

export type PausedDeps = {
  /** Whose brakes pause an account's bulk: its own, or its parent's; undefined: nobody's. Kept for ten seconds. */
  whoPauses: (account: string) => Promise<string | undefined>;
};

/** `go`: nothing is in its way. `parked`: it is held. Another text is why it is dropped. */
export async function brake(
  message: ReadMessage,
  job: Job,
  run: Run,
): Promise<'go' | 'parked' | typeof PAUSED_TOO_LONG> {
  const { deps } = run;
  const by = isBulk(job) ? await deps.whoPauses(job.account) : undefined;
  if (by === undefined) return 'go';
  const now = deps.now();
  if (hasWaitedOut(job, now) && !isFirstSeen(job)) return PAUSED_TOO_LONG;
  const { receiveCount } = message;
  if (receiveCount === 1 && isFirstSeen(job)) for (const _ of job.copies) run.tallies.count('other', 'accepted');
  // First: nothing is parked that nobody will look at again.
  await deps.hold(nextSweep(by, now));
  // What waited for its turn at a site has lost it.
  const { reserved: _, ...rest } = job;
  await hold(rest, job.copies, now, run, job.maybeSent === true || receiveCount > 1, by);
  return 'parked';
}
