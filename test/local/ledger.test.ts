import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Job } from '../../core/job.ts';
import { type Expansion, holdKey } from '../../core/records/holds.ts';
import { attemptKey, copyKey, requestKey } from '../../core/records/messages.ts';
import { countMail } from '../../local/ledger.ts';
import type { InspectedQueue } from '../../local/queues.ts';
import { type LocalStack, startStack } from '../../local/stack.ts';
import { smallTemplate, writeAssembly } from './small-stack.ts';

const KEYS = [
  { AttributeName: 'pk', KeyType: 'HASH' },
  { AttributeName: 'sk', KeyType: 'RANGE' },
];
const table = {
  Type: 'AWS::DynamoDB::Table',
  Properties: {
    KeySchema: KEYS,
    AttributeDefinitions: KEYS.map(({ AttributeName }) => ({ AttributeName, AttributeType: 'S' })),
  },
};
const assembly = writeAssembly(smallTemplate({ resources: { StorageMessages: table, StorageHolds: table } }));
let stack: LocalStack;
let write: (noun: 'Messages' | 'Holds', ...items: object[]) => Promise<void>;
beforeAll(async () => {
  stack = await startStack({ ...assembly.options, paused: true });
  const credentials = { accessKeyId: 'operator', secretAccessKey: 'local' };
  const client = DynamoDBDocumentClient.from(
    new DynamoDBClient({ endpoint: stack.awsUrl, region: stack.region, credentials }),
  );
  write = async (noun, ...items) => {
    for (const Item of items) await client.send(new PutCommand({ TableName: `Small-Storage${noun}`, Item }));
  };
});
afterAll(async () => {
  await stack.stop();
  assembly.remove();
});

const ACCOUNT = 'operator';
const job = (requestId: string, ...indexes: number[]) =>
  ({ v: 1, account: ACCOUNT, requestId, copies: indexes.map((index) => ({ index })) }) as unknown as Job;
const expansion = (requestId: string) =>
  ({ v: 1, account: ACCOUNT, requestId, contentKey: 'k', acceptedAt: 0 }) as Expansion;
const request = (requestId: string, copies: number, more: object = {}) => ({
  ...requestKey(ACCOUNT, requestId),
  copies,
  ...more,
});
const outcome = (requestId: string, index: number, event: string) => ({ ...copyKey(ACCOUNT, requestId, index), event });
const queue = (dead: boolean, ...bodies: (object | string)[]) =>
  ({
    dead,
    messages: bodies.map((body) => ({ body: typeof body === 'string' ? body : JSON.stringify(body) })),
  }) as InspectedQueue;

it('counts every copy once, where it has come furthest, and what is nowhere as lost', async () => {
  // Prepare
  await write(
    'Messages',
    request('all', 12),
    outcome('all', 0, 'delivered'),
    outcome('all', 1, 'bounced'),
    outcome('all', 2, 'dropped'),
    outcome('all', 3, 'unknown'),
    { ...attemptKey(ACCOUNT, 'all', 4, 'deferred', 1), event: 'deferred' },
    request('large', 100),
    outcome('large', 7, 'delivered'),
    request('later', 5),
    request('refused', 0, { refused: true }),
    outcome('refused', 0, 'delivered'),
    request('other', 3),
  );
  await write(
    'Holds',
    { ...holdKey('h1', 5), kind: 'job', job: job('all', 4, 5), copies: 2 },
    { ...holdKey('h2', 6), kind: 'request', expansion: expansion('later'), copies: 5 },
  );
  const queues = [
    // 0 is final and 5 is held: a duplicated job. 6 and 7 wait, 7 in two jobs. 9 to 11 of `all` are nowhere.
    queue(false, job('all', 0, 5, 6), job('all', 7), job('all', 7), expansion('large'), 'poison'),
    queue(true, job('all', 8), job('all', 7)),
  ];
  const faked = { ...stack, queues: { ...stack.queues, inspect: () => queues } };

  // Act
  const ledger = await countMail(faked, ['all', 'large', 'later', 'refused']);

  // Assess
  expect(ledger).toEqual({
    accepted: 117,
    delivered: 2,
    bounced: 1,
    dropped: 1,
    unknown: 1,
    held: 2 + 5,
    queued: 2 + 99,
    dead: 1,
    lost: 3,
  });
  expect(await countMail(faked)).toMatchObject({ accepted: 120, lost: 6 });
});
