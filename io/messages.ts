/**
 * The messages table: request records, idempotency records, claims, attempts and outcomes. Outcomes are conditional on
 * there being none: whoever comes second learns it and changes nothing.
 */
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { BatchGetCommand, GetCommand, PutCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { About } from '../core/event/about.ts';
import type { EngagementRecord } from '../core/event/engagement.ts';
import { type CopyName, copyOf } from '../core/event/order.ts';
import { IDEMPOTENCY_HOURS } from '../core/limits.ts';
import { isErased, type ReturnedMailRecord } from '../core/records/erasure.ts';
import { addressIn, copyIndexOf, messageName } from '../core/records/message-key.ts';
import {
  type AttemptRecord,
  attemptKey,
  type ClaimRecord,
  copyKey,
  type IdempotencyRecord,
  type LateRecord,
  type OutcomeRecord,
  type RequestRecord,
} from '../core/records/messages.ts';
import type { Table } from './aws.ts';
import { ofRequest } from './message-range.ts';
import { queryWhole } from './query-all.ts';

/** Times that a claim of parts is looked at again, because another of them came in between. */
const SHARE_TRIES = 3;
const HOUR = 3_600_000;
/** BatchGetItem takes 100 keys (DynamoDB quotas), which is also what a job holds. */
const BATCH_KEYS = 100;

/** Whose a copy is, the way that it went, and what its events tell. */
export type KnownCopy = { address: string; site: string; lane: string; email?: string; about?: About };

function toTell({ email, about }: { email: string | undefined; about: About | undefined }) {
  return { ...(email === undefined ? {} : { email }), ...(about === undefined ? {} : { about }) };
}

export function messagesIn(table: string, client: Table) {
  return {
    /**
     * Writes the request record. A second call with the same id changes nothing: ids are random, so the first was ours.
     * Only a refused one gives way: a retry with its Idempotency-Key is accepted under the same id.
     */
    recordRequest: async (record: RequestRecord): Promise<void> => {
      await putOnce(record, 'attribute_not_exists(pk) OR refused = :refused', {
        ExpressionAttributeValues: { ':refused': true },
      });
    },

    /** Overwrites the record of a request that could not be queued: it holds no copies, and says why. */
    refuseRequest: async (record: RequestRecord): Promise<void> => {
      await client.send(new PutCommand({ TableName: table, Item: { ...record, copies: 0, refused: true } }));
    },

    /**
     * Begins an idempotent request.
     * @returns undefined when the key was free (it is taken now), else the record that holds it
     */
    beginIdempotent: async (record: IdempotencyRecord): Promise<IdempotencyRecord | undefined> => {
      try {
        await client.send(
          new PutCommand({
            TableName: table,
            Item: record,
            // The request id makes our own first try, whose answer was lost, look like success.
            ConditionExpression: 'attribute_not_exists(pk) OR #at < :yesterday OR requestId = :own',
            ExpressionAttributeNames: { '#at': 'at' },
            ExpressionAttributeValues: {
              ':yesterday': record.at - IDEMPOTENCY_HOURS * HOUR,
              ':own': record.requestId,
            },
          }),
        );
        return undefined;
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
        return readIdempotent(record);
      }
    },

    readIdempotent,

    /** Says that the request of a key was accepted, or failed and may be taken over. */
    endIdempotent: async (record: IdempotencyRecord): Promise<void> => {
      await client.send(new PutCommand({ TableName: table, Item: record }));
    },

    /** Which of these copies have an outcome. Strongly consistent. */
    readOutcomes: (account: string, requestId: string, indexes: readonly number[]): Promise<Set<number>> =>
      readWhich(indexes.map((index) => copyKey(account, requestId, index))),

    /** Which of these copies have the record of a first attempt. Strongly consistent. */
    readPickedUp: (account: string, requestId: string, indexes: readonly number[]): Promise<Set<number>> =>
      readWhich(
        indexes.flatMap((index) =>
          (['deferred', 'doubted'] as const).map((event) => attemptKey(account, requestId, index, event, 0)),
        ),
      ),

    /**
     * Claims a job that may be on a lane twice. False: another worker holds it until later than now, or has had it with
     * more hops than this one. Parts of one split hold it together (`shared`), until the last of them may have ended; their hop says what
     * they were split from, and keeps no other part out. A claim until now ends the one of its fence, and that alone.
     */
    claimJob: async (claim: ClaimRecord, now: number): Promise<'taken' | 'shared' | false> => {
      const { fence, part, until, hop = 0 } = claim;
      const values = { ':now': now, ':fence': fence };
      const [isFree, own] =
        part === undefined
          ? ['(#until < :now AND (attribute_not_exists(hop) OR hop <= :hop))', { ':hop': hop }]
          : ['#until < :now', {}];
      const first = await putUnless(claim, `attribute_not_exists(pk) OR fence = :fence OR ${isFree}`, {
        ExpressionAttributeNames: { '#until': 'until' },
        ExpressionAttributeValues: { ...values, ...own },
      });
      if (!first) return 'taken';
      let standing: ClaimRecord = first;
      // Its fence is the last one's from now on: whoever had it before cannot end it, and this one must not.
      for (let tries = 0; tries < SHARE_TRIES; tries++) {
        if (part === undefined || standing.part !== part || until <= now) return false;
        if (standing.fence === fence) return 'shared';
        const together: ClaimRecord = { ...claim, until: Math.max(until, standing.until) };
        const changed = await putUnless(together, 'fence = :standing', {
          ExpressionAttributeValues: { ':standing': standing.fence },
        });
        if (!changed) return 'shared';
        standing = changed;
      }
      return false;
    },

    /**
     * Writes a copy's outcome, once. `already-final`: there was one, which stands. One that is only `relayed` gives way to
     * a final one, and never takes its place.
     */
    recordOutcome: async (record: OutcomeRecord): Promise<'recorded' | 'already-final'> =>
      (await putOutcome(record)) === undefined ? 'recorded' : 'already-final',

    /** As `recordOutcome`, but tells the event that stands. */
    recordHeard: putOutcome,

    /** Writes an attempt that was not the last. The same attempt again is the same item. */
    recordAttempt: async (record: AttemptRecord): Promise<void> => {
      await client.send(new PutCommand({ TableName: table, Item: record }));
    },

    /** Writes what came after a copy's outcome, once: the first of its kind stands. False: there was one. */
    recordLate: async (record: LateRecord): Promise<boolean> => putOnce(record, 'attribute_not_exists(pk)'),

    /** Writes where a mail lies that came back about a copy. */
    recordReturnedMail: async (record: ReturnedMailRecord): Promise<void> => {
      await client.send(new PutCommand({ TableName: table, Item: record }));
    },

    /** Writes what a reader did, once: the same event again changes nothing. False: it was there. */
    recordEngagement: async (record: EngagementRecord): Promise<boolean> => putOnce(record, 'attribute_not_exists(pk)'),

    /** What is known of a copy: its outcome, or its last attempt while it has none; or that its reader was erased. Strongly consistent. */
    readCopy: async (account: string, requestId: string, index: number): Promise<KnownCopy | 'erased' | undefined> => {
      const { pk, sk } = copyKey(account, requestId, index);
      const { Items = [] } = await client.send(
        new QueryCommand({
          TableName: table,
          KeyConditionExpression: 'pk = :pk AND begins_with(sk, :sk)',
          ExpressionAttributeValues: { ':pk': pk, ':sk': sk },
          ConsistentRead: true,
        }),
      );
      const outcome = Items.find((item) => item.sk === sk) as OutcomeRecord | undefined;
      if (outcome && isErased(outcome)) return 'erased';
      if (outcome) {
        const { recipient, site, lane, email, about } = outcome;
        return { address: addressIn(recipient), site, lane, ...toTell({ email, about }) };
      }
      const attempt = Items.findLast((item) => item.sk.startsWith(`${sk}#`) && item.event !== undefined) as
        | AttemptRecord
        | undefined;
      if (!attempt) return undefined;
      const { address, site, lane, about } = attempt;
      return { address: address.toLowerCase(), site, lane, ...toTell({ email: address, about }) };
    },

    /** The outcomes of copies, by `copyOf`; those without one are not in it. @param isStrong strongly consistent */
    readOutcomeRecords: async (copies: readonly CopyName[], isStrong: boolean): Promise<Map<string, OutcomeRecord>> => {
      const outcomes = new Map<string, OutcomeRecord>();
      for (let from = 0; from < copies.length; from += BATCH_KEYS) {
        let keys = copies
          .slice(from, from + BATCH_KEYS)
          .map(({ account, requestId, index }) => copyKey(account, requestId, index)) as Record<string, unknown>[];
        while (keys.length > 0) {
          const answer = await client.send(
            new BatchGetCommand({ RequestItems: { [table]: { Keys: keys, ConsistentRead: isStrong } } }),
          );
          for (const item of answer.Responses?.[table] ?? [])
            outcomes.set(copyOf({ ...messageName(item)!, index: copyIndexOf(item)! }), item as OutcomeRecord);
          keys = answer.UnprocessedKeys?.[table]?.Keys ?? [];
        }
      }
      return outcomes;
    },

    /** Everything of a request, in order: its record, then each copy's attempts and outcome. */
    readTrace: (account: string, requestId: string): Promise<Record<string, unknown>[]> =>
      queryWhole(client, { TableName: table, ...ofRequest(account, requestId) }),
  };

  /** The indexes of those that are there. */
  async function readWhich(wanted: readonly { pk: string; sk: string }[]): Promise<Set<number>> {
    const found = new Set<number>();
    for (let from = 0; from < wanted.length; from += BATCH_KEYS) {
      let keys = wanted.slice(from, from + BATCH_KEYS) as Record<string, unknown>[];
      while (keys.length > 0) {
        const answer = await client.send(
          new BatchGetCommand({
            RequestItems: { [table]: { Keys: keys, ConsistentRead: true, ProjectionExpression: 'pk, sk' } },
          }),
        );
        for (const item of answer.Responses?.[table] ?? []) found.add(copyIndexOf(item)!);
        keys = answer.UnprocessedKeys?.[table]?.Keys ?? [];
      }
    }
    return found;
  }

  async function readIdempotent({
    pk,
    sk,
  }: Pick<IdempotencyRecord, 'pk' | 'sk'>): Promise<IdempotencyRecord | undefined> {
    const { Item } = await client.send(new GetCommand({ TableName: table, Key: { pk, sk }, ConsistentRead: true }));
    return Item as IdempotencyRecord | undefined;
  }

  /** @returns undefined when it was written, else the event of the outcome that stands */
  async function putOutcome(record: OutcomeRecord): Promise<OutcomeRecord['event'] | undefined> {
    const final = record.event !== 'relayed';
    try {
      await client.send(
        new PutCommand({
          TableName: table,
          Item: record,
          ConditionExpression: `attribute_not_exists(pk)${final ? ' OR #event = :relayed' : ''}`,
          ...(final && {
            ExpressionAttributeNames: { '#event': 'event' },
            ExpressionAttributeValues: { ':relayed': 'relayed' },
          }),
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        }),
      );
      return undefined;
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
      return (error.Item?.event?.S as OutcomeRecord['event'] | undefined) ?? 'unknown';
    }
  }

  async function putOnce(item: object, condition: string, names: object = {}): Promise<boolean> {
    return (await putUnless(item, condition, names)) === undefined;
  }

  /** @returns undefined when it was written, else what stands in its place */
  async function putUnless<T extends object>(item: T, condition: string, names: object): Promise<T | undefined> {
    try {
      await client.send(
        new PutCommand({
          TableName: table,
          Item: item as Record<string, unknown>,
          ConditionExpression: condition,
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
          ...names,
        }),
      );
      return undefined;
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
      return unmarshall(error.Item ?? {}) as T;
    }
  }
}
