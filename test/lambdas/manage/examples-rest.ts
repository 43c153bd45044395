/** What operations of alerts, email validation and engagement quality need to be answered with success: as examples.ts has it, by group and id. */
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { statsKey } from '../../../core/stats/record.ts';
import type { Example, Given } from './examples.ts';
import type { Here } from './here.ts';

type Make = (given: Given) => Promise<Example>;

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

async function oneAlert({ ask }: Given): Promise<Example> {
  const body = { type: 'stats_notification', email_to: 'boss@example.com', frequency: 'daily' };
  const { json } = await ask('POST', '/v3/alerts', body);
  return { path: { alert_id: String(json.id) } };
}

/** `YYYY-MM-DD`, some days ago. */
const day = (ago: number) => new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10);

export const EXAMPLES_REST: Readonly<Record<string, Readonly<Record<string, Make>>>> = {
  alerts: {
    CreateAlert: async () => ({ body: { type: 'usage_limit', email_to: 'boss@example.com', percentage: 90 } }),
    ListAlert: oneAlert,
    GetAlert: oneAlert,
    DeleteAlert: oneAlert,
    UpdateAlert: async (given) => ({ ...(await oneAlert(given)), body: { frequency: 'weekly' } }),
  },
  email_validation: { ValidateEmail: async () => ({ body: { email: 'ada@example.com', source: 'signup' } }) },
  seq: {
    ListEngagementQualityScore: async ({ here, account }) => {
      await busy(here, account);
      return { query: `from=${day(3)}&to=${day(1)}` };
    },
    ListSubuserEngagementQualityScore: async ({ here, account, ask }) => {
      await ask('POST', '/v3/subusers', {
        username: 'branch',
        email: 'b@example.com',
        password: 'p',
        ips: here.sourceIps,
      });
      const subuser = await here.subusers.findSubuser(account, 'branch');
      await busy(here, subuser!.account);
      return { query: `date=${day(1)}` };
    },
  },
};
