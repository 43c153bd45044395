import { describe, expect, it } from 'vitest';
import { formatTable, showSpread, spreadOf } from '../../bench/figures.ts';
import { makeJobs } from '../../bench/mail.ts';
import { billedPerMillion } from '../../bench/remote.ts';

describe('spreadOf', () => {
  it('takes the middle one, or the mean of the two in the middle', () => {
    expect(spreadOf([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 });
    expect(spreadOf([10, 4, 2, 6])).toEqual({ median: 5, min: 2, max: 10 });
  });

  it('sorts by value, not as text', () => expect(spreadOf([100, 9, 20]).median).toBe(20));

  it('refuses to speak of no values', () => expect(() => spreadOf([])).toThrow('no values'));
});

describe('formatTable', () => {
  const rows = [
    ['a', '1,000', 'x'],
    ['long', '2', 'yy'],
  ];

  it('aligns numbers to the right, and text columns (named with a space at the end) to the left', () => {
    const table = formatTable(['', 'n', 'what '], rows, false);

    expect(table.split('\n')).toEqual(['            n  what', '  a     1,000  x', '  long      2  yy']);
  });

  it('is Markdown on request', () => {
    const table = formatTable(['', 'n', 'what '], rows, true);

    expect(table.split('\n')).toEqual([
      '|      |     n | what |',
      '| ---- | ----: | ---- |',
      '| a    | 1,000 | x    |',
      '| long |     2 | yy   |',
    ]);
  });

  it('shows the median and between what it lies', () =>
    expect(showSpread({ median: 1234.5, min: 0.5, max: 2000 }, 1)).toBe('1,234.5 [0.5..2,000.0]'));
});

describe('billedPerMillion', () => {
  it('bills wall time where the function waits', () => {
    // 1 s for 1,000 messages at a quarter of a GB: 1,000 s for a million.
    const invocations = [{ wallMs: 1_000, cpuMs: 10, delivered: 1_000 }];

    expect(billedPerMillion({ invocations }, 256)).toBeCloseTo(250);
  });

  it('bills the CPU where the share of a core that memory buys takes longer', () => {
    // 1 s of a whole core (1,769 MB) lasts 1,769 / 256 s at 256 MB.
    const invocations = [{ wallMs: 1_000, cpuMs: 1_000, delivered: 1_000 }];

    expect(billedPerMillion({ invocations }, 256)).toBeCloseTo((1_769 / 1_024) * 1_000, 0);
    expect(billedPerMillion({ invocations }, 1_769)).toBeCloseTo((1_769 / 1_024) * 1_000, 0);
  });

  it('counts runs that delivered nothing', () => {
    const invocations = [
      { wallMs: 1_000, cpuMs: 0, delivered: 500 },
      { wallMs: 1_000, cpuMs: 0, delivered: 0 },
    ];

    expect(billedPerMillion({ invocations }, 1_024)).toBeCloseTo(4_000);
  });
});

describe('makeJobs', () => {
  const shape = { bytes: 10_240, distinct: true, domains: 10 };

  it('makes each copy a message of its own, in as many jobs as asked', () => {
    const single = makeJobs(shape, 3, 1, 0);
    const bulk = makeJobs(shape, 250, 100, 0);

    expect(single.map(({ copies }) => copies.length)).toEqual([1, 1, 1]);
    expect(bulk.map(({ copies }) => copies.length)).toEqual([100, 100, 50]);
    expect(new Set(bulk.flatMap(({ copies }) => copies.map(({ address }) => address))).size).toBe(250);
    expect(bulk.every(({ personalizations, copies }) => personalizations.length === copies.length)).toBe(true);
    for (const jobs of [single, bulk]) expect(new Set(jobs.map(({ id }) => id)).size).toBe(3);
  });
});
