/** Accounts' time zones, in the accounts table: statistics begin their days there. */
import { GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { timeZoneKey } from '../core/records/settings.ts';
import type { Table } from './aws.ts';

export function timeZonesIn(table: string, client: Table) {
  return {
    /** IANA name; `UTC` where none is set. */
    readTimeZone: async (account: string): Promise<string> => {
      const { Item } = await client.send(new GetCommand({ TableName: table, Key: timeZoneKey(account) }));
      return (Item?.timeZone as string | undefined) ?? 'UTC';
    },
    writeTimeZone: async (account: string, timeZone: string): Promise<void> => {
      await client.send(new PutCommand({ TableName: table, Item: { ...timeZoneKey(account), timeZone } }));
    },
  };
}
