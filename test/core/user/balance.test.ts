import { expect, it } from 'vitest';
import type { Credits } from '../../../core/records/subusers.ts';
import { balanceOf } from '../../../core/user/balance.ts';

/** A Wednesday. */
const NOW = Date.parse('2026-11-25T12:30:00Z');
const MONTH = { month: { from: '2026-11-01T00', to: '2026-11-25T12' } };
const MANY = 1_000_000_000;
const since = Date.parse('2026-11-10T08:00:00Z');
const weekly: Credits = { type: 'recurring', resetFrequency: 'weekly', total: 100, since, adjusted: 0, adjustedAt: 0 };

it.each<[string, Parameters<typeof balanceOf>[0], number, object, object]>([
  [
    'of credits that come again',
    { credits: weekly, cap: 5 },
    90,
    { counter: `credits#${since}#2026-11-23` },
    {
      remain: 10,
      total: 100,
      overage: 0,
      last_reset: '2026-11-23',
      next_reset: '2026-11-30',
      reset_frequency: 'weekly',
    },
  ],
  [
    'with what was added by hand',
    { credits: { ...weekly, adjusted: 20, adjustedAt: NOW } },
    90,
    { counter: `credits#${since}#2026-11-23` },
    { remain: 30, total: 100, overage: 0 },
  ],
  [
    'with what was taken away, beyond what was used',
    { credits: { ...weekly, adjusted: -20, adjustedAt: NOW } },
    90,
    { counter: `credits#${since}#2026-11-23` },
    { remain: 0, total: 100, overage: 10 },
  ],
  [
    'of credits in whose first period they were set',
    { credits: { ...weekly, resetFrequency: 'monthly' } },
    0,
    { counter: `credits#${since}#2026-11-01` },
    { last_reset: '2026-11-10', next_reset: '2026-12-01', reset_frequency: 'monthly' },
  ],
  [
    'of credits for good',
    { credits: { type: 'nonrecurring', total: 7, since, adjusted: 0 } },
    7,
    { counter: `credits#${since}` },
    { remain: 0, total: 7, overage: 0, last_reset: '2026-11-10', next_reset: '', reset_frequency: 'never' },
  ],
  [
    'of the daily cap, where there are no credits',
    { credits: { type: 'unlimited' }, cap: 50 },
    8,
    { counter: '2026-11-25' },
    { remain: 42, total: 50, last_reset: '2026-11-25', next_reset: '2026-11-26', reset_frequency: 'daily' },
  ],
  [
    'of nothing: as much as credits can be, this month',
    {},
    8,
    MONTH,
    { remain: MANY - 8, total: MANY, last_reset: '2026-11-01', next_reset: '2026-12-01', reset_frequency: 'monthly' },
  ],
])('%s', (_, limits, used, by, shown) => {
  const balance = balanceOf(limits, NOW);
  expect(balance.by).toEqual(by);
  expect(balance.show(used)).toMatchObject({ used, ...shown });
});
