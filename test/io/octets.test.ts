import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { takeOctets } from '../../io/octets.ts';

const LONG = 20_000;

describe('octets', () => {
  it('puts pieces together', () => {
    const { octets, giveBack } = takeOctets([Buffer.from('one '), Buffer.alloc(0), Buffer.from('message\r\n')]);
    expect(octets.toString()).toBe('one message\r\n');
    giveBack();
    const empty = takeOctets([]);
    expect(empty.octets.length).toBe(0);
    empty.giveBack();
  });

  it('uses the memory of a short message again, though others of its time are still held, and never that of a long one', () => {
    const short = Array.from({ length: 4 }, () => takeOctets([Buffer.alloc(15_500, 'a')]));
    const [first, ...held] = short;
    const place = first!.octets.buffer;
    first!.giveBack();
    const again = takeOctets([Buffer.alloc(16_000, 'b')]);
    expect(again.octets.buffer).toBe(place);
    expect(held.every(({ octets }) => octets.every((byte) => byte === 0x61))).toBe(true);
    for (const { giveBack } of [again, ...held]) giveBack();

    const long = takeOctets([Buffer.alloc(LONG, 'c')]);
    long.giveBack();
    for (let n = 0; n < 8; n++) takeOctets([Buffer.alloc(16_000, 'd')]).giveBack();
    expect(long.octets.every((byte) => byte === 0x63)).toBe(true);
  });

  // Attack: one reader's message that turns into another's while it is being sent.
  it('leaves what is taken alone, whatever is taken and given back meanwhile', () => {
    const step = fc.record({ size: fc.integer({ min: 0, max: LONG }), keep: fc.integer({ min: 0, max: 40 }) });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 300 }), (steps) => {
        const held: { octets: Buffer; mark: number; giveBack: () => void }[] = [];
        steps.forEach(({ size, keep }, n) => {
          const mark = n % 251;
          held.push({ mark, ...takeOctets([Buffer.alloc(size, mark)]) });
          while (held.length > keep) held.splice((n * 7) % held.length, 1)[0]!.giveBack();
          for (const one of held) if (!one.octets.every((byte) => byte === one.mark)) throw new Error('overwritten');
        });
        for (const { giveBack } of held) giveBack();
      }),
      { numRuns: 60 },
    );
  });
});
