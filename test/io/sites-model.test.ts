/**
 * I1: workers whose clocks are up to ten minutes wrong, that stop for good at any step, before or after the table has done what
 * they asked, and whose steps come in any order. The code under test is io/sites.ts itself; only the table is in memory.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Allowance } from '../../core/shaping/allowance.ts';
import { CLOCK_SKEW, sitesIn } from '../../io/sites.ts';
import { createMemoryTable } from './memory-table.ts';

const NOW = Date.UTC(2026, 10, 23, 12);
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
/** The longest run of deliver. */
const LIFE = 3 * MINUTE;
const RUNS = 10_000;

const worker = fc.record({
  skew: fc.integer({ min: -10 * MINUTE, max: 10 * MINUTE }),
  rounds: fc.integer({ min: 1, max: 4 }),
  /** The step at which it stops for good; most never do. */
  crash: fc.option(fc.record({ at: fc.nat(8), applied: fc.boolean() }), { freq: 2 }),
  life: fc.integer({ min: SECOND, max: LIFE }),
  /** Whether it ends its lease, or sleeps beyond it and ends it then. */
  tidy: fc.boolean(),
});
/** Who goes next, and how much later: from at once to longer than a lease and any clock's error. */
const step = fc.record({
  pick: fc.nat(1_000),
  later: fc.oneof(fc.nat(10 * SECOND), fc.nat(LIFE), fc.constant(CLOCK_SKEW), fc.constant(45 * MINUTE)),
});
const world = fc.tuple(
  fc.array(worker, { minLength: 2, maxLength: 5 }),
  fc.array(step, { minLength: 10, maxLength: 40 }),
);
type Worker = typeof worker extends fc.Arbitrary<infer T> ? T : never;
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Lets what is waiting go on, one step at a time, in the order that the steps say, until nothing waits. */
function createSchedule(steps: Step[]) {
  const time = { now: NOW };
  const waiting: (() => void)[] = [];
  return {
    time,
    turn: () => new Promise<void>((go) => waiting.push(go)),
    play: async (watch: () => void) => {
      for (let n = 0; ; n++) {
        for (let ticks = 0; ticks < 12; ticks++) await undefined;
        watch();
        if (waiting.length === 0) return;
        const { pick, later } = steps[n % steps.length]!;
        time.now += later;
        watch();
        waiting.splice(pick % waiting.length, 1)[0]!();
      }
    },
  };
}

function openWorker(
  { skew, crash }: Worker,
  memory: ReturnType<typeof createMemoryTable>,
  schedule: ReturnType<typeof createSchedule>,
) {
  let steps = 0;
  const state = { crashed: false };
  const stop = () => {
    state.crashed = true;
    return new Promise<never>(() => {});
  };
  const send = async (command: unknown) => {
    const own = steps++;
    await schedule.turn();
    if (crash?.at === own && !crash.applied) return stop();
    const answer = settled(() => memory.apply(command));
    if (crash?.at === own) return stop();
    // The answer takes its time too.
    await schedule.turn();
    return answer();
  };
  const clock = () => schedule.time.now + skew;
  return { state, clock, sites: sitesIn('sites', { send } as never, clock) };
}

/** What a call came to, to be told later. */
function settled<T>(call: () => T): () => T {
  try {
    const value = call();
    return () => value;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

it('never two valid leases; an old fence takes and ends nothing; nothing is stuck for ever', async () => {
  const seen = { taken: 0, refused: 0, crashed: 0, late: 0 };
  await fc.assert(
    fc.asyncProperty(world, async ([workers, steps]) => {
      // Prepare
      const memory = createMemoryTable();
      const schedule = createSchedule(steps);
      const leaseOf = () => [...memory.items.values()].find(({ pk }) => pk === 'lane#lease');
      const holding = new Map<number, { until: number; clock: () => number }>();
      const states: { crashed: boolean }[] = [];
      let ended = 0;

      // Act
      const runs = workers.map(async (one, index) => {
        const { sites, clock, state } = openWorker(one, memory, schedule);
        states.push(state);
        const fence = `fence-${index}`;
        for (let round = 0; round < one.rounds; round++) {
          const at = clock();
          const until = at + one.life;
          if (!(await sites.takeLease('lane', 'site', fence, until, at))) {
            seen.refused++;
            continue;
          }
          seen.taken++;
          // What it was given may be over by the time that it hears of it.
          holding.set(index, { until, clock });
          await schedule.turn();
          if (!one.tidy) await schedule.turn();
          const before = structuredClone(leaseOf());
          const late = before?.fence !== fence;
          holding.delete(index);
          await sites.endLease('lane', 'site', fence);
          if (late) seen.late++;
        }
        ended++;
      });
      await schedule.play(() => {
        const valid = [...holding.values()].filter(({ until, clock }) => clock() < until);
        // Assess
        expect(valid.length).toBeLessThanOrEqual(1);
        for (const [index, { until, clock }] of holding)
          if (clock() < until) expect(leaseOf()?.fence).toBe(`fence-${index}`);
      });
      void runs;
      expect(ended).toBe(states.filter(({ crashed }) => !crashed).length);
      if (leaseOf()) seen.crashed++;
      // Whatever was left behind is free when its time is past by anybody's clock.
      const late = schedule.time.now + LIFE + CLOCK_SKEW + 20 * MINUTE;
      for (const skew of [-10 * MINUTE, 10 * MINUTE]) {
        const sites = sitesIn(
          'sites',
          { send: async (command: unknown) => memory.apply(command) } as never,
          () => late,
        );
        expect(await sites.takeLease('lane', 'site', `new-${skew}`, late + skew, late + skew)).toBe(true);
        for (const index of workers.keys()) {
          await sites.endLease('lane', 'site', `fence-${index}`);
          expect(await sites.takeLease('lane', 'site', `fence-${index}`, late + LIFE, late)).toBe(false);
        }
        await sites.endLease('lane', 'site', `new-${skew}`);
      }
    }),
    { numRuns: RUNS / 2 },
  );
  // The cases are there that it is about.
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(RUNS / 100);
}, 120_000);

it('no change of an allowance is lost, or made twice', async () => {
  const seen = { lost: 0, gaveUp: 0 };
  await fc.assert(
    fc.asyncProperty(world, async ([workers, steps]) => {
      // Prepare
      const memory = createMemoryTable();
      const schedule = createSchedule(steps.map((one) => ({ ...one, later: one.later % MINUTE })));
      const states: { crashed: boolean }[] = [];
      let done = 0;
      let ended = 0;

      // Act
      const runs = workers.map(async (one) => {
        const { sites, state } = openWorker(one, memory, schedule);
        states.push(state);
        for (let round = 0; round < one.rounds; round++)
          await sites
            .changeAllowance('lane', 'site', add)
            .then(() => done++)
            .catch((error: Error) => {
              expect(error.message).toContain('5 times');
              seen.gaveUp++;
            });
        ended++;
      });
      await schedule.play(() => {});
      void runs;

      // Assess
      const { connections = 0 } = [...memory.items.values()][0] ?? {};
      const crashed = states.filter((state) => state.crashed).length;
      seen.lost += crashed;
      expect(ended).toBe(states.length - crashed);
      expect(connections).toBeGreaterThanOrEqual(done);
      expect(connections).toBeLessThanOrEqual(done + crashed);
    }),
    { numRuns: RUNS / 2 },
  );
  expect(seen.lost).toBeGreaterThan(RUNS / 100);
}, 120_000);

function add(known: Allowance | undefined): Allowance {
  const { connections = 0 } = known ?? {};
  return { connections: connections + 1, cutAt: NOW, grownAt: NOW, rule: 'r', reply: '' };
}
