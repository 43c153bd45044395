/**
 * What an erasure does to records of mail. A copy's records give way to one that says that the copy is final (`ErasedRecord`): whoever has a job
 * with it still, in a queue or among the dead letters, finds that there is nothing to send.
 */
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { DeleteCommand, GetCommand, PutCommand, QueryCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { DAY_SECONDS } from '../core/limits.ts';
import { type ErasedRecord, erasedBy, isErased, type ReturnedMailRecord } from '../core/records/erasure.ts';
import { copyNamed, copyPart, messageName, recipientKey } from '../core/records/message-key.ts';
import { copyKey, type Outcome, type OutcomeRecord, type RequestRecord, requestKey } from '../core/records/messages.ts';
import type { Table } from './aws.ts';
import { type Condition, inBucketOf, indexedUnder, ofRequest } from './message-range.ts';
import { queryPages } from './query-all.ts';

/** A copy of mail, by what it is named. */
export type NamedCopy = { requestId: string; index: number };
/** `from`: what is behind these; undefined: nothing. */
export type FoundCopies = { copies: NamedCopy[]; from: string | undefined };
export type ErasedCopy = {
  /** Whether it was not erased before. */
  erased: boolean;
  /** Whether it had no outcome. */
  waited: boolean;
  mails: ReturnedMailRecord[];
};

const INDEXED_AT_ONCE = 100;
const FINAL: ReadonlySet<string> = new Set<Outcome>(['delivered', 'bounced', 'dropped', 'unknown']);

type Item = Record<string, unknown> & { pk: string; sk: string };

/** @param messagesDays days that records are kept */
export function erasedRecordsIn(table: string, client: Table, messagesDays: number) {
  const query = (condition: Condition, more: object = {}): AsyncGenerator<Item[]> =>
    queryPages<Item>(client, { TableName: table, ...condition, ...more });
  const copiesOf = (items: readonly Item[]): NamedCopy[] => items.flatMap((item) => copyNamed(item) ?? []);

  async function* indexed(recipient: string, after?: string): AsyncGenerator<FoundCopies> {
    let from = after;
    do {
      const { Items = [], LastEvaluatedKey } = await client.send(
        new QueryCommand({
          TableName: table,
          ...indexedUnder(recipient),
          Limit: INDEXED_AT_ONCE,
          ...(from === undefined ? {} : { ExclusiveStartKey: JSON.parse(from) }),
        }),
      );
      from = LastEvaluatedKey && JSON.stringify(LastEvaluatedKey);
      yield { copies: copiesOf(Items as Item[]), from };
    } while (from !== undefined);
  }

  async function* bucketed(account: string, address: string): AsyncGenerator<FoundCopies> {
    const more = { ProjectionExpression: 'pk, sk', ConsistentRead: true };
    for await (const page of query(inBucketOf(account, address), more))
      yield { copies: copiesOf(page), from: undefined };
  }

  const remove = ({ pk, sk }: Pick<Item, 'pk' | 'sk'>) =>
    client.send(new DeleteCommand({ TableName: table, Key: { pk, sk } }));

  return {
    /** Copies that an address of an account had: all that were to it alone, of others those of which anything became; of one copy perhaps more than once. */
    findByRecipient: async function* (account: string, address: string): AsyncGenerator<FoundCopies> {
      yield* bucketed(account, address);
      yield* indexed(recipientKey(account, address));
    },

    /** Copies that a job has erased: what was written of them since is found by it. @param after where an earlier search was */
    findErasedBy: (account: string, id: string, after?: string) => indexed(erasedBy(account, id), after),

    /**
     * Makes a copy final and takes away all that there is of it. Its new record is first: whatever breaks after that is found by it.
     * @param now milliseconds since the epoch
     */
    eraseCopy: async (
      account: string,
      id: string,
      { requestId, index }: NamedCopy,
      now: number,
    ): Promise<ErasedCopy> => {
      const key = copyKey(account, requestId, index);
      const items: Item[] = [];
      const ofCopy = ofRequest(account, requestId, copyPart(index));
      for await (const page of query(ofCopy, { ConsistentRead: true }))
        items.push(...page.filter(({ sk }) => sk === key.sk || sk.startsWith(`${key.sk}#`)));
      const outcome = items.find(({ sk }) => sk === key.sk);
      const mails = items.filter((item): item is Item & ReturnedMailRecord => typeof item.mailKey === 'string');
      const others = items.filter((item) => item !== outcome && item.mailKey === undefined);
      if (!outcome || !isErased(outcome)) {
        const expiresAt = Number(outcome?.expiresAt ?? Math.floor(now / 1_000) + messagesDays * DAY_SECONDS);
        const was = wasOf(outcome as OutcomeRecord | undefined);
        const own = { erased: id, was, indexedRecipient: erasedBy(account, id) };
        const Item: ErasedRecord = { ...key, ...own, at: now, expiresAt };
        await client.send(new PutCommand({ TableName: table, Item }));
      }
      for (const item of others) await remove(item);
      return { erased: !outcome || !isErased(outcome), waited: outcome === undefined, mails };
    },

    /** What said where a mail lies, after the mail is gone. */
    forgetMail: async (mail: ReturnedMailRecord): Promise<void> => {
      await remove(mail);
    },

    readRequest: async (account: string, requestId: string): Promise<RequestRecord | undefined> =>
      (
        await client.send(
          new GetCommand({ TableName: table, Key: requestKey(account, requestId), ConsistentRead: true }),
        )
      ).Item as RequestRecord | undefined,

    /**
     * Takes out of a request's record what may be about a reader.
     * @param whole nobody else was in it: all goes but that there was a request, when, and of how many copies
     */
    eraseRequest: async (account: string, requestId: string, whole: boolean): Promise<void> => {
      try {
        await client.send(
          new UpdateCommand({
            TableName: table,
            Key: requestKey(account, requestId),
            ConditionExpression: 'attribute_exists(pk)',
            ...(whole
              ? {
                  UpdateExpression: 'SET #from = :none REMOVE subject, received, recipient',
                  ExpressionAttributeNames: { '#from': 'from' },
                  ExpressionAttributeValues: { ':none': '' },
                }
              : { UpdateExpression: 'REMOVE subject' }),
          }),
        );
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
      }
    },

    /** How many copies of a request are final. */
    countFinal: async (account: string, requestId: string): Promise<number> => {
      let final = 0;
      const more = { ConsistentRead: true, ProjectionExpression: 'pk, sk' };
      for await (const page of query(ofRequest(account, requestId), more))
        final += page.filter((item) => /^\d{4,}$/.test(messageName(item)?.part ?? '')).length;
      return final;
    },
  };
}

/** What is with SES has an outcome that nobody here will know. */
function wasOf(outcome: OutcomeRecord | undefined): Outcome {
  if (!outcome) return 'dropped';
  return FINAL.has(outcome.event) ? (outcome.event as Outcome) : 'unknown';
}
