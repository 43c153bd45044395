/** Conditions of DynamoDB for what lies together in the messages table, wherever its records are (core/records/message-key.ts). */
import type { QueryCommandInput } from '@aws-sdk/lib-dynamodb';
import { bucketKey, bucketOf, messageKey, recipientKey } from '../core/records/message-key.ts';
import { MESSAGES_INDEX } from '../core/records/messages.ts';

export type Condition = { KeyConditionExpression: string; ExpressionAttributeValues: Record<string, unknown> } & Pick<
  QueryCommandInput,
  'ExpressionAttributeNames'
>;

/** All records of a request, in the order of their keys. @param part what their names begin with; absent: anything */
export function ofRequest(account: string, requestId: string, part = ''): Condition {
  const { pk, sk } = messageKey(account, requestId, part);
  return sk === ''
    ? { KeyConditionExpression: 'pk = :pk', ExpressionAttributeValues: { ':pk': pk } }
    : {
        KeyConditionExpression: 'pk = :pk AND begins_with(sk, :sk)',
        ExpressionAttributeValues: { ':pk': pk, ':sk': sk },
      };
}

/** Records in a reader's bucket that name him. @param before the key that they lie before; absent: all */
export function inBucketOf(
  account: string,
  address: string,
  before?: string,
): Condition & { FilterExpression: string } {
  return {
    KeyConditionExpression: `pk = :bucket${before === undefined ? '' : ' AND sk < :before'}`,
    FilterExpression: 'recipient = :recipient',
    ExpressionAttributeValues: {
      ':bucket': bucketKey(account, bucketOf(account, address)),
      ':recipient': recipientKey(account, address),
      ...(before === undefined ? {} : { ':before': before }),
    },
  };
}

/** Places in the index by recipient. @param to milliseconds since the epoch, of the record; absent: any time */
export function indexedUnder(recipient: string, to?: number): Condition & Pick<QueryCommandInput, 'IndexName'> {
  const all = {
    IndexName: MESSAGES_INDEX,
    KeyConditionExpression: 'indexedRecipient = :recipient',
    ExpressionAttributeValues: { ':recipient': recipient },
  };
  if (to === undefined) return all;
  return {
    ...all,
    KeyConditionExpression: `${all.KeyConditionExpression} AND #at <= :to`,
    ExpressionAttributeNames: { '#at': 'at' },
    ExpressionAttributeValues: { ...all.ExpressionAttributeValues, ':to': to },
  };
}
