/**
 * The counters of TLS reports, in the sites table. Each write adds to what is there, so environments that count at once
 * lose nothing; an answer that was lost may count a run twice, which a report can bear.
 */
import { PutCommand, QueryCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import {
  collectTlsCounts,
  type TlsCount,
  type TlsCountItem,
  type TlsFailureItem,
  tlsCountExpiry,
  tlsCountKey,
  tlsCountsKey,
  tlsFailureKey,
  tlsSentKey,
} from '../core/tls-report.ts';
import type { Table } from './aws.ts';

/** What became of a report. `done`: it is on its way, or nobody wants it. */
export type TlsSent = { tries: number; done: boolean };

/** Characters of a reason that are kept. */
const REASON = 200;

export function tlsReportsIn(table: string, client: Pick<Table, 'send'>) {
  const read = async <T>(pk: string): Promise<T[]> => {
    const items: T[] = [];
    let from: Record<string, unknown> | undefined;
    do {
      const page = await client.send(
        new QueryCommand({
          TableName: table,
          KeyConditionExpression: 'pk = :pk',
          ExpressionAttributeValues: { ':pk': pk },
          ...(from ? { ExclusiveStartKey: from } : {}),
        }),
      );
      items.push(...((page.Items ?? []) as T[]));
      from = page.LastEvaluatedKey;
    } while (from);
    return items;
  };
  return {
    /** Adds to the counters of a day (`YYYY-MM-DD`). @throws when one cannot be written; those before it are */
    addTlsCounts: async (day: string, counts: readonly TlsCount[]): Promise<void> => {
      const expiry = tlsCountExpiry(day);
      for (const count of counts) {
        const { ok, failed, policy, failures } = count;
        await client.send(
          new UpdateCommand({
            TableName: table,
            Key: tlsCountKey(day, count),
            UpdateExpression: `ADD ok :ok, failed :failed SET expiresAt = :expiry${policy ? ', policy = :policy' : ''}`,
            ExpressionAttributeValues: {
              ':ok': ok,
              ':failed': failed,
              ':expiry': expiry,
              ...(policy ? { ':policy': policy } : {}),
            },
          }),
        );
        for (const failure of failures) {
          const { sessions, address, reason } = failure;
          await client.send(
            new UpdateCommand({
              TableName: table,
              Key: tlsFailureKey(day, count, failure),
              UpdateExpression: `ADD sessions :sessions SET expiresAt = :expiry${address === undefined ? '' : ', address = :address'}${reason === undefined ? '' : ', reason = :reason'}`,
              ExpressionAttributeValues: {
                ':sessions': sessions,
                ':expiry': expiry,
                ...(address === undefined ? {} : { ':address': address }),
                ...(reason === undefined ? {} : { ':reason': reason.slice(0, REASON) }),
              },
            }),
          );
        }
      }
    },

    /** The counts of a day, by domain. */
    readTlsCounts: async (day: string): Promise<Map<string, TlsCount[]>> =>
      collectTlsCounts(await read<TlsCountItem & TlsFailureItem>(tlsCountsKey(day))),

    /** What became of the reports of a day so far, by domain. */
    readTlsSent: async (day: string): Promise<Map<string, TlsSent>> => {
      const items = await read<TlsSent & { sk: string }>(tlsSentKey(day, '').pk);
      return new Map(items.map(({ sk, tries, done }) => [sk, { tries, done }]));
    },

    recordTlsSent: async (day: string, domain: string, sent: TlsSent): Promise<void> => {
      const Item = { ...tlsSentKey(day, domain), ...sent, expiresAt: tlsCountExpiry(day) };
      await client.send(new PutCommand({ TableName: table, Item }));
    },
  };
}
