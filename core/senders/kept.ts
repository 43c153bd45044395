/**
 * What is kept of a sending domain beside its keys, whoever added it, and whether mail may be sent from it.
 */
import type { Source } from '../dns-records.ts';
import type { DomainRecord } from '../records/domains.ts';
import type { Authentication } from '../records/senders.ts';
import { numberOf } from './names.ts';

/** What the stack is to a sending domain. */
export type Sending = {
  sources: readonly Source[];
  /** Who takes what comes back, if somebody does. */
  inboundHost?: string | undefined;
  /** The name below which targets of CNAMEs are; absent: no automatic security. */
  targets?: string | undefined;
};

/** What is kept of a domain, also of one that the command line added: its subdomain is where its return path is. */
export function authenticationOf(record: DomainRecord): Authentication {
  return (
    record.authentication ?? {
      id: numberOf('domain', record.pk, record.domain),
      subdomain: record.returnPath.slice(0, -record.domain.length - 1),
      automatic: false,
      trusted: true,
      customSpf: false,
      ips: [],
      found: record.validAt === undefined ? [] : ['mail_server', 'subdomain_spf', 'dkim'],
      subusers: [],
      written: [],
      revision: 0,
    }
  );
}

/**
 * Whether mail may be sent from a domain: the operator's own word counts for those he added, DNS for all others. So nobody sends
 * from a domain whose zone he cannot write to.
 */
export function isProven({ authentication, validAt }: Pick<DomainRecord, 'authentication' | 'validAt'>): boolean {
  return authentication === undefined || authentication.trusted === true || validAt !== undefined;
}
