/**
 * 250 means durable. So when a store is down (the bucket, the tables, the queue) every way in says 4xx at once, in sessions that are
 * open already too; nothing is half taken; and when the store is back, so are we, without a restart.
 */
import { afterEach, describe, expect, it } from 'vitest';
import type { Job } from '../../core/job.ts';
import type { Plan } from '../lambdas/fake-cloud.ts';
import { begin, type Client, logIn, MESSAGE, openClient, PLAIN } from './client.ts';
import { openRelay, PARSE_HOST, type World } from './world.ts';

let world: World;
afterEach(() => world.close());

const LONG = `${MESSAGE}${`${'long '.repeat(15)}\r\n`.repeat(1_000)}`;
const send = async (client: Client, text = MESSAGE): Promise<string> => {
  await begin(client);
  expect(await client.say('DATA')).toBe('354 Continue\r\n');
  return client.say(`${text}.`);
};
const queued = () => [...world.cloud.queues.values()].flat().map(({ body }) => JSON.parse(body) as Job);

describe('submission, while a store is down', () => {
  const outages: [string, Plan[]][] = [
    ['the messages table', [{ operation: 'recordRequest', fault: 'error', times: 99 }]],
    ['the messages table, throttled', [{ operation: 'recordRequest', fault: 'throttle', times: 99 }]],
    [
      'the queue and the holds table',
      [
        { operation: 'sendJobs', fault: 'throttle', times: 99 },
        { operation: 'hold', fault: 'throttle', times: 99 },
      ],
    ],
  ];
  it.each(outages)('%s: 451 in an open session, nothing is queued, then it goes on', async (_, plans) => {
    world = await openRelay({ plans });
    const client = await logIn(world.tlsPort);
    for (let n = 0; n < 3; n++) expect(await send(client)).toMatch(/^451 4\.3\.0 Temporarily unavailable/);
    expect(queued()).toEqual([]);
    expect(world.requests()).toEqual([]);
    // The log says why: a reply does not.
    expect(world.problems).toEqual(Array(3).fill('a request could not be made durable'));
    world.mend();
    expect(await send(client)).toMatch(/^250 2\.0\.0 Ok: queued as /);
    expect(queued()).toHaveLength(1);
    client.end();
  });

  it('the queue alone: the message is held, and that is durable', async () => {
    world = await openRelay({ plans: [{ operation: 'sendJobs', fault: 'throttle', times: 99 }] });
    const client = await logIn(world.tlsPort);
    expect(await send(client)).toMatch(/^250/);
    expect(world.cloud.holds.size).toBe(1);
    client.end();
  });

  it.each([
    ['a queue that may have it, and nothing can be written', 'after', 'throttle'],
    ['a queue that refuses, and a table that may have it', 'throttle', 'error'],
  ] as const)('%s: says that nobody knows', async (_, queue, table) => {
    world = await openRelay({
      plans: [
        { operation: 'sendJobs', fault: queue, times: 99 },
        { operation: 'hold', fault: table, times: 99 },
      ],
    });
    const client = await logIn(world.tlsPort);
    expect(await send(client)).toMatch(/^451 4\.3\.0 The message may have been taken/);
    client.end();
  });

  it('the bucket: long messages 451, short ones do not need it', async () => {
    world = await openRelay();
    const client = await logIn(world.tlsPort);
    world.broken.bucket = true;
    expect(await send(client, LONG)).toMatch(/^451 4\.3\.0/);
    expect(await send(client)).toMatch(/^250/);
    world.broken.bucket = false;
    expect(await send(client, LONG)).toMatch(/^250/);
    expect(world.memory.short.used()).toBe(0);
    client.end();
  });

  it('the bucket, in the middle of a message of many parts: 451, the upload aborted, the memory given back', async () => {
    world = await openRelay();
    const client = await logIn(world.tlsPort);
    await begin(client);
    await client.say('DATA');
    client.write(MESSAGE);
    const line = Buffer.from(`${'x'.repeat(998)}\r\n`.repeat(1_000));
    for (let n = 0; n < 7; n++) client.write(line);
    await expect.poll(() => world.uploads.open, { timeout: 10_000 }).toBe(1);
    world.broken.bucket = true;
    for (let n = 0; n < 7; n++) client.write(line);
    expect(await client.say('.')).toMatch(/^451/);
    expect(world.uploads).toEqual({ open: 0, aborted: 1 });
    expect([world.memory.short.used(), world.memory.long.used()]).toEqual([0, 0]);
    client.end();
  });

  it('the accounts table: 454 at AUTH, and the session may try again', async () => {
    world = await openRelay();
    const client = await openClient(world.tlsPort, { tls: true });
    await client.reply();
    await client.say('EHLO c');
    world.broken.accounts = true;
    expect(await client.say(`AUTH PLAIN ${PLAIN}`)).toMatch(/^454 4\.7\.0/);
    world.broken.accounts = false;
    expect(await client.say(`AUTH PLAIN ${PLAIN}`)).toMatch(/^235/);
    world.broken.accounts = true;
    expect(await send(client)).toMatch(/^451/);
    world.broken.accounts = false;
    expect(await send(client)).toMatch(/^250/);
    client.end();
  });
});

describe('inbound, while a store is down', () => {
  it.each(['bucket', 'inboundQueue', 'accounts'] as const)('%s: 451, then it goes on', async (store) => {
    world = await openRelay();
    const client = await openClient(world.inboundPort);
    await client.reply();
    await client.say('EHLO mx');
    const deliver = async () => {
      await client.say('MAIL FROM:<>');
      const rcpt = await client.say(`RCPT TO:<x@${PARSE_HOST}>`);
      if (!rcpt.startsWith('250')) {
        await client.say('RSET');
        return rcpt;
      }
      await client.say('DATA');
      return client.say('Subject: x\r\n\r\nx\r\n.');
    };
    world.broken[store] = true;
    expect(await deliver()).toMatch(/^451 4\.3\.0/);
    expect(world.arrived).toEqual([]);
    world.broken[store] = false;
    expect(await deliver()).toMatch(/^250/);
    expect(world.arrived).toHaveLength(1);
    client.end();
  });
});

describe('long messages', () => {
  it('30 MB: the octets in the bucket are those that were sent, and the memory is given back', async () => {
    world = await openRelay();
    const client = await logIn(world.tlsPort);
    await begin(client);
    await client.say('DATA');
    const block = Buffer.from(`${'0123456789abcde '.repeat(4)}\r\n`.repeat(15_000));
    const blocks = Math.floor(31_400_000 / block.length);
    client.write(MESSAGE);
    for (let n = 0; n < blocks; n++) {
      client.write(block);
      while (client.socket().writableLength > 4_000_000) await new Promise((done) => setTimeout(done, 5));
      expect(world.memory.long.used()).toBeLessThanOrEqual(10 * 1_048_576);
    }
    expect(await client.say('.')).toMatch(/^250/);
    const [[key, octets] = []] = [...world.objects];
    expect(key).toMatch(/^requests\/operator\/[\w-]{22}\.eml$/);
    const text = octets!.subarray(octets!.indexOf('From: Shop'));
    expect(text.length).toBe(MESSAGE.length + blocks * block.length);
    expect(text.subarray(MESSAGE.length).equals(Buffer.concat(Array(blocks).fill(block)))).toBe(true);
    expect([world.memory.short.used(), world.memory.long.used(), world.uploads.open]).toEqual([0, 0, 0]);
    expect(queued()[0]!.content!.mime).toEqual({ key, bytes: octets!.length });
    client.end();
  });

  it('a client that goes away in the middle: nothing is left', async () => {
    world = await openRelay();
    const client = await logIn(world.tlsPort);
    await begin(client);
    await client.say('DATA');
    client.write(MESSAGE);
    for (let n = 0; n < 8; n++) client.write(Buffer.from(`${'x'.repeat(998)}\r\n`.repeat(1_000)));
    await expect.poll(() => world.uploads.open, { timeout: 10_000 }).toBe(1);
    client.end();
    await expect.poll(() => world.uploads, { timeout: 10_000 }).toEqual({ open: 0, aborted: 1 });
    await expect.poll(() => [world.memory.short.used(), world.memory.long.used()]).toEqual([0, 0]);
    expect(world.objects.size).toBe(0);
  });

  it('no memory for another one: 452 when it ends, and the session is in step', async () => {
    world = await openRelay({ limits: { memoryWaitMs: 50 } });
    const rest = await world.memory.long.take(1_000 * 1_048_576, 10);
    const client = await logIn(world.tlsPort);
    expect(await send(client, LONG)).toMatch(/^452 4\.3\.1/);
    rest!();
    expect(await send(client, LONG)).toMatch(/^250/);
    client.end();
  });

  it('no memory for any: 452 instead of 354', async () => {
    world = await openRelay({ limits: { memoryWaitMs: 50 } });
    const rest = await world.memory.short.take(1_000 * 1_048_576, 10);
    const client = await logIn(world.tlsPort);
    await begin(client);
    expect(await client.say('DATA')).toMatch(/^452 4\.3\.1/);
    rest!();
    await client.say('RSET');
    expect(await send(client)).toMatch(/^250/);
    client.end();
  });
});
