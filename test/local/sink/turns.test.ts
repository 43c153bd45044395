/** Work in turns. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { takeTurns } from '../../../local/sink/turns.ts';

test('so many at once, in order, and one that fails makes room for the next', async () => {
  const inTurn = takeTurns(2);
  const begun: number[] = [];
  let busy = 0;
  let most = 0;
  const all = Array.from({ length: 7 }, (_, n) =>
    inTurn(async () => {
      begun.push(n);
      most = Math.max(most, ++busy);
      await sleep(2);
      busy--;
      if (n % 3 === 0) throw new Error(`no ${n}`);
      return n;
    }).catch((error: Error) => error.message),
  );
  expect(await Promise.all(all)).toEqual(['no 0', 1, 2, 'no 3', 4, 5, 'no 6']);
  expect(begun).toEqual([0, 1, 2, 3, 4, 5, 6]);
  expect(most).toBe(2);
});
