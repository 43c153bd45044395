import { describe, expect, it } from 'vitest';
import { inVirtualTime } from '../../virtual-clock.ts';
import { makeMail, simulate } from './simulation.ts';

const START = Date.UTC(2026, 10, 23, 12);
const MINUTE = 60_000;

describe('a backlog of 100,000', () => {
  // Attack: one account queues 90 % of it, three sites are slow, one refuses everything for now.
  it('keeps no other account waiting for a minute, exceeds no limit, and never waits idly', async () => {
    await inVirtualTime(START, async (clock) => {
      // Prepare
      const quick = { hosts: ['mx.quick.example'], latency: () => 400 };
      const slow = (n: number) => ({ hosts: [`mx.slow${n}.example`], latency: () => 20_000 });
      const paused = {
        hosts: ['mx.paused.example'],
        latency: () => 300,
        answer: () => '554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org',
      };
      const others = Object.fromEntries(
        Array.from({ length: 60 }, (_, n) => [`d${n}.example`, { hosts: [`mx.d${n}.example`], latency: () => 400 }]),
      );
      const providers = {
        'slow1.example': slow(1),
        'slow2.example': slow(2),
        'slow3.example': slow(3),
        'paused.example': paused,
        ...others,
        '*': quick,
      };
      const simulation = simulate(clock, providers);
      const domainOf = (n: number) =>
        n % 50 === 0 ? `slow${1 + ((n / 50) % 3)}.example` : n % 50 === 1 ? 'paused.example' : `d${n % 60}.example`;
      const bulk = Array.from({ length: 900 }, (_, job) =>
        makeMail(
          'noisyone',
          Array.from({ length: 100 }, (_, n) => `r${n}@${domainOf(job * 100 + n)}`),
          START,
          job,
        ),
      );
      const quiet = Array.from({ length: 10_000 }, (_, n) =>
        makeMail(`account${'abcdefghijklmnopqrst'[n % 20]}`, [`u${n}@d${n % 60}.example`], START + n * 30, 1_000 + n),
      );
      // The others come while the backlog lasts, as their readers click.
      simulation.put(bulk);
      let next = 0;
      const arrive = (now: number) => {
        while (next < quiet.length && START + next * 30 <= now) simulation.put([quiet[next++]!]);
        return next < quiet.length;
      };
      // Act
      await simulation.run(20 * MINUTE, arrive);
      // Assess: everybody else's oldest, from the API's 202 to the reader's 250
      const acceptedAt = new Map(quiet.map((job) => [`${job.account}#${job.requestId}`, job.acceptedAt]));
      const outcomes = [...simulation.outcomes.values()];
      const waits = outcomes.flatMap(({ at, pk }) => (acceptedAt.has(pk) ? [at - acceptedAt.get(pk)!] : []));
      expect(waits).toHaveLength(quiet.length);
      expect(Math.max(...waits)).toBeLessThan(MINUTE);
      // Limits: the table says ten connections for any site that is nobody's.
      for (const { most } of simulation.hosts.values()) expect(most).toBeLessThanOrEqual(10);
      // What is refused for our address is left alone for hours, and nobody is bounced for it.
      expect(simulation.hosts.get('mx.paused.example')!.refused).toBeLessThanOrEqual(10);
      expect(simulation.limits.get('mx.paused.example')?.pausedUntil).toBeGreaterThan(START + 60 * MINUTE);
      // No environment runs without mail in flight.
      expect(simulation.ran.idle).toBeLessThan(simulation.ran.billed / 100);
      // Conservation
      const held = simulation.holds.reduce((sum, { copies }) => sum + copies, 0);
      expect(outcomes.filter(({ event }) => event === 'delivered')).toHaveLength(100_000 - held);
      expect(simulation.queue.size).toBe(0);
    });
  }, 120_000);
});
