/** Alerts of accounts (accounts table). An alert that is told, its mail, and its next look are written together or not at all. */
import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { DeleteCommand, GetCommand, PutCommand, TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import { type AlertRecord, alertKey, alertsKey } from '../core/alerts/alert.ts';
import type { Hold } from '../core/records/holds.ts';
import type { Table } from './aws.ts';
import { queryAll } from './query-all.ts';
import { isWritten } from './written.ts';

export function alertsIn({ accounts, holds }: { accounts: string; holds: string }, client: Table) {
  return {
    readAlert: async (account: string, id: number): Promise<AlertRecord | undefined> =>
      (await client.send(new GetCommand({ TableName: accounts, Key: alertKey(account, id), ConsistentRead: true })))
        .Item as AlertRecord | undefined,

    /** In the order of their numbers. */
    listAlerts: (account: string): Promise<AlertRecord[]> =>
      queryAll<AlertRecord>(client, accounts, 'pk = :pk', { ':pk': alertsKey(account) }),

    /** False: there is one with its number. */
    createAlert: (record: AlertRecord): Promise<boolean> => put(record, 'attribute_not_exists(pk)', {}),

    /** False: it is gone, or was changed or looked at meanwhile. */
    changeAlert: (before: AlertRecord, after: AlertRecord): Promise<boolean> =>
      put(after, 'updatedAt = :updatedAt AND nextAt = :nextAt', {
        ':updatedAt': before.updatedAt,
        ':nextAt': before.nextAt,
      }),

    /** False: there was none. */
    removeAlert: async (account: string, id: number): Promise<boolean> => {
      const { Attributes } = await client.send(
        new DeleteCommand({ TableName: accounts, Key: alertKey(account, id), ReturnValues: 'ALL_OLD' }),
      );
      return Attributes !== undefined;
    },

    /**
     * Moves an alert on, with what goes out for it. False: somebody else has, or it was changed or removed meanwhile; nothing is written.
     * @param after as it was read, but for `nextAt` and `told`
     */
    moveAlert: async (before: AlertRecord, after: AlertRecord, out: readonly Hold[]): Promise<boolean> => {
      const told = after.type === 'usage_limit' ? after.told : undefined;
      try {
        await client.send(
          new TransactWriteCommand({
            TransactItems: [
              {
                Update: {
                  TableName: accounts,
                  Key: { pk: before.pk, sk: before.sk },
                  UpdateExpression: `SET nextAt = :next${told === undefined ? '' : ', told = :told'}`,
                  ConditionExpression: 'nextAt = :nextAt AND updatedAt = :updatedAt',
                  ExpressionAttributeValues: {
                    ':next': after.nextAt,
                    ':nextAt': before.nextAt,
                    ':updatedAt': before.updatedAt,
                    ...(told === undefined ? {} : { ':told': told }),
                  },
                },
              },
              ...out.map((Item) => ({ Put: { TableName: holds, Item } })),
            ],
          }),
        );
        return true;
      } catch (error) {
        const reasons = error instanceof TransactionCanceledException ? error.CancellationReasons : undefined;
        if (reasons?.some(({ Code }) => Code === 'ConditionalCheckFailed')) return false;
        throw error;
      }
    },
  };

  async function put(Item: AlertRecord, ConditionExpression: string, values: Record<string, number>): Promise<boolean> {
    return isWritten(
      client.send(
        new PutCommand({
          TableName: accounts,
          Item,
          ConditionExpression,
          ...(Object.keys(values).length > 0 && { ExpressionAttributeValues: values }),
        }),
      ),
    );
  }
}
