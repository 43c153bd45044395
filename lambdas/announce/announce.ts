/**
 * announce: within seconds, what became of the mail of accounts that have webhooks is put into their outbox, in order, and their bell is
 * rung (notify). An account without a webhook costs nothing here: its events are in the pages that tally writes.
 *
 * It fails whole where anything cannot be written, and the batch comes again: pages are named by what is in them, so nothing is told
 * twice by that.
 */
import { aboutOf, toEvents } from '../../core/event/event.ts';
import { afterOutcomes, copyOf } from '../../core/event/order.ts';
import type { NotifyMessage } from '../../core/webhook/message.ts';
import { cutPages, type Line, type OutboxPage, toLine } from '../../core/webhook/outbox.ts';
import type { Entry, Sent } from '../../io/queue.ts';
import { type ReadOutcomesDeps, readOutcomesOf } from '../../io/read-outcomes.ts';
import type { StreamNews } from '../../io/stream.ts';

export type AnnounceDeps = ReadOutcomesDeps & {
  /** Whether an account has a webhook that is on: kept for some seconds. */
  hasWebhooks: (account: string) => Promise<boolean>;
  putOutboxPage: (page: OutboxPage) => Promise<void>;
  sendEntries: (entries: Entry[]) => Promise<Sent[]>;
  report: (problem: string) => void;
};

export async function announce(shard: string, stream: readonly StreamNews[], deps: AnnounceDeps): Promise<void> {
  const told = await ofListeners(stream, deps);
  if (told.length === 0) return;
  const engaged = told.flatMap(({ news }) => (news.kind === 'engagement' ? [news] : []));
  const { outcomes, awaited } = await readOutcomesOf(engaged, deps);
  const lines = new Map<string, Line[]>();
  for (const { sequence, change, news } of afterOutcomes(told, outcomes, awaited)) {
    const about = aboutOf(news) ?? outcomes.get(copyOf(news))?.about;
    try {
      const events = toEvents(news, change, about);
      const known = lines.get(news.account) ?? [];
      lines.set(news.account, known);
      known.push(...events.map((event) => toLine(sequence, event)));
    } catch (error) {
      deps.report(`record ${sequence} of ${shard}: ${(error as Error).message}`);
    }
  }
  const ringing = [...lines].filter(([, all]) => all.length > 0);
  // One account's pages in order, so that none is seen before the one it follows.
  await Promise.all(
    ringing.map(async ([account, all]) => {
      for (const page of cutPages(account, shard, all, deps.now())) await deps.putOutboxPage(page);
    }),
  );
  const rings = ringing.map(([account]): Entry => {
    const ring: NotifyMessage = { v: 1, account, kind: 'ring', shards: [shard] };
    return { body: JSON.stringify(ring), group: account };
  });
  const sent = await deps.sendEntries(rings);
  if (sent.some((one) => one !== 'sent')) throw new Error('the notify queue did not take a ring');
}

async function ofListeners(stream: readonly StreamNews[], { hasWebhooks }: AnnounceDeps): Promise<StreamNews[]> {
  const accounts = [...new Set(stream.map(({ news }) => news.account))];
  const listening = await Promise.all(accounts.map(hasWebhooks));
  const listeners = new Set(accounts.filter((_, n) => listening[n]));
  return stream.filter(({ news }) => listeners.has(news.account));
}
