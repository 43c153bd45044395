/**
 * What a reader did with a mail: one item each in the messages table, written once on the condition that it is not there, so that no
 * item grows and a repeated call changes nothing. Whoever writes them (track, inbound) sees to it that a copy has at most so many.
 */
import { copyPart, messageKey } from '../records/message-key.ts';

export const ENGAGEMENTS = [
  'open',
  'click',
  'spamreport',
  'unsubscribe',
  'group_unsubscribe',
  'group_resubscribe',
] as const;
export type Engagement = (typeof ENGAGEMENTS)[number];

/** Items of one kind that one copy may have: enough for a reader and all who get it from him, too few to fill a table with. */
export const MOST_ENGAGEMENTS = 100;

export type EngagementRecord = {
  /** Its copy's, then `#<event>#<eventId>`. */
  pk: string;
  sk: string;
  event: Engagement;
  /** Lower case, as the reader's token or the copy's record has it. */
  address: string;
  /** Milliseconds since the epoch. */
  at: number;
  /** The first of its kind of this copy: what "unique" counts. */
  first?: true;
  /** No person did it: Apple's privacy proxy, a scanner, a crawler. */
  machine?: true;
  ip?: string;
  userAgent?: string;
  url?: string;
  /** The how-manieth link of which part a click was on. */
  urlOffset?: { index: number; type: 'html' | 'text' | 'header' | 'amp' };
  contentType?: 'html' | 'text' | 'amp';
  asmGroupId?: number;
  /** ISO 3166-1 and -2, where the way in tells them. */
  country?: string;
  province?: string;
  /** SendGrid's names: `Desktop`, `Phone`, `Tablet`, `Webmail`, `Other`; `Gmail`, `Apple Mail`; `Chrome`. */
  device?: string;
  client?: string;
  browser?: string;
  expiresAt: number;
};

/** @param eventId 1 to 40 characters of base64url that no other of this kind and copy has; the same again is the same event */
export const engagementKey = (account: string, requestId: string, index: number, event: Engagement, eventId: string) =>
  messageKey(account, requestId, `${copyPart(index)}#${event}#${eventId}`);
