/** Verified senders of accounts, one item for each address. In the accounts table. */
import { DeleteCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import type { VerifiedSenderRecord } from '../core/records/senders.ts';
import type { Table } from './aws.ts';
import { queryAll } from './query-all.ts';
import { isWritten } from './written.ts';

export function verifiedSendersIn(table: string, client: Table) {
  const put = async (
    Item: VerifiedSenderRecord,
    ConditionExpression: string,
    values?: Record<string, unknown>,
  ): Promise<boolean> => {
    return isWritten(
      client.send(
        new PutCommand({
          TableName: table,
          Item,
          ConditionExpression,
          ...(values && { ExpressionAttributeValues: values }),
        }),
      ),
    );
  };
  return {
    /** By their numbers. */
    listSenders: async (account: string): Promise<VerifiedSenderRecord[]> =>
      (
        await queryAll<VerifiedSenderRecord>(client, table, 'pk = :account AND begins_with(sk, :prefix)', {
          ':account': account,
          ':prefix': 'sender#',
        })
      ).sort((a, b) => a.id - b.id),
    /** False: the account has a sender with this address. */
    createSender: (record: VerifiedSenderRecord) => put(record, 'attribute_not_exists(pk)'),
    /** False: it is gone, or another mail with a link has gone out meanwhile. */
    changeSender: (before: VerifiedSenderRecord, after: VerifiedSenderRecord) =>
      before.link
        ? put(after, 'id = :id AND link.secretHash = :hash', { ':id': before.id, ':hash': before.link.secretHash })
        : put(after, 'id = :id AND attribute_not_exists(link)', { ':id': before.id }),
    /** False: there was none. */
    removeSender: async ({ pk, sk }: Pick<VerifiedSenderRecord, 'pk' | 'sk'>): Promise<boolean> => {
      const { Attributes } = await client.send(
        new DeleteCommand({ TableName: table, Key: { pk, sk }, ReturnValues: 'ALL_OLD' }),
      );
      return Attributes !== undefined;
    },
  };
}
