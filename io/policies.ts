/**
 * Security policies of webhooks, in the accounts table (core/webhook/policy.ts). One that a parse setting is put under is there for as long as
 * that is so: both are written in one transaction (io/parse-settings.ts), and a policy is taken away only in the state in which nothing
 * was found under it.
 */
import { DeleteCommand, GetCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { type ParseSettingRecord, parseSettingKey } from '../core/records/inbound.ts';
import { policyKey, type SecurityPolicyRecord } from '../core/webhook/policy.ts';
import type { Table } from './aws.ts';
import { queryAll } from './query-all.ts';
import { isWritten } from './written.ts';

export function policiesIn(table: string, client: Table) {
  return {
    /** All of an account's, the oldest first. Strongly consistent. */
    listPolicies: async (account: string): Promise<SecurityPolicyRecord[]> =>
      (
        await queryAll<SecurityPolicyRecord>(
          client,
          table,
          'pk = :pk AND begins_with(sk, :prefix)',
          { ':pk': account, ':prefix': policyKey(account, '').sk },
          true,
        )
      ).sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1)),

    readPolicy: async (account: string, id: string): Promise<SecurityPolicyRecord | undefined> =>
      (await client.send(new GetCommand({ TableName: table, Key: policyKey(account, id), ConsistentRead: true })))
        .Item as SecurityPolicyRecord | undefined,

    createPolicy: (record: SecurityPolicyRecord): Promise<boolean> =>
      isWritten(
        client.send(
          new PutCommand({ TableName: table, Item: record, ConditionExpression: 'attribute_not_exists(pk)' }),
        ),
      ),

    /** False: it is gone, or another change came between. What is put under it meanwhile is counted on. */
    changePolicy: (record: SecurityPolicyRecord, before: SecurityPolicyRecord): Promise<boolean> =>
      isWritten(
        client.send(
          new PutCommand({
            TableName: table,
            Item: record,
            ConditionExpression: 'updatedAt = :before AND attached = :attached',
            ExpressionAttributeValues: { ':before': before.updatedAt, ':attached': before.attached },
          }),
        ),
      ),

    /** False: it is gone, or something was put under it since it was read. */
    removePolicy: ({ pk, sk, attached }: SecurityPolicyRecord): Promise<boolean> =>
      isWritten(
        client.send(
          new DeleteCommand({
            TableName: table,
            Key: { pk, sk },
            ConditionExpression: 'attached = :attached',
            ExpressionAttributeValues: { ':attached': attached },
          }),
        ),
      ),

    /** Host names of the parse settings under it. Strongly consistent. */
    listUnderPolicy: async (account: string, id: string): Promise<string[]> => {
      const settings = await queryAll<ParseSettingRecord>(
        client,
        table,
        'pk = :pk AND begins_with(sk, :prefix)',
        { ':pk': account, ':prefix': parseSettingKey(account, '').sk },
        true,
      );
      return settings.filter(({ securityPolicy }) => securityPolicy === id).map(({ hostname }) => hostname);
    },

    /** False: the setting is gone, or under another one. */
    detachPolicy: (account: string, hostname: string, id: string): Promise<boolean> =>
      isWritten(
        client.send(
          new UpdateCommand({
            TableName: table,
            Key: parseSettingKey(account, hostname),
            UpdateExpression: 'REMOVE securityPolicy',
            ConditionExpression: 'securityPolicy = :id',
            ExpressionAttributeValues: { ':id': id },
          }),
        ),
      ),
  };
}
