/** What a run did, by provider: counts, and how long delivered mail took. One line of metrics each, never one per message. */

import type { Tally } from '../../io/metrics.ts';

export type Counted = Exclude<keyof Tally, 'latencies'>;

export function createTallies() {
  const tallies = new Map<string, Tally>();
  const of = (provider: string): Tally => {
    let tally = tallies.get(provider);
    if (!tally) {
      tally = { accepted: 0, delivered: 0, deferred: 0, bounced: 0, dropped: 0, unknown: 0, latencies: [] };
      tallies.set(provider, tally);
    }
    return tally;
  };
  return {
    count: (provider: string, what: Counted) => {
      const tally = of(provider);
      tally[what] = (tally[what] ?? 0) + 1;
    },
    latency: (provider: string, seconds: number) => {
      of(provider).latencies.push(seconds);
    },
    all: (): ReadonlyMap<string, Tally> => tallies,
  };
}
