/**
 * What webhooks are told of an account itself (SendGrid: `account_status_change`, off unless it is switched on): that its bulk was paused, or
 * goes on. It has a shard of its own in the outbox, where its time is its place.
 */
import { createHash } from 'node:crypto';
import type { BrakeEvent } from '../brakes/brakes.ts';
import { padSequence } from '../event/page.ts';
import type { NotifyMessage } from './message.ts';
import { cutPages, type OutboxPage } from './outbox.ts';

/** No shard of a stream is called so. */
const SHARD = 'account';

/** The pages to put, and then the bell to ring. The same event again has the same id. */
export function announceAccountEvent(
  account: string,
  { event, at, why }: BrakeEvent,
  now: number,
): { pages: OutboxPage[]; ring: NotifyMessage } {
  const told = {
    event: 'account_status_change',
    timestamp: Math.floor(at / 1_000),
    sg_event_id: createHash('sha256').update(`${event}-${account}-${at}`).digest('base64url'),
    type: event,
    reason: why,
  };
  const line = {
    sequence: padSequence(String(at)),
    type: 'account_status_change' as const,
    json: JSON.stringify(told),
  };
  return {
    pages: cutPages(account, SHARD, [line], now),
    ring: { v: 1, account, kind: 'ring', shards: [SHARD] },
  };
}
