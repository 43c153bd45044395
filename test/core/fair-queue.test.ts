import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFairQueue } from '../../core/fair-queue.ts';

describe('a fair queue', () => {
  // Attack: one account queues all it has, so that the others wait.
  it('lets a newcomer wait for one item of each other account only', () => {
    const queue = createFairQueue<string>();
    for (let n = 0; n < 1_000; n++) queue.push('noisy', `request-${n % 50}`, `noisy-${n}`);
    for (let n = 0; n < 10; n++) queue.push('other', 'single', `other-${n}`);
    queue.push('quiet', 'single', 'reset');

    const first = [queue.shift(), queue.shift(), queue.shift()];

    expect(first).toEqual(['noisy-0', 'other-0', 'reset']);
  });

  it('lets the groups of one account take turns', () => {
    const queue = createFairQueue<string>();
    for (const item of ['n1', 'n2', 'n3']) queue.push('a', 'newsletter', item);
    queue.push('a', 'retry', 'r1');
    queue.push('a', 'single', 's1');

    expect(queue.drain()).toEqual(['n1', 'r1', 's1', 'n2', 'n3']);
  });

  it('keeps what it was given, and the order of each group, whatever is pushed, put back and taken', () => {
    const step = fc.oneof(
      fc.record({
        do: fc.constant('push' as const),
        account: fc.constantFrom('a', 'b', 'c'),
        group: fc.constantFrom('x', 'y'),
      }),
      fc.record({ do: fc.constant('shift' as const) }),
      fc.record({ do: fc.constant('back' as const) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        const queue = createFairQueue<{ account: string; group: string; n: number }>();
        const taken: { account: string; group: string; n: number }[] = [];
        let pushed = 0;
        for (const one of steps) {
          if (one.do === 'push') queue.push(one.account, one.group, { ...one, n: pushed++ });
          else if (one.do === 'shift') {
            const item = queue.shift();
            if (item) taken.push(item);
          } else {
            const item = taken.pop();
            if (item) queue.unshift(item.account, item.group, item);
          }
          expect(queue.size).toBe(pushed - taken.length);
        }

        taken.push(...queue.drain());

        expect(taken.map(({ n }) => n).sort((a, b) => a - b)).toEqual(Array.from({ length: pushed }, (_, n) => n));
        for (const group of Map.groupBy(taken, ({ account, group }) => `${account} ${group}`).values())
          expect(group.map(({ n }) => n)).toEqual(group.map(({ n }) => n).sort((a, b) => a - b));
      }),
    );
  });
});
