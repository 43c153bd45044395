import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeQuotedPrintable } from '../../core/quoted-printable.ts';
import { normaliseText } from '../../core/wire.ts';

/** RFC 2045 6.7, by the letter. */
function decode(text: string): Buffer {
  const joined = text.replace(/[ \t]+(?=\r\n|$)/g, '').replace(/=\r\n/g, '');
  return Buffer.from(
    joined.replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  );
}

describe('quoted-printable', () => {
  it('decodes to the same text, in lines of at most 76 octets that no server will change', () => {
    const piece = fc.constantFrom(
      'word ',
      'x',
      ' ',
      '\t',
      '\r\n',
      '=',
      '.',
      'From ',
      'é',
      '—',
      '😀',
      'a'.repeat(30),
      ' '.repeat(20),
      '\x07',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        const text = normaliseText(pieces.join(''));
        const encoded = encodeQuotedPrintable(Buffer.from(text)).toString('latin1');
        expect(decode(encoded).toString('utf8')).toBe(text);
        for (const line of encoded.split('\r\n')) {
          expect(line.length).toBeLessThanOrEqual(76);
          expect(line).toMatch(/^[\t\x20-\x7e]*$/);
          expect(line).not.toMatch(/[ \t]$/);
        }
      }),
      { numRuns: 3_000 },
    );
  });

  it('breaks lines behind a space where one is near', () => {
    const encoded = encodeQuotedPrintable(Buffer.from('word '.repeat(40).trim())).toString();
    for (const line of encoded.split('\r\n').slice(0, -1)) expect(line).toMatch(/ =$/);
  });

  it('never writes beyond its buffer', () => {
    for (const unit of ['é', '=', 'a b', '.\r\n', ' \r\n', `${'a'.repeat(51)} ${'b'.repeat(24)}`]) {
      const text = unit.repeat(2_000);
      expect(decode(encodeQuotedPrintable(Buffer.from(text)).toString('latin1')).toString()).toBe(text);
    }
  });
});
