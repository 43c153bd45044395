import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SQSClient } from '@aws-sdk/client-sqs';
import { afterEach, describe, expect, it } from 'vitest';
import { type Entry, sendEntries } from '../../io/queue.ts';

type Batch = { Entries: { Id: string; MessageBody: string; MessageGroupId: string; DelaySeconds?: number }[] };
type Answer = (batch: Batch) => { status: number; body: object } | 'destroy';

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** A queue whose answers a test writes itself: what no emulator shows. */
async function openQueue(answer: Answer): Promise<{ client: SQSClient; url: string; batches: Batch[] }> {
  const batches: Batch[] = [];
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const batch = JSON.parse(Buffer.concat(chunks).toString()) as Batch;
    batches.push(batch);
    const reply = answer(batch);
    if (reply === 'destroy') return void request.socket.destroy();
    response.writeHead(reply.status, { 'content-type': 'application/x-amz-json-1.0' }).end(JSON.stringify(reply.body));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { batches, url: `http://127.0.0.1:${port}/000000000000/lane`, client: clientAt(port) };
}

const clientAt = (port: number) =>
  new SQSClient({
    endpoint: `http://127.0.0.1:${port}`,
    region: 'us-east-1',
    maxAttempts: 1,
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    requestHandler: { connectionTimeout: 500, requestTimeout: 500, throwOnRequestTimeout: true },
  });

const md5 = (text: string) => createHash('md5').update(text).digest('hex');
const makeEntries = (count: number, size = 10): Entry[] =>
  Array.from({ length: count }, (_, i) => ({ body: `${i}`.padEnd(size, '.'), group: 'g' }));
const took = ({ Entries }: Batch) => ({
  status: 200,
  body: {
    Successful: Entries.map(({ Id, MessageBody }) => ({ Id, MessageId: Id, MD5OfMessageBody: md5(MessageBody) })),
    Failed: [],
  },
});

async function send(answer: Answer, entries = makeEntries(2)) {
  const { client, url, batches } = await openQueue(answer);
  return { batches, results: await sendEntries(client, url, entries) };
}

describe('sendEntries', () => {
  it('sends ten at a time, in order, and at most a megabyte at a time', async () => {
    const { batches, results } = await send(took, [...makeEntries(12), ...makeEntries(3, 400_000)]);
    expect(results).toHaveLength(15);
    expect(new Set(results)).toEqual(new Set(['sent']));
    expect(batches.map(({ Entries }) => Entries.length)).toEqual([10, 4, 1]);
    expect(batches[0]!.Entries.map(({ MessageBody }) => MessageBody.replaceAll('.', ''))).toEqual([...'0123456789']);
  });

  it('tells a refused entry from one whose fate the queue does not know', async () => {
    const { results } = await send(
      ({ Entries }) => ({
        status: 200,
        body: {
          Successful: [{ Id: Entries[0]!.Id, MessageId: 'm', MD5OfMessageBody: md5(Entries[0]!.MessageBody) }],
          Failed: [
            { Id: '1', SenderFault: true, Code: 'InvalidMessageContents' },
            { Id: '2', SenderFault: false, Code: 'InternalError' },
            { Id: '3', SenderFault: false, Code: 'ThrottlingException' },
          ],
        },
      }),
      makeEntries(5),
    );
    expect(results).toEqual(['sent', 'refused', 'unanswered', 'refused', 'unanswered']);
  });

  it.each([
    ['a throttle', { status: 400, body: { __type: 'com.amazonaws.sqs#RequestThrottled', message: '' } }, 'refused'],
    ['no permission', { status: 403, body: { __type: 'AccessDeniedException', message: '' } }, 'refused'],
    ['a fault of the service', { status: 500, body: { __type: 'InternalError', message: '' } }, 'unanswered'],
    ['an unavailable service', { status: 503, body: {} }, 'unanswered'],
    ['a connection that ends without an answer', 'destroy', 'unanswered'],
  ] as const)('%s', async (_name, answer, result) => {
    expect((await send(() => answer)).results).toEqual([result, result]);
  });

  // The attack: a name with a character that SQS refuses, so that a request which was accepted can never be queued.
  it('escapes the characters that SQS does not take', async () => {
    const text = JSON.stringify({ name: 'a\ufffe\uffff\u0000b' });
    const { batches } = await send(took, [{ body: text, group: 'g' }]);
    const { MessageBody } = batches[0]!.Entries[0]!;
    expect(MessageBody).toMatch(/^[\x20-\x7e]+$/);
    expect(JSON.parse(MessageBody)).toEqual(JSON.parse(text));
  });

  it('a queue that nobody listens at refused everything', async () => {
    const results = await sendEntries(clientAt(9), 'http://127.0.0.1:9/000000000000/lane', makeEntries(1));
    expect(results).toEqual(['refused']);
  });
});
