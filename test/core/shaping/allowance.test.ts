import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Allowance,
  allow,
  cut,
  grow,
  growOrRemove,
  isOver,
  reserve,
  shareOf,
} from '../../../core/shaping/allowance.ts';
import type { Act, SiteLimits } from '../../../core/shaping/rule.ts';

const NOW = Date.UTC(2026, 10, 23, 12);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const LIMITS: SiteLimits = { connections: 16, floor: 2, messagesPerConnection: 50 };

const told = (begunAt: number, now = begunAt + 1_000) => ({ begunAt, now, rule: 'gmail-rate-ip', reply: '421 4.7.28' });
const state = (change: Partial<Allowance> = {}): Allowance => ({
  connections: 4,
  cutAt: NOW,
  grownAt: NOW,
  rule: 'r',
  reply: '421 slow down',
  ...change,
});

describe('what is allowed', () => {
  it('the provider’s limits, as long as nobody has complained', () =>
    expect(allow({ ...LIMITS, perMinute: 100 }, undefined, NOW)).toEqual({ connections: 16, perMinute: 100 }));
  it('nothing during a pause, to its last millisecond', () => {
    const paused = state({ pausedUntil: NOW });
    expect(allow(LIMITS, paused, NOW - 1)).toEqual({ connections: 0, pausedUntil: NOW });
    expect(allow(LIMITS, paused, NOW)).toEqual({ connections: 4 });
  });
  it('never more than limits that have become smaller since', () =>
    expect(allow({ ...LIMITS, connections: 3, perMinute: 10 }, state({ perMinute: 20 }), NOW)).toEqual({
      connections: 3,
      perMinute: 10,
    }));
  it('says that others wait for their turn, while they do', () => {
    expect(allow(LIMITS, state({ nextFree: NOW + 1 }), NOW).nextFree).toBe(NOW + 1);
    expect(allow(LIMITS, state({ nextFree: NOW }), NOW).nextFree).toBeUndefined();
  });
  it.each([
    [0, 2, 0],
    [1, 2, 0],
    [2, 2, 1],
    [5, 2, 2],
    [5, 1, 5],
  ])('of %i, one of %i environments has %i', (connections, environments, share) =>
    expect(shareOf(connections, environments)).toBe(share),
  );
});

describe('a complaint', () => {
  it('halves, once per epoch however many sessions hear it', () => {
    const first = cut(undefined, LIMITS, { do: 'halve' }, told(NOW))!;
    const second = cut(first, LIMITS, { do: 'halve' }, told(NOW + 500));
    const atTheCut = cut(first, LIMITS, { do: 'halve' }, told(NOW + 1_000));
    const third = cut(first, LIMITS, { do: 'halve' }, told(NOW + 1_001));

    expect(first).toMatchObject({ connections: 8, cutAt: NOW + 1_000, rule: 'gmail-rate-ip', reply: '421 4.7.28' });
    expect(second).toBe(first);
    expect(atTheCut).toBe(first);
    expect(third).toMatchObject({ connections: 4 });
  });
  it('says nothing new of what was begun without knowing of the last cut', () => {
    const first = cut(undefined, LIMITS, { do: 'halve' }, told(NOW))!;
    expect(cut(first, LIMITS, { do: 'halve' }, { ...told(NOW + 2_000), knownCutAt: 0 })).toBe(first);
    expect(cut(first, LIMITS, { do: 'halve' }, { ...told(NOW + 2_000), knownCutAt: first.cutAt })).not.toBe(first);
  });
  it('halves a rate too where there is one, and never goes below the floor or one a minute', () => {
    let allowance: Allowance | undefined;
    for (let n = 0; n < 12; n++)
      allowance = cut(allowance, { ...LIMITS, perMinute: 100 }, { do: 'halve' }, told(NOW + n * HOUR));
    expect(allowance).toMatchObject({ connections: 2, perMinute: 1 });
  });
  it('limits to so much for so long', () => {
    const act: Act = { do: 'limit', connections: 5, perMinute: 30, minutes: 20 };
    const limited = cut(undefined, LIMITS, act, told(NOW - 1_000))!;
    expect(limited).toMatchObject({ connections: 5, perMinute: 30, heldUntil: NOW + 20 * MINUTE });
    expect(grow(limited, LIMITS, 100, NOW + 20 * MINUTE - 1)).toBeUndefined();
    expect(grow(limited, LIMITS, 100, NOW + 20 * MINUTE)).toMatchObject({ connections: 6, perMinute: 37 });
  });
  it('pauses, then begins at the floor, a minute for each step', () => {
    const paused = cut(undefined, LIMITS, { do: 'pause', minutes: 60 }, told(NOW - 1_000))!;
    expect(allow(LIMITS, paused, NOW + HOUR - 1)).toMatchObject({ connections: 0 });
    expect(allow(LIMITS, paused, NOW + HOUR)).toEqual({ connections: 2 });
    expect(grow(paused, LIMITS, 9, NOW + HOUR + MINUTE - 1)).toBeUndefined();
    expect(grow(paused, LIMITS, 9, NOW + HOUR + MINUTE)).toMatchObject({ connections: 3 });
  });
  it('does not shorten a pause', () => {
    const paused = state({ cutAt: 0, pausedUntil: NOW + HOUR });
    expect(cut(paused, LIMITS, { do: 'pause', minutes: 1 }, told(NOW))?.pausedUntil).toBe(NOW + HOUR);
  });
  it('asks for another connection, no more', () => {
    const known = state();
    expect(cut(known, LIMITS, { do: 'reconnect' }, told(NOW + HOUR))).toBe(known);
    expect(cut(undefined, LIMITS, { do: 'reconnect' }, told(NOW))).toBeUndefined();
  });
  it('keeps 200 characters of the reply', () =>
    expect(cut(undefined, LIMITS, { do: 'halve' }, { ...told(NOW), reply: 'x'.repeat(900) })?.reply).toHaveLength(200));
});

it('Google’s own procedure: ten minutes, one connection, ten more when that fails, then one at a time', () => {
  const act: Act = { do: 'recover', quotas: ['dkim'] };
  let known = cut(undefined, LIMITS, act, told(NOW - 1_000))!;
  expect(allow(LIMITS, known, NOW + 10 * MINUTE - 1)).toEqual({ connections: 0, pausedUntil: NOW + 10 * MINUTE });
  expect(allow(LIMITS, known, NOW + 10 * MINUTE)).toEqual({ connections: 1 });

  known = cut(known, LIMITS, act, told(NOW + 10 * MINUTE, NOW + 10 * MINUTE + 500))!;
  expect(known.pausedUntil).toBe(NOW + 20 * MINUTE + 500);

  const seen: number[] = [];
  for (let now = NOW + 20 * MINUTE + 500; seen.length < 16 && now < NOW + 2 * HOUR; now += 10_000) {
    const grown = grow(known, LIMITS, 50, now);
    if (!grown) continue;
    known = grown;
    seen.push(grown.connections);
  }
  expect(seen).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
});

describe('growth', () => {
  it('needs a full window of one environment', () => {
    const known = state({ connections: 9 });
    expect(grow(known, LIMITS, 3, NOW + MINUTE)).toBeUndefined();
    expect(grow(known, LIMITS, 4, NOW + MINUTE)).toMatchObject({ connections: 10, grownAt: NOW + MINUTE });
  });
  it('is at most one a minute', () => {
    expect(grow(state(), LIMITS, 99, NOW + MINUTE - 1)).toBeUndefined();
    const grown = grow(state(), LIMITS, 99, NOW + MINUTE)!;
    expect(grow(grown, LIMITS, 99, NOW + 2 * MINUTE - 1)).toBeUndefined();
  });
  it('drops a rate that limits nothing any more', () => {
    const known = state({ connections: 16, perMinute: 16 * 60 - 1 });
    expect(grow(known, LIMITS, 99, NOW + MINUTE)).not.toHaveProperty('perMinute');
    expect(grow({ ...known, perMinute: 90 }, { ...LIMITS, perMinute: 100 }, 99, NOW + MINUTE)).not.toHaveProperty(
      'perMinute',
    );
  });
  it('has nothing to do at the limits', () =>
    expect(grow(state({ connections: 16 }), LIMITS, 99, NOW + HOUR)).toBeUndefined());
  it('ends with the item removed, but not before its epoch is older than any run', () => {
    const full = state({ connections: 15 });
    expect(growOrRemove(undefined, LIMITS, 99, NOW)).toBeUndefined();
    expect(growOrRemove(full, LIMITS, 99, NOW + MINUTE)).toMatchObject({ connections: 16 });
    expect(growOrRemove(full, LIMITS, 99, NOW + 3 * MINUTE)).toBe('remove');
    expect(growOrRemove(full, LIMITS, 0, NOW + 3 * MINUTE)).toBeUndefined();
    expect(isOver(state({ connections: 16, nextFree: NOW + HOUR }), LIMITS, NOW + HOUR - 1)).toBe(false);
  });
});

describe('turns', () => {
  it('one after the other, each as long as its copies need', () => {
    const first = reserve(undefined, LIMITS, 30, 60, NOW);
    const second = reserve(first.allowance, LIMITS, 60, 60, NOW + 1);
    expect([first.from, second.from, second.allowance.nextFree]).toEqual([NOW, NOW + MINUTE / 2, NOW + 1.5 * MINUTE]);
    expect(first.allowance).toMatchObject({ connections: 16, cutAt: 0 });
  });
  it('of at most a minute’s worth', () => {
    const { turns, allowance } = reserve(undefined, LIMITS, 25, 10, NOW);
    expect(turns).toEqual([
      { from: NOW, copies: 10 },
      { from: NOW + MINUTE, copies: 10 },
      { from: NOW + 2 * MINUTE, copies: 5 },
    ]);
    expect(allowance.nextFree).toBe(NOW + 2.5 * MINUTE);
  });
  it('behind a pause', () =>
    expect(reserve(state({ pausedUntil: NOW + HOUR }), LIMITS, 1, 10, NOW).from).toBe(NOW + HOUR));
  it('not faster than the site’s limit, nor by a rate that is none', () => {
    expect(reserve(undefined, { ...LIMITS, perMinute: 2 }, 2, 100, NOW).allowance.nextFree).toBe(NOW + MINUTE);
    for (const rate of [0, -1, Number.NaN])
      expect(reserve(undefined, LIMITS, 1, rate, NOW).allowance.nextFree).toBe(NOW + MINUTE);
  });
  it('at most 12 hours ahead, where all that is later asks again', () => {
    const { turns, allowance } = reserve(undefined, LIMITS, 10_000, 1, NOW);
    expect(turns).toHaveLength(721);
    expect(turns.at(-1)).toEqual({ from: NOW + 12 * HOUR, copies: 10_000 - 720 });
    expect(allowance.nextFree).toBe(NOW + 12 * HOUR);
  });
});

describe('properties', () => {
  const limits = fc
    .record({
      connections: fc.integer({ min: 1, max: 60 }),
      floor: fc.integer({ min: 1, max: 5 }),
      rate: fc.integer({ min: 0, max: 600 }),
    })
    .map(
      ({ connections, floor, rate }): SiteLimits => ({
        connections,
        floor: Math.min(floor, connections),
        messagesPerConnection: 10,
        ...(rate > 0 ? { perMinute: rate } : {}),
      }),
    );
  const minutes = fc.integer({ min: 1, max: 24 * 60 });
  const act: fc.Arbitrary<Act> = fc.oneof(
    fc.constant<Act>({ do: 'halve' }),
    fc.constant<Act>({ do: 'recover', quotas: ['ip'] }),
    fc.constant<Act>({ do: 'reconnect' }),
    minutes.map((m): Act => ({ do: 'pause', minutes: m })),
    fc
      .tuple(minutes, fc.integer({ min: 1, max: 80 }), fc.integer({ min: 1, max: 900 }))
      .map(([m, connections, perMinute]): Act => ({ do: 'limit', connections, perMinute, minutes: m })),
  );
  const step = fc.oneof(
    fc.record({ kind: fc.constant('cut' as const), act, after: fc.nat(HOUR), age: fc.nat(5 * MINUTE) }),
    fc.record({ kind: fc.constant('grow' as const), after: fc.nat(10 * MINUTE), successes: fc.nat(40) }),
    fc.record({ kind: fc.constant('reserve' as const), after: fc.nat(MINUTE), copies: fc.nat(300), rate: fc.nat(200) }),
  );

  it('whatever happens: within floor and ceiling, no complaint raises anything, and time and successes end it all', () => {
    fc.assert(
      fc.property(limits, fc.array(step, { maxLength: 25 }), (site, steps) => {
        let known: Allowance | undefined;
        let recovering = false;
        let now = NOW;
        for (const one of steps) {
          now += one.after;
          const before = known;
          if (one.kind === 'reserve') known = reserve(known, site, one.copies, one.rate, now).allowance;
          if (one.kind === 'grow') {
            const next = growOrRemove(known, site, one.successes, now);
            known = next === 'remove' ? undefined : (next ?? known);
          }
          if (one.kind === 'cut') {
            known = cut(known, site, one.act, { begunAt: now - one.age, now, rule: 'r', reply: 's' });
            const allowed = allow(site, known, now);
            const was = allow(site, before, now);
            expect(allowed.connections).toBeLessThanOrEqual(was.connections);
            expect(allowed.perMinute ?? Infinity).toBeLessThanOrEqual(was.perMinute ?? Infinity);
            expect(allowed.pausedUntil ?? 0).toBeGreaterThanOrEqual(was.pausedUntil ?? 0);
            expect(known?.heldUntil ?? 0).toBeGreaterThanOrEqual(before?.heldUntil ?? 0);
            expect(known?.cutAt ?? 0).toBeGreaterThanOrEqual(before?.cutAt ?? 0);
            if (one.act.do === 'recover') recovering = true;
          }
          if (!known) continue;
          expect(known.connections).toBeGreaterThanOrEqual(recovering ? 1 : site.floor);
          expect(known.connections).toBeLessThanOrEqual(site.connections);
          expect(known.perMinute ?? 1).toBeGreaterThanOrEqual(1);
          expect(known.nextFree ?? 0).toBeLessThanOrEqual(now + 12 * HOUR);
          const numbers = Object.values(known).filter((value) => typeof value === 'number');
          expect(numbers.every(Number.isFinite)).toBe(true);
        }
        // The longest pause or hold, the farthest turn behind it, then one step a minute.
        const end = now + 24 * HOUR + (site.connections + 60) * MINUTE;
        while (known && now < end) {
          now += MINUTE;
          const next = growOrRemove(known, site, 100, now);
          known = next === 'remove' ? undefined : (next ?? known);
        }
        expect(known).toBeUndefined();
      }),
      { numRuns: 1_000 },
    );
  });

  it('turns never overlap and keep the rate', () => {
    const jobs = fc.array(fc.record({ after: fc.nat(MINUTE), copies: fc.integer({ min: 1, max: 100 }) }), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(jobs, fc.integer({ min: 5, max: 300 }), (all, rate) => {
        let known: Allowance | undefined;
        let now = NOW;
        let free = 0;
        for (const { after, copies } of all) {
          now += after;
          const reserved = reserve(known, LIMITS, copies, rate, now);
          known = reserved.allowance;
          expect(reserved.turns.reduce((sum, turn) => sum + turn.copies, 0)).toBe(copies);
          expect(reserved.from).toBe(reserved.turns[0]!.from);
          for (const turn of reserved.turns) {
            expect(turn.from).toBeGreaterThanOrEqual(Math.max(free, now));
            expect(turn.copies).toBeLessThanOrEqual(rate);
            free = turn.from + (turn.copies / rate) * MINUTE;
          }
          expect(known.nextFree).toBeGreaterThanOrEqual(free - 1e-3);
        }
      }),
    );
  });
});
