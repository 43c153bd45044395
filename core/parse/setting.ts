/**
 * A parse setting as the API reads and writes it (SendGrid: `user/webhooks/parse/settings`). It refuses, naming the field, what
 * could not work: a URL that cannot be posted to, a host name that is no subdomain of a domain the account sends from, or the
 * subdomain that bounces come to.
 */
import { readDomain } from '../address.ts';
import type { ApiError } from '../errors.ts';
import type { DomainRecord } from '../records/domains.ts';
import type { ParseSettingRecord } from '../records/inbound.ts';
import { POLICY_ID } from '../webhook/policy.ts';
import { readParseUrl } from './url.ts';

export type ParseSetting = Pick<ParseSettingRecord, 'hostname' | 'url' | 'spamCheck' | 'sendRaw' | 'securityPolicy'>;
export type Read = { ok: true; setting: ParseSetting } | { ok: false; errors: ApiError[] };

/** What the API shows. */
export function showParseSetting({ hostname, url, spamCheck, sendRaw, securityPolicy }: ParseSetting) {
  const policy = securityPolicy === undefined ? {} : { security_policy: securityPolicy };
  return { hostname, url, spam_check: spamCheck, send_raw: sendRaw, ...policy };
}

/**
 * @param body what was sent, parsed
 * @param before what is changed; absent: a new one is made
 * @param domains the account's sending domains
 */
export function readParseSetting(
  body: unknown,
  domains: readonly Pick<DomainRecord, 'domain' | 'returnPath'>[],
  { before, anyPort = false }: { before?: ParseSetting | undefined; anyPort?: boolean } = {},
): Read {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    return { ok: false, errors: [fault(null, 'the body must be a JSON object')] };
  const given = body as Record<string, unknown>;
  const errors: ApiError[] = [];
  const hostname = hostnameOf(given.hostname, before, domains, errors);
  const url = urlOf(given.url, before, anyPort, errors);
  const flag = (name: string, was: boolean): boolean => {
    const value = given[name];
    if (value !== undefined && typeof value !== 'boolean') errors.push(fault(name, `${name} must be true or false`));
    return typeof value === 'boolean' ? value : was;
  };
  const spamCheck = flag('spam_check', before?.spamCheck ?? false);
  const sendRaw = flag('send_raw', before?.sendRaw ?? false);
  const policy = policyOf(given.security_policy, before, errors);
  if (errors.length > 0 || hostname === undefined || url === undefined) return { ok: false, errors };
  return { ok: true, setting: { hostname, url, spamCheck, sendRaw, ...policy } };
}

/** Null or '' takes it out of its policy. Whether there is such a policy, whoever writes it finds out. */
function policyOf(
  given: unknown,
  before: ParseSetting | undefined,
  errors: ApiError[],
): Pick<ParseSetting, 'securityPolicy'> {
  const value = given === undefined ? before?.securityPolicy : given;
  if (value === undefined || value === null || value === '') return {};
  if (typeof value === 'string' && value.length <= POLICY_ID) return { securityPolicy: value };
  errors.push(fault('security_policy', 'security_policy must be the id of a security policy'));
  return {};
}

function hostnameOf(
  given: unknown,
  before: ParseSetting | undefined,
  domains: readonly Pick<DomainRecord, 'domain' | 'returnPath'>[],
  errors: ApiError[],
): string | undefined {
  const refuse = (message: string) => void errors.push(fault('hostname', message));
  if (given === undefined && before) return before.hostname;
  if (typeof given !== 'string' || given === '') return void refuse('hostname is required');
  const hostname = readDomain(given);
  if (hostname === undefined) return void refuse('hostname is not a host name');
  if (before) {
    if (hostname !== before.hostname) return void refuse('hostname cannot be changed: make another setting');
    return hostname;
  }
  if (!domains.some(({ domain }) => hostname === domain || hostname.endsWith(`.${domain}`)))
    return void refuse('hostname must be a domain that this account sends from, or one below it');
  if (domains.some(({ returnPath }) => hostname === returnPath))
    return void refuse('hostname is the one that bounces come to');
  return hostname;
}

function urlOf(
  given: unknown,
  before: ParseSetting | undefined,
  anyPort: boolean,
  errors: ApiError[],
): string | undefined {
  if (given === undefined && before) return before.url;
  if (typeof given !== 'string' || given === '') return void errors.push(fault('url', 'url is required'));
  const read = readParseUrl(given, anyPort);
  if (!read.ok) return void errors.push(fault('url', `url ${read.message}`));
  return given;
}

function fault(field: string | null, message: string): ApiError {
  return { message, field, help: null };
}
