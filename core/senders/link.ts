/**
 * Branded links as the API reads and shows them (SendGrid: `whitelabel/links`). Two CNAMEs: the host itself, which readers open, and one
 * that names the account by its number, so that nobody takes a host whose zone is another's.
 */
import { readDomain } from '../address.ts';
import type { ApiError } from '../errors.ts';
import type { LinkBranding } from '../records/senders.ts';
import { type LinkRecord, linkKey } from '../records/tracking.ts';
import type { User } from './authentication.ts';
import { numberOf } from './names.ts';

const SUBDOMAIN = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

export type AskedLink = { record: LinkRecord & { branding: LinkBranding }; isDefault: boolean };
export type Read = { ok: true; asked: AskedLink } | { ok: false; errors: ApiError[] };

/** Links of an account (SendGrid: 3,000). */
export const LINKS = 3_000;

/** @param id that no other link of the account has */
export function readLinkRequest(body: unknown, account: string, id: (domain: string) => number, now: number): Read {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    return refuse(null, 'the body must be a JSON object');
  const given = body as Record<string, unknown>;
  const domain = typeof given.domain === 'string' ? readDomain(given.domain) : undefined;
  if (domain === undefined) return refuse('domain', 'domain must be a domain name, like example.com');
  const { subdomain = `url${1_000 + (numberOf('url', account, domain) % 9_000)}`, region = 'us' } = given;
  if (typeof subdomain !== 'string' || !SUBDOMAIN.test(subdomain.toLowerCase()))
    return refuse('subdomain', 'subdomain must be a label, like links');
  const host = `${subdomain.toLowerCase()}.${domain}`;
  if (readDomain(host) === undefined) return refuse('subdomain', 'subdomain makes the name too long');
  if (given.default !== undefined && typeof given.default !== 'boolean')
    return refuse('default', 'default must be true or false');
  if (region !== 'us')
    return refuse('region', 'region must be us, or left out: a stack is in one region, and this call cannot choose it');
  const branding: LinkBranding = {
    id: id(domain),
    subdomain: subdomain.toLowerCase(),
    ownerFound: false,
    hostFound: false,
    subusers: [],
  };
  const record = { ...linkKey(account, domain), domain, host, createdAt: now, branding };
  return { ok: true, asked: { record, isDefault: given.default === true } };
}

export function brandingOf(record: LinkRecord): LinkBranding {
  const isValid = record.validAt !== undefined;
  return (
    record.branding ?? {
      id: numberOf('link', record.pk, record.domain),
      subdomain: record.host.endsWith(`.${record.domain}`) ? record.host.slice(0, -record.domain.length - 1) : '',
      ownerFound: isValid,
      hostFound: isValid,
      subusers: [],
    }
  );
}

/** The name by whose record DNS says whose account a domain's links are. */
export const ownerHost = (record: LinkRecord, user: User) => `${user.userId}.${record.domain}`;

/** @param target what both CNAMEs lead to */
export function showLink(
  record: LinkRecord,
  { user, isDefault, target }: { user: User; isDefault: boolean; target: string },
) {
  const { id, subdomain, ownerFound, hostFound } = brandingOf(record);
  const cname = (host: string, valid: boolean) => ({ valid, type: 'cname', host, data: target });
  return {
    id,
    domain: record.domain,
    subdomain,
    username: user.username,
    user_id: user.userId,
    default: isDefault,
    valid: record.validAt !== undefined,
    legacy: false,
    dns: {
      domain_cname: cname(record.host, hostFound),
      owner_cname: cname(ownerHost(record, user), ownerFound),
    },
  };
}

function refuse(field: string | null, message: string): { ok: false; errors: ApiError[] } {
  return { ok: false, errors: [{ message, field, help: null }] };
}
