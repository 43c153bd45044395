/** The holds table: what waits for a time. Read by `due ≤ t` per shard, so that neither a late write nor a missed run loses anything. */
import { BatchWriteCommand, PutCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { parkedPlace } from '../core/brakes/brakes.ts';
import { HOLD_SHARDS } from '../core/limits.ts';
import { type Hold, holdDue, holdShard } from '../core/records.ts';
import type { Table } from './aws.ts';

/** BatchWriteItem takes 25 items (DynamoDB quotas). */
const BATCH_ITEMS = 25;

export function holdsIn(table: string, client: Table) {
  return {
    /** Holds something until its time. The same key again replaces it. */
    hold: async (hold: Hold): Promise<void> => {
      await client.send(new PutCommand({ TableName: table, Item: hold }));
    },

    /**
     * What is due, in pages: one of each shard in turn, so that none waits for another's backlog. `until` in milliseconds since
     * the epoch.
     */
    readDue: async function* (until: number): AsyncGenerator<Hold[]> {
      let open: { shard: string; from?: Record<string, unknown> }[] = Array.from(
        { length: HOLD_SHARDS },
        (_, shard) => ({
          shard: holdShard(shard),
        }),
      );
      while (open.length > 0) {
        const further: typeof open = [];
        for (const { shard, from } of open) {
          const page = await client.send(
            new QueryCommand({
              TableName: table,
              KeyConditionExpression: 'pk = :shard AND sk < :until',
              ExpressionAttributeValues: { ':shard': shard, ':until': `${holdDue(until)}$` },
              ConsistentRead: true,
              Limit: 200,
              ...(from ? { ExclusiveStartKey: from } : {}),
            }),
          );
          if (page.Items?.length) yield page.Items as Hold[];
          if (page.LastEvaluatedKey) further.push({ shard, from: page.LastEvaluatedKey });
        }
        open = further;
      }
    },

    /** What an account has parked, in pages, the oldest first. */
    readParked: async function* (account: string): AsyncGenerator<Hold[]> {
      let from: Record<string, unknown> | undefined;
      do {
        const page = await client.send(
          new QueryCommand({
            TableName: table,
            KeyConditionExpression: 'pk = :parked',
            ExpressionAttributeValues: { ':parked': parkedPlace(account) },
            ConsistentRead: true,
            Limit: 200,
            ...(from ? { ExclusiveStartKey: from } : {}),
          }),
        );
        if (page.Items?.length) yield page.Items as Hold[];
        from = page.LastEvaluatedKey;
      } while (from);
    },

    /** Removes what has been released. */
    removeHolds: async (holds: readonly Pick<Hold, 'pk' | 'sk'>[]): Promise<void> => {
      for (let from = 0; from < holds.length; from += BATCH_ITEMS) {
        let requests = holds
          .slice(from, from + BATCH_ITEMS)
          .map(({ pk, sk }) => ({ DeleteRequest: { Key: { pk, sk } } })) as NonNullable<
          BatchWriteCommand['input']['RequestItems']
        >[string];
        while (requests.length > 0) {
          const answer = await client.send(new BatchWriteCommand({ RequestItems: { [table]: requests } }));
          requests = answer.UnprocessedItems?.[table] ?? [];
        }
      }
    },
  };
}
