/**
 * Accounts whose mail is on record: requests, outcomes and what readers did in a real table with its index, and event pages in a real
 * bucket, as tally writes them from the table's stream.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import { makeApiKey } from '../../../core/api-key.ts';
import type { About } from '../../../core/event/about.ts';
import { type EngagementRecord, engagementKey } from '../../../core/event/engagement.ts';
import { readNews } from '../../../core/event/item.ts';
import { copyOf } from '../../../core/event/order.ts';
import { padSequence } from '../../../core/event/page.ts';
import { makeRequestId, requestIdTime } from '../../../core/ids.ts';
import { type KeyRecord, keyKey } from '../../../core/records/accounts.ts';
import { bucketOfOne, ownerOf } from '../../../core/records/message-key.ts';
import {
  attemptKey,
  copyKey,
  lateKey,
  MESSAGES_INDEX,
  type OutcomeRecord,
  requestKey,
} from '../../../core/records/messages.ts';
import { activityIn } from '../../../io/activity.ts';
import { downloadsIn } from '../../../io/downloads.ts';
import { pagesIn } from '../../../io/pages.ts';
import type { StreamNews } from '../../../io/stream.ts';
import { type ManageDeps, manage } from '../../../lambdas/manage/manage.ts';
import { ROUTES } from '../../../lambdas/manage/routes.ts';
import { tally } from '../../../lambdas/tally/tally.ts';
import { startEmulators } from '../../../local/emulators.ts';

export const NOW = Date.parse('2026-11-25T12:00:00Z');
const MINUTE = 60_000;

/** What becomes of a copy. */
export type Fate = 'delivered' | 'bounced' | 'blocked' | 'dropped' | 'deferred' | 'late' | 'opened' | 'waiting';
export type Sending = {
  account: string;
  /** Milliseconds since the epoch. */
  at: number;
  to: readonly string[];
  fate?: Fate;
  subject?: string;
  from?: string;
  about?: Partial<About>;
};

export async function startActivity() {
  const folder = mkdtempSync(join(tmpdir(), 'pennypost-activity-'));
  const emulators = await startEmulators(folder, (message) => {
    throw new Error(message);
  });
  const shared = { region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };
  const client = new DynamoDBClient({ ...shared, endpoint: `http://127.0.0.1:${emulators.dynamodbPort}` });
  const endpoint = `http://127.0.0.1:${emulators.fauxqsPort}`;
  const objects = new S3Client({
    ...shared,
    endpoint,
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
  const text = (AttributeName: string) => ({ AttributeName, AttributeType: 'S' as const });
  const keys = (hash: string, range: string) => [
    { AttributeName: hash, KeyType: 'HASH' as const },
    { AttributeName: range, KeyType: 'RANGE' as const },
  ];
  await client.send(
    new CreateTableCommand({
      TableName: 'Messages',
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: keys('pk', 'sk'),
      AttributeDefinitions: [
        text('pk'),
        text('sk'),
        text('indexedRecipient'),
        { AttributeName: 'at', AttributeType: 'N' },
      ],
      GlobalSecondaryIndexes: [
        {
          IndexName: MESSAGES_INDEX,
          KeySchema: keys('indexedRecipient', 'at'),
          Projection: { ProjectionType: 'KEYS_ONLY' },
        },
      ],
    }),
  );
  await objects.send(new CreateBucketCommand({ Bucket: 'events' }));
  const tables = DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } });
  const clock = { now: NOW };
  const stream: StreamNews[] = [];
  const problems: string[] = [];
  const apiKeys = new Map<string, KeyRecord>();
  const reads = { pages: 0, items: 0 };
  let sequence = 0;
  const activity = activityIn({ messages: 'Messages', events: 'events' }, tables, objects);
  const called: Partial<ManageDeps> = {
    ...activity,
    readPage: (key) => {
      reads.pages++;
      return activity.readPage(key);
    },
    readItems: (...asked) => {
      reads.items++;
      return activity.readItems(...asked);
    },
    ...downloadsIn('events', objects, () => clock.now),
    readTranscripts: async () => 'failures',
    messagesDays: 30,
    now: () => clock.now,
    readTimeZone: async () => 'UTC',
    readKey: async ({ id }) => apiKeys.get(id),
    report: (problem) => void problems.push(problem),
  };

  /** Puts an item and, where it is news, has its stream tell of it. */
  async function put(item: Record<string, unknown>): Promise<void> {
    await tables.send(new PutCommand({ TableName: 'Messages', Item: item }));
    const news = readNews(item, 'INSERT');
    if (news)
      stream.push({ sequence: padSequence(String(++sequence)), writtenAt: Number(item.at), change: 'INSERT', news });
  }

  return {
    clock,
    reads,
    problems,
    put,
    readPage: activity.readPage,
    /** The same reads, each done once: for tests of very many calls. */
    remembered(): Partial<ManageDeps> {
      const known = new Map<string, Promise<unknown>>();
      const once = <T>(name: string, asked: unknown[], read: () => Promise<T>): Promise<T> => {
        const key = JSON.stringify([name, ...asked]);
        return (known.get(key) ?? known.set(key, read()).get(key)) as Promise<T>;
      };
      const all = async <T>(some: AsyncIterable<T>) => {
        const found: T[] = [];
        for await (const one of some) found.push(one);
        return found;
      };
      const { readItems, readPage, findByRecipient, listHours, listPagesOf } = activity;
      return {
        readItems: (...asked) => once('items', asked, () => readItems(...asked)),
        readPage: (...asked) => once('page', asked, () => readPage(...asked)),
        findByRecipient: (...asked) =>
          findByRecipient(...asked).map(async function* (some, n) {
            yield* await once('recipient', [n, ...asked], () => all(some));
          }),
        listHours: async function* (...asked) {
          yield* await once('hours', asked, () => all(listHours(...asked)));
        },
        listPagesOf: async function* (...asked) {
          yield* await once('pages', asked, () => all(listPagesOf(...asked)));
        },
      };
    },
    /** A request with its copies, all of one fate. @returns its X-Message-Id */
    async send({
      account,
      at,
      to,
      fate = 'delivered',
      subject = 'Hello',
      from = 'shop@example.com',
      about = {},
    }: Sending) {
      const requestId = makeRequestId(at, Buffer.alloc(10, ++sequence), bucketOfOne(account, to));
      const expiresAt = Math.floor(NOW / 1_000) + 86_400;
      const received = { protocol: 'HTTP', bytes: 321, ip: '192.0.2.7', agent: 'sendgrid/8' };
      const request = { acceptedAt: requestIdTime(requestId), copies: to.length, keyId: 'SG.abcdefgh', from, subject };
      const { recipient, indexedRecipient } = ownerOf(account, requestId, to[0]!);
      const alone = indexedRecipient === undefined ? { recipient } : {};
      await put({ ...requestKey(account, requestId), ...request, ...alone, received, expiresAt });
      const known: About = {
        smtpId: `<${requestId}.0@example.com>`,
        from,
        pool: 'default',
        ip: '198.51.100.1',
        ...about,
      };
      const place = { site: 's', lane: 'l', mx: 'mx.example.net [203.0.113.1]', about: known, expiresAt };
      for (const [index, address] of to.entries()) {
        if (fate === 'waiting') continue;
        const own = {
          ...copyKey(account, requestId, index),
          ...ownerOf(account, requestId, address),
          attempt: 0,
          ...place,
        };
        const when = at + 2_000 + index;
        if (fate === 'deferred') {
          const key = attemptKey(account, requestId, index, 'deferred', 0);
          const attempt = {
            address,
            attempt: 0,
            at: when,
            due: when + 5 * MINUTE,
            ...ownerOf(account, requestId, address),
          };
          await put({ ...key, ...place, ...attempt, event: 'deferred', reply: '451 4.7.1 slow down', status: '4.7.1' });
        } else if (fate === 'bounced' || fate === 'blocked') {
          const type = fate === 'bounced' ? 'bounce' : 'blocked';
          const cause = { reply: '550 5.1.1 unknown', status: '5.1.1', type, classification: 'Invalid Address' };
          await put({ ...own, ...cause, event: 'bounced', at: when });
        } else if (fate === 'dropped') {
          const cause = { reply: 'Bounced Address', status: '5.0.0', mx: undefined };
          await put({ ...own, ...cause, event: 'dropped', at: when });
        } else await put({ ...own, event: 'delivered', reply: '250 ok', status: '2.0.0', at: when });
        if (fate === 'late') {
          const cause = { reply: '550 5.1.1 gone', status: '5.1.1', type: 'bounce', classification: 'Invalid Address' };
          await put({
            ...lateKey(account, requestId, index, 'bounced'),
            ...place,
            ...cause,
            address,
            event: 'bounced',
            at: when + MINUTE,
          });
        }
        if (fate === 'opened')
          for (const [n, event] of (['open', 'click', 'unsubscribe'] as const).entries()) {
            const what: Partial<EngagementRecord> = { address, ip: '203.0.113.9', userAgent: '=Mozilla', first: true };
            const url = event === 'click' ? { url: 'http://example.com/path/a.html' } : {};
            await put({
              ...engagementKey(account, requestId, index, event, 'e'),
              ...what,
              ...url,
              event,
              at: when + (n + 1) * MINUTE,
              expiresAt,
            });
          }
      }
      return requestId;
    },
    /** Writes the pages of what happened since. @param batch news of a page */
    async log(batch = 50): Promise<void> {
      const { putPage } = pagesIn('events', objects);
      const outcomes = new Map<string, OutcomeRecord>();
      for (const { news } of stream)
        if (news.kind !== 'engagement' && news.item.about) outcomes.set(copyOf(news), news.item as OutcomeRecord);
      stream.sort((a, b) => a.writtenAt - b.writtenAt);
      for (let at = 0; at < stream.length; at += batch)
        await tally(`shard-${at % 2}`, stream.slice(at, at + batch), {
          readOutcomeRecords: async () => outcomes,
          wait: async () => undefined,
          readStats: async () => undefined,
          writeStats: async () => true,
          putPage,
          statsDays: 1,
          known: new Map(),
          now: () => clock.now,
          thresholds: { bouncePercent: 100, complaintPercent: 100 },
          readBrakes: async () => undefined,
          readHours: async function* () {},
          pauseBulk: async () => false,
          tellAccount: async () => undefined,
          publish: () => undefined,
          report: (problem) => void problems.push(problem),
        });
      stream.length = 0;
    },
    /** Calls by an account. */
    callBy(account: string, overrides: Partial<ManageDeps> = {}, scopes = ROUTES.map(({ scope }) => scope)) {
      const { key, id, secretHash } = makeApiKey(account, Buffer.alloc(43, apiKeys.size + 1));
      apiKeys.set(id, { ...keyKey(account, id), name: 'x', secretHash, scopes, createdAt: NOW });
      return async (method: string, path: string, query: Record<string, string> = {}, body?: unknown) => {
        let ids = 0;
        const randomId = () => `00000000-0000-7000-8000-${String(++ids).padStart(12, '0')}`;
        const http = { method, path, query, headers: { authorization: `Bearer ${key}`, host: 'api.example' } };
        const sent = Buffer.from(body === undefined ? '' : JSON.stringify(body));
        const answer = await manage({ ...http, body: sent }, {
          ...called,
          randomId,
          windows: new Map(),
          ...overrides,
        } as ManageDeps);
        return { ...answer, json: JSON.parse(answer.body || 'null') };
      };
    },
    async stop() {
      client.destroy();
      objects.destroy();
      await emulators.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
