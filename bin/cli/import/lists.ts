/**
 * Lists of addresses, however long: a page is read, written, and forgotten. Who is on a list here stays as he is, so a list that broke off is
 * simply copied again.
 */

import type { ListName, SuppressionList } from '../../../core/records/suppressions.ts';
import { entryOf } from '../../../core/suppression.ts';
import { readEntry } from '../../../core/suppressions/rows.ts';
import { CliError } from '../cli-error.ts';
import { patiently, TOGETHER } from '../suppressions.ts';
import type { Here } from './here.ts';
import type { Report } from './report.ts';
import { type Source, SourceError } from './source.ts';

/** Entries of a page (SendGrid: the most). */
const PAGE = 500;

export type Listed = Record<string, unknown>;

export const LISTS: readonly [list: SuppressionList, path: string][] = [
  ['bounces', '/v3/suppression/bounces'],
  ['blocks', '/v3/suppression/blocks'],
  ['invalid_emails', '/v3/suppression/invalid_emails'],
  ['spam_reports', '/v3/suppression/spam_reports'],
  ['unsubscribes', '/v3/suppression/unsubscribes'],
];

export async function copyLists(source: Source, here: Here, report: Report): Promise<void> {
  for (const [list, path] of LISTS) {
    report.begin(list);
    const writer = writerOf(here, report);
    await attempt(report, async () => {
      for await (const item of byTime(source, path)) await writer.add(list, item);
    });
    await writer.end();
  }
}

/**
 * A list by pages. One that runs from the oldest entry on is read by time: an offset of a million costs the source as many
 * entries, and whatever leaves a list meanwhile moves all offsets behind it. One in any other order is read by offsets.
 */
export async function* byTime(source: Source, path: string): AsyncGenerator<Listed> {
  let order: 'unknown' | 'ascending' | 'other' = 'unknown';
  let since = 0;
  let offset = 0;
  let seen = 0;
  for (;;) {
    const page: Listed[] = [];
    const query = { limit: PAGE, offset, ...(since > 0 ? { start_time: since } : {}) };
    for await (const item of source.items(path, query)) {
      page.push(item as Listed);
      yield item as Listed;
    }
    seen += page.length;
    if (page.length === 0) {
      if (order !== 'ascending' || !(await isMore(source, path, seen))) return;
      // It only looked like an order. From the beginning again: what is here already changes nothing.
      [order, since, offset, seen] = ['other', 0, 0, 0];
      continue;
    }
    const times = page.map(({ created }) => (typeof created === 'number' ? created : Number.NaN));
    const isSorted = times.every((time, n) => time >= (times[n - 1] ?? since));
    const [first = 0, last = 0] = [times[0], times.at(-1)];
    // What was taken for an order was none.
    if (!isSorted && order === 'ascending') {
      [order, since, offset, seen] = ['other', 0, 0, 0];
      continue;
    }
    if (!isSorted) order = 'other';
    else if (order === 'unknown' && last > first) order = 'ascending';
    if (order === 'ascending' && last > since) {
      since = last;
      offset = times.length - times.indexOf(last);
    } else offset += page.length;
  }
}

/** Whether a list has more than those that were seen in order of time: then some came in no order, and were passed over. */
async function isMore(source: Source, path: string, seen: number): Promise<boolean> {
  for await (const _ of source.items(path, { limit: 1, offset: seen })) return true;
  return false;
}

/** A list without times to ask for, which the source may or may not cut into pages. */
export async function* byOffset(source: Source, path: string): AsyncGenerator<Listed> {
  let before = '';
  for (let offset = 0; ; ) {
    let count = 0;
    for await (const item of source.items(path, { limit: PAGE, offset })) {
      if (count++ === 0) {
        const first = JSON.stringify(item);
        // It begins as the last one did: offsets mean nothing there, and all has been seen.
        if (first === before) return;
        before = first;
      }
      yield item as Listed;
    }
    if (count === 0 || count > PAGE) return;
    offset += count;
  }
}

/** Collects entries of lists, and writes many at a time. */
export function writerOf({ account, stores, dryRun }: Here, report: Report) {
  const waiting = new Map<
    ListName,
    { address: string; entry: Parameters<typeof stores.addMany>[2][number]['entry'] }[]
  >();
  const now = Math.floor(Date.now() / 1_000);
  let count = 0;

  const write = async (): Promise<void> => {
    for (const [list, entries] of waiting) {
      const added = dryRun
        ? await missing(list, entries)
        : await patiently(() => stores.addMany(account, list, entries));
      report.copied(added);
      report.already(entries.length - added);
    }
    waiting.clear();
    count = 0;
    report.step();
  };
  const missing = async (list: ListName, entries: { address: string }[]): Promise<number> => {
    const addresses = [...new Set(entries.map(({ address }) => address.toLowerCase()))];
    const records = await stores.readSuppressions(account, addresses);
    return addresses.filter((address) => !entryOf(records.get(address), list)).length;
  };
  return {
    add: async (list: ListName, item: Listed): Promise<void> => {
      const text = (name: string) => (['string', 'number'].includes(typeof item[name]) ? String(item[name]) : '');
      const [email, reason, status, ip] = ['email', 'reason', 'status', 'ip'].map(text) as [
        string,
        string,
        string,
        string,
      ];
      const created = text('created') || text('created_at');
      const classification = text('classification');
      const read = readEntry({ email, created, reason, status, ip, classification }, now);
      if (!read.ok) return report.failed(email.slice(0, 100) || '(nobody)', read.problem);
      const entries = waiting.get(list) ?? [];
      entries.push(read);
      waiting.set(list, entries);
      if (++count >= TOGETHER) await write();
    },
    end: write,
  };
}

/** Does a part; what goes wrong at the source is told, and the other parts go on. */
export async function attempt(report: Report, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    if (error.status === 401) throw new CliError(`the source does not take the key: ${error.message}`);
    if (error.status === 404) report.left('all of it', `the source has no such thing (${error.message})`);
    else if (error.status === 403) report.failed('all of it', `the source's key may not read it (${error.message})`);
    else report.failed('the rest of it', error.message);
  }
}
