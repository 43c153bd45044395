/** Half a day at Gmail and Yahoo, with their own replies, in virtual time: what the lane's limits do, and what others notice. */
import { describe, expect, it } from 'vitest';
import { inVirtualTime } from '../../virtual-clock.ts';
import { simulateDay } from './day.ts';

const HOUR = 3_600_000;

describe('half a day at Gmail and Yahoo', () => {
  it('falls when they complain, stands still while they want it, recovers by itself, and touches nobody else', async () => {
    const { samples, others, simulation, start } = await inVirtualTime(Date.UTC(2026, 10, 23), simulateDay);

    const of = (name: 'google' | 'yahoo', from: number, to: number) =>
      samples.filter(({ at }) => at >= start + from * HOUR && at < start + to * HOUR).map((sample) => sample[name]);
    // Before: as many as the mail is worth, within the table's five.
    expect(Math.max(...of('google', 1, 2))).toBeGreaterThanOrEqual(2);
    // Gmail complains at three o'clock: ten minutes nothing, one connection, and again, as long as it complains.
    expect(Math.min(...of('google', 3, 4))).toBe(0);
    expect(Math.max(...of('google', 3.1, 3.9))).toBe(1);
    // Then one more at a time; what waited goes out over all it may have.
    expect(Math.max(...of('google', 4, 5))).toBeGreaterThanOrEqual(4);
    expect(Math.max(...of('google', 0, 12))).toBeLessThanOrEqual(5);
    // Yahoo at six (TSS04): nothing for two hours, though the trouble was over after half an hour.
    expect(Math.max(...of('yahoo', 6.2, 7.8))).toBe(0);
    expect(Math.max(...of('yahoo', 8, 9))).toBeGreaterThanOrEqual(5);
    // In the end every limit is the table's again, and what was put off is delivered.
    expect(simulation.limits).toEqual(new Map());
    const held = simulation.holds.reduce((sum, { copies }) => sum + copies, 0);
    const events = Map.groupBy(simulation.outcomes.values(), ({ event }) => event);
    expect([...events.keys()]).toEqual(['delivered']);
    expect(simulation.outcomes.size + held).toBe(simulation.accepted);
    // Mail for other providers never noticed.
    expect(others.slowest).toBeLessThan(60_000);
  }, 300_000);
});
