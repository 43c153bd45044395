/** What the operator said of warm-ups by the API (core/records/warm-ups.ts), in the accounts table. */
import { GetCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { type WarmUpsRecord, type WarmUpWord, warmUpAttribute, warmUpsKey } from '../core/records/warm-ups.ts';
import type { Table } from './aws.ts';

export function warmUpsIn(table: string, client: Table) {
  return {
    /** @param consistent as it is now; otherwise it may be a second old, at half the price */
    readWarmUps: async (consistent = false): Promise<WarmUpsRecord | undefined> =>
      (await client.send(new GetCommand({ TableName: table, Key: warmUpsKey(), ConsistentRead: consistent }))).Item as
        | WarmUpsRecord
        | undefined,

    /** The word on one lane, and on no other. */
    writeWarmUp: async (lane: string, word: WarmUpWord): Promise<void> => {
      await client.send(
        new UpdateCommand({
          TableName: table,
          Key: warmUpsKey(),
          UpdateExpression: 'SET #lane = :word',
          ExpressionAttributeNames: { '#lane': warmUpAttribute(lane) },
          ExpressionAttributeValues: { ':word': word },
        }),
      );
    },
  };
}
