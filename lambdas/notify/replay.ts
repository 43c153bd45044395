/**
 * Telling a webhook a range of time again, from the event pages, and trying one out with events that are made up. A replay goes beside
 * what is told live and has a place of its own, so that neither keeps the other waiting; it tells each page whole before the
 * next, with the ids that the events had the first time.
 */

import type { SendGridEvent } from '../../core/event/event.ts';
import { hourOf, isInRange, rangeEnd } from '../../core/event/page.ts';
import type { Attempt } from '../../core/webhook/cursor.ts';
import { NOTIFY_HOURS, type NotifyMessage, nextNotify, type Replay, type Trial } from '../../core/webhook/message.ts';
import { sampleEvents } from '../../core/webhook/sample.ts';
import { toldEvents, type WebhookRecord } from '../../core/webhook/setting.ts';
import type { Counts } from './notify.ts';
import { type Addressee, addresseeOf, type PostDeps, postEvents } from './post.ts';
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

/** Milliseconds of a run that must be left for another page. */
const RESERVE_MS = 25_000;

export async function replay(
  webhook: WebhookRecord,
  asked: Replay & { v: 1; account: string },
  deps: ReplayDeps,
  counts: Counts,
): Promise<void> {
  const { account } = asked;
  let { after } = asked;
  let failing = asked.attempt > 0;
  for (;;) {
    const { keys, more } = await deps.listPages(account, hourOf(asked.from * 1_000), after);
    for (const key of keys) {
      if (key >= rangeEnd(account, asked.to)) return;
      const posted = await tellPage(webhook, key, asked, deps, counts);
      if (posted === 'failed') {
        const attempt = failing ? asked.attempt + 1 : 1;
        const failingSince = failing ? (asked.failingSince ?? deps.now()) : deps.now();
        if (deps.now() - failingSince > NOTIFY_HOURS * 3_600_000) {
          deps.report(`replay ${asked.id} of ${account} is given up at ${key}: ${NOTIFY_HOURS} hours are over`);
          return;
        }
        const { after: _, ...rest } = asked;
        const next = { ...rest, ...(after === undefined ? {} : { after }), attempt, failingSince };
        await deps.comeAgain(next, nextNotify(attempt, deps.now(), deps.random()));
        return;
      }
      after = key;
      if (posted === 'posted') failing = false;
      if (deps.remainingMs() < RESERVE_MS) {
        const { failingSince: _, ...rest } = asked;
        await deps.comeAgain({ ...rest, after, attempt: 0 }, deps.now());
        return;
      }
    }
    if (!more) return;
  }
}

async function tellPage(
  webhook: WebhookRecord,
  key: string,
  { from, to, id }: Replay,
  deps: ReplayDeps,
  counts: Counts,
): Promise<'posted' | 'nothing' | 'failed'> {
  const wanted = toldEvents(webhook);
  const events = (await deps.readPage(key)).filter(
    (event) => wanted.has(event.event) && isInRange(key, event, from, to),
  );
  if (events.length === 0) return 'nothing';
  for (const batch of cutBatches(events.map((event) => JSON.stringify(event)))) {
    const { ok, ...attempt } = await postEvents(addresseeOf(webhook), batch, deps, `replay ${id}`);
    await deps.logAttempt(webhook.pk, webhook.id, attempt, deps.now());
    if (!ok) {
      counts.webhookFailed++;
      return 'failed';
    }
    counts.webhookPosted += batch.length;
  }
  return 'posted';
}

function cutBatches(events: readonly string[]): string[][] {
  const batches: string[][] = [];
  let bytes = 0;
  for (const event of events) {
    const size = Buffer.byteLength(event) + 1;
    if (batches.length === 0 || bytes + size > BATCH_BYTES) {
      batches.push([]);
      bytes = 2;
    }
    batches.at(-1)!.push(event);
    bytes += size;
  }
  return batches;
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
