/** The stats table: what was counted, by account, hour and shard (core/stats/record.ts). */
import { GetCommand, PutCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { GLOBAL_METRICS, type Kind } from '../core/stats/count.ts';
import { readStatsKey, type StatsRecord, statsKey } from '../core/stats/record.ts';
import type { Table } from './aws.ts';
import { cached } from './cached.ts';
import { isWritten } from './written.ts';

/** Counters of one hour, and of which category or template. */
export type StatsOfHour = { hour: string; name: string; counts: Record<string, number> };

/** Of each of `GLOBAL_METRICS`; none where nothing was counted. */
export type Sums = Partial<Record<(typeof GLOBAL_METRICS)[number], number>>;

/** Milliseconds for which sums are kept: statistics themselves are about as late. */
const SUMS_LIFE = 60_000;

export function statsIn(table: string, client: Table) {
  return {
    /** Strongly consistent. */
    readStats: async ({ pk, sk }: Pick<StatsRecord, 'pk' | 'sk'>): Promise<StatsRecord | undefined> =>
      (await client.send(new GetCommand({ TableName: table, Key: { pk, sk }, ConsistentRead: true }))).Item as
        | StatsRecord
        | undefined,

    /** Writes an item in the place of the one that was read. False: that is no longer there. */
    writeStats: async (record: StatsRecord, before: Pick<StatsRecord, 'sequence'> | undefined): Promise<boolean> => {
      const condition = before
        ? {
            ConditionExpression: '#sequence = :before',
            ExpressionAttributeNames: { '#sequence': 'sequence' },
            ExpressionAttributeValues: { ':before': before.sequence },
          }
        : { ConditionExpression: 'attribute_not_exists(pk)' };
      return isWritten(client.send(new PutCommand({ TableName: table, Item: record, ...condition })));
    },

    /** Everything of one kind from one hour to another, both included (`YYYY-MM-DDTHH`). */
    readHours: async function* (account: string, kind: Kind, from: string, to: string): AsyncGenerator<StatsOfHour> {
      let next: Record<string, unknown> | undefined;
      do {
        const page = await client.send(
          new QueryCommand({
            TableName: table,
            KeyConditionExpression: 'pk = :pk AND sk BETWEEN :from AND :to',
            ExpressionAttributeValues: { ':pk': statsKey(account, kind), ':from': from, ':to': `${to}#~` },
            ...(next ? { ExclusiveStartKey: next } : {}),
          }),
        );
        for (const { sk, counts } of (page.Items ?? []) as StatsRecord[]) yield { ...readStatsKey(sk), counts };
        next = page.LastEvaluatedKey;
      } while (next);
    },
  };
}

/** Sums of all of an account's mail: whoever asks for each page that he shows costs a query a minute. */
export function sumsIn({ readHours }: Pick<ReturnType<typeof statsIn>, 'readHours'>, now: () => number) {
  const read = cached(
    async (range) => {
      const [account, from, to] = range.split(' ') as [string, string, string];
      const sums: Sums = {};
      for await (const { counts } of readHours(account, 'all', from, to))
        for (const metric of GLOBAL_METRICS) sums[metric] = (sums[metric] ?? 0) + (counts[metric] ?? 0);
      return sums;
    },
    SUMS_LIFE,
    now,
  );
  return {
    /** From one hour to another, both included (`YYYY-MM-DDTHH`); a minute old at most. */
    readSums: (account: string, from: string, to: string) => read(`${account} ${from} ${to}`),
  };
}
