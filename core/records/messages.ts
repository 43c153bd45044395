/** Items of the messages table: a request, what became of its copies, and what keeps it from being taken or sent twice. Keys are spelt here, once. */
import type { About } from '../event/about.ts';
import type { Content } from '../mail.ts';
import type { Classification } from '../shaping/rule.ts';
import { copyPart, messageKey, type Owner } from './message-key.ts';
import type { Monitor } from './subusers.ts';

/** How a request came in, as whoever took it knows it. */
export type Received = {
  protocol: 'HTTP' | 'SMTP';
  /** Of the request's body, or of the message. */
  bytes: number;
  ip?: string;
  /** The client's `User-Agent`, at most 100 characters. */
  agent?: string;
};

/** Written by accept before the 202: the first line of a trace, the denominator of the conservation check. */
export type RequestRecord = {
  pk: string;
  sk: string;
  /**
   * Of a request to one reader, whatever copies were added: `account#address`, in whose bucket it lies. So he is found before anything
   * became of it. His copy is the first.
   */
  recipient?: string | undefined;
  /** Milliseconds since the epoch. */
  acceptedAt: number;
  /** How many copies, and how many of them are samples (core/copies.ts). */
  copies: number;
  samples?: number;
  keyId: string;
  from: string;
  subject?: string;
  contentKey?: string;
  /** How it came in; absent in records of before it was kept. */
  received?: Received;
  expiresAt: number;
};

/** The final outcomes of a copy. `unknown`: the link broke after the final dot until the attempts were used up. */
export type Outcome = 'delivered' | 'bounced' | 'dropped' | 'unknown';

/** A copy's outcome: one put, conditional on there being none. `indexedRecipient` and `at` are the key of the one index. */
export type OutcomeRecord = Owner & {
  pk: string;
  sk: string;
  /** `relayed`: SES has it, and its word is awaited. Not final: the outcome that SES tells of replaces it. */
  event: Outcome | 'relayed';
  /** SES's own id of a message that went through it. */
  relayId?: string;
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
  /** Of what was not delivered: SendGrid's class of it, and the rule of core/shaping that knew the reply. */
  classification?: Classification;
  rule?: string;
  site: string;
  mx?: string;
  /** `TLSv1.3 TLS_AES_256_GCM_SHA384`, or `none (why)` where TLS was offered and failed. */
  tls?: string;
  /** Why the host's certificate is not valid for it, though the session was encrypted (SendGrid's `cert_err`). */
  certError?: string;
  lane: string;
  /** This copy may have reached its reader before (see DESIGN 4.8). */
  possibleDuplicate?: true;
  /** The address as the sender wrote it, where that is not all lower case. */
  email?: string;
  /** What its events tell beside this; absent in records of before there were events. */
  about?: About;
  /** What was said with the host, line by line, of what did not go well; of all, where the account asks for it. */
  transcript?: string;
  /** An earlier item of the copy has said that it was picked up: the job came again after a run that died. */
  pickedUp?: true;
  expiresAt: number;
};

/** What happened on the way to an outcome: one item each, never rewritten. */
export type AttemptRecord = Omit<OutcomeRecord, 'event' | keyof Owner> & {
  /** `deferred`: 4xx or no connection. `doubted`: the link broke after the final dot. */
  event: 'deferred' | 'doubted';
  address: string;
  /** As an outcome's, of a copy's first attempt alone: so mail that waits is found by its recipient too. */
  recipient?: string;
  indexedRecipient?: string;
  /** Milliseconds since the epoch of the next attempt. */
  due: number;
};

/** What was heard of a copy after its outcome: a complaint, or a bounce of mail that was delivered. One item for each kind. */
export type LateRecord = Omit<OutcomeRecord, 'event' | keyof Owner | 'attempt' | 'possibleDuplicate'> & {
  event: 'complained' | 'bounced';
  address: string;
  /** Where a complaint says that the mail was received from. */
  ip?: string;
  /** Of complaints: he wants no more of it, and does not call it spam (RFC 5965 7.3). */
  optOut?: true;
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
  /** What else its jobs were made of: who takes it over makes the same. Absent: of an older version. */
  beside?: Beside;
  expiresAt: number;
};

/**
 * What a request's jobs are made of beside its body: the version of what the account adds, its pool, the lanes it may take, a template's text,
 * who has samples of it.
 */
export type Beside = {
  defaults: number;
  poolId?: string;
  monitor?: Monitor;
  lanes?: string[];
  template?: NonNullable<Content['template']>;
};

/** The claim of a job that may be on a lane twice: one worker at a time. */
export type ClaimRecord = {
  pk: string;
  sk: string;
  /** Milliseconds since the epoch: as long as the claimant can run. */
  until: number;
  /** Names the claimant. */
  fence: string;
  /** The hop of the job that was claimed, or was left of it behind a split: one with fewer hops is a stale twin. */
  hop?: number;
  /** Claimed for a part of the job, and which split made it: other parts of that split may have it too. */
  part?: string;
  expiresAt: number;
};

export const MESSAGES_INDEX = 'byRecipient';

export const requestKey = (account: string, requestId: string) => messageKey(account, requestId, 'request');
export const copyKey = (account: string, requestId: string, index: number) =>
  messageKey(account, requestId, copyPart(index));
export const attemptKey = (account: string, requestId: string, index: number, event: string, attempt: number) =>
  messageKey(account, requestId, `${copyPart(index)}#${String(attempt).padStart(3, '0')}#${event}`);
export const lateKey = (account: string, requestId: string, index: number, event: LateRecord['event']) =>
  messageKey(account, requestId, `${copyPart(index)}#late#${event}`);
/** Of a mail that came back about a copy (`ReturnedMailRecord`). @param inboundId names the mail */
export const returnedMailKey = (account: string, requestId: string, index: number, inboundId: string) =>
  messageKey(account, requestId, `${copyPart(index)}#mail#${inboundId}`);
export const claimKey = (account: string, requestId: string, jobId: string) =>
  messageKey(account, requestId, `claim#${jobId}`);
export const idempotencyKey = (account: string, keyHash: string) => ({
  pk: `${account}#idempotency#${keyHash}`,
  sk: 'idempotency' as const,
});
