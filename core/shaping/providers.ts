/**
 * The mailbox providers that we know by their MX hosts, and what each takes from one source IP: where it begins, and what it
 * grows back to. Figures are what senders have found to be taken, seldom what a provider publishes; the user may change each
 * (docs/shaping.md). A provider matches only if every host is its own: a domain with a second MX elsewhere is nobody's.
 */
import type { SiteLimits } from './rule.ts';

export type ProviderData = {
  name: string;
  /** The ends of its MX hosts' names, whole labels, in lower case, without dots around them. */
  suffixes: readonly string[];
  limits: SiteLimits;
};

/** Of a site that is nobody's we know. */
export const DEFAULT_LIMITS: SiteLimits = {
  connections: 10,
  floor: 1,
  messagesPerConnection: 100,
  perMinute: 6_000,
  connectionsPerMinute: 100,
};

const limits = (given: Partial<SiteLimits>): SiteLimits => ({ ...DEFAULT_LIMITS, ...given });
const shared = (connections: number, messagesPerConnection: number): SiteLimits =>
  limits({ connections, messagesPerConnection, sharedBy: 'provider' });

export const PROVIDERS = [
  {
    name: 'google',
    suffixes: ['google.com', 'googlemail.com', 'smtp.goog'],
    limits: { ...shared(5, 50), tls: 'required' },
  },
  { name: 'yahoo', suffixes: ['yahoodns.net'], limits: limits({ messagesPerConnection: 20 }) },
  { name: 'yahoo-japan', suffixes: ['yahoo.co.jp'], limits: { ...shared(2, 20), perMinute: 600 } },
  { name: 'microsoft', suffixes: ['olc.protection.outlook.com'], limits: shared(5, 50) },
  {
    name: 'microsoft365',
    suffixes: ['mail.protection.outlook.com', 'mail.eo.outlook.com', 'mx.microsoft'],
    limits: shared(5, 50),
  },
  { name: 'apple', suffixes: ['icloud.com'], limits: shared(10, 5) },
  {
    name: 'comcast',
    suffixes: ['comcast.net'],
    limits: limits({ connections: 25, messagesPerConnection: 1_000, tls: 'required' }),
  },
  {
    name: 'gmx',
    suffixes: ['gmx.net', 'gmx.com', 'web.de', 'mail.com'],
    limits: limits({ connections: 4, messagesPerConnection: 20, tls: 'required' }),
  },
  { name: 'orange', suffixes: ['orange.fr', 'wanadoo.fr'], limits: { ...shared(2, 100), tls: 'required' } },
  { name: 't-online', suffixes: ['t-online.de'], limits: DEFAULT_LIMITS },
  { name: 'laposte', suffixes: ['laposte.net'], limits: { ...shared(2, 100), tls: 'required' } },
  { name: 'free', suffixes: ['free.fr'], limits: DEFAULT_LIMITS },
  { name: 'libero', suffixes: ['libero.it'], limits: DEFAULT_LIMITS },
  { name: 'mail.ru', suffixes: ['mail.ru'], limits: DEFAULT_LIMITS },
  { name: 'yandex', suffixes: ['yandex.net', 'yandex.ru'], limits: DEFAULT_LIMITS },
  { name: 'proton', suffixes: ['protonmail.ch'], limits: DEFAULT_LIMITS },
  { name: 'zoho', suffixes: ['zoho.com', 'zoho.eu', 'zoho.in'], limits: DEFAULT_LIMITS },
  { name: 'fastmail', suffixes: ['messagingengine.com'], limits: DEFAULT_LIMITS },
  { name: 'att', suffixes: ['prodigy.net'], limits: DEFAULT_LIMITS },
  { name: 'spectrum', suffixes: ['charter.net', 'rr.com'], limits: DEFAULT_LIMITS },
  { name: 'cox', suffixes: ['cox.net'], limits: limits({ connections: 5 }) },
  {
    name: 'qq',
    suffixes: ['qq.com'],
    limits: limits({ connections: 4, messagesPerConnection: 8, tls: 'required' }),
  },
  {
    name: 'netease',
    suffixes: ['netease.com'],
    limits: limits({ connections: 4, messagesPerConnection: 7, tls: 'required' }),
  },
  { name: 'naver', suffixes: ['naver.com'], limits: DEFAULT_LIMITS },
  {
    name: 'netvigator',
    suffixes: ['netvigator.com'],
    limits: { ...shared(5, 10), tls: 'required' },
  },
  {
    name: 'kpn',
    suffixes: ['kpnmail.nl'],
    limits: limits({ messagesPerConnection: 10, tls: 'required' }),
  },
  { name: 'proofpoint', suffixes: ['pphosted.com', 'ppe-hosted.com'], limits: DEFAULT_LIMITS },
  {
    name: 'mimecast',
    suffixes: ['mimecast.com', 'mimecast.co.za', 'mimecast-offshore.com'],
    limits: DEFAULT_LIMITS,
  },
  {
    name: 'barracuda',
    suffixes: ['barracudanetworks.com'],
    limits: { ...shared(10, 15), tls: 'required' },
  },
  { name: 'cisco', suffixes: ['iphmx.com'], limits: DEFAULT_LIMITS },
] as const satisfies readonly ProviderData[];

export type Provider = (typeof PROVIDERS)[number]['name'] | 'other';

/** The provider whose own all these hosts are, or `other`. */
export function providerOf(hosts: readonly string[]): Provider {
  return (findProvider(hosts, PROVIDERS)?.name ?? 'other') as Provider;
}

/** The first of the providers whose own all these hosts are. */
export function findProvider<P extends Pick<ProviderData, 'suffixes'>>(
  hosts: readonly string[],
  providers: readonly P[],
): P | undefined {
  if (hosts.length === 0) return undefined;
  const names = hosts.map((host) => `.${host.toLowerCase().replace(/\.$/, '')}`);
  const isOwn = (name: string, suffixes: readonly string[]) => suffixes.some((suffix) => name.endsWith(`.${suffix}`));
  return providers.find(({ suffixes }) => names.every((name) => isOwn(name, suffixes)));
}
