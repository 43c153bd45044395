import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { apiErrors } from '../../core/errors.ts';
import type { Job } from '../../core/job.ts';
import { BIG_REQUEST_BYTES } from '../../core/limits.ts';
import { expand } from '../../lambdas/expand/expand.ts';
import { release } from '../../lambdas/release/release.ts';
import { accept } from '../../submission/accept.ts';
import { EXPAND, makeCloud, makeMail, makePost, type Plan, START } from '../lambdas/fake-cloud.ts';

const THOUSAND = {
  personalizations: Array.from({ length: 1_000 }, (_, i) => ({
    to: [{ email: `r${i}@example.net` }],
    custom_args: { pad: 'x'.repeat(700) },
  })),
};
const LONG = { content: [{ type: 'text/plain', value: 'x'.repeat(200_000) }] };

/** Runs release and expand over two virtual days, and tells which copies reach a lane, each counted once (as deliver does). */
async function reachLanes({
  cloud,
  expand: expandDeps,
  release: releaseDeps,
  mend,
}: ReturnType<typeof makeCloud>): Promise<string[]> {
  mend();
  for (let hour = 0; hour < 48; hour++) {
    await release(releaseDeps);
    const queue = cloud.queues.get(EXPAND)!;
    const due = queue.splice(0);
    const failed = await expand(
      due.map(({ body }, index) => ({ id: String(index), body, receiveCount: 1 })),
      expandDeps,
    );
    for (const id of failed) queue.push(due[Number(id)]!);
    cloud.now += 3_600_000;
  }
  const jobs = [...cloud.queues]
    .filter(([url]) => url !== EXPAND)
    .flatMap(([, queue]) => queue.map(({ body }) => JSON.parse(body) as Job));
  return [...new Set(jobs.flatMap(({ requestId, copies }) => copies.map(({ index }) => `${requestId} ${index}`)))];
}

describe('the answers', () => {
  it('202 with an X-Message-Id of 22 characters and an empty body', async () => {
    const { accept: deps, cloud } = makeCloud();
    const answer = await accept(makePost(makeMail()), deps);
    expect(answer).toEqual({
      status: 202,
      headers: { 'X-Message-Id': expect.stringMatching(/^[\w-]{22}$/) },
      body: '',
    });
    expect(cloud.queues.get('lane:default-1')).toHaveLength(1);
    expect(cloud.requests.get(`operator#${answer.headers['X-Message-Id']}`)).toMatchObject({
      copies: 1,
      from: 'shop@example.com',
    });
  });

  it.each([
    ['another path', { path: '/v3/mail/other' }, 404],
    ['GET', { method: 'GET' }, 405],
    ['no key', { headers: { 'content-type': 'application/json' } }, 401],
    ['a wrong content type', { headers: { ...makePost('').headers, 'content-type': 'text/plain' } }, 415],
    ['an encoding it does not know', { headers: { ...makePost('').headers, 'content-encoding': 'br' } }, 415],
    ['gzip that is none', { headers: { ...makePost('').headers, 'content-encoding': 'gzip' } }, 400],
    ['wrong JSON', { body: Buffer.from('{') }, 400],
    ['too large a body', { body: Buffer.alloc(4_500_001, 32) }, 413],
    [
      'a body that grows too large',
      { body: gzipSync(Buffer.alloc(4_500_001, 32)), headers: { ...makePost('').headers, 'content-encoding': 'gzip' } },
      413,
    ],
    [
      'a sender of another domain',
      { body: Buffer.from(JSON.stringify(makeMail({ from: { email: 'a@example.org' } }))) },
      403,
    ],
    ['a strange Idempotency-Key', { headers: { ...makePost('').headers, 'idempotency-key': 'a b' } }, 400],
  ])('%s', async (_name, change, status) => {
    const world = makeCloud();
    const answer = await accept({ ...makePost(makeMail()), ...change }, world.accept);
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.body).errors[0].message).toMatch(/\S/);
    expect(await reachLanes(world)).toEqual([]);
    expect(world.cloud.requests.size).toBe(0);
  });

  it('tells the methods to whoever asks by OPTIONS or takes another, and lets no origin in', async () => {
    const { accept: deps } = makeCloud();
    for (const headers of [{}, { origin: 'https://shop.example', 'access-control-request-method': 'POST' }]) {
      const told = await accept({ ...makePost(''), method: 'OPTIONS', headers }, deps);
      expect(told).toEqual({ status: 204, headers: { Allow: 'POST, OPTIONS' }, body: '' });
    }
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'TRACE'])
      expect(await accept({ ...makePost(''), method }, deps)).toMatchObject({
        status: 405,
        headers: { Allow: 'POST, OPTIONS' },
      });
    for (const path of ['/v3/mail/send/', '/v3/mail/send//', '/v3/mail', '/V3/mail/send'])
      expect((await accept({ ...makePost(makeMail()), path }, deps)).status).toBe(404);
  });

  it('names the door that takes more, where there is one', async () => {
    const bigDoorUrl = 'https://relay.example.com/v3/mail/send';
    const { accept: deps } = makeCloud();
    const http = { ...makePost(''), body: Buffer.alloc(4_500_001, 32) };
    const [without, withDoor] = await Promise.all([accept(http, deps), accept(http, { ...deps, bigDoorUrl })]);
    expect(without.body).not.toContain('https:');
    expect(withDoor.body).toContain(`Up to 31457280 bytes are taken at ${bigDoorUrl}`);
  });

  it('takes as much as its door says', async () => {
    const { accept: deps, cloud } = makeCloud();
    const attachments = [{ content: Buffer.alloc(4_500_000).toString('base64'), filename: 'a.bin' }];
    const http = makePost(makeMail({ attachments }));
    expect((await accept(http, deps)).status).toBe(413);
    expect((await accept(http, { ...deps, requestBytes: BIG_REQUEST_BYTES })).status).toBe(202);
    expect(cloud.bucket.size).toBe(1);
  });

  it('takes gzip', async () => {
    const { accept: deps } = makeCloud();
    const http = { ...makePost(''), body: gzipSync(JSON.stringify(makeMail())) };
    expect((await accept({ ...http, headers: { ...http.headers, 'content-encoding': 'gzip' } }, deps)).status).toBe(
      202,
    );
  });

  it.each([
    ['readKey', 'ThrottlingException', 429],
    ['readKey', 'TimeoutError', 503],
    ['readSender', 'ProvisionedThroughputExceededException', 429],
    ['readSender', 'InternalServerError', 503],
  ] as const)('%s fails with %s: %i, and nothing written', async (read, name, status) => {
    const world = makeCloud();
    const failing = { ...world.accept, [read]: () => Promise.reject(Object.assign(new Error(name), { name })) };
    const answer = await accept(makePost(makeMail()), failing);
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.body).errors[0]).toMatchObject({ field: null });
    expect(world.cloud.calls).toEqual([]);
  });

  it('sandbox mode: 200, and nothing written', async () => {
    const world = makeCloud();
    expect(
      (await accept(makePost(makeMail({ mail_settings: { sandbox_mode: { enable: true } } })), world.accept)).status,
    ).toBe(200);
    expect(world.cloud.calls).toEqual([]);
  });
});

describe('the ways of a request', () => {
  it('up to ten jobs directly, one SendMessageBatch', async () => {
    const { accept: deps, cloud } = makeCloud();
    const personalizations = THOUSAND.personalizations.map(({ to }) => ({ to }));
    await accept(makePost(makeMail({ personalizations })), deps);
    expect(cloud.calls).toEqual(['recordRequest', 'sendJobs']);
    expect(cloud.queues.get('lane:default-1')).toHaveLength(10);
  });

  it('more through expand', async () => {
    const world = makeCloud();
    await accept(makePost(makeMail(THOUSAND)), world.accept);
    expect(world.cloud.calls).toEqual(['storeContent', 'recordRequest', 'sendExpansion']);
    expect(await reachLanes(world)).toHaveLength(1_000);
  });

  it('long content once in the bucket, before the record, before the jobs', async () => {
    const { accept: deps, cloud } = makeCloud();
    await accept(makePost(makeMail(LONG)), deps);
    expect(cloud.calls).toEqual(['storeContent', 'recordRequest', 'sendJobs']);
    expect(JSON.parse(cloud.queues.get('lane:default-1')![0]!.body)).not.toHaveProperty('content');
  });

  it('the pool that was named', async () => {
    const { accept: deps, cloud } = makeCloud();
    await accept(makePost(makeMail({ ip_pool_name: 'bulk' })), deps);
    expect(cloud.queues.get('lane:bulk-1')).toHaveLength(1);
  });

  it('send_at: one hold until then, each personalization at its own time', async () => {
    const world = makeCloud();
    const at = START / 1_000 + 7_200;
    const personalizations = [
      { to: [{ email: 'now@example.net' }] },
      { to: [{ email: 'later@example.net' }], send_at: at },
      { to: [{ email: 'latest@example.net' }], send_at: at + 3_600 },
    ];
    await accept(makePost(makeMail({ personalizations })), world.accept);
    const { cloud } = world;
    const lane = cloud.queues.get('lane:default-1')!;
    const addresses = () => lane.map(({ body }) => (JSON.parse(body) as Job).copies[0]!.address);

    await expand(
      cloud.queues
        .get(EXPAND)!
        .splice(0)
        .map(({ body }) => ({ id: '0', body, receiveCount: 1 })),
      world.expand,
    );
    expect(addresses()).toEqual(['now@example.net']);
    cloud.now = START + 7_100_000;
    await release(world.release);
    expect(cloud.queues.get(EXPAND)).toEqual([]);
    cloud.now = START + 7_150_000;
    await release(world.release);
    expect(cloud.queues.get(EXPAND)![0]!.readyAt).toBe(at * 1_000);
    expect(await reachLanes(world)).toHaveLength(3);
    expect(addresses()).toEqual(['now@example.net', 'later@example.net', 'latest@example.net']);
  });
});

describe('202 if and only if it will be delivered', () => {
  const bodies = [
    ['small', {}, 1],
    ['long', LONG, 1],
    ['a thousand', THOUSAND, 1_000],
    ['scheduled', { send_at: START / 1_000 + 3_600 }, 1],
  ] as const;
  const operations = [
    'storeContent',
    'recordRequest',
    'sendJobs',
    'sendExpansion',
    'hold',
    'beginIdempotent',
    'endIdempotent',
  ];
  const plans: Plan[] = operations.flatMap((operation) =>
    (['throttle', 'error', 'after'] as const).flatMap((fault) =>
      [1, 2, 100].map((times) => ({ operation, fault, times })),
    ),
  );
  const cases = bodies.flatMap(([name, more, copies]) => plans.map((plan) => ({ name, more, copies, plan })));

  it.each(cases)('$name: $plan.operation $plan.fault x $plan.times', async ({ more, copies, plan }) => {
    for (const key of [undefined, 'order-17']) {
      const world = makeCloud([plan]);
      const answer = await accept(makePost(makeMail(more), key ? { 'idempotency-key': key } : {}), world.accept);
      const first = world.cloud.now;
      const reached = await reachLanes(world);
      if (answer.status === 202) expect(reached).toHaveLength(copies);
      else {
        expect([429, 503]).toContain(answer.status);
        // What is sent all the same was not called refused, and is on record.
        if (reached.length > 0) {
          expect(JSON.parse(answer.body).errors[0].message).toBe(apiErrors.uncertain.message);
          expect([...world.cloud.requests.values()]).toEqual([expect.objectContaining({ copies })]);
        }
        // The same request once more, with its key, makes exactly one message of it.
        if (key && plan.times < 100) {
          world.cloud.now = first + 60_000;
          const again = await accept(makePost(makeMail(more), { 'idempotency-key': key }), world.accept);
          if (again.status === 202) expect(new Set(await reachLanes(world)).size).toBe(copies);
        }
      }
    }
  });

  it('an unanswered send is sent again marked, and only after a first copy can no longer be at work', async () => {
    const { accept: deps, cloud } = makeCloud([{ operation: 'sendJobs', fault: 'after', times: 1 }]);
    expect((await accept(makePost(makeMail()), deps)).status).toBe(202);
    const [first, second] = cloud.queues.get('lane:default-1')!;
    expect(JSON.parse(first!.body)).not.toHaveProperty('maybeSent');
    expect(JSON.parse(second!.body)).toMatchObject({ maybeSent: true });
    expect(second!.readyAt).toBe(START + 210_000);
  });

  it('a request that is held instead is cut again as it was first: equal ids, equal copies', async () => {
    const personalizations = Array.from({ length: 300 }, (_, i) => ({
      to: [{ email: `r${i}@example.net` }],
      custom_args: { pad: 'x'.repeat(400) },
    }));
    const body = makeMail({ personalizations, content: [{ type: 'text/plain', value: 'x'.repeat(20_000) }] });
    const world = makeCloud([{ operation: 'sendJobs', fault: 'after', times: 3 }]);
    expect((await accept(makePost(body), world.accept)).status).toBe(202);
    await reachLanes(world);
    const jobs = world.cloud.queues.get('lane:default-1')!.map(({ body }) => JSON.parse(body) as Job);
    const byId = Map.groupBy(jobs, ({ id }) => id);
    expect(byId.size).toBeGreaterThan(3);
    for (const twins of byId.values()) {
      expect(twins).toHaveLength(4);
      for (const twin of twins) expect(twin.copies).toEqual(twins[0]!.copies);
    }
  });

  it('a request of which some jobs are on their lane is held until those can no longer be at work', async () => {
    const { accept: deps, cloud } = makeCloud();
    const personalizations = Array.from({ length: 300 }, (_, i) => ({ to: [{ email: `r${i}@example.net` }] }));
    const { sendEntries } = deps;
    const partly: typeof sendEntries = async (url, entries) => [
      ...(await sendEntries(url, entries.slice(0, 1))),
      ...entries.slice(1).map(() => 'refused' as const),
    ];
    expect((await accept(makePost(makeMail({ personalizations })), { ...deps, sendEntries: partly })).status).toBe(202);
    const [hold] = [...cloud.holds.values()];
    // Three tries put one job each on the lane; there are three, so only the last try's state decides.
    expect(cloud.queues.get('lane:default-1')!.length).toBe(3);
    expect(hold).toBeUndefined();

    const never: typeof sendEntries = async (url, entries) =>
      cloud.queues.get('lane:default-1')!.length < 4 ? partly(url, entries) : entries.map(() => 'refused' as const);
    expect((await accept(makePost(makeMail({ personalizations })), { ...deps, sendEntries: never })).status).toBe(202);
    const [held] = [...cloud.holds.values()];
    expect(held).toMatchObject({ due: START + 210_000, expansion: { maybeSent: true, inline: true } });
  });

  it('says that nobody can know, when a queue may have it and nothing can be written about it', async () => {
    const world = makeCloud([
      { operation: 'sendJobs', fault: 'after', times: 3 },
      { operation: 'hold', fault: 'error', times: 9 },
    ]);
    const answer = await accept(makePost(makeMail()), world.accept);
    expect([answer.status, JSON.parse(answer.body).errors[0].message]).toEqual([
      503,
      expect.stringMatching(/^The request may have been accepted/),
    ]);
    expect([...world.cloud.requests.values()]).toMatchObject([{ copies: 1 }]);
  });

  // Attack on the one 503 that a client repeats without a thought: the hold is written, and all its answers are lost on the way.
  it.each([
    ['what is scheduled', { send_at: START / 1_000 + 3_600 }, []],
    ['what its queue refused', {}, [{ operation: 'sendJobs', fault: 'throttle', times: 9 }]],
  ] as [string, object, Plan[]][])(
    'says that nobody can know when the hold of %s is not answered',
    async (_, more, plans) => {
      const world = makeCloud([...plans, { operation: 'hold', fault: 'after', times: 9 }]);
      world.cloud.credits = 1;
      const answer = await accept(makePost(makeMail(more)), world.accept);
      expect([answer.status, JSON.parse(answer.body).errors[0].message]).toEqual([503, apiErrors.uncertain.message]);
      expect(world.cloud.holds.size).toBe(1);
      expect([...world.cloud.requests.values()]).toEqual([expect.objectContaining({ copies: 1 })]);
      expect(world.cloud.credits).toBe(0);
    },
  );

  it('a refused send is sent again at once, unmarked', async () => {
    const { accept: deps, cloud } = makeCloud([{ operation: 'sendJobs', fault: 'throttle', times: 2 }]);
    expect((await accept(makePost(makeMail()), deps)).status).toBe(202);
    expect(cloud.queues.get('lane:default-1')).toEqual([expect.objectContaining({ readyAt: START })]);
  });
});

describe('Idempotency-Key', () => {
  const post = (key: string, more: object = {}) => makePost(makeMail(more), { 'idempotency-key': key });

  it('a hundred at once: one message, a hundred equal answers', async () => {
    const world = makeCloud();
    const answers = await Promise.all(Array.from({ length: 100 }, () => accept(post('order-1'), world.accept)));
    expect(new Set(answers.map(({ headers }) => headers['X-Message-Id'])).size).toBe(1);
    expect(answers.every(({ status }) => status === 202)).toBe(true);
    expect(await reachLanes(world)).toHaveLength(1);
  });

  it('another body: 409, and nothing sent', async () => {
    const world = makeCloud();
    await accept(post('order-1'), world.accept);
    expect((await accept(post('order-1', { subject: 'Other' }), world.accept)).status).toBe(409);
    expect(await reachLanes(world)).toHaveLength(1);
  });

  it('ends after 24 hours, whatever TTL has removed by then', async () => {
    const { accept: deps, cloud } = makeCloud();
    const first = await accept(post('order-1'), deps);
    cloud.now = START + 24 * 3_600_000 - 1;
    expect((await accept(post('order-1'), deps)).headers).toEqual(first.headers);
    cloud.now = START + 24 * 3_600_000 + 1;
    expect((await accept(post('order-1'), deps)).headers).not.toEqual(first.headers);
  });

  it('is taken over under the same id when its first process died', async () => {
    const world = makeCloud();
    const dying = { ...world.accept, recordRequest: () => new Promise<void>(() => undefined) };
    void accept(post('order-1'), dying);
    await new Promise((done) => setImmediate(done));
    const [known] = world.cloud.idempotency.values();
    expect((await accept(post('order-1'), world.accept)).status).toBe(409);
    world.cloud.now = START + 31_000;
    const answer = await accept(post('order-1'), world.accept);
    expect(answer).toMatchObject({ status: 202, headers: { 'X-Message-Id': known!.requestId } });
    expect(JSON.parse(world.cloud.queues.get('lane:default-1')![0]!.body)).toMatchObject({ maybeSent: true });
  });

  it('is taken over after its send_at under the same job ids, so that deliver knows both for one', async () => {
    const world = makeCloud([{ operation: 'hold', fault: 'after', times: 1 }]);
    const scheduled = post('order-1', { send_at: START / 1_000 + 60 });
    expect((await accept(scheduled, world.accept)).status).toBe(503);
    await release(world.release);
    world.cloud.now = START + 61_000;
    expect((await accept(scheduled, world.accept)).status).toBe(202);
    await reachLanes(world);
    const jobs = world.cloud.queues.get('lane:default-1')!.map(({ body }) => JSON.parse(body) as Job);
    expect(jobs).toHaveLength(2);
    expect(new Set(jobs.map(({ id }) => id)).size).toBe(1);
    expect(jobs[1]).toMatchObject({ maybeSent: true });
  });

  it('a retry of a refused request is on record with its copies', async () => {
    const world = makeCloud([{ operation: 'hold', fault: 'throttle', times: 1 }]);
    const scheduled = post('order-1', { send_at: START / 1_000 + 60 });
    expect((await accept(scheduled, world.accept)).status).toBe(429);
    expect([...world.cloud.requests.values()]).toMatchObject([{ copies: 0, refused: true }]);
    expect((await accept(scheduled, world.accept)).status).toBe(202);
    expect([...world.cloud.requests.values()]).toEqual([expect.objectContaining({ copies: 1 })]);
    expect([...world.cloud.requests.values()][0]).not.toHaveProperty('refused');
  });
});

describe('an unsubscribe group', () => {
  it.each([
    [{ group_id: 7 }, 202, undefined],
    [{ group_id: 7, groups_to_display: [7, 8] }, 202, undefined],
    [{ group_id: 9 }, 400, 'asm.group_id'],
    [{ group_id: 7, groups_to_display: [8, 9] }, 400, 'asm.groups_to_display.1'],
    [{ group_id: '7' }, 400, 'asm.group_id'],
    [null, 400, 'asm'],
  ])('%j: %d', async (asm, status, field) => {
    const { accept: deps } = makeCloud();
    const answer = await accept(makePost(makeMail({ asm })), deps);
    expect(answer.status).toBe(status);
    if (field !== undefined)
      expect(JSON.parse(answer.body).errors.map((one: { field: string }) => one.field)).toContain(field);
  });

  it('is not asked for where a mail names none, and cannot be passed over where the table is out', async () => {
    const { accept: deps } = makeCloud();
    const out = { ...deps, readGroupIds: () => Promise.reject(new Error('no table')) };
    expect((await accept(makePost(makeMail()), out)).status).toBe(202);
    expect((await accept(makePost(makeMail({ asm: { group_id: 7 } })), out)).status).toBe(503);
  });
});
