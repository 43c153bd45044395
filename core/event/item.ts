/**
 * An item of the messages table as its stream gives it: what it is, and of which copy. Everything else in the table (requests,
 * claims, idempotency keys) is no news of a copy, and undefined here; so is what became of a sample, of which nobody is told (core/copies.ts).
 */

import { isSampleCopy } from '../copies.ts';
import { addressIn, messageName } from '../records/message-key.ts';
import type { AttemptRecord, LateRecord, OutcomeRecord } from '../records/messages.ts';
import { ENGAGEMENTS, type EngagementRecord } from './engagement.ts';

export type News = { account: string; requestId: string; index: number } & (
  | { kind: 'outcome'; item: OutcomeRecord }
  | { kind: 'attempt'; item: AttemptRecord }
  | { kind: 'late'; item: LateRecord }
  | { kind: 'engagement'; item: EngagementRecord; eventId: string }
);

/**
 * `MODIFY` is news of an outcome alone, which took the place of `relayed`; every other item is written once, and a second writing of
 * the same changes nothing that was told.
 */
export type Change = 'INSERT' | 'MODIFY';

const OUTCOME = /^\d{4,}$/;
const OF_COPY = /^(\d{4,})#([^#]+)#(.+)$/;

export function readNews(item: Record<string, unknown>, change: Change): News | undefined {
  const name = messageName(item);
  if (name === undefined || typeof item.event !== 'string') return undefined;
  const { account, requestId, part } = name;
  if (isSampleCopy({ index: Number.parseInt(part, 10) })) return undefined;
  if (OUTCOME.test(part))
    return { account, requestId, index: Number(part), kind: 'outcome', item: item as unknown as OutcomeRecord };
  const [, index, kind, rest] = OF_COPY.exec(part) ?? [];
  if (index === undefined || kind === undefined || rest === undefined || change === 'MODIFY') return undefined;
  const copy = { account, requestId, index: Number(index) };
  if (kind === 'late') return { ...copy, kind: 'late', item: item as unknown as LateRecord };
  if (/^\d+$/.test(kind)) return { ...copy, kind: 'attempt', item: item as unknown as AttemptRecord };
  if ((ENGAGEMENTS as readonly string[]).includes(kind))
    return { ...copy, kind: 'engagement', item: item as unknown as EngagementRecord, eventId: rest };
  return undefined;
}

/** The address that a piece of news is about. */
export function addressOf(news: News): string {
  if (news.kind !== 'outcome') return news.item.address;
  return news.item.email ?? addressIn(news.item.recipient);
}

/**
 * Whether this is the first that is heard of a copy: its lane has it, so it was `processed`. A copy that is dropped at once never
 * was (SendGrid: processed *or* dropped).
 */
export function isFirstNews(news: News, change: Change): boolean {
  if (change !== 'INSERT' || (news.kind !== 'outcome' && news.kind !== 'attempt')) return false;
  const { attempt, pickedUp, event } = news.item;
  if (attempt !== 0 || pickedUp || event === 'dropped') return false;
  // What SES tells on the way comes behind `relayed`, which has said so.
  return news.kind === 'outcome' || news.item.relayId === undefined;
}
