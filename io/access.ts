/**
 * IP access lists (accounts table), and notes of who showed a key of an account that has one (messages table). A list is read with the key
 * by everybody who asks for keys, and kept as long: a change is known everywhere within a minute.
 */
import { GetCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { DAY_SECONDS } from '../core/limits.ts';
import {
  type AccessRecord,
  ATTEMPT_DAYS,
  ATTEMPTS_PREFIX,
  type Attempt,
  type AttemptRecord,
  accessKey,
  attemptKey,
  attemptsKey,
  notesKey,
} from '../core/records/access.ts';
import type { Table } from './aws.ts';
import { cached } from './cached.ts';
import { queryAll } from './query-all.ts';
import { isWritten } from './written.ts';

export function accessIn(table: string, client: Table) {
  return {
    /** As it is now. */
    readAccess: async (account: string): Promise<AccessRecord | undefined> =>
      (await client.send(new GetCommand({ TableName: table, Key: accessKey(account), ConsistentRead: true }))).Item as
        | AccessRecord
        | undefined,

    /** False: somebody has changed it since it was read. */
    writeAccess: async (before: AccessRecord | undefined, after: AccessRecord): Promise<boolean> => {
      return isWritten(
        client.send(
          new PutCommand({
            TableName: table,
            Item: after,
            ...(before
              ? { ConditionExpression: 'version = :version', ExpressionAttributeValues: { ':version': before.version } }
              : { ConditionExpression: 'attribute_not_exists(pk)' }),
          }),
        ),
      );
    },
  };
}

/** What a door writes of attempts. */
export function attemptNotesIn(table: string, client: Table) {
  return {
    /**
     * Claims `count` notes of a UTC day. False: its `most` are claimed, and nothing is written.
     * @param at milliseconds since the epoch
     */
    claimNotes: async (
      account: string,
      allowed: boolean,
      at: number,
      { count, most }: { count: number; most: number },
    ): Promise<boolean> => {
      return isWritten(
        client.send(
          new UpdateCommand({
            TableName: table,
            Key: notesKey(account, dayOf(at), allowed),
            UpdateExpression: 'ADD claimed :count SET expiresAt = :expiresAt',
            ConditionExpression: 'attribute_not_exists(claimed) OR claimed <= :room',
            ExpressionAttributeValues: { ':count': count, ':room': most - count, ':expiresAt': expiryOf(at) },
          }),
        ),
      );
    },

    /** @param at milliseconds since the epoch */
    writeAttempt: async (account: string, attempt: Attempt, at: number): Promise<void> => {
      await client.send(
        new UpdateCommand({
          TableName: table,
          Key: attemptKey(account, attempt),
          UpdateExpression:
            'SET #ip = :ip, #method = :method, #allowed = :allowed, #day = :day, lastAt = :at, firstAt = if_not_exists(firstAt, :at), expiresAt = :expiresAt',
          ExpressionAttributeNames: { '#ip': 'ip', '#method': 'method', '#allowed': 'allowed', '#day': 'day' },
          ExpressionAttributeValues: {
            ':ip': attempt.ip,
            ':method': attempt.method,
            ':allowed': attempt.allowed,
            ':day': dayOf(at),
            ':at': at,
            ':expiresAt': expiryOf(at),
          },
        }),
      );
    },

    /** The time of a note of that UTC day. False: there is none, and nothing is written. @param at milliseconds since the epoch */
    renewAttempt: async (account: string, attempt: Attempt, at: number): Promise<boolean> => {
      return isWritten(
        client.send(
          new UpdateCommand({
            TableName: table,
            Key: attemptKey(account, attempt),
            UpdateExpression: 'SET lastAt = :at, expiresAt = :expiresAt',
            ConditionExpression: '#day = :day',
            ExpressionAttributeNames: { '#day': 'day' },
            ExpressionAttributeValues: { ':day': dayOf(at), ':at': at, ':expiresAt': expiryOf(at) },
          }),
        ),
      );
    },
  };
}

export function attemptsIn(table: string, client: Table) {
  return {
    /** Of the last days, the latest first. @param now milliseconds since the epoch */
    listAttempts: async (account: string, now: number): Promise<AttemptRecord[]> => {
      const of = { ':account': attemptsKey(account), ':prefix': ATTEMPTS_PREFIX };
      const found = await queryAll<AttemptRecord>(client, table, 'pk = :account AND begins_with(sk, :prefix)', of);
      // What TTL has not taken yet is gone all the same.
      const kept = found.filter(({ expiresAt }) => expiresAt * 1_000 > now);
      return kept.sort((a, b) => b.lastAt - a.lastAt || (a.sk < b.sk ? -1 : 1));
    },
  };
}

/** Milliseconds for which a list of attempts may be the one of before: thousands of them are read to find the latest. */
const ATTEMPTS_LIFE = 5_000;
/** Accounts whose lists are kept, and of each the latest. */
const LISTS = 20;

/** The latest attempts, for those who ask again and again. @param now milliseconds since the epoch */
export function cachedAttemptsIn(table: string, client: Table, now: () => number, most: number) {
  const { listAttempts } = attemptsIn(table, client);
  const latest = async (account: string) => (await listAttempts(account, now())).slice(0, most);
  return { listAttempts: cached(latest, ATTEMPTS_LIFE, now, LISTS) };
}

const dayOf = (at: number) => new Date(at).toISOString().slice(0, 10);
const expiryOf = (at: number) => Math.floor(at / 1_000) + ATTEMPT_DAYS * DAY_SECONDS;
