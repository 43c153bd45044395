/**
 * The brakes of accounts (accounts table), what was claimed of their daily caps and credits (messages table), and the way out of a pause. A change of
 * the brakes and the event that tells of it are written together.
 */
import { ConditionalCheckFailedException, TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { GetCommand, QueryCommand, TransactWriteCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import {
  type BrakeEvent,
  type BrakeEventRecord,
  type BrakesRecord,
  brakeEventKey,
  brakesKey,
  type CreditsRecord,
  creditsKey,
  type Pause,
  pausedEvent,
  type Resume,
  resumedEvent,
} from '../core/brakes/brakes.ts';
import { type HourOfMail, sumHours, windowOf } from '../core/brakes/judge.ts';
import { sweepsAfterResume } from '../core/brakes/parked.ts';
import { OPERATOR } from '../core/records/accounts.ts';
import type { Hold } from '../core/records/holds.ts';
import { type AccountRecord, accountKey } from '../core/records/subusers.ts';
import type { Kind } from '../core/stats/count.ts';
import type { Table } from './aws.ts';

/** Events that are shown. */
const SHOWN_EVENTS = 50;

/** What becomes of the item, as an update's expression and its values. */
type Change = { update: string; condition?: string; values: Record<string, unknown>; names?: Record<string, string> };

/** As accept and deliver know them: without what changes them, which would be loaded for nothing. */
export function readBrakesIn(table: string, client: Table) {
  /** @param consistent as it is now; otherwise it may be a second old, at half the price */
  return async (account: string, consistent = false): Promise<BrakesRecord | undefined> =>
    (await client.send(new GetCommand({ TableName: table, Key: brakesKey(account), ConsistentRead: consistent })))
      .Item as BrakesRecord | undefined;
}

/**
 * Whose brakes pause an account's bulk, for deliver: its own, or, where the operator paused the account that it is a subuser of, that
 * one's. A parent's bad rates are his own: they pause nobody else.
 */
export function whoPausesIn(table: string, client: Table) {
  const readBrakes = readBrakesIn(table, client);
  return async (account: string): Promise<string | undefined> => {
    if ((await readBrakes(account))?.paused) return account;
    if (account === OPERATOR) return undefined;
    const { Item } = await client.send(new GetCommand({ TableName: table, Key: accountKey(account) }));
    const parent = (Item as AccountRecord | undefined)?.parent;
    return parent !== undefined && (await readBrakes(parent))?.paused?.cause === 'operator' ? parent : undefined;
  };
}

export function brakesIn(table: string, client: Table) {
  /** False: its condition does not hold, and nothing is written. */
  const change = async (
    account: string,
    { update, condition, values, names }: Change,
    event: BrakeEvent,
  ): Promise<boolean> => {
    const { at, by, why } = event;
    try {
      await client.send(
        new TransactWriteCommand({
          TransactItems: [
            {
              Update: {
                TableName: table,
                Key: brakesKey(account),
                UpdateExpression: update,
                ...(condition && { ConditionExpression: condition }),
                ...(names && { ExpressionAttributeNames: names }),
                ...(Object.keys(values).length > 0 && { ExpressionAttributeValues: values }),
              },
            },
            {
              Update: {
                TableName: table,
                Key: brakeEventKey(account, event),
                UpdateExpression: 'SET #event = :event, #at = :at, #by = :by, why = :why',
                ExpressionAttributeNames: { '#event': 'event', '#at': 'at', '#by': 'by' },
                ExpressionAttributeValues: { ':event': event.event, ':at': at, ':by': by, ':why': why },
              },
            },
          ],
        }),
      );
      return true;
    } catch (error) {
      const reasons = error instanceof TransactionCanceledException ? error.CancellationReasons : undefined;
      if (reasons?.some(({ Code }) => Code === 'ConditionalCheckFailed')) return false;
      throw error;
    }
  };
  return {
    readBrakes: readBrakesIn(table, client),

    /**
     * Pauses an account's bulk. False: it is paused already, or was resumed since it was judged.
     * @param resumedAt of the last resume that the judgement knew
     */
    pauseBulk: (account: string, pause: Pause, resumedAt?: number): Promise<boolean> =>
      change(
        account,
        {
          update: 'SET paused = :pause',
          condition: `attribute_not_exists(paused) AND ${resumedAt === undefined ? 'attribute_not_exists(resumed)' : 'resumed.#at = :resumedAt'}`,
          values: { ':pause': pause, ...(resumedAt === undefined ? {} : { ':resumedAt': resumedAt }) },
          ...(resumedAt === undefined ? {} : { names: { '#at': 'at' } }),
        },
        pausedEvent(pause),
      ),

    /** Takes a pause away. False: it is no longer that one. */
    endPause: (account: string, pause: Pause, resume: Resume): Promise<boolean> =>
      change(
        account,
        {
          update: 'SET resumed = :resumed REMOVE paused',
          condition: 'paused.#at = :paused',
          values: { ':resumed': resume, ':paused': pause.at },
          names: { '#at': 'at' },
        },
        resumedEvent(pause, resume),
      ),

    /** Sets the operator's or the account's own cap; undefined takes it away. */
    setCap: (account: string, whose: 'operatorCap' | 'ownCap', cap: number | null | undefined, at: number) =>
      change(
        account,
        cap === undefined
          ? { update: `REMOVE ${whose}`, values: {} }
          : { update: `SET ${whose} = :cap`, values: { ':cap': cap } },
        {
          event: 'daily_cap_changed',
          at,
          by: whose === 'ownCap' ? 'account' : 'operator',
          why: cap === undefined ? 'back to the default' : cap === null ? 'no cap' : `${cap} copies a day`,
        },
      ),

    /** The newest first. */
    listBrakeEvents: async (account: string): Promise<BrakeEventRecord[]> => {
      const { Items = [] } = await client.send(
        new QueryCommand({
          TableName: table,
          KeyConditionExpression: 'pk = :pk AND begins_with(sk, :events)',
          ExpressionAttributeValues: { ':pk': brakesKey(account).pk, ':events': 'event#' },
          ScanIndexForward: false,
          Limit: SHOWN_EVENTS,
        }),
      );
      return Items as BrakeEventRecord[];
    },
  };
}

export type ResumeDeps = Pick<ReturnType<typeof brakesIn>, 'readBrakes' | 'endPause'> & {
  /** Milliseconds since the epoch. */
  now: () => number;
  /** Tells the account's webhooks. */
  tellAccount: (account: string, event: BrakeEvent) => Promise<void>;
  readHours: (account: string, kind: Kind, from: string, to: string) => AsyncIterable<HourOfMail>;
  hold: (hold: Hold) => Promise<void>;
};

/**
 * Lets an account's bulk go on. What is held goes to its lanes within two minutes, and what made it stop does not stop it again.
 * `operator only`: who paused it must resume it.
 */
export async function resumeBulk(
  account: string,
  by: 'account' | 'operator',
  deps: ResumeDeps,
): Promise<'resumed' | 'not paused' | 'operator only'> {
  const { paused } = (await deps.readBrakes(account, true)) ?? {};
  if (!paused) return 'not paused';
  if (paused.cause === 'operator' && by !== 'operator') return 'operator only';
  const at = deps.now();
  const { first, last } = windowOf('complaints', at);
  const hours: HourOfMail[] = [];
  for await (const hour of deps.readHours(account, 'all', first, last)) hours.push(hour);
  // Before the word: whatever ends here, what is held is looked at again.
  for (const sweep of sweepsAfterResume(account, at)) await deps.hold(sweep);
  const resume = { at, by, seen: sumHours(hours) };
  if (!(await deps.endPause(account, paused, resume))) return 'not paused';
  await deps.tellAccount(account, resumedEvent(paused, resume));
  return 'resumed';
}

export function creditsIn(table: string, client: Table) {
  return {
    /**
     * Claims copies of a day's cap, or of credits: as many as wanted, or as are left, but `needed` at least. The answer also tells all that is claimed.
     * 0: not even those are left, and nothing is claimed. A claim whose answer was lost is lost to the day.
     * @param needed at most `cap`
     * @param expiresAt unix seconds; absent: it is kept
     */
    claimCredits: async (
      account: string,
      counter: string,
      { needed, wanted, cap, expiresAt }: { needed: number; wanted: number; cap: number; expiresAt?: number },
    ): Promise<{ granted: number; claimed: number }> => {
      let count = Math.min(wanted, cap);
      for (;;) {
        const claimed = await add(account, counter, count, cap, expiresAt);
        if (claimed.ok) return { granted: count, claimed: claimed.claimed };
        const left = cap - claimed.claimed;
        if (left < needed) return { granted: 0, claimed: claimed.claimed };
        // Less each time, so it ends.
        count = left;
      }
    },

    /** Remembers when a day's cap first kept a request out. */
    markReached: async (account: string, day: string, at: number): Promise<void> => {
      await client.send(
        new UpdateCommand({
          TableName: table,
          Key: creditsKey(account, day),
          UpdateExpression: 'SET reachedAt = if_not_exists(reachedAt, :at)',
          ExpressionAttributeValues: { ':at': at },
        }),
      );
    },

    /** By query, which manage may and a get it may not. */
    readCredits: async (account: string, counter: string): Promise<CreditsRecord | undefined> => {
      const { pk, sk } = creditsKey(account, counter);
      const { Items = [] } = await client.send(
        new QueryCommand({
          TableName: table,
          KeyConditionExpression: 'pk = :pk AND sk = :sk',
          ExpressionAttributeValues: { ':pk': pk, ':sk': sk },
          ConsistentRead: true,
        }),
      );
      return Items[0] as CreditsRecord | undefined;
    },
  };

  async function add(account: string, counter: string, count: number, cap: number, expiresAt: number | undefined) {
    try {
      const { Attributes } = await client.send(
        new UpdateCommand({
          TableName: table,
          Key: creditsKey(account, counter),
          UpdateExpression: `ADD claimed :count${expiresAt === undefined ? '' : ' SET expiresAt = :expiresAt'}`,
          ConditionExpression: 'attribute_not_exists(claimed) OR claimed <= :room',
          ExpressionAttributeValues: {
            ':count': count,
            ':room': cap - count,
            ...(expiresAt === undefined ? {} : { ':expiresAt': expiresAt }),
          },
          ReturnValues: 'UPDATED_NEW',
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        }),
      );
      return { ok: true as const, claimed: Number(Attributes?.claimed ?? count) };
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
      return { ok: false as const, claimed: Number(error.Item?.claimed?.N ?? 0) };
    }
  }
}
