/** announce: news of listeners alone, in order, and a bell that is heard or the batch comes again. */
import { expect, test } from 'vitest';
import { engagementKey } from '../../../core/event/engagement.ts';
import { readNews } from '../../../core/event/item.ts';
import { copyOf } from '../../../core/event/order.ts';
import { padSequence } from '../../../core/event/page.ts';
import { makeRequestId } from '../../../core/ids.ts';
import { recipientKey } from '../../../core/records/message-key.ts';
import { copyKey, type OutcomeRecord } from '../../../core/records/messages.ts';
import { type OutboxPage, readLines } from '../../../core/webhook/outbox.ts';
import type { StreamNews } from '../../../io/stream.ts';
import { type AnnounceDeps, announce } from '../../../lambdas/announce/announce.ts';

const START = Date.UTC(2026, 10, 25, 12);
const ID = makeRequestId(START, Buffer.alloc(10, 1));

const news = (n: number, account = 'operator', more: object = {}): StreamNews => ({
  sequence: padSequence(String(n)),
  writtenAt: START,
  change: 'INSERT',
  news: readNews(
    {
      ...copyKey(account, ID, n),
      event: 'delivered',
      recipient: recipientKey(account, 'a@b.c'),
      at: START,
      attempt: 0,
      reply: '250 ok',
      site: 's',
      lane: 'l',
      expiresAt: 1,
      ...more,
    },
    'INSERT',
  )!,
});

function setUp(overrides: Partial<AnnounceDeps> = {}) {
  const world = {
    pages: [] as OutboxPage[],
    rings: [] as { account: string; shards: string[] }[],
    problems: [] as string[],
  };
  const deps: AnnounceDeps = {
    now: () => START,
    hasWebhooks: async (account) => account === 'operator',
    readOutcomeRecords: async () => new Map(),
    wait: async () => undefined,
    putOutboxPage: async (page) => void world.pages.push(page),
    sendEntries: async (entries) => {
      world.rings.push(...entries.map(({ body }) => JSON.parse(body)));
      return entries.map(() => 'sent');
    },
    report: (problem) => void world.problems.push(problem),
    ...overrides,
  };
  return { world, deps };
}

test('accounts without a webhook cost nothing; of the others all events, in order, and one ring', async () => {
  const { world, deps } = setUp();
  await announce('s1', [news(1), news(2, 'nobody12'), news(3)], deps);
  expect(world.rings).toMatchObject([{ account: 'operator', shards: ['s1'] }]);
  const [page, ...more] = world.pages;
  expect(more).toEqual([]);
  expect(page).toMatchObject({ pk: 'operator#pages#s1', sk: `${padSequence('3')}#${padSequence('1')}`, at: START });
  expect(readLines(page!, '').map(({ sequence, type }) => [Number(sequence), type])).toEqual([
    [1, 'processed'],
    [1, 'delivered'],
    [3, 'processed'],
    [3, 'delivered'],
  ]);
  expect(readLines(page!, padSequence('1'))).toHaveLength(2);
});

test('long news goes into several pages, each below what an item may have, each record in one', async () => {
  const { world, deps } = setUp();
  const pad = Array.from({ length: 9_000 }, (_, n) => Math.sin(n).toString(36))
    .join('')
    .slice(0, 9_900);
  const many = Array.from({ length: 60 }, (_, n) =>
    news(n + 1, 'operator', {
      reply: 'x',
      about: { smtpId: '<x>', from: 'f', pool: 'p', customArgs: { pad: pad + n } },
    }),
  );
  await announce('s1', many, deps);
  expect(world.pages.length).toBeGreaterThan(2);
  for (const { lines } of world.pages) expect(lines.length).toBeLessThan(390_000);
  expect(world.pages.flatMap((page) => readLines(page, ''))).toHaveLength(120);
  const ends = world.pages.map(({ sk }) => sk.split('#').map(Number));
  for (const [n, [, first]] of ends.entries()) if (n > 0) expect(first).toBe(ends[n - 1]![0]! + 1);
});

test('a ring that the queue did not take hands the batch back; the pages are the same the next time', async () => {
  const { world, deps } = setUp();
  await expect(announce('s1', [news(1)], { ...deps, sendEntries: async () => ['unanswered'] })).rejects.toThrow(
    'notify queue',
  );
  await announce('s1', [news(1)], deps);
  const [first, second] = world.pages;
  expect(second).toEqual(first);
});

test('what cannot be told keeps nothing else from being told', async () => {
  const { world, deps } = setUp();
  await announce('s1', [news(1, 'operator', { recipient: 7 }), news(2)], deps);
  expect(world.problems).toHaveLength(1);
  expect(readLines(world.pages[0]!, '')).toHaveLength(2);
});

test('a scanner that is faster than our record: what its server said comes before it, and it has the custom arguments', async () => {
  const about = { smtpId: '<x>', from: 'f', pool: 'p', customArgs: { order: '17' } };
  const outcome = {
    ...copyKey('operator', ID, 1),
    event: 'delivered',
    recipient: recipientKey('operator', 'a@b.c'),
    at: START,
    attempt: 0,
    reply: '250 ok',
    site: 's',
    lane: 'l',
    about,
    expiresAt: 1,
  } satisfies OutcomeRecord;
  const open = { ...engagementKey('operator', ID, 1, 'open', 'x'), event: 'open', address: 'a@b.c', at: START };
  let looks = 0;
  const { world, deps } = setUp({
    now: () => START + 1_000,
    readOutcomeRecords: async ([copy]) => new Map(looks++ < 2 ? [] : [[copyOf(copy!), outcome]]),
  });
  await announce('s1', [{ ...news(1), news: readNews(open, 'INSERT')! }], deps);
  const told = world.pages.flatMap((page) => readLines(page, ''));
  expect(told.map(({ sequence, type }) => [Number(sequence), type])).toEqual([
    [1, 'processed'],
    [1, 'delivered'],
    [1, 'open'],
  ]);
  for (const { json } of told) expect(JSON.parse(json)).toMatchObject({ order: '17' });
  // Its own record tells it again, the same to the last octet.
  await announce('s1', [{ ...news(2), news: readNews(outcome, 'INSERT')! }], deps);
  const again = readLines(world.pages[1]!, '');
  expect(again.map(({ json }) => json)).toEqual(told.slice(0, 2).map(({ json }) => json));
});
