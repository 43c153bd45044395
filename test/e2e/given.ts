/**
 * What end-to-end cases begin with and end with: a whole stack in a folder of its own, ways to send, and the conservation
 * check. `given` nothing else runs, `when` mail is sent, `then` it is accounted for.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { ChangeMessageVisibilityCommand, SQSClient } from '@aws-sdk/client-sqs';
import {
  DynamoDBDocumentClient,
  PutCommand,
  QueryCommand,
  ScanCommand,
  TransactWriteCommand,
} from '@aws-sdk/lib-dynamodb';
import { expect } from 'vitest';
import { type Hold, holdDue } from '../../core/records/holds.ts';
import type { MessageKey } from '../../core/records/message-key.ts';
import { type ClaimRecord, claimKey } from '../../core/records/messages.ts';
import { defineSettings, type SettingsInput } from '../../lib/settings.ts';
import { type Launched, type LaunchOptions, launch } from '../../local/launch.ts';
import { countMail, type Ledger } from '../../local/ledger.ts';
import { OPERATOR_KEY } from '../../local/proxy.ts';

export type Mail = Launched & {
  folder: string;
  /** What the stack printed: failures of functions are in it. */
  log: string[];
  /** Posts to `/v3/mail/send`; a string is sent as it is. */
  post(body: unknown, headers?: Record<string, string>): Promise<{ status: number; id: string; body: string }>;
  ledger(requestIds?: Iterable<string>): Promise<Ledger>;
  /** Stops the stack; the folder stays when it is to be started again. */
  end(options?: { keep?: boolean }): Promise<void>;
};

type Given = Partial<Omit<LaunchOptions, 'settings' | 'folder'>> & { settings?: SettingsInput; folder?: string };

/** Milliseconds: what is due later than this, release has not taken. */
const RELEASE_AHEAD = 61_000;

export async function givenMail({ settings = {}, folder, ...options }: Given = {}): Promise<Mail> {
  const place = folder ?? mkdtempSync(join(tmpdir(), 'pennypost-e2e-'));
  const log: string[] = [];
  const launched = await launch({
    scheduleEverySeconds: 1,
    onLog: (line) => void log.push(line),
    ...options,
    folder: place,
    settings: defineSettings({
      ...settings,
      delivery: { batchSize: 10, batchingWindowSeconds: 0, ...settings.delivery },
    }),
  });
  const { stack, local } = launched;
  return {
    ...launched,
    folder: place,
    log,
    async post(body, headers = {}) {
      const answer = await fetch(`${local.apiUrl}/v3/mail/send`, {
        method: 'POST',
        headers: { authorization: `Bearer ${local.apiKey}`, 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      });
      return { status: answer.status, id: answer.headers.get('x-message-id') ?? '', body: await answer.text() };
    },
    ledger: (requestIds) => countMail(stack, requestIds),
    async end({ keep = false } = {}) {
      await launched.stop();
      if (!keep) rmSync(place, { recursive: true, force: true });
    },
  };
}

export const mailTo = (email: string, more: object = {}) => ({
  personalizations: [{ to: [{ email }] }],
  from: { email: 'shop@example.com', name: 'The Shop' },
  subject: 'Your order',
  content: [{ type: 'text/plain', value: 'It is on its way.' }],
  ...more,
});

/** Waits until a check holds, and fails with its last answer when it never does. */
export async function eventually<T>(look: () => Promise<T> | T, holds: (seen: T) => boolean, seconds = 20): Promise<T> {
  const until = Date.now() + seconds * 1_000;
  for (;;) {
    const seen = await look();
    if (holds(seen)) return seen;
    if (Date.now() > until)
      throw new Error(`not within ${seconds} s; last seen: ${JSON.stringify(seen)?.slice(0, 2_000)}`);
    await sleep(100);
  }
}

/**
 * Waits until no mail is in a queue or being worked on: it is final, or held. It reads no table, as the ledger does, whose scans of
 * thousands of messages would be most of what this machine does meanwhile.
 */
export async function whenQueuesAreEmpty({ stack }: Pick<Mail, 'stack'>, seconds: number): Promise<void> {
  const queued = () =>
    stack.queues
      .inspect()
      .flatMap(({ dead, messages }) => (dead ? [] : messages))
      .filter(({ body }) => body.includes('"requestId":')).length;
  await eventually(queued, (messages) => messages === 0, seconds);
}

/**
 * What runs of deliver had that died is visible again, in a sixth of the time. Until they would have ended it waits, for they claimed their
 * jobs until then; and while others are at work.
 * @param seconds the time limit of a run
 */
export async function whenDeadRunsAreOver({ stack, local }: Mail, seconds: number): Promise<void> {
  const queues = () => stack.queues.inspect().filter(({ dead, messages }) => !dead && messages.length > 0);
  const isAtWork = () =>
    stack.environments().some(({ function: name, busy }) => busy && name === 'deliver') ||
    queues().some(({ ready, delayed }) => ready + delayed > 0);
  let quietSince = Date.now();
  await eventually(
    () => {
      if (isAtWork()) quietSince = Date.now();
      return queues().length === 0 ? Number.POSITIVE_INFINITY : Date.now() - quietSince;
    },
    (quiet) => quiet > seconds * 1_000,
    240,
  );
  const credentials = { accessKeyId: OPERATOR_KEY, secretAccessKey: 'local' };
  const client = new SQSClient({ endpoint: local.awsUrl, region: stack.region, credentials });
  for (const { name, messages } of queues())
    for (const { receiptHandle: ReceiptHandle } of messages.filter(({ state }) => state === 'inflight'))
      await client.send(
        new ChangeMessageVisibilityCommand({
          QueueUrl: `${local.awsUrl}/000000000000/${name}`,
          ReceiptHandle,
          VisibilityTimeout: 0,
        }),
      );
  client.destroy();
}

/**
 * Hours pass: what is at work has ended, claims have lapsed, and what waits for a retry is due now. (The emulators run on the wall clock.)
 * A claim that lapsed under a run that still sends would make a duplicate of the test's own, and release may bring a job at any moment. So
 * the claims are read first, and of these each lapses that still stands when the lanes have been empty since.
 */
export async function whenRetriesAreDue(mail: Mail): Promise<void> {
  await whenQueuesAreEmpty(mail, 180);
  await withTables(mail, async (tables) => {
    const waiting = (await readHolds(mail, tables)).filter((hold) => hold.kind === 'job');
    const requests = new Map(waiting.map(({ account, job }) => [job.requestId, claimKey(account, job.requestId, '')]));
    const claims = await Promise.all([...requests.values()].map((prefix) => readClaims(mail, tables, prefix)));
    await whenQueuesAreEmpty(mail, 180);
    for (const claim of claims.flat()) await lapse(mail, tables, claim);
    for (const hold of waiting) await makeDue(mail, tables, hold);
  });
}

/**
 * The time of something has come that is held, or behind the delay of a queue. What release takes by itself, a minute ahead, is left to it:
 * it would be sent twice. So it is to be said until it has been seen to come.
 * @param text what is in it and in nothing else
 */
export async function whenDue(mail: Mail, text: string): Promise<void> {
  await withTables(mail, async (tables) => {
    for (const hold of await readHolds(mail, tables))
      if (hold.due > Date.now() + RELEASE_AHEAD && JSON.stringify(hold).includes(text))
        await makeDue(mail, tables, hold);
  });
  mail.stack.queues.endDelays((body) => body.includes(text));
}

async function withTables({ stack, local }: Mail, work: (tables: DynamoDBDocumentClient) => Promise<void>) {
  const client = new DynamoDBClient({
    endpoint: local.awsUrl,
    region: stack.region,
    credentials: { accessKeyId: OPERATOR_KEY, secretAccessKey: 'local' },
  });
  await work(DynamoDBDocumentClient.from(client));
  client.destroy();
}

async function readHolds({ stack }: Mail, tables: DynamoDBDocumentClient): Promise<Hold[]> {
  const TableName = stack.outputs.HoldsTable!;
  return ((await tables.send(new ScanCommand({ TableName, ConsistentRead: true }))).Items ?? []) as Hold[];
}

/** What release has taken meanwhile is left to it. */
async function makeDue({ stack }: Mail, tables: DynamoDBDocumentClient, hold: Hold): Promise<void> {
  const TableName = stack.outputs.HoldsTable!;
  const due = Date.now();
  const sk = `${holdDue(due)}${hold.sk.slice(hold.sk.indexOf('#'))}`;
  const Key = { pk: hold.pk, sk: hold.sk };
  await unlessItChanged(
    tables.send(
      new TransactWriteCommand({
        TransactItems: [
          { Delete: { TableName, Key, ConditionExpression: 'attribute_exists(pk)' } },
          { Put: { TableName, Item: { ...hold, sk, due } } },
        ],
      }),
    ),
  );
}

/** @param prefix what the keys of a request's claims begin with */
async function readClaims({ stack }: Mail, tables: DynamoDBDocumentClient, prefix: MessageKey): Promise<ClaimRecord[]> {
  const { Items = [] } = await tables.send(
    new QueryCommand({
      TableName: stack.outputs.MessagesTable!,
      KeyConditionExpression: 'pk = :pk AND begins_with(sk, :claim)',
      ExpressionAttributeValues: { ':pk': prefix.pk, ':claim': prefix.sk },
      ConsistentRead: true,
    }),
  );
  return Items as ClaimRecord[];
}

/** As time does it: who has had a claim, and with how many hops, is still known. Whoever has it by now keeps it. */
async function lapse({ stack }: Mail, tables: DynamoDBDocumentClient, claim: ClaimRecord): Promise<void> {
  await unlessItChanged(
    tables.send(
      new PutCommand({
        TableName: stack.outputs.MessagesTable!,
        Item: { ...claim, until: 0 },
        ConditionExpression: 'fence = :fence',
        ExpressionAttributeValues: { ':fence': claim.fence },
      }),
    ),
  );
}

async function unlessItChanged(write: Promise<unknown>): Promise<void> {
  await write.catch((error: Error) => {
    if (!['ConditionalCheckFailedException', 'TransactionCanceledException'].includes(error.name)) throw error;
  });
}

/** Waits until nothing is on its way, then holds the ledger to its promise. */
export async function thenAllIsAccountedFor(mail: Mail, requestIds?: Iterable<string>, seconds = 30): Promise<Ledger> {
  const ids = requestIds && [...requestIds];
  const ledger = await eventually(
    () => mail.ledger(ids),
    ({ queued }) => queued === 0,
    seconds,
  );
  const { accepted, delivered, bounced, dropped, unknown, held, dead, lost } = ledger;
  expect({ lost, sum: delivered + bounced + dropped + unknown + held + dead }).toEqual({ lost: 0, sum: accepted });
  return ledger;
}
