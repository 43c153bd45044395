/**
 * Telling one webhook what it has not been told: page after page of its account's outbox from its cursor on, in batches of at most
 * 768 KB, each answered before the next is sent. So events of one recipient come in their order, also while others fail.
 *
 * What is not answered with 2xx is sent again later, the same events with the same ids, for 24 hours from when they were announced;
 * then they are let go, counted, and the next ones have their turn.
 */
import { type Attempt, type CursorRecord, oldShards, positionIn, withAttempt } from '../../core/webhook/cursor.ts';
import { NOTIFY_HOURS, type NotifyMessage, nextNotify } from '../../core/webhook/message.ts';
import { type Line, lastOf, type OutboxPage, readLines } from '../../core/webhook/outbox.ts';
import { toldEvents, type WebhookRecord } from '../../core/webhook/setting.ts';
import type { Step, Taken } from '../../io/outbox.ts';
import type { Counts } from './notify.ts';
import { addresseeOf, type PostDeps, postEvents, RESERVE_MS } from './post.ts';

export type TellDeps = PostDeps & {
  /** From 0 to 1. */
  random: () => number;
  randomId: () => string;
  /** Milliseconds left of this run. */
  remainingMs: () => number;
  takeCursor: (
    account: string,
    webhook: string,
    claim: { fence: string; until: number; now: number; shards: readonly string[] },
  ) => Promise<Taken>;
  moveCursor: (
    cursor: CursorRecord,
    step: Step,
    now: number,
    leave?: { rung: number } | 'anyway',
  ) => Promise<{ cursor: CursorRecord; left: boolean } | undefined>;
  readCursor: (account: string, webhook: string) => Promise<CursorRecord | undefined>;
  /** Has a webhook tried again at a time. */
  comeAgain: (message: NotifyMessage, due: number) => Promise<void>;
  readOutbox: (account: string, shard: string, after: string) => Promise<{ pages: OutboxPage[]; more: boolean }>;
  report: (problem: string) => void;
};

/** Octets of one POST (SendGrid: 768 KB). */
export const BATCH_BYTES = 768 * 1_024;

/** Events of one POST, how far they go, and for each record when it was announced and how many of them are its. */
type Batch = {
  lines: Line[];
  positions: Map<string, string>;
  records: { shard: string; sequence: string; at: number; lines: number }[];
};

/** @param shards those that a ring says have news */
export async function tell(
  webhook: WebhookRecord,
  shards: readonly string[],
  deps: TellDeps,
  counts: Counts,
): Promise<void> {
  const { pk: account, id } = webhook;
  const now = deps.now();
  const claim = { fence: deps.randomId(), until: now + deps.remainingMs() + 5_000, now, shards };
  const taken = await deps.takeCursor(account, id, claim);
  // Whoever has it looks again before he leaves.
  if (taken === 'busy') return;
  const retry: NotifyMessage = { v: 1, account, kind: 'retry', webhook: id };
  if (taken === 'waiting') {
    // A retry that came too early, by another clock, comes once more; news waits for the hold that is there.
    const nextAt = shards.length > 0 ? undefined : (await deps.readCursor(account, id))?.nextAt;
    if (nextAt !== undefined) await deps.comeAgain(retry, nextAt + 1_000);
    return;
  }
  let { cursor } = taken;
  for (;;) {
    const rung = cursor.rung ?? 0;
    const outcome = await tellAll(webhook, cursor, deps, counts);
    if (!outcome) return;
    const { step, end } = outcome;
    if (end === 'told') {
      const moved = await deps.moveCursor(outcome.cursor, step, deps.now(), { rung });
      if (!moved || moved.left) return;
      ({ cursor } = moved);
      continue;
    }
    // The hold first: a webhook that waits for an attempt that nobody makes would wait for ever.
    if (end === 'failed') await deps.comeAgain(retry, step.nextAt ?? deps.now());
    await deps.moveCursor(outcome.cursor, step, deps.now(), 'anyway');
    // This one last: what comes while the cursor is still ours would find nothing to do.
    if (end === 'late') await deps.comeAgain(retry, deps.now());
    return;
  }
}

/** There is no more that is known of; an attempt failed; the run is over. */
type Outcome = { cursor: CursorRecord; step: Step; end: 'told' | 'failed' | 'late' };

/** Tells what there is, until there is no more, an attempt fails, or the run is over. Undefined: somebody else has the cursor. */
async function tellAll(
  webhook: WebhookRecord,
  taken: CursorRecord,
  deps: TellDeps,
  counts: Counts,
): Promise<Outcome | undefined> {
  let cursor = taken;
  /** What the last POST came to, not written yet: it goes with the next step. */
  let step: Step = {};
  const reader = openReader(webhook, cursor, deps);
  for (;;) {
    const batch = await reader.next();
    if (!batch) return { cursor, step: { ...step, forget: oldShards(cursor, deps.now()) }, end: 'told' };
    if (batch.lines.length === 0) {
      step = { ...step, positions: merge(step.positions, batch.positions) };
      continue;
    }
    if (step.positions || step.log) {
      const moved = await deps.moveCursor(cursor, step, deps.now());
      if (!moved) return undefined;
      cursor = moved.cursor;
      step = {};
    }
    if (deps.remainingMs() < RESERVE_MS) return { cursor, step, end: 'late' };
    const { ok, ...attempt } = await postEvents(
      addresseeOf(webhook),
      batch.lines.map(({ json }) => json),
      deps,
    );
    const log = withAttempt(cursor.log, attempt);
    if (!ok) return failed(cursor, batch, log, deps, counts);
    counts.webhookPosted += batch.lines.length;
    step = { log, positions: batch.positions, failed: undefined, failingSince: undefined, nextAt: undefined };
  }
}

function failed(cursor: CursorRecord, batch: Batch, log: Attempt[], deps: TellDeps, counts: Counts): Outcome {
  counts.webhookFailed++;
  const now = deps.now();
  const times = (cursor.failed ?? 0) + 1;
  const nextAt = nextNotify(times, now, deps.random());
  const since = cursor.failingSince ?? now;
  const over = batch.records.filter(({ at }) => at + NOTIFY_HOURS * 3_600_000 <= now);
  if (over.length > 0) {
    const dropped = over.reduce((sum, { lines }) => sum + lines, 0);
    counts.webhookDropped += dropped;
    deps.report(`webhook ${cursor.pk}: ${dropped} events are let go, ${NOTIFY_HOURS} hours are over`);
  }
  const positions = new Map(over.map(({ shard, sequence }) => [shard, sequence]));
  const step = { log, failed: times, failingSince: since, nextAt, positions };
  return { cursor, step, end: 'failed' };
}

function merge(a: ReadonlyMap<string, string> | undefined, b: ReadonlyMap<string, string>): Map<string, string> {
  return new Map([...(a ?? []), ...b]);
}

type Pages = { queue: OutboxPage[]; more: boolean; after: string };

/** Reads the shards that have news, page by page, the one that was announced first before the others. */
function openReader(webhook: WebhookRecord, cursor: CursorRecord, { readOutbox, now }: TellDeps) {
  const { pk: account, since } = webhook;
  const wanted = toldEvents(webhook);
  const shards = new Map<string, Pages>();
  /** How far this run has read in each shard: of two pages that overlap, the second tells what is new. */
  const read = new Map<string, string>();
  for (const shard of [...(cursor.news ?? [])].sort())
    shards.set(shard, { queue: [], more: true, after: positionIn(cursor, shard) });
  /** A page that did not fit into the last batch, from where on. */
  let rest: { shard: string; page: OutboxPage; lines: Line[] } | undefined;

  const nextPage = async (): Promise<{ shard: string; page: OutboxPage } | undefined> => {
    await Promise.all(
      [...shards].map(async ([shard, pages]) => {
        if (pages.queue.length > 0 || !pages.more) return;
        const { pages: found, more } = await readOutbox(account, shard, pages.after);
        pages.queue.push(...found);
        pages.more = more;
        pages.after = found.length > 0 ? lastOf(found.at(-1)!) : pages.after;
      }),
    );
    const first = [...shards]
      .filter(([, { queue }]) => queue.length > 0)
      .sort(([, a], [, b]) => a.queue[0]!.at - b.queue[0]!.at)[0];
    if (!first) return undefined;
    return { shard: first[0], page: first[1].queue.shift()! };
  };

  return {
    /** The next events, at most `BATCH_BYTES` of them; without any, only the positions move. Undefined: there is no more. */
    next: async (): Promise<Batch | undefined> => {
      const batch: Batch = { lines: [], positions: new Map(), records: [] };
      let bytes = 2;
      for (;;) {
        const found = rest ?? (await nextPage());
        if (!found) return batch.positions.size === 0 ? undefined : batch;
        const { shard, page } = found;
        const isTold = page.at >= since && page.expiresAt * 1_000 > now();
        const position = read.get(shard) ?? positionIn(cursor, shard);
        const lines = rest?.lines ?? (isTold ? readLines(page, position) : []);
        rest = undefined;
        // What one record tells stays together: a position names records.
        const records = [...Map.groupBy(lines, ({ sequence }) => sequence)];
        for (const [n, [sequence, all]] of records.entries()) {
          const own = all.filter(({ type }) => wanted.has(type));
          const size = own.reduce((sum, { json }) => sum + Buffer.byteLength(json) + 1, 0);
          if (bytes + size > BATCH_BYTES && batch.lines.length > 0 && own.length > 0) {
            rest = { shard, page, lines: records.slice(n).flatMap(([, more]) => more) };
            return batch;
          }
          batch.records.push({ shard, sequence, at: page.at, lines: own.length });
          batch.lines.push(...own);
          bytes += size;
          batch.positions.set(shard, sequence);
          read.set(shard, sequence);
        }
        // The next page of two that overlap may end where this one does.
        const last = [lastOf(page), read.get(shard) ?? ''].sort()[1]!;
        batch.positions.set(shard, last);
        read.set(shard, last);
      }
    },
  };
}
