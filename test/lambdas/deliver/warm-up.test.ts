import { describe, expect, it } from 'vitest';
import { dayStart } from '../../../core/warm-up.ts';
import { sitesIn } from '../../../io/sites.ts';
import { createWarmUp } from '../../../lambdas/deliver/warm-up.ts';
import { createMemoryTable } from '../../io/memory-table.ts';

const STARTED = Date.UTC(2026, 10, 23);
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Two environments of one lane, on one table. */
function open(warmUpFrom?: string) {
  const memory = createMemoryTable();
  const world = {
    now: STARTED + 12 * HOUR,
    calls: 0,
    down: false,
    startedAt: warmUpFrom === undefined ? undefined : dayStart(warmUpFrom),
  };
  const send = async (command: unknown) => {
    world.calls++;
    if (world.down) throw new Error('no answer');
    return memory.apply(command);
  };
  const now = () => world.now;
  const io = sitesIn('sites', { send } as never, now);
  const startedAt = async () => world.startedAt;
  const openOne = () => createWarmUp({ lane: 'a', startedAt, now, ...io });
  return { world, first: openOne(), second: openOne() };
}

it('a warm address takes everything, and asks nobody', async () => {
  const { world, first } = open();
  expect(await first.take(1_000_000)).toBe(1_000_000);
  first.answered(true);
  expect(await first.end()).toBe(false);
  expect(world.calls).toBe(0);
});

it('so does one whose warm-up is over, after one look', async () => {
  const { world, first } = open('2026-10-01');
  for (let n = 0; n < 5; n++) expect(await first.take(1_000)).toBe(1_000);
  first.answered(true);
  await first.end();
  expect(world.calls).toBe(1);
});

it('two environments give out an hour’s budget, and not one more', async () => {
  const { first, second } = open('2026-11-23');
  const taken = await Promise.all([first.take(6), second.take(9), first.take(6), second.take(9), first.take(1)]);
  expect(taken.reduce((sum, one) => sum + one, 0)).toBe(20);
  expect(await first.take(1)).toBe(0);
});

it('claims in blocks, and asks no more in an hour whose budget is spent', async () => {
  const { world, first } = open('2026-11-11');
  for (let n = 0; n < 50; n++) expect(await first.take(1)).toBe(1);
  expect(world.calls).toBe(2);
  expect(await first.take(5_000)).toBe(950);
  const before = world.calls;
  expect(await first.take(1)).toBe(0);
  expect(world.calls).toBe(before);
  world.now += HOUR;
  expect(await first.take(1_000)).toBe(1_000);
});

it('claims one block for many that ask at once', async () => {
  const { world, first } = open('2026-11-11');
  const taken = await Promise.all(Array.from({ length: 50 }, () => first.take(1)));
  expect(taken.every((one) => one === 1)).toBe(true);
  expect(world.calls).toBe(2);
});

it('gives out again what was not sent, in the same hour only', async () => {
  const { world, first } = open('2026-11-23');
  expect(await first.take(20)).toBe(20);
  first.giveBack(5);
  expect(await first.take(9)).toBe(5);
  world.now += HOUR;
  first.giveBack(9);
  expect(await first.take(50)).toBe(20);
});

describe('when replies turn bad', () => {
  it('goes back a day, at once and once', async () => {
    // Prepare
    const { world, first, second } = open('2026-11-11');
    expect(await first.take(600)).toBe(600);
    for (let n = 0; n < 60; n++) first.answered(n < 10);

    // Act
    const heldBack = await first.end();

    // Assess: the twelfth day's 1,000 are the eleventh's 810, of which 600 are used.
    expect(heldBack).toBe(true);
    expect(await first.take(600)).toBe(210);
    for (let n = 0; n < 60; n++) first.answered(true);
    expect(await first.end()).toBe(false);
    world.now += DAY;
    expect(await second.take(5_000)).toBe(1_000);
  });
  it('writes answers once, and again when that failed', async () => {
    const { world, first } = open('2026-11-11');
    await first.take(60);
    for (let n = 0; n < 60; n++) first.answered(true);
    world.down = true;
    await expect(first.end()).rejects.toThrow('no answer');
    world.down = false;
    expect(await first.end()).toBe(true);
    const before = world.calls;
    expect(await first.end()).toBe(false);
    expect(world.calls).toBe(before);
  });
});

it('gives out nothing on the strength of a table that does not answer, and goes on when it does', async () => {
  const { world, first } = open('2026-11-23');
  world.down = true;
  await expect(first.take(1)).rejects.toThrow('no answer');
  world.down = false;
  expect(await first.take(1)).toBe(1);
});

it('begins and ends while the lane is at work, at any hour, and a second time anew', async () => {
  const { world, first, second } = open();
  expect(await first.take(500)).toBe(500);
  // Started at 12:00: its first day ends at noon tomorrow.
  world.startedAt = world.now;
  expect(await first.take(500)).toBe(20);
  expect(await second.take(1)).toBe(0);
  world.now += DAY - 1;
  expect(await first.take(500)).toBe(20);
  world.now += HOUR;
  expect(await first.take(500)).toBe(28);
  for (let n = 0; n < 60; n++) first.answered(true);
  expect(await first.end()).toBe(true);
  expect(await second.take(500)).toBe(0);
  world.startedAt = undefined;
  expect(await first.take(500)).toBe(500);
  first.answered(true);
  expect(await first.end()).toBe(false);
  // Again: what was set back of the last time is no matter now.
  world.now += HOUR;
  world.startedAt = world.now - DAY;
  expect(await first.take(500)).toBe(28);
});
