import { describe, expect, it } from 'vitest';
import { chooseLane, lanesOfPool, poolOf } from '../../core/lane.ts';

const lanes = [
  { name: 'a', pool: 'default', weight: 3 },
  { name: 'b', pool: 'default', weight: 1 },
  { name: 'c', pool: 'bulk', weight: 1 },
];

it('chooses by weight, the same for the same job', () => {
  const names = Array.from({ length: 4_000 }, (_, n) => chooseLane(lanes, undefined, `job-${n}`).name);
  const share = names.filter((name) => name === 'a').length / names.length;
  expect(share).toBeGreaterThan(0.7);
  expect(share).toBeLessThan(0.8);
  expect(names).not.toContain('c');
  expect(chooseLane(lanes, undefined, 'job-7')).toBe(chooseLane(lanes, undefined, 'job-7'));
});

it('stays in the pool that was asked for', () => {
  expect(chooseLane(lanes, 'bulk', 'job-1').name).toBe('c');
});

it('of a pool that is gone takes the default: what was accepted is never without a lane', () => {
  for (let n = 0; n < 50; n++) {
    expect(chooseLane(lanes, 'gone', `job-${n}`).name).toMatch(/^[ab]$/);
    expect(chooseLane(lanes, 'gone', `job-${n}`, ['gone-1']).name).toMatch(/^[ab]$/);
  }
  expect(() => chooseLane([{ name: 'a', pool: 'default', weight: 0 }], undefined, 'job-1')).toThrow('no lane');
});

it('takes the first pool where none is called default', () => {
  expect(chooseLane([{ name: 'x', pool: 'marketing', weight: 1 }], undefined, 'job-1').name).toBe('x');
});

it('gives nothing to a lane of weight 0: it is being emptied', () => {
  const emptied = [{ name: 'a', pool: 'default', weight: 0 }, ...lanes.slice(1)];
  for (let n = 0; n < 50; n++) expect(chooseLane(emptied, undefined, `job-${n}`).name).toBe('b');
});

it('keeps to the lanes that an account was given, in the pool where it can; all take its mail when none of them does', () => {
  for (let n = 0; n < 50; n++) {
    expect(chooseLane(lanes, undefined, `job-${n}`, ['b', 'c']).name).toMatch(/^[bc]$/);
    expect(chooseLane(lanes, 'bulk', `job-${n}`, ['b', 'c']).name).toBe('c');
    expect(chooseLane(lanes, 'bulk', `job-${n}`, ['b']).name).toBe('b');
    expect(chooseLane(lanes, 'default', `job-${n}`, ['gone']).name).toMatch(/^[ab]$/);
  }
});

describe('a pool made over the API', () => {
  const pool = { id: '17', name: 'mixed', lanes: ['a', 'c', 'gone'] };
  const taken = (...args: Parameters<typeof lanesOfPool>) => lanesOfPool(...args);

  it('is its lanes of any deployed pool, by their weights', () => {
    expect(taken(pool, lanes)).toEqual({ lanes: ['a', 'c'], poolId: '17' });
    const names = Array.from({ length: 4_000 }, (_, n) => chooseLane(lanes, 'mixed', `job-${n}`, ['a', 'c']).name);
    const share = names.filter((name) => name === 'a').length / names.length;
    expect(new Set(names)).toEqual(new Set(['a', 'c']));
    expect(Math.abs(share - 0.75)).toBeLessThan(0.05);
  });

  it('has for a subuser those of its own; none of them: its own, and it is not by this pool', () => {
    expect(taken(pool, lanes, ['b', 'c'])).toEqual({ lanes: ['c'], poolId: '17' });
    expect(taken(pool, lanes, ['b'])).toEqual({ lanes: ['b'] });
    expect(taken(pool, lanes, ['gone-too'])).toEqual({ lanes: ['a', 'c'], poolId: '17' });
  });

  it('takes no mail where none of its lanes does', () => {
    const emptied = lanes.map((lane) => ({ ...lane, weight: lane.name === 'b' ? 1 : 0 }));
    expect(taken(pool, emptied)).toBeUndefined();
    expect(taken({ ...pool, lanes: [] }, lanes, ['a'])).toBeUndefined();
  });

  it('is named while the mail is on a lane of it', () => {
    const content = { ipPoolName: 'mixed', poolId: '17', lanes: ['a', 'c'] };
    expect(poolOf(content, lanes[2]!)).toEqual({ pool: 'mixed', poolId: '17' });
    expect(poolOf(content, lanes[1]!)).toEqual({ pool: 'default' });
    // A subuser whose addresses are not in the pool that it asks for.
    expect(poolOf({ ipPoolName: 'bulk', lanes: ['a'] }, lanes[0]!)).toEqual({ pool: 'default' });
  });
});
