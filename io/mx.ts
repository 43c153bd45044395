/**
 * Where a domain's mail goes: MX hosts in order of preference (RFC 5321 5.1), equal ones shuffled; the domain itself where
 * it has no MX; a final word for a null MX (RFC 7505) and for domains that do not exist; a deferral where DNS itself fails.
 * It refuses addresses that are not public: a domain may not send us to our own network (SSRF). IPv4 only: NAT has no IPv6.
 * Answers are kept for some minutes of the environment's life.
 */
import { Resolver } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import { toAsciiDomain } from '../core/domain.ts';
import { type Provider, providerOf } from '../core/provider.ts';
import { nameSite } from '../core/site.ts';

/** A domain's route. `hosts` are in the order in which they are tried. */
export type Route =
  | { kind: 'site'; site: string; provider: Provider; hosts: string[] }
  | { kind: 'bounced'; type: 'bounce' | 'blocked'; status: string; reply: string }
  | { kind: 'deferred'; reply: string };

/** A host's public addresses; or none, and why. `refused`: it has some, none of which mail may go to. */
export type HostAddresses = { addresses: string[]; error?: string; refused?: true };

export type MxSettings = {
  /** `address[:port]` of DNS servers; empty: the system's. */
  servers?: string[];
  /** For the local stack and tests only: hosts on this machine may be spoken to. */
  allowPrivateHosts?: boolean;
  /** Milliseconds that one server has to answer; default 3,000. */
  timeoutMs?: number;
  now: () => number;
  /** 0 ≤ x < 1. */
  random: () => number;
};

/** MX answers carry no TTL in Node; five minutes is within what domains promise. Failures are asked again sooner. */
const LIFE = 300_000;
const FAILURE_LIFE = 30_000;
const KEPT = 10_000;
/** Hosts of one domain that are tried; nobody needs more, and a hostile zone may list hundreds. */
const HOSTS = 10;

const PRIVATE = new BlockList();
for (const [net, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const)
  PRIVATE.addSubnet(net, bits, 'ipv4');

/** Whether an IPv4 address is loopback, private, link-local, reserved or multicast (RFC 6890). */
export function isPrivateAddress(address: string): boolean {
  return isIP(address) !== 4 || PRIVATE.check(address, 'ipv4');
}

const HOST_NAME = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,253})$/;

type Mx = { exchange: string; priority: number }[];
type Answer = { kind: 'mx'; records: Mx } | Exclude<Route, { kind: 'site' }>;

export function openMx(settings: MxSettings) {
  const { now, random, allowPrivateHosts = false } = settings;
  const resolver = new Resolver({ timeout: settings.timeoutMs ?? 3_000, tries: 2 });
  if (settings.servers?.length) resolver.setServers(settings.servers);
  const routes = keep<Answer>(now, ({ kind }) => (kind === 'deferred' ? FAILURE_LIFE : LIFE));
  const hosts = keep<HostAddresses>(now, ({ error }) => (error ? FAILURE_LIFE : LIFE));

  const look = async (domain: string): Promise<Answer> => {
    const name = toAsciiDomain(domain);
    if (!name || name.length > 253 || name.startsWith('[') || isIP(name) !== 0)
      return bounced('5.1.2', `${domain} is no domain that mail can go to`);
    try {
      const records = await resolver.resolveMx(name);
      const named = records.filter(({ exchange }) => exchange !== '' && exchange !== '.');
      // RFC 7505: one record with the root as its host says that the domain takes no mail.
      if (named.length === 0) return bounced('5.1.10', `556 ${name} takes no mail (null MX)`);
      // Anything else in a name is a trick: it could spell another site's name, or say something to a log.
      const usable = named.filter(({ exchange }) => HOST_NAME.test(exchange));
      if (usable.length > 0) return { kind: 'mx', records: usable };
      return { kind: 'bounced', type: 'blocked', status: '5.4.4', reply: `${name}: no MX is a host name` };
    } catch (error) {
      const code = codeOf(error);
      if (code === 'ENOTFOUND' || code === 'EBADNAME') return bounced('5.1.2', `${name} does not exist (NXDOMAIN)`);
      if (code === 'ENODATA') return lookImplicit(name);
      return { kind: 'deferred', reply: `dns: MX of ${name}: ${code}` };
    }
  };

  /** RFC 5321 5.1: a domain without MX is its own host, if it has an address. */
  const lookImplicit = async (name: string): Promise<Answer> => {
    const { addresses, error, refused } = await resolveHost(name);
    if (addresses.length > 0 || refused) return { kind: 'mx', records: [{ exchange: name, priority: 0 }] };
    if (error !== 'ENODATA' && error !== 'ENOTFOUND') return { kind: 'deferred', reply: `dns: A of ${name}: ${error}` };
    const hasIpv6 = await resolver.resolve6(name).then(
      (found) => found.length > 0,
      () => false,
    );
    if (!hasIpv6) return bounced('5.1.2', `${name} has neither MX nor address`);
    return { kind: 'bounced', type: 'blocked', status: '5.4.4', reply: `${name} takes mail by IPv6 only` };
  };

  /** The public addresses of a host. */
  const resolveHost = hosts(async (host: string): Promise<HostAddresses> => {
    if (isIP(host) === 4) return screen([host]);
    try {
      return screen(await resolver.resolve4(host));
    } catch (error) {
      return { addresses: [], error: codeOf(error) };
    }
  });

  const screen = (found: string[]): HostAddresses => {
    const addresses = allowPrivateHosts ? found : found.filter((address) => !isPrivateAddress(address));
    if (addresses.length > 0) return { addresses: shuffle(addresses, random) };
    return { addresses, error: `only private addresses (${found[0] ?? 'none'})`, refused: true };
  };

  const lookCached = routes(look);
  return {
    resolveHost,
    /** The route of a domain. Never throws: what cannot be known now is deferred. */
    resolveSite: async (domain: string): Promise<Route> => {
      const answer = await lookCached(domain.toLowerCase());
      if (answer.kind !== 'mx') return answer;
      const names = inOrder(answer.records, random);
      return { kind: 'site', site: nameSite(names), provider: providerOf(names), hosts: names.slice(0, HOSTS) };
    },
  };
}

function bounced(status: string, reply: string): Extract<Route, { kind: 'bounced' }> {
  return { kind: 'bounced', type: 'bounce', status, reply };
}

/** Lowest preference first; equal ones in random order (RFC 5321 5.1), each host once. */
function inOrder(records: Mx, random: () => number): string[] {
  const sorted = shuffle(records, random).sort((a, b) => a.priority - b.priority);
  return [...new Set(sorted.map(({ exchange }) => exchange.toLowerCase().replace(/\.$/, '')))];
}

function shuffle<T>(items: readonly T[], random: () => number): T[] {
  const shuffled = [...items];
  for (let n = shuffled.length - 1; n > 0; n--) {
    const m = Math.floor(random() * (n + 1));
    [shuffled[n], shuffled[m]] = [shuffled[m]!, shuffled[n]!];
  }
  return shuffled;
}

function codeOf(error: unknown): string {
  return (error as { code?: string }).code ?? String(error);
}

/** Keeps answers, each for its own life, at most KEPT of them; the oldest give way. One question at a time per name. */
function keep<T>(now: () => number, life: (answer: T) => number) {
  const kept = new Map<string, { until: number; answer: Promise<T> }>();
  return (ask: (name: string) => Promise<T>) =>
    (name: string): Promise<T> => {
      const known = kept.get(name);
      if (known && known.until > now()) return known.answer;
      kept.delete(name);
      if (kept.size >= KEPT) kept.delete(kept.keys().next().value!);
      const answer = ask(name);
      const entry = { until: Number.POSITIVE_INFINITY, answer };
      kept.set(name, entry);
      answer.then(
        (value) => {
          entry.until = now() + life(value);
        },
        () => kept.delete(name),
      );
      return answer;
    };
}
