import { describe, expect, it } from 'vitest';
import type { Credits } from '../../../core/records/subusers.ts';
import {
  adjustCredits,
  counterOf,
  readCredits,
  remainingCredits,
  showCredits,
} from '../../../core/subusers/credits.ts';
import { reputationOf } from '../../../core/subusers/reputation.ts';

/** A Wednesday. */
const NOW = Date.parse('2026-11-25T12:30:00Z');
const at = (time: string) => Date.parse(time);
const read = (body: unknown): Credits => {
  const found = readCredits(body, NOW);
  if (!found.ok) throw new Error(JSON.stringify(found.errors));
  return found.credits;
};

describe('credits', () => {
  it.each<[string, string, string, string, string]>([
    // A Wednesday; weeks begin on Monday.
    ['daily', '2026-11-25T12:30:00Z', '2026-11-25', '2026-11-25T12:30:00Z', '2026-11-26T00:00:00Z'],
    ['daily', '2026-11-25T23:59:59.999Z', '2026-11-25', '2026-11-25T12:30:00Z', '2026-11-26T00:00:00Z'],
    ['daily', '2026-11-26T00:00:00Z', '2026-11-26', '2026-11-26T00:00:00Z', '2026-11-27T00:00:00Z'],
    ['weekly', '2026-11-29T23:59:59Z', '2026-11-23', '2026-11-25T12:30:00Z', '2026-11-30T00:00:00Z'],
    ['weekly', '2026-11-30T00:00:00Z', '2026-11-30', '2026-11-30T00:00:00Z', '2026-12-07T00:00:00Z'],
    ['monthly', '2026-11-30T23:59:59Z', '2026-11-01', '2026-11-25T12:30:00Z', '2026-12-01T00:00:00Z'],
    ['monthly', '2026-12-31T12:00:00Z', '2026-12-01', '2026-12-01T00:00:00Z', '2027-01-01T00:00:00Z'],
    ['monthly', '2028-02-29T12:00:00Z', '2028-02-01', '2028-02-01T00:00:00Z', '2028-03-01T00:00:00Z'],
  ])('%s at %s: counted as of %s', (reset_frequency, time, day, since, until) => {
    const credits = read({ type: 'recurring', reset_frequency, total: 100 });
    expect(counterOf(credits, at(time))).toEqual({
      ...{ name: `credits#${NOW}#${day}`, since: at(since), until: at(until), limit: 100 },
    });
  });

  it('for good are one count; without a limit there is none', () => {
    const credits = read({ type: 'nonrecurring', total: 5 });
    expect(counterOf(credits, at('2036-01-01T00:00:00Z'))).toEqual({ name: `credits#${NOW}`, since: NOW, limit: 5 });
    expect(counterOf(read({ type: 'unlimited' }), NOW)).toBeUndefined();
  });

  it('are adjusted for their period alone, and never go below nothing', () => {
    const daily = read({ type: 'recurring', reset_frequency: 'daily', total: 100 });
    const more = adjustCredits(daily, { allocation_update: 25 }, 40, NOW);
    if (!more.ok) throw new Error('refused');
    expect(remainingCredits(more.credits, 40, NOW)).toBe(85);
    expect(remainingCredits(more.credits, 0, NOW + 86_400_000)).toBe(100);
    const none = adjustCredits(daily, { allocation_update: -500 }, 40, NOW);
    if (!none.ok) throw new Error('refused');
    expect(remainingCredits(none.credits, 40, NOW)).toBe(0);
    const again = adjustCredits(daily, { allocation_update: 10 }, 300, NOW);
    if (!again.ok) throw new Error('refused');
    expect(remainingCredits(again.credits, 300, NOW)).toBe(10);
  });

  it('are shown with null where a type has no such thing', () => {
    expect(showCredits(read({ type: 'unlimited' }), 9, NOW)).toEqual({
      type: 'unlimited',
      reset_frequency: null,
      remain: null,
      total: null,
      used: null,
    });
    expect(showCredits(read({ type: 'recurring', reset_frequency: 'weekly', total: 10 }), 4, NOW)).toEqual({
      type: 'recurring',
      reset_frequency: 'weekly',
      remain: 6,
      total: 10,
      used: 4,
    });
  });

  it.each<[unknown, string | null]>([
    [undefined, null],
    [{}, 'type'],
    [{ type: 'x' }, 'type'],
    [{ type: 'unlimited', total: 5 }, 'total'],
    [{ type: 'nonrecurring', total: 5, reset_frequency: 'daily' }, 'reset_frequency'],
    [{ type: 'recurring', total: 5 }, 'reset_frequency'],
    [{ type: 'recurring', reset_frequency: 'daily', total: 0 }, 'total'],
    [{ type: 'nonrecurring', total: 1.5 }, 'total'],
  ])('are not %j', (body, field) => {
    expect(readCredits(body, NOW)).toMatchObject({ ok: false, errors: [{ field }] });
  });
});

it.each([
  [{ delivered: 0, bounces: 0, complaints: 0 }, 100],
  [{ delivered: 50, bounces: 49, complaints: 9 }, 100],
  [{ delivered: 1_000, bounces: 0, complaints: 0 }, 100],
  [{ delivered: 900, bounces: 100, complaints: 0 }, 80],
  [{ delivered: 1_000, bounces: 0, complaints: 3 }, 85],
  [{ delivered: 0, bounces: 1_000, complaints: 0 }, 0],
])('the reputation of %j is %d', (sums, expected) => expect(reputationOf(sums)).toBe(expected));
