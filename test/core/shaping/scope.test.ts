import { expect, it } from 'vitest';
import { scopeOf, scopesOfCopy, scopesOfQuotas } from '../../../core/shaping/scope.ts';

const COPY = { dkim: 'Example.com', spf: 'em.example.com.', urls: ['a.example', 'b.example'], messageId: '<Id.1@x>' };

it('a site has its own limits, or its provider’s', () => {
  expect(scopeOf({ name: 'mx.example.com', provider: 'other' })).toBe('mx.example.com');
  expect(scopeOf({ name: '(alt1|alt2).google.com', provider: 'google' }, 'provider')).toBe('google');
  expect(scopeOf({ name: 'mx.example.com', provider: 'other' }, 'provider')).toBe('mx.example.com');
});

// Attack: somebody names his MX hosts so that what his server says of our mail throttles Gmail's, or another customer's.
it.each(['google', 'google#dkim#shop.example.com', 'sha256#00'])('no site passes for "%s"', (name) => {
  const scope = scopeOf({ name, provider: 'other' });
  expect(scope).toMatch(/^site#[^#]+$/);
});

it('a complaint throttles just the keys of the quota that it names', () => {
  expect(scopesOfQuotas('google', ['dkim'], COPY)).toEqual(['google#dkim#example.com']);
  expect(scopesOfQuotas('google', ['spf', 'message-id'], COPY)).toEqual([
    'google#spf#em.example.com',
    'google#message-id#Id.1@x',
  ]);
  expect(scopesOfQuotas('google', ['url'], COPY)).toEqual(['google#url#a.example', 'google#url#b.example']);
});

it('the lane’s own quotas, and one whose key is not known, throttle the whole scope', () => {
  expect(scopesOfQuotas('google', ['ip', 'netblock'], COPY)).toEqual(['google']);
  expect(scopesOfQuotas('google', ['ip', 'dkim', 'spf'], COPY)).toEqual([
    'google',
    'google#dkim#example.com',
    'google#spf#em.example.com',
  ]);
  expect(scopesOfQuotas('google', ['url'], { dkim: 'example.com' })).toEqual(['google']);
});

it('a copy asks its site and all its keys', () => {
  expect(scopesOfCopy('google', { dkim: 'example.com' })).toEqual(['google', 'google#dkim#example.com']);
  expect(scopesOfCopy('google', COPY)).toHaveLength(6);
});
