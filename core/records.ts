/**
 * The items of the tables and their keys. Each key is spelt once, here. Every partition key begins with the account,
 * but for holds, whose partition is a shard (they are read by time, across accounts).
 * All tables have the key attributes `pk` and `sk` (strings), and `expiresAt` (unix seconds) for TTL where they have one.
 * TTL is late (up to days): readers compare the time themselves.
 */
import type { Job } from './job.ts';
import { HOLD_SHARDS } from './limits.ts';

/** The account of whoever deployed the stack. Account ids are 8 characters of a-z and 2-7. */
export const OPERATOR = 'operator';

// messages ------------------------------------------------------------------------------------------------------------

/** Written by accept before the 202: the first line of a trace, the denominator of the conservation check. */
export type RequestRecord = {
  pk: string;
  sk: 'request';
  /** Milliseconds since the epoch. */
  acceptedAt: number;
  /** How many copies. */
  copies: number;
  keyId: string;
  from: string;
  subject?: string;
  contentKey?: string;
  expiresAt: number;
};

/** The final outcomes of a copy. `unknown`: the link broke after the final dot until the attempts were used up. */
export type Outcome = 'delivered' | 'bounced' | 'dropped' | 'unknown';

/** A copy's outcome: one put, conditional on there being none. `recipient` and `at` are the key of the one index. */
export type OutcomeRecord = {
  pk: string;
  /** Four digits or more: the copy's index. */
  sk: string;
  event: Outcome;
  /** `account#address`, lower case: key of the index `byRecipient`. */
  recipient: string;
  /** Milliseconds since the epoch: sort key of the index. */
  at: number;
  /** Attempts made before this one. */
  attempt: number;
  /** The reply as it was read, at most 500 characters. */
  reply: string;
  /** Enhanced status (RFC 3463) or the reply code. */
  status?: string;
  /** `bounce` is about the address, `blocked` is about us or the content (SendGrid's bounce `type`). */
  type?: 'bounce' | 'blocked';
  site: string;
  mx?: string;
  tls?: string;
  lane: string;
  /** This copy may have reached its reader before (see DESIGN 4.8). */
  possibleDuplicate?: true;
  expiresAt: number;
};

/** What happened on the way to an outcome: one item each, never rewritten. */
export type AttemptRecord = Omit<OutcomeRecord, 'event' | 'recipient'> & {
  /** `deferred`: 4xx or no connection. `doubted`: the link broke after the final dot. */
  event: 'deferred' | 'doubted';
  address: string;
  /** Milliseconds since the epoch of the next attempt. */
  due: number;
};

/** An Idempotency-Key and the answer it stands for. */
export type IdempotencyRecord = {
  pk: string;
  sk: 'idempotency';
  requestId: string;
  /** SHA-256 of the body, hex. */
  body: string;
  at: number;
  /** `failed`: nothing of it is queued. `uncertain`: some of it may be. The next request with the key takes over. */
  state: 'accepting' | 'accepted' | 'failed' | 'uncertain';
  expiresAt: number;
};

/** The claim of a job that may be on a lane twice: one worker at a time. */
export type ClaimRecord = {
  pk: string;
  sk: string;
  /** Milliseconds since the epoch: as long as the claimant can run. */
  until: number;
  /** Names the claimant. */
  fence: string;
  /** The hop of the job that was claimed: one with fewer hops is a stale twin. */
  hop?: number;
  expiresAt: number;
};

export const MESSAGES_INDEX = 'byRecipient';

export const requestKey = (account: string, requestId: string) => ({
  pk: `${account}#${requestId}`,
  sk: 'request' as const,
});
export const copyKey = (account: string, requestId: string, index: number) => ({
  pk: `${account}#${requestId}`,
  sk: String(index).padStart(4, '0'),
});
export const attemptKey = (account: string, requestId: string, index: number, event: string, attempt: number) => ({
  pk: `${account}#${requestId}`,
  sk: `${String(index).padStart(4, '0')}#${String(attempt).padStart(3, '0')}#${event}`,
});
export const claimKey = (account: string, requestId: string, jobId: string) => ({
  pk: `${account}#${requestId}`,
  sk: `claim#${jobId}`,
});
export const idempotencyKey = (account: string, keyHash: string) => ({
  pk: `${account}#idempotency#${keyHash}`,
  sk: 'idempotency' as const,
});
export const recipientKey = (account: string, address: string) => `${account}#${address.toLowerCase()}`;

// holds ---------------------------------------------------------------------------------------------------------------

/** What waits for a time: a job (deferred), or a whole request (`send_at`, or one whose queue did not answer). */
export type Hold = {
  pk: string;
  sk: string;
  /** Milliseconds since the epoch. */
  due: number;
  account: string;
  /** Copies waiting in it, for the conservation check. */
  copies: number;
} & ({ kind: 'job'; job: Job } | { kind: 'request'; expansion: Expansion });

/** What the expand queue carries: one stored request, from one turn on. */
export type Expansion = {
  v: 1;
  account: string;
  requestId: string;
  acceptedAt: number;
  contentKey: string;
  /** Jobs made from it may already be on a lane. */
  maybeSent?: true;
  /** Its jobs carry the content: as they were cut first, so they are cut again. */
  inline?: true;
  /** It comes from a hold: its jobs count a hop, so that deliver reads the records first, should it be released twice. */
  released?: true;
  /** Turns (unix seconds, 0 = now) before this one are done; absent: none is. */
  fromTurn?: number;
};

/** The key of a hold. Its shard is a hash of the id, so that one item always has one place. */
export function holdKey(id: string, due: number): { pk: string; sk: string } {
  let hash = 0;
  for (let i = 0; i < id.length; i++) hash = (Math.imul(hash, 31) + id.charCodeAt(i)) | 0;
  return { pk: holdShard((hash >>> 0) % HOLD_SHARDS), sk: `${holdDue(due)}#${id}` };
}
export const holdShard = (shard: number) => `shard-${shard}`;
/** Sorts by time as text: 15 digits of milliseconds. */
export const holdDue = (due: number) => String(Math.max(0, Math.floor(due))).padStart(15, '0');

// accounts ------------------------------------------------------------------------------------------------------------

/** An API key: its id in clear, the SHA-256 of its secret. The secret itself is shown once and kept nowhere. */
export type KeyRecord = {
  pk: string;
  sk: string;
  name: string;
  /** SHA-256 of the secret, hex. */
  secretHash: string;
  scopes: string[];
  createdAt: number;
};

/** A sending domain. The private key is KMS ciphertext, its context `{account, domain}`; only deliver may decrypt it. */
export type DomainRecord = {
  pk: string;
  sk: string;
  domain: string;
  selector: string;
  /** The subdomain of return paths: `em.<domain>`. */
  returnPath: string;
  /** Base64 of the SPKI DER: the `p=` of the DNS record. */
  publicKey: string;
  /** Base64 of the KMS ciphertext of the PKCS#8 DER. */
  privateKey: string;
  createdAt: number;
  /** Milliseconds since the epoch of the last check that found every record; absent: never. */
  validAt?: number;
};

export const keyKey = (account: string, id: string) => ({ pk: account, sk: `key#${id}` });
export const domainKey = (account: string, domain: string) => ({ pk: account, sk: `domain#${domain.toLowerCase()}` });
