/**
 * Which DKIM keys change by themselves, and what comes next in a change. It is a matter of days, one step after the other, and the domain's
 * record alone says which is next: whatever ends a run half-way, the next one goes on.
 *
 * ```
 * old key  signs ──────────────────────────────────── retired, its record stays ── 7 days ──▶ record taken away
 * new key        made ── its record is written ── a day in DNS, and found there ── signs
 * ```
 * The old key signs until the new one is found in DNS: nothing that fails leaves mail without a signature that verifies.
 */
import { dkimRecordOf } from '../dns-records.ts';
import { keysOf, nextSelector, pendingKey, publishedKeys } from '../domain-keys.ts';
import { DAY_SECONDS } from '../limits.ts';
import type { DomainKey, DomainRecord } from '../records/domains.ts';
import type { WrittenRecord } from '../records/senders.ts';
import { targetRecords } from './dns.ts';
import { authenticationOf, isProven, type Sending } from './kept.ts';
import { turnOf } from './keys.ts';

const DAY = DAY_SECONDS * 1_000;
/** Milliseconds for which a new key is in DNS before it signs: resolvers that kept "there is none", or the selector's former key, forget it. */
export const IN_DNS = DAY;
/** Milliseconds before its time that a key is made. */
const AHEAD = 2 * DAY;
/** Milliseconds after which somebody must look at a key that does not change. */
export const OVERDUE = 7 * DAY;

type ZoneRecord = Omit<WrittenRecord, 'hostedZone'>;

/** Records of keys that are to be written, and those that are to be taken away. */
export type Publishing = { missing: ZoneRecord[]; stale: WrittenRecord[]; replace: boolean };

export type Step =
  | { next: 'wait' }
  /** First, whatever else: what stands in our zones is what the record says. */
  | ({ next: 'publish' } & Publishing)
  | { next: 'make'; selector: string }
  /** Where DNS has it. */
  | { next: 'activate'; key: DomainKey };

/**
 * Whether a domain's keys are ours to change: its customer's CNAMEs lead to records of ours, or we wrote its DKIM record into its zone
 * ourselves. Whoever publishes his records himself is not kept from sending by a key that he does not know of.
 */
export function changesByItself(record: DomainRecord): boolean {
  const { automatic, selectors, target, written } = authenticationOf(record);
  if (!record.authentication || !isProven(record)) return false;
  if (automatic) return selectors !== undefined && target !== undefined;
  return written.some(({ type, name }) => type === 'TXT' && name === keyName(record, record));
}

/**
 * @param days after which a key that signs is replaced
 * @param now milliseconds since the epoch
 * @param published whether what can be written was written just now: what is still missing there is not ours to write
 */
export function stepOf(
  record: DomainRecord,
  { days, sending, now, published = false }: { days: number; sending: Sending; now: number; published?: boolean },
): Step {
  if (!changesByItself(record)) return { next: 'wait' };
  const publishing = publishingOf(record, sending, now);
  if (!published && (publishing.missing.length > 0 || publishing.stale.length > 0))
    return { next: 'publish', ...publishing };
  const due = dueOf(record, days);
  const waiting = pendingKey(record, 'rsa');
  if (waiting)
    return now >= Math.max(due, waiting.createdAt + IN_DNS) ? { next: 'activate', key: waiting } : { next: 'wait' };
  if (now < due - AHEAD) return { next: 'wait' };
  const turn = turnOf(record, selectorAfter(record), now);
  return turn.next === 'make' ? { next: 'make', selector: turn.selector } : { next: 'wait' };
}

/** Whether a change of keys is so late that somebody must look at it. */
export function isOverdue(record: DomainRecord, days: number, now: number): boolean {
  return changesByItself(record) && now >= dueOf(record, days) + OVERDUE;
}

/** When the key that signs is to be replaced, milliseconds since the epoch. */
function dueOf(record: DomainRecord, days: number): number {
  const signing = keysOf(record).findLast(({ algorithm, state }) => algorithm === 'rsa' && state === 'active');
  return (signing?.activatedAt ?? signing?.createdAt ?? record.createdAt) + days * DAY;
}

/** What is to be written and taken away, so that the records of a domain's keys are there, and no others of them. */
export function publishingOf(record: DomainRecord, sending: Sending, now: number): Publishing {
  const { automatic, target, written } = authenticationOf(record);
  const ofKeys = automatic ? `.domainkey.${target}` : `._domainkey.${record.domain}`;
  const wanted: ZoneRecord[] = automatic
    ? targetRecords(record, sending, now)
    : publishedKeys(record, now).map((key) => {
        const { name, value } = dkimRecordOf(record.domain, key);
        return { name, type: 'TXT', value };
      });
  const keys = wanted.filter(({ name }) => name.endsWith(ofKeys));
  const there = written.filter(({ name }) => name.endsWith(ofKeys));
  return {
    missing: keys.filter(({ name, value }) => !there.some((one) => one.name === name && one.value === value)),
    stale: there.filter(({ name }) => !keys.some((one) => one.name === name)),
    // In a customer's own zone what stands is his; below our own name it is ours.
    replace: automatic,
  };
}

/** What stands in our zones after it. */
export function withWritten(
  written: readonly WrittenRecord[],
  { stale }: Pick<Publishing, 'stale'>,
  made: readonly WrittenRecord[],
): WrittenRecord[] {
  const gone = new Set([...stale, ...made].map(({ name, type }) => `${type} ${name}`));
  return [...written.filter(({ name, type }) => !gone.has(`${type} ${name}`)), ...made];
}

const keyName = ({ domain }: Pick<DomainRecord, 'domain'>, { selector }: Pick<DomainKey, 'selector'>) =>
  `${selector}._domainkey.${domain}`;

/** `m2` after `m1`, or after a selector of the customer's own the first free `s…`. */
export function selectorAfter(record: DomainRecord): string {
  const numbered = /^([a-z0-9]*?[a-z])(\d{1,6})$/.exec(record.selector);
  const used = new Set((record.keys ?? []).map(({ selector }) => selector).concat(record.selector));
  if (!numbered) return nextSelector(record, 'rsa');
  let number = Number(numbered[2]) + 1;
  while (used.has(`${numbered[1]}${number}`)) number++;
  return `${numbered[1]}${number}`;
}
