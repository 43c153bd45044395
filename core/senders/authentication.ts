/**
 * Domain authentication as the API reads and shows it (SendGrid: `whitelabel/domains`). With automatic security customers publish
 * three CNAMEs, once, that lead to records in a zone of ours; without it, the records themselves. It refuses a domain that is no
 * public name, addresses that are none of the stack's, and automatic security where the stack has no zone for it.
 */
import { readDomain } from '../address.ts';
import { keysOf } from '../domain-keys.ts';
import type { ApiError } from '../errors.ts';
import { OPERATOR } from '../records/accounts.ts';
import type { DomainRecord } from '../records/domains.ts';
import type { Authentication, Borrower } from '../records/senders.ts';
import { senderDns } from './dns.ts';
import { authenticationOf, isProven, type Sending } from './kept.ts';
import { labelOf, numberOf } from './names.ts';

/** Whose a domain is, as the API names him. */
export type User = { username: string; userId: number };

export type AskedDomain = {
  domain: string;
  username?: string;
  isDefault: boolean;
  /** Its selectors, the one that signs first. */
  selectors: readonly [string, string];
  authentication: Authentication;
};

export type Read<T> = { ok: true; asked: T } | { ok: false; errors: ApiError[] };

/** Domains of an account (SendGrid: 3,000). */
export const DOMAINS = 3_000;
/**
 * Of them with automatic security, and of these such as DNS has not proved: each has some records in the operator's zone, which takes 10,000
 * (Route 53), and whoever names domains that are not his would leave nothing of it for others. Not of the operator's own account.
 */
export const AUTOMATIC = 100;
export const UNPROVEN = 10;
/** One label: whoever answers for a return path knows its domain by taking it away. */
const SUBDOMAIN = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
/** SendGrid: "three letters or numbers". */
const SELECTOR = /^[a-z0-9]{3}$/;

/**
 * Reads `POST /v3/whitelabel/domains`.
 * @param account whose it becomes: names that two accounts publish in one zone must differ
 * @param id that no other domain of the account has
 */
export function readDomainRequest(
  body: unknown,
  { account, id, sending }: { account: string; id: (domain: string) => number; sending: Sending },
): Read<AskedDomain> {
  const given = objectOf(body);
  if (!given) return refuse(null, 'the body must be a JSON object');
  const domain = typeof given.domain === 'string' ? readDomain(given.domain) : undefined;
  if (domain === undefined) return refuse('domain', 'domain must be a domain name, like example.com');
  const { subdomain = `em${1_000 + (numberOf('em', account, domain) % 9_000)}`, username, ips = [] } = given;
  if (typeof subdomain !== 'string' || !SUBDOMAIN.test(subdomain.toLowerCase()))
    return refuse('subdomain', 'subdomain must be a label, like em or news');
  if (readDomain(`${subdomain}.${domain}`) === undefined)
    return refuse('subdomain', 'subdomain makes the name too long');
  if (username !== undefined && (typeof username !== 'string' || username === ''))
    return refuse('username', 'username must be the name of a subuser');
  for (const field of ['custom_spf', 'default', 'automatic_security'] as const)
    if (given[field] !== undefined && typeof given[field] !== 'boolean')
      return refuse(field, `${field} must be true or false`);
  if (!Array.isArray(ips) || ips.length > 100) return refuse('ips', 'ips must be an array of addresses');
  for (const [n, ip] of ips.entries())
    if (!hasSource(ip, sending)) return refuse(`ips.${n}`, `${String(ip).slice(0, 40)} is no address of this stack`);
  const { custom_dkim_selector: custom, region = 'global' } = given;
  if (custom !== undefined && (typeof custom !== 'string' || !SELECTOR.test(custom.toLowerCase())))
    return refuse('custom_dkim_selector', 'custom_dkim_selector must be three letters or numbers');
  if (region !== 'global')
    return refuse('region', 'region must be global: a stack is in one region, and this call cannot choose it');
  if (given.automatic_security === true && sending.targets === undefined)
    return refuse(
      'automatic_security',
      'automatic_security needs a DNS zone of this stack (the setting senders.targets); say false to publish the records yourself',
    );
  const automatic = given.automatic_security !== false && sending.targets !== undefined;
  const selectors = selectorsOf(automatic, typeof custom === 'string' ? custom.toLowerCase() : undefined);
  const asked: AskedDomain = {
    domain,
    ...(typeof username === 'string' ? { username } : {}),
    isDefault: given.default === true,
    selectors,
    authentication: {
      id: id(domain),
      subdomain: subdomain.toLowerCase(),
      automatic,
      customSpf: given.custom_spf === true,
      ips: [...new Set(ips as string[])],
      ...(automatic ? { selectors, target: `${labelOf(account, domain)}.${sending.targets}` } : {}),
      found: [],
      subusers: [],
      written: [],
      revision: 0,
    },
  };
  return { ok: true, asked };
}

function selectorsOf(automatic: boolean, custom: string | undefined): readonly [string, string] {
  if (custom !== undefined) return [custom, `${custom}2`];
  return automatic ? ['s1', 's2'] : ['m1', 'm2'];
}

/** Why an account can have no further domain with automatic security beside its others; undefined: it can. */
export function zoneIsFull(account: string, others: readonly DomainRecord[]): string | undefined {
  if (account === OPERATOR) return undefined;
  const automatic = others.filter((record) => authenticationOf(record).automatic);
  if (automatic.length >= AUTOMATIC)
    return `an account has ${AUTOMATIC} domains with automatic security at most: say automatic_security: false, and publish the records yourself`;
  if (automatic.filter((record) => !isProven(record)).length >= UNPROVEN)
    return `${UNPROVEN} domains with automatic security wait for their records: validate or delete one, or say automatic_security: false`;
  return undefined;
}

export const hasSource = (ip: unknown, { sources }: Sending): boolean => sources.some((source) => source.ip === ip);

/** Reads `PATCH /v3/whitelabel/domains/{id}`: what is left out stays. */
export function readDomainChange(body: unknown): Read<{ isDefault?: boolean; customSpf?: boolean }> {
  const given = objectOf(body ?? {});
  if (!given) return refuse(null, 'the body must be a JSON object');
  const { default: isDefault, custom_spf: customSpf } = given;
  if (isDefault !== undefined && typeof isDefault !== 'boolean')
    return refuse('default', 'default must be true or false');
  if (customSpf !== undefined && typeof customSpf !== 'boolean')
    return refuse('custom_spf', 'custom_spf must be true or false');
  return {
    ok: true,
    asked: { ...(isDefault === undefined ? {} : { isDefault }), ...(customSpf === undefined ? {} : { customSpf }) },
  };
}

/** In SendGrid's shape. @param subusers whether to say who borrows it: a list does, one domain does not */
export function showDomain(
  record: DomainRecord,
  {
    user,
    isDefault,
    sending,
    subusers = false,
  }: { user: User; isDefault: boolean; sending: Sending; subusers?: boolean },
) {
  const kept = authenticationOf(record);
  const dns = senderDns(record, sending).map(({ field, type, name, value }) => [
    field,
    { valid: kept.found.includes(field), type: type.toLowerCase(), host: name, data: plainValue(type, value) },
  ]);
  return {
    id: kept.id,
    user_id: user.userId,
    subdomain: kept.subdomain,
    domain: record.domain,
    username: user.username,
    ips: kept.ips,
    custom_spf: kept.customSpf,
    default: isDefault,
    legacy: false,
    automatic_security: kept.automatic,
    valid: record.validAt !== undefined,
    dns: Object.fromEntries(dns),
    ...(subusers ? { subusers: kept.subusers.map(showBorrower) } : {}),
    ...(subusers && kept.triedAt !== undefined ? { last_validation_attempt_at: Math.floor(kept.triedAt / 1_000) } : {}),
  };
}

const showBorrower = ({ username, userId }: Borrower) => ({ user_id: userId, username });
/** SendGrid names the host of an MX without its preference. */
const plainValue = (type: string, value: string) => (type === 'MX' ? value.replace(/^\d+ /, '') : value);

/** Bits of the RSA key that signs; undefined where its base64 is none. The modulus is the bulk of its DER. */
export function keyBits(record: DomainRecord): number | undefined {
  const rsa = keysOf(record).findLast(({ algorithm, state }) => algorithm === 'rsa' && state === 'active');
  const bytes = rsa && Buffer.from(rsa.publicKey, 'base64').length;
  return bytes === undefined ? undefined : [1_024, 2_048, 3_072, 4_096].findLast((bits) => bytes > bits / 8);
}

function objectOf(body: unknown): Record<string, unknown> | undefined {
  return typeof body === 'object' && body !== null && !Array.isArray(body)
    ? (body as Record<string, unknown>)
    : undefined;
}

function refuse(field: string | null, message: string): { ok: false; errors: ApiError[] } {
  return { ok: false, errors: [{ message, field, help: null }] };
}
