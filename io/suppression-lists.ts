/**
 * Whole lists of the suppressions table: read from the oldest entry on, a megabyte at a time, and changed many addresses at a
 * time. Like single changes these are transactions of an address with its places in lists: whatever breaks, breaks between
 * addresses, and the same again ends what was begun.
 */
import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { QueryCommand, TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import { type ListedRecord, type ListName, listKey, type SuppressionRecord } from '../core/records/suppressions.ts';
import { addToList, entryOf, removeFromList, type Suppressing, type SuppressionChange } from '../core/suppression.ts';
import type { Table } from './aws.ts';
import { suppressionsIn, writesOf } from './suppressions.ts';

/** Addresses of one transaction: three items each at most, of the hundred that DynamoDB takes. */
const TOGETHER = 33;
/** Transactions under way at once. */
const AT_ONCE = 8;
/** Items that are looked at for the size of a list, in one call. */
const COUNTED = 10_000;

/** Unix seconds, both ends included. */
export type Range = { since: number; until: number };
/** What an address's item becomes; undefined: it stays. */
type Decide<T> = (before: SuppressionRecord | undefined, one: T) => SuppressionChange | undefined;

export function suppressionListsIn(table: string, client: Table) {
  const single = suppressionsIn(table, client);
  const between = ({ since, until }: Range) => ({
    ':since': String(since).padStart(11, '0'),
    // Behind every address of that second.
    ':until': `${String(until).padStart(11, '0')}#\u{10ffff}`,
  });
  const ask = (account: string, list: ListName, range: Range, from: Record<string, unknown> | undefined, more = {}) =>
    client.send(
      new QueryCommand({
        TableName: table,
        KeyConditionExpression: 'pk = :list AND sk BETWEEN :since AND :until',
        ExpressionAttributeValues: { ':list': listKey(account, list), ...between(range) },
        ...(from && { ExclusiveStartKey: from }),
        ...more,
      }),
    );

  /** @param skip entries that are passed over first: counted by the table, not sent here */
  async function* readList(
    account: string,
    list: ListName,
    range: Range,
    { skip = 0, page }: { skip?: number; page?: number } = {},
  ): AsyncGenerator<ListedRecord[]> {
    let from: Record<string, unknown> | undefined;
    for (let left = skip; left > 0; ) {
      const { Count = 0, LastEvaluatedKey } = await ask(account, list, range, from, { Select: 'COUNT', Limit: left });
      left -= Count;
      from = LastEvaluatedKey;
      if (!from) return;
    }
    do {
      const answer = await ask(account, list, range, from, page === undefined ? {} : { Limit: page });
      yield (answer.Items ?? []) as ListedRecord[];
      from = answer.LastEvaluatedKey;
    } while (from);
  }

  /** @param most entries after which it gives up. @returns undefined: there are more */
  const countList = async (account: string, list: ListName, range: Range, most = Number.POSITIVE_INFINITY) => {
    let count = 0;
    let from: Record<string, unknown> | undefined;
    do {
      const answer = await ask(account, list, range, from, { Select: 'COUNT', Limit: COUNTED });
      count += answer.Count ?? 0;
      from = answer.LastEvaluatedKey;
      if (count > most) return undefined;
    } while (from);
    return count;
  };

  /** Changes some addresses of an account in one transaction, or one by one when somebody else writes them at this moment. */
  const changeSome = async <T extends { address: string }>(
    account: string,
    some: readonly T[],
    decide: Decide<T>,
    changeOne: (one: T) => Promise<boolean>,
  ): Promise<number> => {
    const records = await single.readSuppressions(
      account,
      some.map(({ address }) => address),
    );
    const decided = some.flatMap((one) => {
      const before = records.get(one.address.toLowerCase());
      const change = decide(before, one);
      return change ? [{ one, before, change }] : [];
    });
    if (decided.length === 0) return 0;
    const TransactItems = decided.flatMap(({ before, change }) => writesOf(table, before, change));
    try {
      await client.send(new TransactWriteCommand({ TransactItems }));
      return decided.length;
    } catch (error) {
      if (!(error instanceof TransactionCanceledException)) throw error;
    }
    let changed = 0;
    for (const { one } of decided) if (await changeOne(one)) changed++;
    return changed;
  };
  const changeMany = async <T extends { address: string }>(
    account: string,
    all: readonly T[],
    decide: Decide<T>,
    changeOne: (one: T) => Promise<boolean>,
  ): Promise<number> => {
    // A transaction names an item once: of an address that is there twice, the first counts.
    const unique = [...new Map(all.map((one) => [one.address.toLowerCase(), one]).reverse() as [string, T][]).values()];
    const parts = Array.from({ length: Math.ceil(unique.length / TOGETHER) }, (_, n) =>
      unique.slice(n * TOGETHER, (n + 1) * TOGETHER),
    );
    let changed = 0;
    const work = async () => {
      for (let part = parts.shift(); part; part = parts.shift()) {
        const some = await changeSome(account, part, decide, changeOne);
        changed += some;
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    return changed;
  };
  const addMany = (account: string, list: ListName, entries: readonly Pick<Suppressing, 'address' | 'entry'>[]) =>
    changeMany(
      account,
      entries,
      // Who is on the list already stays as he is: the same file again changes nothing.
      (before, one) => (entryOf(before, list) ? undefined : addToList(before, { account, list, ...one })),
      (one) => single.suppress({ account, list, ...one }),
    );
  const removeMany = (account: string, list: ListName, addresses: readonly string[]) =>
    changeMany(
      account,
      addresses.map((address) => ({ address })),
      (before, { address }) => removeFromList(before, { account, list, address }),
      ({ address }) => single.unsuppress({ account, list, address }),
    );
  return {
    readList,
    countList,
    /** Puts addresses on a list. @returns how many were not on it */
    addMany,
    /** Takes addresses off a list. @returns how many were on it */
    removeMany,
    /** Empties a range of a list, as long as it may. @returns whether it is empty now */
    clearList: async (account: string, list: ListName, range: Range, mayGoOn: () => boolean): Promise<boolean> => {
      for await (const page of readList(account, list, range, { page: TOGETHER * AT_ONCE * 4 })) {
        if (!mayGoOn()) return false;
        await removeMany(
          account,
          list,
          page.map(({ email }) => email),
        );
      }
      return true;
    },
  };
}
