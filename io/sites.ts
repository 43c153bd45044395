/**
 * The sites table: what each lane may do at each site, the leases of limits of one, and the warm-up of source IPs.
 * Nothing here is trusted for longer than it says: an item past its time is absent, whether or not TTL has removed it.
 *
 * Every write is conditional. One that another's came before is read again and tried again, or refused; a write that was
 * not answered, or refused for another reason, throws: it is never taken for done.
 */
import { randomUUID } from 'node:crypto';
import {
  DeleteCommand,
  type DeleteCommandInput,
  GetCommand,
  PutCommand,
  type PutCommandInput,
  QueryCommand,
  UpdateCommand,
  type UpdateCommandInput,
} from '@aws-sdk/lib-dynamodb';
import { DAY_SECONDS } from '../core/limits.ts';
import {
  type AllowanceRecord,
  allowanceKey,
  allowancesKey,
  type LeaseRecord,
  leaseKey,
  type WarmUpRecord,
  type WarmUpStateRecord,
  warmUpKey,
  warmUpStateKey,
} from '../core/records/sites.ts';
import type { Allowance } from '../core/shaping/allowance.ts';
import { hourOf, isHeldBack } from '../core/warm-up.ts';
import type { Table } from './aws.ts';
import { isWritten } from './written.ts';

/** Tries to change an allowance that the other environment changes too. */
const TRIES = 5;
/**
 * Milliseconds by which two clocks may differ for a lease to hold: each may be ten minutes off. It is added where a lease is
 * taken from another, so a lease that nobody ended is free this much after its time.
 */
export const CLOCK_SKEW = 20 * 60_000;

export type WarmUpState = { heldDays: number; heldAt?: number };
/** A warm-up: of which lane, and begun when (milliseconds since the epoch). */
export type WarmUpOf = { lane: string; startedAt: number };

/** @param now milliseconds since the epoch */
export function sitesIn(table: string, client: Pick<Table, 'send'>, now: () => number) {
  return {
    /** All allowances of a lane that differ from their provider's limits: one query, eventually consistent. */
    readAllowances: async (lane: string): Promise<Map<string, Allowance>> => {
      const allowances = new Map<string, Allowance>();
      let from: Record<string, unknown> | undefined;
      do {
        const page = await client.send(
          new QueryCommand({
            TableName: table,
            KeyConditionExpression: 'pk = :lane',
            ExpressionAttributeValues: { ':lane': allowancesKey(lane) },
            ...(from ? { ExclusiveStartKey: from } : {}),
          }),
        );
        for (const item of (page.Items ?? []) as AllowanceRecord[])
          if (!isPast(item)) allowances.set(item.scope ?? item.sk, allowanceOf(item));
        from = page.LastEvaluatedKey;
      } while (from);
      return allowances;
    },

    /**
     * Reads an allowance (strongly), changes it, and writes it unless it was changed meanwhile; then it reads again.
     * @param change undefined or the same object: nothing is written. It may be called up to five times.
     * @returns what is in the table then; undefined: nothing
     * @throws Error when others were quicker five times
     */
    changeAllowance: async (
      lane: string,
      scope: string,
      change: (known: Allowance | undefined) => Allowance | 'remove' | undefined,
    ): Promise<Allowance | undefined> => {
      const key = allowanceKey(lane, scope);
      let written: string | undefined;
      for (let tries = 0; tries < TRIES; tries++) {
        const item = await read<AllowanceRecord>(key);
        // Our own write, whose answer was lost: the client's second try of it failed on its first.
        if (item && item.version === written) return allowanceOf(item);
        const known = item && !isPast(item) ? allowanceOf(item) : undefined;
        const next = change(known);
        if (next === undefined || next === known || (next === 'remove' && !known)) return known;
        const condition = item
          ? {
              // One past its time may be removed at any moment, and its absence means the same.
              ConditionExpression: known ? 'version = :read' : 'attribute_not_exists(pk) OR version = :read',
              ExpressionAttributeValues: { ':read': item.version },
            }
          : { ConditionExpression: 'attribute_not_exists(pk)' };
        if (next === 'remove') {
          if (await remove({ TableName: table, Key: key, ...condition })) return undefined;
          continue;
        }
        written = randomUUID();
        const record: AllowanceRecord = {
          ...next,
          ...key,
          ...(key.sk === scope ? {} : { scope }),
          version: written,
          expiresAt: expiryOf(next, now()),
        };
        if (await put({ TableName: table, Item: record, ...condition })) return next;
      }
      throw new Error(`the allowance of ${lane} at ${scope} was changed by others ${TRIES} times in a row`);
    },

    /**
     * Takes a lease until a time (milliseconds since the epoch), or takes it for longer. False: another has it.
     *
     * ```
     * taken by A ──────────── until, by A's clock ── + CLOCK_SKEW, by B's ──▶
     * A may use it            A must not             B may take it
     * ```
     * @param fence names whoever takes it: one for the life of an environment, never used again
     */
    takeLease: async (lane: string, scope: string, fence: string, until: number, at: number): Promise<boolean> => {
      const expiresAt = Math.ceil((until + CLOCK_SKEW) / 1_000) + DAY_SECONDS;
      const record: LeaseRecord = { ...leaseKey(lane, scope), fence, until, expiresAt };
      return put({
        TableName: table,
        Item: record,
        ConditionExpression: 'attribute_not_exists(pk) OR fence = :fence OR #until <= :past',
        ExpressionAttributeNames: { '#until': 'until' },
        ExpressionAttributeValues: { ':fence': fence, ':past': at - CLOCK_SKEW },
      });
    },

    /** Ends a lease. An old fence changes nothing: the lease is another's by now. */
    endLease: async (lane: string, scope: string, fence: string): Promise<void> => {
      await remove({
        TableName: table,
        Key: leaseKey(lane, scope),
        ConditionExpression: 'fence = :fence',
        ExpressionAttributeValues: { ':fence': fence },
      });
    },

    /**
     * Claims sends of an hour's budget (`YYYY-MM-DDTHH`, UTC): as many as wanted, or as are left. 0: it is spent. What was claimed
     * and not sent is lost, as is a claim whose answer was lost: the budget is never exceeded.
     */
    claimWarmUp: async (lane: string, hour: string, budget: number, block: number): Promise<number> => {
      const claimed = await update<WarmUpRecord>({
        TableName: table,
        Key: warmUpKey(lane, hour),
        UpdateExpression: 'ADD claimed :block SET expiresAt = :expiry',
        ConditionExpression: 'attribute_not_exists(claimed) OR claimed < :budget',
        ExpressionAttributeValues: { ':block': block, ':budget': budget, ':expiry': hourExpiry(hour) },
        ReturnValues: 'UPDATED_NEW',
      });
      if (!claimed) return 0;
      return Math.max(0, Math.min(block, budget - ((claimed.claimed ?? block) - block)));
    },

    /** Adds to the answers of this hour. True: they are so bad that the schedule was set back by a day, now. */
    countWarmUp: async (
      { lane, startedAt }: WarmUpOf,
      { good, bad }: { good: number; bad: number },
      at: number,
    ): Promise<boolean> => {
      const hour = hourOf(at);
      const counts = await update<WarmUpRecord>({
        TableName: table,
        Key: warmUpKey(lane, hour),
        UpdateExpression: 'ADD good :good, bad :bad SET expiresAt = :expiry',
        ExpressionAttributeValues: { ':good': good, ':bad': bad, ':expiry': hourExpiry(hour) },
        ReturnValues: 'UPDATED_NEW',
      });
      if (!isHeldBack({ good: counts?.good ?? 0, bad: counts?.bad ?? 0 }, undefined, at)) return false;
      const state = await update<WarmUpStateRecord>({
        TableName: table,
        Key: warmUpStateKey(lane, startedAt),
        UpdateExpression: 'SET heldDays = if_not_exists(heldDays, :none) + :one, heldAt = :at',
        ConditionExpression: 'attribute_not_exists(heldAt) OR heldAt <= :yesterday',
        ExpressionAttributeValues: { ':none': 0, ':one': 1, ':at': at, ':yesterday': at - DAY_SECONDS * 1_000 },
        ReturnValues: 'UPDATED_NEW',
      });
      return state !== undefined;
    },

    /** How often a lane's warm-up was set back, and when last. Strongly consistent. */
    readWarmUp: async ({ lane, startedAt }: WarmUpOf): Promise<WarmUpState> => {
      const { heldDays = 0, heldAt } = (await read<WarmUpStateRecord>(warmUpStateKey(lane, startedAt))) ?? {};
      return { heldDays, ...(heldAt === undefined ? {} : { heldAt }) };
    },

    /** What was claimed of an hour's budget. Strongly consistent. */
    readWarmUpHour: async (lane: string, hour: string): Promise<number> =>
      (await read<WarmUpRecord>(warmUpKey(lane, hour)))?.claimed ?? 0,
  };

  function isPast({ expiresAt }: { expiresAt: number }): boolean {
    return expiresAt * 1_000 <= now();
  }

  async function read<T>(Key: { pk: string; sk: string }): Promise<T | undefined> {
    const { Item } = await client.send(new GetCommand({ TableName: table, Key, ConsistentRead: true }));
    return Item as T | undefined;
  }
  function put(input: PutCommandInput): Promise<boolean> {
    return isWritten(client.send(new PutCommand(input)));
  }
  function remove(input: DeleteCommandInput): Promise<boolean> {
    return isWritten(client.send(new DeleteCommand(input)));
  }
  /** The attributes after it; undefined: its condition does not hold. */
  async function update<T>(input: UpdateCommandInput): Promise<T | undefined> {
    let after: T | undefined;
    const write = client.send(new UpdateCommand(input)).then(({ Attributes }) => {
      after = Attributes as T;
    });
    await isWritten(write);
    return after;
  }
}

function allowanceOf({
  pk: _,
  sk: __,
  scope: ___,
  version: ____,
  expiresAt: _____,
  ...allowance
}: AllowanceRecord): Allowance {
  return allowance;
}

/** A day after all that it says is over, unix seconds: a limit that no mail has asked for since is learnt again. */
function expiryOf({ pausedUntil = 0, heldUntil = 0, nextFree = 0 }: Allowance, at: number): number {
  return Math.ceil(Math.max(at, pausedUntil, heldUntil, nextFree) / 1_000) + DAY_SECONDS;
}

/** Two days, unix seconds: no other hour reads it. */
function hourExpiry(hour: string): number {
  return Date.parse(`${hour}:00:00.000Z`) / 1_000 + 2 * DAY_SECONDS;
}
