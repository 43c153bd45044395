/** What accounts say of themselves, in the accounts table (core/records/profile.ts). */
import { GetCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { type ProfileRecord, profileKey } from '../core/records/profile.ts';
import type { Table } from './aws.ts';

/** Some of its fields. */
export type ProfileChange = Partial<Omit<ProfileRecord, 'pk' | 'sk'>>;

export function profilesIn(table: string, client: Table) {
  return {
    /** Undefined: it has said nothing yet. */
    readProfile: async (account: string): Promise<ProfileRecord | undefined> =>
      (await client.send(new GetCommand({ TableName: table, Key: profileKey(account), ConsistentRead: true }))).Item as
        | ProfileRecord
        | undefined,

    /** One field at least; the others stay as they are, whoever else changes them. @returns all of it */
    changeProfile: async (account: string, change: ProfileChange): Promise<ProfileRecord> => {
      const fields = Object.entries(change);
      const { Attributes } = await client.send(
        new UpdateCommand({
          TableName: table,
          Key: profileKey(account),
          UpdateExpression: `SET ${fields.map((_, n) => `#${n} = :${n}`).join(', ')}`,
          ExpressionAttributeNames: Object.fromEntries(fields.map(([field], n) => [`#${n}`, field])),
          ExpressionAttributeValues: Object.fromEntries(fields.map(([, text], n) => [`:${n}`, text])),
          ReturnValues: 'ALL_NEW',
        }),
      );
      return Attributes as ProfileRecord;
    },
  };
}
