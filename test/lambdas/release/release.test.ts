import { expect, it } from 'vitest';
import { parkedKey } from '../../../core/brakes/brakes.ts';
import { nextSweep, sweepsAfterResume } from '../../../core/brakes/parked.ts';
import type { Job } from '../../../core/job.ts';
import { type Hold, holdKey } from '../../../core/records/holds.ts';
import { release } from '../../../lambdas/release/release.ts';
import { makeCloud, type Plan, START } from '../fake-cloud.ts';

function makeHold(number: number, due: number, lane = 'default-1'): Hold {
  const job: Job = {
    v: 1,
    id: `R.0.${number}`,
    hop: 3,
    attempt: 2,
    account: 'operator',
    requestId: 'R',
    lane,
    acceptedAt: START - 3_600_000,
    contentKey: 'requests/operator/R.json',
    personalizations: [{ index: 0, to: [{ email: 'a@example.net' }], cc: [] }],
    copies: [{ personalization: 0, role: 'to', address: 'a@example.net', index: number }],
  };
  return { ...holdKey(job.id, due), due, account: 'operator', copies: 1, kind: 'job', job };
}

async function makeHeld(holds: Hold[], plans: Plan[] = []) {
  const world = makeCloud(plans);
  for (const hold of holds) world.cloud.holds.set(`${hold.pk} ${hold.sk}`, hold);
  return world;
}

it('moves what is due, one hop further, and delayed to its second', async () => {
  const world = await makeHeld([makeHold(1, START - 1), makeHold(2, START + 30_500), makeHold(3, START + 60_001)]);
  expect(await release(world.release)).toEqual({ released: 2, stayed: 0 });
  const lane = world.cloud.queues.get('lane:default-1')!;
  expect(lane.map(({ readyAt }) => readyAt)).toEqual([START, START + 31_000]);
  expect(JSON.parse(lane[0]!.body)).toMatchObject({ hop: 4, attempt: 2 });
  expect(lane[0]!.group).toBe('operator.retry');
  expect(world.cloud.holds.size).toBe(1);
});

it('keeps a hold whose lane did not take it, and says so', async () => {
  const world = await makeHeld([makeHold(1, START)], [{ operation: 'sendJobs', fault: 'throttle', times: 1 }]);
  expect(await release(world.release)).toEqual({ released: 0, stayed: 1 });
  expect(world.cloud.holds.size).toBe(1);
  expect(await release(world.release)).toEqual({ released: 1, stayed: 0 });
});

it('releases once more what a run that died had sent but not removed', async () => {
  const world = await makeHeld([makeHold(1, START)], [{ operation: 'removeHolds', fault: 'error', times: 1 }]);
  await expect(release(world.release)).rejects.toThrow('removeHolds');
  await release(world.release);
  const bodies = world.cloud.queues.get('lane:default-1')!.map(({ body }) => JSON.parse(body) as Job);
  expect(bodies.map(({ id, hop }) => [id, hop])).toEqual([
    ['R.0.1', 4],
    ['R.0.1', 4],
  ]);
});

it('gives the mail of a lane that is gone to one that is there', async () => {
  const world = await makeHeld([makeHold(1, START, 'removed-1')]);
  await release(world.release);
  expect(world.cloud.queues.get('lane:default-1')).toHaveLength(1);
});

it('and stays in the pool that was asked for', async () => {
  const hold = makeHold(1, START, 'removed-1');
  if (hold.kind !== 'job') throw new Error('not a job');
  const content = { from: { email: 'shop@example.com' }, ipPoolName: 'bulk' } as Job['content'];
  const { contentKey: _, ...job } = hold.job;
  const world = await makeHeld([{ ...hold, job: { ...job, content: content! } }]);
  await release(world.release);
  expect(world.cloud.queues.get('lane:bulk-1')).toHaveLength(1);
});

it('moves a mail for a customer’s URL to the parse queue, one hop further; without one it stays', async () => {
  const parse = {
    v: 1 as const,
    account: 'customer',
    hostname: 'in.shop.example',
    attempt: 1,
    hop: 0,
    mail: {
      v: 1 as const,
      id: 'a',
      key: 'inbound/a.eml',
      receivedAt: START,
      mailFrom: '',
      rcptTo: ['x@in.shop.example'],
    },
  };
  const hold: Hold = { ...holdKey('parse.a', START), due: START, account: 'customer', copies: 0, kind: 'parse', parse };
  const world = await makeHeld([hold]);
  expect(await release(world.release)).toEqual({ released: 0, stayed: 1 });
  world.cloud.queues.set('parse', []);
  expect(await release({ ...world.release, parseQueueUrl: 'parse' })).toEqual({ released: 1, stayed: 0 });
  const [queued] = world.cloud.queues.get('parse')!;
  expect(JSON.parse(queued!.body)).toEqual({ ...parse, hop: 1 });
  expect(queued!.group).toBe('customer');
});

it('a sweep takes what its account has parked to its lanes, for the time of the sweep; another account’s stays', async () => {
  const parked = (number: number, account: string): Hold => {
    const hold = makeHold(number, START - 3_600_000);
    if (hold.kind !== 'job') throw new Error('not a job');
    const { job } = hold;
    return { ...hold, ...parkedKey(account, job.id, hold.due), account, job: { ...job, account } };
  };
  const sweep = nextSweep('shopshop', START);
  const [soon] = sweepsAfterResume('shopshop', START) as [Hold, Hold];
  const world = await makeHeld([parked(1, 'shopshop'), parked(2, 'shopshop'), parked(3, 'another2'), sweep, soon]);

  expect(await release(world.release)).toEqual({ released: 2, stayed: 0 });
  const lane = world.cloud.queues.get('lane:default-1')!;
  expect(lane.map(({ readyAt }) => readyAt)).toEqual([soon.due, soon.due]);
  expect(lane.map(({ body }) => (JSON.parse(body) as Job).hop)).toEqual([4, 4]);
  expect([...world.cloud.holds.values()]).toEqual([parked(3, 'another2'), sweep]);
});

// An account that is paused parks again what a sweep takes out: taken out once more at once, it would use up its hops in minutes.
it('a sweep leaves what was parked from its time on to the next', async () => {
  const [soon] = sweepsAfterResume('operator', START) as [Hold, Hold];
  const at = (number: number, due: number): Hold => {
    const hold = makeHold(number, due);
    return { ...hold, ...parkedKey('operator', `R.0.${number}`, due) };
  };
  const late = at(2, soon.due);
  const world = await makeHeld([at(1, soon.due - 1), late, soon]);
  expect(await release(world.release)).toEqual({ released: 1, stayed: 0 });
  expect([...world.cloud.holds.values()]).toEqual([late]);
});

it('a sweep stays as long as a lane does not take what it stands for, or a run dies', async () => {
  const one = makeHold(1, START);
  const parked = { ...one, ...parkedKey('operator', 'R.0.1', START) };
  const [soon] = sweepsAfterResume('operator', START) as [Hold, Hold];
  const plans: Plan[] = [
    { operation: 'sendJobs', fault: 'throttle', times: 1 },
    { operation: 'removeHolds', fault: 'error', times: 1 },
  ];
  const world = await makeHeld([parked, soon], plans);
  // The lane's refusal: nothing went, and an empty removal fails as well.
  await release(world.release).catch(() => {});
  expect(world.cloud.holds.size).toBe(2);
  await release(world.release).catch(() => {});
  await release(world.release);
  expect(world.cloud.holds.size).toBe(0);
  expect(world.cloud.queues.get('lane:default-1')!.length).toBeGreaterThanOrEqual(1);
});
