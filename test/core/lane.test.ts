import { expect, it } from 'vitest';
import { chooseLane } from '../../core/lane.ts';

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
  expect(() => chooseLane(lanes, 'none', 'job-1')).toThrow('no lane in pool none');
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
