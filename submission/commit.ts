/**
 * Making a request durable, whole or not at all. In this order: its content (if it does not travel in the jobs), its
 * record, then one last step that decides: its jobs on their lanes, or the request on the expand queue, or on hold.
 *
 *   refused by the queue   → tried again at once
 *   no answer              → sent again, marked `maybeSent`, and delayed until a first copy can no longer be at work
 *   still no answer        → the request is held instead, and expanded when the queue is back
 *   nothing can be written → the record is taken back, and the caller is told to come again
 *   a hold has no answer   → it may be there: the record stays, and the caller is told that nobody knows
 */

import { countCopies, namedCopies } from '../core/copies.ts';
import { requestIdTime } from '../core/ids.ts';
import {
  contentKey,
  cutJobs,
  type Job,
  messageGroup,
  mustBeStored,
  type StoredRequest,
  scheduledContentKey,
  turnsOf,
} from '../core/job.ts';
import { chooseLane } from '../core/lane.ts';
import { DAY_SECONDS, DIRECT_JOBS } from '../core/limits.ts';
import { SEND_AT_HOURS } from '../core/mail-send/limits.ts';
import { type Expansion, type Hold, holdKey, scheduledHold } from '../core/records/holds.ts';
import { ownerOf } from '../core/records/message-key.ts';
import { type RequestRecord, requestKey } from '../core/records/messages.ts';
import type { Lane } from '../io/environment.ts';
import { type Entry, isThrottle, type Sent, wasRefused } from '../io/queue.ts';
import type { Submission } from './request.ts';

export type CommitDeps = {
  lanes: Lane[];
  expandQueueUrl: string;
  /** Days that records are kept. */
  messagesDays: number;
  /** Seconds that one run of deliver may take: after that long, a job it may have had is free again. */
  deliverTimeoutSeconds: number;
  now: () => number;
  recordRequest: (record: RequestRecord) => Promise<void>;
  refuseRequest: (record: RequestRecord) => Promise<void>;
  storeContent: (key: string, request: StoredRequest) => Promise<void>;
  sendEntries: (url: string, entries: Entry[]) => Promise<Sent[]>;
  hold: (hold: Hold) => Promise<void>;
  /** Is told what kept a request from being taken; absent: nobody asks. */
  report?: (problem: string, error: unknown) => void;
};

/** `uncertain`: a queue or the table of holds may have taken it, and nobody said so. `over the cap`: nothing was tried. */
export type Committed = { ok: true } | { ok: false; why: 'throttled' | 'unavailable' | 'uncertain' | 'over the cap' };

/**
 * What is known of an earlier run under the same id: none; it failed, so nothing of it is queued (a hold may be); or nobody knows.
 */
export type Earlier = 'none' | 'failed' | 'unknown';

const TRIES = 3;

export async function commit(submission: Submission, earlier: Earlier, deps: CommitDeps): Promise<Committed> {
  const maybeSent = earlier !== 'none';
  const { account, requestId, request } = submission;
  const acceptedAt = requestIdTime(requestId);
  const turns = turnsOf(request);
  const last = turns.at(-1) ?? 0;
  const isLong = last * 1_000 > acceptedAt + SEND_AT_HOURS * 3_600_000;
  const key = isLong ? scheduledContentKey(account, requestId, acceptedAt, last) : contentKey(account, requestId);
  const store = once(() => deps.storeContent(key, request));
  const record = makeRecord(submission, acceptedAt, last, deps.messagesDays);
  let attempted = false;
  /** What is known of the step that decides: as long as it was not tried, it is as good as refused. */
  let sent: Sent = 'refused';
  const hold = async (held: Hold) => {
    try {
      await deps.hold(held);
    } catch (error) {
      if (!wasRefused(error)) sent = 'unanswered';
      throw error;
    }
  };
  try {
    const scheduled = turns.some((turn) => turn > 0);
    const stored = scheduled || mustBeStored(request);
    const cut = { account, requestId, acceptedAt, ...(stored ? { contentKey: key } : {}) };
    const laneOf = (id: string) => chooseLane(deps.lanes, request.content.ipPoolName, id, request.content.lanes).name;
    const jobs = scheduled ? [] : cutJobs(request, 0, cut, laneOf);
    const expand = scheduled || jobs.length > DIRECT_JOBS;
    const expansion: Expansion = {
      v: 1,
      account,
      requestId,
      acceptedAt,
      contentKey: key,
      ...(stored || expand ? {} : { inline: true as const }),
      ...(maybeSent ? { maybeSent } : {}),
      ...(scheduled && request.content.batchId !== undefined ? { batchId: request.content.batchId } : {}),
    };

    if (stored || expand) await store();
    attempted = true;
    await deps.recordRequest(stored || expand ? { ...record, contentKey: key } : record);

    const due = turns[0]!;
    if (due > 0) {
      await hold(scheduledHold(expansion, due * 1_000, countCopies(request.copies)));
      return { ok: true };
    }
    sent = expand
      ? await sendPatiently([{ expansion }], earlier === 'unknown', deps)
      : await sendPatiently(
          jobs.map((job) => ({ job: maybeSent ? { ...job, maybeSent } : job, group: messageGroup(job, jobs.length) })),
          earlier === 'unknown',
          deps,
        );
    if (sent === 'sent') return { ok: true };

    await store();
    const wait = sent === 'unanswered' ? firstCopySeconds(deps) * 1_000 : 0;
    await hold(holdRequest({ ...expansion, maybeSent: true }, deps.now() + wait, request.copies.length));
    return { ok: true };
  } catch (error) {
    deps.report?.('a request could not be made durable', error);
    // What an earlier run has queued stays queued, and on record.
    if (sent === 'unanswered' || earlier === 'unknown') return { ok: false, why: 'uncertain' };
    if (attempted) await deps.refuseRequest(record).catch(() => undefined);
    return { ok: false, why: isThrottle((error as Error).name) ? 'throttled' : 'unavailable' };
  }
}

/** Seconds after which a first copy of a job can no longer be at work. */
const firstCopySeconds = ({ deliverTimeoutSeconds }: CommitDeps) => deliverTimeoutSeconds + 30;

type Outgoing = { job: Job; group: string | undefined } | { expansion: Expansion };

/**
 * Sends until every entry is known to be in its queue, or the tries are used up. `refused`: then none is in a queue;
 * `unanswered`: some are or may be.
 * @param maybeSent they may be there already, from an earlier run
 */
async function sendPatiently(all: Outgoing[], maybeSent: boolean, deps: CommitDeps): Promise<Sent> {
  let left = all.map((item) => ({ item, maybeSent }));
  for (let attempt = 0; attempt < TRIES && left.length > 0; attempt++) {
    const tried = await Promise.all(
      [...groupByQueue(left, deps)].map(async ([url, group]) => {
        const entries = group.map((one) => toEntry(one, firstCopySeconds(deps)));
        const results = await deps.sendEntries(url, entries);
        return group.flatMap((one, index) =>
          results[index] === 'sent' ? [] : [{ ...one, maybeSent: one.maybeSent || results[index] === 'unanswered' }],
        );
      }),
    );
    left = tried.flat();
  }
  if (left.length === 0) return 'sent';
  return left.length === all.length && !left.some(({ maybeSent }) => maybeSent) ? 'refused' : 'unanswered';
}

function groupByQueue<T extends { item: Outgoing }>(
  items: T[],
  { lanes, expandQueueUrl }: CommitDeps,
): Map<string, T[]> {
  const urls = new Map(lanes.map(({ name, url }) => [name, url]));
  return Map.groupBy(items, ({ item }) => ('job' in item ? urls.get(item.job.lane)! : expandQueueUrl));
}

function toEntry({ item, maybeSent }: { item: Outgoing; maybeSent: boolean }, delaySeconds: number): Entry {
  const mark = maybeSent ? { maybeSent: true as const } : {};
  const delay = maybeSent ? { delaySeconds } : {};
  return 'job' in item
    ? { body: JSON.stringify({ ...item.job, ...mark }), group: item.group, ...delay }
    : { body: JSON.stringify({ ...item.expansion, ...mark }), group: item.expansion.account, ...delay };
}

function holdRequest(expansion: Expansion, due: number, copies: number): Hold {
  const { account, requestId } = expansion;
  return { ...holdKey(requestId, due), due, account, copies, kind: 'request', expansion };
}

function makeRecord(
  { account, requestId, keyId, request, received }: Submission,
  acceptedAt: number,
  lastTurn: number,
  days: number,
): RequestRecord {
  const [reader, ...others] = namedCopies(request.copies);
  const subject = request.content.subject ?? request.personalizations[0]?.subject;
  return {
    ...requestKey(account, requestId),
    acceptedAt,
    ...countCopies(request.copies),
    keyId,
    ...(reader && others.length === 0 ? bucketed(account, requestId, reader.address) : {}),
    from: request.content.from.email,
    // One write unit is 1 KB: a subject is here to be recognised, not to be read.
    ...(subject === undefined ? {} : { subject: subject.slice(0, 100) }),
    ...(received ? { received } : {}),
    // It outlives the outcomes of what it schedules.
    expiresAt: Math.max(Math.floor(acceptedAt / 1_000), lastTurn) + days * DAY_SECONDS,
  };
}

/** Whom a request is to, where it lies in his bucket. */
function bucketed(account: string, requestId: string, address: string): { recipient?: string } {
  const { recipient, indexedRecipient } = ownerOf(account, requestId, address);
  return indexedRecipient === undefined ? { recipient } : {};
}

function once(act: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => (done ??= act());
}
