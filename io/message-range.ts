/** Conditions of DynamoDB for what lies together in the messages table, wherever its records are (core/records/message-key.ts). */
import { bucketKey, bucketOf, messageKey, recipientKey } from '../core/records/message-key.ts';

export type Condition = { KeyConditionExpression: string; ExpressionAttributeValues: Record<string, unknown> };

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
