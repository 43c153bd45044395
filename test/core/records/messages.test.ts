import { expect, it } from 'vitest';
import { recipientKey } from '../../../core/records/message-key.ts';
import { attemptKey, copyKey, requestKey } from '../../../core/records/messages.ts';

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
