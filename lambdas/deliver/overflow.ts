/**
 * What a source IP that is warming up may not send yet: it goes to a warm lane of the pool at once. Where there is none, bulk
 * waits for the next hour's budget, and transactional mail passes all the same, counted for an alarm.
 */
import { isBulk, type Job } from '../../core/job.ts';
import { partId, wasMoved } from '../../core/parts.ts';
import type { Run } from './deliver.ts';
import { hold } from './holding.ts';
import { leave, postpone } from './settle.ts';
import type { Item } from './sites.ts';
import { type Task, TWIN_WAIT } from './take.ts';

const HOUR = 3_600_000;

/** Which copies of a job this lane sends now; the others are elsewhere or held when it returns. */
export async function keepToBudget(task: Task, items: Item[], run: Run): Promise<Item[]> {
  const { deps } = run;
  const { job } = task;
  // A retry, and what has waited its turn, were within the budget when they were taken.
  if (job.attempt > 0 || job.reserved !== undefined) return items;
  const allowed = await deps.warmUp.take(items.length);
  if (allowed >= items.length) return items;
  const within = items.slice(0, allowed);
  const beyond = items.slice(allowed);
  // A pool made over the API is left by nothing; a subuser's addresses are, for warm ones of their pool.
  const { poolId, lanes } = task.content;
  const only = poolId === undefined ? undefined : lanes;
  // Once: lanes that were told of a change at different times could send it to and fro.
  const lane = wasMoved(job.id) ? undefined : await deps.overflowLane(job.id, only);
  if (lane && (await moveTo(lane, task, beyond, run))) {
    task.moved = true;
    for (const item of beyond) leave(item, run);
    return within;
  }
  if (!isBulk(job)) {
    for (const _ of beyond) run.tallies.count('other', 'warmUpExceeded');
    return items;
  }
  const now = deps.now();
  const nextHour = now - (now % HOUR) + HOUR;
  for (const item of beyond) postpone(item, undefined, run, nextHour + Math.floor(deps.random() * (HOUR / 4)));
  return within;
}

/**
 * Puts copies on a warm lane's queue. When nobody answers they may be there: then they wait, marked, until a first copy of
 * the job can no longer be at work. False: they are not there.
 */
async function moveTo(lane: { name: string; url: string }, task: Task, items: Item[], run: Run): Promise<boolean> {
  const { deps } = run;
  const wanted = new Set(items.map(({ copy }) => copy.personalization));
  const job: Job = {
    ...task.job,
    // Of its own: what stays here may be held under the job's id, and has its claim.
    id: partId(task.job, task.visit, `${lane.name}.${items[0]!.copy.index}`),
    lane: lane.name,
    hop: task.job.hop + 1,
    ...(task.possibleDuplicates ? { maybeSent: true as const } : {}),
    copies: items.map(({ copy }) => copy),
    personalizations: task.job.personalizations.filter(({ index }) => wanted.has(index)),
  };
  const sent = await deps.sendJob(lane.url, job);
  if (sent !== 'unanswered') return sent === 'sent';
  await hold(job, job.copies, deps.now() + TWIN_WAIT, run, true);
  return true;
}
