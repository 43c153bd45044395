/**
 * The daily cap is never exceeded, however many processes accept and whichever of them die, and costs a write for many messages
 * (goal: no write more per message).
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BrakesRecord } from '../../core/brakes/brakes.ts';
import { apiErrors } from '../../core/errors.ts';
import { creditsIn } from '../../io/brakes.ts';
import { accept } from '../../submission/accept.ts';
import { type CreditsDeps, createCredits } from '../../submission/credits.ts';
import { startDynamodb } from '../io/dynamodb.ts';
import { makeCloud, makeMail, makePost } from '../lambdas/fake-cloud.ts';

const START = Date.parse('2026-11-25T12:00:00Z');

/** A table in memory, and processes that accept. */
function makeWorld(cap: number | undefined) {
  const world = {
    now: START,
    brakes: undefined as Partial<BrakesRecord> | undefined,
    brakesOf: new Map<string, Partial<BrakesRecord>>(),
    claimed: new Map<string, number>(),
    writes: 0,
    reads: 0,
    reached: [] as string[],
    broken: false,
  };
  const deps: CreditsDeps = {
    defaultCap: cap,
    now: () => world.now,
    readBrakes: async (account) => {
      world.reads++;
      return world.brakesOf.get(account) ?? world.brakes;
    },
    claimCredits: async (account, day, { needed, wanted, cap: most }) => {
      world.writes++;
      await Promise.resolve();
      if (world.broken) throw new Error('no answer');
      const key = `${account} ${day}`;
      const claimed = world.claimed.get(key) ?? 0;
      const granted = Math.min(wanted, most - claimed);
      if (granted < needed) return { granted: 0, claimed };
      world.claimed.set(key, claimed + granted);
      return { granted, claimed: claimed + granted };
    },
    markReached: async (account, day) => void world.reached.push(`${account} ${day}`),
    publishReached: () => {},
  };
  return Object.assign(world, { begin: () => createCredits(deps) });
}

describe('a daily cap', () => {
  test('any processes, deaths and requests: never exceeded, and refused only when eight ninths are sent', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 20_000 }),
        fc.array(
          fc.record({ process: fc.nat(7), copies: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 1_000 })) }),
          {
            maxLength: 400,
          },
        ),
        fc.array(fc.nat(399), { maxLength: 20 }),
        async (cap, requests, deaths) => {
          const world = makeWorld(cap);
          const processes = Array.from({ length: 8 }, () => world.begin());
          let accepted = 0;
          for (const [n, { process, copies }] of requests.entries()) {
            // A new environment in its place: what it had claimed is lost.
            if (deaths.includes(n)) processes[process] = world.begin();
            if (await processes[process]!.takeCredits('shopshop', copies)) accepted += copies;
            else expect((accepted * 9) / 8 + copies).toBeGreaterThan(cap);
            expect(accepted).toBeLessThanOrEqual(cap);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  test('300 environments that take one message each do not share out the cap among themselves', async () => {
    const world = makeWorld(1_000);
    const one = world.begin();
    for (let n = 0; n < 300; n++) expect(await world.begin().takeCredits('shopshop', 1)).toBeDefined();
    for (let n = 0; n < 700; n++) expect(await one.takeCredits('shopshop', 1)).toBeDefined();
    expect(await one.takeCredits('shopshop', 1)).toBeUndefined();
  });

  test('single messages of one process: 10,000 cost fewer than 100 writes, a cap of a million fewer than 2,000; without a cap none', async () => {
    const world = makeWorld(1_000_000);
    const credits = world.begin();
    for (let n = 0; n < 10_000; n++) await credits.takeCredits('shopshop', 1);
    expect(world.writes).toBeLessThan(100);
    for (let n = 10_000; n < 1_000_000; n++)
      if (!(await credits.takeCredits('shopshop', 1))) throw new Error(`refused at ${n}`);
    expect(await credits.takeCredits('shopshop', 1)).toBeUndefined();
    expect(world.writes).toBeLessThan(2_000);
    const free = makeWorld(undefined);
    const unlimited = free.begin();
    for (let n = 0; n < 10_000; n++) expect(await unlimited.takeCredits('shopshop', 1)).toBeDefined();
    expect(free.writes).toBe(0);
  });

  test('at the same time: one claim serves those that wait', async () => {
    const world = makeWorld(500);
    const credits = world.begin();
    const taken = await Promise.all(Array.from({ length: 600 }, () => credits.takeCredits('shopshop', 1)));
    expect(taken.filter(Boolean)).toHaveLength(500);
  });

  // Attack: whoever has a stolen key goes on after the cap, as fast as he can.
  test('who is over costs no further write, and is told of once; the next day begins anew; a raised cap counts at once', async () => {
    const world = makeWorld(10);
    const credits = world.begin();
    expect(await credits.takeCredits('shopshop', 10)).toBeDefined();
    expect(await credits.takeCredits('shopshop', 1)).toBeUndefined();
    const { writes } = world;
    for (let n = 0; n < 1_000; n++) expect(await credits.takeCredits('shopshop', 1)).toBeUndefined();
    expect([world.writes - writes, world.reached]).toEqual([0, ['shopshop 2026-11-25']]);
    expect(await credits.takeCredits('another2', 10)).toBeDefined();
    world.brakes = { operatorCap: 11 };
    expect(await credits.takeCredits('shopshop', 1)).toBeDefined();
    world.now = Date.parse('2026-11-26T00:00:01Z');
    expect(await credits.takeCredits('shopshop', 11)).toBeDefined();
  });

  test('where the table does not answer nothing is taken', async () => {
    const world = makeWorld(10);
    const credits = world.begin();
    world.broken = true;
    await expect(credits.takeCredits('shopshop', 1)).rejects.toThrow('no answer');
    world.broken = false;
    expect(await credits.takeCredits('shopshop', 10)).toBeDefined();
  });

  test('what was not accepted is given back', async () => {
    const world = makeWorld(10);
    const credits = world.begin();
    await credits.takeCredits('shopshop', 6);
    const giveBack = await credits.takeCredits('shopshop', 4);
    giveBack!();
    expect(await credits.takeCredits('shopshop', 4)).toBeDefined();
    expect(await credits.takeCredits('shopshop', 1)).toBeUndefined();
  });

  test('what is given back after midnight was of the day before, and is none of today', async () => {
    const world = makeWorld(10);
    const credits = world.begin();
    world.now = Date.parse('2026-11-25T23:59:59Z');
    const giveBack = await credits.takeCredits('shopshop', 8);
    world.now = Date.parse('2026-11-26T00:00:01Z');
    expect(await credits.takeCredits('shopshop', 1)).toBeDefined();
    giveBack!();
    expect(await credits.takeCredits('shopshop', 9)).toBeDefined();
    expect(await credits.takeCredits('shopshop', 1)).toBeUndefined();
  });

  // Attack: an account that is over its cap makes subusers, and sends as them.
  test("what a parent's cap allows is shared by his subusers; a refusal of either takes of neither", async () => {
    const world = makeWorld(undefined);
    world.brakesOf.set('parent22', { operatorCap: 10 });
    world.brakesOf.set('branch22', { operatorCap: 4 });
    const credits = world.begin();
    expect(await credits.takeCredits('branch22', 5, { parent: 'parent22' })).toBeUndefined();
    const giveBack = await credits.takeCredits('branch22', 4, { parent: 'parent22' });
    expect(await credits.takeCredits('another2', 7, { parent: 'parent22' })).toBeUndefined();
    expect(await credits.takeCredits('another2', 6, { parent: 'parent22' })).toBeDefined();
    expect(await credits.takeCredits('third222', 1, { parent: 'parent22' })).toBeUndefined();
    giveBack!();
    expect(await credits.takeCredits('parent22', 4)).toBeDefined();
    expect(await credits.takeCredits('parent22', 1)).toBeUndefined();
  });
});

describe('credits of a subuser', () => {
  const daily = {
    type: 'recurring',
    resetFrequency: 'daily',
    total: 10,
    since: START,
    adjusted: 0,
    adjustedAt: START,
  } as const;
  const once = { type: 'nonrecurring', total: 10, since: START, adjusted: 0 } as const;

  test('limit what it sends, and come again at midnight UTC; those for good do not', async () => {
    const world = makeWorld(undefined);
    const [one, other] = [world.begin(), world.begin()];
    const parent = 'parent22';
    for (const credits of [daily, once]) {
      const account = credits === daily ? 'branch22' : 'branch33';
      world.now = START;
      expect(await one.takeCredits(account, 6, { parent, credits })).toBeDefined();
      expect(await other.takeCredits(account, 5, { parent, credits })).toBeUndefined();
      expect(await other.takeCredits(account, 4, { parent, credits })).toBeDefined();
      world.now = Date.parse('2026-11-25T23:59:59.999Z');
      expect(await one.takeCredits(account, 1, { parent, credits })).toBeUndefined();
      world.now = Date.parse('2026-11-26T00:00:00Z');
      const tomorrow = await one.takeCredits(account, 10, { parent, credits });
      expect([credits.type, tomorrow !== undefined]).toEqual([credits.type, credits === daily]);
    }
    expect([...world.claimed]).toEqual([
      [`branch22 credits#${START}#2026-11-25`, 10],
      [`branch22 credits#${START}#2026-11-26`, 10],
      [`branch33 credits#${START}`, 10],
    ]);
    // The operator's alarm is for caps: whoever used up what he was given has done no wrong.
    expect(world.reached).toEqual([]);
  });

  test('unlimited ones, and an account without a parent, cost no write', async () => {
    const world = makeWorld(undefined);
    const credits = world.begin();
    for (let n = 0; n < 1_000; n++) {
      expect(await credits.takeCredits('branch22', 1, { parent: 'p', credits: { type: 'unlimited' } })).toBeDefined();
      expect(await credits.takeCredits('shopshop', 1)).toBeDefined();
    }
    expect(world.writes).toBe(0);
  });

  test('single messages: 10,000 cost fewer than 400 writes, and a process that dies loses a 32nd at most', async () => {
    const world = makeWorld(undefined);
    const credits = world.begin();
    const given = { credits: { ...once, total: 1_000_000 } };
    for (let n = 0; n < 10_000; n++) await credits.takeCredits('branch22', 1, given);
    expect(world.writes).toBeLessThan(400);
    expect(world.claimed.get(`branch22 credits#${START}`)! - 10_000).toBeLessThan(10_000 / 32);
  });

  test('changed by hand: more and less hold at once, without a new count', async () => {
    const world = makeWorld(undefined);
    const process = world.begin();
    expect(await process.takeCredits('branch22', 10, { credits: once })).toBeDefined();
    expect(await process.takeCredits('branch22', 1, { credits: once })).toBeUndefined();
    expect(await process.takeCredits('branch22', 5, { credits: { ...once, adjusted: 5 } })).toBeDefined();
    expect(await process.takeCredits('branch22', 1, { credits: { ...once, adjusted: 5 } })).toBeUndefined();
    expect(await process.takeCredits('branch22', 1, { credits: { ...once, adjusted: -9 } })).toBeUndefined();
    // Set anew: counted anew.
    expect(await process.takeCredits('branch22', 10, { credits: { ...once, since: START + 1 } })).toBeDefined();
  });

  test('what was not accepted is given back to all who counted it, and a refusal of one takes of none', async () => {
    const world = makeWorld(undefined);
    world.brakesOf.set('parent22', { operatorCap: 100 });
    world.brakesOf.set('branch22', { operatorCap: 20 });
    const process = world.begin();
    const giveBack = await process.takeCredits('branch22', 8, { parent: 'parent22', credits: once });
    for (let n = 0; n < 50; n++)
      expect(await process.takeCredits('branch22', 3, { parent: 'parent22', credits: once })).toBeUndefined();
    giveBack!();
    expect(await process.takeCredits('branch22', 10, { parent: 'parent22', credits: once })).toBeDefined();
    expect(await process.takeCredits('branch22', 10)).toBeDefined();
    expect(await process.takeCredits('branch22', 1)).toBeUndefined();
    expect(await process.takeCredits('parent22', 91)).toBeUndefined();
    expect(await process.takeCredits('parent22', 90)).toBeDefined();
  });
});

describe('in the table', () => {
  let dynamodb: Awaited<ReturnType<typeof startDynamodb>>;
  beforeAll(async () => {
    dynamodb = await startDynamodb(['messages']);
  });
  afterAll(() => dynamodb.stop());

  test('20 claimants at once: no more than the cap, and nobody is refused who would fit', async () => {
    const { claimCredits, readCredits, markReached } = creditsIn('messages', dynamodb.client);
    const claim = (needed: number, wanted: number) =>
      claimCredits('shopshop', '2026-11-25', { needed, wanted, cap: 100, expiresAt: 9e9 });
    const all = await Promise.all(Array.from({ length: 20 }, () => claim(1, 9)));
    expect(all.reduce((sum, { granted }) => sum + granted, 0)).toBe(100);
    expect(all.every(({ granted }) => granted <= 9)).toBe(true);
    expect(await claim(1, 9)).toEqual({ granted: 0, claimed: 100 });
    await markReached('shopshop', '2026-11-25', 5);
    await markReached('shopshop', '2026-11-25', 6);
    expect(await readCredits('shopshop', '2026-11-25')).toMatchObject({ claimed: 100, reachedAt: 5, expiresAt: 9e9 });
    expect(await readCredits('another2', '2026-11-25')).toBeUndefined();
    // Credits for good are counted for good.
    await claimCredits('branch22', 'credits#1', { needed: 1, wanted: 1, cap: 3 });
    await claimCredits('branch22', 'credits#1', { needed: 1, wanted: 1, cap: 3 });
    expect(await readCredits('branch22', 'credits#1')).toEqual({ pk: 'branch22#sent', sk: 'credits#1', claimed: 2 });
  });
});

// Attack: a stolen key sends as much as it can.
describe('accept over the cap', () => {
  test("refuses whole, in SendGrid's words, and nothing is written", async () => {
    const { cloud, accept: deps } = makeCloud();
    cloud.credits = 3;
    const personalizations = Array.from({ length: 4 }, (_, n) => ({ to: [{ email: `reader-${n}@example.net` }] }));
    const refused = await accept(makePost(makeMail({ personalizations })), deps);
    expect([refused.status, JSON.parse(refused.body)]).toEqual([
      401,
      { errors: [{ message: 'Maximum credits exceeded', field: null, help: null }] },
    ]);
    expect(cloud.calls).toEqual([]);
    // What fits is taken, and checked mail costs nothing.
    expect((await accept(makePost(makeMail()), deps)).status).toBe(202);
    expect((await accept(makePost(makeMail({ mail_settings: { sandbox_mode: { enable: true } } })), deps)).status).toBe(
      200,
    );
    expect(cloud.credits).toBe(2);
  });

  test('a repeated Idempotency-Key gets its first answer, over the cap too, and is counted once', async () => {
    const { cloud, accept: deps } = makeCloud();
    cloud.credits = 1;
    const post = () => accept(makePost(makeMail(), { 'idempotency-key': 'k' }), deps);
    const first = await post();
    const again = await post();
    expect([first.status, again.status, again.headers, cloud.credits]).toEqual([202, 202, first.headers, 0]);
    const other = () => accept(makePost(makeMail(), { 'idempotency-key': 'k2' }), deps);
    expect((await other()).status).toBe(401);
    cloud.credits = 1;
    expect((await other()).status).toBe(202);
  });

  // Nobody knows what became of it, and it kept what it took: its repeat must neither pay again nor hear that nothing was accepted.
  test('who takes over a request that ended uncertain takes no credits again', async () => {
    const { cloud, accept: deps } = makeCloud();
    const post = (one: typeof deps) => accept(makePost(makeMail(), { 'idempotency-key': 'k' }), one);
    cloud.credits = 1;
    const silent = {
      ...deps,
      sendEntries: async () => ['unanswered' as const],
      hold: async () => Promise.reject(new Error('out')),
    };
    const first = await post(silent);
    expect([first.status, cloud.credits]).toEqual([503, 0]);
    expect([(await post(deps)).status, cloud.credits]).toEqual([202, 0]);
  });

  test('a request that could not be stored gives back what it took; where nobody can count, nothing is accepted', async () => {
    const { cloud, accept: deps } = makeCloud([{ operation: 'recordRequest', fault: 'error', times: 1 }]);
    cloud.credits = 1;
    expect((await accept(makePost(makeMail()), deps)).status).toBe(503);
    expect(cloud.credits).toBe(1);
    const blind = { ...deps, takeCredits: async () => Promise.reject(new Error('no answer')) };
    expect(JSON.parse((await accept(makePost(makeMail()), blind)).body).errors[0].message).toBe(
      apiErrors.unavailable.message,
    );
    expect(cloud.requests.size).toBe(1);
  });
});
