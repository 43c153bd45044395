/**
 * Subusers in the accounts table. What the parent knows of one and what its own keys depend on are written in one transaction, under the
 * version that was read, so that they never say two things.
 */
import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { DeleteCommand, GetCommand, QueryCommand, TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import { OPERATOR } from '../core/records/accounts.ts';
import { type ProfileRecord, profileKey } from '../core/records/profile.ts';
import { type AccountRecord, accountKey, type SubuserRecord, subuserKey, userIdOf } from '../core/records/subusers.ts';
import type { Table } from './aws.ts';
import { hostsIn } from './hosts.ts';
import { queryAll } from './query-all.ts';

/** Characters (core/subusers/setting.ts). */
const LONGEST_NAME = 64;

/** What stays of a subuser: that it is gone, and whose it was. Who was behind it is nobody's business any more. */
const GONE = { username: '', email: '', disabled: true, deleted: true } satisfies Partial<AccountRecord>;

/** What a change may say. */
export type SubuserChange = Partial<
  Pick<SubuserRecord, 'username' | 'email' | 'disabled' | 'websiteDisabled' | 'ips' | 'lanes' | 'credits' | 'monitor'>
>;

export function subusersIn(table: string, client: Table) {
  const get = async <T>(Key: { pk: string; sk: string }): Promise<T | undefined> =>
    (await client.send(new GetCommand({ TableName: table, Key, ConsistentRead: true }))).Item as T | undefined;
  const { giveUpHost } = hostsIn(table, client);
  const readAccount = (account: string) => get<AccountRecord>(accountKey(account));
  /** What is longer than any name is nobody's. */
  const readSubuser = async (parent: string, username: string) =>
    username.length > LONGEST_NAME ? undefined : get<SubuserRecord>(subuserKey(parent, username));

  /** Both items; under another name the one of before goes. False: they are not as they were read, or there are some already. */
  const write = async (record: SubuserRecord, before: SubuserRecord | undefined): Promise<boolean> => {
    const { monitor: given, ...known } = record;
    const { pk: parent, account, username, email, disabled, ips, lanes, credits } = known;
    const monitor = given ? { monitor: given } : {};
    const own: AccountRecord = {
      ...accountKey(account),
      ...{ parent, username, email, disabled, ips, lanes, credits },
      ...monitor,
    };
    const isFree = { ConditionExpression: 'attribute_not_exists(pk)' };
    const unchanged = before
      ? { ConditionExpression: 'version = :version', ExpressionAttributeValues: { ':version': before.version } }
      : isFree;
    const renamed = before !== undefined && before.sk !== record.sk;
    const { pk, sk } = before ?? record;
    try {
      await client.send(
        new TransactWriteCommand({
          TransactItems: [
            ...(renamed ? [{ Delete: { TableName: table, Key: { pk, sk }, ...unchanged } }] : []),
            { Put: { TableName: table, Item: { ...known, ...monitor }, ...(renamed ? isFree : unchanged) } },
            { Put: { TableName: table, Item: own, ...(before ? {} : isFree) } },
          ],
        }),
      );
      return true;
    } catch (error) {
      if (before ? isLate(error) : isRefused(error)) return false;
      throw error;
    }
  };

  return {
    readAccount,
    readSubuser,

    /** By name. */
    listSubusers: async (parent: string): Promise<SubuserRecord[]> => {
      const found: SubuserRecord[] = [];
      let from: Record<string, unknown> | undefined;
      do {
        const page = await client.send(
          new QueryCommand({
            TableName: table,
            KeyConditionExpression: 'pk = :parent AND begins_with(sk, :prefix)',
            ExpressionAttributeValues: { ':parent': parent, ':prefix': 'subuser#' },
            ConsistentRead: true,
            ...(from && { ExclusiveStartKey: from }),
          }),
        );
        found.push(...((page.Items ?? []) as SubuserRecord[]));
        from = page.LastEvaluatedKey;
      } while (from);
      return found;
    },

    /** False: the parent has one of that name. */
    addSubuser: (record: SubuserRecord): Promise<boolean> => write(record, undefined),

    /** False: somebody has changed it since it was read, or its parent has another one of its new name. */
    changeSubuser: (before: SubuserRecord, change: SubuserChange): Promise<boolean> => {
      const after = { ...before, ...change, version: before.version + 1 };
      return write({ ...after, ...subuserKey(before.pk, after.username) }, before);
    },

    /**
     * Takes a subuser away: its keys are refused from now on, for good, and no list has it. False: it is not as it was read. What it owns is
     * taken away by `forgetAccount`.
     */
    removeSubuser: async ({ pk, sk, account, version }: SubuserRecord): Promise<boolean> => {
      const { monitor: _, ...own } = (await readAccount(account)) ?? {};
      try {
        await client.send(
          new TransactWriteCommand({
            TransactItems: [
              {
                Delete: {
                  TableName: table,
                  Key: { pk, sk },
                  ConditionExpression: 'version = :version',
                  ExpressionAttributeValues: { ':version': version },
                },
              },
              { Put: { TableName: table, Item: { ...own, ...accountKey(account), ...GONE } } },
            ],
          }),
        );
        return true;
      } catch (error) {
        if (isLate(error)) return false;
        throw error;
      }
    },

    /**
     * Everything that an account has in this table: keys, settings, domains and their host names. Only the word that it is gone stays. Ends by
     * itself, and may be called again where it did not.
     */
    forgetAccount: async (account: string): Promise<void> => {
      const owned = await queryAll<{ pk: string; sk: string; hostname?: string; returnPath?: string }>(
        client,
        table,
        'pk = :account',
        { ':account': account },
      );
      for (const { pk, sk, hostname, returnPath } of owned) {
        if (sk === accountKey(account).sk) continue;
        const host = sk.startsWith('parse#') ? hostname : returnPath;
        if (host !== undefined) await giveUpHost(host, account);
        await client.send(new DeleteCommand({ TableName: table, Key: { pk, sk } }));
      }
    },

    /** A subuser of an account by its name, as other parts of the API name it. */
    findSubuser: async (parent: string, username: string) => {
      const found = await readSubuser(parent, username);
      return found && { account: found.account, username: found.username, userId: userIdOf(found.account) };
    },

    /** Where an account itself is reached; undefined: it has not said. */
    readContact: async (account: string): Promise<string | undefined> => {
      const own = account === OPERATOR ? undefined : await readAccount(account);
      return (own ?? (await get<ProfileRecord>(profileKey(account))))?.email;
    },

    /** An account as others are told of it. */
    readUser: async (account: string): Promise<{ username: string; userId: number }> => {
      // Who has no parent costs one read, not two.
      const own = account === OPERATOR ? undefined : await readAccount(account);
      const { username = account } = own ?? (await get<ProfileRecord>(profileKey(account))) ?? {};
      return { username, userId: userIdOf(account) };
    },
  };
}

/** Its condition does not hold. */
const isRefused = (error: unknown): boolean => isCanceled(error, 'ConditionalCheckFailed');
/** Or somebody else is writing one of its items at this moment: so it will not be as it was read. */
const isLate = (error: unknown): boolean => isRefused(error) || isCanceled(error, 'TransactionConflict');

const isCanceled = (error: unknown, why: string): boolean =>
  error instanceof TransactionCanceledException && (error.CancellationReasons ?? []).some(({ Code }) => Code === why);
