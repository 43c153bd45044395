/** Examples of statistics: this hour's, and a week of them asked for. */
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { statsKey } from '../../../../core/stats/record.ts';
import type { Here } from '../here.ts';
import type { Examples, Make } from './example.ts';

/** Statistics of this hour. */
export async function count(here: Here, account: string, counts: Record<string, number>, name = ''): Promise<void> {
  const hour = new Date().toISOString().slice(0, 13);
  const kind = name === '' ? 'all' : 'category';
  const item = { pk: statsKey(account, kind), sk: `${hour}#${name === '' ? '' : `${name}#`}shard-0`, counts };
  await here.tables.send(new PutCommand({ TableName: here.tableOf('stats'), Item: item }));
}

export const today = () => new Date().toISOString().slice(0, 10);
export const weekAgo = () => new Date(Date.now() - 7 * 86_400_000).toISOString().slice(0, 10);
export const since =
  (more = ''): Make =>
  async () => ({ query: `start_date=${weekAgo()}&aggregated_by=day${more}` });

export const STATS: Examples = {
  stats: {
    ListCategory: async ({ here, account }) => {
      await count(here, account, { requests: 1 }, 'docs');
      return {};
    },
    ListCategoryStat: since('&categories=docs&categories=mattscategory'),
    GetClientStat: async (given) => ({ ...(await since()(given)), path: { client_type: 'phone' } }),
  },
};
