/** Outcomes that are still being written are waited for; those that will not come are not. */
import { expect, test } from 'vitest';
import { copyOf } from '../../core/event/order.ts';
import { makeRequestId } from '../../core/ids.ts';
import type { OutcomeRecord } from '../../core/records/messages.ts';
import { readOutcomesOf } from '../../io/read-outcomes.ts';

const NOW = Date.UTC(2026, 10, 25, 12);
const DAY = 86_400_000;
const copy = (age: number, index = 0) => ({
  account: 'operator',
  requestId: makeRequestId(NOW - age, Buffer.alloc(10, 1)),
  index,
});
const RECORD = { event: 'delivered' } as OutcomeRecord;

/** @param there at which look a copy is there, by index */
function tableOf(there: Record<number, number>) {
  const looks: [number[], boolean][] = [];
  const waits: number[] = [];
  return {
    looks,
    waits,
    deps: {
      now: () => NOW,
      wait: async (ms: number) => void waits.push(ms),
      readOutcomeRecords: async (copies: readonly ReturnType<typeof copy>[], isStrong: boolean) => {
        looks.push([copies.map(({ index }) => index), isStrong]);
        return new Map(copies.filter(({ index }) => looks.length > there[index]!).map((one) => [copyOf(one), RECORD]));
      },
    },
  };
}

test('one look where all is there; more, strongly consistent, at what is not', async () => {
  const { looks, waits, deps } = tableOf({ 0: 0, 1: 3 });
  const copies = [copy(1_000), copy(1_000, 1), copy(1_000, 1)];
  const { outcomes, awaited } = await readOutcomesOf(copies, deps);
  expect([...outcomes.keys()]).toEqual([copyOf(copies[0]!), copyOf(copies[1]!)]);
  expect([...awaited]).toEqual([copyOf(copies[1]!)]);
  expect(looks).toEqual([
    [[0, 1], false],
    [[1], true],
    [[1], true],
    [[1], true],
  ]);
  expect(waits).toEqual([500, 1_000]);
});

test('a copy that gets none is given up after five seconds; of old mail, whose records are gone, at once', async () => {
  const young = tableOf({ 0: 99 });
  expect((await readOutcomesOf([copy(3 * DAY)], young.deps)).outcomes.size).toBe(0);
  expect(young.waits.reduce((a, b) => a + b)).toBe(5_000);
  const old = tableOf({ 0: 99 });
  await readOutcomesOf([copy(31 * DAY)], old.deps);
  expect([old.looks.length, old.waits]).toEqual([1, []]);
  const none = tableOf({});
  await readOutcomesOf([], none.deps);
  expect(none.looks).toEqual([]);
});
