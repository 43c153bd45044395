/** Engagement quality: no score for who sent little or counts no opens, and five scores that follow the rates. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { dayBefore, scoreOf, sumDays } from '../../../core/seq/score.ts';

const DAY = '2026-11-24';
const month = (counts: Record<string, number>, days = 30) =>
  sumDays(Array.from({ length: days }, (_, n) => ({ hour: `${dayBefore(DAY, n)}T10`, counts })));
const GOOD = { processed: 100, delivered: 100, unique_opens: 40 };

it.each([
  ['of mail that is read', GOOD, 5, {}],
  [
    'of mail that nobody but machines opens',
    { ...GOOD, unique_machine_opens: 39 },
    3,
    { open_rate: 1, engagement_recency: 1 },
  ],
  ['of a bad list', { ...GOOD, bounces: 6 }, 4, { bounce_rate: 1 }],
  ['of mail that is refused', { ...GOOD, blocks: 4 }, 5, { bounce_classification: 3 }],
  ['of mail that is called spam', { ...GOOD, spam_reports: 1 }, 4, { spam_rate: 1 }],
  [
    'at a line',
    { processed: 10_000, delivered: 10_000, unique_opens: 2_000, bounces: 100 },
    5,
    { open_rate: 4, bounce_rate: 4 },
  ],
])('the score %s', (_, counts, score, metrics) =>
  expect(scoreOf(DAY, month(counts))).toMatchObject({ score, metrics }),
);

it('is none below 1,000 messages in 30 days, whatever came before', () => {
  expect(scoreOf(DAY, month({ processed: 33, delivered: 33, unique_opens: 30 }))).toBeUndefined();
  expect(scoreOf(DAY, month({ processed: 34, delivered: 34, unique_opens: 30 }))).toBeDefined();
  expect(scoreOf(DAY, month({ processed: 33, delivered: 33, unique_opens: 30 }, 90))).toBeUndefined();
});

it('is none where no open is counted', () =>
  expect(scoreOf(DAY, month({ processed: 100, delivered: 100 }))).toBeUndefined());

it('is from 1 to 5, each part of it, and never better for more bounces, blocks or complaints', () => {
  const count = fc.nat({ max: 5_000 });
  const counts = fc.record({
    delivered: count,
    unique_opens: count,
    bounces: count,
    blocks: count,
    spam_reports: count,
  });
  fc.assert(
    fc.property(counts, fc.constantFrom('bounces', 'blocks', 'spam_reports'), (some, worse) => {
      const all = { processed: 5_000, ...some };
      const [one, other] = [
        scoreOf(DAY, month(all)),
        scoreOf(DAY, month({ ...all, [worse]: all[worse as 'bounces'] + 500 })),
      ];
      if (!one || !other) return;
      for (const value of [one.score, ...Object.values(one.metrics)]) expect([1, 2, 3, 4, 5]).toContain(value);
      expect(other.score).toBeLessThanOrEqual(one.score);
    }),
  );
});
