/** A session with SES against a server on loopback that answers as SESv2 does. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SESv2Client } from '@aws-sdk/client-sesv2';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { tagsOf } from '../../core/ses.ts';
import { WAITS } from '../../core/smtp/limits.ts';
import { FINAL_DOT } from '../../core/wire.ts';
import { sesBy, type ViaSession } from '../../io/ses.ts';

type Call = { url: string; body: { Content: { Raw: { Data: string } } } & Record<string, unknown> };
let server: Server;
let calls: Call[];
let answer: (response: ServerResponse, request: IncomingMessage) => void;
let client: SESv2Client;

beforeEach(async () => {
  calls = [];
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      calls.push({ url: request.url!, body: JSON.parse(Buffer.concat(chunks).toString()) as Call['body'] });
      answer(response, request);
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  client = new SESv2Client({
    endpoint: `http://127.0.0.1:${port}`,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
  });
});
afterEach(async () => {
  client.destroy();
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
});

const says = (status: number, body: object, type?: string) => (response: ServerResponse) => {
  response.writeHead(status, { 'content-type': 'application/json', ...(type && { 'x-amzn-errortype': type }) });
  response.end(JSON.stringify(body));
};
const about = { account: 'operator', requestId: 'AZq2-_aaaaaaaaaaaaaaaa', index: 0, attempt: 0, lane: 'default' };
const text = 'DKIM-Signature: v=1;\r\n b=x\r\nFrom: Shop <shop@example.com>\r\nSubject: x\r\n\r\n..dots\r\n';
const message = {
  from: 'b+x@em.example.com',
  to: 'reader@bücher.example',
  octets: [Buffer.from(text.slice(0, 20)), Buffer.from(text.slice(20)), FINAL_DOT],
  about,
};
const open = (remaining = 600_000): ViaSession =>
  sesBy(client, 'pennypost-set')({ waits: WAITS, remaining: () => remaining });

test('a message goes unsigned and unstuffed, to its one recipient, with its tags; and is relayed', async () => {
  answer = says(200, { MessageId: '0100-ses' });
  const session = open();

  const sent = await session.send(message);
  await session.quit();

  expect(sent).toMatchObject({
    ok: true,
    relayed: true,
    relayId: '0100-ses',
    reply: { code: 250, text: '250 0100-ses' },
  });
  expect(session.accepted()).toBe(1);
  const [{ url, body }] = calls as [Call];
  expect(url).toBe('/v2/email/outbound-emails');
  const { Content, ...rest } = body;
  expect(Buffer.from(Content.Raw.Data, 'base64').toString()).toBe(
    'From: Shop <shop@example.com>\r\nSubject: x\r\n\r\n.dots\r\n',
  );
  expect(rest).toEqual({
    ConfigurationSetName: 'pennypost-set',
    Destination: { ToAddresses: ['reader@xn--bcher-kva.example'] },
    EmailTags: tagsOf(about),
    FromEmailAddress: 'shop@example.com',
  });
});

test.each([
  ['TooManyRequestsException', 429, 'Maximum sending rate exceeded.', 454],
  ['MessageRejected', 400, 'Message contains a virus', 554],
  ['SendingPausedException', 400, 'paused', 454],
  ['InternalFailure', 500, 'oops', 454],
])('%s is asked once, and is a reply', async (type, status, why, code) => {
  answer = says(status, { message: why }, type);
  const session = open();
  expect(await session.send(message)).toMatchObject({ ok: false, afterDot: false, reply: { code } });
  expect({ asked: calls.length, accepted: session.accepted(), usable: session.usable() }).toEqual({
    asked: 1,
    accepted: 0,
    usable: true,
  });
});

test('a call that breaks off without an answer is in doubt, and is not made again', async () => {
  answer = (_, request) => request.socket.destroy();
  expect(await open().send(message)).toMatchObject({ ok: false, stage: 'dot', afterDot: true });
  expect(calls).toHaveLength(1);
});

test('a call that is not answered in time is in doubt', async () => {
  answer = () => {};
  const waits = { ...WAITS, body: 50, dot: 50 };
  const session = sesBy(client, 'pennypost-set')({ waits, remaining: () => 600_000 });
  expect(await session.send(message)).toMatchObject({ ok: false, afterDot: true });
});

test('a server that is not there has taken nothing', async () => {
  await new Promise((done) => server.close(done));
  expect(await open().send(message)).toMatchObject({ ok: false, stage: 'connect', afterDot: false });
});

test('what there is no time for is not begun', async () => {
  expect(await open(1_000).send(message)).toEqual({ ok: false, postponed: true });
  expect(calls).toEqual([]);
});

test('what SES cannot carry is refused without asking', async () => {
  expect(await open().send({ ...message, to: 'jörg@example.net' })).toMatchObject({ ok: false, reply: { code: 553 } });
  expect(calls).toEqual([]);
});
