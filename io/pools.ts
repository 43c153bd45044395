/** Pools that accounts made over the API (core/records/pools.ts), in the accounts table. */
import { GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { type MadePool, type PoolsRecord, poolsKey } from '../core/records/pools.ts';
import type { Table } from './aws.ts';
import { cached } from './cached.ts';
import { isWritten } from './written.ts';

/** Milliseconds for which a change of a pool may not be seen by those who accept mail. */
const POOLS_LIFE = 60_000;
/** And a new pool: an account's pools are read once in this time for names that they do not have, however many it makes up. */
const MISS_LIFE = 5_000;
/** Accounts whose pools are kept. */
const ACCOUNTS = 200;

export function poolsIn(table: string, client: Table) {
  return {
    /** As they are now. */
    readPools: (account: string) => read(table, client, account, true),
    /** False: they are not as they were read. */
    changePools: async (account: string, before: PoolsRecord | undefined, pools: MadePool[]): Promise<boolean> => {
      const record: PoolsRecord = { ...poolsKey(account), version: (before?.version ?? 0) + 1, pools };
      const unchanged = before
        ? { ConditionExpression: 'version = :before', ExpressionAttributeValues: { ':before': before.version } }
        : { ConditionExpression: 'attribute_not_exists(pk)' };
      return isWritten(client.send(new PutCommand({ TableName: table, Item: record, ...unchanged })));
    },
  };
}

/** A pool of an account by its name, as it was a minute ago or later. @param now milliseconds since the epoch */
export function cachedPoolsIn(table: string, client: Table, now: () => number) {
  const look = (account: string) => read(table, client, account, false);
  const known = cached(look, POOLS_LIFE, now, ACCOUNTS);
  const lately = cached(look, MISS_LIFE, now, ACCOUNTS);
  const named = (record: PoolsRecord | undefined, name: string) => record?.pools.find((one) => one.name === name);
  return {
    readPool: async (account: string, name: string): Promise<MadePool | undefined> =>
      named(await known(account), name) ?? named(await lately(account), name),
  };
}

async function read(
  TableName: string,
  client: Table,
  account: string,
  ConsistentRead: boolean,
): Promise<PoolsRecord | undefined> {
  const { Item } = await client.send(new GetCommand({ TableName, Key: poolsKey(account), ConsistentRead }));
  return Item as PoolsRecord | undefined;
}
