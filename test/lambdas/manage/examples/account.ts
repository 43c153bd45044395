/** Examples of an account: its API keys, its subusers, what is set of all its mail. */
import type { Examples, Given, Make } from './example.ts';
import { plainly } from './example.ts';
import { count, today, weekAgo } from './stats.ts';

export const SUBUSER = { username: 'branch', email: 'branch@example.com', password: 'Xyz-12345' };

async function oneKey({ ask }: Given): Promise<{ path: Record<string, string> }> {
  const { json } = await ask('POST', '/v3/api_keys', { name: 'My API Key', scopes: ['mail.send', 'alerts.read'] });
  return { path: { api_key_id: json.api_key_id } };
}

export async function oneSubuser({ ask, here }: Given): Promise<{ path: Record<string, string> }> {
  await ask('POST', '/v3/subusers', { ...SUBUSER, ips: here.sourceIps });
  return { path: { subuser_name: SUBUSER.username } };
}

const MONITOR = { email: 'samples@example.com', frequency: 500 };

async function monitoredSubuser(given: Given): Promise<{ path: Record<string, string> }> {
  const made = await oneSubuser(given);
  await given.ask('POST', `/v3/subusers/${SUBUSER.username}/monitor`, MONITOR);
  return made;
}

export const MONITORS: Readonly<Record<string, Make>> = {
  'GET /v3/subusers/{subuser_name}/monitor': monitoredSubuser,
  'POST /v3/subusers/{subuser_name}/monitor': async (given) => ({ ...(await oneSubuser(given)), body: MONITOR }),
  'PUT /v3/subusers/{subuser_name}/monitor': async (given) => ({
    ...(await monitoredSubuser(given)),
    body: { ...MONITOR, frequency: 50 },
  }),
  'DELETE /v3/subusers/{subuser_name}/monitor': monitoredSubuser,
};

/** Some statistics of a subuser. */
async function busySubuser(given: Given): Promise<{ path: Record<string, string> }> {
  const { here, account } = given;
  const made = await oneSubuser(given);
  const subuser = await here.subusers.findSubuser(account, SUBUSER.username);
  await count(here, subuser!.account, { requests: 7, processed: 7, delivered: 6, bounces: 1, opens: 2 });
  return made;
}

/** Of all the account's mail. */
const MAIL_SETTINGS = {
  footer: { enabled: true, html_content: '<p>Us</p>', plain_content: 'Us' },
  template: { enabled: true, html_content: '<main><% body %></main>' },
  forward_bounce: { enabled: true, email: 'bounces@example.com' },
  forward_spam: { enabled: true, email: 'complaints@example.com' },
};

export const ACCOUNT: Examples = {
  api_keys: {
    CreateApiKey: plainly({ body: { name: 'My API Key', scopes: ['mail.send', 'alerts.create', 'alerts.read'] } }),
    UpdateApiKeyName: async (given) => ({ ...(await oneKey(given)), body: { name: 'A New Hope' } }),
    UpdateApiKey: async (given) => ({
      ...(await oneKey(given)),
      body: { name: 'Profiles key', scopes: ['user.profile.read', 'user.profile.update'] },
    }),
    GetApiKey: oneKey,
    ListApiKey: oneKey,
    DeleteApiKey: oneKey,
  },
  enforced_tls: { UpdateEnforcedTlsSetting: plainly({ body: { require_tls: true, require_valid_cert: false } }) },
  mail_settings: {
    UpdateAddressWhitelist: plainly({ body: { enabled: true, list: ['email1@example.com', 'example.com'] } }),
    UpdateBouncePurge: plainly({ body: { enabled: true, soft_bounces: 5, hard_bounces: null } }),
    UpdateFooter: plainly({ body: MAIL_SETTINGS.footer }),
    UpdateTemplate: plainly({ body: MAIL_SETTINGS.template }),
    UpdateForwardBounce: plainly({ body: MAIL_SETTINGS.forward_bounce }),
    UpdateForwardSpam: plainly({ body: MAIL_SETTINGS.forward_spam }),
  },
  subusers: {
    CreateSubuser: async ({ here }) => ({ body: { ...SUBUSER, ips: here.sourceIps } }),
    ListSubuser: oneSubuser,
    UpdateSubuser: async (given) => ({ ...(await oneSubuser(given)), body: { disabled: true } }),
    DeleteSubuser: oneSubuser,
    UpdateSubuserWebsiteAccess: async (given) => ({ ...(await oneSubuser(given)), body: { disabled: true } }),
    GetSubuserCredit: oneSubuser,
    UpdateSubuserCredit: async (given) => ({
      ...(await busySubuser(given)),
      body: { type: 'recurring', reset_frequency: 'monthly', total: 100 },
    }),
    UpdateSubuserRemainingCredit: async (given) => {
      const made = await oneSubuser(given);
      await given.ask('PUT', '/v3/subusers/branch/credits', { type: 'nonrecurring', total: 100 });
      return { ...made, body: { allocation_update: 99 } };
    },
    UpdateSubuserIp: async (given) => ({ ...(await oneSubuser(given)), body: given.here.sourceIps }),
    ListReputation: busySubuser,
    ListStat: async (given) => ({
      ...(await busySubuser(given)),
      query: `start_date=${weekAgo()}&subusers=${SUBUSER.username}`,
    }),
    ListStatSum: async (given) => ({ ...(await busySubuser(given)), query: `start_date=${weekAgo()}` }),
    ListMonthlyStat: async (given) => ({ ...(await busySubuser(given)), query: `date=${today()}` }),
    ListSubuserMonthlyStat: async (given) => ({ ...(await busySubuser(given)), query: `date=${today()}` }),
  },
  tracking_settings: {
    UpdateClickTrackingSetting: plainly({ body: { enabled: true } }),
    UpdateGoogleAnalyticsTrackingSetting: plainly({ body: { enabled: true, utm_source: 'mail' } }),
    UpdateOpenTrackingSetting: plainly({ body: { enabled: true } }),
    UpdateSubscriptionTrackingSetting: plainly({
      body: { enabled: true, plain_content: 'Leave: <% %>', html_content: '<% Leave %>' },
    }),
  },
};
