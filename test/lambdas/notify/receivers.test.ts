/**
 * Attack: customers' servers that answer 500 for a while, close, hang, send us elsewhere, or answer with a gigabyte. Real ones, over real
 * connections: nothing is lost of what any of them is to be told, nobody else waits for them, and no memory is taken.
 */
import { once } from 'node:events';
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { outboxIn } from '../../../io/outbox.ts';
import { openWebhookPost } from '../../../io/webhook-post.ts';
import { startDynamodb } from '../../io/dynamodb.ts';
import { makeWorld, names } from './world.ts';

const GIGABYTE = 1024 ** 3;
const TIMEOUT_MS = 1_500;
let dynamodb: Awaited<ReturnType<typeof startDynamodb>>;
const servers: Server[] = [];
beforeAll(async () => {
  dynamodb = await startDynamodb(['outbox']);
});
afterAll(async () => {
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
  await dynamodb.stop();
});

/** A server that is ill in its way until it is mended; what it took is what it said 200 to. */
async function start(ill: (response: ServerResponse) => void) {
  const one = { url: '', ids: [] as string[], firstAt: 0, mended: false, posts: 0 };
  const listener: RequestListener = async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    one.posts++;
    if (!one.mended) return ill(response);
    response.writeHead(200).end();
    one.firstAt ||= performance.now();
    one.ids.push(
      ...JSON.parse(Buffer.concat(chunks).toString()).map((event: { sg_event_id: string }) => event.sg_event_id),
    );
  };
  const server = createServer(listener).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  one.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return one;
}

/** Writes a gigabyte as fast as it is read. */
function flood(response: ServerResponse, sent: { bytes: number }, status = 500): void {
  const block = Buffer.alloc(1 << 20, 'x');
  response.writeHead(status);
  const write = (): void => {
    while (sent.bytes < GIGABYTE && !response.destroyed) {
      sent.bytes += block.length;
      if (!response.write(block)) return void response.once('drain', write);
    }
    response.end();
  };
  write();
}

test('500, a closed door, silence, a redirect, a gigabyte: everybody is told everything in the end, and the others at once', async () => {
  // Prepare
  const sent = { bytes: 0 };
  const elsewhere = await start((response) => void response.writeHead(200).end());
  const ill = {
    failing: await start((response) => void response.writeHead(500).end('no')),
    closing: await start((response) => void response.socket!.destroy()),
    halfway: await start((response) => {
      response.writeHead(200, { 'content-length': '100' }).flushHeaders();
      response.socket!.destroy();
    }),
    hanging: await start(() => {}),
    redirecting: await start((response) => void response.writeHead(302, { location: elsewhere.url }).end()),
    flooding: await start((response) => flood(response, sent)),
  };
  const well = await start(() => {});
  well.mended = true;
  const urls = [...Object.values(ill), well].map(({ url }) => url);
  const outbox = outboxIn('outbox', dynamodb.client);
  const { deps, world, announce, event, send, passTime } = makeWorld(outbox, () => ({ status: 200 }), urls);
  const resolveHost = async () => ({ addresses: ['127.0.0.1'] });
  deps.post = openWebhookPost({ resolveHost, anyPort: true, timeoutMs: TIMEOUT_MS });
  const memory = process.memoryUsage().rss;

  // Act: news comes three times while they are ill, and once more when they are well.
  const all: string[] = [];
  const tell = async (prefix: string) => {
    const ids = names(200, prefix);
    all.push(...ids);
    return announce(ids.map((id) => event(id)));
  };
  const began = performance.now();
  expect(await send(await tell('a'))).toEqual([]);
  for (const prefix of ['b', 'c']) {
    world.now += 60_000;
    await send(await tell(prefix));
  }

  // Assess: the well one has all of it, and had the first before the slowest had given up.
  expect(well.ids).toEqual(all);
  expect(well.firstAt - began).toBeLessThan(TIMEOUT_MS);
  for (const one of Object.values(ill)) expect(one.posts).toBeGreaterThanOrEqual(1);
  expect([elsewhere.posts, ill.failing.ids.length]).toEqual([0, 0]);
  expect(sent.bytes).toBeLessThan(GIGABYTE / 8);
  expect(process.memoryUsage().rss - memory).toBeLessThan(150 * 1024 ** 2);

  // Act: an hour later they are well.
  for (const one of Object.values(ill)) one.mended = true;
  await passTime(world.now + 3_600_000);
  world.now += 60_000;
  await send(await tell('d'));

  // Assess: each has everything, in order, once; but for the one whose 200 had been read before it closed.
  expect(well.ids).toEqual(all);
  for (const [name, { ids }] of Object.entries(ill))
    if (name !== 'halfway') expect({ name, ids }).toEqual({ name, ids: all });
  expect(ill.halfway.ids.at(-1)).toBe(all.at(-1));
  expect(world.counts.webhookDropped ?? 0).toBe(0);
}, 60_000);

test('a gigabyte behind a 200 is a 200: it is cut off, not read, and told once', async () => {
  const sent = { bytes: 0 };
  const flooding = await start((response) => flood(response, sent, 200));
  const outbox = outboxIn('outbox', dynamodb.client);
  const { deps, world, announce, event, send, passTime } = makeWorld(outbox, () => ({ status: 200 }), [flooding.url]);
  const resolveHost = async () => ({ addresses: ['127.0.0.1'] });
  deps.post = openWebhookPost({ resolveHost, anyPort: true, timeoutMs: TIMEOUT_MS });
  expect(await send(await announce(names(10).map((id) => event(id))))).toEqual([]);
  await passTime(world.now + 24 * 3_600_000);
  expect([flooding.posts, world.counts.webhookPosted]).toEqual([1, 10]);
  expect(sent.bytes).toBeLessThan(GIGABYTE / 8);
}, 30_000);
