/**
 * Event pages: the log of everything that became of an account's mail, one page for each account, hour and stretch of a shard of
 * the stream, gzip of one JSON event a line, in the order in which it happened. Replay, the activity feed and the archive read it.
 *
 * A page's name is the stretch of the stream that is in it, so that a batch that is written again overwrites itself, and one that comes
 * back in another cut nothing else: then an event may be in two pages, with the same `sg_event_id` in both.
 */
import { gzipSync } from 'node:zlib';
import type { SendGridEvent } from './event.ts';

export const PAGES_PREFIX = 'events/';
/** Characters of a sequence number: DynamoDB's have 21 to 40 digits. */
const DIGITS = 40;

/** A sequence number as text that sorts as the number does. */
export const padSequence = (sequence: string) => sequence.padStart(DIGITS, '0');

/** `YYYY-MM-DDTHH`, UTC. @param at milliseconds since the epoch */
export const hourOf = (at: number) => new Date(at).toISOString().slice(0, 13);

/** Where an account's pages of an hour lie. */
export const pagesOfHour = (account: string, hour: string) => `${PAGES_PREFIX}${account}/${hour}/`;

/** @param first the sequence number of the first record in it, padded, as that of the last */
export function pageKey(account: string, hour: string, shard: string, first: string, last: string): string {
  return `${pagesOfHour(account, hour)}${shard}-${first}-${last}.ndjson.gz`;
}

export function writePage(events: readonly SendGridEvent[]): Buffer {
  return gzipSync(`${events.map((event) => JSON.stringify(event)).join('\n')}\n`);
}

/** What keys of pages within a range sort below. @param to unix seconds, included */
export const rangeEnd = (account: string, to: number) => `${PAGES_PREFIX}${account}/${hourOf(to * 1_000)}/~`;

/**
 * Whether an event of a page is within a range of time: by the hour in which it was told, and in the first and the last of them by
 * its own time. @param from unix seconds, like `to`, both included
 */
export function isInRange(
  key: string,
  { timestamp }: Pick<SendGridEvent, 'timestamp'>,
  from: number,
  to: number,
): boolean {
  const hour = key.split('/')[2] ?? '';
  return (hour !== hourOf(from * 1_000) || timestamp >= from) && (hour !== hourOf(to * 1_000) || timestamp <= to);
}
