/**
 * What the notify queue carries, and the holds for it: that there is news for an account's webhooks (the doorbell: what it is stands in
 * the outbox), that a webhook's next attempt is due, a range of time that is to be told again, a trial, or that an
 * alert is to be looked at. It refuses a body that is none of these.
 */

export type NotifyMessage = { v: 1; account: string } & (
  | { kind: 'ring'; shards: string[] }
  | { kind: 'retry'; webhook: string }
  | Replay
  | Trial
  /** An alert is to be looked at: the time (milliseconds since the epoch) that this is for. */
  | { kind: 'alert'; alert: number; due: number }
);

export type Replay = {
  kind: 'replay';
  webhook: string;
  /** Names this replay, so that its log can be told from another's. */
  id: string;
  /** Unix seconds, both included. */
  from: number;
  to: number;
  /** The page that is done. */
  after?: string;
  /** Of the page behind it: how many of its events are done, and the id of the last of them. Absent: none is. */
  told?: { events: number; last: string };
  attempt: number;
  /** Milliseconds since the epoch of the first attempt that failed, of those in a row. */
  failingSince?: number;
};

/** Made-up events for a URL, or for a webhook's own. */
export type Trial = {
  kind: 'trial';
  url: string;
  /** Whose signature and whose client secret are used, and whose log it stands in. */
  webhook?: string;
  oauth?: OAuth;
};

/** Client credentials (RFC 6749 4.4). */
export type OAuth = {
  clientId: string;
  tokenUrl: string;
  /** Base64 of a KMS ciphertext. */
  secret?: string;
  /** What the token is asked for (RFC 6749 3.3); only a security policy has some. */
  scopes?: string[];
};

const KINDS = ['ring', 'retry', 'replay', 'trial', 'alert'];

/** @throws Error naming what is wrong; such a message can never succeed */
export function parseNotifyMessage(body: string): NotifyMessage {
  const message = JSON.parse(body) as Partial<NotifyMessage> | null;
  if (typeof message !== 'object' || message === null || message.v !== 1)
    throw new Error('not a notify message of version 1');
  if (typeof message.account !== 'string') throw new Error('notify message without an account');
  if (!KINDS.includes(String(message.kind))) throw new Error(`notify message of the kind ${message.kind}`);
  if (message.kind === 'ring' && !Array.isArray(message.shards)) throw new Error('a ring without shards');
  if ((message.kind === 'retry' || message.kind === 'replay') && typeof message.webhook !== 'string')
    throw new Error(`a ${message.kind} without a webhook`);
  if (message.kind === 'replay' && !(Number(message.from) <= Number(message.to)))
    throw new Error('a replay without a range of time');
  if (message.kind === 'alert' && !(Number.isInteger(message.alert) && Number.isInteger(message.due)))
    throw new Error('an alert without its number and its time');
  return message as NotifyMessage;
}

/** Hours for which events are tried (SendGrid: 24). */
export const NOTIFY_HOURS = 24;
/** Seconds before the next attempt; the last again and again. */
const INTERVALS = [10, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600];

/**
 * When a webhook that failed is tried again, in milliseconds since the epoch.
 * @param failed attempts that failed in a row, this one included
 * @param random from 0 to 1: intervals vary by a fifth
 */
export function nextNotify(failed: number, now: number, random: number): number {
  const seconds = INTERVALS[Math.min(failed, INTERVALS.length) - 1]!;
  return now + Math.round(seconds * 1_000 * (0.8 + 0.4 * random));
}
