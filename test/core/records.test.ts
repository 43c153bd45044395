import fc from 'fast-check';
import { expect, it } from 'vitest';
import { recipientKey } from '../../core/records/message-key.ts';
import { attemptKey, copyKey, holdDue, holdKey, requestKey } from '../../core/records.ts';

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

it('sorts a request before its copies and a copy before its attempts', () => {
  const { sk: outcome } = copyKey('operator', 'R', 3);
  const { sk: attempt } = attemptKey('operator', 'R', 3, 'deferred', 1);
  expect([requestKey('operator', 'R').sk, attempt, outcome].sort()).toEqual([outcome, attempt, 'request']);
});

// The attack: an address chosen so that its key is another account's.
it('begins every key with the account', () => {
  expect(requestKey('operator', 'R').pk.startsWith('operator#')).toBe(true);
  expect(recipientKey('operator', 'Other#Victim@Example.com')).toBe('operator#other#victim@example.com');
});
