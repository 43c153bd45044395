/**
 * Which mailbox provider a set of MX hosts belongs to: for figures, and for limits that differ by provider.
 * A provider matches only if every host is its own: a domain with a second MX elsewhere is nobody's.
 */

export const PROVIDERS = [
  { name: 'google', suffixes: ['google.com', 'googlemail.com'] },
  { name: 'yahoo', suffixes: ['yahoodns.net'] },
  { name: 'microsoft', suffixes: ['olc.protection.outlook.com'] },
  { name: 'microsoft365', suffixes: ['mail.protection.outlook.com', 'mail.eo.outlook.com', 'mx.microsoft'] },
  { name: 'apple', suffixes: ['mail.icloud.com'] },
  { name: 'comcast', suffixes: ['comcast.net'] },
  { name: 'gmx', suffixes: ['gmx.net', 'gmx.com', 'web.de', 'mail.com'] },
  { name: 'orange', suffixes: ['orange.fr', 'wanadoo.fr'] },
  { name: 't-online', suffixes: ['t-online.de'] },
  { name: 'laposte', suffixes: ['laposte.net'] },
  { name: 'free', suffixes: ['free.fr'] },
  { name: 'libero', suffixes: ['libero.it'] },
  { name: 'mail.ru', suffixes: ['mail.ru'] },
  { name: 'yandex', suffixes: ['yandex.net', 'yandex.ru'] },
  { name: 'proton', suffixes: ['protonmail.ch'] },
  { name: 'zoho', suffixes: ['zoho.com', 'zoho.eu', 'zoho.in'] },
  { name: 'fastmail', suffixes: ['messagingengine.com'] },
  { name: 'att', suffixes: ['prodigy.net'] },
  { name: 'spectrum', suffixes: ['charter.net', 'rr.com'] },
  { name: 'cox', suffixes: ['cox.net'] },
  { name: 'qq', suffixes: ['qq.com'] },
  { name: 'netease', suffixes: ['netease.com'] },
  { name: 'naver', suffixes: ['naver.com'] },
  { name: 'proofpoint', suffixes: ['pphosted.com', 'ppe-hosted.com'] },
  { name: 'mimecast', suffixes: ['mimecast.com', 'mimecast.co.za'] },
  { name: 'barracuda', suffixes: ['barracudanetworks.com'] },
  { name: 'cisco', suffixes: ['iphmx.com'] },
] as const;

export type Provider = (typeof PROVIDERS)[number]['name'] | 'other';

/** The provider whose own all these hosts are, or `other`. */
export function providerOf(hosts: readonly string[]): Provider {
  const names = hosts.map((host) => `.${host.toLowerCase().replace(/\.$/, '')}`);
  const belongs = (suffixes: readonly string[]) =>
    names.length > 0 && names.every((name) => suffixes.some((suffix) => name.endsWith(`.${suffix}`)));
  return PROVIDERS.find(({ suffixes }) => belongs(suffixes))?.name ?? 'other';
}
