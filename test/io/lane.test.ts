import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SQSClient } from '@aws-sdk/client-sqs';
import { afterEach, expect, it } from 'vitest';
import { laneOf } from '../../io/lane.ts';

type Asked = { Entries: { Id: string; ReceiptHandle: string; VisibilityTimeout?: number }[] };

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** A queue that writes down what it is asked, and refuses the entries that a test names. */
async function openLane(refused: readonly string[] = []) {
  const asked: Asked['Entries'][] = [];
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { Entries } = JSON.parse(Buffer.concat(chunks).toString()) as Asked;
    asked.push(Entries);
    const [failed, done] = [true, false].map((is) =>
      Entries.filter(({ ReceiptHandle }) => refused.includes(ReceiptHandle) === is),
    ) as [Asked['Entries'], Asked['Entries']];
    const body = {
      Successful: done.map(({ Id }) => ({ Id })),
      Failed: failed.map(({ Id }) => ({ Id, Code: 'ReceiptHandleIsInvalid', SenderFault: true })),
    };
    response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' }).end(JSON.stringify(body));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
  const client = new SQSClient({ endpoint, region: 'us-east-1', maxAttempts: 1, credentials });
  return { asked, lane: laneOf(client, `${endpoint}/000000000000/lane`) };
}

it('what failed comes back soon, later each time, and after five times as the queue says', async () => {
  const { asked, lane } = await openLane();

  await lane.comeBack(
    Array.from({ length: 13 }, (_, n) => ({ receipt: `r${n + 1}`, receiveCount: n + 1 })),
    1,
  );

  expect(asked.flat().map(({ ReceiptHandle, VisibilityTimeout }) => [ReceiptHandle, VisibilityTimeout])).toEqual([
    ['r1', 30],
    ['r2', 60],
    ['r3', 120],
    ['r4', 300],
    ['r5', 900],
  ]);
});

it('ten at a time, in the measure of a shorter timeout, and nothing is asked for nothing', async () => {
  const { asked, lane } = await openLane();

  await lane.comeBack(
    Array.from({ length: 25 }, (_, n) => ({ receipt: `r${n}`, receiveCount: 1 })),
    1 / 18,
  );
  await lane.comeBack([{ receiveCount: 1 }], 1);

  expect(asked.map(({ length }) => length)).toEqual([10, 10, 5]);
  expect(new Set(asked.flat().map(({ VisibilityTimeout }) => VisibilityTimeout))).toEqual(new Set([2]));
});

it('says so where the queue refuses some', async () => {
  const { lane } = await openLane(['gone']);

  const answer = lane.comeBack(
    ['here', 'gone'].map((receipt) => ({ receipt, receiveCount: 1 })),
    1,
  );

  await expect(answer).rejects.toThrow('1 of 2: ReceiptHandleIsInvalid');
});
