/** Examples of webhooks: those that tell of events, and those that inbound mail is posted to. */
import type { Examples, Given } from './example.ts';
import { plainly } from './example.ts';
import { since } from './stats.ts';

const WEBHOOK = {
  enabled: true,
  url: 'https://hooks.example.com/in',
  delivered: true,
  bounce: true,
  friendly_name: 'One',
};

export async function oneWebhook({ ask }: Given): Promise<{ path: Record<string, string> }> {
  const { json } = await ask('POST', '/v3/user/webhooks/event/settings', WEBHOOK);
  return { path: { id: json.id } };
}

async function parseHost({
  here,
  account,
}: Given): Promise<{ hostname: string; url: string; spam_check: boolean; send_raw: boolean }> {
  await here.operator.addDomain(account, `${account}.example`);
  return { hostname: `in.${account}.example`, url: 'https://hooks.example.com/in', spam_check: true, send_raw: false };
}

async function oneParseSetting(given: Given): Promise<{ path: Record<string, string> }> {
  const setting = await parseHost(given);
  await given.ask('POST', '/v3/user/webhooks/parse/settings', setting);
  return { path: { hostname: setting.hostname } };
}

const POLICY = {
  name: 'Both',
  signature: { enabled: true },
  oauth: { client_id: 'me', client_secret: 'secret', token_url: 'https://login.example.com/token', scopes: ['in'] },
};

async function onePolicy({ ask }: Given): Promise<{ path: Record<string, string> }> {
  const { json } = await ask('POST', '/v3/user/webhooks/security/policies', POLICY);
  return { path: { id: json.policy.id } };
}

export const WEBHOOKS: Examples = {
  webhooks: {
    CreateEventWebhook: plainly({ body: WEBHOOK }),
    UpdateEventWebhook: async (given) => ({ ...(await oneWebhook(given)), body: { ...WEBHOOK, open: true } }),
    UpdateSignedEventWebhook: async (given) => ({ ...(await oneWebhook(given)), body: { enabled: true } }),
    TestEventWebhook: plainly({ body: { url: 'https://hooks.example.com/in' } }),
    CreateParseSetting: async (given) => ({ body: await parseHost(given) }),
    UpdateParseSetting: async (given) => ({ ...(await oneParseSetting(given)), body: { send_raw: true } }),
    GetParseSetting: oneParseSetting,
    ListParseSetting: oneParseSetting,
    DeleteParseSetting: oneParseSetting,
    ListParseStatic: since(),
    GetEventWebhook: oneWebhook,
    ListEventWebhook: oneWebhook,
    GetSignedEventWebhook: oneWebhook,
    DeleteEventWebhook: oneWebhook,
    CreateSecurityPolicy: plainly({ body: POLICY }),
    ListAllSecurityPolicies: onePolicy,
    GetSecurityPolicy: onePolicy,
    UpdateSecurityPolicy: async (given) => ({ ...(await onePolicy(given)), body: { name: 'Renamed' } }),
    DeleteSecurityPolicy: onePolicy,
  },
};
