/**
 * Attack: a stolen key sends a bought list, and its account is paused while jobs of it are on the lanes. Nothing more of that bulk reaches a
 * mail server, the account's password resets do, no attempt is burnt, and all of it is still there when the account is resumed.
 */
import { afterEach, describe, expect, it } from 'vitest';
import type { Job } from '../../../core/job.ts';
import { DAY_SECONDS } from '../../../core/limits.ts';
import type { Hold } from '../../../core/records/holds.ts';
import { deliver } from '../../../lambdas/deliver/deliver.ts';
import { type Script, type ScriptedServer, startScript } from '../../smtp-script.ts';
import { makeJob, makeWorld, message, START } from './world.ts';

let server: ScriptedServer;
afterEach(() => server?.close());

async function setUp(script: Script = {}) {
  server = await startScript(script);
  return makeWorld(server.port);
}
const many = (count: number) => Array.from({ length: count }, (_, n) => `reader-${n}@x.example`);
const jobOf = (hold: Hold | undefined): Job => {
  if (hold?.kind !== 'job') throw new Error('no job is held');
  return hold.job;
};

describe('bulk of a paused account', () => {
  it('is parked as it came; single mail, and others’ bulk, go out', async () => {
    const world = await setUp();
    world.paused.add('operator');
    const bulk = makeJob(many(11));
    const single = makeJob(['reset@x.example'], { id: 'single.0.0' });
    const others = makeJob(many(12), { id: 'others.0.0', account: 'another2' });

    const batch = [bulk, single, others].map((job, n) => message(job, 1, `m${n}`));
    expect(await deliver(batch, world.begin())).toEqual([]);

    expect(server.messages).toHaveLength(13);
    const [sweep, parked, ...more] = world.holds;
    expect(more).toEqual([]);
    expect(sweep).toMatchObject({ kind: 'sweep', account: 'operator', copies: 0 });
    expect(parked).toMatchObject({ pk: 'operator#parked', kind: 'job', copies: 11 });
    expect(jobOf(parked)).toEqual({ ...bulk, hop: 1 });
    expect([world.claims.size, world.attempts.length]).toEqual([0, 0]);
    expect(world.published.get('other')?.accepted).toBe(24);
  });

  // Attack: whoever has the key of an account that the operator paused makes a subuser, and sends as that.
  it('is parked under the parent that the operator paused, for the sweep of his resume', async () => {
    const world = await setUp();
    world.deps.whoPauses = async () => 'parent22';
    await deliver([message(makeJob(many(11), { account: 'branch22' }))], world.begin());
    const [sweep, parked] = world.holds;
    expect(sweep).toMatchObject({ kind: 'sweep', account: 'parent22' });
    expect(parked).toMatchObject({ pk: 'parent22#parked', account: 'branch22', copies: 11 });
    expect(server.connections()).toBe(0);
  });

  it('what is left of a bulk request is bulk, however little: a retry of one copy waits, with its attempts', async () => {
    const world = await setUp();
    world.paused.add('operator');
    const left = makeJob(['late@x.example'], { bulk: true, attempt: 3, hop: 6, firstAttemptAt: START - 3_600_000 });
    await deliver([message(left)], world.begin());
    expect(server.messages).toEqual([]);
    expect(jobOf(world.holds.at(-1))).toMatchObject({ attempt: 3, hop: 7, firstAttemptAt: START - 3_600_000 });
  });

  it('a dead letter of five days ago that comes to a lane for the first time is parked; its days are counted from now', async () => {
    const world = await setUp();
    world.paused.add('operator');
    const redriven = makeJob(many(11), { acceptedAt: START - 5 * 86_400_000 });
    await deliver([message(redriven, 4)], world.begin());
    expect(world.outcomes.size).toBe(0);
    expect(jobOf(world.holds.at(-1))).toMatchObject({ hop: 1, waitsSince: START });
    // Behind another wait it is tried all the same.
    world.paused.delete('operator');
    const waited = jobOf(world.holds.at(-1));
    world.now += 3_600_000;
    await deliver([message({ ...waited, hop: waited.hop + 1 })], world.begin());
    expect(server.messages).toHaveLength(11);
  });

  it('goes out once after the resume, whole, at the attempt at which it was', async () => {
    const world = await setUp();
    world.paused.add('operator');
    await deliver([message(makeJob(many(30)))], world.begin());
    world.paused.delete('operator');
    const parked = jobOf(world.holds.at(-1));
    world.now += 3_600_000;
    expect(await deliver([message({ ...parked, hop: parked.hop + 1 })], world.begin())).toEqual([]);
    expect(server.messages).toHaveLength(30);
    expect([...world.outcomes.values()].map(({ event, attempt }) => `${event} ${attempt}`)).toEqual(
      Array(30).fill('delivered 0'),
    );
    // Somebody hands the same job over again: nobody gets it twice.
    await deliver([message({ ...parked, hop: parked.hop + 1 }, 2)], world.begin());
    expect(server.messages).toHaveLength(30);
  });

  it('passes its lane so seldom that four days of a pause are a few dozen hops', async () => {
    const world = await setUp();
    world.paused.add('operator');
    let job = makeJob(many(20));
    for (; world.now < START + 96 * 3_600_000; ) {
      await deliver([message(job)], world.begin());
      const [sweep, parked] = world.holds.slice(-2);
      const held = jobOf(parked);
      job = { ...held, hop: held.hop + 1 };
      world.now = sweep!.due;
    }
    expect(job.hop).toBeLessThan(40);
    expect(job.attempt).toBe(0);
  }, 30_000);

  it('is dropped after four days, and says why: nothing waits for ever, or gets lost', async () => {
    const world = await setUp();
    world.paused.add('operator');
    world.now = START + (4 * DAY_SECONDS + 60) * 1_000;
    expect(await deliver([message(makeJob(many(15), { hop: 30 }))], world.begin())).toEqual([]);
    expect(server.messages).toEqual([]);
    expect([...world.outcomes.values()].map(({ event, reply }) => `${event}: ${reply}`)).toEqual(
      Array(15).fill('dropped: Bulk of this account was paused for 96 hours'),
    );
    expect(world.holds).toEqual([]);
  });

  it('is handed back where nobody knows whether it is paused: it is neither sent nor lost', async () => {
    server = await startScript();
    const world = makeWorld(server.port, { whoPauses: async () => Promise.reject(new Error('no answer')) });
    const batch = [message(makeJob(many(15)), 1, 'bulk'), message(makeJob(['a@x.example'], { id: 's' }), 1, 'single')];
    expect(await deliver(batch, world.begin())).toEqual(['bulk']);
    expect(server.messages).toHaveLength(1);
  });
});
