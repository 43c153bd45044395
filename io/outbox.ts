/** The outbox table: pages of news for webhooks, and each webhook's cursor (core/webhook/outbox.ts, cursor.ts). */
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { GetCommand, PutCommand, QueryCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { DAY_SECONDS } from '../core/limits.ts';
import {
  type Attempt,
  CURSOR_DAYS,
  type CursorRecord,
  cursorKey,
  positionOf,
  withAttempt,
  writePosition,
} from '../core/webhook/cursor.ts';
import { type OutboxPage, outboxKey } from '../core/webhook/outbox.ts';
import type { Table } from './aws.ts';

/** What a webhook's teller writes down; undefined: it goes. */
export type Step = Partial<Record<'failed' | 'failingSince' | 'nextAt', number | undefined>> & {
  log?: CursorRecord['log'];
  positions?: ReadonlyMap<string, string>;
  /** Shards that are forgotten. */
  forget?: readonly string[];
};

export type Claim = { fence: string; until: number; now: number; shards: readonly string[] };
export type Taken = { cursor: CursorRecord } | 'busy' | 'waiting';

type Condition = {
  condition?: string;
  /** Values that the condition names. */
  given?: Record<string, unknown>;
  news?: readonly string[];
  ring?: boolean;
};

/** Pages of one shard that are read at once: DynamoDB gives a megabyte at a time, and a batch is less. */
const PAGES = 20;

export function outboxIn(table: string, client: Table) {
  const update = async (
    key: { pk: string; sk: string },
    sets: Record<string, unknown>,
    { condition, given = {}, news, ring = false }: Condition = {},
  ) => {
    const names: Record<string, string> = {};
    const values: Record<string, unknown> = { ...given };
    const name = (text: string) => {
      const known = Object.keys(names).find((one) => names[one] === text);
      if (known) return known;
      const made = `#n${Object.keys(names).length}`;
      names[made] = text;
      return made;
    };
    const set: string[] = [];
    const remove: string[] = [];
    for (const [field, value] of Object.entries(sets)) {
      if (value === undefined) {
        remove.push(name(field));
        continue;
      }
      const placed = `:v${Object.keys(values).length}`;
      values[placed] = value;
      set.push(`${name(field)} = ${placed}`);
    }
    const add: string[] = [];
    if (ring) {
      values[':one'] = 1;
      add.push(`${name('rung')} :one`);
    }
    if (news && news.length > 0) {
      values[':news'] = new Set(news);
      add.push(`${name('news')} :news`);
    }
    const used = condition?.replace(/(?<!:)\b(fence|until|nextAt|rung)\b/g, (field) => name(field));
    const clauses = [`SET ${set.join(', ')}`];
    if (remove.length > 0) clauses.push(`REMOVE ${remove.join(', ')}`);
    if (add.length > 0) clauses.push(`ADD ${add.join(', ')}`);
    return client.send(
      new UpdateCommand({
        TableName: table,
        Key: key,
        UpdateExpression: clauses.join(' '),
        ExpressionAttributeNames: names,
        ExpressionAttributeValues: values,
        ...(used ? { ConditionExpression: used } : {}),
        ReturnValues: 'ALL_NEW',
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      }),
    );
  };
  const expiry = (now: number) => Math.floor(now / 1_000) + CURSOR_DAYS * DAY_SECONDS;

  const readCursor = async (account: string, webhook: string): Promise<CursorRecord | undefined> =>
    (await client.send(new GetCommand({ TableName: table, Key: cursorKey(account, webhook) }))).Item as
      | CursorRecord
      | undefined;

  /**
   * Takes a webhook's cursor, if nobody has it and its next attempt is not to come yet. In any case the shards that have news are
   * entered in it, and whoever has it will look there before he leaves.
   */
  async function takeCursor(account: string, webhook: string, claim: Claim): Promise<Taken> {
    const { fence, until, now, shards } = claim;
    const key = cursorKey(account, webhook);
    const sets = { expiresAt: expiry(now) };
    try {
      const { Attributes } = await update(
        key,
        { ...sets, fence, until },
        {
          condition:
            '(attribute_not_exists(until) OR until < :now) AND (attribute_not_exists(nextAt) OR nextAt <= :now)',
          given: { ':now': now },
          news: shards,
        },
      );
      return { cursor: Attributes as CursorRecord };
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
      const cursor = (await update(key, sets, { news: shards, ring: true })).Attributes as CursorRecord;
      if (Number(cursor.nextAt ?? 0) > now) return 'waiting';
      // Whoever had it may have left before he could hear: then nobody would look.
      return Number(cursor.until ?? 0) < now ? takeCursor(account, webhook, claim) : 'busy';
    }
  }

  return {
    putOutboxPage: async (page: OutboxPage): Promise<void> => {
      await client.send(new PutCommand({ TableName: table, Item: page }));
    },

    /** The next pages of a shard that end behind a sequence number; '': all that there are. */
    readOutbox: async (
      account: string,
      shard: string,
      after: string,
    ): Promise<{ pages: OutboxPage[]; more: boolean }> => {
      const { Items = [], LastEvaluatedKey } = await client.send(
        new QueryCommand({
          TableName: table,
          KeyConditionExpression: 'pk = :pk AND sk > :after',
          ExpressionAttributeValues: { ':pk': outboxKey(account, shard), ':after': after === '' ? '0' : `${after}#~` },
          ConsistentRead: true,
          Limit: PAGES,
        }),
      );
      return { pages: Items as OutboxPage[], more: LastEvaluatedKey !== undefined };
    },

    takeCursor,

    /**
     * Writes down how far a webhook is.
     * @param leave gives the cursor up: where all is told, unless news came since `rung`; `anyway`: what is not told stays noted
     * @returns the cursor as it is now; undefined: somebody else has it
     */
    moveCursor: async (
      { pk, sk, fence }: CursorRecord,
      { positions, forget = [], ...step }: Step,
      now: number,
      leave?: { rung: number } | 'anyway',
    ): Promise<{ cursor: CursorRecord; left: boolean } | undefined> => {
      const sets = {
        ...step,
        ...Object.fromEntries(
          [...(positions ?? [])].map(([shard, sequence]) => [positionOf(shard), writePosition(sequence, now)]),
        ),
        ...Object.fromEntries(forget.map((shard) => [positionOf(shard), undefined])),
        expiresAt: expiry(now),
      };
      const mine = 'fence = :fence';
      const attempt = async (all: Record<string, unknown>, condition: string, values: Record<string, unknown>) => {
        try {
          const { Attributes } = await update({ pk, sk }, all, { condition, given: { ':fence': fence, ...values } });
          return Attributes as CursorRecord;
        } catch (error) {
          if (error instanceof ConditionalCheckFailedException) return undefined;
          throw error;
        }
      };
      const gone = { fence: undefined, until: undefined };
      if (leave === 'anyway') {
        const left = await attempt({ ...sets, ...gone }, mine, {});
        return left && { cursor: left, left: true };
      }
      if (leave) {
        const unchanged = leave.rung === 0 ? '(attribute_not_exists(rung) OR rung = :rung)' : 'rung = :rung';
        const left = await attempt({ ...sets, ...gone, news: undefined }, `${mine} AND ${unchanged}`, {
          ':rung': leave.rung,
        });
        if (left) return { cursor: left, left: true };
      }
      const moved = await attempt(sets, mine, {});
      return moved && { cursor: moved, left: false };
    },

    readCursor,

    /**
     * Adds an attempt to a webhook's log that is not its usual teller's: a replay's or a trial's. Of two at the same moment one may be
     * missing in it.
     */
    logAttempt: async (account: string, webhook: string, attempt: Attempt, now: number): Promise<void> => {
      const log = withAttempt((await readCursor(account, webhook))?.log, attempt);
      await update(cursorKey(account, webhook), { log, expiresAt: expiry(now) });
    },
  };
}
