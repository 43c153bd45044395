/**
 * Attack: a customer has everything told again to a server that takes nine seconds for each POST, so that the run is killed in the middle,
 * and what came with it in its batch, other customers' news, is hidden with it for the queue's visibility timeout.
 */
import { expect, test } from 'vitest';
import type { SendGridEvent } from '../../../core/event/event.ts';
import { hourOf, padSequence, pageKey } from '../../../core/event/page.ts';
import type { NotifyMessage, Replay } from '../../../core/webhook/message.ts';
import type { outboxIn } from '../../../io/outbox.ts';
import { type Answer, makeWorld, names, START } from './world.ts';

/** Of notify (lib/events.ts). */
const TIMEOUT_MS = 90_000;
/** Pages of 5,000 records, as tally writes them at most: five POSTs each. */
const PAGES = [names(5_000, 'a'), names(5_000, 'b')];
const ALL = PAGES.flat();

/** An account with full pages, and runs that are as long as Lambda lets them be. */
function setUp(answer: (world: { now: number }, ids: string[]) => ReturnType<Answer>) {
  const made = makeWorld({} as ReturnType<typeof outboxIn>, (_, events) =>
    answer(
      made.world,
      events.map(({ sg_event_id }) => sg_event_id),
    ),
  );
  const { world, deps, event } = made;
  const pages = new Map(
    PAGES.map((ids, n): [string, SendGridEvent[]] => [
      pageKey(world.account, hourOf(START), `s${n}`, padSequence('1'), padSequence('2')),
      ids.map((id) => event(id, { pad: 'x'.repeat(650) })),
    ]),
  );
  deps.listPages = async (_, __, after = '') => ({ keys: [...pages.keys()].filter((key) => key > after), more: false });
  deps.readPage = async (key) => pages.get(key)!;
  deps.logAttempt = async () => {};
  const asked: NotifyMessage & Replay = {
    ...{ v: 1, account: world.account, kind: 'replay', webhook: 'w0', id: 'r' },
    ...{ from: START / 1_000 - 60, to: START / 1_000 + 60, attempt: 0 },
  };
  const messages: (NotifyMessage & Replay)[] = [];
  /** One run, and what it left behind. */
  const run = async (message: NotifyMessage): Promise<(NotifyMessage & Replay) | undefined> => {
    const begun = world.now;
    deps.remainingMs = () => begun + TIMEOUT_MS - world.now;
    expect(await made.send(message)).toEqual([]);
    expect(world.now - begun).toBeLessThan(TIMEOUT_MS - 5_000);
    const [[key, hold] = []] = world.holds;
    if (key === undefined || hold?.kind !== 'notify' || hold.notify.kind !== 'replay') return undefined;
    world.holds.delete(key);
    world.now = Math.max(world.now, hold.due);
    messages.push(hold.notify);
    return hold.notify;
  };
  const runAll = async () => {
    for (let next: NotifyMessage | undefined = asked; next; ) next = await run(next);
  };
  return { ...made, pages, asked, messages, run, runAll };
}

test('a server that takes nine seconds for a POST is told all of two full pages once, by runs that end in time', async () => {
  const { world, messages, runAll, ids } = setUp((clock) => {
    clock.now += 9_000;
    return { status: 200 };
  });
  await runAll();
  expect(ids()).toEqual(ALL);
  expect(world.attempts).toHaveLength(10);
  // One of them came again in the middle of a page.
  expect(messages.filter(({ told }) => told)).not.toEqual([]);
  expect(world.counts).toEqual({ webhookPosted: 10_000 });
});

test('what was taken of a page before a POST failed is not told again, and a POST that goes well ends the count of hours', async () => {
  let posts = 0;
  const { messages, runAll, ids } = setUp(() => ({ status: ++posts % 3 === 0 ? 500 : 200 }));
  await runAll();
  expect(ids()).toEqual(ALL);
  expect(messages.map(({ attempt }) => attempt)).toEqual(messages.map(() => 1));
});

test('a server that is slow to refuse: attempts and their 24 hours are counted on, whatever ended a run', async () => {
  const { world, messages, runAll, ids } = setUp((clock) => {
    clock.now += 9_000;
    return { status: 503 };
  });
  await runAll();
  expect(ids()).toEqual([]);
  expect(messages.map(({ attempt }) => attempt)).toEqual(messages.map((_, n) => n + 1));
  expect(new Set(messages.map(({ failingSince }) => failingSince)).size).toBe(1);
  expect(world.problems).toEqual([expect.stringContaining('24 hours are over')]);
});

test('a replay that was asked for before there were places in a page goes on behind its last page', async () => {
  const { asked, pages, run, ids } = setUp(() => ({ status: 200 }));
  const [first] = pages.keys();
  expect(await run({ ...asked, after: first!, attempt: 2, failingSince: START })).toBeUndefined();
  expect(ids()).toEqual(PAGES[1]);
});

test('readers that are erased from a page in between: nobody behind the place is passed over', async () => {
  // Prepare: the first run ends in the first page
  const { asked, pages, world, run, ids } = setUp((clock) => {
    clock.now += 35_000;
    return { status: 200 };
  });
  const next = await run(asked);
  const told = ids().length;
  const [first] = pages.keys();
  expect(next?.told).toEqual({ events: told, last: `a${told - 1}` });

  // Act: ten before the place go; then the one at the place goes as well
  pages.set(first!, pages.get(first!)!.slice(10));
  const then = await run(next!);
  const more = ids().length;
  pages.set(
    first!,
    pages.get(first!)!.filter(({ sg_event_id }) => sg_event_id !== then?.told?.last),
  );
  for (let last = then; last; ) last = await run(last);

  // Assess: the first time on without a step back, the second time again from the page's beginning
  expect(ids().slice(0, more)).toEqual(PAGES[0]!.slice(0, more));
  expect(ids()[more]).toBe('a10');
  expect(new Set(ids())).toEqual(new Set(ALL));
  expect(world.problems).toEqual([]);
});
