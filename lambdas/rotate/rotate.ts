/**
 * rotate: once a day, the next step of each domain whose DKIM key is to change (core/senders/rotation.ts). A domain takes as many
 * steps as can be done now. What fails for one is no matter to the others, and leaves the key signing that signs; the next day tries again. A run
 * that left something undone for a reason of ours fails when it has done the rest; one that DNS keeps waiting for a week is counted.
 */
import { activateKey } from '../../core/domain-keys.ts';
import type { DomainKey, DomainRecord } from '../../core/records/domains.ts';
import type { WrittenRecord } from '../../core/records/senders.ts';
import { authenticationOf, type Sending } from '../../core/senders/kept.ts';
import { lookAtKey, withWaitingKey } from '../../core/senders/keys.ts';
import { changesByItself, isOverdue, type Step, stepOf, withWritten } from '../../core/senders/rotation.ts';
import type { LookUp } from '../../io/look-up.ts';
import type { ZoneRecord } from '../../io/sender-zones.ts';

export type RotateDeps = {
  /** Days after which a key that signs is replaced. */
  days: number;
  sending: Sending;
  /** Milliseconds since the epoch. */
  now: () => number;
  /** Milliseconds left of this run. */
  remainingMs: () => number;
  /** Domains that were authenticated over the API; as they were a moment ago. */
  eachDomain: () => AsyncIterable<DomainRecord>;
  /** As it is now. */
  readOwnDomain: (account: string, domain: string) => Promise<DomainRecord | undefined>;
  /** False: it is not as it was read. */
  changeDomain: (before: DomainRecord, after: DomainRecord) => Promise<boolean>;
  makeDkimKey: (
    account: string,
    domain: string,
    algorithm: 'rsa',
  ) => Promise<Pick<DomainKey, 'publicKey' | 'privateKey'>>;
  writeRecords: (records: readonly ZoneRecord[], how: { replace: boolean }) => Promise<WrittenRecord[]>;
  removeRecords: (records: readonly WrittenRecord[]) => Promise<void>;
  lookUp: LookUp;
  /** Tells how many domains somebody must look at. */
  publishOverdue: (domains: number) => void;
  /** One line for the log. */
  report: (problem: string) => void;
};

/** Milliseconds kept for the domain at hand: a key is made in some hundred, and Route 53 takes its time. */
const RESERVE = 20_000;
/** More steps than a domain can take at once. */
const STEPS = 5;

/** @throws Error when something of ours failed; what could be done is done then */
export async function rotate(deps: RotateDeps): Promise<void> {
  let overdue = 0;
  const failed: string[] = [];
  for await (const seen of deps.eachDomain()) {
    const { pk, domain } = seen;
    // Another day goes on: those that are done do not come again.
    if (deps.remainingMs() < RESERVE) {
      failed.push('the run had no time left');
      break;
    }
    if (!changesByItself(seen) || stepOf(seen, { ...deps, now: deps.now() }).next === 'wait') continue;
    try {
      const left = await advance(pk, domain, deps);
      if (left === undefined) continue;
      deps.report(`${pk} ${domain}: ${left}; its old key goes on signing`);
      if (isOverdue(seen, deps.days, deps.now())) overdue++;
    } catch (error) {
      failed.push(domain);
      deps.report(`${pk} ${domain}: ${(error as Error).message}`);
    }
  }
  deps.publishOverdue(overdue);
  if (failed.length > 0) throw new Error(`keys could not be changed: ${failed.slice(0, 10).join(', ')}`);
}

/** Takes what steps can be taken. @returns why the next one cannot be; undefined: it is not its time */
async function advance(account: string, domain: string, deps: RotateDeps): Promise<string | undefined> {
  let published = false;
  for (let steps = 0; steps < STEPS; steps++) {
    const record = await deps.readOwnDomain(account, domain);
    if (!record) return undefined;
    const step = stepOf(record, { ...deps, now: deps.now(), published });
    if (step.next === 'wait') return undefined;
    const after = await take(step, record, deps);
    if (typeof after === 'string') return after;
    // Changed meanwhile: it is read again.
    const isChanged = await deps.changeDomain(record, after);
    if (step.next === 'publish') published = isChanged;
    else if (step.next === 'make') published = false;
  }
  return undefined;
}

/** The record after a step, or why it cannot be taken. What it does outside is the same when it is done again. */
async function take(
  step: Exclude<Step, { next: 'wait' }>,
  record: DomainRecord,
  deps: RotateDeps,
): Promise<DomainRecord | string> {
  const now = deps.now();
  const kept = authenticationOf(record);
  const changed = (one: DomainRecord, written = kept.written) => ({
    ...one,
    authentication: { ...kept, written, revision: kept.revision + 1 },
  });
  switch (step.next) {
    case 'make': {
      const made = await deps.makeDkimKey(record.pk, record.domain, 'rsa');
      // In the record first: a key in DNS that no record has would sign nothing, and be in the way of the next.
      return changed(withWaitingKey(record, { ...made, selector: step.selector, algorithm: 'rsa', createdAt: now }));
    }
    case 'publish': {
      const made = await deps.writeRecords(step.missing, { replace: step.replace });
      await deps.removeRecords(step.stale);
      return changed(record, withWritten(kept.written, step, made));
    }
    case 'activate': {
      const { record: dns, fault } = await lookAtKey(record, step.key, deps.lookUp);
      if (fault !== undefined) return `${dns.name} is not in DNS: ${fault}. It should be: ${dns.value}`;
      return changed(activateKey(record, step.key.selector, now));
    }
  }
}
