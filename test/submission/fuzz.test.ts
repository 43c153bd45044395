/**
 * The attack: ten thousand bodies that no client sends, to find one that crashes accept, gets a 5xx, or leaves half a request
 * behind. Each is either refused with nothing written, or accepted whole.
 */
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Job, parseJob } from '../../core/job.ts';
import { accept } from '../../submission/accept.ts';
import { mutate, mutation, rich } from '../core/mail-send/mutations.ts';
import { EXPAND, makeCloud, makePost } from '../lambdas/fake-cloud.ts';

const RUNS = 10_000;

/** Of the body that the mutations begin with. */
const BATCH = String(rich().batch_id);

function makeBody(): ReturnType<typeof rich> {
  // What this account does not have would make every body a 400 before anything interesting happens.
  const { template_id: _template, asm: _group, ...body } = rich();
  const [first, second] = body.personalizations as Record<string, unknown>[];
  const { send_at: _at, ...now } = first!;
  return { ...body, send_at: undefined, personalizations: [now, { to: second!.to }] };
}

const mutated = fc.array(mutation, { maxLength: 4 }).map((mutations) => {
  const body = makeBody();
  for (const one of mutations) mutate(body, one);
  return Buffer.from(JSON.stringify(body));
});
const torn = fc.tuple(mutated, fc.nat(), fc.uint8Array({ maxLength: 3 })).map(([bytes, at, noise]) => {
  const place = at % (bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, place), noise, bytes.subarray(place + noise.length)]);
});
const anything = fc.oneof(
  fc.json({ maxDepth: 4 }).map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
);
const bodies = fc.oneof(
  { weight: 6, arbitrary: mutated },
  { weight: 3, arbitrary: torn },
  { weight: 1, arbitrary: anything },
);

it(`${RUNS} bodies: no 5xx, no throw, nothing half done`, async () => {
  const statuses = new Map<number, number>();
  await fc.assert(
    fc.asyncProperty(bodies, fc.boolean(), async (bytes, zipped) => {
      const world = makeCloud();
      world.cloud.batches.add(BATCH);
      const http = makePost('', zipped ? { 'content-encoding': 'gzip' } : {});
      const answer = await accept({ ...http, body: zipped ? gzipSync(bytes) : bytes }, world.accept);
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);

      const { cloud } = world;
      const queued = [...cloud.queues].flatMap(([url, queue]) =>
        url === EXPAND ? [] : queue.map(({ body }) => parseJob(body)),
      );
      if (answer.status === 202) {
        const [record] = [...cloud.requests.values()];
        const waiting = cloud.holds.size + cloud.queues.get(EXPAND)!.length;
        if (waiting === 0) expect(queued.flatMap(({ copies }: Job) => copies)).toHaveLength(record!.copies);
        else expect(queued).toEqual([]);
      } else {
        expect([200, 400, 403, 415]).toContain(answer.status);
        expect(cloud.calls).toEqual([]);
        if (answer.status !== 200) expect(JSON.parse(answer.body).errors[0].message).toMatch(/\S/);
      }
    }),
    { numRuns: RUNS },
  );
  // The bodies reach both ends: neither all refused at the door nor all fine.
  expect(statuses.get(202)).toBeGreaterThan(RUNS / 50);
  expect(statuses.get(400)).toBeGreaterThan(RUNS / 5);
}, 120_000);
