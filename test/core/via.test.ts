import { expect, test } from 'vitest';
import type { Act } from '../../core/shaping/rule.ts';
import { failOverOf, isFixed, type PoolVia, parseVia, relaysOf, usesSes, viaOf, waysOf } from '../../core/via.ts';

const moving: PoolVia = { default: 'ses', providers: { google: 'direct', yahoo: 'relay:office' } };

test.each([
  ['nothing said', undefined, 'google', undefined, { kind: 'direct' }],
  ['the default', moving, 'microsoft', undefined, { kind: 'ses' }],
  ["nobody's", moving, 'other', undefined, { kind: 'ses' }],
  ['moved over', moving, 'google', undefined, { kind: 'direct' }],
  ['moved to a relay', moving, 'yahoo', undefined, { kind: 'relay', name: 'office' }],
  ["the job's own way", moving, 'google', 'relay:other', { kind: 'relay', name: 'other' }],
  ['a provider named like a property', moving, 'constructor', undefined, { kind: 'ses' }],
])('%s', (_, pool, provider, chosen, via) => {
  expect(viaOf(pool, provider, chosen)).toEqual(via);
});

test('a way that is none is a bug', () => {
  for (const name of ['', 'SES', 'relay:', 'relay']) expect(() => parseVia(name)).toThrow('is no way to deliver');
});

test('every way of a pool, and what it needs', () => {
  const pool: PoolVia = { ...moving, failOver: 'relay:spare' };
  expect(waysOf(pool)).toEqual(['ses', 'direct', 'relay:office', 'relay:spare']);
  expect(relaysOf(pool)).toEqual(['office', 'spare']);
  expect([usesSes(pool), usesSes(undefined), usesSes({ default: 'direct', failOver: 'ses' })]).toEqual([
    true,
    false,
    true,
  ]);
  expect([isFixed(undefined), isFixed({ default: 'ses' }), isFixed(pool)]).toEqual([true, true, false]);
});

const listed: Act = { do: 'pause', minutes: 120, operator: true };
const direct = { kind: 'direct' } as const;
test.each<[string, PoolVia | undefined, Parameters<typeof failOverOf>[1], string | undefined]>([
  ['our address is listed', { default: 'direct', failOver: 'ses' }, { via: direct, code: 550, act: listed }, 'ses'],
  ['the pool did not opt in', { default: 'direct' }, { via: direct, code: 550, act: listed }, undefined],
  ['no ways at all', undefined, { via: direct, code: 550, act: listed }, undefined],
  ['only put off', { default: 'direct', failOver: 'ses' }, { via: direct, code: 421, act: listed }, undefined],
  ['about the reader', { default: 'direct', failOver: 'ses' }, { via: direct, code: 550 }, undefined],
  [
    'a pause that ends by itself',
    { default: 'direct', failOver: 'ses' },
    { via: direct, code: 550, act: { do: 'pause', minutes: 5 } },
    undefined,
  ],
  [
    'it went that way already',
    { default: 'direct', failOver: 'ses' },
    { via: { kind: 'ses' }, code: 550, act: listed },
    undefined,
  ],
])('fail-over: %s', (_, pool, told, way) => {
  expect(failOverOf(pool, told)).toBe(way);
});
