/** The next DKIM key of a domain (`POST /v3/whitelabel/domains/{id}/rotate`), and the records behind customers' CNAMEs. */

import { activateKey, RETIRED_LIFE } from '../../core/domain-keys.ts';
import { apiErrors } from '../../core/errors.ts';
import type { DomainKey, DomainRecord } from '../../core/records/domains.ts';
import type { WrittenRecord } from '../../core/records/senders.ts';
import { targetRecords } from '../../core/senders/dns.ts';
import { authenticationOf } from '../../core/senders/kept.ts';
import { lookAtKey, turnOf, withWaitingKey } from '../../core/senders/keys.ts';
import { selectorAfter } from '../../core/senders/rotation.ts';
import type { Answer, Call } from './manage.ts';
import { findDomain, refused, type SenderDeps } from './sender-deps.ts';

/** Two changes of one domain at once: the one that came too late has changed nothing. */
export const CHANGED_MEANWHILE: Answer = refused(null, 'the domain was changed at the same time: send it again', 409);

/**
 * Writes what CNAMEs lead to, where it is not there as it should be, and takes away what should be there no more.
 * @returns all that stands there
 */
export async function publishTargets(record: DomainRecord, deps: SenderDeps): Promise<WrittenRecord[]> {
  const { target, written } = authenticationOf(record);
  if (target === undefined) return [];
  const wanted = targetRecords(record, deps.sending, deps.now());
  const before = written.filter(({ name }) => name.endsWith(target));
  const nameOf = ({ name, type }: { name: string; type: string }) => `${type} ${name}`;
  const there = new Map(before.map((one) => [nameOf(one), one]));
  const missing = wanted.filter((one) => there.get(nameOf(one))?.value !== one.value);
  const made = await deps.writeRecords(missing, { replace: true });
  const names = new Set(wanted.map(nameOf));
  await deps.removeRecords(before.filter((one) => !names.has(nameOf(one))));
  const changed = new Set(made.map(nameOf));
  return [...before.filter((one) => names.has(nameOf(one)) && !changed.has(nameOf(one))), ...made];
}

/**
 * Of a change that came too late: where the domain is gone meanwhile, its records go as well. Nobody else knows of them, and an account that leaves
 * some behind, again and again, would fill the zone.
 */
export async function dropTargets(
  { pk, domain }: DomainRecord,
  written: readonly WrittenRecord[],
  { readOwnDomain, removeRecords }: SenderDeps,
): Promise<void> {
  if (written.length > 0 && !(await readOwnDomain(pk, domain))) await removeRecords(written);
}

export type RemovalDeps = Pick<SenderDeps, 'listOwnDomains' | 'removeDomain' | 'removeRecords'>;

/**
 * Takes a domain away, and what was written into zones for it: that first, so that whatever ends this half-way, the same call again ends it.
 * @returns it, as it was; undefined: there was none
 */
export async function removeWithRecords(
  record: DomainRecord,
  { removeDomain, removeRecords }: RemovalDeps,
): Promise<DomainRecord | undefined> {
  const { written } = authenticationOf(record);
  await removeRecords(written);
  const removed = await removeDomain(record);
  const known = new Set(written.map(({ name, type, value }) => `${type} ${name} ${value}`));
  // What somebody has written in between.
  const late = (removed ? authenticationOf(removed).written : []).filter(
    ({ name, type, value }) => !known.has(`${type} ${name} ${value}`),
  );
  await removeRecords(late);
  return removed;
}

/**
 * One step each time: a key that waits signs, if DNS knows it; else a new one is made, which waits. With automatic security
 * both are one call, a week apart at least.
 */
export async function rotateDomain(call: Call, deps: SenderDeps): Promise<Answer> {
  const record = await findDomain(call, call.params.id, deps);
  if (!record) return { status: 404, errors: [apiErrors.notFound] };
  const now = deps.now();
  const turn = turnOf(record, selectorAfter(record), now);
  if (turn.next === 'wait')
    return refused(
      null,
      `the last key retired less than a week ago: try again after ${new Date(turn.until).toISOString()}`,
    );
  if (turn.next === 'activate') {
    const { record: dns, fault } = await lookAtKey(record, turn.key, deps.lookUp);
    if (fault !== undefined) return refused(null, `${dns.name} is not published: ${fault}. It should be: ${dns.value}`);
    return change(record, activateKey(record, turn.key.selector, now), deps);
  }
  const made = await deps.makeDkimKey(record.pk, record.domain, 'rsa');
  const key = { ...made, selector: turn.selector, algorithm: 'rsa', createdAt: now } as const;
  return change(record, withWaitingKey(record, key), deps);
}

/**
 * The record first, then DNS, as rotate does it: of two that make a key at once the one that comes too late has written nothing over the other's.
 * What is not written down of DNS then, rotate and the next validation write again.
 */
async function change(before: DomainRecord, after: DomainRecord, deps: SenderDeps): Promise<Answer> {
  const whole = await changeTargets(before, after, deps);
  if (!whole) return CHANGED_MEANWHILE;
  const { id } = authenticationOf(whole);
  return { status: 200, body: { id, keys: (whole.keys ?? []).map((key) => showKey(whole, key)) } };
}

/** Changes a domain, and what its CNAMEs lead to with it. Undefined: it was changed at the same time. */
export async function changeTargets(
  before: DomainRecord,
  after: DomainRecord,
  deps: SenderDeps,
): Promise<DomainRecord | undefined> {
  const kept = authenticationOf(after);
  const first = { ...after, authentication: { ...kept, revision: kept.revision + 1 } };
  if (!(await deps.changeDomain(before, first))) return undefined;
  const others = kept.written.filter(({ name }) => kept.target === undefined || !name.endsWith(kept.target));
  const written = [...others, ...(await publishTargets(first, deps))];
  const whole = { ...first, authentication: { ...kept, written, revision: kept.revision + 2 } };
  if (!(await deps.changeDomain(first, whole))) await dropTargets(first, written, deps);
  return whole;
}

function showKey({ domain }: DomainRecord, { selector, state, retiredAt, createdAt, publicKey }: DomainKey) {
  return {
    selector,
    state,
    created_at: Math.floor(createdAt / 1_000),
    host: `${selector}._domainkey.${domain}`,
    data: `v=DKIM1; k=rsa; p=${publicKey}`,
    ...(retiredAt === undefined ? {} : { keep_record_until: Math.floor((retiredAt + RETIRED_LIFE) / 1_000) }),
  };
}
