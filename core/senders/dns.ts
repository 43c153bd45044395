/**
 * The DNS records of an authenticated domain, under SendGrid's names of them: what the customer publishes, what we publish in a
 * zone of ours for his CNAMEs to lead to, and what is wrong with what is there. Receivers follow CNAMEs (RFC 6376 3.6.2.1,
 * RFC 7208 4.6.4), so the records at their ends are those of a domain without them.
 */
import { type DnsRecord, dkimRecordOf, dnsRecordsOf, findFault } from '../dns-records.ts';
import type { Answer } from '../doctor.ts';
import { keysOf, publishedKeys } from '../domain-keys.ts';
import type { DomainKey, DomainRecord } from '../records/domains.ts';
import { authenticationOf, type Sending } from './kept.ts';

export type SenderField =
  | 'mail_cname'
  | 'dkim1'
  | 'dkim2'
  | 'mail_server'
  | 'subdomain_spf'
  | 'domain_spf'
  | 'dkim'
  | 'dmarc';

export type SenderDns = {
  field: SenderField;
  name: string;
  type: 'CNAME' | 'MX' | 'TXT';
  /** Of an MX: with its preference. */
  value: string;
  /** Whether the domain is valid only with it. */
  required: boolean;
};

/** What the customer publishes. */
export function senderDns(record: DomainRecord, sending: Sending): SenderDns[] {
  const { automatic, selectors, target, customSpf } = authenticationOf(record);
  const dmarc: SenderDns = {
    field: 'dmarc',
    name: `_dmarc.${record.domain}`,
    type: 'TXT',
    value: 'v=DMARC1; p=none',
    required: false,
  };
  if (automatic && selectors && target !== undefined)
    return [
      { field: 'mail_cname', name: record.returnPath, type: 'CNAME', value: target, required: true },
      ...selectors.map(
        (selector, n): SenderDns => ({
          field: n === 0 ? 'dkim1' : 'dkim2',
          name: `${selector}._domainkey.${record.domain}`,
          type: 'CNAME',
          value: `${selector}.domainkey.${target}`,
          required: true,
        }),
      ),
      dmarc,
    ];
  const fields = { 'return path': 'mail_server', spf: 'subdomain_spf' } as const;
  const path = pathRecords(record, sending).map(
    ({ purpose, name, type, value }): SenderDns => ({
      field: fields[purpose as keyof typeof fields],
      name,
      type,
      value,
      required: true,
    }),
  );
  const { name, value } = dkimRecordOf(record.domain, signing(record));
  return [
    ...path,
    {
      field: 'domain_spf',
      name: record.domain,
      type: 'TXT',
      value: `v=spf1 include:${record.returnPath} ~all`,
      required: customSpf,
    },
    { field: 'dkim', name, type: 'TXT', value, required: true },
    dmarc,
  ];
}

/** What we publish, for the customer's CNAMEs to lead to; nothing without automatic security. @param now milliseconds */
export function targetRecords(
  record: DomainRecord,
  sending: Sending,
  now: number,
): { name: string; type: 'MX' | 'TXT'; value: string }[] {
  const { target } = authenticationOf(record);
  if (target === undefined) return [];
  const path = pathRecords(record, sending).map(({ type, value }) => ({ name: target, type, value }));
  const keys = publishedKeys(record, now).map((key) => ({
    name: `${key.selector}.domainkey.${target}`,
    type: 'TXT' as const,
    value: dkimRecordOf(record.domain, key).value,
  }));
  return [...path, ...keys];
}

export type Question = { name: string; type: SenderDns['type'] };

/** What there is to ask DNS for a validation: each record by its name and type, and behind CNAMEs what they should lead to. */
export function questionsOf(record: DomainRecord, sending: Sending): Question[] {
  return senderDns(record, sending).flatMap(({ name, type }): Question[] =>
    type === 'CNAME'
      ? [
          { name, type },
          { name, type: 'TXT' },
        ]
      : [{ name, type }],
  );
}

/** What a validation found: `reason` says what is wrong, `unsure` that nobody could tell. */
export type Verdict = { valid: boolean; reason: string | null; unsure?: true };

/**
 * Judges what DNS says.
 * @param answers by `TYPE name`
 * @returns SendGrid's `validation_results`, `dmarc` among them, and whether all that is required is right
 */
export function judgeSender(
  record: DomainRecord,
  sending: Sending,
  answers: ReadonlyMap<string, Answer>,
): { valid: boolean; unsure: boolean; results: Record<string, Verdict> } {
  const results: Record<string, Verdict> = {};
  const said = (type: string, name: string): Answer => answers.get(`${type} ${name}`) ?? { error: 'not asked' };
  const records = senderDns(record, sending);
  for (const one of records) {
    const answer = said(one.type, one.name);
    if ('error' in answer) results[one.field] = unknown(one, answer.error);
    else results[one.field] = judgeOne(one, record, sending, answer.values, said('TXT', one.name));
  }
  const { automatic } = authenticationOf(record);
  if (automatic) results.spf = judgeSpf(record, sending, said('TXT', record.returnPath));
  const needed = [
    ...records.filter(({ required }) => required).map(({ field }) => results[field]!),
    ...(results.spf ? [results.spf] : []),
  ];
  return {
    valid: needed.every(({ valid }) => valid),
    unsure: needed.some(({ unsure }) => unsure) && needed.every(({ valid, unsure }) => valid || unsure),
    results,
  };
}

function judgeOne(
  { field, name, type, value }: SenderDns,
  record: DomainRecord,
  sending: Sending,
  found: readonly string[],
  end: Answer,
): Verdict {
  if (field === 'domain_spf') return verdictOf(type, name, value, findInclude(record.returnPath, found));
  if (type !== 'CNAME') return verdictOf(type, name, value, findFault(plainRecord(record, sending, field), found));
  const leads = found.map((one) => one.toLowerCase().replace(/\.$/, ''));
  if (!leads.includes(value.toLowerCase()))
    return wrong(
      leads.length === 0
        ? `There is no CNAME record at ${name}: it must lead to ${value}`
        : `The CNAME of ${name} leads to ${leads.join(', ')}: it must lead to ${value}`,
    );
  if (field === 'mail_cname') return RIGHT;
  const [selector] = name.split('.');
  const key = keysOf(record).find((one) => one.selector === selector && one.state !== 'retired');
  if (!key) return RIGHT;
  if ('error' in end) return { ...wrong(`The look-up of ${name} failed (${end.error}): try again`), unsure: true };
  const fault = findFault(dkimRecordOf(record.domain, key), end.values);
  return fault === undefined ? RIGHT : wrong(`${name} leads to us, but ${fault}: try again in some minutes`);
}

function judgeSpf(record: DomainRecord, sending: Sending, answer: Answer): Verdict {
  const spf = pathRecords(record, sending).find(({ purpose }) => purpose === 'spf');
  if (!spf) return RIGHT;
  if ('error' in answer) return unknown({ name: spf.name, type: 'TXT' }, answer.error);
  return verdictOf('TXT', spf.name, spf.value, findFault(spf, answer.values));
}

/** What is wrong with the SPF record of the domain itself, which names our return path's (RFC 7208 5.2). */
function findInclude(returnPath: string, found: readonly string[]): string | undefined {
  const policies = found.filter((text) => /^v=spf1(\s|$)/i.test(text));
  if (policies.length !== 1)
    return policies.length === 0 ? 'there is no SPF record' : 'there is more than one SPF record';
  const terms = policies[0]!.toLowerCase().split(/\s+/);
  return terms.includes(`include:${returnPath}`) ? undefined : `it does not include ${returnPath}`;
}

/** A manual record, as `findFault` takes it. */
function plainRecord(record: DomainRecord, sending: Sending, field: SenderField): DnsRecord {
  const { domain } = record;
  if (field === 'dkim') return dkimRecordOf(domain, signing(record));
  if (field === 'dmarc') return { purpose: 'dmarc', name: `_dmarc.${domain}`, type: 'TXT', value: '' };
  const purpose = field === 'mail_server' ? 'return path' : 'spf';
  return pathRecords(record, sending).find((one) => one.purpose === purpose)!;
}

/** MX and SPF of the return path. */
function pathRecords(record: DomainRecord, { sources, inboundHost }: Sending): DnsRecord[] {
  const { ips } = authenticationOf(record);
  const own = ips.length === 0 ? sources : sources.filter(({ ip }) => ip !== undefined && ips.includes(ip));
  return dnsRecordsOf(record, own, { inboundHost, keys: [] }).filter(({ purpose }) => purpose !== 'dmarc');
}

/** The key that a domain is valid by: the one that signs. */
function signing(record: DomainRecord): DomainKey {
  const key = keysOf(record).findLast(({ algorithm, state }) => algorithm === 'rsa' && state === 'active');
  if (!key) throw new Error(`${record.domain} has no RSA key that signs`);
  return key;
}

const RIGHT: Verdict = { valid: true, reason: null };
const wrong = (reason: string): Verdict => ({ valid: false, reason });
const unknown = ({ name, type }: { name: string; type: string }, error: string): Verdict => ({
  ...wrong(`The look-up of ${name} (${type}) failed (${error}): try again`),
  unsure: true,
});
function verdictOf(type: string, name: string, value: string, fault: string | undefined): Verdict {
  return fault === undefined ? RIGHT : wrong(`${type} of ${name}: ${fault}. It should be: ${value}`);
}
