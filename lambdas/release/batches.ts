/**
 * Scheduled mail whose batch is paused or cancelled (SendGrid: `user/scheduled_sends`), looked at when it is due. Paused requests are put
 * aside, once, where no later run comes by; a word among the holds (`wake`) has them looked at again when the batch is no longer paused, or
 * when they have been for 72 hours. What is cancelled goes the way of all mail, marked: its copies are dropped and counted.
 */

import { type Hold, wakeHold } from '../../core/records/holds.ts';
import { type BatchStatus, PAUSED_MS, pausedKey, type Wake } from '../../core/records/schedule.ts';
import type { ReleaseDeps } from './release.ts';

/** What goes to a queue. */
export type Due = Exclude<Hold, { kind: 'wake' | 'sweep' }>;
/** Knows each batch that it has read for as long as the run lasts. */
export type Batches = {
  /** Those that go on, marked where they are cancelled. The others are put aside by then. */
  sort: (holds: readonly Hold[]) => Promise<Due[]>;
};

/** Milliseconds after that in which the word comes: release looks a minute ahead, and must not be early. */
const LATER_MS = 120_000;
const CANCELLED = 'Cancelled: its batch was cancelled before it was due';
const EXPIRED = 'Cancelled: its batch was paused for 72 hours after it was due';

export function watchBatches(deps: ReleaseDeps): Batches {
  const known = new Map<string, BatchStatus | undefined>();
  const read = async (batches: Wake[]) => {
    const unknown = new Map(batches.map((batch) => [pausedKey(batch), batch]));
    for (const key of known.keys()) unknown.delete(key);
    if (unknown.size === 0) return;
    const states = await deps.readBatchStates([...unknown.values()]);
    for (const key of unknown.keys()) known.set(key, undefined);
    for (const { batch, status } of states) known.set(pausedKey(batch), status);
  };
  return {
    sort: async (holds) => {
      const due = holds.filter((hold): hold is Due => hold.kind !== 'wake' && hold.kind !== 'sweep');
      await read(due.flatMap((hold) => batchOf(hold) ?? []));
      const going: Due[] = [];
      const paused: Due[] = [];
      for (const hold of due) {
        const batch = batchOf(hold);
        const status = batch && known.get(pausedKey(batch));
        if (status === undefined) going.push(hold);
        else if (status === 'cancel') going.push(marked(hold, CANCELLED));
        else if (deps.now() >= hold.due + PAUSED_MS) going.push(marked(hold, EXPIRED));
        else paused.push(hold);
      }
      await putAside(paused, deps);
      return going;
    },
  };
}

function batchOf(hold: Due): Wake | undefined {
  if (hold.kind !== 'request' || hold.expansion.batchId === undefined) return undefined;
  return { account: hold.account, batchId: hold.expansion.batchId };
}

function marked(hold: Due, dropped: string): Due {
  return hold.kind === 'request' ? { ...hold, expansion: { ...hold.expansion, dropped } } : hold;
}

/** The new place is written before the old one is given up. Those that are there already stay. */
async function putAside(holds: readonly Due[], deps: ReleaseDeps): Promise<void> {
  const moving = holds.filter((hold) => hold.pk !== pausedKey(batchOf(hold)!));
  if (moving.length === 0) return;
  const wakes = new Map<string, Hold>();
  for (const hold of moving) {
    const wake = wakeHold(batchOf(hold)!, hold.due + PAUSED_MS + LATER_MS);
    wakes.set(`${wake.pk} ${wake.sk}`, wake);
  }
  await deps.putHolds([...wakes.values(), ...moving.map((hold) => ({ ...hold, pk: pausedKey(batchOf(hold)!) }))]);
  await deps.removeHolds(moving);
}
