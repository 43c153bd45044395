/** Batches and their states in the accounts table. */
import { BatchGetCommand, DeleteCommand, GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import {
  type BatchRecord,
  type BatchStatus,
  batchExpiry,
  batchKey,
  type ScheduledSendRecord,
  scheduledSendKey,
  type Wake,
} from '../core/records/schedule.ts';
import type { Table } from './aws.ts';
import { queryAll } from './query-all.ts';
import { isWritten } from './written.ts';

/** BatchGetItem takes 100 keys (DynamoDB quotas). */
const BATCH_KEYS = 100;

export function batchesIn(table: string, client: Table) {
  const read = async (account: string, batchId: string): Promise<ScheduledSendRecord | undefined> =>
    (
      await client.send(
        new GetCommand({ TableName: table, Key: scheduledSendKey(account, batchId), ConsistentRead: true }),
      )
    ).Item as ScheduledSendRecord | undefined;
  return {
    createBatch: async (account: string, id: string, now: number): Promise<void> => {
      const record: BatchRecord = { ...batchKey(account, id), id, createdAt: now, expiresAt: batchExpiry(now) };
      await client.send(new PutCommand({ TableName: table, Item: record }));
    },
    readBatch: async (account: string, id: string): Promise<BatchRecord | undefined> =>
      (await client.send(new GetCommand({ TableName: table, Key: batchKey(account, id), ConsistentRead: true })))
        .Item as BatchRecord | undefined,

    readScheduledSend: read,
    listScheduledSends: (account: string): Promise<ScheduledSendRecord[]> =>
      queryAll<ScheduledSendRecord>(
        client,
        table,
        'pk = :account AND begins_with(sk, :prefix)',
        { ':account': account, ':prefix': 'scheduled-send#' },
        true,
      ),
    /** @param change whether there is to be a state already. False: there is not, or there is. */
    writeScheduledSend: async (
      account: string,
      { batchId, status }: { batchId: string; status: BatchStatus },
      now: number,
      change: boolean,
    ): Promise<boolean> => {
      const Item: ScheduledSendRecord = {
        ...scheduledSendKey(account, batchId),
        batchId,
        status,
        expiresAt: batchExpiry(now),
      };
      const ConditionExpression = change ? 'attribute_exists(pk)' : 'attribute_not_exists(pk)';
      return isWritten(client.send(new PutCommand({ TableName: table, Item, ConditionExpression })));
    },
    /** What it was; undefined: there was none. */
    removeScheduledSend: async (account: string, batchId: string): Promise<ScheduledSendRecord | undefined> => {
      const Key = scheduledSendKey(account, batchId);
      const { Attributes } = await client.send(new DeleteCommand({ TableName: table, Key, ReturnValues: 'ALL_OLD' }));
      return Attributes as ScheduledSendRecord | undefined;
    },

    /** Which of these batches are paused or cancelled: strongly consistent. */
    readBatchStates: async (batches: readonly Wake[]): Promise<{ batch: Wake; status: BatchStatus }[]> => {
      const states: { batch: Wake; status: BatchStatus }[] = [];
      for (let from = 0; from < batches.length; from += BATCH_KEYS) {
        let keys = batches
          .slice(from, from + BATCH_KEYS)
          .map(({ account, batchId }) => scheduledSendKey(account, batchId)) as Record<string, unknown>[];
        while (keys.length > 0) {
          const answer = await client.send(
            new BatchGetCommand({ RequestItems: { [table]: { Keys: keys, ConsistentRead: true } } }),
          );
          for (const { pk, batchId, status } of (answer.Responses?.[table] ?? []) as ScheduledSendRecord[])
            states.push({ batch: { account: pk, batchId }, status });
          keys = answer.UnprocessedKeys?.[table]?.Keys ?? [];
        }
      }
      return states;
    },
  };
}
