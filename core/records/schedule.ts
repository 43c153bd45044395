/**
 * Batches, and what was said of them. A batch's state is an item of its own, which exists only while the batch is paused or cancelled: release
 * reads it when mail of the batch comes due, once in a run for all of its requests.
 */
import { DAY_SECONDS, HOLD_SHARDS } from '../limits.ts';

/** SendGrid: `POST /v3/mail/batch`. */
export type BatchRecord = {
  pk: string;
  sk: string;
  id: string;
  /** Milliseconds since the epoch. */
  createdAt: number;
  expiresAt: number;
};

export type BatchStatus = 'pause' | 'cancel';

/** SendGrid: `user/scheduled_sends`. */
export type ScheduledSendRecord = {
  pk: string;
  sk: string;
  batchId: string;
  status: BatchStatus;
  expiresAt: number;
};

/** Says to release that a batch is no longer paused, or has been for too long. */
export type Wake = { account: string; batchId: string };

/** Index of the holds table: scheduled requests by account and time. Only those have its key. */
export const SCHEDULED_INDEX = 'bySchedule';
/** Days for which a batch, and what was said of it, is known: longer than mail can be scheduled. */
const BATCH_DAYS = 400;
/** Milliseconds after its time for which paused mail waits (SendGrid). */
export const PAUSED_MS = 72 * 3_600_000;

export const batchKey = (account: string, id: string) => ({ pk: account, sk: `batch#${id}` });
export const scheduledSendKey = (account: string, batchId: string) => ({
  pk: account,
  sk: `scheduled-send#${batchId}`,
});
/** Where paused holds are: release does not come by here every minute. */
export const pausedKey = ({ account, batchId }: Wake) => `paused#${account}#${batchId}`;
/** An account's scheduled requests, spread as the holds are. @param shard of `HOLD_SHARDS` */
export const scheduledKey = (account: string, shard: number | string) => `${account}#${shard}`;
export const SCHEDULED_SHARDS: readonly string[] = Array.from({ length: HOLD_SHARDS }, (_, shard) => `shard-${shard}`);
/** @param now milliseconds since the epoch */
export const batchExpiry = (now: number) => Math.floor(now / 1_000) + BATCH_DAYS * DAY_SECONDS;
