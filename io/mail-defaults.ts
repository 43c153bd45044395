/** What an account has added to its mail, and where it has what comes back sent on to. In the accounts table. */
import { GetCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { IDEMPOTENCY_HOURS } from '../core/limits.ts';
import { type ForwardRecord, forwardKey } from '../core/records/inbound.ts';
import {
  type FormerMailDefaultsRecord,
  formerMailDefaultsKey,
  type MailDefault,
  type MailDefaultsRecord,
  mailDefaultsKey,
} from '../core/records/mail-defaults.ts';
import type { Table } from './aws.ts';
import { isWritten } from './written.ts';

export type ForwardKind = 'forward_bounce' | 'forward_spam';

/** Changes at once: each costs the others one more try. */
const TRIES = 10;
/** Seconds: accept knows a change within a minute, and what it has taken may be taken over for a day. */
const FORMER_LIFE = (IDEMPOTENCY_HOURS + 1) * 3_600;

/** @param now milliseconds since the epoch */
export function mailDefaultsIn(table: string, client: Table, now: () => number) {
  const get = async <T>(Key: { pk: string; sk: string }, ConsistentRead = false): Promise<T | undefined> =>
    (await client.send(new GetCommand({ TableName: table, Key, ConsistentRead }))).Item as T | undefined;

  /** False: somebody else has changed them meanwhile. */
  const change = async <K extends MailDefault>(
    account: string,
    which: K,
    value: NonNullable<MailDefaultsRecord[K]>,
  ): Promise<boolean> => {
    const before = await get<MailDefaultsRecord>(mailDefaultsKey(account), true);
    const { version = 0 } = before ?? {};
    // A version never changes, so this is the same whoever writes it.
    const former: FormerMailDefaultsRecord = {
      ...before,
      ...formerMailDefaultsKey(account, version),
      expiresAt: Math.floor(now() / 1_000) + FORMER_LIFE,
    };
    await client.send(new PutCommand({ TableName: table, Item: former }));
    return isWritten(
      client.send(
        new UpdateCommand({
          TableName: table,
          Key: mailDefaultsKey(account),
          UpdateExpression: 'SET #which = :value, version = :next',
          ConditionExpression: before?.version === undefined ? 'attribute_not_exists(version)' : 'version = :before',
          ExpressionAttributeNames: { '#which': which },
          ExpressionAttributeValues: {
            ':value': value,
            ':next': version + 1,
            ...(before?.version !== undefined && { ':before': before.version }),
          },
        }),
      ),
    );
  };

  return {
    readMailDefaults: (account: string) => get<MailDefaultsRecord>(mailDefaultsKey(account)),
    /** As they were in a version that is none of now; undefined: longer ago than a day. */
    readFormerMailDefaults: (account: string, version: number) =>
      get<FormerMailDefaultsRecord>(formerMailDefaultsKey(account, version), true),
    /** The one setting, and nothing of the others. How all were before is kept for a day. */
    writeMailDefault: async <K extends MailDefault>(
      account: string,
      which: K,
      value: NonNullable<MailDefaultsRecord[K]>,
    ): Promise<void> => {
      for (let tries = 1; tries <= TRIES; tries++) if (await change(account, which, value)) return;
      throw new Error(`the mail settings of ${account} change all the time`);
    },
    readForwardNow: (account: string, which: ForwardKind) => get<ForwardRecord>(forwardKey(account, which)),
    writeForward: async (record: ForwardRecord): Promise<void> => {
      await client.send(new PutCommand({ TableName: table, Item: record }));
    },
  };
}
