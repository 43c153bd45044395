/** Jobs of recipients' data erasure, in the messages table. Only the one whose fence stands in a job moves it on. */
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { PutCommand, QueryCommand, TransactWriteCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { type ErasureRecord, eraseHold, erasureKey, erasuresKey, newErasure } from '../core/records/erasure.ts';
import type { Hold } from '../core/records/holds.ts';
import type { Table } from './aws.ts';

/** What a job's report is made of: not the addresses. */
const SHOWN = ['id', 'createdAt', 'count', 'pass', 'due', 'begun', 'erased', 'left', 'kept', 'doneAt', 'until'];

/** `fence`: random; `until`: milliseconds since the epoch, as long as the claimant can run. */
export type ErasureClaim = { fence: string; until: number; now: number };

export function erasuresIn({ messages, holds }: { messages: string; holds: string }, client: Table) {
  return {
    /** Makes a job, and has its first pass done: both are written, or neither. @param addresses lower case, each once */
    createErasure: async (account: string, id: string, addresses: string[], now: number): Promise<void> => {
      const Item = newErasure(account, id, addresses, now);
      const hold: Hold = eraseHold({ v: 1, account, id, pass: 0 }, now);
      await client.send(
        new TransactWriteCommand({
          TransactItems: [{ Put: { TableName: messages, Item } }, { Put: { TableName: holds, Item: hold } }],
        }),
      );
    },

    /** What its report is made of. By query, which manage may and a get it may not. */
    readErasure: async (account: string, id: string): Promise<ErasureRecord | undefined> => {
      const { Items = [] } = await client.send(
        new QueryCommand({
          TableName: messages,
          KeyConditionExpression: 'pk = :pk AND sk = :id',
          ProjectionExpression: SHOWN.map((_, n) => `#n${n}`).join(', '),
          ExpressionAttributeNames: Object.fromEntries(SHOWN.map((name, n) => [`#n${n}`, name])),
          ExpressionAttributeValues: { ':pk': erasuresKey(account), ':id': id },
          ConsistentRead: true,
        }),
      );
      return Items[0] as ErasureRecord | undefined;
    },

    /** Takes a job. `'busy'`: somebody has it; undefined: there is no such job, or no longer. */
    claimErasure: async (
      account: string,
      id: string,
      { fence, until, now }: ErasureClaim,
    ): Promise<ErasureRecord | 'busy' | undefined> => {
      try {
        const { Attributes } = await client.send(
          new UpdateCommand({
            TableName: messages,
            Key: erasureKey(account, id),
            UpdateExpression: 'SET fence = :fence, #until = :until',
            ConditionExpression: 'attribute_exists(pk) AND (attribute_not_exists(#until) OR #until < :now)',
            ExpressionAttributeNames: { '#until': 'until' },
            ExpressionAttributeValues: { ':fence': fence, ':until': until, ':now': now },
            ReturnValues: 'ALL_NEW',
            ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
          }),
        );
        return Attributes as ErasureRecord;
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
        return error.Item ? 'busy' : undefined;
      }
    },

    /** Writes down how far a job is. @throws Error when somebody else has it by now */
    saveErasure: async (job: ErasureRecord): Promise<void> => {
      await client.send(
        new PutCommand({
          TableName: messages,
          Item: job,
          ConditionExpression: 'fence = :fence',
          ExpressionAttributeValues: { ':fence': job.fence },
        }),
      );
    },
  };
}
