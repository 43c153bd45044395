/** When an alert is looked at, and what period it then tells of: every period once, whole, and none twice. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AlertRecord, FREQUENCIES, nextLook, periodBefore, readAlert } from '../../../core/alerts/alert.ts';

const at = (text: string) => Date.parse(text);
const iso = (time: number) => new Date(time).toISOString();

describe('nextLook', () => {
  it.each([
    ['daily', '2026-11-25T12:00:00Z', '2026-11-26T01:00:00.000Z'],
    ['daily', '2026-11-25T00:30:00Z', '2026-11-25T01:00:00.000Z'],
    ['daily', '2026-11-25T01:00:00Z', '2026-11-26T01:00:00.000Z'],
    ['weekly', '2026-11-25T12:00:00Z', '2026-11-30T01:00:00.000Z'],
    ['monthly', '2026-11-25T12:00:00Z', '2026-12-01T01:00:00.000Z'],
    ['monthly', '2026-12-01T00:59:59Z', '2026-12-01T01:00:00.000Z'],
    ['monthly', '2028-02-29T12:00:00Z', '2028-03-01T01:00:00.000Z'],
  ] as const)('%s after %s: %s', (frequency, now, next) =>
    expect(iso(nextLook({ type: 'stats_notification', frequency }, at(now)))).toBe(next),
  );

  it('looks at usage at each full hour', () =>
    expect(iso(nextLook({ type: 'usage_limit', percentage: 90 }, at('2026-11-25T12:00:00Z')))).toBe(
      '2026-11-25T13:00:00.000Z',
    ));
});

describe('periodBefore', () => {
  it.each([
    ['daily', '2026-11-26T01:00:00Z', '2026-11-25', '2026-11-25'],
    ['weekly', '2026-11-30T01:00:00Z', '2026-11-23', '2026-11-29'],
    ['monthly', '2027-01-01T01:00:00Z', '2026-12-01', '2026-12-31'],
  ] as const)('%s at %s: %s to %s', (frequency, due, from, to) =>
    expect(periodBefore(frequency, at(due))).toEqual({ from, to }),
  );

  it('leaves no day out and tells none twice, look after look', () => {
    const times = fc.integer({ min: at('2024-01-01T00:00:00Z'), max: at('2032-01-01T00:00:00Z') });
    fc.assert(
      fc.property(times, fc.constantFrom(...FREQUENCIES), (now, frequency) => {
        const first = nextLook({ type: 'stats_notification', frequency }, now);
        const second = nextLook({ type: 'stats_notification', frequency }, first);
        const [one, two] = [periodBefore(frequency, first), periodBefore(frequency, second)];
        expect(first).toBeGreaterThan(now);
        expect(at(two.from) - at(one.to)).toBe(86_400_000);
        // It is over when it is told of.
        expect(first).toBeGreaterThanOrEqual(at(one.to) + 86_400_000);
      }),
    );
  });
});

describe('readAlert', () => {
  const before = { type: 'usage_limit', percentage: 80, emailTo: 'a@example.com' } as AlertRecord;
  it.each([
    ['type', { type: 'other', email_to: 'a@example.com' }],
    ['email_to', { type: 'usage_limit', percentage: 90 }],
    ['email_to', { type: 'usage_limit', percentage: 90, email_to: 'nobody' }],
    ['percentage', { type: 'usage_limit', email_to: 'a@example.com' }],
    ['percentage', { type: 'usage_limit', email_to: 'a@example.com', percentage: 101 }],
    ['frequency', { type: 'stats_notification', email_to: 'a@example.com', frequency: 'hourly' }],
    ['percentage', { type: 'stats_notification', email_to: 'a@example.com', frequency: 'daily', percentage: 5 }],
    [null, []],
  ])('names %s where it is wrong: %j', (field, body) => {
    const read = readAlert(body);
    expect(read.ok ? [] : read.errors.map((one) => one.field)).toContain(field);
  });

  it('keeps what a change leaves out, and the type in any case', () => {
    expect(readAlert({ percentage: 95 }, before)).toEqual({
      ok: true,
      alert: { type: 'usage_limit', percentage: 95, emailTo: 'a@example.com' },
    });
    expect(readAlert({ frequency: 'daily' }, before)).toMatchObject({ ok: false });
  });
});
