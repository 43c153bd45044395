/** Events of a reader: in what webhooks are to be told, in the log, and in files that were made of it. */
import { gunzipSync } from 'node:zlib';
import { fileNames, isEventOf, withoutEvents } from '../../core/erasure/events.ts';
import type { SendGridEvent } from '../../core/event/event.ts';
import { writePage } from '../../core/event/page.ts';
import type { OutboxPage } from '../../core/webhook/outbox.ts';
import type { Scanned } from '../../io/erased-items.ts';
import type { Listed } from '../../io/erased-objects.ts';
import type { Work } from './erase.ts';

export type LogDeps = {
  scanOutbox: (account: string, from: string | undefined) => Promise<Scanned<OutboxPage>>;
  replaceOutboxPage: (page: OutboxPage) => Promise<void>;
  listEventPages: (account: string, after: string | undefined) => AsyncIterable<Listed[]>;
  readEventPage: (key: string) => Promise<Buffer | undefined>;
  putPage: (key: string, body: Buffer) => Promise<void>;
  listDownloads: (account: string) => AsyncIterable<Listed[]>;
  readDownload: (key: string) => Promise<Buffer | undefined>;
  removeDownload: (key: string) => Promise<void>;
};

/** Pages that are read at once, and between two looks at the clock. */
const AT_ONCE = 20;
const BETWEEN_LOOKS = 1_000;
/** Milliseconds by which the clocks of S3 and ours may differ, and more. */
const CLOCKS = 300_000;

export async function eraseOutbox(work: Work, deps: LogDeps): Promise<boolean> {
  const { job, account, isReader } = work;
  do {
    const { items, from } = await deps.scanOutbox(account, job.from);
    for (const item of items) {
      const without = withoutEvents(item, isReader, job.createdAt);
      if (!without) continue;
      await deps.replaceOutboxPage(without.page);
      work.count('webhook_events', without.erased);
    }
    if (from === undefined) return true;
    job.from = from;
    if (items.length > 0) await work.save();
  } while (work.mayGoOn());
  return false;
}

/** All pages the first time, and then those that were written since the pass before began. */
export async function erasePages(work: Work, deps: LogDeps): Promise<boolean> {
  const { job, account } = work;
  const before = job.begun[job.pass - 1];
  const since = before === undefined ? 0 : before - CLOCKS;
  for await (const listed of deps.listEventPages(account, job.from))
    for (let n = 0; n < listed.length; n += BETWEEN_LOOKS) {
      const some = listed.slice(n, n + BETWEEN_LOOKS);
      const young = some.filter(({ writtenAt }) => writtenAt >= since);
      const next = async () => {
        for (let page = young.shift(); page; page = young.shift()) await erasePage(page.key, work, deps);
      };
      await Promise.all(Array.from({ length: AT_ONCE }, next));
      job.from = some.at(-1)!.key;
      await work.save();
      if (!work.mayGoOn()) return false;
    }
  return true;
}

/** A page that nothing is left of stays, empty: whoever has listed it finds it. */
async function erasePage(key: string, work: Work, deps: LogDeps): Promise<void> {
  const body = await deps.readEventPage(key);
  if (!body) return;
  const events = gunzipSync(body)
    .toString()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as SendGridEvent);
  const others = events.filter((event) => !isEventOf(event, work.isReader, work.job.createdAt));
  if (others.length === events.length) return;
  await deps.putPage(key, writePage(others));
  work.count('events', events.length - others.length);
}

/** A file is of one moment and can be asked for again: one that names him goes whole. */
export async function eraseDownloads(work: Work, deps: LogDeps): Promise<boolean> {
  for await (const listed of deps.listDownloads(work.account))
    for (const { key } of listed) {
      if (!work.mayGoOn()) return false;
      const body = await deps.readDownload(key);
      if (!body || !fileNames(body.toString(), work.isReader)) continue;
      await deps.removeDownload(key);
      work.count('downloads', 1);
    }
  return true;
}
