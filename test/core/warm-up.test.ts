import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { WarmUpsRecord } from '../../core/records/warm-ups.ts';
import { blockOf, budgetOf, dayStart, hourOf, isHeldBack, overflowLane, startOf, WARM_UP } from '../../core/warm-up.ts';

const STARTED = Date.UTC(2026, 10, 23);
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const budget = (now: number, heldDays = 0) => budgetOf({ startedAt: STARTED, now, heldDays });

describe('the schedule', () => {
  it('36 days, each with more than the last', () => {
    expect(WARM_UP).toHaveLength(36);
    for (let day = 1; day < 36; day++) expect(WARM_UP[day]).toBeGreaterThan(WARM_UP[day - 1]!);
  });
  it.each([
    [-1, 20],
    [0, 20],
    [DAY - 1, 20],
    [DAY, 28],
    [12 * DAY, 1_000],
    [35 * DAY, 2_603_222],
    [36 * DAY - 1, 2_603_222],
    [36 * DAY, undefined],
    [500 * DAY, undefined],
  ])('%i ms after its begin: %s an hour', (after, expected) => expect(budget(STARTED + after)).toBe(expected));
  it('a day that was set back comes again', () => {
    expect(budget(STARTED + 5 * DAY, 1)).toBe(77);
    expect(budget(STARTED + 36 * DAY, 1)).toBe(2_603_222);
    expect(budget(STARTED, 7)).toBe(20);
  });
  it('days and hours are UTC’s', () => {
    expect(dayStart('2026-11-23')).toBe(STARTED);
    expect(hourOf(STARTED - 1)).toBe('2026-11-22T23');
    expect(hourOf(STARTED)).toBe('2026-11-23T00');
  });
});

it.each([
  [20, 1],
  [21, 2],
  [1_000, 50],
  [10_000, 500],
  [2_603_222, 500],
])('of %i an hour, %i are claimed at once', (hourly, block) => expect(blockOf(hourly)).toBe(block));

describe('set back', () => {
  it.each([
    ['too few to say', 0, 49, false],
    ['a tenth', 45, 5, false],
    ['more than a tenth', 44, 6, true],
    ['all', 0, 50, true],
    ['none', 5_000, 0, false],
  ])('%s', (_, good, bad, expected) => expect(isHeldBack({ good, bad }, undefined, STARTED)).toBe(expected));
  it('once a day', () => {
    const bad = { good: 0, bad: 100 };
    expect(isHeldBack(bad, STARTED, STARTED + DAY - 1)).toBe(false);
    expect(isHeldBack(bad, STARTED, STARTED + DAY)).toBe(true);
  });
});

describe('overflow', () => {
  const [a, b, fresh] = [
    { name: 'a', url: 'https://sqs/a' },
    { name: 'b', url: 'https://sqs/b' },
    { name: 'new', url: 'https://sqs/new', warmUpFrom: '2026-11-20' },
  ];
  const lanes = [a, b, fresh];
  it('goes to warm lanes only, the same for the same job', () => {
    fc.assert(
      fc.property(fc.string(), (jobId) => {
        const lane = overflowLane(lanes, jobId, STARTED, undefined);
        expect([a, b]).toContain(lane);
        expect(overflowLane(lanes, jobId, STARTED + 1, undefined)).toBe(lane);
      }),
    );
  });
  it('spreads over them', () => {
    const taken = Array.from({ length: 200 }, (_, i) => overflowLane(lanes, `job-${i}`, STARTED, undefined));
    expect(taken.filter((lane) => lane === a).length).toBeGreaterThan(60);
    expect(taken.filter((lane) => lane === b).length).toBeGreaterThan(60);
  });
  it('counts a lane whose warm-up is over as warm; where there is none, it is told so', () => {
    expect(overflowLane([fresh], 'job', STARTED, undefined)).toBeUndefined();
    expect(overflowLane([fresh], 'job', Date.UTC(2026, 11, 26), undefined)).toBe(fresh);
    expect(overflowLane([], 'job', STARTED, undefined)).toBeUndefined();
  });
  it('keeps to the lanes that it may take, be they cold', () => {
    for (let i = 0; i < 50; i++) expect(overflowLane(lanes, `job-${i}`, STARTED, undefined, ['b', 'new'])).toBe(b);
    expect(overflowLane(lanes, 'job', STARTED, undefined, ['new', 'elsewhere'])).toBeUndefined();
  });
  it('goes by what the API said last', () => {
    const words = {
      'lane#a': { startedAt: STARTED, over: null },
      'lane#new': { over: '2026-11-20' },
    } as unknown as WarmUpsRecord;
    const taken = new Set(
      Array.from({ length: 100 }, (_, i) => overflowLane(lanes, `job-${i}`, STARTED + HOUR, words)?.name),
    );
    expect([...taken].sort()).toEqual(['b', 'new']);
  });
});

describe('a word of the API', () => {
  const word = (one: object) => ({ 'lane#a': one }) as unknown as WarmUpsRecord;
  const [plain, warming] = [{ name: 'a' }, { name: 'a', warmUpFrom: '2026-11-20' }];
  it.each<[string, { name: string; warmUpFrom?: string }, object | undefined, number | undefined]>([
    ['none: the settings’', warming, undefined, Date.UTC(2026, 10, 20)],
    ['none, and none of the settings', plain, undefined, undefined],
    ['started', plain, { startedAt: 5, over: null }, 5],
    ['stopped', warming, { over: '2026-11-20' }, undefined],
    ['started again', warming, { startedAt: 5, over: '2026-11-20' }, 5],
    ['said before another day was deployed', warming, { over: '2026-10-01' }, Date.UTC(2026, 10, 20)],
    ['said before the day was taken out', plain, { startedAt: 5, over: '2026-10-01' }, undefined],
  ])('%s', (_, lane, said, expected) => expect(startOf(lane, said && word(said))).toBe(expected));
});
