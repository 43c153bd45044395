import { expect, it } from 'vitest';
import type { Job } from '../../../core/job.ts';
import { expand } from '../../../lambdas/expand/expand.ts';
import { accept } from '../../../submission/accept.ts';
import { EXPAND, makeCloud, makeMail, makePost, type Plan } from '../fake-cloud.ts';

const PERSONALIZATIONS = Array.from({ length: 1_000 }, (_, i) => ({
  to: [{ email: `r${i}@example.net` }],
  custom_args: { pad: 'x'.repeat(700) },
}));

async function makeExpansion(plans: Plan[] = []) {
  const world = makeCloud(plans);
  await accept(makePost(makeMail({ personalizations: PERSONALIZATIONS })), world.accept);
  const { body } = world.cloud.queues.get(EXPAND)!.splice(0)[0]!;
  return {
    ...world,
    body,
    jobs: () => world.cloud.queues.get('lane:default-1')!.map((entry) => JSON.parse(entry.body) as Job),
  };
}

it('a first run makes every job once, unmarked', async () => {
  const { body, jobs, expand: deps } = await makeExpansion();
  expect(await expand([{ id: 'm1', body, receiveCount: 1 }], deps)).toEqual([]);
  expect(jobs().flatMap(({ copies }) => copies)).toHaveLength(1_000);
  expect(jobs().every(({ maybeSent }) => maybeSent === undefined)).toBe(true);
});

it('a second run makes the same jobs, marked', async () => {
  const { body, jobs, cloud, expand: deps } = await makeExpansion();
  await expand([{ id: 'm1', body, receiveCount: 1 }], deps);
  const first = jobs();
  cloud.queues.get('lane:default-1')!.length = 0;
  await expand([{ id: 'm1', body, receiveCount: 2 }], deps);
  expect(jobs()).toEqual(first.map((job) => ({ ...job, maybeSent: true })));
});

it('a lane that does not take all fails the message, so that it comes again', async () => {
  const { body, expand: deps } = await makeExpansion([{ operation: 'sendJobs', fault: 'error', times: 1 }]);
  expect(await expand([{ id: 'm1', body, receiveCount: 1 }], deps)).toEqual(['m1']);
});

it.each(['', '{}', '[]', '{"v":1}', '{"v":1,"account":"operator","requestId":"x","contentKey":"none","acceptedAt":1}'])(
  'poison %j fails alone',
  async (poison) => {
    const { body, jobs, expand: deps } = await makeExpansion();
    const failed = await expand(
      [
        { id: 'bad', body: poison, receiveCount: 1 },
        { id: 'good', body, receiveCount: 1 },
      ],
      deps,
    );
    expect(failed).toEqual(['bad']);
    expect(jobs().flatMap(({ copies }) => copies)).toHaveLength(1_000);
  },
);
