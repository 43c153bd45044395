/**
 * expand: one stored request → its jobs on their lanes. It can stop anywhere and begin again: ids are deterministic, and a
 * second run marks its jobs `maybeSent`, so that deliver reads the records before it sends. What is not due yet is held
 * again, from its next turn on.
 */
import { cutJobs, messageGroup, type StoredRequest, turnsOf, waitingFrom } from '../../core/job.ts';
import { chooseLane } from '../../core/lane.ts';
import { type Expansion, type Hold, scheduledHold } from '../../core/records/holds.ts';
import type { Lane } from '../../io/environment.ts';
import type { Entry, Sent } from '../../io/queue.ts';

export type ExpandDeps = {
  lanes: Lane[];
  now: () => number;
  readContent: (key: string) => Promise<StoredRequest>;
  sendEntries: (url: string, entries: Entry[]) => Promise<Sent[]>;
  hold: (hold: Hold) => Promise<void>;
};

/** What SQS hands over: the body, and how often it has done so. */
export type Message = { id: string; body: string; receiveCount: number };

/** Turns that come due while release looks a minute ahead belong to this run. */
const AHEAD_MS = 60_000;

/**
 * Expands each message; the ids of those that failed come back, to be delivered again.
 * A body that is no expansion fails until it is in the dead-letter queue.
 */
export async function expand(messages: readonly Message[], deps: ExpandDeps): Promise<string[]> {
  const settled = await Promise.allSettled(messages.map((message) => expandOne(message, deps)));
  settled.forEach((one, index) => {
    if (one.status === 'rejected')
      console.error(JSON.stringify({ message: 'not expanded', id: messages[index]!.id, error: String(one.reason) }));
  });
  return messages.filter((_, index) => settled[index]?.status !== 'fulfilled').map(({ id }) => id);
}

async function expandOne({ body, receiveCount }: Message, deps: ExpandDeps): Promise<void> {
  const expansion = parseExpansion(body);
  const { account, requestId, acceptedAt, contentKey, fromTurn = 0 } = expansion;
  const maybeSent = expansion.maybeSent === true || receiveCount > 1;
  const request = await deps.readContent(contentKey);
  const turns = turnsOf(request).filter((turn) => turn >= fromTurn);
  const due = turns.filter((turn) => turn * 1_000 <= deps.now() + AHEAD_MS);

  // The rest is held first: if this run ends in the middle, the next one writes the same hold again.
  const next = turns[due.length];
  if (next !== undefined) {
    const waiting = waitingFrom(request, next);
    const { dropped: _, ...kept } = expansion;
    await deps.hold(scheduledHold({ ...kept, fromTurn: next }, next * 1_000, waiting));
  }
  for (const turn of due) {
    const cut = { account, requestId, acceptedAt, ...(expansion.inline ? {} : { contentKey }) };
    const laneOf = (id: string) => chooseLane(deps.lanes, request.content.ipPoolName, id, request.content.lanes).name;
    const jobs = cutJobs(request, turn, cut, laneOf);
    const delay = Math.max(0, Math.ceil((turn * 1_000 - deps.now()) / 1_000));
    for (const [lane, onLane] of Map.groupBy(jobs, (job) => job.lane)) {
      const entries = onLane.map((job) => ({
        body: JSON.stringify({
          ...job,
          ...(maybeSent ? { maybeSent } : {}),
          ...(expansion.released ? { hop: 1 } : {}),
          ...(expansion.dropped === undefined ? {} : { dropped: expansion.dropped }),
        }),
        group: messageGroup(job, jobs.length),
        ...(delay > 0 ? { delaySeconds: delay } : {}),
      }));
      const results = await deps.sendEntries(deps.lanes.find(({ name }) => name === lane)!.url, entries);
      const missing = results.filter((result) => result !== 'sent').length;
      if (missing > 0) throw new Error(`${missing} of ${jobs.length} jobs of ${requestId} are not on lane ${lane}`);
    }
  }
}

/** @throws Error naming what is wrong with it */
export function parseExpansion(body: string): Expansion {
  const expansion = JSON.parse(body) as Partial<Expansion> | null;
  if (typeof expansion !== 'object' || expansion === null || expansion.v !== 1)
    throw new Error('not an expansion of version 1');
  for (const field of ['account', 'requestId', 'contentKey'] as const)
    if (typeof expansion[field] !== 'string') throw new Error(`expansion without ${field}`);
  if (typeof expansion.acceptedAt !== 'number') throw new Error('expansion without acceptedAt');
  return expansion as Expansion;
}
