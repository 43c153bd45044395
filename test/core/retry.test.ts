import fc from 'fast-check';
import { expect, it } from 'vitest';
import { nextAttempt } from '../../core/retry.ts';

const FIRST = Date.UTC(2026, 10, 23, 12);
const MINUTE = 60_000;
const HOUR = 3_600_000;

it('waits 5, 15, 30, 60 minutes, then 2 to 4 hours', () => {
  const waits = [1, 2, 3, 4, 5, 6, 7, 8, 9, 20].map(
    (attempt) => (nextAttempt(attempt, 0.5, FIRST, FIRST)! - FIRST) / MINUTE,
  );
  expect(waits).toEqual([5, 15, 30, 60, 120, 150, 180, 210, 240, 240]);
});

it('moves each step by at most 20 % either way', () => {
  expect(nextAttempt(1, 0, FIRST, FIRST)).toBe(FIRST + 4 * MINUTE);
  expect(nextAttempt(1, 1, FIRST, FIRST)).toBe(FIRST + 6 * MINUTE);
});

it('ends after 72 hours from the first attempt, with one last try at the end', () => {
  expect(nextAttempt(25, 0.5, FIRST, FIRST + 71.5 * HOUR)).toBe(FIRST + 72 * HOUR);
  expect(nextAttempt(26, 0.5, FIRST, FIRST + 72 * HOUR)).toBeUndefined();
});

it('gives every life an end within 72 hours and fewer than 40 attempts', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 60, maxLength: 60 }), (jitters) => {
      let now = FIRST;
      let attempts = 1;
      for (;;) {
        const next = nextAttempt(attempts, jitters[attempts % 60]!, FIRST, now);
        if (next === undefined) break;
        // No step is under its floor, but for the last, which ends the window.
        if (next < FIRST + 72 * HOUR) expect(next - now).toBeGreaterThanOrEqual(4 * MINUTE);
        now = next;
        attempts++;
      }
      expect(now).toBe(FIRST + 72 * HOUR);
      expect(attempts).toBeLessThan(40);
    }),
    { numRuns: 10_000 },
  );
});
