/**
 * Webhooks are told everything, in order for each recipient, whatever their servers do (reliability.md §8, W5): a clock of days, servers
 * that fail as a script says, and the outbox in the emulator.
 */
import { createPublicKey, createVerify } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { announceAccountEvent } from '../../../core/webhook/account-event.ts';
import { makeSigningKey, signatureHeaders } from '../../../core/webhook/signature.ts';
import { outboxIn } from '../../../io/outbox.ts';
import type { Posted } from '../../../io/webhook-post.ts';
import { notify } from '../../../lambdas/notify/notify.ts';
import { startDynamodb } from '../../io/dynamodb.ts';
import { type Answer, makeWorld, names, START } from './world.ts';

const HOUR = 3_600_000;
let dynamodb: Awaited<ReturnType<typeof startDynamodb>>;
let outbox: ReturnType<typeof outboxIn>;
beforeAll(async () => {
  dynamodb = await startDynamodb(['outbox']);
  outbox = outboxIn('outbox', dynamodb.client);
});
afterAll(() => dynamodb.stop());

const setUp = (answer: Answer, urls?: string[]) => makeWorld(outbox, answer, urls);

describe('telling', () => {
  test('all events once, in order, in batches of at most 768 KB, as what JSON.stringify makes', async () => {
    const { world, announce, send, event, ids } = setUp(() => ({ status: 200 }));
    const ring = await announce(names(3_000).map((id) => event(id, { pad: 'x'.repeat(700) })));
    expect(await send(ring)).toEqual([]);
    expect(ids()).toEqual(names(3_000));
    const posts = world.got.get('https://a.example/')!;
    expect(posts.length).toBeGreaterThan(2);
    expect(Math.max(...posts.map(({ bytes }) => bytes))).toBeLessThanOrEqual(768 * 1_024);
    // A second ring for the same news tells nothing.
    await send(ring);
    expect(ids()).toHaveLength(3_000);
  });

  test('what is switched off is not told, nor what was before the webhook, and the cursor passes both', async () => {
    const { world, webhooks, announce, send, event, ids } = setUp(() => ({ status: 200 }));
    webhooks[0]!.since = START + 1_000;
    webhooks[0]!.switches = ['bounce'];
    await announce([event('old', { event: 'bounce' })]);
    world.now += 2_000;
    await send(await announce([event('delivered'), event('bounce', { event: 'bounce' })]));
    expect(ids()).toEqual(['bounce']);
  });

  test('what was done to the account itself is told to those who ask for it, once, with an id of its own', async () => {
    const { world, webhooks, announce, send, event } = setUp(
      () => ({ status: 200 }),
      ['https://a.example/', 'https://b.example/'],
    );
    webhooks[1]!.switches = ['delivered'];
    await send(await announce([event('one')]));
    const paused = {
      event: 'bulk_paused' as const,
      at: START + 5_000,
      by: 'pennypost' as const,
      why: 'too many bounces',
    };
    for (let times = 0; times < 2; times++) {
      const { pages, ring } = announceAccountEvent(world.account, paused, START + 5_000);
      for (const page of pages) await outbox.putOutboxPage(page);
      expect(await send(ring)).toEqual([]);
    }
    const posts = world.got
      .get('https://a.example/')!
      .map(({ post }) => JSON.parse(Buffer.concat(post.pieces).toString()));
    expect(posts.slice(1)).toEqual([
      [
        {
          event: 'account_status_change',
          timestamp: START / 1_000 + 5,
          sg_event_id: expect.stringMatching(/^[\w-]{43}$/),
          type: 'bulk_paused',
          reason: 'too many bounces',
        },
      ],
    ]);
    expect(world.got.get('https://b.example/')!.flatMap(({ ids }) => ids)).toEqual(['one']);
  });

  test('a server that fails for hours: growing intervals, nothing lost, nothing out of order, nothing twice', async () => {
    const { world, announce, send, event, passTime, ids } = setUp((_, __, now) =>
      now < START + 5 * HOUR ? { status: 500 } : { status: 200 },
    );
    await send(await announce(names(10, 'a').map((id) => event(id))));
    world.now += 1_000;
    // News while it waits tries nothing before its time.
    await send(await announce(names(10, 'b').map((id) => event(id))));
    expect(world.attempts).toHaveLength(1);
    await passTime(START + 8 * HOUR);
    expect(ids()).toEqual([...names(10, 'a'), ...names(10, 'b')]);
    const gaps = world.attempts.slice(1).map(({ at }, n) => at - world.attempts[n]!.at);
    expect(gaps.slice(0, 6)).toEqual([10, 30, 60, 120, 300, 600].map((seconds) => seconds * 1_000));
    expect(Math.max(...gaps)).toBe(HOUR);
    expect(world.counts).toMatchObject({ webhookPosted: 20, webhookFailed: world.attempts.length - 1 });
  });

  test('after 24 hours events are let go, counted and said; what came later is told', async () => {
    const { world, announce, send, event, passTime, ids } = setUp((_, __, now) =>
      now < START + 30 * HOUR ? { error: 'timeout' } : { status: 204 },
    );
    await send(await announce([event('old')]));
    await passTime(START + 10 * HOUR);
    await send(await announce([event('new')]));
    await passTime(START + 40 * HOUR);
    expect(ids()).toEqual(['new']);
    expect(world.counts.webhookDropped).toBe(1);
    expect(world.problems.join()).toContain('24 hours');
  });

  test('an endpoint that hangs delays no other, of its own account', async () => {
    let release = () => {};
    const hanging = new Promise<Posted>((resolve) => {
      release = () => resolve({ error: 'timeout' });
    });
    const { announce, send, event, ids } = setUp(
      (url) => (url.includes('slow') ? hanging : { status: 200 }),
      ['https://slow.example/', 'https://fast.example/'],
    );
    const sent = send(await announce([event('one')]));
    await expect.poll(() => ids('https://fast.example/')).toEqual(['one']);
    release();
    expect(await sent).toEqual([]);
  });

  test('news that comes while another run is at work is told by that run', async () => {
    const waits: (() => void)[] = [];
    const { announce, send, event, ids, world } = setUp(async () => {
      if (waits.length < 1) await new Promise<void>((go) => waits.push(go));
      return { status: 200 };
    });
    const first = send(await announce([event('one')]));
    await expect.poll(() => waits.length).toBe(1);
    await send(await announce([event('two')], 's2'));
    expect(ids()).toEqual([]);
    waits[0]!();
    await first;
    expect(ids()).toEqual(['one', 'two']);
    expect(world.attempts).toHaveLength(2);
  });

  test('a run that has no time left hands on to a hold', async () => {
    const { world, announce, send, event, passTime, ids } = setUp(() => {
      world.remaining -= 30_000;
      return { status: 200 };
    });
    await send(await announce(names(3_000).map((id) => event(id, { pad: 'x'.repeat(700) }))));
    expect(ids().length).toBeLessThan(3_000);
    for (let n = 0; n < 5; n++) {
      world.remaining = 60_000;
      await passTime(world.now + 60_000);
    }
    expect(ids()).toEqual(names(3_000));
  });
});

test('W5: servers that fail as they like, announcements cut and repeated: each event at least once, the first times in order', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          shard: fc.constantFrom('s1', 's2'),
          count: fc.integer({ min: 1, max: 5 }),
          wait: fc.nat(600_000),
          again: fc.boolean(),
        }),
        { minLength: 1, maxLength: 6 },
      ),
      fc.array(fc.constantFrom<Posted>({ status: 200 }, { status: 500 }, { status: 429 }, { error: 'timeout' }), {
        maxLength: 12,
      }),
      async (script, answers) => {
        const queue = [...answers];
        const { world, announce, send, event, passTime, ids } = setUp(() => queue.shift() ?? { status: 202 });
        const byShard = new Map<string, string[]>();
        for (const { shard, count, wait, again } of script) {
          const own = names(count, `${shard}.${world.sequence}.`);
          byShard.set(shard, [...(byShard.get(shard) ?? []), ...own]);
          const before = world.sequence;
          const ring = await announce(
            own.map((id) => event(id)),
            shard,
          );
          if (again) {
            // The same records in another cut, as a batch that was halved.
            world.sequence = before;
            for (const id of own) await announce([event(id)], shard);
          }
          expect(await send(ring)).toEqual([]);
          await passTime(world.now + wait);
        }
        await passTime(world.now + 12 * HOUR);
        // Nobody's run dies here, so what was taken is not told again.
        expect(new Set(ids()).size).toBe(ids().length);
        const told = ids();
        for (const [shard, all] of byShard) expect(told.filter((id) => id.startsWith(`${shard}.`))).toEqual(all);
      },
    ),
    { numRuns: 60 },
  );
}, 60_000);

// Attack: somebody changes an event on the way, or sends a recorded one again with another time (W4).
test('W4: 10,000 changed bodies, signatures and time stamps, and none verifies', () => {
  const { publicKey, privateKey } = makeSigningKey();
  const body = Buffer.from(JSON.stringify([{ event: 'delivered', email: 'a@example.net' }]));
  const headers = signatureHeaders({ ecdsa: privateKey, hmac: Buffer.alloc(32, 1) }, 1_700_000_000, body);
  const key = createPublicKey({ key: Buffer.from(publicKey, 'base64'), format: 'der', type: 'spki' });
  const verify = (timestamp: string, octets: Buffer, signature: Buffer) =>
    createVerify('sha256').update(timestamp).update(octets).verify(key, signature);
  const signature = Buffer.from(headers['X-Twilio-Email-Event-Webhook-Signature']!, 'base64');
  expect(verify('1700000000', body, signature)).toBe(true);
  let accepted = 0;
  for (let n = 0; n < 10_000; n++) {
    const [time, octets, signed] = ['1700000000', Buffer.from(body), Buffer.from(signature)] as [
      string,
      Buffer,
      Buffer,
    ];
    if (n % 3 === 0) octets[n % octets.length]! ^= 1 << (n % 8);
    else if (n % 3 === 1) signed[8 + (n % (signed.length - 8))]! ^= 1 << (n % 8);
    if (verify(n % 3 === 2 ? String(1_700_000_001 + n) : time, octets, signed)) accepted++;
  }
  expect(accepted).toBe(0);
});

test('OAuth: a token goes with each POST, is kept, and is asked for anew when it was refused', async () => {
  let status = 200;
  const { deps, webhooks, announce, send, event, world } = setUp(() => ({ status }));
  webhooks[0]!.oauth = {
    clientId: 'id',
    tokenUrl: 'https://t.example/',
    secret: Buffer.from('s3cret').toString('base64'),
  };
  const asked: string[][] = [];
  deps.askToken = async (url, clientId, secret) => {
    asked.push([url, clientId, secret]);
    return { token: `t${asked.length}`, seconds: 3_600 };
  };
  await send(await announce([event('one')]));
  await send(await announce([event('two')]));
  status = 401;
  await send(await announce([event('three')]));
  status = 200;
  world.now += 60_000;
  await send({ v: 1, account: world.account, kind: 'retry', webhook: 'w0' });
  expect(asked).toEqual([
    ['https://t.example/', 'id', 's3cret'],
    ['https://t.example/', 'id', 's3cret'],
  ]);
  expect(world.got.get('https://a.example/')!.map(({ post }) => post.headers!.authorization)).toEqual([
    'Bearer t1',
    'Bearer t1',
    'Bearer t2',
  ]);
});

test('messages that can never succeed are handed back, and keep no other from being taken', async () => {
  const { deps, announce, event, ids } = setUp(() => ({ status: 200 }));
  const ring = await announce([event('one')]);
  const bodies = ['no json', '{}', JSON.stringify({ v: 1, account: 'a', kind: 'dance' }), JSON.stringify(ring)];
  const handedBack = await notify(
    bodies.map((body, n) => ({ messageId: String(n), body })),
    deps,
  );
  expect(handedBack).toEqual(['0', '1', '2']);
  expect(ids()).toEqual(['one']);
});
