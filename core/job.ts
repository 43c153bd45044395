/**
 * A job: what a lane carries. Up to 100 copies and about 60 KB, cut by bytes, with ids that a second cut of the same
 * request makes again. What a personalization's copies share stands once.
 * It refuses a body that is not a job of a version it knows: such a message is poison and goes to the dead-letter queue.
 */
import { TRANSACTIONAL_COPIES } from './brakes/brakes.ts';
import { type CopyCount, countCopies, namedCopies } from './copies.ts';
import { isErasedAddress } from './erased-address.ts';
import { jobId } from './ids.ts';
import {
  DAY_SECONDS,
  INLINE_CONTENT_BYTES,
  INLINE_PERSONALIZATION_BYTES,
  JOB_BYTES,
  JOB_COPIES,
  JOB_HOPS,
  RETRY_HOURS,
} from './limits.ts';
import type { Content, Copy, MailRequest, Personalization } from './mail.ts';
import { OPERATOR } from './records/accounts.ts';

/** A personalization too long to travel: the stored request (`contentKey`) has it. */
export type StoredPersonalization = { index: number; stored: true };

export type Job = {
  v: 1;
  id: string;
  /** Times this job has been put on a lane or a hold, from 0. */
  hop: number;
  /** Delivery attempts already made for its copies: 0 at first. Our own pauses burn none. */
  attempt: number;
  /**
   * Set by every path that may put a job on a lane whose first copy is perhaps at work or done (a resend, expand's second
   * run): deliver reads the records first, as it does for every job with a hop or an attempt, and marks what it sends.
   */
  maybeSent?: true;
  /** It waited for its turn at a site, and this is it; the cut of that site's limits under which it was given, 0: none. */
  reserved?: number;
  account: string;
  requestId: string;
  /** The lane (source IP) that it was given, by name. */
  lane: string;
  /** Its request had more copies, added ones apart, than transactional mail has: also what is left of it, however little that is, is bulk. */
  bulk?: true;
  /** Another way than its pool's for its next attempt (core/via.ts): `ses` or `relay:<name>`, chosen by fail-over. */
  via?: string;
  /** Milliseconds since the epoch: the 202. */
  acceptedAt: number;
  /** Unix seconds of its `send_at`: what is scheduled is dated, and its delivery timed, from then. Absent: now. */
  sendAt?: number;
  /** Milliseconds since the epoch of the first delivery attempt; the retry window counts from it. */
  firstAttemptAt?: number;
  /** Milliseconds since the epoch from which the wait of mail counts that was never begun, where it came late: a dead letter that was redriven. */
  waitsSince?: number;
  /** Why none of its copies is to be sent: it was cancelled. */
  dropped?: string;
  /** Exactly one of the two: the content itself, or its key in the content bucket (a `StoredRequest`). */
  content?: Content;
  contentKey?: string;
  /** Bytes of the object at `contentKey`, and of the message that it names: what reading them costs in memory. */
  contentBytes?: number;
  personalizations: (Personalization | StoredPersonalization)[];
  copies: Copy[];
};

/** When a job's mail was to go out, in milliseconds since the epoch. @param accepted another time of acceptance than the job's own */
export function dueOf({ sendAt = 0, acceptedAt }: Pick<Job, 'sendAt' | 'acceptedAt'>, accepted = acceptedAt): number {
  return Math.max(accepted, sendAt * 1_000);
}

/**
 * Milliseconds after which mail is given up that waits for our sake, not its host's: for its turn, for the end of a pause. A retry window, and
 * a day. It counts from the first attempt; of mail that was never begun, from when it was to go out.
 */
const WAITS = (RETRY_HOURS + 24) * 3_600_000;

/** Whether a job has waited as long as mail may. @param now milliseconds since the epoch */
export function hasWaitedOut(
  job: Pick<Job, 'sendAt' | 'acceptedAt' | 'firstAttemptAt' | 'waitsSince'>,
  now: number,
): boolean {
  return now - (job.firstAttemptAt ?? job.waitsSince ?? dueOf(job)) > WAITS;
}

/** Whether a job goes round: it has come by so often, and long enough. */
export function isLoop(job: Job, now: number): boolean {
  return job.hop >= JOB_HOPS && hasWaitedOut(job, now);
}

/** Whether nobody waits for it at a screen. What an account or its parent has a copy of is no bulk for that. */
export function isBulk({ bulk, copies }: Partial<Pick<Job, 'bulk'>> & Pick<Job, 'copies'>): boolean {
  return bulk === true || (copies.length > TRANSACTIONAL_COPIES && namedCopies(copies).length > TRANSACTIONAL_COPIES);
}

/** Whether a lane has it for the first time; what was scheduled comes from its hold, by one hop. */
export function isFirstSeen({ hop, attempt, sendAt, maybeSent }: Job): boolean {
  return attempt === 0 && (hop === 0 || (hop === 1 && sendAt !== undefined && !maybeSent));
}

/** What the content bucket holds of a request: everything that deliver and expand need. */
export type StoredRequest = Pick<MailRequest, 'content' | 'personalizations' | 'copies' | 'sendAt'>;

/** Days of a class of stored requests that wait for long: each has a rule of the bucket, by how long its objects are kept. */
export const SCHEDULED_CLASS_DAYS = 31;

/**
 * The key of a stored request that is sent later than content is kept for otherwise.
 * @param acceptedAt milliseconds since the epoch
 * @param lastTurn unix seconds of its last `send_at`
 */
export function scheduledContentKey(account: string, requestId: string, acceptedAt: number, lastTurn: number): string {
  const days = Math.max(0, lastTurn - acceptedAt / 1_000) / DAY_SECONDS;
  return `scheduled/${Math.max(1, Math.ceil(days / SCHEDULED_CLASS_DAYS))}/${account}/${requestId}.json`;
}

/** The key of a stored request in the content bucket. */
export function contentKey(account: string, requestId: string): string {
  return `requests/${account}/${requestId}.json`;
}

/** The key of a message that came as MIME and is too long to travel. */
export function mimeKey(account: string, requestId: string): string {
  return `requests/${account}/${requestId}.eml`;
}

/** Bytes of a stored request, as they lie in the bucket, and of the message that it names. */
export function storedBytes({ content, personalizations, copies, sendAt }: StoredRequest): number {
  return byteLength({ content, personalizations, copies, sendAt }) + mimeBytes(content);
}

function mimeBytes({ mime }: Content): number {
  return mime && 'key' in mime ? mime.bytes : 0;
}

/** What a job's messages are made of, as far as it lies in the content bucket: its name and its bytes. Undefined: all of it is in the job. */
export function storedOf({ content, contentKey, contentBytes = 0 }: Job): { key: string; bytes: number } | undefined {
  if (contentKey !== undefined) return { key: contentKey, bytes: contentBytes };
  return content?.mime && 'key' in content.mime ? content.mime : undefined;
}

/** Whether a request's content is too long to travel inside its jobs, or one of its personalizations is. */
export function mustBeStored(request: Pick<MailRequest, 'content' | 'personalizations'>): boolean {
  return (
    byteLength(request.content) > INLINE_CONTENT_BYTES ||
    request.personalizations.some((one) => byteLength(one) > INLINE_PERSONALIZATION_BYTES)
  );
}

/** The distinct turns of a request, in order: 0 for "now", else unix seconds of `send_at`. */
export function turnsOf(request: Pick<MailRequest, 'personalizations' | 'sendAt'>): number[] {
  return [...new Set(request.personalizations.map(({ index }) => request.sendAt[index] ?? 0))].sort((a, b) => a - b);
}

/** How many copies of a request wait for a turn, or for a later one. */
export function waitingFrom({ copies, sendAt }: Pick<StoredRequest, 'copies' | 'sendAt'>, turn: number): CopyCount {
  return countCopies(
    copies.filter(
      ({ personalization, address }) => (sendAt[personalization] ?? 0) >= turn && !isErasedAddress(address),
    ),
  );
}

type Cut = { account: string; requestId: string; acceptedAt: number; contentKey?: string };

/**
 * Cuts one turn of a request into jobs. The same arguments give the same jobs, ids included; so does the same request after some of its
 * readers were erased from it (core/erasure/stored.ts), but for their copies.
 * @param turn 0, or the `send_at` (unix seconds) whose copies are wanted
 * @param laneOf chooses the lane of the n-th job; must itself be a pure function
 */
export function cutJobs(request: StoredRequest, turn: number, cut: Cut, laneOf: (jobId: string) => string): Job[] {
  const { contentKey } = cut;
  const shared =
    contentKey === undefined ? { content: request.content } : { contentKey, contentBytes: storedBytes(request) };
  const fixed = byteLength(shared) + 400;
  const bulk = isBulk(request);
  const byIndex = new Map(request.personalizations.map((one) => [one.index, one]));
  const jobs: Job[] = [];
  let bytes = 0;
  let inJob = new Set<number>();
  for (const copy of request.copies) {
    if ((request.sendAt[copy.personalization] ?? 0) !== turn) continue;
    const personalization = byIndex.get(copy.personalization);
    if (!personalization)
      throw new Error(`copy ${copy.index} names personalization ${copy.personalization}, which is not there`);
    const carried = carry(personalization, cut.contentKey !== undefined);
    const copyBytes = byteLength(copy) + 1;
    const personalizationBytes = byteLength(carried) + 1;
    const cost = copyBytes + (inJob.has(copy.personalization) ? 0 : personalizationBytes);
    let job = jobs.at(-1);
    if (!job || job.copies.length >= JOB_COPIES || bytes + cost > JOB_BYTES) {
      const id = jobId(cut.requestId, turn, jobs.length);
      const { account, requestId, acceptedAt } = cut;
      job = {
        v: 1,
        id,
        hop: 0,
        attempt: 0,
        account,
        requestId,
        lane: laneOf(id),
        acceptedAt,
        ...(turn > 0 ? { sendAt: turn } : {}),
        ...(bulk ? { bulk: true as const } : {}),
        ...shared,
        personalizations: [],
        copies: [],
      };
      jobs.push(job);
      bytes = fixed;
      inJob = new Set();
    }
    if (!inJob.has(copy.personalization)) {
      job.personalizations.push(carried);
      inJob.add(copy.personalization);
      bytes += personalizationBytes;
    }
    job.copies.push(copy);
    bytes += copyBytes;
  }
  return request.copies.some(({ address }) => isErasedAddress(address)) ? withoutErased(jobs) : jobs;
}

function withoutErased(jobs: readonly Job[]): Job[] {
  return jobs.flatMap((job) => {
    const copies = job.copies.filter(({ address }) => !isErasedAddress(address));
    const wanted = new Set(copies.map(({ personalization }) => personalization));
    const personalizations = job.personalizations.filter(({ index }) => wanted.has(index));
    return copies.length === 0 ? [] : [{ ...job, personalizations, copies }];
  });
}

/**
 * Reads a lane message's body.
 * @throws Error naming what is wrong; such a message can never succeed
 */
export function parseJob(body: string): Job {
  const job = JSON.parse(body) as Partial<Job> | null;
  if (typeof job !== 'object' || job === null || job.v !== 1) throw new Error('not a job of version 1');
  for (const field of ['id', 'account', 'requestId', 'lane'] as const)
    if (typeof job[field] !== 'string') throw new Error(`job without ${field}`);
  for (const field of ['hop', 'attempt', 'acceptedAt'] as const)
    if (typeof job[field] !== 'number') throw new Error(`job ${job.id} without ${field}`);
  if (!Array.isArray(job.copies) || job.copies.length === 0) throw new Error(`job ${job.id} without copies`);
  if (!Array.isArray(job.personalizations)) throw new Error(`job ${job.id} without personalizations`);
  if ((job.content === undefined) === (job.contentKey === undefined))
    throw new Error(`job ${job.id} needs content or contentKey`);
  return job as Job;
}

/**
 * SQS fair queues: one group per request for bulk, per account for retries and for single mail, so that neither a newsletter
 * nor retries nor a noisy account delay a password reset. The operator's own single mail has none: each such message is a
 * group of its own, never a noisy one, and spares the surcharge of $0.10 per million requests.
 */
export function messageGroup(
  job: Pick<Job, 'account' | 'requestId' | 'attempt'>,
  jobsInRequest: number,
): string | undefined {
  if (job.attempt > 0) return `${job.account}.retry`;
  if (jobsInRequest > 1) return `${job.account}.${job.requestId}`;
  return job.account === OPERATOR ? undefined : `${job.account}.single`;
}

function carry(personalization: Personalization, stored: boolean): Personalization | StoredPersonalization {
  return stored && byteLength(personalization) > INLINE_PERSONALIZATION_BYTES
    ? { index: personalization.index, stored: true }
    : personalization;
}

function byteLength(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}
