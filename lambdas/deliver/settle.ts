/**
 * What becomes of a copy after its attempt: an outcome written at once, or a place among what its job puts off. When the
 * last copy of a job has its verdict, what was put off is held: one item, due by the retry schedule, with the attempts
 * recorded; when the retry window is over, those copies end as `blocked` bounces instead.
 */
import { contentKey, type Job, type StoredRequest, storedBytes } from '../../core/job.ts';
import { DAY_SECONDS, HELD_CONTENT_BYTES } from '../../core/limits.ts';
import type { Copy } from '../../core/mail.ts';
import { type Attempt, doubtAgain, expire, type Final, judge, type Verdict } from '../../core/outcome.ts';
import { attemptKey, copyKey, holdKey, type OutcomeRecord, recipientKey } from '../../core/records.ts';
import { nextAttempt } from '../../core/retry.ts';
import type { Route } from '../../io/mx.ts';
import type { Session } from '../../io/smtp.ts';
import type { Run } from './deliver.ts';
import type { Item, Site } from './sessions.ts';
import { dueOf, type PutOff, type Task } from './take.ts';

/** What is known of a copy: an attempt (with or without a session), no route, or a message that cannot be made. */
export type Known =
  | { attempt: Attempt; site: Site; session?: Session }
  | { dropped: string; site: Site }
  | { route: Exclude<Route, { kind: 'site' }>; domain: string };

/** Where a copy was tried, as records tell it. */
type Place = { site: string; provider: string; mx?: string; tls?: string };

const TRIES = 3;
/** Minutes between two runs, at most, for copies that were not begun in time again and again. */
const POSTPONED_MINUTES = 15;

/** Settles a copy. Returns when its record has its turn among the writes, not when it is written. */
export async function settle(item: Item, known: Known, run: Run): Promise<void> {
  const { task, copy } = item;
  const place = placeOf(known);
  countPickedUp(task, place.provider, run);
  const verdict = verdictOf(known);
  if (verdict.event === 'deferred') return putOff(task, copy, { ...verdict, doubted: false }, place, run);
  if (verdict.event !== 'doubted') return finish(task, copy, verdict, place, run);
  const next = doubtAgain(copy.doubts ?? 0);
  if (next.final) return finish(task, copy, { event: 'unknown', reply: verdict.reply }, place, run);
  return putOff(task, { ...copy, doubts: next.doubts }, { ...verdict, doubted: true }, place, run);
}

/** Leaves a copy for a later run: it was not attempted, so nothing is recorded and no attempt is burnt. */
export function postpone({ task, copy }: Item, { provider }: Site, run: Run): void {
  countPickedUp(task, provider, run);
  task.postponed.push(copy);
  close(task, copy, run);
}

/** Hands a copy's job back: its message could not even be made, which is a fault of ours. */
export function fail({ task, copy }: Item, problem: string, run: Run): void {
  if (!task.failed) run.deps.report(`job ${task.job.id}: ${problem}`);
  task.failed = true;
  close(task, copy, run);
}

/** `accepted` counts a copy when a lane has it for the first time; what was scheduled comes from its hold, by one hop. */
function countPickedUp({ job, message }: Task, provider: string, run: Run): void {
  const isNew = job.hop === 0 || (job.hop === 1 && job.sendAt !== undefined && !job.maybeSent);
  if (isNew && job.attempt === 0 && message.receiveCount === 1) run.tallies.count(provider, 'accepted');
}

function verdictOf(known: Known): Verdict | Final {
  if ('attempt' in known) return judge(known.attempt);
  if ('dropped' in known) return { event: 'dropped', reply: known.dropped };
  const { route } = known;
  if (route.kind === 'deferred') return { event: 'deferred', reply: route.reply };
  return { event: 'bounced', type: route.type, reply: route.reply, status: route.status };
}

function placeOf(known: Known): Place {
  if ('route' in known) return { site: known.domain, provider: 'other' };
  const { name: site, provider } = known.site;
  const session = 'session' in known ? known.session : undefined;
  if (!session) return { site, provider };
  const tls = session.tls ?? (session.tlsError === undefined ? undefined : `none (${session.tlsError})`);
  return { site, provider, mx: `${session.host} [${session.address}]`, ...(tls === undefined ? {} : { tls }) };
}

function putOff(
  task: Task,
  copy: Copy,
  { reply, status, doubted }: { reply: string; status?: string; doubted: boolean },
  { site, provider, mx, tls }: Place,
  run: Run,
): void {
  run.tallies.count(provider, 'deferred');
  const put: PutOff = { copy, reply, site, provider, doubted };
  if (status !== undefined) put.status = status;
  if (mx !== undefined) put.mx = mx;
  if (tls !== undefined) put.tls = tls;
  task.deferred.push(put);
  close(task, copy, run);
}

/** Writes an outcome, in its turn. */
async function finish(task: Task, copy: Copy, final: Final, place: Place, run: Run): Promise<void> {
  await run.writes.enter();
  void recordFinal(task, copy, final, place, run).finally(() => {
    run.writes.leave();
    close(task, copy, run);
  });
}

async function recordFinal(task: Task, copy: Copy, final: Final, place: Place, run: Run): Promise<void> {
  const { deps, tallies } = run;
  const at = deps.now();
  const { account, requestId, attempt } = task.job;
  const { site, provider, mx, tls } = place;
  const record: OutcomeRecord = {
    ...copyKey(account, requestId, copy.index),
    recipient: recipientKey(account, copy.address),
    at,
    attempt,
    ...final,
    site,
    ...(mx === undefined ? {} : { mx }),
    ...(tls === undefined ? {} : { tls }),
    lane: deps.settings.lane,
    ...(task.possibleDuplicates || copy.doubts ? { possibleDuplicate: true as const } : {}),
    expiresAt: expiry(run),
  };
  const written = await insist(() => deps.recordOutcome(record));
  if (written === undefined) task.failed = true;
  if (written !== 'recorded') return;
  tallies.count(provider, final.event);
  if (final.event === 'delivered') tallies.latency(provider, Math.max(0, at - dueOf(task.job)) / 1_000);
}

/** One copy less is open; the last one ends the job. */
function close(task: Task, copy: Copy, run: Run): void {
  run.letters.release(task, copy.personalization);
  task.open--;
  if (task.open > 0) return;
  endTask(task, run).then(task.end, (error: Error) => {
    run.deps.report(`job ${task.job.id}: ${error.message}`);
    task.end(false);
  });
}

/** Holds what is left of a job. False, or an error, hands it back: its records tell the next run what is done. */
async function endTask(task: Task, run: Run): Promise<boolean> {
  if (task.failed) return false;
  const { deps, startedAt } = run;
  const { job, deferred, postponed } = task;
  if (deferred.length > 0) {
    const firstAttemptAt = job.firstAttemptAt ?? startedAt;
    const attempt = job.attempt + 1;
    const due = nextAttempt(attempt, deps.random(), firstAttemptAt, deps.now());
    if (due === undefined) await expireAll(task, run);
    else {
      await Promise.all(deferred.map((put) => recordPutOff(task, put, due, run)));
      // What is not attempted keeps the job's id; two jobs of one id would wait for each other's claim.
      const id = postponed.length > 0 ? `${job.id}~${job.hop}` : job.id;
      const copies = deferred.map(({ copy }) => copy);
      if (!task.failed) await hold({ ...job, id, attempt, firstAttemptAt }, copies, due, run, task.possibleDuplicates);
    }
  }
  if (postponed.length > 0 && !task.failed) {
    if (task.claim) await insist(() => deps.claim({ ...task.claim!, until: deps.now() }));
    // At once the first time; then later each time, so that a long jam does not use up the job's hops.
    await hold(
      job,
      postponed,
      deps.now() + Math.min(job.hop, POSTPONED_MINUTES) * 60_000,
      run,
      task.possibleDuplicates,
    );
  }
  return !task.failed;
}

async function expireAll(task: Task, run: Run): Promise<void> {
  await Promise.all(
    task.deferred.map(async ({ copy, reply, status, site, provider, mx, tls, doubted }) => {
      const final: Final = doubted ? { event: 'unknown', reply } : expire(reply, status);
      const place = { site, provider, ...(mx === undefined ? {} : { mx }), ...(tls === undefined ? {} : { tls }) };
      await run.writes.enter();
      await recordFinal(task, copy, final, place, run).finally(run.writes.leave);
    }),
  );
}

async function recordPutOff(task: Task, put: PutOff, due: number, run: Run): Promise<void> {
  const { account, requestId, attempt } = task.job;
  const { copy, doubted, provider: _, ...told } = put;
  const event = doubted ? 'doubted' : 'deferred';
  await run.writes.enter();
  const written = await insist(async () => {
    await run.deps.recordAttempt({
      ...attemptKey(account, requestId, copy.index, event, attempt),
      event,
      address: copy.address,
      at: run.deps.now(),
      attempt,
      ...told,
      lane: run.deps.settings.lane,
      due,
      expiresAt: expiry(run),
    });
    return true;
  }).finally(run.writes.leave);
  if (!written) task.failed = true;
}

/**
 * Holds some copies of a job, with what their messages need.
 * @param maybeSent whether their outcome, one day, is to say that they may have arrived before
 */
export async function hold(job: Job, copies: Copy[], due: number, run: Run, maybeSent: boolean): Promise<void> {
  const wanted = new Set(copies.map(({ personalization }) => personalization));
  const { maybeSent: _, content, ...rest } = job;
  const kept: Job = {
    ...rest,
    ...(maybeSent ? { maybeSent } : {}),
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
  await run.deps.hold({ ...holdKey(kept.id, due), due, account, copies: copies.length, kind: 'job', job: kept });
}

/** A few tries: the client has its own, so what still fails is an outage, and the job goes back. */
async function insist<T>(write: () => Promise<T>): Promise<T | undefined> {
  for (let tries = 1; ; tries++) {
    try {
      return await write();
    } catch {
      if (tries >= TRIES) return undefined;
    }
  }
}

function expiry({ deps }: Run): number {
  return Math.floor(deps.now() / 1_000) + deps.settings.messagesDays * DAY_SECONDS;
}
