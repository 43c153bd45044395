/** Readers that are faster than our records of what their servers said. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { engagementKey } from '../../../core/event/engagement.ts';
import { toEvents } from '../../../core/event/event.ts';
import { readNews } from '../../../core/event/item.ts';
import { afterOutcomes, copyOf, inOrder } from '../../../core/event/order.ts';
import { padSequence } from '../../../core/event/page.ts';
import { makeRequestId } from '../../../core/ids.ts';
import { recipientKey } from '../../../core/records/message-key.ts';
import { attemptKey, copyKey, type OutcomeRecord } from '../../../core/records/messages.ts';

const START = Date.UTC(2026, 10, 25, 12);
const ID = makeRequestId(START, Buffer.alloc(10, 1));
type Kind = 'outcome' | 'attempt' | 'open';

const outcome = (copy: number, at = START): OutcomeRecord => ({
  ...copyKey('operator', ID, copy),
  event: 'delivered',
  recipient: recipientKey('operator', 'a@b.c'),
  at,
  attempt: 0,
  reply: '250 ok',
  site: 's',
  lane: 'l',
  expiresAt: 1,
});

function streamed(n: number, copy: number, kind: Kind, writtenAt = START) {
  const items: Record<Kind, object> = {
    outcome: outcome(copy),
    attempt: {
      ...outcome(copy),
      ...attemptKey('operator', ID, copy, 'deferred', 0),
      event: 'deferred',
      address: 'a@b.c',
    },
    open: { ...engagementKey('operator', ID, copy, 'open', `x${n}`), event: 'open', address: 'a@b.c', at: START },
  };
  const news = readNews(items[kind] as Record<string, unknown>, 'INSERT')!;
  return { sequence: padSequence(String(n)), writtenAt, change: 'INSERT' as const, news };
}
const name = (copy: number) => copyOf({ account: 'operator', requestId: ID, index: copy });
const shown = (stream: readonly ReturnType<typeof streamed>[]) =>
  stream.map(({ sequence, news }) => `${Number(sequence)} ${news.kind} ${news.index}`);
const NOBODY: ReadonlySet<string> = new Set();

describe('in a log', () => {
  test('an open goes behind its delivery, each once, the rest as it came', () => {
    const stream = [
      streamed(1, 0, 'open'),
      streamed(2, 1, 'outcome'),
      streamed(3, 0, 'outcome'),
      streamed(4, 1, 'open'),
    ];
    expect(shown(inOrder(stream))).toEqual(['2 outcome 1', '3 outcome 0', '1 engagement 0', '4 engagement 1']);
  });
});

describe('for webhooks', () => {
  test('an open whose delivery comes later in the batch, or after it, has the outcome before it', () => {
    const stream = [streamed(1, 0, 'open'), streamed(2, 0, 'outcome'), streamed(3, 1, 'open'), streamed(4, 1, 'open')];
    const told = afterOutcomes(
      stream,
      new Map([
        [name(0), outcome(0)],
        [name(1), outcome(1, START - 60_000)],
      ]),
      new Set([name(1)]),
    );
    expect(shown(told as typeof stream)).toEqual([
      ...['1 outcome 0', '1 engagement 0', '2 outcome 0'],
      ...['3 outcome 1', '3 engagement 1', '4 engagement 1'],
    ]);
    // Told twice, it is the same.
    const [first, , again] = told;
    expect(toEvents(first!.news, first!.change)).toEqual(toEvents(again!.news, again!.change));
  });

  test('one whose delivery was told before has nothing told again', () => {
    const before = [streamed(1, 0, 'outcome'), streamed(2, 0, 'open')];
    expect(afterOutcomes(before, new Map([[name(0), outcome(0)]]), NOBODY)).toEqual(before);
    const earlier = [streamed(9, 0, 'open')];
    expect(afterOutcomes(earlier, new Map([[name(0), outcome(0, START - 10_000)]]), NOBODY)).toEqual(earlier);
    expect(afterOutcomes(earlier, new Map(), NOBODY)).toEqual(earlier);
  });

  test('however a stream is shuffled and cut, each copy is processed before its reader does anything', () => {
    const one = fc.record({ copy: fc.nat(3), kind: fc.constantFrom<Kind>('outcome', 'attempt', 'open') });
    fc.assert(
      fc.property(fc.array(one, { minLength: 1, maxLength: 30 }), fc.nat(30), (list, cut) => {
        const stream = list.map(({ copy, kind }, n) => streamed(n + 1, copy, kind));
        const outcomes = new Map([0, 1, 2, 3].map((copy) => [name(copy), outcome(copy)]));
        const told = [stream.slice(0, cut), stream.slice(cut)].flatMap((batch) =>
          batch.length === 0 ? [] : afterOutcomes(batch, outcomes, NOBODY),
        );
        const seen = new Set<number>();
        for (const { news } of told) {
          if (news.kind === 'engagement') expect(seen.has(news.index)).toBe(true);
          else seen.add(news.index);
        }
        // Nothing is left out, and what came is told under its own number.
        const own = new Set(told.map(({ sequence, news }) => `${sequence} ${news.kind}`));
        for (const { sequence, news } of stream) expect(own).toContain(`${sequence} ${news.kind}`);
        const numbers = told.map(({ sequence }) => sequence);
        expect(numbers).toEqual([...numbers].sort());
      }),
      { numRuns: 500 },
    );
  });
});
