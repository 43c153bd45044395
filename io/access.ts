/**
 * IP access lists (accounts table), and notes of who showed a key of an account that has one (messages table). A list is read with the key
 * by everybody who asks for keys, and kept as long: a change is known everywhere within a minute.
 */
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
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
import { queryAll } from './query-all.ts';

export function accessIn(table: string, client: Table) {
  return {
    /** As it is now. */
    readAccess: async (account: string): Promise<AccessRecord | undefined> =>
      (await client.send(new GetCommand({ TableName: table, Key: accessKey(account), ConsistentRead: true }))).Item as
        | AccessRecord
        | undefined,

    /** False: somebody has changed it since it was read. */
    writeAccess: async (before: AccessRecord | undefined, after: AccessRecord): Promise<boolean> => {
      try {
        await client.send(
          new PutCommand({
            TableName: table,
            Item: after,
            ...(before
              ? { ConditionExpression: 'version = :version', ExpressionAttributeValues: { ':version': before.version } }
              : { ConditionExpression: 'attribute_not_exists(pk)' }),
          }),
        );
        return true;
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) return false;
        throw error;
      }
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
      const day = new Date(at).toISOString().slice(0, 10);
      try {
        await client.send(
          new UpdateCommand({
            TableName: table,
            Key: notesKey(account, day, allowed),
            UpdateExpression: 'ADD claimed :count SET expiresAt = :expiresAt',
            ConditionExpression: 'attribute_not_exists(claimed) OR claimed <= :room',
            ExpressionAttributeValues: { ':count': count, ':room': most - count, ':expiresAt': expiryOf(at) },
          }),
        );
        return true;
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) return false;
        throw error;
      }
    },

    /** @param at milliseconds since the epoch */
    writeAttempt: async (account: string, attempt: Attempt, at: number): Promise<void> => {
      await client.send(
        new UpdateCommand({
          TableName: table,
          Key: attemptKey(account, attempt),
          UpdateExpression:
            'SET #ip = :ip, #method = :method, #allowed = :allowed, lastAt = :at, firstAt = if_not_exists(firstAt, :at), expiresAt = :expiresAt',
          ExpressionAttributeNames: { '#ip': 'ip', '#method': 'method', '#allowed': 'allowed' },
          ExpressionAttributeValues: {
            ':ip': attempt.ip,
            ':method': attempt.method,
            ':allowed': attempt.allowed,
            ':at': at,
            ':expiresAt': expiryOf(at),
          },
        }),
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

const expiryOf = (at: number) => Math.floor(at / 1_000) + ATTEMPT_DAYS * DAY_SECONDS;
