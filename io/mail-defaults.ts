/** What an account has added to its mail, and where it has what comes back sent on to. In the accounts table. */
import { GetCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { type MailDefaultsRecord, mailDefaultsKey } from '../core/records/mail-defaults.ts';
import { type ForwardRecord, forwardKey } from '../core/records.ts';
import type { Table } from './aws.ts';

export type ForwardKind = 'forward_bounce' | 'forward_spam';

export function mailDefaultsIn(table: string, client: Table) {
  return {
    readMailDefaults: async (account: string): Promise<MailDefaultsRecord | undefined> =>
      (await client.send(new GetCommand({ TableName: table, Key: mailDefaultsKey(account) }))).Item as
        | MailDefaultsRecord
        | undefined,
    /** The one setting, and nothing of the other. */
    writeMailDefault: async <K extends 'footer' | 'template'>(
      account: string,
      which: K,
      value: NonNullable<MailDefaultsRecord[K]>,
    ): Promise<void> => {
      await client.send(
        new UpdateCommand({
          TableName: table,
          Key: mailDefaultsKey(account),
          UpdateExpression: 'SET #which = :value',
          ExpressionAttributeNames: { '#which': which },
          ExpressionAttributeValues: { ':value': value },
        }),
      );
    },
    readForwardNow: async (account: string, which: ForwardKind): Promise<ForwardRecord | undefined> =>
      (await client.send(new GetCommand({ TableName: table, Key: forwardKey(account, which) }))).Item as
        | ForwardRecord
        | undefined,
    writeForward: async (record: ForwardRecord): Promise<void> => {
      await client.send(new PutCommand({ TableName: table, Item: record }));
    },
  };
}
