/**
 * Where a domain's mail goes: MX hosts in order of preference (RFC 5321 5.1), equal ones shuffled; the domain itself where
 * it has no MX; a final word for a null MX (RFC 7505), for domains that do not exist and for those whose mail would come
 * back to us; a deferral where DNS itself fails. Under MTA-STS (RFC 8461) only the hosts that the domain's policy allows.
 * It refuses addresses that are not public: a domain may not send us to our own network (SSRF). IPv4 only, unless the
 * settings say that there is IPv6: NAT has none. Answers are kept for their TTL.
 */
import { isIP } from 'node:net';
import { toAsciiDomain } from '../core/domain.ts';
import { allowsHost } from '../core/mta-sts.ts';
import { providerOf as providerOfHosts } from '../core/provider.ts';
import { nameSite } from '../core/site.ts';
import type { StsPolicy, TlsFailure } from '../core/tls.ts';
import { isPrivateAddress } from './addresses.ts';
import { type DnsAnswer, type DnsFailure, type DnsFailureKind, type MxRecord, openDns } from './dns.ts';
import { cacheDns } from './dns-cache.ts';
import { type MtaStsSettings, openMtaSts, type StsInForce } from './mta-sts.ts';
import { openTlsReportPost } from './tls-report-post.ts';

export { isPrivateAddress } from './addresses.ts';

/** A domain's route. `hosts` are in the order in which they are tried. `tlsFailures`: what its policy came to (RFC 8460). */
export type Route =
  | {
      kind: 'site';
      /** The name of the whole MX set. */
      site: string;
      provider: string;
      hosts: string[];
      sts?: { mode: StsPolicy['mode']; policy: StsPolicy };
      tlsFailures?: TlsFailure[];
    }
  | { kind: 'bounced'; type: 'bounce' | 'blocked'; status: string; reply: string }
  | { kind: 'deferred'; reply: string; tlsFailures?: TlsFailure[] };

/** A host's public addresses; or none, and why. `refused`: it has some, none of which mail may go to. */
export type HostAddresses = { addresses: string[]; error?: string; refused?: true };

export type MxSettings = {
  /** `address[:port]` of DNS servers; empty: the system's. */
  servers?: string[];
  /** For the local stack and tests only: hosts on this machine may be spoken to. */
  allowPrivateHosts?: boolean;
  /** Milliseconds that one server has to answer; default 3,000. */
  timeoutMs?: number;
  /** Whether hosts can be reached by IPv6 too; default false. */
  ipv6?: boolean;
  /** Our own names (EHLO) and addresses: mail for them would come back to us. */
  ownNames?: readonly string[];
  ownAddresses?: readonly string[];
  /** False: policies are neither asked for nor kept. */
  mtaSts?: MtaStsSettings | false;
  /** The provider of a set of hosts; default: core/provider.ts. */
  providerOf?: (hosts: readonly string[]) => string;
  now: () => number;
  /** 0 ≤ x < 1. */
  random: () => number;
};

/** Hosts of one domain that are tried; nobody needs more, and a hostile zone may list hundreds. */
const HOSTS = 10;
const HOST_NAME = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,253})$/;

type Mx = { kind: 'mx'; records: MxRecord[] } | Exclude<Route, { kind: 'site' }>;

export function openMx(settings: MxSettings) {
  const { now, random, allowPrivateHosts = false, ipv6 = false, providerOf = providerOfHosts } = settings;
  const dns = cacheDns(openDns(settings), now);
  const ownNames = new Set((settings.ownNames ?? []).map(plain));
  const ownAddresses = new Set(settings.ownAddresses ?? []);

  const look = async (name: string): Promise<Mx> => {
    const found = await dns.mx(name);
    if ('failure' in found) {
      if (found.failure === 'NODATA') return lookImplicit(name);
      if (found.failure === 'BADNAME') return bounced('5.1.2', `${name} is no domain that mail can go to`);
      if (found.failure === 'NXDOMAIN') return bounced('5.1.2', `${name} does not exist (NXDOMAIN)`);
      return { kind: 'deferred', reply: `dns: MX of ${name}: ${found.failure}` };
    }
    const named = found.answers.filter(({ exchange }) => exchange !== '' && exchange !== '.');
    // RFC 7505: one record with the root as its host says that the domain takes no mail.
    if (named.length === 0) return bounced('5.1.10', `556 ${name} takes no mail (null MX)`);
    // Anything else in a name is a trick: it could spell another site's name, or say something to a log.
    const usable = named.filter(({ exchange }) => HOST_NAME.test(exchange));
    if (usable.length > 0) return { kind: 'mx', records: usable };
    return blocked('5.4.4', `${name}: no MX is a host name`);
  };

  /** RFC 5321 5.1: a domain without MX is its own host, if it has an address. */
  const lookImplicit = async (name: string): Promise<Mx> => {
    const own: Mx = { kind: 'mx', records: [{ preference: 0, exchange: name }] };
    const [four, six] = await Promise.all([dns.a(name), ipv6 ? dns.aaaa(name) : undefined]);
    const known = [four, ...(six ? [six] : [])];
    if (known.some((one) => 'answers' in one)) {
      const all = known.flatMap((one) => ('answers' in one ? one.answers : []));
      return all.every((address) => ownAddresses.has(address)) ? loop(name) : own;
    }
    const unknown = known.find((one) => !isFinal(one)) as DnsFailure | undefined;
    if (unknown) return { kind: 'deferred', reply: `dns: address of ${name}: ${unknown.failure}` };
    const unreachable = six ?? (await dns.aaaa(name));
    if ('answers' in unreachable) return blocked('5.4.4', `${name} takes mail by IPv6 only`);
    if (isFinal(unreachable)) return bounced('5.1.2', `${name} has neither MX nor address`);
    return { kind: 'deferred', reply: `dns: address of ${name}: ${unreachable.failure}` };
  };

  /** RFC 5321 5.1: where we are in the list ourselves, only hosts that the domain prefers to us are left. */
  const withoutUs = (name: string, records: MxRecord[]): Mx => {
    const ours = records.filter(({ exchange }) => ownNames.has(plain(exchange)));
    const best = Math.min(...ours.map(({ preference }) => preference));
    const left = records.filter(({ preference }) => preference < best);
    return left.length > 0 ? { kind: 'mx', records: left } : loop(name);
  };

  /** The addresses of a host that mail may go to; with IPv6, both kinds in turns, beginning with it. */
  const resolveHost = async (host: string): Promise<HostAddresses> => {
    if (isIP(host) !== 0) return screen([host]);
    const [six, four] = await Promise.all([ipv6 ? dns.aaaa(host) : undefined, dns.a(host)]);
    const sixes = six && 'answers' in six ? shuffle(six.answers, random) : [];
    const fours = 'answers' in four ? shuffle(four.answers, random) : [];
    const found = Array.from({ length: Math.max(sixes.length, fours.length) }, (_, n) => [sixes[n], fours[n]]).flat();
    if (found.length > 0) return screen(found.filter((address) => address !== undefined));
    const worst = [six, four].find((one) => one && 'failure' in one && !isFinal(one)) ?? four;
    return { addresses: [], error: 'failure' in worst ? explain(worst.failure) : 'no address' };
  };

  const screen = (found: string[]): HostAddresses => {
    const others = found.filter((address) => !ownAddresses.has(address));
    if (others.length === 0) return { addresses: [], error: `mail loops back to us (${found[0]})`, refused: true };
    const addresses = allowPrivateHosts ? others : others.filter((address) => !isPrivateAddress(address));
    if (addresses.length > 0) return { addresses };
    return { addresses, error: `only private addresses (${others[0]})`, refused: true };
  };

  const { mtaSts = {} } = settings;
  const policyOf = mtaSts ? openMtaSts({ ...mtaSts, dns, resolveHost, now }) : async (): Promise<StsInForce> => ({});

  return {
    resolveHost,
    /** TLS reports (RFC 8460), by the same DNS and the same rules of where we may connect. */
    tlsReports: openTlsReportPost({ ...(mtaSts || {}), dns, resolveHost }),
    /** The route of a domain. Never throws: what cannot be known now is deferred. */
    resolveSite: async (domain: string): Promise<Route> => {
      const name = toAsciiDomain(domain)?.replace(/\.$/, '');
      if (!name || name.length > 253 || name.startsWith('[') || isIP(name) !== 0)
        return bounced('5.1.2', `${domain} is no domain that mail can go to`);
      // Both at once: the policy of a domain that has none costs no time.
      const [mx, { policy, failure }] = await Promise.all([look(name), policyOf(name)]);
      if (mx.kind !== 'mx') return mx;
      const left = withoutUs(name, mx.records);
      if (left.kind !== 'mx') return left;
      const all = mx.records.map(({ exchange }) => plain(exchange));
      const whole = { kind: 'site' as const, site: nameSite(all), provider: providerOf(all) };
      const route = { ...whole, hosts: inOrder(left.records, random) };
      return applyPolicy(name, route, policy, failure ? [failure] : []);
    },
  };
}

/** Leaves out the hosts that an enforced policy does not allow (RFC 8461 5). With `testing` they are only told of. */
function applyPolicy(
  name: string,
  route: Extract<Route, { kind: 'site' }>,
  policy: StsPolicy | undefined,
  failures: TlsFailure[],
): Route {
  const allowed = policy ? route.hosts.filter((host) => allowsHost(policy.mx, host)) : route.hosts;
  const refused = route.hosts.filter((host) => !allowed.includes(host));
  const tlsFailures = [
    ...failures,
    ...refused.map((host) => ({
      type: 'validation-failure' as const,
      host,
      reason: `not an mx of the policy of ${name}`,
    })),
  ].slice(0, HOSTS);
  const told = tlsFailures.length > 0 ? { tlsFailures } : {};
  if (!policy) return { ...route, hosts: route.hosts.slice(0, HOSTS), ...told };
  if (policy.mode === 'enforce' && allowed.length === 0)
    return { kind: 'deferred', reply: `MTA-STS: the policy of ${name} allows none of its MX (${refused[0]})`, ...told };
  const hosts = (policy.mode === 'enforce' ? allowed : route.hosts).slice(0, HOSTS);
  return { ...route, hosts, sts: { mode: policy.mode, policy }, ...told };
}

function bounced(status: string, reply: string): Extract<Route, { kind: 'bounced' }> {
  return { kind: 'bounced', type: 'bounce', status, reply };
}

function blocked(status: string, reply: string): Extract<Route, { kind: 'bounced' }> {
  return { kind: 'bounced', type: 'blocked', status, reply };
}

function loop(name: string): Extract<Route, { kind: 'bounced' }> {
  return blocked('5.4.6', `${name}: mail loops back to us`);
}

/** Whether DNS has said that there is none; else it has said nothing. */
function isFinal(answer: DnsAnswer<unknown>): boolean {
  return 'failure' in answer && ['NXDOMAIN', 'NODATA', 'BADNAME'].includes(answer.failure);
}

function explain(failure: DnsFailureKind): string {
  return failure === 'NXDOMAIN'
    ? 'no such host (NXDOMAIN)'
    : failure === 'NODATA'
      ? 'it has no address'
      : `dns: ${failure}`;
}

/** Lowest preference first; equal ones in random order (RFC 5321 5.1), each host once. */
function inOrder(records: MxRecord[], random: () => number): string[] {
  const sorted = shuffle(records, random).sort((a, b) => a.preference - b.preference);
  return [...new Set(sorted.map(({ exchange }) => plain(exchange)))];
}

function plain(host: string): string {
  return host.toLowerCase().replace(/\.$/, '');
}

function shuffle<T>(items: readonly T[], random: () => number): T[] {
  const shuffled = [...items];
  for (let n = shuffled.length - 1; n > 0; n--) {
    const m = Math.floor(random() * (n + 1));
    [shuffled[n], shuffled[m]] = [shuffled[m]!, shuffled[n]!];
  }
  return shuffled;
}
