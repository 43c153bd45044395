/** `GET /v3/whitelabel/domains/{id}/compliance`: what a receiver would find wrong with a domain's mail, before the first is sent. */

import { reversed } from '../../core/blocklists.ts';
import {
  type Answer as DnsAnswer,
  type Finding,
  judgeDomain,
  judgePtr,
  recordsOf,
  type Sender,
} from '../../core/doctor.ts';
import { apiErrors } from '../../core/errors.ts';
import type { DomainRecord } from '../../core/records/domains.ts';
import { keyBits } from '../../core/senders/authentication.ts';
import { authenticationOf } from '../../core/senders/kept.ts';
import type { Answer, Call } from './manage.ts';
import { findDomain, type SenderDeps } from './sender-deps.ts';

/** Bits below which receivers call an RSA key weak (RFC 8301 3.2). */
const BITS = 2_048;

export async function checkCompliance(call: Call, deps: SenderDeps): Promise<Answer> {
  const record = await findDomain(call, call.params.id, deps);
  if (!record) return { status: 404, errors: [apiErrors.notFound] };
  const findings = await examine(record, deps);
  const ready = findings.every(({ state }) => state === 'ok' || state === 'note');
  return { status: 200, body: { id: authenticationOf(record).id, domain: record.domain, ready, findings } };
}

async function examine(record: DomainRecord, { sending, lookUp }: SenderDeps): Promise<Finding[]> {
  const senders = sending.sources.flatMap(({ ip, ehloName }): Sender[] =>
    ip === undefined ? [] : [{ name: ehloName, ip, ehloName }],
  );
  const records = recordsOf(record, senders, sending.inboundHost);
  const [answers, parents, ptr] = await Promise.all([
    Promise.all(records.map(({ name, type }) => lookUp(name, type))),
    Promise.all(parentsOf(record.domain).map((name) => lookUp(`_dmarc.${name}`, 'TXT'))),
    Promise.all(
      senders.map(async (sender) =>
        judgePtr(
          sender,
          await lookUp(`${reversed(sender.ip)}.in-addr.arpa`, 'PTR'),
          await lookUp(sender.ehloName, 'A'),
        ),
      ),
    ),
  ]);
  const exchangers = answers.flatMap((answer, n) =>
    records[n]!.type === 'MX' && 'values' in answer ? answer.values.map((one) => one.split(' ').at(-1) ?? '') : [],
  );
  const hosts = new Map<string, DnsAnswer>();
  for (const host of exchangers) if (host !== '') hosts.set(host.toLowerCase(), await lookUp(host, 'A'));
  return [...judgeDomain(record, senders, answers, parents, hosts, sending.inboundHost), judgeKey(record), ...ptr];
}

function judgeKey(record: DomainRecord): Finding {
  const bits = keyBits(record) ?? 0;
  const enough = bits >= BITS;
  return {
    check: 'dkim',
    about: record.domain,
    state: enough ? 'ok' : 'wrong',
    found: `the key ${record.selector} has ${bits} bits`,
    todo: enough ? [] : [`Have one of ${BITS} bits made: POST /v3/whitelabel/domains/{id}/rotate`],
  };
}

/** The domains above, nearest first, but for the last label: no DMARC record is there. */
function parentsOf(domain: string): string[] {
  const labels = domain.split('.');
  return labels.slice(1, -1).map((_, n) => labels.slice(n + 1).join('.'));
}
