/** Accounts as the API of senders names them: by a user name and a number; and the subusers of an account by theirs. */
import { GetCommand } from '@aws-sdk/lib-dynamodb';
import { type SubuserRecord, subuserKey } from '../core/records/senders.ts';
import { userIdOf } from '../core/senders/names.ts';
import type { Table } from './aws.ts';
import { queryAll } from './query-all.ts';

type User = { username: string; userId: number };

export function senderUsersIn(table: string, client: Table) {
  return {
    /** An account without a parent is called as its keys begin. */
    readUser: async (account: string): Promise<User> => {
      const { Item } = await client.send(new GetCommand({ TableName: table, Key: { pk: account, sk: 'account' } }));
      return { username: (Item?.username as string | undefined) ?? account, userId: userIdOf(account) };
    },
    /** Its subusers with the source addresses that each may go out by. */
    listIpUsers: async (parent: string): Promise<{ username: string; ips: readonly string[] }[]> => {
      const all = await queryAll<SubuserRecord>(client, table, 'pk = :parent AND begins_with(sk, :prefix)', {
        ':parent': parent,
        ':prefix': 'subuser#',
      });
      return all.map(({ username, ips = [] }) => ({ username, ips }));
    },
    findSubuser: async (parent: string, username: string): Promise<(User & { account: string }) | undefined> => {
      const { Item } = await client.send(new GetCommand({ TableName: table, Key: subuserKey(parent, username) }));
      const found = Item as SubuserRecord | undefined;
      return found && { account: found.account, username: found.username, userId: userIdOf(found.account) };
    },
  };
}
