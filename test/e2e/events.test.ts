/**
 * What became of mail, told on: webhooks that verify, in order and once; statistics that agree with the ledger; event pages that agree
 * with both. With a real receiver, and SendGrid's own verifier.
 */
import { createHmac } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SendGridEvent } from '../../core/event/event.ts';
import { OPERATOR_KEY } from '../../local/proxy.ts';
import { eventually, givenMail, type Mail, mailTo, thenAllIsAccountedFor, whenRetriesAreDue } from './given.ts';
import { ALL_ON, startReceiver, unverified } from './receiver.ts';

const ORDER = ['processed', 'deferred', 'delivered', 'bounce'];

describe('events', () => {
  let mail: Mail;
  let receiver: Awaited<ReturnType<typeof startReceiver>>;
  let broken: Awaited<ReturnType<typeof startReceiver>>;
  const call = async (method: string, path: string, body?: unknown) => {
    const answer = await fetch(`${mail.local.apiUrl}${path}`, {
      method,
      headers: { authorization: `Bearer ${mail.local.apiKey}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    return { status: answer.status, body: text === '' ? undefined : JSON.parse(text) };
  };
  const today = () => new Date().toISOString().slice(0, 10);
  const pages = async (): Promise<SendGridEvent[]> => {
    const client = new S3Client({
      endpoint: mail.local.awsUrl,
      region: mail.stack.region,
      forcePathStyle: true,
      credentials: { accessKeyId: OPERATOR_KEY, secretAccessKey: 'local' },
    });
    const Bucket = mail.stack.outputs.EventsBucket!;
    const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket, Prefix: 'events/operator/' }));
    const events: SendGridEvent[] = [];
    for (const { Key } of Contents) {
      const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }));
      const text = gunzipSync(Buffer.from(await Body!.transformToByteArray())).toString();
      events.push(
        ...text
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line) as SendGridEvent),
      );
    }
    client.destroy();
    return events;
  };

  beforeAll(async () => {
    receiver = await startReceiver();
    broken = await startReceiver();
    mail = await givenMail({ settings: { events: { announceSeconds: 1, tallySeconds: 1 } } });
  }, 60_000);
  afterAll(async () => {
    await mail.end();
    receiver.stop();
    broken.stop();
  });

  test('settings: several webhooks, the two forms without an id, signed, and nothing that is secret', async () => {
    expect(await call('GET', '/v3/user/webhooks/event/settings')).toMatchObject({
      status: 200,
      body: { enabled: false, url: '' },
    });
    const made = await call('PATCH', '/v3/user/webhooks/event/settings', {
      enabled: true,
      url: receiver.url,
      ...ALL_ON,
    });
    expect(made).toMatchObject({ status: 200, body: { enabled: true, url: receiver.url, processed: true } });
    const { id } = made.body;
    const signed = await call('PATCH', `/v3/user/webhooks/event/settings/signed/${id}`, { enabled: true });
    expect(signed).toMatchObject({ status: 200, body: { id, public_key: expect.stringMatching(/^MFkwEwYHKoZIzj0/) } });
    const other = await call('POST', '/v3/user/webhooks/event/settings', { enabled: true, url: broken.url, ...ALL_ON });
    expect(other.status).toBe(201);
    expect(await call('POST', '/v3/user/webhooks/event/settings', { enabled: true, url: broken.url })).toMatchObject({
      status: 400,
      body: { errors: [{ field: 'url', message: expect.stringContaining(other.body.id) }] },
    });
    const all = await call('GET', '/v3/user/webhooks/event/settings/all');
    expect(all.body.webhooks.map((one: { id: string }) => one.id)).toEqual([id, other.body.id]);
    expect(JSON.stringify(all.body)).not.toContain('rivate');
  });

  test('every event once, in order for each recipient, verified; while another endpoint hangs', async () => {
    // Prepare: the second endpoint takes the connection and says nothing.
    broken.answer = () => {};
    const ids: string[] = [];
    const send = async (email: string, more: object = {}) => ids.push((await mail.post(mailTo(email, more))).id);
    const more = { categories: ['orders'], custom_args: { order: '17', event: 'theirs' } };

    // Act
    for (let n = 0; n < 20; n++) await send(`reader-${n}@example.net`, more);
    for (let n = 0; n < 5; n++) await send(`bounce@site-${n}.example`, more);
    for (let n = 0; n < 5; n++) await send(`defer-1@late-${n}.example`, more);
    await mail.post({
      ...mailTo('x', more),
      personalizations: Array.from({ length: 150 }, (_, n) => ({ to: [{ email: `bulk-${n}@example.net` }] })),
    });
    await eventually(
      () => mail.ledger(),
      ({ queued, held }) => queued === 0 && held === 5,
      60,
    );
    await whenRetriesAreDue(mail);
    await eventually(
      () => mail.ledger(),
      ({ queued, held }) => queued + held === 0,
      60,
    );
    const ledger = await thenAllIsAccountedFor(mail, undefined, 60);
    expect(ledger).toMatchObject({ accepted: 180, delivered: 175, bounced: 5, held: 0 });
    const unique = () =>
      new Map(
        receiver
          .events()
          .reverse()
          .map((event) => [event.sg_event_id, event]),
      );
    await eventually(
      () => unique().size,
      (size) => size >= 180 + 5 + 180,
      60,
    );

    // Assess: each once by its id; one that was told twice (its run was cut off) is the same to the last field.
    const events = [...unique().values()].reverse();
    for (const event of receiver.events()) expect(event).toEqual(unique().get(event.sg_event_id));
    const counts = Object.groupBy(events, ({ event }) => event);
    expect(Object.fromEntries(Object.entries(counts).map(([event, all]) => [event, all!.length]))).toEqual({
      processed: 180,
      deferred: 5,
      delivered: 175,
      bounce: 5,
    });
    for (const all of Map.groupBy(events, ({ sg_message_id }) => sg_message_id).values()) {
      const places = all.map(({ event }) => ORDER.indexOf(event));
      expect(places).toEqual([...places].sort());
      for (const event of all) expect(event).toMatchObject({ order: '17', category: ['orders'] });
    }
    const keys = (await call('GET', '/v3/user/webhooks/event/settings/signed')).body;
    expect(unverified(receiver.received, keys.public_key)).toEqual([]);
    for (const { body } of receiver.received) {
      // Whoever parses and writes it again has the same octets.
      expect(JSON.stringify(JSON.parse(body.toString()))).toBe(body.toString());
      expect(body.length).toBeLessThanOrEqual(768 * 1_024);
    }
  }, 180_000);

  test('statistics and event pages agree with the ledger to the last message', async () => {
    const stats = await eventually(
      async () => (await call('GET', `/v3/stats?start_date=${today()}`)).body[0].stats[0].metrics,
      ({ delivered, bounces }) => delivered + bounces >= 180,
      30,
    );
    expect(stats).toMatchObject({ requests: 180, processed: 180, delivered: 175, bounces: 5, deferred: 5, blocks: 0 });
    const categories = await call('GET', `/v3/categories/stats?start_date=${today()}&categories=orders`);
    expect(categories.body[0].stats).toMatchObject([{ type: 'category', name: 'orders', metrics: { delivered: 175 } }]);
    const told = new Set(receiver.events().map(({ sg_event_id }) => sg_event_id));
    const logged = await pages();
    expect(new Set(logged.map(({ sg_event_id }) => sg_event_id))).toEqual(told);
    expect(logged).toHaveLength(told.size);
  }, 60_000);

  test('an endpoint that hung is told everything once it answers; its log says what was', async () => {
    // Act
    broken.answer = (_, response) => void response.writeHead(200).end();
    const [, { id }] = (await call('GET', '/v3/user/webhooks/event/settings/all')).body.webhooks;
    const seen = () => new Set(broken.events().map(({ sg_event_id }) => sg_event_id)).size;
    await eventually(seen, (size) => size === 365, 120);

    // Assess
    const { body: log } = await call('GET', `/v3/user/webhooks/event/settings/${id}/log`);
    expect(log).toMatchObject({ id, failed_attempts: 0 });
    expect(log.attempts[0]).toMatchObject({ status: 200, latency_ms: expect.any(Number) });
    expect(log.attempts.some((one: { error?: string }) => one.error === 'timeout')).toBe(true);
  }, 180_000);

  test('a replay tells the same events again, with the same ids', async () => {
    const [, { id }] = (await call('GET', '/v3/user/webhooks/event/settings/all')).body.webhooks;
    const before = broken.received.length;
    const asked = await call('POST', `/v3/user/webhooks/event/settings/${id}/replay`, {
      start_time: Math.floor(Date.now() / 1_000) - 3_600,
    });
    expect(asked.status).toBe(202);
    const again = () => broken.received.slice(before).flatMap(({ events }) => events);
    await eventually(again, (events) => events.length >= 365, 30);
    expect(new Set(again().map(({ sg_event_id }) => sg_event_id)).size).toBe(365);
  }, 60_000);

  test('the test endpoint sends made-up events, signed, and the HMAC beside it verifies', async () => {
    const [{ id, url }] = (await call('GET', '/v3/user/webhooks/event/settings/all')).body.webhooks;
    await call('PATCH', `/v3/user/webhooks/event/settings/signed/${id}`, { enabled: false });
    const { body: keys } = await call('PATCH', `/v3/user/webhooks/event/settings/signed/${id}`, { enabled: true });
    const before = receiver.received.length;
    expect((await call('POST', '/v3/user/webhooks/event/test', { id, url })).status).toBe(204);
    await eventually(
      () => receiver.received.length,
      (length) => length > before,
      20,
    );
    const { body, headers } = receiver.received.at(-1)!;
    const signed = `${headers['x-twilio-email-event-webhook-timestamp']}${body}`;
    expect(headers['x-pennypost-webhook-signature']).toBe(
      `sha256=${createHmac('sha256', keys.hmac_secret).update(signed).digest('hex')}`,
    );
  }, 60_000);

  test('no function did what it may not', () => {
    expect(mail.stack.denials.map(({ message }) => message)).toEqual([]);
    expect(mail.log.filter((line) => /ERROR|error/.test(line) && !/timeout/.test(line))).toEqual([]);
  });
});
