/**
 * How DKIM keys of authenticated domains take turns. With automatic security two selectors do, and the next key has been in DNS for long
 * when it begins to sign; without it, the next key waits until the customer has published it.
 */
import { type DnsRecord, dkimRecordOf, findFault } from '../dns-records.ts';
import type { Answer } from '../doctor.ts';
import { activateKey, keysOf, pendingKey, RETIRED_LIFE } from '../domain-keys.ts';
import type { DomainKey, DomainRecord } from '../records/domains.ts';
import { authenticationOf } from './kept.ts';

/** What rotating does next: the waiting key signs, a new one is made under a selector, or it is too early. */
export type Turn =
  | { next: 'activate'; key: DomainKey }
  | { next: 'make'; selector: string; replaces?: string }
  | { next: 'wait'; until: number };

/** @param selector of a new key where the customer publishes it himself */
export function turnOf(record: DomainRecord, selector: string, now: number): Turn {
  const waiting = pendingKey(record, 'rsa');
  if (waiting) return { next: 'activate', key: waiting };
  const { selectors } = authenticationOf(record);
  if (!selectors) return { next: 'make', selector };
  const free = selectors.find((one) => one !== record.selector)!;
  const last = keysOf(record).findLast((key) => key.selector === free);
  const until = (last?.retiredAt ?? 0) + RETIRED_LIFE;
  // Mail that the former key signed is still on its way.
  if (last && now < until) return { next: 'wait', until };
  return last ? { next: 'make', selector: free, replaces: free } : { next: 'make', selector: free };
}

/** With a new key waiting; the retired one whose selector it takes is forgotten. */
export function withWaitingKey(record: DomainRecord, key: Omit<DomainKey, 'state'>): DomainRecord {
  const others = keysOf(record).filter(({ selector }) => selector !== key.selector);
  return { ...record, keys: [...others, { ...key, state: 'pending' }] };
}

/** The record in DNS of a key, and what is wrong with it; undefined: nothing. */
export async function lookAtKey(
  { domain }: Pick<DomainRecord, 'domain'>,
  key: DomainKey,
  lookUp: (name: string, type: 'TXT') => Promise<Answer>,
): Promise<{ record: DnsRecord; fault: string | undefined }> {
  const record = dkimRecordOf(domain, key);
  const answer = await lookUp(record.name, 'TXT');
  return {
    record,
    fault: 'error' in answer ? `the look-up failed (${answer.error})` : findFault(record, answer.values),
  };
}

/** Without automatic security: a key that waited signs from the validation on that finds it in DNS. */
export async function introduceKeys(
  record: DomainRecord,
  lookUp: (name: string, type: 'TXT') => Promise<Answer>,
  now: number,
): Promise<DomainRecord> {
  const waiting = authenticationOf(record).automatic ? undefined : pendingKey(record, 'rsa');
  if (!waiting) return record;
  const { fault } = await lookAtKey(record, waiting, lookUp);
  return fault === undefined ? activateKey(record, waiting.selector, now) : record;
}
