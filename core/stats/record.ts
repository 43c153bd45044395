/**
 * Statistics as they are kept: one item for each account, hour and shard of the stream, with its counters and the last sequence number
 * that is in them. A shard gives its records in order, so what is not beyond that number was counted; and since both are
 * written at once, a batch may come again, whole, in parts or late, and counts once. No two shards write one item: there is no hot key.
 */
import { hourOf } from '../event/page.ts';
import type { Counted, Kind } from './count.ts';
import { placing } from './room.ts';

export type StatsRecord = {
  /** `account#kind`. */
  pk: string;
  /** `hour#shard`, or `hour#name#shard`; the name percent-encoded. */
  sk: string;
  /** Padded: of the last record that is counted here. */
  sequence: string;
  counts: Record<string, number>;
  expiresAt: number;
};

/** What there is to count, by item: in the order of the stream. */
export type ToCount = {
  pk: string;
  sk: string;
  at: number;
  news: { sequence: string; counts: Record<string, number> }[];
};

export const statsKey = (account: string, kind: Kind) => `${account}#${kind}`;

export function statsItemKey(account: string, shard: string, { kind, name, at }: Counted) {
  const named = kind === 'all' ? '' : `${encodeURIComponent(name)}#`;
  return { pk: statsKey(account, kind), sk: `${hourOf(at)}#${named}${shard}` };
}

/** The hour and the name of an item. */
export function readStatsKey(sk: string): { hour: string; name: string } {
  const [hour = '', ...rest] = sk.split('#');
  return { hour, name: rest.length > 1 ? decodeURIComponent(rest[0]!) : '' };
}

/**
 * The item as it is to be written in the place of `before`: always one that DynamoDB takes (core/stats/room.ts).
 * @param expiresAt unix seconds
 * @returns undefined when all of it is counted already
 */
export function addToStats(
  before: Pick<StatsRecord, 'sequence' | 'counts'> | undefined,
  { pk, sk, news }: ToCount,
  expiresAt: number,
): StatsRecord | undefined {
  const fresh = news.filter(({ sequence }) => before === undefined || sequence > before.sequence);
  if (fresh.length === 0) return undefined;
  const counts: Record<string, number> = { ...before?.counts };
  const placeOf = placing(counts);
  for (const one of fresh)
    for (const [counter, count] of Object.entries(one.counts)) {
      const place = counter in counts ? counter : placeOf(counter);
      counts[place] = (counts[place] ?? 0) + count;
    }
  return { pk, sk, sequence: fresh.at(-1)!.sequence, counts, expiresAt };
}
