/**
 * Subusers in the accounts table: accounts with a parent. Under the parent's key stands what he knows of each (by its name); under the
 * subuser's own stands what every call and every mail of its keys depends on. Both are written together, and spelt here, once.
 */
import { createHash } from 'node:crypto';
import type { Allows } from '../access/list.ts';
import type { KeyRecord } from './accounts.ts';

/** How many messages a subuser may send (SendGrid: `subusers/{name}/credits`). */
export type Credits =
  | { type: 'unlimited' }
  /** `since`: milliseconds since the epoch, from which messages count; `adjusted`: added to what remains, by hand. */
  | {
      type: 'recurring';
      resetFrequency: 'monthly' | 'weekly' | 'daily';
      total: number;
      since: number;
      adjusted: number;
      /** Milliseconds since the epoch at which it was adjusted: it counts for the period of that time alone. */
      adjustedAt: number;
    }
  | { type: 'nonrecurring'; total: number; since: number; adjusted: number };

/** Who has a copy of about one in `frequency` messages of a subuser (SendGrid: `subusers/{name}/monitor`). */
export type Monitor = { email: string; frequency: number };

/** What a parent knows of a subuser. */
export type SubuserRecord = {
  /** The parent. */
  pk: string;
  /** Its name, in lower case. */
  sk: string;
  account: string;
  username: string;
  email: string;
  disabled: boolean;
  /** Of the web pages alone: it sends all the same. */
  websiteDisabled: boolean;
  /** Source addresses that its mail may go out by; empty: all. */
  ips: string[];
  /** The lanes of these addresses: what accept chooses from. */
  lanes: string[];
  credits: Credits;
  monitor?: Monitor | undefined;
  /** Milliseconds since the epoch. */
  createdAt: number;
  /** Another at each write: a write names the one it read. */
  version: number;
};

/** What an account with a parent is to its own keys. An account without this item has no parent. */
export type AccountRecord = Pick<
  SubuserRecord,
  'username' | 'email' | 'disabled' | 'ips' | 'lanes' | 'credits' | 'monitor'
> & {
  pk: string;
  sk: 'account';
  parent: string;
  /** It is gone for good: its keys are refused as if there were none. */
  deleted?: true;
};

/** A key, from where it may be used (absent: from anywhere), and what its account's parent says of its mail. */
export type UsableKey = KeyRecord & { allows?: Allows } & Partial<
    Pick<AccountRecord, 'lanes' | 'parent' | 'credits' | 'monitor'>
  >;

export const subuserKey = (parent: string, username: string) => ({
  pk: parent,
  sk: `subuser#${username.toLowerCase()}`,
});
export const accountKey = (account: string) => ({ pk: account, sk: 'account' as const });

/** A new account id: 8 characters of a-z and 2-7. @param random at least 5 random bytes */
export function makeAccountId(random: Uint8Array): string {
  const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';
  let bits = 0n;
  for (const byte of random.subarray(0, 5)) bits = (bits << 8n) | BigInt(byte);
  return Array.from({ length: 8 }, (_, n) => alphabet[Number((bits >> BigInt(35 - 5 * n)) & 31n)]).join('');
}

/** SendGrid's number of an account (`user_id`), from 1 to 2^31 - 1: clients in typed languages read it into 32 bits. */
export const userIdOf = (account: string): number =>
  (createHash('sha256').update(`user\0${account}`).digest().readUInt32BE(0) % 0x7fff_ffff) + 1;
