/**
 * What an operation needs to be answered with success: by its id, in an account of its own. What is not here is called as it is. `path`
 * stands for the names in braces; whatever has to be there before is made, over the API where that can make it.
 */
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { requestKey } from '../../../core/records.ts';
import { groupsIn } from '../../../io/groups.ts';
import { suppressionsIn } from '../../../io/suppressions.ts';
import type { Ask, Here } from './here.ts';
import type { Operation } from './operations.ts';

export type Given = { here: Here; account: string; ask: Ask };
export type Example = {
  path?: Record<string, string>;
  query?: string;
  body?: unknown;
  headers?: Record<string, string>;
};
type Make = (given: Given) => Promise<Example>;

const ADDRESS = 'listed@example.com';
const plainly =
  (example: Example): Make =>
  async () =>
    example;

// suppressions --------------------------------------------------------------------------------------------------------

/** Two groups, and an address that is on every list. */
async function listed({ here, account }: Given): Promise<Example> {
  const { createGroup } = groupsIn(here.tableOf('accounts'), here.tables);
  const { suppress } = suppressionsIn(here.tableOf('suppressions'), here.tables);
  const now = Date.now();
  await createGroup(account, { name: 'News', description: 'Our news', isDefault: true }, now);
  await createGroup(account, { name: 'Offers', description: 'Our offers', isDefault: false }, now);
  const entry = {
    created: Math.floor(now / 1_000) - 60,
    reason: '550 5.1.1 unknown',
    status: '5.1.1',
    ip: '192.0.2.1',
    classification: 'Invalid Address' as const,
  };
  for (const list of ['bounces', 'blocks', 'invalid_emails', 'spam_reports', 'unsubscribes', 'group#1'] as const)
    await suppress({ account, address: ADDRESS, list, entry });
  return { path: { group_id: '1', email: ADDRESS, classification: 'Invalid Address' } };
}

const withListed =
  (body: unknown): Make =>
  async (given) => ({ ...(await listed(given)), body });

// API keys, subusers --------------------------------------------------------------------------------------------------

const SUBUSER = { username: 'branch', email: 'branch@example.com', password: 'Xyz-12345' };

async function oneKey({ ask }: Given): Promise<{ path: Record<string, string> }> {
  const { json } = await ask('POST', '/v3/api_keys', { name: 'My API Key', scopes: ['mail.send', 'alerts.read'] });
  return { path: { api_key_id: json.api_key_id } };
}

async function oneSubuser({ ask, here }: Given): Promise<{ path: Record<string, string> }> {
  await ask('POST', '/v3/subusers', { ...SUBUSER, ips: here.sourceIps });
  return { path: { subuser_name: SUBUSER.username } };
}

/** Some statistics of a subuser. */
async function busySubuser(given: Given): Promise<{ path: Record<string, string> }> {
  const { here, account } = given;
  const made = await oneSubuser(given);
  const { subusersIn } = await import('../../../io/subusers.ts');
  const subuser = await subusersIn(here.tableOf('accounts'), here.tables).findSubuser(account, SUBUSER.username);
  await count(here, subuser!.account, { requests: 7, processed: 7, delivered: 6, bounces: 1, opens: 2 });
  return made;
}

/** Statistics of this hour. */
async function count(here: Here, account: string, counts: Record<string, number>, name = ''): Promise<void> {
  const { statsKey } = await import('../../../core/stats/record.ts');
  const hour = new Date().toISOString().slice(0, 13);
  const kind = name === '' ? 'all' : 'category';
  const item = { pk: statsKey(account, kind), sk: `${hour}#${name === '' ? '' : `${name}#`}shard-0`, counts };
  await here.tables.send(new PutCommand({ TableName: here.tableOf('stats'), Item: item }));
}

const today = () => new Date().toISOString().slice(0, 10);
const weekAgo = () => new Date(Date.now() - 7 * 86_400_000).toISOString().slice(0, 10);
const since =
  (more = ''): Make =>
  async () => ({ query: `start_date=${weekAgo()}&aggregated_by=day${more}` });

// webhooks ------------------------------------------------------------------------------------------------------------

const WEBHOOK = {
  enabled: true,
  url: 'https://hooks.example.com/in',
  delivered: true,
  bounce: true,
  friendly_name: 'One',
};

async function oneWebhook({ ask }: Given): Promise<{ path: Record<string, string> }> {
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

// mail ----------------------------------------------------------------------------------------------------------------

const mailOf = (account: string) => ({
  personalizations: [{ to: [{ email: 'reader@example.net' }] }],
  from: { email: `hello@${account}.example` },
  subject: 'Hello',
  content: [{ type: 'text/plain', value: 'Hello' }],
});

async function oneMessage({ here, account }: Given): Promise<Example> {
  const requestId = 'AZq0o2kJcjmSxLwjTQEAAA';
  const key = requestKey(account, requestId);
  const sent = { acceptedAt: Date.now(), copies: 1, keyId: 'k', from: 'a@b.example', subject: 'Hello' };
  const outcome = {
    event: 'delivered',
    recipient: `${account}#reader@example.net`,
    at: Date.now(),
    attempt: 0,
    reply: '250 OK',
    site: 'example.net',
    mx: 'mx.example.net',
    lane: 'default-1',
    about: { smtpId: '<x@b.example>', from: 'a@b.example', pool: 'default', ip: '192.0.2.7' },
    expiresAt: Math.floor(Date.now() / 1_000) + 86_400,
  };
  const TableName = here.tableOf('messages');
  await here.tables.send(new PutCommand({ TableName, Item: { ...key, ...sent, expiresAt: outcome.expiresAt } }));
  await here.tables.send(new PutCommand({ TableName, Item: { ...outcome, pk: key.pk, sk: '0000' } }));
  return { path: { msg_id: `${requestId}.recvd-pennypost-1.0` } };
}

/** By group, then by the operation's id. */
const EXAMPLES: Readonly<Record<string, Readonly<Record<string, Make>>>> = {
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
  email_activity: { GetMessage: oneMessage },
  mail: {
    SendMail: async ({ here, account }) => {
      await here.operator.addDomain(account, `${account}.example`);
      return { body: mailOf(account) };
    },
  },
  mail_settings: {
    UpdateAddressWhitelist: plainly({ body: { enabled: true, list: ['email1@example.com', 'example.com'] } }),
    UpdateBouncePurge: plainly({ body: { enabled: true, soft_bounces: 5, hard_bounces: null } }),
  },
  stats: {
    ListCategory: async ({ here, account }) => {
      await count(here, account, { requests: 1 }, 'docs');
      return {};
    },
    ListCategoryStat: since('&categories=docs&categories=mattscategory'),
    GetClientStat: async (given) => ({ ...(await since()(given)), path: { client_type: 'phone' } }),
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
  suppressions: {
    CreatAsmGroup: withListed({ name: 'New', description: 'A new group', is_default: false }),
    UpdateAsmGroup: withListed({ name: 'Newer', description: 'What it is' }),
    AddSuppressionToAsmGroup: withListed({ recipient_emails: ['new1@example.com', 'new2@example.com'] }),
    SearchSuppressionFromAsmGroup: withListed({ recipient_emails: [ADDRESS, 'nobody@example.com'] }),
    CreateGlobalSuppression: withListed({ recipient_emails: ['new1@example.com'] }),
    DeleteSuppressionBlocks: withListed({ delete_all: false, emails: [ADDRESS, 'nobody@example.com'] }),
    DeleteSuppressionBounces: withListed({ delete_all: true }),
    DeleteInvalidEmails: withListed({ emails: [ADDRESS] }),
    DeleteSpamReports: withListed({ delete_all: true }),
  },
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
  },
};

/** Where an operation has no line of its own. */
const OF_GROUP: Readonly<Record<string, Make>> = { suppressions: listed, stats: since() };

/** Where what we answer is not what the document says, each with the reason. */
export const DIFFERS: Readonly<Record<string, string>> = {
  'GET /v3/messages/{msg_id}':
    'the document demands what only some messages have (a group, a bounce type and a user agent in every event) and custom args as text',
};

/** Lists that are empty here by nature: there is nothing to put into them. */
export const EMPTY: ReadonlySet<string> = new Set(['GET /v3/partner_settings']);

export const exampleOf = ({ group, id }: Operation): Make => EXAMPLES[group]?.[id] ?? OF_GROUP[group] ?? plainly({});
