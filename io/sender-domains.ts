/**
 * Authenticated domains of accounts, which one is the default, and what a parent lends its subusers. All in the accounts table;
 * every write is under what was read, so that of two changes at once one is refused.
 */
import { DeleteCommand, GetCommand, PutCommand, ScanCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { type DomainRecord, domainKey, hostKey } from '../core/records/domains.ts';
import {
  type BorrowedDomainRecord,
  borrowedDomainKey,
  type DefaultDomainRecord,
  defaultDomainKey,
} from '../core/records/senders.ts';
import type { Table } from './aws.ts';
import { hostsIn } from './hosts.ts';
import { queryAll } from './query-all.ts';
import { isWritten } from './written.ts';

export function senderDomainsIn(table: string, client: Table) {
  const get = async <T>(Key: { pk: string; sk: string }): Promise<T | undefined> =>
    (await client.send(new GetCommand({ TableName: table, Key, ConsistentRead: true }))).Item as T | undefined;
  const remove = async (Key: { pk: string; sk: string }) =>
    (await client.send(new DeleteCommand({ TableName: table, Key, ReturnValues: 'ALL_OLD' }))).Attributes;
  const items = <T>(account: string, prefix: string): Promise<T[]> =>
    queryAll<T>(
      client,
      table,
      'pk = :account AND begins_with(sk, :prefix)',
      { ':account': account, ':prefix': prefix },
      true,
    );
  const hosts = hostsIn(table, client);
  return {
    listOwnDomains: async (account: string): Promise<DomainRecord[]> =>
      (await items<DomainRecord>(account, 'domain#')).sort((a, b) => a.createdAt - b.createdAt),
    /** The domains of all accounts that were authenticated over the API, page by page; as they were a moment ago. */
    eachDomain: async function* (): AsyncGenerator<DomainRecord> {
      let from: Record<string, unknown> | undefined;
      do {
        const page = await client.send(
          new ScanCommand({
            TableName: table,
            FilterExpression: 'begins_with(sk, :domains) AND attribute_exists(authentication)',
            ExpressionAttributeValues: { ':domains': 'domain#' },
            ...(from && { ExclusiveStartKey: from }),
          }),
        );
        yield* (page.Items ?? []) as DomainRecord[];
        from = page.LastEvaluatedKey;
      } while (from);
    },
    readOwnDomain: (account: string, domain: string) => get<DomainRecord>(domainKey(account, domain)),

    /** False: the account has this domain. */
    createDomain: (record: DomainRecord): Promise<boolean> =>
      isWritten(
        client.send(
          new PutCommand({ TableName: table, Item: record, ConditionExpression: 'attribute_not_exists(pk)' }),
        ),
      ),

    /** False: it is gone, or another change came between. */
    changeDomain: (before: DomainRecord, after: DomainRecord): Promise<boolean> => {
      const unchanged = before.authentication
        ? 'authentication.revision = :revision'
        : 'attribute_not_exists(authentication)';
      const sameKeys = before.keys ? '#keys = :before' : 'attribute_not_exists(#keys)';
      const revision = before.authentication?.revision;
      return isWritten(
        client.send(
          new UpdateCommand({
            TableName: table,
            Key: { pk: before.pk, sk: before.sk },
            UpdateExpression: `SET authentication = :authentication, selector = :selector, publicKey = :public, privateKey = :private${after.keys ? ', #keys = :keys' : ''}${after.validAt === undefined ? ' REMOVE validAt' : ', validAt = :validAt'}`,
            ConditionExpression: `attribute_exists(pk) AND ${unchanged} AND ${sameKeys}`,
            ExpressionAttributeNames: { '#keys': 'keys' },
            ExpressionAttributeValues: {
              ':authentication': after.authentication,
              ':selector': after.selector,
              ':public': after.publicKey,
              ':private': after.privateKey,
              ...(after.keys && { ':keys': after.keys }),
              ...(after.validAt !== undefined && { ':validAt': after.validAt }),
              ...(revision !== undefined && { ':revision': revision }),
              ...(before.keys && { ':before': before.keys }),
            },
          }),
        ),
      );
    },

    /**
     * Its keys go with it, and its return path; mail that is still on its way is dropped.
     * @returns it, as it was in the end; undefined: there was none
     */
    removeDomain: async ({ pk, sk, returnPath }: DomainRecord): Promise<DomainRecord | undefined> => {
      const removed = await remove({ pk, sk });
      await hosts.giveUpHost(returnPath, pk);
      return removed as DomainRecord | undefined;
    },

    /** From now on port 25 takes what comes back to the return path. @throws HostTakenError when it is a parse host */
    claimReturnPath: (account: string, returnPath: string): Promise<void> =>
      hosts.claimHost({ ...hostKey(returnPath), account, kind: 'return-path' }),

    readDefaultDomain: async (account: string): Promise<string | undefined> =>
      (await get<DefaultDomainRecord>(defaultDomainKey(account)))?.domain,
    writeDefaultDomain: async (account: string, domain: string): Promise<void> => {
      const record: DefaultDomainRecord = { ...defaultDomainKey(account), domain };
      await client.send(new PutCommand({ TableName: table, Item: record }));
    },
    removeDefaultDomain: async (account: string): Promise<void> => void (await remove(defaultDomainKey(account))),

    /** What an account may send by that is its parent's. */
    listBorrowedDomains: (account: string) => items<BorrowedDomainRecord>(account, 'borrowed-domain#'),
    lendDomain: async (to: string, { pk: owner, domain }: Pick<DomainRecord, 'pk' | 'domain'>): Promise<void> => {
      const record: BorrowedDomainRecord = { ...borrowedDomainKey(to, domain), domain, owner };
      await client.send(new PutCommand({ TableName: table, Item: record }));
    },
    takeBackDomain: async (from: string, domain: string): Promise<boolean> =>
      (await remove(borrowedDomainKey(from, domain))) !== undefined,
  };
}
