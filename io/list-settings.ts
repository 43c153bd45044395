/** An account's settings that bear on its lists: address whitelist and bounce purge. Both in the accounts table. */
import { GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import {
  type AddressWhitelistRecord,
  addressWhitelistKey,
  type BouncePurgeRecord,
  bouncePurgeKey,
} from '../core/records/settings.ts';
import type { Table } from './aws.ts';
import { cached } from './cached.ts';

/** Milliseconds for which deliver does not see that an account changed them. */
const SETTINGS_LIFE = 60_000;

export function listSettingsIn(table: string, client: Table) {
  const get = async <T>(Key: { pk: string; sk: string }): Promise<T | undefined> =>
    (await client.send(new GetCommand({ TableName: table, Key, ConsistentRead: true }))).Item as T | undefined;
  return {
    readAddressWhitelist: (account: string) => get<AddressWhitelistRecord>(addressWhitelistKey(account)),
    readBouncePurge: (account: string) => get<BouncePurgeRecord>(bouncePurgeKey(account)),
    /** Of two changes at once the later stands. */
    writeListSetting: async (record: AddressWhitelistRecord | BouncePurgeRecord): Promise<void> => {
      await client.send(new PutCommand({ TableName: table, Item: record }));
    },
  };
}

/** Both, as deliver asks for them: only where mail is about to be dropped, and kept for a minute. */
export function cachedListSettingsIn(table: string, client: Table, now: () => number) {
  const { readAddressWhitelist, readBouncePurge } = listSettingsIn(table, client);
  const read = async (account: string) => {
    const [whitelist, purge] = await Promise.all([readAddressWhitelist(account), readBouncePurge(account)]);
    return { whitelist, purge };
  };
  return { readListSettings: cached(read, SETTINGS_LIFE, now) };
}
