/**
 * Tracking through the whole local stack: readers of the sink's load pixels, follow links and unsubscribe at track's own API, under
 * its own permissions, or by mail at port 25; and who unsubscribed gets nothing more. Mail by HTTP and by SMTP.
 */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, QueryCommand, ScanCommand } from '@aws-sdk/lib-dynamodb';
import { simpleParser } from 'mailparser';
import nodemailer from 'nodemailer';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { OPERATOR } from '../../core/records/accounts.ts';
import { messageName } from '../../core/records/message-key.ts';
import { copyKey, requestKey } from '../../core/records/messages.ts';
import { OPERATOR_KEY } from '../../local/proxy.ts';
import { eventually, givenMail, type Mail, mailTo, thenAllIsAccountedFor } from './given.ts';

let mail: Mail;
let client: DynamoDBClient;
let tables: DynamoDBDocumentClient;

beforeAll(async () => {
  mail = await givenMail({ settings: { relay: { hostName: 'smtp.pennypost.example' } } });
  const credentials = { accessKeyId: OPERATOR_KEY, secretAccessKey: 'local' };
  client = new DynamoDBClient({ endpoint: mail.local.awsUrl, region: mail.stack.region, credentials });
  tables = DynamoDBDocumentClient.from(client);
}, 120_000);
afterAll(async () => {
  client?.destroy();
  await mail?.end();
});

const HTML = '<body><a href="https://shop.example/?a=1&amp;b=2">Shop</a></body>';
const tracked = (to: string, more: object = {}) =>
  mailTo(to, {
    content: [
      { type: 'text/plain', value: 'https://shop.example/' },
      { type: 'text/html', value: HTML },
    ],
    tracking_settings: {
      click_tracking: { enable: true, enable_text: false },
      open_tracking: { enable: true },
      subscription_tracking: { enable: true },
    },
    ...more,
  });
const engagements = async (id: string) => {
  const { Items = [] } = await tables.send(
    new QueryCommand({
      TableName: mail.stack.outputs.MessagesTable!,
      KeyConditionExpression: 'pk = :pk',
      ExpressionAttributeValues: { ':pk': requestKey(OPERATOR, id).pk },
      ConsistentRead: true,
    }),
  );
  return Items.filter((item) => {
    const { requestId, part } = messageName(item)!;
    return requestId === id && /^\d{4}#(open|click|unsubscribe)#/.test(part);
  });
};
const rawOf = async (to: string) => {
  const { id } = await eventually(
    () => mail.arrivals.list({ to })[0] ?? { id: '' },
    ({ id }) => id !== '',
  );
  return mail.arrivals.find(id)!.raw.toString('latin1').replace(/=\r\n/g, '').replaceAll('=3D', '=');
};

test('open, click and unsubscribe are recorded; the next send is dropped', async () => {
  // Act
  const sent = {
    open: await mail.post(tracked('open@reader.example')),
    click: await mail.post(tracked('click@reader.example')),
    unsubscribe: await mail.post(tracked('unsubscribe@reader.example')),
  };
  for (const { status, body } of Object.values(sent)) expect([status, body]).toEqual([202, '']);

  // Assess
  for (const [event, { id }] of Object.entries(sent)) {
    const [found, ...others] = await eventually(
      () => engagements(id),
      (items) => items.length > 0,
    );
    expect(others).toEqual([]);
    expect(found).toMatchObject({ event, first: true, address: `${event}@reader.example`, ip: '127.0.0.1' });
    expect(found).not.toHaveProperty('machine');
    if (event === 'click')
      expect(found).toMatchObject({
        url: 'https://shop.example/?a=1&b=2',
        urlOffset: { index: 0, type: 'html' },
        browser: 'Chrome',
        device: 'Desktop',
      });
  }
  const again = await mail.post(tracked('unsubscribe@reader.example'));
  await thenAllIsAccountedFor(mail, [again.id]);
  const { Items = [] } = await tables.send(
    new ScanCommand({ TableName: mail.stack.outputs.MessagesTable!, ConsistentRead: true }),
  );
  const { pk, sk } = copyKey(OPERATOR, again.id, 0);
  expect(Items.find((item) => item.pk === pk && item.sk === sk)).toMatchObject({
    event: 'dropped',
    reply: expect.stringContaining('Unsubscribed Address'),
  });
}, 60_000);

test('a scanner that follows every link unsubscribes nobody; a reader without JavaScript does, by the form', async () => {
  // Prepare
  await mail.post(tracked('scanned@reader.example'));
  const raw = await rawOf('scanned@reader.example');
  const url = /<(http:\/\/127[^>]+\/u\/[^>]+)>/.exec(raw.replace(/\r\n[ \t]/g, ''))![1]!;
  // Act: GET and HEAD, as scanners do.
  for (const method of ['GET', 'HEAD']) expect((await fetch(url, { method })).status).toBe(200);
  // Assess
  const first = await mail.post(tracked('scanned@reader.example'));
  expect((await thenAllIsAccountedFor(mail, [first.id])).delivered).toBe(1);
  // Act
  const page = await (await fetch(url)).text();
  expect(page).toContain('<form method="post">');
  expect(page).not.toContain('<script');
  const [, name, value] = /name="(\w+)" value="(\w+)"/.exec(page)!;
  const done = await (await fetch(url, { method: 'POST', body: new URLSearchParams({ [name!]: value! }) })).text();
  expect(done).toContain('You are unsubscribed');
  const second = await mail.post(tracked('scanned@reader.example'));
  expect((await thenAllIsAccountedFor(mail, [second.id])).dropped).toBe(1);
}, 60_000);

test('a scanner that looks at every link is marked as a machine, and unsubscribes nobody', async () => {
  const { id } = await mail.post(tracked('scan@reader.example'));
  const [click] = await eventually(
    () => engagements(id),
    (items) => items.some(({ event }) => event === 'click'),
  );
  expect(click).toMatchObject({ machine: true });
  const next = await mail.post(tracked('scan@reader.example'));
  expect((await thenAllIsAccountedFor(mail, [next.id])).delivered).toBe(1);
}, 60_000);

test('who unsubscribes by mail, at port 25, gets nothing more', async () => {
  const { id } = await mail.post(tracked('unsubscribe-by-mail@reader.example'));
  const [found] = await eventually(
    () => engagements(id),
    (items) => items.length > 0,
    30,
  );
  expect(found).toMatchObject({ event: 'unsubscribe', address: 'unsubscribe-by-mail@reader.example' });
  const next = await mail.post(tracked('unsubscribe-by-mail@reader.example'));
  expect((await thenAllIsAccountedFor(mail, [next.id])).dropped).toBe(1);
}, 60_000);

test('mail that came by SMTP is tracked as any other, and its readers can leave', async () => {
  // Act
  const { host, port, user, password: pass } = mail.local.smtp!;
  const transport = nodemailer.createTransport({
    host,
    port,
    auth: { user, pass },
    tls: { rejectUnauthorized: false },
  });
  const on = { settings: { enable: 1 } };
  const filters = { clicktrack: on, opentrack: on, subscriptiontrack: on };
  const ids: Record<string, string> = {};
  for (const name of ['open', 'click', 'unsubscribe']) {
    const { response } = await transport.sendMail({
      from: 'shop@example.com',
      to: `${name}@smtp.example`,
      subject: 'Grüße',
      html: `<p>Grüße</p>${HTML}`,
      attachments: [{ filename: 'a.html', content: HTML }],
      headers: { 'X-SMTPAPI': JSON.stringify({ filters }) },
    });
    ids[name] = /queued as ([\w-]+)/.exec(response)![1]!;
  }
  transport.close();

  // Assess
  for (const [event, id] of Object.entries(ids)) {
    const [found] = await eventually(
      () => engagements(id),
      (items) => items.length > 0,
    );
    expect(found).toMatchObject({ event, address: `${event}@smtp.example` });
  }
  const { id } = mail.arrivals.list({ to: 'open@smtp.example' })[0]!;
  const { attachments } = await simpleParser(mail.arrivals.find(id)!.raw);
  expect(attachments.map(({ content }) => content.toString())).toEqual([HTML]);
  const next = await mail.post(tracked('unsubscribe@smtp.example'));
  expect((await thenAllIsAccountedFor(mail, [next.id])).dropped).toBe(1);
}, 60_000);

test('a link of ours redirects, another host or a changed one is not found, and the customers’ API knows no links', async () => {
  await mail.post(tracked('plain@reader.example'));
  const url = /http:\/\/127[^"]+\/c\/[\w-]+/.exec(await rawOf('plain@reader.example'))![0];
  const answer = await fetch(url, { redirect: 'manual' });
  expect([answer.status, answer.headers.get('location')]).toEqual([302, 'https://shop.example/?a=1&b=2']);
  expect((await fetch(`${url}?url=https://evil.example/`, { redirect: 'manual' })).headers.get('location')).toBe(
    'https://shop.example/?a=1&b=2',
  );
  expect((await fetch(url.replace('127.0.0.1', 'localhost'), { redirect: 'manual' })).status).toBe(404);
  expect((await fetch(`${url.slice(0, -1)}${url.endsWith('A') ? 'B' : 'A'}`, { redirect: 'manual' })).status).toBe(404);
  expect((await fetch(new URL(new URL(url).pathname, mail.local.apiUrl), { redirect: 'manual' })).status).not.toBe(302);
}, 60_000);

test('nothing was denied', () => {
  expect(mail.stack.denials).toEqual([]);
});
