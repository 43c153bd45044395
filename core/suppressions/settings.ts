/**
 * Two settings of an account that bear on its lists, as the API reads and writes them and as they are applied: the address
 * whitelist (who is never left out) and the bounce purge (when bounces and blocks leave their lists). What is purged is gone
 * for good: a later change of the setting brings nothing back.
 */
import { readDomain, readMailbox } from '../address.ts';
import type { ApiError } from '../errors.ts';
import {
  type AddressWhitelistRecord,
  addressWhitelistKey,
  type BouncePurgeRecord,
  bouncePurgeKey,
} from '../records/settings.ts';
import type { ListName, SuppressionRecord } from '../records/suppressions.ts';

export type Read<T> = { ok: true; setting: T } | { ok: false; errors: ApiError[] };

/** Entries of a whitelist: one item holds them all. */
export const WHITELISTED = 1_000;
/** Days that an entry may be kept for at most: a hundred years. */
const MOST_DAYS = 36_500;
const DAY = 86_400;

// address whitelist ---------------------------------------------------------------------------------------------------

export function showWhitelist(record: AddressWhitelistRecord | undefined) {
  return { enabled: record?.enabled ?? false, list: record?.list ?? [] };
}

/** Reads a change: what is left out stays; a list that is given takes the place of the whole list. */
export function readWhitelist(
  account: string,
  body: unknown,
  before: AddressWhitelistRecord | undefined,
): Read<AddressWhitelistRecord> {
  const given = objectOf(body);
  if (!given) return refuse(null, 'the body must be a JSON object');
  const { enabled = before?.enabled ?? false, list = before?.list ?? [] } = given;
  if (typeof enabled !== 'boolean') return refuse('enabled', 'enabled must be true or false');
  if (!Array.isArray(list) || list.length > WHITELISTED)
    return refuse('list', `list must be an array of up to ${WHITELISTED} addresses and domains`);
  for (const [n, one] of list.entries())
    if (typeof one !== 'string' || !(readMailbox(one) || readDomain(one)))
      return refuse(`list.${n}`, 'each entry of the list must be an email address or a domain');
  return { ok: true, setting: { ...addressWhitelistKey(account), enabled, list: [...new Set(list as string[])] } };
}

/** Whether mail to an address is never dropped. A domain stands for its own addresses, not for those below it. */
export function isWhitelisted(address: string, record: AddressWhitelistRecord | undefined): boolean {
  if (!record?.enabled) return false;
  const lower = address.toLowerCase();
  const domain = lower.slice(lower.lastIndexOf('@') + 1);
  return record.list.some((entry) => {
    const at = entry.lastIndexOf('@');
    const entryDomain = readDomain(entry.slice(at + 1));
    return at < 0 ? entryDomain === domain : `${entry.slice(0, at).toLowerCase()}@${entryDomain}` === lower;
  });
}

// bounce purge --------------------------------------------------------------------------------------------------------

/** Unix seconds by list: what was created before is not on it any more. */
export type Purged = { bounces: number; blocks: number };
const NOTHING: Purged = { bounces: 0, blocks: 0 };

export function showBouncePurge(record: BouncePurgeRecord | undefined) {
  const { enabled = false, softBounces = null, hardBounces = null } = record ?? {};
  return { enabled, soft_bounces: softBounces, hard_bounces: hardBounces };
}

/**
 * Reads a change: what is left out stays, null keeps a list for ever.
 * @param now unix seconds
 */
export function readBouncePurge(
  account: string,
  body: unknown,
  before: BouncePurgeRecord | undefined,
  now: number,
): Read<BouncePurgeRecord> {
  const given = objectOf(body);
  if (!given) return refuse(null, 'the body must be a JSON object');
  const { enabled = before?.enabled ?? false } = given;
  if (typeof enabled !== 'boolean') return refuse('enabled', 'enabled must be true or false');
  const { soft_bounces: soft = before?.softBounces ?? null, hard_bounces: hard = before?.hardBounces ?? null } = given;
  for (const [field, days] of [
    ['soft_bounces', soft],
    ['hard_bounces', hard],
  ] as const)
    if (!isDays(days)) return refuse(field, `${field} must be a whole number of days from 1 to ${MOST_DAYS}, or null`);
  const setting: BouncePurgeRecord = {
    ...bouncePurgeKey(account),
    enabled,
    softBounces: soft as number | null,
    hardBounces: hard as number | null,
    purged: purgedBy(before, now),
  };
  return { ok: true, setting };
}

/** What is gone at a time. @param now unix seconds */
export function purgedBy(record: BouncePurgeRecord | undefined, now: number): Purged {
  if (!record) return NOTHING;
  const { enabled, softBounces, hardBounces, purged } = record;
  const since = (days: number | null, before: number) =>
    enabled && days !== null ? Math.max(before, now - days * DAY) : before;
  return { bounces: since(hardBounces, purged.bounces), blocks: since(softBounces, purged.blocks) };
}

/** The first moment (unix seconds) whose entries are still on a list. */
export function listedSince(list: ListName, purged: Purged): number {
  return list === 'bounces' || list === 'blocks' ? purged[list] : 0;
}

/** An address's item without what is purged. */
export function withoutPurged<T extends SuppressionRecord | undefined>(record: T, purged: Purged): T {
  if (!record) return record;
  const left = { ...record };
  for (const list of ['bounces', 'blocks'] as const)
    if (left[list] && left[list].created < purged[list]) delete left[list];
  return left;
}

function isDays(value: unknown): boolean {
  return value === null || (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MOST_DAYS);
}

function objectOf(body: unknown): Record<string, unknown> | undefined {
  return typeof body === 'object' && body !== null && !Array.isArray(body)
    ? (body as Record<string, unknown>)
    : undefined;
}

function refuse(field: string | null, message: string): { ok: false; errors: ApiError[] } {
  return { ok: false, errors: [{ message, field, help: null }] };
}
