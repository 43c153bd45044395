import { expect, test } from 'vitest';
import { BLOCKLISTS, type Blocklist, judgeListing, nameAt } from '../../core/blocklists.ts';
import type { Answer } from '../../core/doctor.ts';

const list = (name: string) => BLOCKLISTS.find((one) => one.name === name) as Blocklist;
const zen = list('Spamhaus ZEN');
const codes = (...values: string[]): Answer => ({ values });
const none = codes();
const failed: Answer = { error: 'ETIMEOUT' };
const works = { listed: codes('127.0.0.2'), unlisted: none };

test('an address is asked for the other way round, a domain as it is', () => {
  expect(nameAt(zen, '192.0.2.10')).toBe('10.2.0.192.zen.spamhaus.org');
  expect(nameAt(list('Spamhaus DBL'), 'example.com')).toBe('example.com.dbl.spamhaus.org');
});

test.each([
  ['no record', { it: none, ...works }, 'ok', /^not listed$/],
  ['a spam source', { it: codes('127.0.0.2'), ...works }, 'wrong', /^listed \(127\.0\.0\.2\)$/],
  ['two of them', { it: codes('127.0.0.2', '127.0.0.4'), ...works }, 'wrong', /127\.0\.0\.2, 127\.0\.0\.4/],
  ['a policy', { it: codes('127.0.0.11'), ...works }, 'wrong', /should not send mail by itself/],
  ['a policy and a spam source', { it: codes('127.0.0.11', '127.0.0.3'), ...works }, 'wrong', /^listed \([^:]*\)$/],
  ['a public resolver', { it: codes('127.255.255.254'), ...works }, 'unknown', /refuses public resolvers/],
  ['too many questions', { it: codes('127.255.255.255'), ...works }, 'unknown', /asks too often/],
  ['a misspelt zone', { it: codes('127.255.255.252'), ...works }, 'unknown', /misspelt/],
  ['a refusal of its test entry only', { it: none, ...works, listed: codes('127.255.255.254') }, 'unknown', /public/],
  ['no answer', { it: failed, ...works }, 'unknown', /ETIMEOUT/],
  ['no answer for the test entry', { it: none, ...works, listed: failed }, 'unknown', /test entry is not there/],
  ['a resolver that does not reach it', { it: none, listed: none, unlisted: none }, 'unknown', /does not reach it/],
  [
    'a resolver that answers everything, as a list would',
    { it: codes('127.0.0.1'), listed: codes('127.0.0.1'), unlisted: codes('127.0.0.1') },
    'unknown',
    /answers for every name/,
  ],
  ['a search page instead of NXDOMAIN', { it: codes('203.0.113.80'), ...works }, 'unknown', /makes answers up/],
] as const)('%s', (_, answers, state, found) => {
  const finding = judgeListing(zen, '192.0.2.10', answers);
  expect(finding).toMatchObject({ check: 'blocklist', about: '192.0.2.10 at Spamhaus ZEN', state });
  expect(finding.found).toMatch(found);
  expect(finding.todo.length > 0).toBe(state !== 'ok');
});

test('the DBL: a listed domain, and its refusal of addresses', () => {
  const dbl = list('Spamhaus DBL');
  const answers = { listed: codes('127.0.1.2'), unlisted: none };
  expect(judgeListing(dbl, 'example.com', { it: codes('127.0.1.2'), ...answers }).state).toBe('wrong');
  expect(judgeListing(dbl, 'example.com', { it: codes('127.0.1.255'), ...answers }).state).toBe('unknown');
});
