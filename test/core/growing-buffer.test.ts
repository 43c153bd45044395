import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createGrowingBuffer } from '../../core/growing-buffer.ts';

it('is what all pieces are together', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 3_000 }), { maxLength: 8 }), (pieces) => {
      const buffer = createGrowingBuffer();
      for (const piece of pieces) buffer.append(Buffer.from(piece));
      expect(buffer.octets().equals(Buffer.concat(pieces))).toBe(true);
      expect(buffer.length()).toBe(buffer.octets().length);
    }),
  );
});

it('a million pieces of one octet: linear time, and the memory of their octets', () => {
  const buffer = createGrowingBuffer();
  const piece = Buffer.from('x');
  const begun = performance.now();
  for (let n = 0; n < 1_000_000; n++) buffer.append(piece);
  expect(performance.now() - begun).toBeLessThan(2_000);
  expect(buffer.octets().buffer.byteLength).toBeLessThan(2_100_000);
});
