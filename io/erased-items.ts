/**
 * Tables that an erasure reads as a whole, because what is in them is found by time and not by account: what waits, and what webhooks are to be
 * told. An item that somebody took away meanwhile does not come back.
 */
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { DeleteCommand, PutCommand, ScanCommand, type ScanCommandInput } from '@aws-sdk/lib-dynamodb';
import type { Hold } from '../core/records/holds.ts';
import { type OutboxPage, outboxKey } from '../core/webhook/outbox.ts';
import type { Table } from './aws.ts';

/** Items that are looked through at once: of those that are an account's, each may be a stored request to read. */
const SCANNED = 500;

/** One page of a scan; `from` undefined: that was all. */
export type Scanned<T> = { items: T[]; from: string | undefined };

export function erasedItemsIn({ holds, outbox }: { holds: string; outbox: string }, client: Table) {
  const scan = async <T>(
    table: string,
    filter: Pick<ScanCommandInput, 'FilterExpression' | 'ExpressionAttributeNames' | 'ExpressionAttributeValues'>,
    from: string | undefined,
  ): Promise<Scanned<T>> => {
    const { Items = [], LastEvaluatedKey } = await client.send(
      new ScanCommand({
        TableName: table,
        ...filter,
        ConsistentRead: true,
        Limit: SCANNED,
        ...(from === undefined ? {} : { ExclusiveStartKey: JSON.parse(from) }),
      }),
    );
    return { items: Items as T[], from: LastEvaluatedKey && JSON.stringify(LastEvaluatedKey) };
  };
  const replace = async (table: string, item: object): Promise<void> => {
    try {
      await client.send(
        new PutCommand({
          TableName: table,
          Item: item as Record<string, unknown>,
          ConditionExpression: 'attribute_exists(pk)',
        }),
      );
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
    }
  };
  return {
    scanHolds: (account: string, from: string | undefined) =>
      scan<Hold>(
        holds,
        {
          FilterExpression: '#account = :account',
          ExpressionAttributeNames: { '#account': 'account' },
          ExpressionAttributeValues: { ':account': account },
        },
        from,
      ),
    replaceHold: (hold: Hold) => replace(holds, hold),
    removeHold: async ({ pk, sk }: Pick<Hold, 'pk' | 'sk'>): Promise<void> => {
      await client.send(new DeleteCommand({ TableName: holds, Key: { pk, sk } }));
    },
    scanOutbox: (account: string, from: string | undefined) =>
      scan<OutboxPage>(
        outbox,
        {
          FilterExpression: 'begins_with(pk, :pages)',
          ExpressionAttributeValues: { ':pages': outboxKey(account, '') },
        },
        from,
      ),
    replaceOutboxPage: (page: OutboxPage) => replace(outbox, page),
  };
}
