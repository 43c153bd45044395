/** Engagement quality. */
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { statsKey } from '../../../../core/stats/record.ts';
import type { Here } from '../here.ts';
import type { Examples } from './example.ts';

/** `YYYY-MM-DD`, some days ago. */
const day = (ago: number) => new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10);

/** Statistics that are good for a score. */
async function busy(here: Here, account: string): Promise<void> {
  const Item = {
    pk: statsKey(account, 'all'),
    sk: `${day(2)}T10#s1`,
    sequence: '1',
    counts: { requests: 2_000, processed: 2_000, delivered: 1_990, bounces: 10, unique_opens: 700 },
    expiresAt: Math.floor(Date.now() / 1_000) + 86_400,
  };
  await here.tables.send(new PutCommand({ TableName: here.tableOf('stats'), Item }));
}

export const SEQ: Examples = {
  seq: {
    ListEngagementQualityScore: async ({ here, account }) => {
      await busy(here, account);
      return { query: `from=${day(3)}&to=${day(1)}` };
    },
    ListSubuserEngagementQualityScore: async ({ here, account, ask }) => {
      const named = { username: 'branch', email: 'b@example.com', password: 'p' };
      await ask('POST', '/v3/subusers', { ...named, ips: here.sourceIps });
      const subuser = await here.subusers.findSubuser(account, 'branch');
      await busy(here, subuser!.account);
      return { query: `date=${day(1)}` };
    },
  },
};
