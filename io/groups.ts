/**
 * Unsubscribe groups in the accounts table. Every change is one transaction under the version of the account's one `groups` item,
 * so that ids are given once, names are unique and one group at most is the default, however many write at once.
 */
import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { GetCommand, QueryCommand, TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import { type GroupRecord, type GroupsRecord, groupKey, groupsKey } from '../core/records/groups.ts';
import { GROUPS, type Group } from '../core/suppressions/group.ts';
import type { Table } from './aws.ts';
import { cached } from './cached.ts';

/** Writers at once: each costs the others one more try. */
const TRIES = 8;
/** Milliseconds for which a removed group may still be named in a mail. */
const GROUPS_LIFE = 60_000;

/** Why a group was not written. */
export type GroupRefusal = 'none' | 'name' | 'full' | 'id';

export function groupsIn(table: string, client: Table) {
  const readGroups = async (account: string): Promise<GroupsRecord> =>
    ((await client.send(new GetCommand({ TableName: table, Key: groupsKey(account), ConsistentRead: true })))
      .Item as GroupsRecord) ?? { ...groupsKey(account), ids: [], last: 0, version: 0 };

  const listGroups = async (account: string): Promise<GroupRecord[]> => {
    const found: GroupRecord[] = [];
    let from: Record<string, unknown> | undefined;
    do {
      const page = await client.send(
        new QueryCommand({
          TableName: table,
          KeyConditionExpression: 'pk = :account AND begins_with(sk, :prefix)',
          ExpressionAttributeValues: { ':account': account, ':prefix': 'group#' },
          ConsistentRead: true,
          ...(from && { ExclusiveStartKey: from }),
        }),
      );
      found.push(...((page.Items ?? []) as GroupRecord[]));
      from = page.LastEvaluatedKey;
    } while (from);
    return found.sort((a, b) => a.id - b.id);
  };

  /** Reads all, decides, and writes if no group has changed since. */
  const change = async <T>(
    account: string,
    decide: (all: GroupRecord[], groups: GroupsRecord) => { puts: GroupRecord[]; removed?: number; answer: T } | T,
  ): Promise<T> => {
    for (let tries = 1; ; tries++) {
      const groups = await readGroups(account);
      const decided = decide(await listGroups(account), groups);
      if (!isChange(decided)) return decided;
      const { puts, removed, answer } = decided;
      const ids = [...new Set([...groups.ids, ...puts.map(({ id }) => id)])].filter((id) => id !== removed);
      const last = Math.max(groups.last, ...puts.map(({ id }) => id));
      const unchanged =
        groups.version === 0
          ? { ConditionExpression: 'attribute_not_exists(pk)' }
          : { ConditionExpression: 'version = :version', ExpressionAttributeValues: { ':version': groups.version } };
      const Item: GroupsRecord = { ...groupsKey(account), ids, last, version: groups.version + 1 };
      try {
        await client.send(
          new TransactWriteCommand({
            TransactItems: [
              { Put: { TableName: table, Item, ...unchanged } },
              ...puts.map((group) => ({ Put: { TableName: table, Item: group } })),
              ...(removed === undefined ? [] : [{ Delete: { TableName: table, Key: groupKey(account, removed) } }]),
            ],
          }),
        );
        return answer;
      } catch (error) {
        if (!(error instanceof TransactionCanceledException) || tries === TRIES) throw error;
      }
    }
  };
  return {
    listGroups,
    readGroup: async (account: string, id: number): Promise<GroupRecord | undefined> =>
      (await client.send(new GetCommand({ TableName: table, Key: groupKey(account, id), ConsistentRead: true })))
        .Item as GroupRecord | undefined,

    /** @param id the one that it had elsewhere; refused where this account has given it, or a later one, before */
    createGroup: (account: string, group: Group, createdAt: number, id?: number) =>
      change<GroupRecord | GroupRefusal>(account, (all, { last }) => {
        if (all.length >= GROUPS) return 'full';
        if (isTaken(all, group.name)) return 'name';
        if (id !== undefined && id <= last) return 'id';
        const next = id ?? last + 1;
        const made: GroupRecord = { ...groupKey(account, next), id: next, ...group, createdAt };
        return { puts: [made, ...undefaulted(all, made)], answer: made };
      }),
    /** @param read what becomes of the group that is there */
    changeGroup: (account: string, id: number, read: (before: GroupRecord) => Group) =>
      change<GroupRecord | GroupRefusal>(account, (all) => {
        const before = all.find((one) => one.id === id);
        if (!before) return 'none';
        const changed = { ...before, ...read(before) };
        const others = all.filter((one) => one.id !== id);
        if (isTaken(others, changed.name)) return 'name';
        return { puts: [changed, ...undefaulted(others, changed)], answer: changed };
      }),
    /** False: there was none. Its id is never given again. */
    removeGroup: (account: string, id: number) =>
      change<boolean>(account, (all) =>
        all.some((one) => one.id === id) ? { puts: [], removed: id, answer: true } : false,
      ),
  };
}

/** The ids of an account's groups, for who takes its mail: kept for a minute, but read anew where an id is missing. */
export function groupIdsIn(table: string, client: Table, now: () => number) {
  const read = async (account: string): Promise<ReadonlySet<number>> => {
    const { Item } = await client.send(
      new GetCommand({ TableName: table, Key: groupsKey(account), ConsistentRead: true }),
    );
    return new Set((Item as GroupsRecord | undefined)?.ids);
  };
  const readCached = cached(read, GROUPS_LIFE, now);
  return async (account: string, wanted?: readonly number[]): Promise<ReadonlySet<number>> => {
    if (!wanted) return read(account);
    const known = await readCached(account);
    return wanted.every((id) => known.has(id)) ? known : read(account);
  };
}

function isTaken(groups: readonly GroupRecord[], name: string): boolean {
  return groups.some((one) => one.name.toLowerCase() === name.toLowerCase());
}

/** The default that gives way to another. */
function undefaulted(others: readonly GroupRecord[], { isDefault }: Group): GroupRecord[] {
  return isDefault ? others.filter((one) => one.isDefault).map((one) => ({ ...one, isDefault: false })) : [];
}

function isChange<T>(decided: unknown): decided is { puts: GroupRecord[]; removed?: number; answer: T } {
  return typeof decided === 'object' && decided !== null && 'puts' in decided;
}
