import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createHeaderReader } from '../../../core/smtp-server/header-section.ts';

function read(text: string, places: readonly number[] = [], limit = 10_000) {
  const reader = createHeaderReader(limit);
  const sorted = [0, ...places.map((place) => place % (text.length + 1)).sort((a, b) => a - b), text.length];
  for (let n = 1; n < sorted.length; n++) reader.push(Buffer.from(text.slice(sorted[n - 1], sorted[n])));
  return { octets: reader.octets().toString(), complete: reader.complete(), tooLong: reader.tooLong() };
}

it.each([
  ['A: b\r\nC: d\r\n\r\nbody\r\n\r\nmore', 'A: b\r\nC: d\r\n\r\n', true],
  ['\r\nbody', '\r\n', true],
  ['A: b\r\n', 'A: b\r\n', false],
  ['', '', false],
])('%j', (text, octets, complete) => expect(read(text)).toEqual({ octets, complete, tooLong: false }));

it('wherever the pieces are cut', () => {
  const unit = fc.constantFrom('a', '\r\n', '\r\n\r\n', ': ');
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 12 }), fc.array(fc.nat(), { maxLength: 6 }), (text, places) => {
      const end = `\r\n${text}`.indexOf('\r\n\r\n');
      expect(read(text, places)).toMatchObject({
        octets: end === -1 ? text : text.slice(0, end + 2),
        complete: end !== -1,
      });
    }),
    { numRuns: 3_000 },
  );
});

it('is too long by one octet, and keeps nothing', () => {
  expect(read('A: b\r\n\r\n', [], 8).tooLong).toBe(false);
  expect(read('A: b\r\n\r\n', [], 7)).toEqual({ octets: '', complete: false, tooLong: true });
});
