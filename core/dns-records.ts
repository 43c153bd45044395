/**
 * The DNS records a sending domain needs, and what is wrong with those that are there: DKIM (RFC 6376 3.6.1), SPF of the
 * return path (RFC 7208), its MX (receivers refuse a MAIL FROM whose domain does not resolve), DMARC (RFC 7489 6.1).
 */
import { keysOf } from './domain-keys.ts';
import type { DomainKey, DomainRecord } from './records/domains.ts';

export type DnsRecord = {
  purpose: 'dkim' | 'spf' | 'return path' | 'dmarc';
  name: string;
  type: 'TXT' | 'MX';
  value: string;
  /** The host that the MX has to name: who takes what comes back. Without it any will do. */
  mustName?: string;
};

/** An address mail is sent from, and the host name it gives itself. Without `ip`: it is sent by SES or a relay. */
export type Source = { ip?: string; ehloName: string };

/** The record of one DKIM key (RFC 6376 3.6.1, RFC 8463 4). */
export function dkimRecordOf(domain: string, { selector, algorithm, publicKey }: PublicKey): DnsRecord {
  return {
    purpose: 'dkim',
    name: `${selector}._domainkey.${domain}`,
    type: 'TXT',
    value: `v=DKIM1; k=${algorithm}; p=${publicKey}`,
  };
}

type PublicKey = Pick<DomainKey, 'selector' | 'algorithm' | 'publicKey'>;

/**
 * The records to publish, in the form most DNS editors take.
 * @param keys the DKIM keys to publish; by default those that sign or are about to
 * @param inboundHost who takes what comes back; by default the first address, which does not: bounces that come later are lost
 */
export function dnsRecordsOf(
  domain: Pick<DomainRecord, 'domain' | 'selector' | 'publicKey' | 'returnPath' | 'keys'>,
  sources: readonly Source[],
  {
    keys = keysOf({ ...domain, privateKey: '', createdAt: 0 }).filter(({ state }) => state !== 'retired'),
    inboundHost,
  }: { keys?: readonly PublicKey[]; inboundHost?: string | undefined } = {},
): DnsRecord[] {
  const own = sources.filter(({ ip }) => ip !== undefined);
  const ips = [...new Set(own.map(({ ip }) => ip))].map((ip) => `ip4:${ip} `).join('');
  const records: DnsRecord[] = [
    ...keys.map((key) => dkimRecordOf(domain.domain, key)),
    { purpose: 'spf', name: domain.returnPath, type: 'TXT', value: `v=spf1 ${ips}-all` },
    {
      purpose: 'return path',
      name: domain.returnPath,
      type: 'MX',
      value: `10 ${inboundHost ?? own[0]?.ehloName ?? ''}`,
      ...(inboundHost !== undefined && { mustName: inboundHost }),
    },
    { purpose: 'dmarc', name: `_dmarc.${domain.domain}`, type: 'TXT', value: 'v=DMARC1; p=none' },
  ];
  // Where nothing is sent from an address of ours, bounces are SES's, or the relay's to say; but complaints and unsubscriptions
  // come to the return path all the same, where somebody takes them.
  if (own.length > 0 || sources.length === 0) return records;
  return records.filter(({ purpose }) => purpose !== 'spf' && (purpose !== 'return path' || inboundHost !== undefined));
}

/**
 * What is wrong with what DNS answers, in one sentence; undefined when it will do.
 * @param found TXT strings joined per record, or `preference host` of each MX
 */
export function findFault(record: DnsRecord, found: readonly string[]): string | undefined {
  if (found.length === 0) return 'there is no such record';
  if (record.purpose === 'dkim') {
    const key = tag(record.value, 'p');
    if (found.some((text) => tag(text, 'p') === key)) return undefined;
    return found.some((text) => tag(text, 'p') === '')
      ? 'the key there is revoked (p= is empty)'
      : 'the key there is another one';
  }
  if (record.purpose === 'spf') {
    const policies = found.filter((text) => /^v=spf1(\s|$)/i.test(text));
    if (policies.length === 0) return 'there is a TXT record, but none that begins with v=spf1';
    if (policies.length > 1)
      return 'there is more than one SPF record, which receivers treat as an error (RFC 7208 4.5)';
    const missing = record.value
      .split(' ')
      .filter((term) => term.startsWith('ip4:') && !policies[0]!.split(/\s+/).includes(term));
    return missing.length > 0 ? `it does not name ${missing.join(', ')}` : undefined;
  }
  if (record.purpose === 'return path')
    return record.mustName === undefined || found.some((mx) => names(mx, record.mustName!))
      ? undefined
      : `it does not name ${record.mustName}: what comes back goes elsewhere`;
  if (record.purpose === 'dmarc') {
    const policies = found.filter((text) => /^v=DMARC1\s*(;|$)/.test(text));
    if (policies.length !== 1)
      return policies.length === 0
        ? 'there is a TXT record, but none that begins with v=DMARC1'
        : 'there is more than one DMARC record';
    return /^(none|quarantine|reject)$/i.test(tag(policies[0]!, 'p') ?? '')
      ? undefined
      : 'its p= is not none, quarantine or reject';
  }
  return undefined;
}

/** Whether `preference host` names a host, whatever its case and the dot at its end. */
const names = (mx: string, host: string): boolean => mx.split(' ').at(-1)!.toLowerCase().replace(/\.$/, '') === host;

function tag(text: string, name: string): string | undefined {
  for (const part of text.split(';')) {
    const at = part.indexOf('=');
    if (at > 0 && part.slice(0, at).trim() === name) return part.slice(at + 1).replace(/\s+/g, '');
  }
  return undefined;
}
