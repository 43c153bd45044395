/**
 * release: what is due moves from the holds to its lane, or to the expand or the parse queue; what its batch pauses is put aside. It looks a minute ahead and lets the queue
 * delay to the second. A hold is removed only after its queue has said yes: a run that dies in between releases it once
 * more. So all that comes from here counts a hop, and deliver claims and reads before it sends such a job.
 */
import { messageGroup } from '../../core/job.ts';
import { chooseLane } from '../../core/lane.ts';
import { QUEUE_DELAY_SECONDS } from '../../core/limits.ts';
import type { BatchStatus, Wake } from '../../core/records/schedule.ts';
import type { Hold } from '../../core/records.ts';
import type { Lane } from '../../io/environment.ts';
import type { Entry, Sent } from '../../io/queue.ts';
import { type Batches, type Due, watchBatches } from './batches.ts';

export type ReleaseDeps = {
  lanes: Lane[];
  expandQueueUrl: string;
  /** Absent in a stack that takes no mail; one that did may have left holds behind. */
  parseQueueUrl?: string | undefined;
  notifyQueueUrl: string;
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
  const run = { ...deps, batches: watchBatches(deps) };
  const total = { released: 0, stayed: 0 };
  const add = ({ released, stayed }: typeof total) => {
    total.released += released;
    total.stayed += stayed;
  };
  for await (const page of deps.readDue(deps.now() + AHEAD_MS)) {
    const [wakes, holds] = [page.filter(isWake), page.filter((hold): hold is Due => !isWake(hold))];
    add(await releaseHolds(await run.batches.sort(holds), deps));
    for (const hold of wakes) add(await wake(hold, run));
    if (deps.remainingMs() < RESERVE_MS) break;
  }
  return total;
}

async function releaseHolds(holds: Due[], deps: ReleaseDeps): Promise<{ released: number; stayed: number }> {
  let released = 0;
  for (const [url, ofQueue] of Map.groupBy(holds, (hold) => queueOf(hold, deps))) {
    const entries = ofQueue.map((hold) => toEntry(hold, deps.now()));
    const results = url === NO_QUEUE ? [] : await deps.sendEntries(url, entries);
    const gone = ofQueue.filter((_, index) => results[index] === 'sent');
    await deps.removeHolds(gone);
    released += gone.length;
  }
  return { released, stayed: holds.length - released };
}

type WakeHold = Extract<Hold, { kind: 'wake' }>;
const isWake = (hold: Hold): hold is WakeHold => hold.kind === 'wake';

/** Looks at what a batch has paused. What stays paused is left; the word itself goes when all of it has been looked at. */
async function wake(
  hold: WakeHold,
  deps: ReleaseDeps & { batches: Batches },
): Promise<{ released: number; stayed: number }> {
  let released = 0;
  for await (const page of deps.readPaused(hold.wake)) {
    const gone = await releaseHolds(await deps.batches.sort(page), deps);
    released += gone.released;
    if (gone.stayed > 0 || deps.remainingMs() < RESERVE_MS) return { released, stayed: gone.stayed };
  }
  await deps.removeHolds([hold]);
  return { released, stayed: 0 };
}

/**
 * A lane that is no longer there gives its jobs to another of the pool the sender asked for: an IP was removed, its mail was not.
 * Where that pool is gone too, any lane is better than none.
 */
function queueOf(hold: Due, { lanes, expandQueueUrl, parseQueueUrl, notifyQueueUrl }: ReleaseDeps): string {
  if (hold.kind === 'request') return expandQueueUrl;
  if (hold.kind === 'parse') return parseQueueUrl ?? NO_QUEUE;
  if (hold.kind === 'notify') return notifyQueueUrl;
  const { job } = hold;
  const own = lanes.find(({ name }) => name === job.lane);
  if (own) return own.url;
  const wanted = job.content?.ipPoolName;
  const pool = lanes.some((lane) => lane.pool === wanted) ? wanted : undefined;
  return chooseLane(lanes, pool, job.id).url;
}

function toEntry(hold: Due, now: number): Entry {
  const delaySeconds = Math.min(QUEUE_DELAY_SECONDS, Math.max(0, Math.ceil((hold.due - now) / 1_000)));
  if (hold.kind === 'request')
    return { body: JSON.stringify({ ...hold.expansion, released: true }), group: hold.account, delaySeconds };
  if (hold.kind === 'parse')
    return { body: JSON.stringify({ ...hold.parse, hop: hold.parse.hop + 1 }), group: hold.account, delaySeconds };
  if (hold.kind === 'notify') return { body: JSON.stringify(hold.notify), group: hold.account, delaySeconds };
  const job = { ...hold.job, hop: hold.job.hop + 1 };
  return { body: JSON.stringify(job), group: messageGroup(job, 1), delaySeconds };
}
