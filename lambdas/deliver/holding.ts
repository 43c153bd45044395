/**
 * Holding what a run leaves of a job: copies that were deferred until the retry schedule's next time, copies that were not
 * attempted until their turn, a whole job that there was no time for. A hold is a job again, with what its messages need.
 */
import { parkedKey } from '../../core/brakes/brakes.ts';
import { domainOf } from '../../core/domain.ts';
import { contentKey, hasWaitedOut, isFirstSeen, type Job, type StoredRequest, storedBytes } from '../../core/job.ts';
import { HELD_CONTENT_BYTES } from '../../core/limits.ts';
import type { Copy } from '../../core/mail.ts';
import { expire, type Final } from '../../core/outcome.ts';
import { partId } from '../../core/parts.ts';
import { holdKey } from '../../core/records/holds.ts';
import { nextAttempt } from '../../core/retry.ts';
import type { Run } from './deliver.ts';
import { recordFinal, recordPutOff } from './record.ts';
import type { Postponed, PutOff, ReadMessage, Task } from './take.ts';

/** Minutes between two runs, at most, for copies that were not begun in time again and again. */
const POSTPONED_MINUTES = 15;
const MINUTE = 60_000;
/** Of what waited as long as mail may. */
export const NO_TURN = 'its turn never came within the retry window';

/** Holds what is left of a job. False, or an error, hands it back: its records tell the next run what is done. */
export async function endTask(task: Task, run: Run): Promise<boolean> {
  if (task.failed) return false;
  const { deps, startedAt } = run;
  const { deferred, postponed } = task;
  const { reserved: _, ...job } = task.job;
  if (deferred.length > 0) {
    const firstAttemptAt = job.firstAttemptAt ?? startedAt;
    const attempt = job.attempt + 1;
    const due = nextAttempt(attempt, deps.random(), firstAttemptAt, deps.now());
    if (due === undefined) await expireAll(task, run);
    else {
      await Promise.all(deferred.map((put) => recordPutOff(task, put, put.via ? deps.now() : due, run)));
      const next = { ...job, attempt, firstAttemptAt };
      if (!task.failed)
        await Promise.all([...byWay(deferred)].map(([via, copies]) => holdDeferred(task, next, via, copies, due, run)));
    }
  }
  if (postponed.length > 0 && !task.failed) await holdPostponed(task, run);
  return !task.failed;
}

function byWay(deferred: PutOff[]): Map<string | undefined, Copy[]> {
  const ways = new Map<string | undefined, Copy[]>();
  for (const { via, copy } of deferred) ways.set(via, [...(ways.get(via) ?? []), copy]);
  return ways;
}

/** What fails over to another way goes at once, as a job of its own. */
function holdDeferred(
  { possibleDuplicates, visit }: Task,
  job: Job,
  via: string | undefined,
  copies: Copy[],
  due: number,
  run: Run,
) {
  if (via === undefined) return hold(job, copies, due, run, possibleDuplicates);
  return hold({ ...job, id: partId(job, visit, 'via'), via }, copies, run.deps.now(), run, possibleDuplicates);
}

/** Holds what was not attempted until its turn: one hold for each minute of turns, with copies of its own. */
async function holdPostponed(task: Task, run: Run): Promise<void> {
  const { postponed, deferred } = task;
  const { reserved: _, ...job } = task.job;
  const now = run.deps.now();
  if (hasWaitedOut(job, now) && !isFirstSeen(job)) return giveUp(task, run);
  // At once the first time; then later each time: a long jam is no reason to go round each minute.
  const soon = now + Math.min(job.hop, POSTPONED_MINUTES) * MINUTE;
  const dueOfTurn = ({ turn, notBefore }: Postponed) => turn?.due ?? Math.max(soon, notBefore);
  const partOf = (one: Postponed) => `${Math.floor(dueOfTurn(one) / MINUTE)} ${one.turn?.under}`;
  const turns = [...Map.groupBy(postponed, partOf).values()];
  await Promise.all(
    turns.map((turn, n) => {
      const due = Math.max(now, Math.min(...turn.map(dueOfTurn)));
      const id = turns.length === 1 && deferred.length === 0 ? job.id : partId(job, task.visit, String(n));
      const copies = turn.map(({ copy }) => copy);
      const under = turn[0]?.turn?.under;
      const reserved = under === undefined ? {} : { reserved: under };
      return hold({ ...job, id, ...reserved }, copies, due, run, task.possibleDuplicates);
    }),
  );
}

/** Ends what was never begun in all its time. */
async function giveUp(task: Task, run: Run): Promise<void> {
  await Promise.all(
    task.postponed.map(async ({ copy }) => {
      await run.writes.enter();
      const final = expire(NO_TURN);
      await recordFinal(task, copy, final, { site: domainOf(copy.address), provider: 'other' }, run).finally(
        run.writes.leave,
      );
    }),
  );
}

async function expireAll(task: Task, run: Run): Promise<void> {
  await Promise.all(
    task.deferred.map(async ({ copy, reply, status, doubted, place, classification, rule }) => {
      const final: Final = doubted
        ? { event: 'unknown', reply }
        : {
            ...expire(reply, status),
            ...(classification === undefined ? {} : { classification }),
            ...(rule === undefined ? {} : { rule }),
          };
      await run.writes.enter();
      await recordFinal(task, copy, final, place, run).finally(run.writes.leave);
    }),
  );
}

/** Holds a whole job that this run has no time for. */
export async function leaveForLater({ receiveCount }: ReadMessage, job: Job, run: Run): Promise<boolean> {
  if (receiveCount === 1 && isFirstSeen(job)) for (const _ of job.copies) run.tallies.count('other', 'accepted');
  const due = run.deps.now() + Math.min(job.hop, POSTPONED_MINUTES) * MINUTE;
  await hold(job, job.copies, due, run, job.maybeSent === true || receiveCount > 1);
  return true;
}

/**
 * Holds some copies of a job, with what their messages need.
 * @param maybeSent whether their outcome, one day, is to say that they may have arrived before
 * @param parkedBy until a sweep of the account whose brakes are on (core/brakes/parked.ts), not until a time
 */
export async function hold(
  job: Job,
  copies: Copy[],
  due: number,
  run: Run,
  maybeSent: boolean,
  parkedBy?: string,
): Promise<void> {
  const wanted = new Set(copies.map(({ personalization }) => personalization));
  const { maybeSent: _, content, ...rest } = job;
  const now = run.deps.now();
  const kept: Job = {
    ...rest,
    ...(maybeSent ? { maybeSent } : {}),
    // What comes for the first time so late was elsewhere, and has not waited here: a dead letter that was redriven.
    ...(isFirstSeen(job) && hasWaitedOut(job, now) ? { waitsSince: now } : {}),
    hop: job.hop + 1,
    copies,
    personalizations: job.personalizations.filter(({ index }) => wanted.has(index)),
  };
  if (content && Buffer.byteLength(JSON.stringify(content)) > HELD_CONTENT_BYTES) {
    // A key of the job's own: the request's may hold the whole request, which this is not.
    kept.contentKey = contentKey(job.account, job.id);
    const personalizations = job.personalizations.filter(
      (one): one is StoredRequest['personalizations'][number] => !('stored' in one),
    );
    const stored: StoredRequest = { content, personalizations, copies: job.copies, sendAt: {} };
    kept.contentBytes = storedBytes(stored);
    await run.deps.storeContent(kept.contentKey, stored);
  } else if (content) kept.content = content;
  const { account } = job;
  const key = parkedBy === undefined ? holdKey(kept.id, due) : parkedKey(parkedBy, kept.id, due);
  await run.deps.hold({ ...key, due, account, copies: copies.length, kind: 'job', job: kept });
}
