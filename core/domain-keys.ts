/**
 * The DKIM keys of a sending domain, and how they take turns. A key is made `pending`, with a selector that was never used;
 * once DNS knows it, it becomes `active` and the one it replaces `retired`: that one signs nothing more, but its DNS record
 * stays for a week, because mail that it signed is still on its way. Each algorithm has one active key at most; RSA always has one.
 * Values in, values out: a record is never changed in place.
 */
import type { DkimAlgorithm } from './dkim.ts';
import { DAY_SECONDS } from './limits.ts';
import type { DomainKey, DomainRecord } from './records/domains.ts';

/** Milliseconds that the DNS record of a retired key stays: longer than any mail that it signed is retried, by us or by a forwarder. */
export const RETIRED_LIFE = 7 * DAY_SECONDS * 1_000;

/** What a record says of its keys; one that was never rotated has its one key in fields of its own. */
type Keyed = Pick<DomainRecord, 'selector' | 'publicKey' | 'privateKey' | 'createdAt' | 'keys'>;

/** A domain's keys, the oldest first. */
export function keysOf({ keys, selector, publicKey, privateKey, createdAt }: Keyed): DomainKey[] {
  return keys ?? [{ selector, algorithm: 'rsa', publicKey, privateKey, createdAt, state: 'active' }];
}

/** The keys that sign: the newest active one of each algorithm, RSA first, because every receiver knows it. */
export function signingKeys(record: Keyed): DomainKey[] {
  const active = keysOf(record).filter(({ state }) => state === 'active');
  return (['rsa', 'ed25519'] as const).flatMap(
    (wanted) => active.findLast(({ algorithm }) => algorithm === wanted) ?? [],
  );
}

/** The key that is being introduced, if one is. */
export function pendingKey(record: Keyed, algorithm: DkimAlgorithm): DomainKey | undefined {
  return keysOf(record).find(({ state, algorithm: of }) => state === 'pending' && of === algorithm);
}

/** The keys whose DNS records must be there: all but those that retired long ago. @param now milliseconds since the epoch */
export function publishedKeys(record: Keyed, now: number): DomainKey[] {
  return keysOf(record).filter(({ state, retiredAt = 0 }) => state !== 'retired' || now < retiredAt + RETIRED_LIFE);
}

/** A selector that the domain never had: `s2` after `s1`, `e1` for its first Ed25519 key. */
export function nextSelector(record: Keyed, algorithm: DkimAlgorithm): string {
  const letter = algorithm === 'rsa' ? 's' : 'e';
  const numbers = keysOf(record).map(({ selector }) =>
    Number(new RegExp(`^${letter}(\\d{1,6})$`).exec(selector)?.[1] ?? 0),
  );
  return `${letter}${Math.max(0, ...numbers) + 1}`;
}

/** With one key more, pending. */
export function addKey<R extends Keyed>(record: R, key: Omit<DomainKey, 'state'>): R {
  return { ...record, keys: [...keysOf(record), { ...key, state: 'pending' }] };
}

/** With a pending key active, and the one before it of its algorithm retired, its private key gone. The same when nothing is pending. */
export function activateKey<R extends Keyed>(record: R, selector: string, now: number): R {
  const all = keysOf(record);
  const next = all.find((key) => key.selector === selector && key.state === 'pending');
  if (!next) return record;
  const keys = all.map((key): DomainKey => {
    if (key === next) return { ...key, state: 'active', activatedAt: now };
    return key.state === 'active' && key.algorithm === next.algorithm ? retire(key, now) : key;
  });
  return withKeys(record, keys);
}

/** Without a key that is pending, or an Ed25519 key that signs: that one is retired. Undefined: RSA must always sign. */
export function retireKey<R extends Keyed>(record: R, selector: string, now: number): R | undefined {
  const all = keysOf(record);
  const key = all.find((one) => one.selector === selector);
  if (!key || (key.state === 'active' && key.algorithm === 'rsa')) return undefined;
  return withKeys(
    record,
    all.map((one) => (one === key && one.state !== 'retired' ? retire(one, now) : one)),
  );
}

function retire(key: DomainKey, retiredAt: number): DomainKey {
  return { ...key, privateKey: '', state: 'retired', retiredAt };
}

/** The fields of a record that was never rotated go on to tell of its RSA key. */
function withKeys<R extends Keyed>(record: R, keys: DomainKey[]): R {
  const rsa = keys.findLast(({ algorithm, state }) => algorithm === 'rsa' && state === 'active');
  const shown = rsa && { selector: rsa.selector, publicKey: rsa.publicKey, privateKey: rsa.privateKey };
  return { ...record, ...shown, keys };
}
