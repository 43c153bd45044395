/** How much mail an account has us send for itself (verifications, DNS records for colleagues): one item, which counts a day. */
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { ownMailKey } from '../core/records/senders.ts';
import type { Table } from './aws.ts';

export function ownMailIn(table: string, client: Table) {
  const update = async (
    account: string,
    UpdateExpression: string,
    ConditionExpression: string,
    values: Record<string, string | number>,
  ): Promise<boolean> => {
    try {
      await client.send(
        new UpdateCommand({
          TableName: table,
          Key: ownMailKey(account),
          UpdateExpression,
          ConditionExpression,
          ExpressionAttributeNames: { '#day': 'day' },
          ExpressionAttributeValues: values,
        }),
      );
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
  };
  return {
    /** @param day `YYYY-MM-DD`, never an earlier one. @returns false: there were `most` of them already */
    countOwnMail: async (account: string, day: string, most: number): Promise<boolean> => {
      const one = { ':day': day, ':one': 1 };
      if (await update(account, 'ADD mails :one', '#day = :day AND mails < :most', { ...one, ':most': most }))
        return true;
      return update(account, 'SET #day = :day, mails = :one', 'attribute_not_exists(#day) OR #day < :day', one);
    },
  };
}
