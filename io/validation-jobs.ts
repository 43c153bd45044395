/**
 * Jobs that judge files of addresses, in the accounts table under a key of their own (core/validation/job.ts). One run is at work on a job at
 * a time, for a bounded time; what a run writes is refused when another has taken its place.
 */
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { DeleteCommand, GetCommand, PutCommand, QueryCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { type ValidationJobRecord, validationJobKey, validationsKey } from '../core/validation/job.ts';
import type { Table } from './aws.ts';

/** Jobs of a list: an account that makes more in a month sees the newest. */
const LISTED = 1_000;

export type JobChange = Partial<
  Pick<ValidationJobRecord, 'status' | 'etag' | 'addresses' | 'segments' | 'processed' | 'errors' | 'finishedAt'>
>;

export function validationJobsIn(table: string, client: Table) {
  /** The job afterwards; undefined: the condition did not hold. */
  const update = async (
    account: string,
    id: string,
    changes: Record<string, unknown>,
    condition: string,
    values: Record<string, unknown>,
  ): Promise<ValidationJobRecord | undefined> => {
    const names = Object.keys(changes);
    try {
      const { Attributes } = await client.send(
        new UpdateCommand({
          TableName: table,
          Key: validationJobKey(account, id),
          UpdateExpression: `SET ${names.map((_, n) => `#c${n} = :c${n}`).join(', ')}`,
          ConditionExpression: condition,
          ExpressionAttributeNames: Object.fromEntries(names.map((name, n) => [`#c${n}`, name])),
          ExpressionAttributeValues: {
            ...Object.fromEntries(names.map((name, n) => [`:c${n}`, changes[name]])),
            ...values,
          },
          ReturnValues: 'ALL_NEW',
        }),
      );
      return Attributes as ValidationJobRecord;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return undefined;
      throw error;
    }
  };

  return {
    createValidationJob: async (job: ValidationJobRecord): Promise<void> => {
      await client.send(new PutCommand({ TableName: table, Item: job }));
    },

    readValidationJob: async (account: string, id: string): Promise<ValidationJobRecord | undefined> =>
      (
        await client.send(
          new GetCommand({ TableName: table, Key: validationJobKey(account, id), ConsistentRead: true }),
        )
      ).Item as ValidationJobRecord | undefined,

    removeValidationJob: async (account: string, id: string): Promise<void> => {
      await client.send(new DeleteCommand({ TableName: table, Key: validationJobKey(account, id) }));
    },

    /** The newest first. */
    listValidationJobs: async (account: string): Promise<ValidationJobRecord[]> => {
      const { Items = [] } = await client.send(
        new QueryCommand({
          TableName: table,
          KeyConditionExpression: 'pk = :pk',
          ExpressionAttributeValues: { ':pk': validationsKey(account) },
          ScanIndexForward: false,
          ConsistentRead: true,
          Limit: LISTED,
        }),
      );
      return Items as ValidationJobRecord[];
    },

    /**
     * Takes a job for a run. Undefined: it has ended, or another run is at work on it.
     * @param until milliseconds since the epoch: from then on another may have it
     */
    takeValidationJob: ({ account, id }: ValidationJobRecord, runId: string, now: number, until: number) =>
      update(
        account,
        id,
        { runId, runUntil: until },
        'attribute_exists(pk) AND attribute_not_exists(finishedAt) AND (attribute_not_exists(runUntil) OR runUntil <= :now)',
        { ':now': now },
      ),

    /** Writes what a run has come to. Undefined: the job is another run's by now. @param ends the run has ended, and another may begin */
    changeValidationJob: ({ account, id, runId }: ValidationJobRecord, change: JobChange, ends = false) =>
      update(account, id, { ...change, ...(ends && { runUntil: 0 }) }, 'runId = :runId', { ':runId': runId }),
  };
}
