/**
 * release: what is due moves from the holds to its lane, or to the queue of what it is for; what its batch pauses is put aside. It looks a minute ahead and lets the queue
 * delay to the second. A hold is removed only after its queue has said yes: a run that dies in between releases it once
 * more. So all that comes from here counts a hop, and deliver claims and reads before it sends such a job. A sweep stands for all
 * that its account has parked, and goes when that is gone.
 */
import { messageGroup } from '../../core/job.ts';
import { chooseLane } from '../../core/lane.ts';
import { QUEUE_DELAY_SECONDS } from '../../core/limits.ts';
import type { Hold } from '../../core/records/holds.ts';
import type { BatchStatus, Wake } from '../../core/records/schedule.ts';
import type { Lane } from '../../io/environment.ts';
import type { Entry, Sent } from '../../io/queue.ts';
import { type Batches, type Due, watchBatches } from './batches.ts';

export type ReleaseDeps = {
  lanes: Lane[];
  expandQueueUrl: string;
  /** Absent in a stack that takes no mail; one that did may have left holds behind. */
  parseQueueUrl?: string | undefined;
  notifyQueueUrl: string;
  validateQueueUrl: string;
  eraseQueueUrl: string;
  now: () => number;
  /** Milliseconds left of this run. */
  remainingMs: () => number;
  readDue: (until: number) => AsyncIterable<Hold[]>;
  removeHolds: (holds: Hold[]) => Promise<void>;
  /** Puts holds somewhere else; the same ones again change nothing. */
  putHolds: (holds: Hold[]) => Promise<void>;
  /** What a batch's paused holds are, in pages. */
  readPaused: (batch: Wake) => AsyncIterable<Hold[]>;
  /** Which of these batches are paused or cancelled: strongly consistent. */
  readBatchStates: (batches: Wake[]) => Promise<{ batch: Wake; status: BatchStatus }[]>;
  /** What an account has parked: jobs. */
  readParked: (account: string) => AsyncIterable<Hold[]>;
  sendEntries: (url: string, entries: Entry[]) => Promise<Sent[]>;
};

/** Where a queue's stage is no longer part of the stack: what is for it stays held. */
const NO_QUEUE = '';

/** It runs every minute and looks this far ahead, so that nothing due before the next run is late. */
const AHEAD_MS = 60_000;
/** Time kept for the last page. */
const RESERVE_MS = 5_000;

/** Releases what is due. Returns how many holds went and how many stayed because their queue did not take them. */
export async function release(deps: ReleaseDeps): Promise<{ released: number; stayed: number }> {
  let released = 0;
  let stayed = 0;
  const count = ({ gone, left }: Moved) => {
    released += gone;
    stayed += left;
  };
  const batches = watchBatches(deps);
  const sweeps: Sweep[] = [];
  for await (const page of deps.readDue(deps.now() + AHEAD_MS)) {
    count(await move(await batches.sort(page), deps));
    for (const hold of page) {
      if (hold.kind === 'wake') count(await wake(hold, batches, deps));
      else if (hold.kind === 'sweep') sweeps.push(hold);
    }
    if (deps.remainingMs() < RESERVE_MS) break;
  }
  // Last, so that nobody's mail waits for what another's brakes have kept.
  for (const one of sweeps) {
    if (deps.remainingMs() < RESERVE_MS) break;
    count(await sweep(one, deps));
  }
  return { released, stayed };
}

type Sweep = Hold & { kind: 'sweep' };
type Moved = { gone: number; left: number };

/** Looks at what a batch has paused. What stays paused is left; the word itself goes when all of it has been looked at. */
async function wake(hold: Extract<Hold, { kind: 'wake' }>, batches: Batches, deps: ReleaseDeps): Promise<Moved> {
  let gone = 0;
  for await (const page of deps.readPaused(hold.wake)) {
    const moved = await move(await batches.sort(page), deps);
    gone += moved.gone;
    if (moved.left > 0 || deps.remainingMs() < RESERVE_MS) return { gone, left: moved.left };
  }
  await deps.removeHolds([hold]);
  return { gone, left: 0 };
}

/**
 * Takes out what an account has parked, for the sweep's own time. The sweep stays until nothing was left behind. What is parked from its time
 * on is for the next: an account that is paused still parks what this sweep takes out, and it must not go round and round.
 */
async function sweep(hold: Sweep, deps: ReleaseDeps): Promise<Moved> {
  const all: Moved = { gone: 0, left: 0 };
  for await (const page of deps.readParked(hold.account)) {
    const parked = page.filter((one): one is Due => one.kind === 'job' && one.due < hold.due);
    const { gone, left } = await move(
      parked.map((one) => ({ ...one, due: hold.due })),
      deps,
    );
    all.gone += gone;
    all.left += left;
    if (parked.length < page.length) break;
    if (deps.remainingMs() < RESERVE_MS) return all;
  }
  if (all.left === 0) await deps.removeHolds([hold]);
  return all;
}

async function move(moving: Due[], deps: ReleaseDeps): Promise<Moved> {
  const moved: Moved = { gone: 0, left: 0 };
  const byQueue = Map.groupBy(moving, (hold) => queueOf(hold, deps));
  for (const [url, holds] of byQueue) {
    const entries = holds.map((hold) => toEntry(hold, deps.now()));
    const results = url === NO_QUEUE ? [] : await deps.sendEntries(url, entries);
    const gone = holds.filter((_, index) => results[index] === 'sent');
    await deps.removeHolds(gone);
    moved.gone += gone.length;
    moved.left += holds.length - gone.length;
  }
  return moved;
}

/**
 * A lane that is no longer there gives its jobs to another of the pool the sender asked for: an IP was removed, its mail was not.
 * Where that pool is gone too, it is as if none were named.
 */
function queueOf(
  hold: Due,
  { lanes, expandQueueUrl, parseQueueUrl, notifyQueueUrl, validateQueueUrl, eraseQueueUrl }: ReleaseDeps,
): string {
  if (hold.kind === 'request') return expandQueueUrl;
  if (hold.kind === 'parse') return parseQueueUrl ?? NO_QUEUE;
  if (hold.kind === 'notify') return notifyQueueUrl;
  if (hold.kind === 'validate') return validateQueueUrl;
  if (hold.kind === 'erase') return eraseQueueUrl;
  const { job } = hold;
  const own = lanes.find(({ name }) => name === job.lane);
  if (own) return own.url;
  return chooseLane(lanes, job.content?.ipPoolName, job.id, job.content?.lanes).url;
}

function toEntry(hold: Due, now: number): Entry {
  const delaySeconds = Math.min(QUEUE_DELAY_SECONDS, Math.max(0, Math.ceil((hold.due - now) / 1_000)));
  if (hold.kind === 'request')
    return { body: JSON.stringify({ ...hold.expansion, released: true }), group: hold.account, delaySeconds };
  if (hold.kind === 'parse')
    return { body: JSON.stringify({ ...hold.parse, hop: hold.parse.hop + 1 }), group: hold.account, delaySeconds };
  if (hold.kind === 'notify') return { body: JSON.stringify(hold.notify), group: hold.account, delaySeconds };
  if (hold.kind === 'validate') return { body: JSON.stringify(hold.validate), group: hold.account, delaySeconds };
  if (hold.kind === 'erase') return { body: JSON.stringify(hold.erase), group: hold.account, delaySeconds };
  const job = { ...hold.job, hop: hold.job.hop + 1 };
  return { body: JSON.stringify(job), group: messageGroup(job, 1), delaySeconds };
}
