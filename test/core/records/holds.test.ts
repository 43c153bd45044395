import fc from 'fast-check';
import { expect, it } from 'vitest';
import { holdDue, holdKey } from '../../../core/records/holds.ts';

it('sorts holds by time as text', () => {
  fc.assert(
    fc.property(fc.nat({ max: 4e12 }), fc.nat({ max: 4e12 }), (a, b) => {
      expect(holdDue(a) < holdDue(b)).toBe(a < b);
    }),
  );
});

it('gives a hold one place', () => {
  expect(holdKey('job-1', 1_800_000_000_000)).toEqual(holdKey('job-1', 1_800_000_000_000));
});
