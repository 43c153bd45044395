/**
 * An account's IP access list (accounts table), and who came in or tried to (messages table). The list is one small item beside the
 * account's keys; nothing of it is ever another account's.
 */

/** Rules of a list: SendGrid has as many. */
export const MOST_RULES = 1_000;

export type AccessRule = {
  id: number;
  /** In CIDR notation, in the one way that core/access/range.ts writes it. */
  ip: string;
  /** Unix seconds. */
  createdAt: number;
};

export type AccessRecord = {
  /** The account. */
  pk: string;
  sk: 'access';
  /** In the order in which they were made; empty: there is no list, and calls may come from anywhere. */
  rules: AccessRule[];
  /** Ids are never used again. */
  nextId: number;
  /** Another at each write: a write names the one it read. */
  version: number;
};

export const accessKey = (account: string) => ({ pk: account, sk: 'access' as const });

/** How somebody showed a key: over HTTPS or by SMTP (SendGrid: `auth_method`). */
export type AccessMethod = 'API' | 'SMTP';

/** Somebody with a key of the account that is in order, at its door. */
export type Attempt = { ip: string; method: AccessMethod; allowed: boolean };

export type AttemptRecord = Attempt & {
  /** `account#access`. */
  pk: string;
  sk: string;
  /** Milliseconds since the epoch: when it was noted first, and last. */
  firstAt: number;
  lastAt: number;
  /** The UTC day among whose notes it is counted, the last on which it was: `YYYY-MM-DD`. */
  day: string;
  expiresAt: number;
};

/** Days for which a note is kept after its last attempt. */
export const ATTEMPT_DAYS = 7;

export const attemptsKey = (account: string) => `${account}#access`;
export const ATTEMPTS_PREFIX = 'from#';
export const attemptKey = (account: string, { ip, method, allowed }: Attempt) => ({
  pk: attemptsKey(account),
  sk: `${ATTEMPTS_PREFIX}${allowed ? 'allowed' : 'refused'}#${method}#${ip}`,
});
/** Counts the notes of a UTC day. @param day `YYYY-MM-DD` */
export const notesKey = (account: string, day: string, allowed: boolean) => ({
  pk: attemptsKey(account),
  sk: `notes#${day}#${allowed ? 'allowed' : 'refused'}`,
});
