/** What readers did with a mail, in the messages table. It writes and never reads: what stood in a place is told by the refusal. */
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import type { EngagementRecord } from '../core/event/engagement.ts';
import type { KnownEngagement } from '../core/tracking/slots.ts';
import type { Table } from './aws.ts';

/** @param table the messages table */
export function engagementsIn(table: string, client: Table) {
  return {
    /** Writes an engagement into its place. Undefined: it is written; else what stands there, which stays. */
    putEngagement: async (record: EngagementRecord): Promise<KnownEngagement | undefined> => {
      try {
        await client.send(
          new PutCommand({
            TableName: table,
            Item: record,
            ConditionExpression: 'attribute_not_exists(pk)',
            ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
          }),
        );
        return undefined;
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
        const { at, ip, userAgent, urlOffset } = error.Item ?? {};
        return {
          at: Number(at?.N ?? 0),
          ip: ip?.S,
          userAgent: userAgent?.S,
          link: urlOffset?.M?.index?.N === undefined ? undefined : Number(urlOffset.M.index.N),
        };
      }
    },
  };
}
