/**
 * The outcomes of copies that readers did something with, which the events of that need: a scanner can be faster than the record of its
 * own server's reply. So what is not there is looked for again for some seconds, as long as its mail is young enough to be on its way.
 */
import { type CopyName, copyOf } from '../core/event/order.ts';
import { requestIdTime } from '../core/ids.ts';
import { RETRY_HOURS } from '../core/limits.ts';
import type { OutcomeRecord } from '../core/records/messages.ts';

export type ReadOutcomesDeps = {
  /** Milliseconds since the epoch. */
  now: () => number;
  wait: (milliseconds: number) => Promise<unknown>;
  /** By `copyOf`; those without one are not in it. @param isStrong as all writes until now have left them */
  readOutcomeRecords: (copies: readonly CopyName[], isStrong: boolean) => Promise<Map<string, OutcomeRecord>>;
};

/** Milliseconds before each further look. */
const LOOKS = [0, 500, 1_000, 1_500, 2_000];
/** Milliseconds from acceptance in which mail is on its way: what waits for its `send_at` longer is not waited for. */
const ON_ITS_WAY = (RETRY_HOURS + 24) * 3_600_000;

/** `awaited`: those that were not there at once. */
export type FoundOutcomes = { outcomes: Map<string, OutcomeRecord>; awaited: Set<string> };

export async function readOutcomesOf(
  copies: Iterable<CopyName>,
  { now, wait, readOutcomeRecords }: ReadOutcomesDeps,
): Promise<FoundOutcomes> {
  const wanted = new Map([...copies].map((copy) => [copyOf(copy), copy]));
  const awaited = new Set<string>();
  if (wanted.size === 0) return { outcomes: new Map(), awaited };
  const outcomes = await readOutcomeRecords([...wanted.values()], false);
  for (const look of LOOKS) {
    const missing = [...wanted].filter(
      ([name, { requestId }]) => !outcomes.has(name) && now() - requestIdTime(requestId) < ON_ITS_WAY,
    );
    if (missing.length === 0) break;
    if (look > 0) await wait(look);
    for (const [name, outcome] of await readOutcomeRecords(
      missing.map(([, copy]) => copy),
      true,
    )) {
      outcomes.set(name, outcome);
      awaited.add(name);
    }
  }
  return { outcomes, awaited };
}
