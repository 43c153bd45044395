/**
 * MTA-STS policies in force (RFC 8461). A TXT record says whether a domain has one, HTTPS brings it; it is kept for its
 * max_age and asked for again when the record's id changes. A policy that is kept stays in force when the record vanishes
 * or the host of the policy fails: whoever can make them fail must not be able to switch it off (RFC 8461 5.1, 10.2).
 * A domain whose policy was never had, has none. It refuses redirects, certificates that do not name the host, what is not
 * text/plain or too long, and hosts with private addresses (SSRF).
 */
import { POLICY_BYTES, type PublishedPolicy, parseStsPolicy, readStsId } from '../core/mta-sts.ts';
import type { StsPolicy, TlsFailure, TlsFailureType } from '../core/tls.ts';
import type { Dns } from './dns.ts';
import { askHttps } from './https.ts';

export type MtaStsSettings = {
  /** Milliseconds for fetching a policy, all of it; default 5,000. */
  timeoutMs?: number;
  /** For tests only: where policy hosts listen, and who signs their certificates. */
  port?: number;
  ca?: string;
};

type MtaStsDeps = MtaStsSettings & {
  dns: Pick<Dns, 'txt'>;
  /** A host's addresses, those alone that may be spoken to. */
  resolveHost: (host: string) => Promise<{ addresses: string[]; error?: string }>;
  now: () => number;
};

/** `policy`: what is in force; undefined: nothing. `failure`: a policy that there should be could not be had. */
export type StsInForce = { policy?: StsPolicy; failure?: TlsFailure };

/** Milliseconds. */
const LONGEST = 7 * 86_400_000;
const FAILURE = 300_000;
/** Policies, of up to 13 KB each. */
const KEPT = 2_000;

type Failed = { id: string; until: number; failure: TlsFailure };
/** `renewAt`: it is asked for again from then on, so that nobody gains by blocking us at its end (RFC 8461 10.2). */
type Entry = { id: string; policy?: PublishedPolicy; renewAt: number; until: number; failed?: Failed };

/** @returns the policy of a domain (ASCII, lower case). It never throws; it takes as long as one TXT query for most domains. */
export function openMtaSts({
  dns,
  resolveHost,
  now,
  ...settings
}: MtaStsDeps): (domain: string) => Promise<StsInForce> {
  const kept = new Map<string, Entry>();
  const fetching = new Map<string, Promise<StsInForce>>();

  const refresh = async (domain: string, id: string): Promise<StsInForce> => {
    const known = kept.get(domain);
    const fetched = await fetchPolicy(domain, resolveHost, settings);
    kept.delete(domain);
    if (kept.size >= KEPT) kept.delete(kept.keys().next().value!);
    if ('mode' in fetched) {
      const life = Math.min(LONGEST, fetched.maxAge * 1_000);
      const entry = { id, policy: fetched, renewAt: now() + life / 2, until: now() + life };
      kept.set(domain, entry);
      // Of a max_age of 0 this one mail is all that it is for.
      return inForce(entry);
    }
    const failed = { id, until: now() + FAILURE, failure: fetched };
    const entry = { ...(known ?? { id, renewAt: 0, until: 0 }), failed };
    kept.set(domain, entry);
    return { ...(isLive(entry) ? inForce(entry) : {}), failure: fetched };
  };
  const isLive = (entry: Entry | undefined): entry is Entry => entry !== undefined && entry.until > now();

  return async (domain) => {
    const records = await dns.txt(`_mta-sts.${domain}`);
    const id = 'answers' in records ? readStsId(records.answers) : undefined;
    const known = kept.get(domain);
    if (isLive(known) && (id === undefined || (known.id === id && known.renewAt > now()))) return inForce(known);
    if (id === undefined) return {};
    const { failed } = known ?? {};
    if (failed && failed.id === id && failed.until > now())
      return { ...(isLive(known) ? inForce(known) : {}), failure: failed.failure };
    const key = `${domain} ${id}`;
    let refreshed = fetching.get(key);
    if (!refreshed) {
      refreshed = refresh(domain, id).finally(() => fetching.delete(key));
      fetching.set(key, refreshed);
    }
    return refreshed;
  };
}

function inForce({ policy, id }: Entry): StsInForce {
  if (!policy || policy.mode === 'none') return {};
  const { mode, mx, maxAge } = policy;
  return { policy: { mode, mx, maxAge, id } };
}

/** Fetches a domain's policy (RFC 8461 3.3). */
async function fetchPolicy(
  domain: string,
  resolveHost: MtaStsDeps['resolveHost'],
  { timeoutMs = 5_000, port = 443, ca }: MtaStsSettings,
): Promise<PublishedPolicy | TlsFailure> {
  const host = `mta-sts.${domain}`;
  const fail = (type: TlsFailureType, reason: string): TlsFailure => ({ type, host, reason });
  const signal = AbortSignal.timeout(timeoutMs);
  const late = new Promise<{ addresses: string[]; error: string }>((resolve) => {
    signal.addEventListener('abort', () => resolve({ addresses: [], error: 'timeout' }), { once: true });
  });
  const { addresses, error } = await Promise.race([resolveHost(host), late]);
  const [address] = addresses;
  if (address === undefined) return fail('sts-policy-fetch-error', `${host}: ${error}`);
  const got = await askHttps({
    host,
    address,
    port,
    path: '/.well-known/mta-sts.txt',
    headers: { accept: 'text/plain' },
    most: POLICY_BYTES,
    signal,
    ...(ca === undefined ? {} : { ca }),
  });
  const wrong = (reason: string) => fail('sts-policy-fetch-error', `${host}: ${reason}`);
  if ('error' in got) return got.certificate ? fail('sts-webpki-invalid', `${host}: ${got.error}`) : wrong(got.error);
  if (got.status !== 200) return wrong(`HTTP ${got.status}`);
  if (got.type !== 'text/plain') return wrong(`its type is ${got.type ?? 'not said'}, not text/plain`);
  const policy = parseStsPolicy(got.body.toString('utf8'));
  return 'problem' in policy ? fail('sts-policy-invalid', `${host}: ${policy.problem}`) : policy;
}
