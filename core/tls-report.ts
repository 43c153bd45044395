/**
 * TLS reports (RFC 8460): what a domain asks for, the counters of a day, and the report made of them. Who reads a report can
 * see what our sessions with his hosts came to, never whose mail it was.
 */
import { createHash } from 'node:crypto';
import { readMailbox } from './address.ts';
import type { StsPolicy, TlsFailureType } from './tls.ts';

/** Where a domain wants its reports. Ports other than 443, URLs with a user and hosts without a name are not for us. */
export type Rua = { kind: 'mailto'; address: string } | { kind: 'https'; url: string };

/** Addresses of one record that are served; more would make us a loudspeaker. */
const MOST_RUA = 3;
/** Failure details of one report. */
const MOST_DETAILS = 200;
const DAY = 86_400_000;
/** Days after which counters are of no use: the report has gone the day after. */
const KEPT_DAYS = 4;

/** Reads the TXT records at `_smtp._tls.<domain>` (RFC 8460 3). Empty: the domain wants no reports, or not from us. */
export function readRua(records: readonly string[]): Rua[] {
  const [record, ...others] = records.filter((one) => /^v=TLSRPTv1[ \t]*;/.test(one));
  if (record === undefined || others.length > 0) return [];
  const fields = record.split(';').map((field) => field.trim());
  const uris = fields.find((field) => field.startsWith('rua='))?.slice(4) ?? '';
  const wanted = uris.split(',').map((uri) => readUri(uri.trim()));
  return wanted.filter((one) => one !== undefined).slice(0, MOST_RUA);
}

/** As URL writes every spelling of one (`0x7f.1`, `2130706433`): `127.0.0.1`, `[::1]`. */
const ADDRESS = /^(?:\[.*\]|\d+(?:\.\d+){3})$/;

function readUri(uri: string): Rua | undefined {
  if (!URL.canParse(uri)) return undefined;
  const { protocol, username, password, port, href, hostname, pathname } = new URL(uri);
  if (protocol === 'https:')
    return username || password || port || ADDRESS.test(hostname) ? undefined : { kind: 'https', url: href };
  if (protocol !== 'mailto:') return undefined;
  const address = decode(pathname);
  return address !== undefined && readMailbox(address) ? { kind: 'mailto', address } : undefined;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

// counters ------------------------------------------------------------------------------------------------------------

/** Sessions with a domain under one policy (undefined: it has none), in the order in which they are written. */
export type TlsCount = {
  domain: string;
  policy?: StsPolicy;
  ok: number;
  failed: number;
  failures: TlsFailureCount[];
};
export type TlsFailureCount = {
  type: TlsFailureType;
  host: string;
  sessions: number;
  /** Of one of them. */
  address?: string;
  reason?: string;
};

/** `YYYY-MM-DD` (UTC): reports are about whole days (RFC 8460 4.1). @param at milliseconds since the epoch */
export const reportDay = (at: number) => new Date(at).toISOString().slice(0, 10);

const NO_POLICY = '-';

/** The items of a day are one partition of the sites table; a domain's lie together. */
export const tlsCountsKey = (day: string) => `tlsrpt#${day}`;
export const tlsCountKey = (day: string, { domain, policy }: Pick<TlsCount, 'domain' | 'policy'>) => ({
  pk: tlsCountsKey(day),
  sk: `${domain}#${policy?.id ?? NO_POLICY}`,
});
export const tlsFailureKey = (
  day: string,
  count: Pick<TlsCount, 'domain' | 'policy'>,
  { type, host }: Pick<TlsFailureCount, 'type' | 'host'>,
) => ({ pk: tlsCountsKey(day), sk: `${tlsCountKey(day, count).sk}#${type}#${host.slice(0, 255)}` });
/** What became of the reports of a day. */
export const tlsSentKey = (day: string, domain: string) => ({ pk: `${tlsCountsKey(day)}#sent`, sk: domain });

/** Unix seconds. */
export const tlsCountExpiry = (day: string) => Date.parse(`${day}T00:00:00Z`) / 1_000 + KEPT_DAYS * (DAY / 1_000);

export type TlsCountItem = { pk: string; sk: string; ok?: number; failed?: number; policy?: StsPolicy };
export type TlsFailureItem = { pk: string; sk: string; sessions?: number; address?: string; reason?: string };

/** The counts of a day by domain, from its items. Items that are no counter of ours are passed over. */
export function collectTlsCounts(items: readonly (TlsCountItem & TlsFailureItem)[]): Map<string, TlsCount[]> {
  const counts = new Map<string, TlsCount>();
  const of = (domain: string, id: string): TlsCount => {
    const key = `${domain}#${id}`;
    const known = counts.get(key) ?? { domain, ok: 0, failed: 0, failures: [] };
    counts.set(key, known);
    return known;
  };
  for (const { sk, ok = 0, failed = 0, policy, sessions = 0, address, reason } of items) {
    const [domain, id, type, host = ''] = sk.split('#');
    if (!domain || id === undefined) continue;
    const count = of(domain, id);
    if (type === undefined) Object.assign(count, { ok, failed, ...(policy ? { policy } : {}) });
    else if (count.failures.length < MOST_DETAILS)
      count.failures.push({
        type: type as TlsFailureType,
        host,
        sessions,
        ...(address === undefined ? {} : { address }),
        ...(reason === undefined ? {} : { reason }),
      });
  }
  return Map.groupBy(counts.values(), ({ domain }) => domain);
}

// the report ----------------------------------------------------------------------------------------------------------

export type Reporter = {
  /** The address that reports come from, one of our domains'. */
  from: string;
  /** Who reports, for people. */
  organization: string;
  /** An address for questions. */
  contact: string;
};

const submitterOf = ({ from }: Pick<Reporter, 'from'>) => from.slice(from.lastIndexOf('@') + 1).toLowerCase();

/** The same at every try, so that who gets a report twice can tell (RFC 8460 4.3). */
export const reportId = (day: string, domain: string, reporter: Pick<Reporter, 'from'>) =>
  `${day}_${domain}@${submitterOf(reporter)}`;

/** The report about a domain's day (RFC 8460 4.4), as it stands in JSON. */
export function buildTlsReport(day: string, domain: string, counts: readonly TlsCount[], reporter: Reporter) {
  return {
    'organization-name': reporter.organization,
    'date-range': { 'start-datetime': `${day}T00:00:00Z`, 'end-datetime': `${day}T23:59:59Z` },
    'contact-info': reporter.contact,
    'report-id': reportId(day, domain, reporter),
    policies: counts.map(({ policy, ok, failed, failures }) => ({
      policy: {
        'policy-type': policy ? 'sts' : 'no-policy-found',
        ...(policy ? { 'policy-string': policyLines(policy) } : {}),
        'policy-domain': domain,
        ...(policy ? { 'mx-host': policy.mx } : {}),
      },
      summary: { 'total-successful-session-count': ok, 'total-failure-session-count': failed },
      ...(failures.length > 0 ? { 'failure-details': failures.map(toDetail) } : {}),
    })),
  };
}

function toDetail({ type, host, sessions, address, reason }: TlsFailureCount) {
  return {
    'result-type': type,
    ...(host ? { 'receiving-mx-hostname': host } : {}),
    ...(address === undefined ? {} : { 'receiving-ip': address }),
    'failed-session-count': sessions,
    ...(reason === undefined ? {} : { 'failure-reason-code': reason }),
  };
}

function policyLines({ mode, mx, maxAge }: StsPolicy): string[] {
  return ['version: STSv1', `mode: ${mode}`, ...mx.map((pattern) => `mx: ${pattern}`), `max_age: ${maxAge}`];
}

/** The media type of a compressed report (RFC 8460 6.4). */
export const TLS_REPORT_TYPE = 'application/tlsrpt+gzip';

/** How a report is named and introduced by mail (RFC 8460 5.1, 5.3). */
export function nameTlsReport(day: string, domain: string, reporter: Reporter) {
  const submitter = submitterOf(reporter);
  const start = Date.parse(`${day}T00:00:00Z`) / 1_000;
  const id = reportId(day, domain, reporter);
  return {
    filename: `${submitter}!${domain}!${start}!${start + DAY / 1_000 - 1}!${hash(id).slice(0, 12)}.json.gz`,
    subject: `Report Domain: ${domain} Submitter: ${submitter} Report-ID: <${id}>`,
    headers: { 'TLS-Report-Domain': domain, 'TLS-Report-Submitter': submitter },
    text: `This is a TLS report (RFC 8460) about mail from ${reporter.organization} to ${domain} on ${day} (UTC).\nQuestions: ${reporter.contact}\n`,
  };
}

const hash = (text: string) => createHash('sha256').update(text).digest('hex');
