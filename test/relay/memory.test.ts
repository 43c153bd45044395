import { describe, expect, it } from 'vitest';
import { LONG_BYTES, shareMemory } from '../../relay/limits.ts';
import { createBudget } from '../../relay/memory.ts';

describe('a budget', () => {
  it('gives what there is, in order, and takes back once', async () => {
    const budget = createBudget(10);
    const first = await budget.take(8, 1_000);
    const order: string[] = [];
    const second = budget.take(8, 1_000).then((release) => {
      order.push('second');
      return release;
    });
    const third = budget.take(1, 1_000).then((release) => {
      order.push('third');
      return release;
    });
    await new Promise((done) => setImmediate(done));
    // One that would fit does not overtake: else a long message would wait for ever.
    expect(order).toEqual([]);
    first!();
    first!();
    await Promise.all([second, third]);
    expect([order, budget.used()]).toEqual([['second', 'third'], 9]);
  });

  it('says that there was none in time, and the next is not harmed', async () => {
    const budget = createBudget(10);
    const first = await budget.take(10, 1_000);
    expect(await budget.take(1, 5)).toBeUndefined();
    first!();
    expect(await budget.take(10, 5)).toBeDefined();
  });

  it('a single taker gets what he needs, even beyond it', async () => {
    const budget = createBudget(10);
    const release = await budget.take(100, 5);
    expect(release).toBeDefined();
    expect(await budget.take(1, 5)).toBeUndefined();
  });
});

it.each([512, 1_024, 4_096])(
  'a task of %d MB: what mail may take is at most half, and long messages have room',
  (mb) => {
    const memory = shareMemory(mb * 1_048_576);
    const all = memory.short + memory.long + memory.inbound + memory.door;
    expect(all).toBeLessThanOrEqual((mb * 1_048_576) / 2);
    expect(memory.long).toBeGreaterThanOrEqual(LONG_BYTES);
    expect(memory.inbound).toBeGreaterThanOrEqual(LONG_BYTES);
  },
);
