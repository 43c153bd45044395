/**
 * Who of a job's recipients is to get nothing: one strongly consistent read for each answers all lists. Only where one is
 * found are the account's own settings looked at. It never guesses: what cannot be read is an error, and the job waits.
 */
import type { Content, Copy } from '../../core/mail.ts';
import type { AddressWhitelistRecord, BouncePurgeRecord } from '../../core/records/settings.ts';
import type { ListEntry, SuppressionRecord } from '../../core/records/suppressions.ts';
import { bouncedCopy, bouncedItself, type DropReason, whySuppressed } from '../../core/suppression.ts';
import { isWhitelisted, purgedBy, withoutPurged } from '../../core/suppressions/settings.ts';

export type SuppressedDeps = {
  /** Milliseconds since the epoch. */
  now: () => number;
  /** Those of these addresses that are on any list, by address in lower case: strongly consistent. */
  readSuppressions: (account: string, addresses: readonly string[]) => Promise<Map<string, SuppressionRecord>>;
  /** Kept for a minute. */
  readListSettings: (account: string) => Promise<ListSettings>;
};

export type ListSettings = {
  whitelist?: AddressWhitelistRecord | undefined;
  purge?: BouncePurgeRecord | undefined;
};

/** What is known of a job's recipients. */
export type Listed = ListSettings & { records: Map<string, SuppressionRecord> };

/** @throws Error when it is not known */
export async function readListed(account: string, copies: readonly Copy[], deps: SuppressedDeps): Promise<Listed> {
  const records = await deps.readSuppressions(
    account,
    copies.map(({ address }) => address),
  );
  return records.size === 0 ? { records } : { records, ...(await deps.readListSettings(account)) };
}

/** SendGrid's reason by the copy's index, of those copies that are dropped. */
export function findSuppressed(
  copies: readonly Copy[],
  { asm, mailSettings: bypass }: Pick<Content, 'asm' | 'mailSettings'>,
  { records, whitelist, purge }: Listed,
  { now }: Pick<SuppressedDeps, 'now'>,
): Map<number, DropReason> {
  const reasons = new Map<number, DropReason>();
  if (records.size === 0) return reasons;
  const purged = purgedBy(purge, Math.floor(now() / 1_000));
  for (const { index, address } of copies) {
    const record = withoutPurged(records.get(address.toLowerCase()), purged);
    const why = record && whySuppressed(record, { groupId: asm?.groupId, bypass });
    if (why && !isWhitelisted(address, whitelist)) reasons.set(index, why);
  }
  return reasons;
}

/** By the copy's index: the bounce that an earlier run met and listed, and died before it could record it. */
export function findBounced(requestId: string, copies: readonly Copy[], { records }: Listed): Map<number, ListEntry> {
  const bounced = new Map<number, ListEntry>();
  if (records.size === 0) return bounced;
  for (const { index, address } of copies) {
    const entry = bouncedItself(records.get(address.toLowerCase()), bouncedCopy(requestId, index));
    if (entry) bounced.set(index, entry);
  }
  return bounced;
}
