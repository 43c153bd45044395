/** Unsubscribe groups as a reader sees them. Only their names are asked for: `track` may read nothing else of accounts. */
import { GetCommand } from '@aws-sdk/lib-dynamodb';
import { type GroupRecord, type GroupsRecord, groupKey, groupsKey } from '../core/records/groups.ts';
import type { ShownGroup } from '../core/tracking/page.ts';
import type { Table } from './aws.ts';

/** Groups on a page (SendGrid: `groups_to_display`). */
const SHOWN = 25;

/** @param table the accounts table */
export function shownGroupsIn(table: string, client: Table) {
  const get = async <T>(Key: { pk: string; sk: string }): Promise<T | undefined> => {
    const { Item } = await client.send(
      new GetCommand({
        TableName: table,
        Key,
        ProjectionExpression: 'pk, sk, id, ids, #name, description, isDefault',
        ExpressionAttributeNames: { '#name': 'name' },
      }),
    );
    return Item as T | undefined;
  };
  return {
    /** These groups of an account, those that are there; where none is named, the mail's own and the account's default ones. */
    readShownGroups: async (account: string, shown: readonly number[], own?: number): Promise<ShownGroup[]> => {
      const all = shown.length > 0 ? shown : ((await get<GroupsRecord>(groupsKey(account)))?.ids ?? []);
      const groups = await Promise.all(all.map((id) => get<GroupRecord>(groupKey(account, id))));
      return groups
        .filter((group) => group !== undefined)
        .filter(({ id, isDefault }) => shown.length > 0 || isDefault || id === own)
        .slice(0, SHOWN)
        .map(({ id, name, description }) => ({ id, name, description }));
    },
  };
}
