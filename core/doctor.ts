/**
 * What `pennypost doctor` makes of what it found: each finding is right, wrong, or unknown, and says what to publish or to
 * ask for, word for word. Pure: the questions are asked elsewhere (bin/cli/doctor.ts). What could not be asked is unknown,
 * never right. `note`: nothing is wrong, but it is worth knowing.
 */
import { type DnsRecord, dnsRecordsOf, findFault } from './dns-records.ts';
import type { DomainRecord } from './records/domains.ts';
import { checkSpf } from './spf.ts';

/** No values is a definite "there is no such record"; an error says nothing of the record. */
export type Answer = { values: readonly string[] } | { error: string };

export type Finding = {
  check: 'port 25' | 'ptr' | 'dkim' | 'spf' | 'dmarc' | 'return path' | 'blocklist' | 'ses' | 'tls reports' | 'mta-sts';
  /** The lane, domain or list that it is about. */
  about: string;
  state: 'ok' | 'wrong' | 'unknown' | 'note';
  /** What was found, in one sentence. */
  found: string;
  /** The record to publish or the request to make, line by line; empty when there is nothing to do. */
  todo: string[];
};

/** A lane with an address of its own. */
export type Sender = { name: string; ip: string; ehloName: string };

/** AWS's form about port 25 and reverse DNS. */
const PORT_25_FORM = 'https://console.aws.amazon.com/support/contacts?#/rdns-limits';

/**
 * Port 25 is opened by people at AWS, for an address, on request; no API tells whether it is. So: the request, to be sent
 * once for each region.
 */
export function requestPort25(senders: readonly Sender[], region: string): Finding | undefined {
  if (senders.length === 0) return undefined;
  return {
    check: 'port 25',
    about: senders.map(({ name }) => name).join(', '),
    state: 'unknown',
    found: 'no API tells whether AWS lets these addresses connect to port 25',
    todo: [
      `If mail is deferred with "connect: timeout", send this once for ${region}: ${PORT_25_FORM}`,
      'Use case description: Transactional mail and newsletters to people who asked for them; bounces, complaints and',
      '  unsubscribes stop further mail at once. A Lambda function in a VPC sends through NAT gateways with these addresses.',
      ...senders.flatMap(({ ip, ehloName }, n) => [
        `Elastic IP address ${n + 1}: ${ip}`,
        `Reverse DNS record for it: ${ehloName}`,
      ]),
      `Region: ${region}`,
    ],
  };
}

/**
 * The name of an address and the way back (FCrDNS): receivers want the PTR, its A record and EHLO to agree.
 * @param forward A records of the EHLO name
 */
export function judgePtr({ name, ip, ehloName }: Sender, ptr: Answer, forward: Answer): Finding {
  const finding = (state: Finding['state'], found: string, todo: string[] = []): Finding => ({
    check: 'ptr',
    about: `${name} (${ip})`,
    state,
    found,
    todo,
  });
  if ('error' in forward) return finding('unknown', `the look-up of ${ehloName} failed (${forward.error})`, AGAIN);
  if ('error' in ptr) return finding('unknown', `the look-up of the name of ${ip} failed (${ptr.error})`, AGAIN);
  const publish = `Publish: ${ehloName}  A  ${ip}`;
  if (!forward.values.includes(ip))
    return finding(
      'wrong',
      forward.values.length === 0 ? `${ehloName} has no A record` : `${ehloName} is ${forward.values.join(', ')}`,
      [publish, 'When it can be looked up:', ...setPtr(ip, ehloName)],
    );
  const names = ptr.values.map(plainName);
  if (names.length === 0) return finding('wrong', `${ip} has no PTR record`, setPtr(ip, ehloName));
  if (!names.includes(plainName(ehloName)))
    return finding('wrong', `${ip} is called ${names.join(', ')}, and EHLO says ${ehloName}`, setPtr(ip, ehloName));
  return finding('ok', `${ip} is ${ehloName}, both ways`);
}

/**
 * A domain's records: DKIM, SPF and MX of its return path, DMARC with its alignment.
 * @param answers of `recordsOf(domain, senders)`, in their order, and A records of each MX host
 * @param parents DMARC records of the domains above, nearest first: they count where the domain has none
 * @param inboundHost who takes what comes back, where the stack has somebody for it
 */
export function judgeDomain(
  domain: DomainNames,
  senders: readonly Sender[],
  answers: readonly Answer[],
  parents: readonly Answer[] = [],
  hosts: ReadonlyMap<string, Answer> = new Map(),
  inboundHost?: string,
): Finding[] {
  return recordsOf(domain, senders, inboundHost).map((record, n) => {
    const answer = answers[n] ?? { error: 'not asked' };
    const finding = judging(record, domain.domain);
    if ('error' in answer) return finding('unknown', `the look-up of ${record.name} failed (${answer.error})`, AGAIN);
    if (record.purpose === 'spf') return judgeSpf(record, senders, answer.values, finding);
    if (record.purpose === 'return path') return judgeReturnPath(record, answer.values, hosts, finding);
    if (record.purpose === 'dmarc') return judgeDmarc(record, answer.values, parents, finding);
    const fault = findFault(record, answer.values);
    return fault === undefined
      ? finding('ok', `${record.name} is our key`)
      : finding('wrong', `${record.name}: ${fault}`, publishing(record));
  });
}

export type DomainNames = Pick<DomainRecord, 'domain' | 'selector' | 'publicKey' | 'returnPath' | 'keys'>;

/** The records that a domain needs: without an address of our own, none of its return path (SES has its own). */
export function recordsOf(domain: DomainNames, senders: readonly Sender[], inboundHost?: string): DnsRecord[] {
  return dnsRecordsOf(domain, senders, { inboundHost }).filter(
    ({ purpose }) => senders.length > 0 || (purpose !== 'spf' && purpose !== 'return path'),
  );
}

/** Reports about TLS that others send us, and what we promise of our own MX: neither is needed to send. */
export function judgeTls({ returnPath }: DomainNames, reports: Answer, sts: Answer): Finding[] {
  const one = (check: 'tls reports' | 'mta-sts', answer: Answer, begins: string, todo: string[]): Finding => {
    if ('error' in answer)
      return { check, about: returnPath, state: 'unknown', found: `the look-up failed (${answer.error})`, todo: AGAIN };
    const there = answer.values.some((value) => value.startsWith(begins));
    return {
      check,
      about: returnPath,
      state: there ? 'ok' : 'note',
      found: there ? 'published' : 'not published; mail goes without it',
      todo: there ? [] : todo,
    };
  };
  return [
    one('tls reports', reports, 'v=TLSRPTv1', [
      `To be told of TLS failures: _smtp._tls.${returnPath}  TXT  v=TLSRPTv1; rua=mailto:YOU`,
    ]),
    one('mta-sts', sts, 'v=STSv1', [
      `To have TLS enforced for bounces: _mta-sts.${returnPath}  TXT  v=STSv1; id=1`,
      `  and a policy at https://mta-sts.${returnPath}/.well-known/mta-sts.txt (RFC 8461)`,
    ]),
  ];
}

const AGAIN = ['Try again; --dns IP asks another resolver.'];

const plainName = (name: string): string => name.toLowerCase().replace(/\.$/, '');
const publishing = ({ name, type, value }: DnsRecord): string[] => [`Publish: ${name}  ${type}  ${value}`];

function setPtr(ip: string, ehloName: string): string[] {
  return [
    'aws ec2 modify-address-attribute --allocation-id "$(aws ec2 describe-addresses ' +
      `--public-ips ${ip} --query 'Addresses[0].AllocationId' --output text)" --domain-name ${ehloName}`,
  ];
}

type Judge = (state: Finding['state'], found: string, todo?: string[]) => Finding;
const judging =
  ({ purpose }: DnsRecord, about: string): Judge =>
  (state, found, todo = []) => ({ check: purpose, about, state, found, todo });

function judgeSpf(record: DnsRecord, senders: readonly Sender[], found: readonly string[], finding: Judge): Finding {
  const policies = found.filter((text) => /^v=spf1(\s|$)/i.test(text));
  const policy = policies[0];
  if (policy === undefined || policies.length > 1) {
    const fault = findFault(record, found) ?? 'there is no SPF record';
    return finding('wrong', `${record.name}: ${fault}`, publishing(record));
  }
  const verdicts = senders.map(({ ip }) => ({ ip, verdict: checkSpf(policy, ip) }));
  const open = verdicts.find(({ verdict }) => verdict.is === 'open');
  if (open && 'by' in open.verdict)
    return finding('wrong', `${record.name}: ${open.verdict.by} lets everyone send`, publishing(record));
  const failing = verdicts.filter(({ verdict }) => verdict.is === 'fails').map(({ ip }) => ip);
  if (failing.length > 0)
    return finding('wrong', `${record.name} does not let ${failing.join(', ')} send`, publishing(record));
  const unsure = verdicts.filter(({ verdict }) => verdict.is === 'perhaps').map(({ ip }) => ip);
  if (unsure.length > 0)
    return finding('unknown', `${record.name} leaves ${unsure.join(', ')} to other records: ${policy}`, [
      `To be sure, name the addresses before them: ${unsure.map((ip) => `ip4:${ip}`).join(' ')}`,
    ]);
  return finding('ok', `lets ${senders.map(({ ip }) => ip).join(', ')} send`);
}

/** Receivers refuse a return path whose domain takes no mail, and bounces would be lost. */
function judgeReturnPath(
  record: DnsRecord,
  found: readonly string[],
  hosts: ReadonlyMap<string, Answer>,
  finding: Judge,
): Finding {
  if (found.length === 0) return finding('wrong', `${record.name} has no MX record`, publishing(record));
  const names = found.map((value) => plainName(value.split(' ').at(-1) ?? ''));
  if (names.every((name) => name === ''))
    return finding('wrong', `${record.name} says that it takes no mail (RFC 7505)`, publishing(record));
  const dead = names.filter((name) => {
    const answer = hosts.get(name);
    return answer !== undefined && 'values' in answer && answer.values.length === 0;
  });
  if (dead.length === names.length)
    return finding('wrong', `${record.name}: ${dead.join(', ')} has no address`, publishing(record));
  const fault = findFault(record, found);
  if (fault !== undefined) return finding('wrong', `${record.name}: ${fault}`, publishing(record));
  return finding('ok', `bounces go to ${names.join(', ')}`);
}

/** Aligned by DKIM, whose d= is the domain itself; by SPF too unless aspf is strict, since return paths are at a subdomain. */
function judgeDmarc(record: DnsRecord, found: readonly string[], parents: readonly Answer[], finding: Judge): Finding {
  const own = found.filter((text) => /^v=DMARC1\s*(;|$)/i.test(text));
  if (own.length === 0) {
    const above = parents
      .flatMap((answer) => ('error' in answer ? [] : answer.values))
      .find((text) => /^v=DMARC1\s*(;|$)/i.test(text));
    if (above !== undefined) return finding('ok', `the domain above says ${above}`);
    const unasked = parents.find((answer) => 'error' in answer);
    if (unasked && 'error' in unasked) return finding('unknown', `the look-up above failed (${unasked.error})`, AGAIN);
  }
  const fault = findFault(record, found);
  if (fault !== undefined) return finding('wrong', `${record.name}: ${fault}`, publishing(record));
  const policy = own[0] ?? '';
  if (/;\s*aspf\s*=\s*s\b/i.test(policy))
    return finding('note', 'aspf=s: only DKIM aligns, since return paths are at a subdomain', [
      `So that SPF aligns too, say aspf=r: ${record.name}  TXT  ${policy.replace(/aspf\s*=\s*s/i, 'aspf=r')}`,
    ]);
  return finding('ok', `published and aligned: ${policy}`);
}
