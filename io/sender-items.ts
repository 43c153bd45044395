/** Link hosts, names of addresses and what a parent lends of them: items of the accounts table, each written whole. */
import { DeleteCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { hostKey } from '../core/records/domains.ts';
import { type BorrowedLinkRecord, borrowedLinkKey, type ReverseDnsRecord } from '../core/records/senders.ts';
import { type LinkRecord, linkDefaultKey } from '../core/records/tracking.ts';
import type { Table } from './aws.ts';
import { hostsIn } from './hosts.ts';
import { queryAll } from './query-all.ts';
import { isWritten } from './written.ts';

type Key = { pk: string; sk: string };

export function senderItemsIn(table: string, client: Table) {
  const put = async (Item: Key, ConditionExpression: string): Promise<boolean> => {
    return isWritten(client.send(new PutCommand({ TableName: table, Item, ConditionExpression })));
  };
  const remove = async ({ pk, sk }: Key): Promise<boolean> => {
    const Key = { pk, sk };
    const { Attributes } = await client.send(new DeleteCommand({ TableName: table, Key, ReturnValues: 'ALL_OLD' }));
    return Attributes !== undefined;
  };
  const items = <T>(account: string, prefix: string) =>
    queryAll<T>(client, table, 'pk = :account AND begins_with(sk, :prefix)', {
      ':account': account,
      ':prefix': prefix,
    });
  const hosts = hostsIn(table, client);
  return {
    listLinks: async (account: string): Promise<LinkRecord[]> =>
      (await items<LinkRecord>(account, 'link#')).sort((a, b) => a.createdAt - b.createdAt),
    /** False: the account has a link for this domain. */
    createLink: (record: LinkRecord) => put(record, 'attribute_not_exists(pk)'),
    /** False: it is gone. */
    replaceLink: (record: LinkRecord) => put(record, 'attribute_exists(pk)'),
    /** Whose host it is, from now on. @throws HostTakenError */
    claimLinkHost: (account: string, host: string) => hosts.claimHost({ ...hostKey(host), account, kind: 'link' }),
    removeLinkDefault: (account: string) => remove(linkDefaultKey(account)),
    lendLink: async (to: string, { pk: owner, domain }: Pick<LinkRecord, 'pk' | 'domain'>): Promise<void> => {
      const record: BorrowedLinkRecord = { ...borrowedLinkKey(to), owner, domain };
      await client.send(new PutCommand({ TableName: table, Item: record }));
    },
    takeBackLink: (from: string) => remove(borrowedLinkKey(from)),

    listReverseDns: async (account: string): Promise<ReverseDnsRecord[]> =>
      (await items<ReverseDnsRecord>(account, 'reverse-dns#')).sort((a, b) => a.createdAt - b.createdAt),
    /** False: the account has one for this address. */
    createReverseDns: (record: ReverseDnsRecord) => put(record, 'attribute_not_exists(pk)'),
    replaceReverseDns: (record: ReverseDnsRecord) => put(record, 'attribute_exists(pk)'),
    removeReverseDns: (record: Key) => remove(record),
  };
}
