/**
 * Telling a webhook a range of time again, from the event pages, and trying one out with events that are made up. A replay goes beside
 * what is told live and has a place of its own, so that neither keeps the other waiting; it tells a page to its end before the
 * next, with the ids that the events had the first time.
 *
 * A run begins no POST that it may not live to see the end of, since what came in its batch beside the replay would wait with it for the
 * queue's visibility timeout. It comes again instead, and goes on in the page where it was.
 */

import type { SendGridEvent } from '../../core/event/event.ts';
import { hourOf, isInRange, rangeEnd } from '../../core/event/page.ts';
import type { Attempt } from '../../core/webhook/cursor.ts';
import { NOTIFY_HOURS, type NotifyMessage, nextNotify, type Replay, type Trial } from '../../core/webhook/message.ts';
import { sampleEvents } from '../../core/webhook/sample.ts';
import { toldEvents, type WebhookRecord } from '../../core/webhook/setting.ts';
import type { Counts } from './notify.ts';
import { type Addressee, addresseeOf, type PostDeps, postEvents, RESERVE_MS } from './post.ts';
import { BATCH_BYTES } from './tell.ts';

export type ReplayDeps = PostDeps & {
  /** From 0 to 1. */
  random: () => number;
  /** Milliseconds left of this run. */
  remainingMs: () => number;
  listPages: (account: string, from: string, after?: string) => Promise<{ keys: string[]; more: boolean }>;
  readPage: (key: string) => Promise<SendGridEvent[]>;
  readWebhook: (account: string, id: string) => Promise<WebhookRecord | undefined>;
  logAttempt: (account: string, webhook: string, attempt: Attempt, now: number) => Promise<void>;
  comeAgain: (message: NotifyMessage, due: number) => Promise<void>;
  report: (problem: string) => void;
};

/** How far a replay is, and for how long its webhook has been failing there. */
type Place = Pick<Replay, 'after' | 'told' | 'attempt' | 'failingSince'>;

export async function replay(
  webhook: WebhookRecord,
  asked: Replay & { v: 1; account: string },
  deps: ReplayDeps,
  counts: Counts,
): Promise<void> {
  const { after, told, attempt, failingSince, ...range } = asked;
  let place: Place = { ...(after !== undefined && { after }), ...(told && { told }), attempt, ...since(failingSince) };
  const comeAgain = (due: number) => deps.comeAgain({ ...range, ...place }, due);
  for (;;) {
    const { keys, more } = await deps.listPages(range.account, hourOf(range.from * 1_000), place.after);
    for (const key of keys) {
      if (key >= rangeEnd(range.account, range.to)) return;
      if (deps.remainingMs() < RESERVE_MS) return comeAgain(deps.now());
      for (const batch of await readBatches(webhook, key, range, place.told, deps)) {
        if (deps.remainingMs() < RESERVE_MS) return comeAgain(deps.now());
        if (!(await tellBatch(webhook, batch, range.id, deps, counts))) {
          place = { ...place, attempt: place.attempt + 1, ...since(place.failingSince ?? deps.now()) };
          if (deps.now() - place.failingSince! <= NOTIFY_HOURS * 3_600_000)
            return comeAgain(nextNotify(place.attempt, deps.now(), deps.random()));
          deps.report(`replay ${range.id} of ${range.account} is given up at ${key}: ${NOTIFY_HOURS} hours are over`);
          return;
        }
        place = { ...(place.after !== undefined && { after: place.after }), told: batch.told, attempt: 0 };
      }
      place = { after: key, attempt: place.attempt, ...since(place.failingSince) };
    }
    if (!more) return;
  }
}

const since = (failingSince: number | undefined) => (failingSince === undefined ? {} : { failingSince });

/** Events of one POST, and how far in its page they go. */
type Batch = { lines: string[]; told: NonNullable<Place['told']> };

/** What is to be told of a page, in batches. An erasure may have shortened it since; then what is not found again is told again. */
async function readBatches(
  webhook: WebhookRecord,
  key: string,
  { from, to }: Pick<Replay, 'from' | 'to'>,
  told: Place['told'],
  deps: ReplayDeps,
): Promise<Batch[]> {
  const wanted = toldEvents(webhook);
  const events = await deps.readPage(key);
  const done = told ? events.findLastIndex(({ sg_event_id: id }, n) => n < told.events && id === told.last) + 1 : 0;
  const batches: Batch[] = [];
  let bytes = 0;
  for (const [n, event] of events.entries()) {
    if (n < done || !wanted.has(event.event) || !isInRange(key, event, from, to)) continue;
    const line = JSON.stringify(event);
    const size = Buffer.byteLength(line) + 1;
    if (batches.length === 0 || bytes + size > BATCH_BYTES) {
      batches.push({ lines: [], told: { events: 0, last: '' } });
      bytes = 2;
    }
    const batch = batches.at(-1)!;
    batch.lines.push(line);
    batch.told = { events: n + 1, last: event.sg_event_id };
    bytes += size;
  }
  return batches;
}

/** @returns whether the webhook took them */
async function tellBatch(
  webhook: WebhookRecord,
  { lines }: Batch,
  id: string,
  deps: ReplayDeps,
  counts: Counts,
): Promise<boolean> {
  const { ok, ...attempt } = await postEvents(addresseeOf(webhook), lines, deps, `replay ${id}`);
  await deps.logAttempt(webhook.pk, webhook.id, attempt, deps.now());
  if (ok) counts.webhookPosted += lines.length;
  else counts.webhookFailed++;
  return ok;
}

/** One attempt: whoever tries a URL out looks at his own server, or at the log. */
export async function tryOut(account: string, { url, webhook: id, oauth }: Trial, deps: ReplayDeps): Promise<void> {
  const webhook = id === undefined ? undefined : await deps.readWebhook(account, id);
  const to: Addressee = {
    ...(webhook ? addresseeOf(webhook) : {}),
    account,
    ...(id === undefined ? {} : { id }),
    url,
    ...(oauth ? { oauth } : {}),
  };
  const events = sampleEvents(Math.floor(deps.now() / 1_000)).map((event) => JSON.stringify(event));
  const { ok: _, ...attempt } = await postEvents(to, events, deps, 'trial');
  if (webhook) await deps.logAttempt(account, webhook.id, attempt, deps.now());
}
