/** The suppressions table: who must not be mailed. What is read is strongly consistent: once a suppression is written, it holds. */
import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { BatchGetCommand, GetCommand, TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import { type SuppressionRecord, suppressionKey } from '../core/records.ts';
import { addToList, isEmpty, removeFromList, type Suppressing, type SuppressionChange } from '../core/suppression.ts';
import type { Table } from './aws.ts';

/** BatchGetItem takes 100 keys (DynamoDB quotas), which is also what a job holds. */
const BATCH_KEYS = 100;
/** Writers of one address at once: each costs the others one more try. */
const TRIES = 8;

export function suppressionsIn(table: string, client: Table) {
  const readSuppression = async (account: string, address: string): Promise<SuppressionRecord | undefined> =>
    (
      await client.send(
        new GetCommand({ TableName: table, Key: suppressionKey(account, address), ConsistentRead: true }),
      )
    ).Item as SuppressionRecord | undefined;

  /** Reads, decides, and writes what was decided if nothing has changed since. */
  const change = async (
    { account, address }: Pick<Suppressing, 'account' | 'address'>,
    decide: (before: SuppressionRecord | undefined) => SuppressionChange | undefined,
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

    /** Those of these addresses that are on any list, by address in lower case. */
    readSuppressions: async (
      account: string,
      addresses: readonly string[],
    ): Promise<Map<string, SuppressionRecord>> => {
      const found = new Map<string, SuppressionRecord>();
      const wanted = [...new Set(addresses.map((address) => address.toLowerCase()))];
      for (let from = 0; from < wanted.length; from += BATCH_KEYS) {
        let keys = wanted.slice(from, from + BATCH_KEYS).map((address) => suppressionKey(account, address)) as Record<
          string,
          unknown
        >[];
        while (keys.length > 0) {
          const answer = await client.send(
            new BatchGetCommand({ RequestItems: { [table]: { Keys: keys, ConsistentRead: true } } }),
          );
          for (const item of (answer.Responses?.[table] ?? []) as SuppressionRecord[])
            found.set(item.pk.slice(account.length + 1), item);
          keys = answer.UnprocessedKeys?.[table]?.Keys ?? [];
        }
      }
      return found;
    },

    /** Puts an address on a list (core/suppression.ts). False: it was there, and nothing has changed. */
    suppress: (one: Suppressing): Promise<boolean> => change(one, (before) => addToList(before, one)),

    /** Takes an address off a list. False: it was not on it. */
    unsuppress: (one: Omit<Suppressing, 'entry'>): Promise<boolean> =>
      change(one, (before) => removeFromList(before, one)),
  };
}

type Writes = NonNullable<ConstructorParameters<typeof TransactWriteCommand>[0]['TransactItems']>;

/** Address and list change together or not at all. */
function writesOf(
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
