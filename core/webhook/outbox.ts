/**
 * The outbox: what is to be told to an account's webhooks, page by page, and how far each of them is. announce writes the pages, notify
 * reads them from each webhook's cursor on. They are kept for some days, longer than anything is tried again; the log for
 * good is the event pages of core/event/page.ts.
 *
 * A page is named by the *last* and the first record in it: in the order of the stream, and so that a batch that is written again in
 * another cut overwrites nothing. What a cursor has passed is behind it, whichever page it stands in.
 */
import { gunzipSync, gzipSync } from 'node:zlib';
import type { EventType, SendGridEvent } from '../event/event.ts';

export type OutboxPage = {
  /** `account#pages#shard`. */
  pk: string;
  /** `last#first`: sequence numbers, padded. */
  sk: string;
  /** Milliseconds since the epoch: when it was written. */
  at: number;
  /** gzip of one line for each event: sequence number, type, JSON. */
  lines: Uint8Array;
  expiresAt: number;
};

/** What webhooks are told: what became of mail, and of the account itself (SendGrid: `account_status_change`). */
export type ToldType = EventType | 'account_status_change';

/** One event on its way: `json` goes out as it stands. */
export type Line = { sequence: string; type: ToldType; json: string };

/** Hours that pages are kept: a webhook is tried for 24, and whoever reads them may be late. */
export const OUTBOX_HOURS = 72;
/** Octets of a page before it is packed: DynamoDB takes items of 400 KB, and some events do not get smaller. */
const PAGE_BYTES = 350_000;

export const outboxKey = (account: string, shard: string) => `${account}#pages#${shard}`;

export function toLine(sequence: string, event: SendGridEvent): Line {
  return { sequence, type: event.event, json: JSON.stringify(event) };
}

/** Pages of lines that are in order. What one record tells stays in one page. */
export function cutPages(account: string, shard: string, lines: readonly Line[], now: number): OutboxPage[] {
  const cut: Line[][] = [];
  let bytes = 0;
  for (const line of lines) {
    const size = Buffer.byteLength(line.json) + line.sequence.length + 20;
    const page = cut.at(-1);
    if (!page || (bytes + size > PAGE_BYTES && page.at(-1)!.sequence !== line.sequence)) {
      cut.push([line]);
      bytes = size;
    } else {
      page.push(line);
      bytes += size;
    }
  }
  return cut.map((page) => ({
    pk: outboxKey(account, shard),
    sk: `${page.at(-1)!.sequence}#${page[0]!.sequence}`,
    at: now,
    lines: gzipSync(page.map(({ sequence, type, json }) => `${sequence}\t${type}\t${json}`).join('\n')),
    expiresAt: Math.floor(now / 1_000) + OUTBOX_HOURS * 3_600,
  }));
}

/** The last record in a page. */
export const lastOf = ({ sk }: Pick<OutboxPage, 'sk'>) => sk.slice(0, sk.indexOf('#'));

/** The lines of a page that are beyond a sequence number. */
export function readLines({ lines }: Pick<OutboxPage, 'lines'>, after: string): Line[] {
  return gunzipSync(lines)
    .toString()
    .split('\n')
    .flatMap((text) => {
      const [sequence = '', type = '', ...json] = text.split('\t');
      return sequence > after ? [{ sequence, type: type as ToldType, json: json.join('\t') }] : [];
    });
}
