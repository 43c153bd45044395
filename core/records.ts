/**
 * The items of the tables and their keys. Each key is spelt once, here. Every partition key begins with the account,
 * but for holds, whose partition is a shard (they are read by time, across accounts), sites, whose partition is a lane, and hosts.
 * All tables have the key attributes `pk` and `sk` (strings), and `expiresAt` (unix seconds) for TTL where they have one.
 * TTL is late (up to days): readers compare the time themselves.
 */
import { createHash } from 'node:crypto';
import type { CopyCount } from './copies.ts';
import type { About } from './event/about.ts';
import type { Job } from './job.ts';
import { HOLD_SHARDS } from './limits.ts';
import type { Content } from './mail.ts';
import type { ParseMessage } from './parse/message.ts';
import type { EraseMessage } from './records/erasure.ts';
import { copyPart, messageKey, type Owner } from './records/message-key.ts';
import { scheduledKey, type Wake } from './records/schedule.ts';
import type { Authentication, LinkBranding } from './records/senders.ts';
import type { Monitor } from './records/subusers.ts';
import type { Allowance } from './shaping/allowance.ts';
import type { Classification } from './shaping/rule.ts';
import type { TrackingSettings } from './tracking/settings.ts';
import type { ValidationMessage } from './validation/job.ts';
import type { NotifyMessage } from './webhook/message.ts';

/** The account of whoever deployed the stack. Account ids are 8 characters of a-z and 2-7. */
export const OPERATOR = 'operator';

// messages ------------------------------------------------------------------------------------------------------------

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

// holds ---------------------------------------------------------------------------------------------------------------

/** What waits for a time: a job (deferred), a whole request (`send_at`, or one whose queue did not answer), a mail for a parse URL. */
export type Hold = {
  pk: string;
  sk: string;
  /** Milliseconds since the epoch. */
  due: number;
  account: string;
  /** Copies waiting in it, for the conservation check; of a request, how many of them are samples (core/copies.ts). */
  copies: number;
  samples?: number;
  /** Of a scheduled request: key of the index `bySchedule`. */
  scheduled?: string;
} & (
  | { kind: 'job'; job: Job }
  | { kind: 'request'; expansion: Expansion }
  /** A mail that a customer's parse URL did not take; it holds no copies. */
  | { kind: 'parse'; parse: ParseMessage }
  /** The next attempt of a webhook, or of a replay; it holds no copies. */
  | { kind: 'notify'; notify: NotifyMessage }
  /** The next look at a file of addresses, or the next run on it; it holds no copies. */
  | { kind: 'validate'; validate: ValidationMessage }
  /** What the account has parked is looked at again (core/brakes/parked.ts); it holds no copies itself. */
  | { kind: 'sweep' }
  /** Paused mail of a batch is to be looked at; it holds no copies. */
  | { kind: 'wake'; wake: Wake }
  /** A pass of an erasure is due; it holds no copies. */
  | { kind: 'erase'; erase: EraseMessage }
);

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
  /** What is scheduled under it can be paused and cancelled until it is due. */
  batchId?: string;
  /** Why what is due of it is not to be sent. */
  dropped?: string;
};

/** The hold of a scheduled request, which its account can list. @param due milliseconds since the epoch */
export function scheduledHold(expansion: Expansion, due: number, copies: CopyCount): Hold {
  const { account, requestId } = expansion;
  const key = holdKey(requestId, due);
  return { ...key, due, account, ...copies, scheduled: scheduledKey(account, key.pk), kind: 'request', expansion };
}

/** Has a batch's paused holds looked at. @param due milliseconds since the epoch */
export function wakeHold(wake: Wake, due: number): Hold {
  const { account, batchId } = wake;
  return { ...holdKey(`wake#${account}#${batchId}`, due), due, account, copies: 0, kind: 'wake', wake };
}

/** The key of a hold. Its shard is a hash of the id, so that one item always has one place. */
export function holdKey(id: string, due: number): { pk: string; sk: string } {
  let hash = 0;
  for (let i = 0; i < id.length; i++) hash = (Math.imul(hash, 31) + id.charCodeAt(i)) | 0;
  return { pk: holdShard((hash >>> 0) % HOLD_SHARDS), sk: `${holdDue(due)}#${id}` };
}
export const holdShard = (shard: number) => `shard-${shard}`;
/** Sorts by time as text: 15 digits of milliseconds. */
export const holdDue = (due: number) => String(Math.max(0, Math.floor(due))).padStart(15, '0');

// sites ---------------------------------------------------------------------------------------------------------------

/** What a lane may do at a scope (core/shaping/scope.ts); only while it differs from the provider's limits. */
export type AllowanceRecord = Allowance & {
  /** The lane. */
  pk: string;
  /** The scope, or a hash of it. */
  sk: string;
  /** Where `sk` is a hash. */
  scope?: string;
  /** Random, another at each write: a write names the one it read. */
  version: string;
  expiresAt: number;
};

/** The lease of a limit of one: one environment of the lane at a time. */
export type LeaseRecord = {
  pk: string;
  sk: string;
  /** Milliseconds since the epoch, by the clock of whoever has it. */
  until: number;
  /** Names him. */
  fence: string;
  expiresAt: number;
};

/** One UTC hour of a lane that is warming up: what was claimed of its budget, and how its mail was answered. */
export type WarmUpRecord = {
  pk: string;
  /** `YYYY-MM-DDTHH`. */
  sk: string;
  claimed?: number;
  good?: number;
  bad?: number;
  expiresAt: number;
};

/** How often a lane's warm-up was set back by a day. */
export type WarmUpStateRecord = {
  pk: string;
  sk: string;
  heldDays: number;
  /** Milliseconds since the epoch of the last time. */
  heldAt: number;
};

/** Bytes of a sort key that are taken as they are; DynamoDB's limit is 1,024. */
const SCOPE_BYTES = 1_000;

/** A lane's allowances are one partition, so that one query reads them, and nothing else. */
export const allowancesKey = (lane: string) => lane;
export const allowanceKey = (lane: string, scope: string) => ({ pk: allowancesKey(lane), sk: scopeKey(scope) });
export const leaseKey = (lane: string, scope: string) => ({ pk: `${lane}#lease`, sk: scopeKey(scope) });
export const warmUpKey = (lane: string, hour: string) => ({ pk: `${lane}#warm-up`, sk: hour });
/** @param startedAt milliseconds since the epoch: another warm-up of the lane is counted by itself */
export const warmUpStateKey = (lane: string, startedAt: number) => ({
  pk: `${lane}#warm-up`,
  sk: `state#${startedAt}`,
});

/** A site's name tells all its hosts, so it can be longer than a key may be. */
function scopeKey(scope: string): string {
  if (Buffer.byteLength(scope) <= SCOPE_BYTES) return scope;
  return `sha256#${createHash('sha256').update(scope).digest('hex')}`;
}

// suppressions --------------------------------------------------------------------------------------------------------

/** SendGrid's lists of addresses (`/v3/suppression/…`, `/v3/asm/suppressions/global`). Those on `blocks` get mail all the same. */
export const SUPPRESSION_LISTS = ['bounces', 'blocks', 'spam_reports', 'invalid_emails', 'unsubscribes'] as const;
export type SuppressionList = (typeof SUPPRESSION_LISTS)[number];
/** One of them, or an unsubscribe group's. */
export type ListName = SuppressionList | `group#${number}`;

/** Why an address is on a list. */
export type ListEntry = {
  /** Unix seconds. */
  created: number;
  /** The reply or the report, at most 500 characters. */
  reason?: string;
  /** Enhanced status (RFC 3463) or the reply code. */
  status?: string;
  /** Where a complaint says that the mail was received from, or who unsubscribed. */
  ip?: string;
  /** Of a bounce that an attempt met: the copy (`<request id>#<index>`), so that its record can still be written after a crash. */
  copy?: string;
  /** Of blocks: how often. */
  times?: number;
  /** Of bounces and blocks: SendGrid's class of the reply. */
  classification?: Classification;
  /** Of blocks: unix seconds since when, one send after the other, DNS has not known the domain. */
  unknownSince?: number;
};

/**
 * All that an account's lists say of an address: one item, so that one strongly consistent read answers them all when mail is about
 * to be sent to it. Written together with the `ListedRecord` of each list it is on, in one transaction, each write under the
 * version that was read.
 */
export type SuppressionRecord = {
  pk: string;
  sk: 'address';
  /** As it was written when it was first listed. */
  email: string;
  /** Grows by one with each write. */
  version: number;
  /** By the group's id. */
  groups?: Record<string, ListEntry>;
} & Partial<Record<SuppressionList, ListEntry>>;

/** The same by list and time: what the API pages through. */
export type ListedRecord = ListEntry & { pk: string; sk: string; email: string };

export const suppressionKey = (account: string, address: string) => ({
  pk: `${account}#${address.toLowerCase()}`,
  sk: 'address' as const,
});
/** No address is without an at sign, so no address's key is a list's. */
export const listKey = (account: string, list: ListName) => `${account}#list#${list}`;
export const listedKey = (account: string, list: ListName, created: number, address: string) => ({
  pk: listKey(account, list),
  sk: `${String(created).padStart(11, '0')}#${address.toLowerCase()}`,
});

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

/** A DKIM key of a domain (core/domain-keys.ts). */
export type DomainKey = {
  /** Never used again for another key; in automatic security, once its last key has been retired for a week. */
  selector: string;
  algorithm: 'rsa' | 'ed25519';
  /** The `p=` of the DNS record, base64: the SPKI DER of an RSA key, the 32 octets of an Ed25519 key (RFC 8463 4.2). */
  publicKey: string;
  /** Base64 of the KMS ciphertext of the PKCS#8 DER; '' of a retired key. */
  privateKey: string;
  /** Milliseconds since the epoch. */
  createdAt: number;
  state: 'pending' | 'active' | 'retired';
  /** Milliseconds since the epoch at which it began to sign; absent of a domain's first. */
  activatedAt?: number;
  /** Milliseconds since the epoch. */
  retiredAt?: number;
};

/** A sending domain. Private keys are KMS ciphertext, their context `{account, domain}`; only deliver may decrypt them. */
export type DomainRecord = {
  pk: string;
  sk: string;
  domain: string;
  /** The selector of the RSA key that signs. */
  selector: string;
  /** The subdomain of return paths: `em.<domain>`. */
  returnPath: string;
  /** Base64 of the SPKI DER: the `p=` of the DNS record. */
  publicKey: string;
  /** Base64 of the KMS ciphertext of the PKCS#8 DER. */
  privateKey: string;
  /** All keys, the oldest first; absent until the first rotation. */
  keys?: DomainKey[];
  createdAt: number;
  /** Milliseconds since the epoch of the last check that found every record; absent: never. */
  validAt?: number;
  /** Absent of a domain that the operator added himself: nobody asks him whether it is his. */
  authentication?: Authentication;
};

/**
 * Whose a host name is that mail comes in at, or that its links are at: the one item whose partition key does not begin with the account, because it answers
 * just that. Written with a sending domain (its return path) or with a parse setting.
 */
export type HostRecord = {
  pk: string;
  sk: 'host';
  account: string;
  kind: 'return-path' | 'parse' | 'link';
};

/** What an account asks of TLS at its recipients' hosts (SendGrid: `user/settings/enforced_tls`). */
export type EnforcedTlsRecord = {
  pk: string;
  sk: 'settings#enforced_tls';
  /** Never in clear. */
  requireTls: boolean;
  /** Nor to a host whose certificate is not valid for it. */
  requireValidCert: boolean;
};

/** Where an account's inbound mail at a host name goes (SendGrid: `user/webhooks/parse/settings`). */
export type ParseSettingRecord = {
  pk: string;
  sk: string;
  /** Lower case, A-labels. */
  hostname: string;
  /** Of the customer: `https:` (or `http:`). */
  url: string;
  /** The verdict of whoever looked for spam goes with the mail, where there is one. */
  spamCheck: boolean;
  /** The mail goes as it came, in the field `email`, instead of its parts. */
  sendRaw: boolean;
  /** The id of the policy by which posts are signed (core/webhook/policy.ts). */
  securityPolicy?: string;
  createdAt: number;
};

/** Mails received for an account's parse hosts on a UTC day, one item per shard: writers of one day do not stand in each other's way. */
export type ParseStatsRecord = { pk: string; sk: string; received: number };

/** Says that a mail was counted, so that a second delivery by the queue is not. In messages, with its TTL. */
export type CountedRecord = { pk: string; sk: 'received'; expiresAt: number };

/** Where an account has what comes back sent on to (SendGrid: `mail_settings/forward_bounce`, `forward_spam`). */
export type ForwardRecord = {
  pk: string;
  sk: `settings#${'forward_bounce' | 'forward_spam'}`;
  enabled: boolean;
  email: string;
};

/** What an account asks of tracking (SendGrid: `tracking_settings`). Absent: nothing. */
export type TrackingRecord = { pk: string; sk: 'settings#tracking'; settings: TrackingSettings };

/** The host that links of mail from a domain are at (SendGrid: link branding). The default one's domain is in `LinkDefaultRecord`. */
export type LinkRecord = {
  pk: string;
  sk: string;
  /** The domain of from addresses. */
  domain: string;
  /** A subdomain of it, lower case; on the local stack loopback with a port. */
  host: string;
  /** Milliseconds since the epoch. */
  createdAt: number;
  /** Milliseconds since the epoch at which it was last seen to answer for us by HTTPS; absent: nothing is tracked at it. */
  validAt?: number;
  branding?: LinkBranding;
};

/** For mail from domains that have none. */
export type LinkDefaultRecord = { pk: string; sk: 'link-default'; domain: string };

export const trackingKey = (account: string) => ({ pk: account, sk: 'settings#tracking' as const });
export const linkKey = (account: string, domain: string) => ({ pk: account, sk: `link#${domain.toLowerCase()}` });
export const linkDefaultKey = (account: string) => ({ pk: account, sk: 'link-default' as const });
/** An unsubscribe group (SendGrid: `asm/groups`). Its readers are on the list `group#<id>`. */
export type GroupRecord = {
  pk: string;
  sk: string;
  /** Whole numbers from 1, in the order in which an account's groups were made; none is used twice. */
  id: number;
  name: string;
  description: string;
  isDefault: boolean;
  /** Milliseconds since the epoch. */
  createdAt: number;
};

/** Which groups an account has: one item says it, and every change of a group is written under its version. */
export type GroupsRecord = {
  pk: string;
  sk: 'groups';
  ids: number[];
  /** The last id that was given. */
  last: number;
  version: number;
};

/** Addresses and domains whose mail is never dropped for a list (SendGrid: `mail_settings/address_whitelist`). */
export type AddressWhitelistRecord = {
  pk: string;
  sk: 'settings#address_whitelist';
  enabled: boolean;
  /** As they were given; compared without case. */
  list: string[];
};

/** After how many days bounces (hard) and blocks (soft) leave their lists (SendGrid: `mail_settings/bounce_purge`). */
export type BouncePurgeRecord = {
  pk: string;
  sk: 'settings#bounce_purge';
  enabled: boolean;
  softBounces: number | null;
  hardBounces: number | null;
  /** Unix seconds: what was created before is gone for good, also when the setting is switched off or made longer. */
  purged: { bounces: number; blocks: number };
};

export const groupKey = (account: string, id: number) => ({ pk: account, sk: `group#${id}` });
export const groupsKey = (account: string) => ({ pk: account, sk: 'groups' as const });
export const addressWhitelistKey = (account: string) => ({ pk: account, sk: 'settings#address_whitelist' as const });
export const bouncePurgeKey = (account: string) => ({ pk: account, sk: 'settings#bounce_purge' as const });
export const parseSettingKey = (account: string, hostname: string) => ({
  pk: account,
  sk: `parse#${hostname.toLowerCase()}`,
});
/** @param day `YYYY-MM-DD` */
export const parseStatsKey = (account: string, day: string, shard: number) => ({
  pk: `${account}#parse-stats`,
  sk: `${day}#${shard}`,
});
export const countedKey = (account: string, inboundId: string) => ({
  pk: `${account}#inbound#${inboundId}`,
  sk: 'received' as const,
});
export const forwardKey = (account: string, which: 'forward_bounce' | 'forward_spam') => ({
  pk: account,
  sk: `settings#${which}` as const,
});
export const timeZoneKey = (account: string) => ({ pk: account, sk: 'settings#timezone' as const });
export const enforcedTlsKey = (account: string) => ({ pk: account, sk: 'settings#enforced_tls' as const });
export const keyKey = (account: string, id: string) => ({ pk: account, sk: `key#${id}` });
export const domainKey = (account: string, domain: string) => ({ pk: account, sk: `domain#${domain.toLowerCase()}` });
export const hostKey = (hostname: string) => ({ pk: `host#${hostname.toLowerCase()}`, sk: 'host' as const });
