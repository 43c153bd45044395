/**
 * tally: the books. Once a minute and shard it adds what became of the mail to the statistics, and writes the event pages; and it stops whose
 * books are too bad (brake.ts). It may be
 * given the same records again, in any cut: what was counted is not counted again, and a page overwrites itself.
 *
 * Where anything cannot be written it fails, and the batch comes again; what cannot be read as news is left out and reported, so that
 * one item keeps no other from being counted.
 */
import type { About } from '../../core/event/about.ts';
import { aboutOf, type SendGridEvent, toEvents } from '../../core/event/event.ts';
import { copyOf, inOrder } from '../../core/event/order.ts';
import { hourOf, pageKey, writePage } from '../../core/event/page.ts';
import { DAY_SECONDS } from '../../core/limits.ts';
import { countNews } from '../../core/stats/count.ts';
import { addToStats, type StatsRecord, statsItemKey, type ToCount } from '../../core/stats/record.ts';
import { type ReadOutcomesDeps, readOutcomesOf } from '../../io/read-outcomes.ts';
import type { StreamNews } from '../../io/stream.ts';
import { type BrakeDeps, brake } from './brake.ts';

export type TallyDeps = BrakeDeps &
  ReadOutcomesDeps & {
    readStats: (key: Pick<StatsRecord, 'pk' | 'sk'>) => Promise<StatsRecord | undefined>;
    /** False: another is there than the one that was read. */
    writeStats: (record: StatsRecord, before: StatsRecord | undefined) => Promise<boolean>;
    putPage: (key: string, body: Buffer) => Promise<void>;
    /** Days that statistics are kept. */
    statsDays: number;
    /** Items as this environment wrote them last: it seldom has to read one. Kept from run to run. */
    known: Map<string, StatsRecord>;
  };

/** Items that are remembered. */
const KNOWN = 1_000;
/** Items and pages written at once. */
const AT_ONCE = 10;
/** An item is one shard's: another writer is a run of the same batch that was given up for dead. */
const TRIES = 5;

/** @param shard the stream's name of where the news come from */
export async function tally(shard: string, stream: readonly StreamNews[], deps: TallyDeps): Promise<void> {
  const engaged = stream.flatMap(({ news }) => (news.kind === 'engagement' ? [news] : []));
  const { outcomes } = await readOutcomesOf(engaged, deps);
  const toCount = new Map<string, ToCount>();
  /** By `account/hour`: the sequence numbers of the first and the last record in each, and the events. */
  const pages = new Map<string, { first: string; last: string; events: SendGridEvent[] }>();
  const attempt = (one: StreamNews, work: (about: About | undefined) => void) => {
    try {
      work(aboutOf(one.news) ?? outcomes.get(copyOf(one.news))?.about);
    } catch (error) {
      deps.report(`record ${one.sequence} of ${shard}: ${(error as Error).message}`);
    }
  };
  // Counted in the stream's own order, by its own numbers: the next time the batch may be cut otherwise.
  for (const one of stream)
    attempt(one, (about) => {
      for (const counted of countNews(one.news, one.change, about))
        add(toCount, one.news.account, shard, one.sequence, counted);
    });
  for (const one of inOrder(stream))
    attempt(one, (about) => {
      const { sequence, writtenAt, change, news } = one;
      const events = toEvents(news, change, about);
      const page = `${news.account}/${hourOf(writtenAt)}`;
      const known = pages.get(page) ?? { first: sequence, last: sequence, events: [] };
      pages.set(page, known);
      if (sequence < known.first) known.first = sequence;
      if (sequence > known.last) known.last = sequence;
      known.events.push(...events);
    });
  await inTurns([...toCount.values()], (one) => count(one, deps));
  await brake(stream, deps);
  await inTurns([...pages], async ([page, { first, last, events }]) => {
    if (events.length === 0) return;
    const [account = '', hour = ''] = page.split('/');
    await deps.putPage(pageKey(account, hour, shard, first, last), writePage(events));
  });
}

function add(
  toCount: Map<string, ToCount>,
  account: string,
  shard: string,
  sequence: string,
  counted: ReturnType<typeof countNews>[number],
): void {
  const key = statsItemKey(account, shard, counted);
  const id = `${key.pk} ${key.sk}`;
  const known = toCount.get(id) ?? { ...key, at: counted.at, news: [] };
  toCount.set(id, known);
  const last = known.news.at(-1);
  // One record counts at once, whole: what it adds in two steps has one sequence number.
  if (last?.sequence !== sequence) known.news.push({ sequence, counts: { ...counted.counts } });
  else for (const [name, count] of Object.entries(counted.counts)) last.counts[name] = (last.counts[name] ?? 0) + count;
}

async function count(one: ToCount, { readStats, writeStats, known, statsDays }: TallyDeps): Promise<void> {
  const id = `${one.pk} ${one.sk}`;
  const expiresAt = Math.floor(one.at / 1_000) + statsDays * DAY_SECONDS;
  let before = known.get(id) ?? (await readStats(one));
  for (let tries = 1; ; tries++) {
    const record = addToStats(before, one, expiresAt);
    if (!record) return;
    // Forgotten first: a write that is not answered may have been done.
    known.delete(id);
    if (await writeStats(record, before)) {
      known.set(id, record);
      if (known.size > KNOWN) known.delete(known.keys().next().value!);
      return;
    }
    if (tries === TRIES) throw new Error(`${id} is written by another`);
    before = await readStats(one);
  }
}

async function inTurns<T>(all: readonly T[], one: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const work = async () => {
    while (next < all.length) await one(all[next++]!);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, all.length) }, work));
}
