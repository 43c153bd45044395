/** The holds table: what waits for a time. Read by `due ≤ t` per shard, so that neither a late write nor a missed run loses anything. */
import { BatchWriteCommand, PutCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { parkedPlace } from '../core/brakes/brakes.ts';
import { HOLD_SHARDS } from '../core/limits.ts';
import { type Hold, holdDue, holdShard } from '../core/records/holds.ts';
import { pausedKey, SCHEDULED_INDEX, SCHEDULED_SHARDS, scheduledKey, type Wake } from '../core/records/schedule.ts';
import type { Table } from './aws.ts';

/** BatchWriteItem takes 25 items (DynamoDB quotas). */
const BATCH_ITEMS = 25;
const PAGE = 200;

type Writes = NonNullable<NonNullable<BatchWriteCommand['input']['RequestItems']>[string]>;

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
              Limit: PAGE,
              ...(from ? { ExclusiveStartKey: from } : {}),
            }),
          );
          if (page.Items?.length) yield page.Items as Hold[];
          if (page.LastEvaluatedKey) further.push({ shard, from: page.LastEvaluatedKey });
        }
        open = further;
      }
    },

    /** A batch's paused holds, in pages. */
    readPaused: (batch: Wake) => readPlace(pausedKey(batch)),

    /** What an account has parked, in pages, the oldest first. */
    readParked: (account: string) => readPlace(parkedPlace(account)),

    /** An account's scheduled requests, the next first: those behind a place, at most so many. */
    listScheduled: async (account: string, after: ScheduledPlace | undefined, count: number): Promise<Hold[]> => {
      const found = await Promise.all(
        SCHEDULED_SHARDS.map(async (shard) => {
          const from = after && { from: after.due };
          const items: Hold[] = [];
          let last: Record<string, unknown> | undefined;
          do {
            const page = await client.send(
              new QueryCommand({
                TableName: table,
                IndexName: SCHEDULED_INDEX,
                KeyConditionExpression: `scheduled = :key${from ? ' AND due >= :from' : ''}`,
                ExpressionAttributeValues: {
                  ':key': scheduledKey(account, shard),
                  ...(from && { ':from': from.from }),
                },
                Limit: count,
                ...(last ? { ExclusiveStartKey: last } : {}),
              }),
            );
            const beyond = ((page.Items ?? []) as Hold[]).filter((hold) => !after || isBehind(hold, after));
            items.push(...beyond);
            last = page.LastEvaluatedKey;
          } while (last && items.length < count);
          return items;
        }),
      );
      return found
        .flat()
        .sort((a, b) => (isBehind(a, placeOf(b)) ? 1 : -1))
        .slice(0, count);
    },

    /** Writes several holds; the same keys again replace them. */
    putHolds: (holds: readonly Hold[]): Promise<void> => write(holds.map((Item) => ({ PutRequest: { Item } }))),

    /** Removes what has been released. */
    removeHolds: (holds: readonly Pick<Hold, 'pk' | 'sk'>[]): Promise<void> =>
      write(holds.map(({ pk, sk }) => ({ DeleteRequest: { Key: { pk, sk } } }))),
  };

  async function* readPlace(place: string): AsyncGenerator<Hold[]> {
    let from: Record<string, unknown> | undefined;
    do {
      const page = await client.send(
        new QueryCommand({
          TableName: table,
          KeyConditionExpression: 'pk = :place',
          ExpressionAttributeValues: { ':place': place },
          ConsistentRead: true,
          Limit: PAGE,
          ...(from ? { ExclusiveStartKey: from } : {}),
        }),
      );
      if (page.Items?.length) yield page.Items as Hold[];
      from = page.LastEvaluatedKey;
    } while (from);
  }

  async function write(all: Writes): Promise<void> {
    for (let from = 0; from < all.length; from += BATCH_ITEMS) {
      let requests = all.slice(from, from + BATCH_ITEMS);
      while (requests.length > 0) {
        const answer = await client.send(new BatchWriteCommand({ RequestItems: { [table]: requests } }));
        requests = answer.UnprocessedItems?.[table] ?? [];
      }
    }
  }
}

/** Of a scheduled request among its account's. */
export type ScheduledPlace = { due: number; requestId: string };

export function placeOf(hold: Hold): ScheduledPlace {
  return { due: hold.due, requestId: hold.kind === 'request' ? hold.expansion.requestId : '' };
}

function isBehind(hold: Hold, { due, requestId }: ScheduledPlace): boolean {
  return hold.due > due || (hold.due === due && placeOf(hold).requestId > requestId);
}
