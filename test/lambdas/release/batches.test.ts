/** Scheduled mail of batches: paused, resumed, cancelled, paused for too long; and ten million mails in one minute. */
import { expect, it } from 'vitest';
import type { Expansion, Hold } from '../../../core/records/holds.ts';
import { scheduledHold, wakeHold } from '../../../core/records/holds.ts';
import { expand } from '../../../lambdas/expand/expand.ts';
import { release } from '../../../lambdas/release/release.ts';
import { accept } from '../../../submission/accept.ts';
import { EXPAND, makeCloud, makeMail, makePost, START } from '../fake-cloud.ts';

const HOUR = 3_600_000;
const BATCH = { account: 'operator', batchId: 'spring' };

async function schedule(more: object = {}) {
  const world = makeCloud();
  world.cloud.batches.add('spring');
  const answer = await accept(
    makePost(makeMail({ send_at: START / 1_000 + 3_600, batch_id: 'spring', ...more })),
    world.accept,
  );
  expect(answer.status).toBe(202);
  return world;
}
type World = Awaited<ReturnType<typeof schedule>>;
const expansions = ({ cloud }: World) => cloud.queues.get(EXPAND)!.map(({ body }) => JSON.parse(body) as Expansion);
const held = ({ cloud }: World) => [...cloud.holds.values()].filter(({ kind }) => kind === 'request');

it('a batch must be one that was made', async () => {
  const { accept: deps } = makeCloud();
  const answer = await accept(makePost(makeMail({ batch_id: 'other' })), deps);
  expect([answer.status, JSON.parse(answer.body).errors[0].field]).toEqual([400, 'batch_id']);
});

it('what is neither paused nor cancelled goes; a batch is read once for all of a run', async () => {
  const world = await schedule();
  const [first] = held(world);
  for (let n = 0; n < 500; n++) {
    const copy = scheduledHold(
      { ...(first as Extract<Hold, { kind: 'request' }>).expansion, requestId: `r${n}` },
      first!.due,
      { copies: 1 },
    );
    world.cloud.holds.set(`${copy.pk} ${copy.sk}`, copy);
  }
  world.cloud.now += HOUR;
  expect(await release(world.release)).toEqual({ released: 501, stayed: 0 });
  expect(world.cloud.calls.filter((one) => one === 'readBatchStates')).toHaveLength(1);
  expect(expansions(world)[0]).toMatchObject({ batchId: 'spring', released: true });
});

it('cancelled: its copies go to their end marked, and are accounted for', async () => {
  const world = await schedule();
  world.cloud.states.set('spring', 'cancel');
  world.cloud.now += HOUR;
  await release(world.release);
  const dropped = 'Cancelled: its batch was cancelled before it was due';
  expect(expansions(world)[0]).toMatchObject({ dropped });
  const { body } = world.cloud.queues.get(EXPAND)![0]!;
  expect(await expand([{ id: '1', body, receiveCount: 1 }], world.expand)).toEqual([]);
  const jobs = world.cloud.queues.get('lane:default-1')!.map((entry) => JSON.parse(entry.body));
  expect(jobs).toMatchObject([{ dropped, copies: [{ index: 0 }] }]);
});

it('cancelled in between: turns that are not due yet are asked for again', async () => {
  const at = START / 1_000;
  const personalizations = [3_600, 7_200].map((after, n) => ({
    to: [{ email: `r${n}@example.net` }],
    send_at: at + after,
  }));
  const world = await schedule({ send_at: undefined, personalizations });
  world.cloud.states.set('spring', 'cancel');
  world.cloud.now += HOUR;
  await release(world.release);
  await expand([{ id: '1', body: world.cloud.queues.get(EXPAND)![0]!.body, receiveCount: 1 }], world.expand);
  const [rest] = held(world) as [Extract<Hold, { kind: 'request' }>];
  expect(rest).toMatchObject({
    copies: 1,
    scheduled: `operator#${rest.pk}`,
    expansion: { batchId: 'spring', fromTurn: at + 7_200 },
  });
  expect(rest.expansion.dropped).toBeUndefined();
});

it('paused: put aside once, listed and held, until it is resumed', async () => {
  const world = await schedule();
  world.cloud.states.set('spring', 'pause');
  world.cloud.now += HOUR;
  expect(await release(world.release)).toEqual({ released: 0, stayed: 0 });
  expect(held(world)).toMatchObject([
    { pk: 'paused#operator#spring', copies: 1, scheduled: expect.stringMatching(/^operator#shard-/) },
  ]);
  world.cloud.now += HOUR;
  world.cloud.calls.length = 0;
  await release(world.release);
  expect(world.cloud.calls).toEqual([]);

  world.cloud.states.delete('spring');
  const word = wakeHold(BATCH, world.cloud.now);
  world.cloud.holds.set(`${word.pk} ${word.sk}`, word);
  expect(await release(world.release)).toEqual({ released: 1, stayed: 0 });
  expect(expansions(world)).toMatchObject([{ released: true }]);
  expect(expansions(world)[0]?.dropped).toBeUndefined();
  expect(held(world)).toEqual([]);
});

it('paused for 72 hours after its time: it ends', async () => {
  const world = await schedule();
  world.cloud.states.set('spring', 'pause');
  world.cloud.now += HOUR;
  await release(world.release);
  world.cloud.now += 72 * HOUR - 1_000;
  await release(world.release);
  expect(expansions(world)).toEqual([]);
  world.cloud.now += 2 * 60_000;
  await release(world.release);
  expect(expansions(world)).toMatchObject([
    { dropped: 'Cancelled: its batch was paused for 72 hours after it was due' },
  ]);
  expect([...world.cloud.holds.values()]).toEqual([]);
});

it('a run that dies while it puts aside loses nothing, and a state that cannot be read sends nothing', async () => {
  for (const operation of ['putHolds', 'removeHolds', 'readBatchStates']) {
    const world = makeCloud([{ operation, fault: 'error', times: 1 }]);
    world.cloud.batches.add('spring');
    await accept(makePost(makeMail({ send_at: START / 1_000 + 3_600, batch_id: 'spring' })), world.accept);
    world.cloud.states.set('spring', 'pause');
    world.cloud.now += HOUR;
    await expect(release(world.release)).rejects.toThrow(operation);
    await release(world.release);
    const places = [...world.cloud.holds.values()].filter(({ kind }) => kind === 'request').map(({ pk }) => pk);
    expect(new Set(places)).toEqual(new Set(['paused#operator#spring']));
    expect(world.cloud.queues.get(EXPAND)).toEqual([]);
  }
});

it('ten million mails due in one minute are 10,000 holds of less than a write unit each', async () => {
  const world = makeCloud();
  world.cloud.batches.add('spring');
  const due = START / 1_000 + 3_600;
  for (let n = 0; n < 10; n++) {
    const personalizations = Array.from({ length: 1_000 }, (_, i) => ({ to: [{ email: `reader${i}@example.net` }] }));
    const answer = await accept(
      makePost(makeMail({ personalizations, send_at: due, batch_id: 'spring' })),
      world.accept,
    );
    expect(answer.status).toBe(202);
  }
  const [one] = held(world);
  expect([held(world).length, one!.copies]).toEqual([10, 1_000]);
  const bytes = Buffer.byteLength(JSON.stringify(one));
  expect(bytes).toBeLessThan(600);

  world.cloud.holds.clear();
  const { expansion } = one as Extract<Hold, { kind: 'request' }>;
  for (let n = 0; n < 10_000; n++) {
    const hold = scheduledHold({ ...expansion, requestId: `request${n}` }, due * 1_000, { copies: 1_000 });
    world.cloud.holds.set(`${hold.pk} ${hold.sk}`, hold);
  }
  world.cloud.now += HOUR - 30_000;
  const began = performance.now();
  expect(await release(world.release)).toEqual({ released: 10_000, stayed: 0 });
  console.log(
    `a hold: ${bytes} bytes of JSON; 10,000 released in ${Math.round(performance.now() - began)} ms beside AWS's time`,
  );
  expect(new Set(world.cloud.queues.get(EXPAND)!.map(({ delaySeconds }) => delaySeconds))).toEqual(new Set([30]));
});
