import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { capOf } from '../../../core/brakes/brakes.ts';
import { creditBlock, dayOf, nextDay } from '../../../core/brakes/credits.ts';
import { judge, sumHours, windowOf } from '../../../core/brakes/judge.ts';
import { nextSweep, PAUSE_LIFE, sweepsAfterResume } from '../../../core/brakes/parked.ts';

const LIMITS = { bouncePercent: 10, complaintPercent: 0.3 };
const NOW = Date.parse('2026-11-25T12:30:00Z');
const hour = (delivered: number, bounces: number, complaints = 0, blocks = 0) =>
  sumHours([{ hour: '2026-11-25T12', counts: { delivered, bounces, blocks, spam_reports: complaints } }]);

describe('the rates', () => {
  test.each([
    [900, 100, undefined],
    [899, 101, '10.1 % of 1000 copies bounced within two hours'],
    // Little mail says nothing, however bad it is.
    [0, 199, undefined],
    [0, 200, '100 % of 200 copies bounced within two hours'],
  ])('%d delivered, %d bounces: %s', (delivered, bounces, why) => {
    expect(judge('bounces', hour(delivered, bounces), {}, LIMITS)).toEqual(why && { why });
  });

  test('blocks are outcomes, and no bounces: they say something of us', () => {
    expect(judge('bounces', hour(100, 100, 0, 800), {}, LIMITS)).toBeUndefined();
    expect(judge('bounces', hour(100, 100, 0, 799), {}, LIMITS)).toBeDefined();
  });

  test.each([
    [10_000, 30, undefined],
    [10_000, 31, '0.31 % of 10000 delivered copies were called spam within a day'],
    [300, 4, undefined],
    [300, 5, '1.67 % of 300 delivered copies were called spam within a day'],
    [199, 50, undefined],
  ])('%d delivered, %d complaints: %s', (delivered, complaints, why) => {
    expect(judge('complaints', hour(delivered, 0, complaints), {}, LIMITS)).toEqual(why && { why });
  });

  test('parts of an hour count together; what was there at the last resume does not', () => {
    const part = { hour: '2026-11-25T12', counts: { delivered: 300, bounces: 100, 'provider|google|bounces': 100 } };
    const window = sumHours([part, part]);
    expect(judge('bounces', window, {}, LIMITS)).toBeDefined();
    expect(judge('bounces', window, sumHours([part, part]), LIMITS)).toBeUndefined();
    // 400 since, a quarter of them bounces.
    expect(judge('bounces', window, sumHours([part]), LIMITS)).toEqual({
      why: '25 % of 400 copies bounced within two hours',
    });
  });

  test('bounces are judged by two hours, complaints by a day', () => {
    expect(windowOf('bounces', NOW)).toEqual({ first: '2026-11-25T11', last: '2026-11-25T12' });
    expect(windowOf('complaints', NOW)).toEqual({ first: '2026-11-24T13', last: '2026-11-25T12' });
  });
});

describe('the cap', () => {
  test.each([
    [undefined, undefined, undefined],
    [undefined, 500, 500],
    [{ operatorCap: 900 }, 500, 900],
    [{ operatorCap: null }, 500, undefined],
    [{ ownCap: 100 }, 500, 100],
    // An account's own word lowers the operator's, and never raises it.
    [{ ownCap: 1_000 }, 500, 500],
    [{ operatorCap: 50, ownCap: 1_000 }, undefined, 50],
    [{ operatorCap: null, ownCap: 70 }, 500, 70],
    [{ operatorCap: 0 }, 500, 0],
  ])('%j, the settings say %s: %s', (brakes, byDefault, cap) => {
    expect(capOf(brakes, byDefault)).toBe(cap);
  });

  test('a block is what is needed, or a share of what was sent and of what is left, and never more', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2_000 }), fc.nat(1_000_000), fc.nat(1_000_000), (needed, sent, left) => {
        const block = creditBlock({ needed, sent, left });
        expect(block).toBeGreaterThanOrEqual(needed);
        expect(block).toBeLessThanOrEqual(Math.max(needed, Math.min(1_000, sent / 8, left / 64)));
      }),
    );
  });

  test('days are of UTC', () => {
    expect(dayOf(NOW)).toBe('2026-11-25');
    expect(nextDay(NOW)).toBe(Date.parse('2026-11-26T00:00:00Z'));
  });
});

describe('sweeps', () => {
  test('what is parked at any time is swept later, by a sweep that release cannot have done yet', () => {
    fc.assert(
      fc.property(fc.nat(48 * 3_600_000), (after) => {
        const sweep = nextSweep('shopshop', NOW + after);
        // Release looks a minute ahead.
        expect(sweep.due - 60_000).toBeGreaterThan(NOW + after);
        expect(sweep.due - (NOW + after)).toBeLessThanOrEqual(6 * 3_600_000 + 120_000);
        expect(sweep).toMatchObject({ kind: 'sweep', account: 'shopshop', copies: 0 });
      }),
    );
  });

  test('after a resume: the first when every lane knows, the last beyond what a lane parked that did not', () => {
    const dues = sweepsAfterResume('shopshop', NOW).map(({ due }) => due - NOW);
    expect(dues[0]).toBeGreaterThan(PAUSE_LIFE);
    expect(dues[1]! - 60_000).toBeGreaterThan(PAUSE_LIFE);
    expect(dues[1]).toBeLessThanOrEqual(180_000);
  });
});
