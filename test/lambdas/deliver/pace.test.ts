/** What limits do to mail over hours, in virtual time: turns, rates that are cut, sites that share a limit, a lone connection. */
import { describe, expect, it } from 'vitest';
import { compileShaping } from '../../../core/shaping/compile.ts';
import { inVirtualTime } from '../../virtual-clock.ts';
import { makeMail, simulate } from './simulation.ts';

const START = Date.UTC(2026, 10, 23, 12);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const to = (count: number, domain: string, from = 0) =>
  Array.from({ length: count }, (_, n) => `r${n + from}@${domain}`);

describe('a site that takes twenty seconds for a message', () => {
  it('gets its mail turn by turn, without jobs that go round and round', async () => {
    await inVirtualTime(START, async (clock) => {
      const simulation = simulate(clock, { '*': { hosts: ['mx.slow.example'], latency: () => 20_000 } });
      simulation.put(
        Array.from({ length: 60 }, (_, n) => makeMail('operator', to(100, 'slow.example', n * 100), START, n)),
      );

      await simulation.run(3 * HOUR);

      const hops = simulation.holds.map((hold) => (hold.kind === 'job' ? hold.job.hop : 0));
      // Two hops for each turn that came.
      expect(Math.max(...hops)).toBeLessThan(30);
      // Ten connections would take thirty a minute; a run that only such a site keeps ends sooner, so it is less.
      expect(simulation.outcomes.size).toBeGreaterThan(900);
      const held = simulation.holds.reduce((sum, { copies }) => sum + copies, 0);
      const queued = [...simulation.queue.values()]
        .flat()
        .reduce((sum, { body }) => sum + JSON.parse(body).copies.length, 0);
      expect(simulation.outcomes.size + held + queued).toBe(6_000);
    });
  }, 60_000);
});

describe('a rate that is cut to ten a minute', () => {
  it('holds for what waits already, too', async () => {
    await inVirtualTime(START, async (clock) => {
      const times: number[] = [];
      let complained = Number.POSITIVE_INFINITY;
      const answer = ({ now }: { now: number }) => {
        times.push(now);
        if (now < START + 20_000 || complained < Number.POSITIVE_INFINITY) return undefined;
        complained = now;
        return '421 4.7.0 [TSS03] slow down please';
      };
      const shaping = compileShaping({
        rules: [
          {
            name: 'slow',
            match: 'TSS03',
            sample: '421 4.7.0 [TSS03] slow down please',
            act: { do: 'limit', perMinute: 10, minutes: 60 },
          },
        ],
      });
      const simulation = simulate(clock, { '*': { hosts: ['mx.x.example'], latency: () => 400, answer } }, { shaping });
      simulation.put(
        Array.from({ length: 20 }, (_, n) => makeMail('operator', to(100, 'x.example', n * 100), START, n)),
      );

      await simulation.run(40 * MINUTE);

      const perMinute = Array.from({ length: 30 }, (_, n) => {
        const from = complained + (n + 1) * MINUTE;
        return times.filter((at) => at >= from && at < from + MINUTE).length;
      });
      expect(complained).toBeLessThan(START + 2 * MINUTE);
      expect(Math.max(...perMinute)).toBeLessThanOrEqual(20);
      expect(perMinute.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(310);
      expect(perMinute.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(150);
    });
  }, 60_000);
});

describe('sites that share their provider’s limit', () => {
  it('take turns: a lone mail to the one does not wait for the other’s bulk', async () => {
    await inVirtualTime(START, async (clock) => {
      const gmail = { hosts: ['gmail-smtp-in.l.google.com'], latency: () => 500 };
      const workspace = { hosts: ['aspmx.l.google.com'], latency: () => 500 };
      const simulation = simulate(clock, { 'gmail.com': gmail, '*': workspace });
      simulation.put(
        Array.from({ length: 60 }, (_, n) => makeMail('noisyone', to(100, 'gmail.com', n * 100), START, n)),
      );
      const acceptedAt = new Map<string, number>();
      let nth = 1_000;

      await simulation.run(12 * MINUTE, (now) => {
        const job = makeMail('quietone', ['one@company.example'], now, nth++);
        acceptedAt.set(`quietone#${job.requestId}`, now);
        if (now < START + 10 * MINUTE) simulation.put([job]);
        return now < START + 10 * MINUTE;
      });

      const waits = [...simulation.outcomes.values()].flatMap(({ pk, at }) =>
        acceptedAt.has(pk) ? [at - acceptedAt.get(pk)!] : [],
      );
      expect(waits.length).toBeGreaterThan(50);
      expect(Math.max(...waits)).toBeLessThan(90_000);
      const open = [...simulation.hosts.values()].map(({ most }) => most);
      expect(Math.max(...open)).toBeLessThanOrEqual(5);
    });
  }, 60_000);
});

describe('a limit of one', () => {
  it('is one, for both environments, and what comes now and then need not wait for its turn', async () => {
    await inVirtualTime(START, async (clock) => {
      const shaping = compileShaping({ providers: { lone: { suffixes: ['lone.example'], connections: 1 } } });
      const simulation = simulate(clock, { '*': { hosts: ['mx.lone.example'], latency: () => 400 } }, { shaping });
      const acceptedAt = new Map<string, number>();
      let nth = 0;

      await simulation.run(32 * MINUTE, (now) => {
        const job = makeMail('operator', ['one@lone.example'], now, nth++);
        acceptedAt.set(`operator#${job.requestId}`, now);
        if (now < START + 30 * MINUTE) simulation.put([job]);
        return now < START + 30 * MINUTE;
      });

      const waits = [...simulation.outcomes.values()].map(({ pk, at }) => at - acceptedAt.get(pk)!);
      expect(waits.length).toBeGreaterThan(170);
      expect(Math.max(...waits)).toBeLessThan(90_000);
      expect(simulation.hosts.get('mx.lone.example')!.most).toBe(1);
    });
  }, 60_000);
});
