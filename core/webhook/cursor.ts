/**
 * How far a webhook is: the last record of each shard that it was told, who tells it at present, and since when it fails. One item for
 * each webhook, in the outbox's table. Only the one whose fence stands in it moves it on.
 */

import { OUTBOX_HOURS } from './outbox.ts';

export type CursorRecord = {
  /** `account#webhook#id`. */
  pk: string;
  sk: 'cursor';
  /** Shards with news that he may not have been told. */
  news?: Set<string>;
  /** Counts news that came while somebody was at work: he looks again before he leaves. */
  rung?: number;
  /** Who is at work, and until when at the latest (milliseconds since the epoch). */
  fence?: string;
  until?: number;
  /** Attempts that failed in a row, since when, and when the next is due (milliseconds since the epoch). */
  failed?: number;
  failingSince?: number;
  nextAt?: number;
  /** The last attempts, the newest last. */
  log?: Attempt[];
  expiresAt: number;
} & {
  /** `at|<shard>`: the sequence number of the last record of a shard that was told, and when. */
  [position: string]: unknown;
};

/** One POST, as the delivery log shows it. */
export type Attempt = {
  /** Milliseconds since the epoch. */
  at: number;
  /** The status of the answer; absent: there was none. */
  status?: number;
  error?: string;
  /** Milliseconds that it took. */
  ms: number;
  events: number;
  bytes: number;
  /** Not the usual way: a replay's or a trial's. */
  of?: string;
};

/** Attempts that the log has. */
export const LOGGED = 20;
/** Days that a cursor is kept without news. */
export const CURSOR_DAYS = 400;

export const cursorKey = (account: string, webhook: string) => ({
  pk: `${account}#webhook#${webhook}`,
  sk: 'cursor' as const,
});

const POSITION = 'at|';
export const positionOf = (shard: string) => `${POSITION}${shard}`;
export const writePosition = (sequence: string, now: number) => `${sequence} ${now}`;

/** How far a webhook is in a shard; '': nowhere. */
export function positionIn(cursor: CursorRecord, shard: string): string {
  const [sequence = ''] = String(cursor[positionOf(shard)] ?? '').split(' ');
  return sequence;
}

/** Shards that said nothing for longer than the outbox keeps pages: a stream's shards live for hours, and have new names then. */
export function oldShards(cursor: CursorRecord, now: number): string[] {
  return Object.entries(cursor).flatMap(([name, value]) => {
    if (!name.startsWith(POSITION) || typeof value !== 'string') return [];
    const at = Number(value.split(' ')[1] ?? 0);
    return now - at > 2 * OUTBOX_HOURS * 3_600_000 ? [name.slice(POSITION.length)] : [];
  });
}

export const withAttempt = (log: readonly Attempt[] | undefined, attempt: Attempt): Attempt[] => [
  ...(log ?? []).slice(1 - LOGGED),
  attempt,
];
