/**
 * The suppressions table: who must not be mailed. What is read is strongly consistent: once a suppression is written, it holds.
 * Reads of one moment go together, whoever asks: a batch of jobs with a recipient each costs one call.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { BatchGetCommand, GetCommand, TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import { type SuppressionRecord, suppressionKey } from '../core/records/suppressions.ts';
import {
  addBounce,
  addToList,
  type Bounce,
  isEmpty,
  removeFromList,
  type Suppressing,
  type SuppressionChange,
} from '../core/suppression.ts';
import type { Table } from './aws.ts';

/** BatchGetItem takes 100 keys (DynamoDB quotas), which is also what a job holds. */
const BATCH_KEYS = 100;
/** Calls for keys that a throttled table left out, and milliseconds before the second: twice as long each time. */
const READ_TRIES = 6;
const READ_WAIT = 50;
/** Writers of one address at once: each costs the others one more try. */
const TRIES = 8;

type Key = { pk: string; sk: string };
type Decide = (before: SuppressionRecord | undefined) => SuppressionChange | undefined;

export function suppressionsIn(table: string, client: Table) {
  const readTogether = readsOf(table, client);
  const readSuppression = async (account: string, address: string): Promise<SuppressionRecord | undefined> =>
    (
      await client.send(
        new GetCommand({ TableName: table, Key: suppressionKey(account, address), ConsistentRead: true }),
      )
    ).Item as SuppressionRecord | undefined;

  /** Reads, decides, and writes what was decided if nothing has changed since. */
  const change = async (
    { account, address }: Pick<Suppressing, 'account' | 'address'>,
    decide: Decide,
  ): Promise<boolean> => {
    for (let tries = 1; ; tries++) {
      const before = await readSuppression(account, address);
      const decided = decide(before);
      if (!decided) return false;
      try {
        await client.send(new TransactWriteCommand({ TransactItems: writesOf(table, before, decided) }));
        return true;
      } catch (error) {
        if (!(error instanceof TransactionCanceledException) || tries === TRIES) throw error;
      }
    }
  };
  return {
    readSuppression,

    /** Those of these addresses that are on any list, by address in lower case. @throws Error when not all could be read */
    readSuppressions: async (
      account: string,
      addresses: readonly string[],
    ): Promise<Map<string, SuppressionRecord>> => {
      const wanted = new Set(addresses.map((address) => address.toLowerCase()));
      const records = await readTogether([...wanted].map((address) => suppressionKey(account, address)));
      return new Map(records.map((record) => [record.pk.slice(account.length + 1), record]));
    },

    /** Puts an address on a list (core/suppression.ts). False: it was there, and nothing has changed. */
    suppress: (one: Suppressing): Promise<boolean> => change(one, (before) => addToList(before, one)),

    /** Puts an address whose mail bounced on the list that the bounce is about. */
    suppressBounce: (one: Bounce): Promise<boolean> => change(one, (before) => addBounce(before, one)),

    /** Changes what lists say of an address, as its item is decided to become. False: it stays as it is. */
    changeSuppression: change,

    /** Takes an address off a list. False: it was not on it. */
    unsuppress: (one: Omit<Suppressing, 'entry'>): Promise<boolean> =>
      change(one, (before) => removeFromList(before, one)),
  };
}

/** A reader of keys that are there; what is asked for in one turn of the event loop goes into the same calls. */
function readsOf(table: string, client: Table): (keys: Key[]) => Promise<SuppressionRecord[]> {
  type Asked = { keys: Key[]; resolve: (found: SuppressionRecord[]) => void; reject: (error: unknown) => void };
  let asked: Asked[] = [];

  const readBatch = async (batch: Key[], found: Map<string, SuppressionRecord>): Promise<void> => {
    let keys: Record<string, unknown>[] = batch;
    for (let tries = 1; ; tries++) {
      const answer = await client.send(
        new BatchGetCommand({ RequestItems: { [table]: { Keys: keys, ConsistentRead: true } } }),
      );
      for (const item of (answer.Responses?.[table] ?? []) as SuppressionRecord[]) found.set(item.pk, item);
      keys = answer.UnprocessedKeys?.[table]?.Keys ?? [];
      if (keys.length === 0) return;
      if (tries === READ_TRIES) throw new Error(`${keys.length} of ${batch.length} addresses could not be read`);
      await wait(READ_WAIT * 2 ** (tries - 1));
    }
  };
  const readAsked = async (): Promise<void> => {
    const together = asked;
    asked = [];
    const keys = [...new Map(together.flatMap((one) => one.keys).map((key) => [key.pk, key])).values()];
    const batches = Array.from({ length: Math.ceil(keys.length / BATCH_KEYS) }, (_, n) =>
      keys.slice(n * BATCH_KEYS, (n + 1) * BATCH_KEYS),
    );
    const found = new Map<string, SuppressionRecord>();
    try {
      await Promise.all(batches.map((batch) => readBatch(batch, found)));
    } catch (error) {
      for (const { reject } of together) reject(error);
      return;
    }
    for (const one of together)
      one.resolve(one.keys.map(({ pk }) => found.get(pk)).filter((record) => record !== undefined));
  };
  return (keys) =>
    new Promise((resolve, reject) => {
      if (keys.length === 0) return resolve([]);
      if (asked.length === 0) setImmediate(() => void readAsked());
      asked.push({ keys, resolve, reject });
    });
}

type Writes = NonNullable<ConstructorParameters<typeof TransactWriteCommand>[0]['TransactItems']>;

/** Address and list change together or not at all. */
export function writesOf(
  table: string,
  before: SuppressionRecord | undefined,
  { record, listed, unlisted }: SuppressionChange,
): Writes {
  const unchanged =
    before === undefined
      ? { ConditionExpression: 'attribute_not_exists(pk)' }
      : { ConditionExpression: 'version = :version', ExpressionAttributeValues: { ':version': before.version } };
  const { pk, sk } = record;
  return [
    isEmpty(record)
      ? { Delete: { TableName: table, Key: { pk, sk }, ...unchanged } }
      : { Put: { TableName: table, Item: record, ...unchanged } },
    ...(listed ? [{ Put: { TableName: table, Item: listed } }] : []),
    ...(unlisted ? [{ Delete: { TableName: table, Key: unlisted } }] : []),
  ];
}
