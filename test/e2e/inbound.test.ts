/**
 * What comes back: recipients of the sink take a mail and answer it by SMTP, at the relay's inbound port, as other people's servers
 * do. It ends on the record of the right copy and in the suppressions, and the books stay balanced.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import nodemailer from 'nodemailer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OPERATOR } from '../../core/records/accounts.ts';
import { type LateRecord, lateKey } from '../../core/records/messages.ts';
import { messagesIn } from '../../io/messages.ts';
import { suppressionsIn } from '../../io/suppressions.ts';
import { OPERATOR_KEY } from '../../local/proxy.ts';
import { eventually, givenMail, type Mail, mailTo, thenAllIsAccountedFor, whenDue } from './given.ts';
import { type Received, unverified } from './receiver.ts';

let mail: Mail;
let client: DynamoDBClient;
let suppressions: ReturnType<typeof suppressionsIn>;
let messages: ReturnType<typeof messagesIn>;

beforeAll(async () => {
  mail = await givenMail({ settings: { relay: { hostName: 'smtp.pennypost.example' } } });
  await mail.operator.setForward(OPERATOR, 'forward_spam', 'abuse-desk@example.net');
  client = new DynamoDBClient({
    endpoint: mail.local.awsUrl,
    region: mail.stack.region,
    credentials: { accessKeyId: OPERATOR_KEY, secretAccessKey: 'local' },
  });
  const tables = DynamoDBDocumentClient.from(client);
  suppressions = suppressionsIn(mail.stack.outputs.SuppressionsTable!, tables);
  messages = messagesIn(mail.stack.outputs.MessagesTable!, tables);
}, 120_000);
afterAll(async () => {
  client?.destroy();
  await mail?.end();
});

const late = (requestId: string, index: number, event: LateRecord['event']) =>
  eventually(
    async () =>
      (await messages.readTrace(OPERATOR, requestId)).find(
        ({ sk }) => sk === lateKey(OPERATOR, requestId, index, event).sk,
      ),
    (found) => found !== undefined,
    40,
  );

describe.concurrent('what comes back by mail', () => {
  it('bounces end on the right copy’s record, and an unknown address on the list of bounces', async () => {
    const to = [
      'quiet@example.net',
      'bounce-later@example.net',
      'bounce-later-exim@example.net',
      'bounce-later-qmail@example.net',
      'bounce-later-exchange@example.net',
      'full-later@example.net',
      'auto-reply@example.net',
    ];
    const { status, id } = await mail.post(mailTo('x', { personalizations: [{ to: to.map((email) => ({ email })) }] }));
    expect(status).toBe(202);

    for (const [index, address] of to.entries()) {
      if (!address.includes('later')) continue;
      const full = address.startsWith('full');
      expect(await late(id, index, 'bounced')).toMatchObject({
        event: 'bounced',
        address,
        type: full ? 'blocked' : 'bounce',
        classification: full ? 'Mailbox Unavailable' : 'Invalid Address',
      });
      const record = await suppressions.readSuppression(OPERATOR, address);
      expect(record?.[full ? 'blocks' : 'bounces']).toMatchObject({ reason: expect.stringContaining('5') });
    }
    for (const address of ['quiet@example.net', 'auto-reply@example.net'])
      expect(await suppressions.readSuppression(OPERATOR, address)).toBeUndefined();
    expect((await messages.readTrace(OPERATOR, id)).filter(({ sk }) => String(sk).includes('late'))).toHaveLength(5);
    expect(await thenAllIsAccountedFor(mail, [id])).toMatchObject({ accepted: 7, delivered: 7 });
  }, 90_000);

  it('a complaint without recipient and return path is matched by our field in the message', async () => {
    const { id } = await mail.post(mailTo('complain@example.net'));
    expect(await late(id, 0, 'complained')).toMatchObject({ address: 'complain@example.net', event: 'complained' });
    expect(await suppressions.readSuppression(OPERATOR, 'complain@example.net')).toMatchObject({ spam_reports: {} });
    await thenAllIsAccountedFor(mail, [id]);
  }, 60_000);

  // Attack: a stranger makes a bounce up. Port 25 takes nothing for an address that is not ours, and no token can be made.
  it('forged bounces are not taken', async () => {
    const { host, port } = mail.local.inbound!;
    const transport = nodemailer.createTransport({ host, port, tls: { rejectUnauthorized: false } });
    for (const to of [
      'victim@em.example.com',
      `b${'a'.repeat(53)}@em.example.com`,
      `u${'a'.repeat(60)}@em.example.com`,
    ])
      await expect(transport.sendMail({ envelope: { from: '', to }, subject: 'x', text: 'x' })).rejects.toThrow(
        /550|554/,
      );
    transport.close();
  });
});

describe.concurrent('inbound parse', () => {
  it('posts mail for a customer’s host to his URL, again after a while when it was out of order, and counts it', async () => {
    // Prepare: a customer's server that is out of order at first, a setting under a policy by the API, a mail by SMTP.
    const posts: FormData[] = [];
    const received: Received[] = [];
    let failures = 1;
    const server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      if (failures-- > 0) return void response.writeHead(503).end();
      received.push({ body: Buffer.concat(chunks), headers: request.headers, events: [] });
      const type = request.headers['content-type']!;
      posts.push(
        await new Response(new Uint8Array(Buffer.concat(chunks)), { headers: { 'content-type': type } }).formData(),
      );
      response.end();
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const scopes = ['create', 'read', 'update', 'delete'].map((one) => `user.webhooks.parse.settings.${one}`);
    const more = ['user.webhooks.parse.stats.read', 'user.webhooks.security.policies.create'];
    const { key } = await mail.operator.createKey(OPERATOR, 'parse', [...scopes, ...more]);
    const ask = (method: string, path: string, body?: object, of = 'parse') =>
      fetch(`${mail.local.apiUrl}/v3/user/webhooks/${of}/${path}`, {
        method,
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        ...(body && { body: JSON.stringify(body) }),
      });
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/in`;
    const signed = await ask('POST', 'policies', { name: 'Signed', signature: { enabled: true } }, 'security');
    const { policy } = (await signed.json()) as { policy: { id: string; signature: { public_key: string } } };
    const under = { security_policy: policy.id };
    const setting = { hostname: 'in.example.com', url, spam_check: false, send_raw: false, ...under };
    expect((await ask('POST', 'settings', setting)).status).toBe(201);
    expect(await (await ask('GET', 'settings')).json()).toEqual({ result: [setting] });

    // Act
    const { host, port } = mail.local.inbound!;
    const transport = nodemailer.createTransport({ host, port, tls: { rejectUnauthorized: false } });
    await transport.sendMail({
      from: 'Jörg <joerg@example.net>',
      to: 'orders@in.example.com',
      subject: 'Bestellung über 3 €',
      text: 'Grüße',
      attachments: [{ filename: 'a.txt', content: 'one' }],
    });
    transport.close();

    // Assess: the first post failed, and is made again when its hold is due.
    await eventually(
      () => failures,
      (left) => left === 0,
      40,
    );
    expect(posts).toHaveLength(0);
    await eventually(
      async () => {
        await whenDue(mail, 'in.example.com');
        return posts.length;
      },
      (count) => count === 1,
      40,
    );
    expect(unverified(received, policy.signature.public_key)).toEqual([]);
    const [form] = posts as [FormData];
    expect(form.get('from')).toBe('Jörg <joerg@example.net>');
    expect(form.get('subject')).toBe('Bestellung über 3 €');
    expect(String(form.get('text')).trim()).toBe('Grüße');
    expect(await (form.get('attachment1') as File).text()).toBe('one');
    expect(form.get('sender_ip')).toBe('127.0.0.1');
    expect(JSON.parse(String(form.get('envelope')))).toEqual({
      to: ['orders@in.example.com'],
      from: 'joerg@example.net',
    });
    const today = new Date().toISOString().slice(0, 10);
    expect(await (await ask('GET', `stats?start_date=${today}`)).json()).toEqual([
      { date: today, stats: [{ metrics: { received: 1 } }] },
    ]);
    expect((await ask('DELETE', 'settings/in.example.com')).status).toBe(204);
    server.closeAllConnections();
    server.close();
  }, 130_000);
});

it('a full mailbox is a block each time, a complaint is sent on if that is wanted; no call was refused, and no statement is idle', async () => {
  const { id } = await mail.post(mailTo('full-later@example.net'));
  await late(id, 0, 'bounced');
  expect(await suppressions.readSuppression(OPERATOR, 'full-later@example.net')).toMatchObject({
    blocks: { times: 2 },
  });

  await eventually(
    () => mail.arrivals.list({ to: 'abuse-desk@example.net' }),
    (arrivals) => arrivals.length === 1,
    30,
  );
  expect(mail.stack.denials.map(({ message }) => message)).toEqual([]);
  // What manage may do is used in permissions.test.ts.
  expect(mail.stack.unusedStatements().filter((one) => /Inbound|Parse/i.test(one.function))).toEqual([]);
}, 120_000);
