import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ancestorsOf, PART_NAMES, partId, visitName, wasMoved } from '../../core/parts.ts';
import { holdKey } from '../../core/records/holds.ts';

type Split = { id: string; hop: number; lane: string };
const WHOLE: Split = { id: 'AaIIRv4AcDCwMDAwMDAwMA.1795435200.999', hop: 0, lane: 'a-lane-of-31-characters-or-so-01' };
const AT = Date.UTC(2026, 10, 25);

const part = (of: Split, tail = '0', at = AT): Split => ({
  id: partId(of, visitName(at, 0), tail),
  hop: of.hop + 2,
  lane: of.lane,
});

/** What is claimed for a job: itself, and by which split of them all that it was split from. */
function claimsOf(id: string): Map<string, string | undefined> {
  return new Map([[id, undefined], ...ancestorsOf(id).map((one) => [one.id, one.split] as const)]);
}
function excludeEachOther(a: string, b: string): boolean {
  const others = claimsOf(b);
  return [...claimsOf(a)].some(([id, split]) => others.has(id) && (split === undefined || others.get(id) !== split));
}

/** A life: when it is split, from one run to the next, and into which of its parts. */
const lives = fc.array(
  fc.record({
    waits: fc.integer({ min: 0, max: 3 }),
    minutes: fc.integer({ min: 1, max: 600 }),
    tail: fc.constantFrom('0', '1', '47', 'via', 'warm-1.17'),
  }),
  { minLength: 1, maxLength: 40 },
);
function live(life: { waits: number; minutes: number; tail: string }[], from = WHOLE): Split[] {
  let at = AT;
  const chain = [from];
  for (const { waits, minutes, tail } of life) {
    at += minutes * 60_000;
    const last = chain.at(-1)!;
    chain.push(part({ ...last, hop: last.hop + 2 * waits }, tail, at));
  }
  return chain;
}

describe('the id of a part', () => {
  it('says what it was split from, by which split, and how far that had come', () => {
    const first = part({ ...WHOLE, hop: 4 });
    const second = part(first, '12');
    const [run, of] = [AT.toString(36), WHOLE.id];
    expect([first.id, second.id]).toEqual([`${of}+4-${run}.0`, `${of}+4-${run}.0+6-${run}.12`]);
    expect(ancestorsOf(second.id)).toEqual([
      { id: of, split: `4-${run}`, hop: 5 },
      { id: first.id, split: `6-${run}`, hop: 7 },
    ]);
  });

  it('is the same for the same split, another for any other, and never too long for a key', () => {
    fc.assert(
      fc.property(lives, (life) => {
        const chain = live(life);
        expect(live(life)).toEqual(chain);
        expect(new Set(chain.map(({ id }) => id)).size).toBe(chain.length);
        for (const { id } of chain) {
          expect(ancestorsOf(id).length).toBeLessThanOrEqual(PART_NAMES);
          // DynamoDB: a sort key has 1,024 bytes.
          expect(Buffer.byteLength(holdKey(id, AT).sk)).toBeLessThan(450);
        }
      }),
    );
  });

  it('still says that a lane gave it away, however often it was split since', () => {
    fc.assert(
      fc.property(lives, (life) => {
        let moved = false;
        live(life).forEach(({ id }, n) => {
          moved ||= n > 0 && life[n - 1]!.tail === 'warm-1.17';
          expect(wasMoved(id)).toBe(moved);
        });
      }),
    );
  });

  // What a version without a bound has put on holds: seventy names.
  it('is bounded for a part of what has more names already', () => {
    const names = Array.from({ length: 70 }, (_, n) => `+${2 * n}-mwt7reo0.0`).join('');
    const old = { ...WHOLE, id: `${WHOLE.id}${names}`, hop: 141 };
    const { id } = part(old);
    expect(ancestorsOf(id)).toHaveLength(PART_NAMES);
    expect(excludeEachOther(id, old.id)).toBe(true);
  });
});

// Attack: a run splits a job, and dies before it can say so; or a job is on its lane twice. Both go on being split, and their parts meet.
describe('what may have the same copies', () => {
  it('excludes each other: a job, and whatever came of it', () => {
    fc.assert(
      fc.property(lives, (life) => {
        const chain = live(life);
        for (const [n, of] of chain.entries())
          for (const later of chain.slice(n)) expect(excludeEachOther(of.id, later.id)).toBe(true);
      }),
    );
  });

  it('excludes each other: what came of two splits of one job', () => {
    fc.assert(
      fc.property(lives, lives, lives, (before, left, right) => {
        const of = live(before).at(-1)!;
        const twins = [part(of, '0', AT + 60_000_000), part(of, '0', AT + 60_000_001)] as const;
        for (const a of live(left, twins[0]))
          for (const b of live(right, twins[1])) expect(excludeEachOther(a.id, b.id)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });
});

it('parts of one split do not exclude each other, at any depth', () => {
  fc.assert(
    fc.property(lives, (before) => {
      const of = live(before).at(-1)!;
      expect(excludeEachOther(part(of, '0').id, part(of, '1').id)).toBe(false);
    }),
  );
});

// Twins of a job that come to one run, one after the other: each may be cut otherwise, so their parts must wait for each other.
it('two visits of one run make no parts of the same name, and none that share a claim', () => {
  const [first, second] = [0, 1].map((nth) => partId(WHOLE, visitName(AT, nth), '0')) as [string, string];
  expect(ancestorsOf(first)[0]!.id).toBe(ancestorsOf(second)[0]!.id);
  expect(ancestorsOf(first)[0]!.split).not.toBe(ancestorsOf(second)[0]!.split);
  expect(wasMoved(second)).toBe(false);
  expect(visitName(AT, 35)).not.toBe(visitName(AT + 1, 0));
});
