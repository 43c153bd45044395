/**
 * How much mail accounts have us send for themselves (verifications, DNS records for colleagues): items that count a day each, of an account, of
 * all accounts together, and of a reader, who has asked for none of it.
 */
import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { DAY_SECONDS } from '../core/limits.ts';
import type { Table } from './aws.ts';
import { isWritten } from './written.ts';

export function ownMailIn(table: string, client: Table) {
  const update = async (
    Key: { pk: string; sk: string },
    UpdateExpression: string,
    ConditionExpression: string,
    values: Record<string, string | number>,
  ): Promise<boolean> => {
    return isWritten(
      client.send(
        new UpdateCommand({
          TableName: table,
          Key,
          UpdateExpression,
          ConditionExpression,
          ExpressionAttributeNames: { '#day': 'day' },
          ExpressionAttributeValues: values,
        }),
      ),
    );
  };
  return {
    /**
     * @param key of core/records/senders.ts
     * @param day `YYYY-MM-DD`, never an earlier one. @returns false: there were `most` of them already
     */
    countOwnMail: async (key: { pk: string; sk: string }, day: string, most: number): Promise<boolean> => {
      const one = { ':day': day, ':one': 1 };
      if (await update(key, 'ADD mails :one', '#day = :day AND mails < :most', { ...one, ':most': most })) return true;
      const expiresAt = Date.parse(day) / 1_000 + 2 * DAY_SECONDS;
      return update(
        key,
        'SET #day = :day, mails = :one, expiresAt = :expiresAt',
        'attribute_not_exists(#day) OR #day < :day',
        { ...one, ':expiresAt': expiresAt },
      );
    },
  };
}
