/**
 * The books are exact: whatever a stream may do to its readers (batches again, cut anew, interrupted at any call, old ones late,
 * shards at the same time) each record counts once, and each event is in the pages.
 */
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readNews } from '../../../core/event/item.ts';
import { copyOf } from '../../../core/event/order.ts';
import { padSequence } from '../../../core/event/page.ts';
import { makeRequestId } from '../../../core/ids.ts';
import { recipientKey } from '../../../core/records/message-key.ts';
import { attemptKey, copyKey, lateKey, type OutcomeRecord } from '../../../core/records/messages.ts';
import type { StatsRecord } from '../../../core/stats/record.ts';
import type { StreamNews } from '../../../io/stream.ts';
import { type TallyDeps, tally } from '../../../lambdas/tally/tally.ts';

const START = Date.UTC(2026, 10, 23, 11, 59, 0);
type Kind = 'delivered' | 'bounced' | 'blocked' | 'dropped' | 'deferred' | 'late';

function record(n: number, kind: Kind, account: string): StreamNews {
  const id = makeRequestId(START, Buffer.from(String(n).padStart(10, '0')));
  const at = START + n * 400;
  const about = {
    smtpId: '<x@y>',
    from: 'a@example.com',
    pool: 'p',
    ...(n % 3 === 0 ? { categories: [`c#${n % 2}`] } : {}),
  };
  const base = { at, reply: 'x', site: 's', lane: 'l', about, expiresAt: 1 };
  const type = kind === 'bounced' ? 'bounce' : 'blocked';
  const item =
    kind === 'deferred'
      ? {
          ...base,
          ...attemptKey(account, id, 0, 'deferred', 0),
          event: 'deferred',
          attempt: 0,
          address: 'a@b.c',
          due: 1,
        }
      : kind === 'late'
        ? { ...base, ...lateKey(account, id, 0, 'bounced'), event: 'bounced', type: 'bounce', address: 'a@b.c' }
        : {
            ...base,
            ...copyKey(account, id, 0),
            event: kind === 'blocked' ? 'bounced' : kind,
            type,
            attempt: 0,
            recipient: recipientKey(account, 'a@b.c'),
          };
  return { sequence: padSequence(String(n)), writtenAt: at, change: 'INSERT', news: readNews(item, 'INSERT')! };
}

/** Tables and a bucket in memory; a call may fail before or after it took effect. */
function makeBooks() {
  const stats = new Map<string, StatsRecord>();
  const pages = new Map<string, string[]>();
  let plan: ('before' | 'after' | undefined)[] = [];
  const call = async <T>(effect: () => T): Promise<T> => {
    const fault = plan.shift();
    await Promise.resolve();
    if (fault === 'before') throw new Error('before');
    const result = effect();
    if (fault === 'after') throw new Error('after');
    return result;
  };
  const problems: string[] = [];
  const open = (): TallyDeps => ({
    readOutcomeRecords: async () => new Map(),
    wait: async () => undefined,
    readStats: ({ pk, sk }) => call(() => structuredClone(stats.get(`${pk} ${sk}`))),
    writeStats: (one, before) =>
      call(() => {
        const key = `${one.pk} ${one.sk}`;
        if (stats.get(key)?.sequence !== before?.sequence) return false;
        stats.set(key, structuredClone(one));
        return true;
      }),
    putPage: (key, body) => call(() => void pages.set(key, gunzipSync(body).toString().trim().split('\n'))),
    // What tally does about bad books is tried in brake.test.ts.
    now: () => START,
    thresholds: { bouncePercent: 100, complaintPercent: 100 },
    readBrakes: async () => undefined,
    readHours: async function* () {},
    pauseBulk: async () => false,
    tellAccount: async () => {},
    publish: () => {},
    statsDays: 400,
    known: new Map(),
    report: (problem) => void problems.push(problem),
  });
  return {
    open,
    stats,
    pages,
    problems,
    fail: (next: typeof plan) => {
      plan = [...next];
    },
    total: (account: string, metric: string, kind = 'all') =>
      [...stats.values()]
        .filter(({ pk }) => pk === `${account}#${kind}`)
        .reduce((sum, { counts }) => sum + (counts[metric] ?? 0), 0),
  };
}

const kinds = fc.constantFrom<Kind>('delivered', 'bounced', 'blocked', 'dropped', 'deferred', 'late');

describe('exactly once', () => {
  test('batches replayed, cut anew, interrupted at every call, and shards at the same time: counters are exact', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ kind: kinds, account: fc.constantFrom('operator', 'shopshop'), shard: fc.nat(2) }), {
          minLength: 1,
          maxLength: 40,
        }),
        fc.array(
          fc.record({
            size: fc.integer({ min: 1, max: 12 }),
            faults: fc.array(fc.option(fc.constantFrom('before', 'after'), { nil: undefined }), { maxLength: 8 }),
            back: fc.nat(15),
            fresh: fc.boolean(),
          }),
          { minLength: 1, maxLength: 8 },
        ),
        async (all, script) => {
          // Prepare
          const books = makeBooks();
          const records = all.map(({ kind, account, shard }, n) => ({ shard, news: record(n + 1, kind, account) }));
          const work = async (shard: number) => {
            const own = records.filter((one) => one.shard === shard).map(({ news }) => news);
            let deps = books.open();
            let done = 0;
            let step = shard;
            // Act: a batch is handed over until it is taken; some that were taken come once more.
            while (done < own.length) {
              const { size, faults, back, fresh } = script[step++ % script.length]!;
              if (fresh) deps = books.open();
              const from = Math.max(0, done - back);
              const batch = own.slice(from, done + size);
              books.fail((step > 60 ? [] : faults) as ('before' | 'after' | undefined)[]);
              const taken = await tally(`s${shard}`, batch, deps).then(
                () => true,
                () => false,
              );
              books.fail([]);
              if (taken) done = Math.min(own.length, done + size);
              else if (step > 400) throw new Error('never ends');
              else
                await tally(`s${shard}`, own.slice(from, Math.max(from + 1, done + Math.ceil(size / 2))), deps).catch(
                  () => {},
                );
            }
          };
          await Promise.all([work(0), work(1), work(2)]);

          // Assess
          expect(books.problems).toEqual([]);
          for (const account of ['operator', 'shopshop']) {
            const own = all.filter((one) => one.account === account);
            const count = (...wanted: Kind[]) => own.filter(({ kind }) => wanted.includes(kind)).length;
            expect({
              delivered: books.total(account, 'delivered'),
              bounces: books.total(account, 'bounces'),
              blocks: books.total(account, 'blocks'),
              deferred: books.total(account, 'deferred'),
              drops: books.total(account, 'drops'),
              requests: books.total(account, 'requests'),
              processed: books.total(account, 'processed'),
              byProvider: books.total(account, 'provider|other|requests'),
            }).toEqual({
              delivered: count('delivered'),
              bounces: count('bounced', 'late'),
              blocks: count('blocked'),
              deferred: count('deferred'),
              drops: count('dropped'),
              requests: own.length - count('late'),
              processed: own.length - count('late', 'dropped'),
              byProvider: own.length - count('late'),
            });
            expect(books.total(account, 'requests', 'category')).toBe(
              all.filter((one, n) => one.account === account && (n + 1) % 3 === 0 && one.kind !== 'late').length,
            );
          }
          const told = [...books.pages.values()].flat().map((line) => JSON.parse(line).sg_event_id as string);
          expect(new Set(told).size).toBe(
            all.length + all.filter(({ kind }) => kind !== 'late' && kind !== 'dropped').length,
          );
        },
      ),
      { numRuns: 500 },
    );
  }, 60_000);
});

test('pages lie by account, hour and shard, named by their first record, in order', async () => {
  const books = makeBooks();
  const across = [
    record(1, 'delivered', 'operator'),
    record(2, 'deferred', 'operator'),
    record(151, 'delivered', 'operator'),
  ];
  await tally('shardId-1', across, books.open());
  expect([...books.pages.keys()]).toEqual([
    `events/operator/2026-11-23T11/shardId-1-${padSequence('1')}-${padSequence('2')}.ndjson.gz`,
    `events/operator/2026-11-23T12/shardId-1-${padSequence('151')}-${padSequence('151')}.ndjson.gz`,
  ]);
  const [first] = books.pages.values();
  expect(first!.map((line) => JSON.parse(line).event)).toEqual(['processed', 'delivered', 'processed', 'deferred']);
});

test('one item that cannot be read as news keeps no other from being counted', async () => {
  const books = makeBooks();
  const broken = record(2, 'delivered', 'operator');
  (broken.news.item as { at: unknown }).at = 'yesterday';
  await tally('s', [record(1, 'delivered', 'operator'), broken, record(3, 'delivered', 'operator')], books.open());
  expect(books.total('operator', 'delivered')).toBe(2);
  expect(books.problems).toHaveLength(1);
});

test('what an engagement does not know of its copy is read from its outcome', async () => {
  const books = makeBooks();
  const id = makeRequestId(START, Buffer.alloc(10, 1));
  const item = {
    pk: `operator#${id}`,
    sk: '0003#open#x',
    event: 'open',
    address: 'a@b.c',
    at: START,
    first: true,
    machine: true,
    expiresAt: 1,
  };
  const deps = books.open();
  const about = { smtpId: '<x>', from: 'a', pool: 'p', categories: ['news'], provider: 'google' };
  // Its outcome is still being written when it is looked for first.
  deps.readOutcomeRecords = async (copies, isStrong) =>
    new Map(isStrong ? copies.map((one) => [copyOf(one), { about } as OutcomeRecord]) : []);
  await tally(
    's',
    [{ sequence: padSequence('1'), writtenAt: START, change: 'INSERT', news: readNews(item, 'INSERT')! }],
    deps,
  );
  expect(books.total('operator', 'unique_opens', 'category')).toBe(1);
  expect(books.total('operator', 'provider|google|unique_machine_opens')).toBe(1);
});
