/** An item of statistics is always one that can be written: whatever names an account makes up, it stays below DynamoDB's 400 KB. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { News } from '../../../core/event/item.ts';
import { makeRequestId } from '../../../core/ids.ts';
import { counterOf, countNews, type Dimension, METRICS, type Metric } from '../../../core/stats/count.ts';
import { addToStats, type StatsRecord } from '../../../core/stats/record.ts';

const KEY = { pk: 'shopshop#all', sk: '2026-11-25T12#shardId-00000001234567890123-abcdef12', at: 0 };
const sequenceOf = (n: number) => String(n).padStart(40, '0');
type Counts = Record<string, number>;

/** Bytes, as DynamoDB counts them: names and texts in UTF-8, numbers by their digits, and three with one for each entry of a map. */
function sizeOf({ counts, ...rest }: StatsRecord): number {
  const numberOf = (value: number) => Math.ceil(String(value).length / 2) + 2;
  let size = 'counts'.length + 3;
  for (const [name, value] of Object.entries(counts)) size += Buffer.byteLength(name) + numberOf(value) + 1;
  for (const [name, value] of Object.entries(rest)) size += name.length + Buffer.byteLength(String(value)) + 1;
  return size;
}

/** Sums by dimension and metric, whatever the value. */
function sumsOf(all: readonly Counts[]): Counts {
  const sums: Counts = {};
  for (const counts of all)
    for (const [counter, count] of Object.entries(counts)) {
      const [dimension, ...rest] = counter.split('|');
      const name = rest.length === 0 ? counter : `${dimension}|${rest.at(-1)}`;
      sums[name] = (sums[name] ?? 0) + count;
    }
  return sums;
}

const ID = makeRequestId(0, Buffer.alloc(10, 1));
const newsOf = (kind: News['kind'], item: object) =>
  ({ account: 'shopshop', requestId: ID, index: 0, kind, eventId: 'x', item: { at: 0, ...item } }) as News;

/** All that may be counted of a copy for which every name is this one, by every metric that there is. */
function everythingOf(name: string): Counts[] {
  const about = { smtpId: '<x@y>', from: 'a@b.example', provider: name, pool: name, ip: name };
  const reader = { country: name, province: `US-${name}`, device: name, client: name, browser: name };
  const dropped = ['Bounced Address', 'Spam Reporting Address', 'Unsubscribed Address', 'Invalid'];
  const all = [
    ...dropped.map((reply) => newsOf('outcome', { event: 'dropped', attempt: 0, reply })),
    newsOf('outcome', { event: 'delivered', attempt: 0 }),
    newsOf('outcome', { event: 'bounced', type: 'bounce', attempt: 0 }),
    newsOf('outcome', { event: 'bounced', type: 'blocked', attempt: 0 }),
    newsOf('attempt', { event: 'deferred', attempt: 0 }),
    newsOf('late', { event: 'complained' }),
    newsOf('engagement', { event: 'unsubscribe' }),
    ...['open', 'click'].map((event) => newsOf('engagement', { event, first: true, machine: true, ...reader })),
  ];
  return all.flatMap((news) => countNews(news, 'INSERT', about)).map(({ counts }) => counts);
}

describe('an item', () => {
  it('is tried with everything that is ever counted', () =>
    expect(Object.keys(sumsOf(everythingOf('x'))).filter((one) => !one.includes('|'))).toEqual(
      expect.arrayContaining([...METRICS]),
    ));

  // Attack: an account renames its pools for an hour, and one item that cannot be written stops the books of all others.
  it('has room for whatever its names are', () => {
    const many = (counts: Counts) => Object.fromEntries(Object.keys(counts).map((one) => [one, 1e11 + 1]));
    const names = [...Array(400).keys()].map((n) => `${n}|`.padEnd(64, n % 2 ? '€' : 'x'));
    const all = [...names, ...names].map((name) => everythingOf(name).map(many));
    let before: StatsRecord | undefined;
    for (let n = 0; n < all.length; n += 300) {
      const news = all
        .slice(n, n + 300)
        .flatMap((own, i) => own.map((counts) => ({ sequence: sequenceOf(n + i), counts })));
      before = addToStats(before, { ...KEY, news }, 1_800_000_000);
      expect(sizeOf(before!)).toBeLessThan(400 * 1_024);
    }
    // What there is no room for is counted all the same.
    expect(sumsOf([before!.counts])).toEqual(sumsOf(all.flat()));
    expect(before!.counts['pool|other|delivered']).toBeGreaterThan(0);
  });

  it('has each of as many names as there are in earnest', () => {
    const values: [string, number][] = [
      ['provider', 60],
      ['pool', 100],
      ['ip', 90],
      ['country', 250],
      ['province', 70],
      ['client', 70],
      ['browser', 18],
    ];
    const counts: Counts = {};
    for (const [dimension, count] of values)
      for (let n = 0; n < count; n++) {
        const value = { ip: `203.0.113.${n}`, country: `${n}`.padStart(2), client: `Desktop/Thunderbird ${n}` }[
          dimension
        ];
        counts[`${dimension}|${value ?? `name-${n}`}|opens`] = 1;
      }
    expect(addToStats(undefined, { ...KEY, news: [{ sequence: sequenceOf(1), counts }] }, 1)!.counts).toEqual(counts);
  });

  it('loses nothing, keeps a name’s counters together, and is the same however its batches are cut', () => {
    const metric = fc.constantFrom<Metric>('opens', 'clicks', 'unique_machine_opens');
    // Names of 3 kB: some thirty of them fill a dimension's room.
    const value = fc.nat(60).map((n) => String(n).padEnd(700, '€'));
    const counts = fc.dictionary(
      fc
        .tuple(metric, fc.constantFrom<Dimension>('pool', 'country', 'client'), value)
        .map(([one, ...of]) => counterOf(one, ...of)),
      fc.integer({ min: 1, max: 3 }),
      { minKeys: 1, maxKeys: 4, noNullPrototype: true },
    );
    fc.assert(
      fc.property(fc.array(counts, { minLength: 1, maxLength: 60 }), fc.nat(60), (all, cut) => {
        const news = all.map((counts, n) => ({ sequence: sequenceOf(n), counts }));
        const whole = addToStats(undefined, { ...KEY, news }, 1)!;
        const first = addToStats(undefined, { ...KEY, news: news.slice(0, cut) }, 1);
        expect(addToStats(first, { ...KEY, news }, 1) ?? first).toEqual(whole);
        expect(sumsOf([whole.counts])).toEqual(sumsOf(all));
        for (const name of Object.keys(whole.counts).filter((one) => !one.includes('|other|')))
          expect(whole.counts[name]).toBe(all.reduce((sum, one) => sum + (one[name] ?? 0), 0));
      }),
      { numRuns: 200 },
    );
  });
});

it('a province is counted of the countries whose provinces are shown, under the name that CloudFront has for it', () => {
  const provincesOf = (country: string, province: string) => {
    const counted = countNews(newsOf('engagement', { event: 'click', country, province }), 'INSERT', undefined);
    return Object.keys(counted[0]!.counts).filter((one) => one.startsWith('province'));
  };
  expect(provincesOf('US', 'US-TX')).toEqual(['province|US-TX|clicks']);
  expect(provincesOf('CA', 'CA-ON')).toEqual(['province|CA-ON|clicks']);
  expect(provincesOf('CH', 'CH-ZH')).toEqual([]);
});
