/** API keys of accounts, in the accounts table. Reads are strongly consistent: what was written is seen by the next call. */
import { DeleteCommand, GetCommand, PutCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { type KeyRecord, keyKey } from '../core/records/accounts.ts';
import type { Table } from './aws.ts';
import { isWritten } from './written.ts';

export function apiKeysIn(table: string, client: Table) {
  return {
    /** In the order in which they were made. */
    listKeys: async (account: string): Promise<KeyRecord[]> => {
      const found: KeyRecord[] = [];
      let from: Record<string, unknown> | undefined;
      do {
        const page = await client.send(
          new QueryCommand({
            TableName: table,
            KeyConditionExpression: 'pk = :account AND begins_with(sk, :prefix)',
            ExpressionAttributeValues: { ':account': account, ':prefix': 'key#' },
            ConsistentRead: true,
            ...(from && { ExclusiveStartKey: from }),
          }),
        );
        found.push(...((page.Items ?? []) as KeyRecord[]));
        from = page.LastEvaluatedKey;
      } while (from);
      return found.sort((a, b) => a.createdAt - b.createdAt || (a.sk < b.sk ? -1 : 1));
    },

    findKey: async (account: string, id: string): Promise<KeyRecord | undefined> =>
      (await client.send(new GetCommand({ TableName: table, Key: keyKey(account, id), ConsistentRead: true }))).Item as
        | KeyRecord
        | undefined,

    addKey: async (record: KeyRecord): Promise<void> => {
      await client.send(
        new PutCommand({ TableName: table, Item: record, ConditionExpression: 'attribute_not_exists(pk)' }),
      );
    },

    /** False: it is gone, or somebody has changed it since; then nothing is written. */
    changeKey: async (before: KeyRecord, after: Pick<KeyRecord, 'name' | 'scopes'>): Promise<boolean> => {
      return isWritten(
        client.send(
          new PutCommand({
            TableName: table,
            Item: { ...before, ...after },
            ConditionExpression: '#name = :name AND scopes = :scopes AND secretHash = :secretHash',
            ExpressionAttributeNames: { '#name': 'name' },
            ExpressionAttributeValues: {
              ':name': before.name,
              ':scopes': before.scopes,
              ':secretHash': before.secretHash,
            },
          }),
        ),
      );
    },

    /** False when there was no such key. */
    removeKey: async (account: string, id: string): Promise<boolean> => {
      const { Attributes } = await client.send(
        new DeleteCommand({ TableName: table, Key: keyKey(account, id), ReturnValues: 'ALL_OLD' }),
      );
      return Attributes !== undefined;
    },
  };
}
