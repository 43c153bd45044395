/** A source IP that is warming up: what is beyond its hour's budget. */
import { afterEach, describe, expect, it } from 'vitest';
import type { Job } from '../../../core/job.ts';
import { type DeliverDeps, deliver } from '../../../lambdas/deliver/deliver.ts';
import { type ScriptedServer, startScript } from '../../smtp-script.ts';
import { CONTENT, makeJob, makeWorld, message, START } from './world.ts';

let server: ScriptedServer;
afterEach(() => server?.close());

/** A budget of so many, and what was asked of it. */
async function setUp(budget: number, changes: Partial<DeliverDeps> = {}) {
  server = await startScript({
    dot: (to) => (to.startsWith('spam') ? '550 5.7.1 blocked: reputation of your IP\r\n' : undefined),
  });
  const told = { left: budget, answers: [] as boolean[], ended: 0, sent: [] as { url: string; job: Job }[] };
  const warmUp: DeliverDeps['warmUp'] = {
    take: async (copies) => {
      const taken = Math.min(copies, told.left);
      told.left -= taken;
      return taken;
    },
    giveBack: (copies) => {
      told.left += copies;
    },
    answered: (bad) => void told.answers.push(bad),
    end: async () => {
      told.ended++;
      return false;
    },
  };
  const sendJob: DeliverDeps['sendJob'] = async (url, job) => {
    told.sent.push({ url, job });
    return 'sent';
  };
  return Object.assign(makeWorld(server.port, { warmUp, sendJob, ...changes }), { told });
}
const many = (count: number) => makeJob(Array.from({ length: count }, (_, n) => `u${n}@x.example`));
const warm = { overflowLane: async () => ({ name: 'warm-1', url: 'queue:warm-1' }) };

describe('beyond the budget of a warming address', () => {
  it('a job goes on to a warm lane at once, with what is left of it, marked so that nothing is sent twice', async () => {
    const world = await setUp(30, warm);
    const job = many(100);

    const handedBack = await deliver([message(job)], world.begin());

    expect(handedBack).toEqual([]);
    expect(world.outcomes.size).toBe(30);
    expect(world.holds).toEqual([]);
    expect(world.told.sent).toMatchObject([
      { url: 'queue:warm-1', job: { lane: 'warm-1', hop: 1, attempt: 0, requestId: job.requestId } },
    ]);
    expect(world.told.sent[0]!.job.copies.map(({ index }) => index)).toEqual(
      job.copies.slice(30).map(({ index }) => index),
    );
    expect(world.told.sent[0]!.job.id).not.toBe(job.id);
  });

  it('goes on once: lanes that each take the other for warm do not send it to and fro', async () => {
    const world = await setUp(30, warm);
    await deliver([message(many(100))], world.begin());
    const moved = world.told.sent[0]!.job;
    const other = await setUp(30, { ...warm, readOutcomes: async () => new Set() });
    await deliver([message(moved)], other.begin());
    expect(other.told.sent).toEqual([]);
    expect(other.holds).toMatchObject([{ copies: 40 }]);
    // One that only waited here may go on.
    const split = await setUp(30, warm);
    await deliver([message({ ...many(100), id: `${many(100).id}+0-x.1` })], split.begin());
    expect(split.told.sent).toHaveLength(1);
  });

  it('goes on within its pool alone, where that was made over the API', async () => {
    const asked: unknown[] = [];
    const overflowLane: DeliverDeps['overflowLane'] = async (_, only) => void asked.push(only);
    const content = { ...CONTENT, ipPoolName: 'mixed', poolId: '17', lanes: ['default-1', 'bulk-1'] };
    const world = await setUp(30, { overflowLane });
    await deliver([message({ ...many(100), content })], world.begin());
    expect(world.holds).toMatchObject([{ copies: 70 }]);
    // A subuser's addresses are left for warm ones of their pool.
    const { poolId: _, ...assigned } = content;
    const other = await setUp(30, { overflowLane });
    await deliver([message({ ...many(100), content: assigned })], other.begin());
    expect(asked).toEqual([['default-1', 'bulk-1'], undefined]);
  });

  it('bulk waits for the next hour where no lane is warm', async () => {
    const world = await setUp(30);

    await deliver([message(many(100))], world.begin());

    expect(world.outcomes.size).toBe(30);
    expect(world.attempts).toEqual([]);
    expect(world.holds).toMatchObject([{ copies: 70, job: { attempt: 0 } }]);
    expect(world.holds[0]!.due).toBeGreaterThanOrEqual(START + 3_600_000);
  });

  it('transactional mail passes, and is counted for the alarm', async () => {
    const world = await setUp(0);

    await deliver([message(many(2))], world.begin());

    expect(world.outcomes.size).toBe(2);
    expect(world.published.get('other')).toMatchObject({ warmUpExceeded: 2 });
  });

  it('a lane that does not take the job leaves it here', async () => {
    const world = await setUp(30, { ...warm, sendJob: async () => 'refused' });

    await deliver([message(many(100))], world.begin());

    expect(world.outcomes.size).toBe(30);
    expect(world.holds).toMatchObject([{ copies: 70 }]);
  });

  it('retries ask for no budget: it was theirs when they were first sent', async () => {
    const world = await setUp(0);

    await deliver([message({ ...many(20), attempt: 1, hop: 2 })], world.begin());

    expect(world.outcomes.size).toBe(20);
  });

  it('a budget that cannot be read hands the job back whole', async () => {
    const world = await setUp(0);
    world.deps.warmUp.take = async () => {
      throw new Error('throttled');
    };

    expect(await deliver([message(many(3))], world.begin())).toEqual(['m1']);

    expect(server.messages).toEqual([]);
  });

  it('learns how its mail is answered', async () => {
    const world = await setUp(100);

    await deliver([message(makeJob(['a@x.example', 'spam@x.example', 'b@x.example']))], world.begin());

    expect(world.told.answers.sort()).toEqual([false, false, true]);
    expect(world.told.ended).toBe(1);
  });
});
