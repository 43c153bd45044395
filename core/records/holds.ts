/** Items of the holds table: what waits for its time, of all accounts, in shards by time. Keys are spelt here, once. */
import type { CopyCount } from '../copies.ts';
import type { Job } from '../job.ts';
import { HOLD_SHARDS } from '../limits.ts';
import type { ParseMessage } from '../parse/message.ts';
import type { ValidationMessage } from '../validation/job.ts';
import type { NotifyMessage } from '../webhook/message.ts';
import type { EraseMessage } from './erasure.ts';
import { scheduledKey, type Wake } from './schedule.ts';

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
