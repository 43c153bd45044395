/**
 * What SendGrid's suites write in the place of what is the account's own: addresses, hosts, names. Each is replaced by a thing that is
 * there; everything else of a call is sent as the suite has it.
 */

import { HERE } from '../lambdas/manage/examples/access.ts';
import { oneSubuser } from '../lambdas/manage/examples/account.ts';
import type { Given } from '../lambdas/manage/examples/index.ts';

type Body = Record<string, unknown>;
/** `own`: of the operation's example. */
type Replace = (body: Body, own: unknown, given: Given) => Promise<unknown>;

const withOwn =
  (...fields: string[]): Replace =>
  async (body, own) => ({ ...body, ...Object.fromEntries(fields.map((field) => [field, (own as Body)[field]])) });

/** Parameters that the suites give as `test_string`, where that is no value of theirs. */
const VALUES: Readonly<Record<string, string>> = {
  limit: '1',
  offset: '0',
  date: '2016-04-01',
  sort_by_metric: 'delivered',
};

/** @param names of what the call's example made */
export const replaceQuery = (query: Record<string, unknown> = {}, names: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(query).map(([name, value]) => {
      if (value !== 'test_string') return [name, value];
      return [name, name === 'subusers' ? (names[0] ?? value) : (VALUES[name] ?? value)];
    }),
  );

/** Calls that name a subuser in their query, or leave it out: there it is the example's. */
export const OWN_QUERY: ReadonlySet<string> = new Set([
  'GET /v3/whitelabel/domains/subuser',
  'GET /v3/whitelabel/links/subuser',
]);

/** By `METHOD /path`, as the suite has it. */
export const PLACEHOLDERS: Readonly<Record<string, Replace>> = {
  /** The addresses 192.168.1.1 and the like, from none of which the call comes: it would lock itself out. */
  'POST /v3/access_settings/whitelist': async (body) => ({ ...body, ips: [{ ip: HERE }, ...(body.ips as unknown[])] }),
  'POST /v3/ips/warmup': withOwn('ip'),
  /** The addresses 1.1.1.1 and 2.2.2.2. */
  'POST /v3/subusers': withOwn('ips'),
  /** The address 0.0.0.0. */
  'POST /v3/ips/pools/{pool_name}/ips': withOwn('ip'),
  /** The address 127.0.0.1. */
  'PUT /v3/subusers/{subuser_name}/ips': async (_body, own) => own,
  /** The URL `url`. */
  'PATCH /v3/user/webhooks/event/settings': async (body) => ({ ...body, url: 'https://hooks.example.com/in' }),
  /** The batch YOUR_BATCH_ID. */
  'POST /v3/user/scheduled_sends': withOwn('batch_id'),
  /** The URL `url`. */
  'PATCH /v3/tracking_settings/subscription': async (body) => ({ ...body, url: 'https://example.com/left' }),
  /** The addresses 192.168.1.1 and 192.168.1.2, the subuser john@example.com. */
  'POST /v3/whitelabel/domains': async (body, own, given) => {
    const { path } = await oneSubuser(given);
    return { ...body, ips: (own as Body).ips, username: path.subuser_name };
  },
  /** The subuser jane@example.com. */
  'POST /v3/whitelabel/domains/{domain_id}/subuser': withOwn('username'),
  'POST /v3/whitelabel/links/{link_id}/subuser': withOwn('username'),
  /** The address 192.168.0.1. */
  'POST /v3/whitelabel/domains/{id}/ips': withOwn('ip'),
  /** The address 192.168.1.1 and the name email.example.com. */
  'POST /v3/whitelabel/ips': async (_body, own) => own,
  /** The host myhostname.com. */
  'POST /v3/user/webhooks/parse/settings': withOwn('hostname'),
  /** The domains example.com, example.org and you.com; and a message to nobody, which SendGrid’s mock alone takes. */
  'POST /v3/mail/send': async (body, _own, { here, account }) => {
    const from = (body.from as { email: string }).email;
    await here.operator.addDomain(account, from.slice(from.indexOf('@') + 1));
    const to = [{ to: [{ email: 'reader@example.net' }] }];
    return (body.personalizations as unknown[]).length === 0 ? { ...body, personalizations: to } : body;
  },
};
