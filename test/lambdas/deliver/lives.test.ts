/** Whole lives of messages, in virtual time: what is in doubt, what is refused for days, what many sites limit. */
import { describe, expect, it } from 'vitest';
import { compileShaping } from '../../../core/shaping/compile.ts';
import { inVirtualTime } from '../../virtual-clock.ts';
import { makeMail, simulate } from './simulation.ts';

const START = Date.UTC(2026, 10, 23, 12);
const HOUR = 3_600_000;
const to = (count: number, domain: (n: number) => string) =>
  Array.from({ length: count }, (_, n) => `r${n}@${domain(n)}`);

describe('a thousand links lost behind the final dot', () => {
  it('are a thousand doubts, sent again and marked, and none is lost', async () => {
    await inVirtualTime(START, async (clock) => {
      const seen = new Map<string, number>();
      const answer = ({ to: address }: { to: string }) => {
        const times = (seen.get(address) ?? 0) + 1;
        seen.set(address, times);
        return times === 1 ? 'lost' : undefined;
      };
      // Of many sites: one that breaks off every session is left alone after a few.
      const hosts = Object.fromEntries(
        Array.from({ length: 250 }, (_, n) => [
          `d${n}.example`,
          { hosts: [`mx.d${n}.example`], latency: () => 300, answer },
        ]),
      );
      const simulation = simulate(clock, hosts);
      simulation.put(
        Array.from({ length: 10 }, (_, n) =>
          makeMail(
            'operator',
            to(100, (i) => `d${(n * 100 + i) % 250}.example`).map((one) => `${n}${one}`),
            START,
            n,
          ),
        ),
      );

      await simulation.run(12 * HOUR);

      const doubted = simulation.attempts.filter(({ event }) => event === 'doubted');
      expect(doubted).toHaveLength(1_000);
      const outcomes = [...simulation.outcomes.values()];
      expect(outcomes).toHaveLength(1_000);
      expect(outcomes.every(({ event, possibleDuplicate }) => event === 'delivered' && possibleDuplicate)).toBe(true);
      // The sink has seen each twice: the bound of what a doubt may cost.
      expect([...seen.values()].every((times) => times === 2)).toBe(true);
    });
  }, 60_000);
});

describe('a life of refusals', () => {
  it('ends once, as blocked, 72 hours after its first attempt', async () => {
    await inVirtualTime(START, async (clock) => {
      const simulation = simulate(clock, {
        '*': { hosts: ['mx.x.example'], latency: () => 200, answer: () => '450 4.2.0 try again later' },
      });
      simulation.put([
        makeMail(
          'operator',
          to(20, () => 'x.example'),
          START,
          1,
        ),
      ]);

      await simulation.run(80 * HOUR);

      const outcomes = [...simulation.outcomes.values()];
      expect(outcomes).toHaveLength(20);
      for (const { event, type, at, reply } of outcomes) {
        expect({ event, type, reply }).toEqual({
          event: 'bounced',
          type: 'blocked',
          reply: 'expired: 450 4.2.0 try again later',
        });
        expect(at - START).toBeGreaterThanOrEqual(72 * HOUR);
        expect(at - START).toBeLessThan(72.1 * HOUR);
      }
      expect(simulation.holds).toEqual([]);
      expect(simulation.attempts.length / 20).toBeGreaterThan(20);
      expect(simulation.attempts.length / 20).toBeLessThan(40);
    });
  }, 60_000);
});

// One copy is tried after each pause, and refused; all others wait for the end of the next.
describe('a site that pauses a source IP for all it sends, day after day', () => {
  it('costs no mail its outcome: each copy ends in its time, and none in a dead letter', async () => {
    await inVirtualTime(START, async (clock) => {
      const shaping = compileShaping({
        rules: [
          {
            name: 'paused',
            match: 'RL000010',
            sample: '421 4.7.0 RL000010 too many messages',
            act: { do: 'pause', minutes: 15 },
          },
        ],
      });
      const answer = () => '421 4.7.0 RL000010 too many messages';
      const simulation = simulate(clock, { '*': { hosts: ['mx.x.example'], latency: () => 200, answer } }, { shaping });
      const bulk = makeMail(
        'operator',
        to(40, () => 'x.example'),
        START,
        0,
      );
      simulation.put([
        bulk,
        ...Array.from({ length: 5 }, (_, n) => makeMail('operator', ['one@x.example'], START, n + 1)),
      ]);

      await simulation.run(200 * HOUR);

      expect([simulation.problems.slice(0, 3), simulation.dead]).toEqual([[], []]);
      expect([simulation.queue.size, simulation.holds]).toEqual([0, []]);
      const outcomes = [...simulation.outcomes.values()];
      expect(outcomes).toHaveLength(45);
      const ages = outcomes.map(({ at }) => (at - START) / HOUR);
      for (const { type, reply } of outcomes) expect(`${type} ${reply}`).toMatch(/^blocked expired: /);
      // 72 hours from the first attempt of each, and what comes to none waits 96.
      expect(Math.min(...ages)).toBeGreaterThanOrEqual(72);
      expect(Math.max(...ages)).toBeLessThan(96 + 72 + 1);
    });
  }, 60_000);
});

describe('ten sites that take three connections each', () => {
  it('get ten thousand messages, none more than it may, none left out', async () => {
    await inVirtualTime(START, async (clock) => {
      const host = (n: number) => ({
        hosts: [`mx.d${n}.example`],
        latency: () => 400,
        answer: ({ connections }: { connections: number }) =>
          connections > 3 ? '421 4.7.0 too many connections from your host' : undefined,
      });
      const simulation = simulate(
        clock,
        Object.fromEntries(Array.from({ length: 10 }, (_, n) => [`d${n}.example`, host(n)])),
      );
      simulation.put(
        Array.from({ length: 100 }, (_, n) =>
          makeMail(
            `account${2 + (n % 6)}`,
            to(100, (i) => `d${i % 10}.example`).map((one) => `${n}${one}`),
            START,
            n,
          ),
        ),
      );

      await simulation.run(6 * HOUR);

      expect([...simulation.outcomes.values()].filter(({ event }) => event === 'delivered')).toHaveLength(10_000);
      for (const { most, taken, refused } of simulation.hosts.values()) {
        expect(most).toBeLessThanOrEqual(10);
        expect(taken).toBe(1_000);
        // It is asked for more now and then, one at a time, and no more often than that.
        expect(refused).toBeLessThan(200);
      }
    });
  }, 60_000);
});
