import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { relaxBody } from '../../core/dkim.ts';
import { encodeQuotedPrintable } from '../../core/quoted-printable.ts';
import { makeParser } from '../../core/replace.ts';
import { cutStencil } from '../../core/stencil.ts';
import { measureLines, normaliseText, PLAIN_LINE } from '../../core/wire.ts';

const KEYS = ['-name-', '-order-'];
const ROW = '<tr><td style="padding:4px 8px">A pair of socks, warm and grey</td><td align="right">12.90</td></tr>';

/** What encoding the filled text as a whole gives. */
function encodeWhole(text: string, values: readonly string[]) {
  const filled = makeParser(KEYS)(text).fill(values, 10_000_000)!;
  const octets = Buffer.from(normaliseText(filled));
  const { longest, eightBit, controls, high } = measureLines(octets);
  if (!eightBit && !controls && longest <= PLAIN_LINE) return { encoding: '7bit', body: octets };
  if (high * 3 > octets.length) return { encoding: 'base64', body: octets };
  return { encoding: 'quoted-printable', body: encodeQuotedPrintable(octets) };
}

const cut = (text: string) => cutStencil(makeParser(KEYS)(text));

const fragment = fc.oneof(
  fc.constantFrom(
    ...KEYS,
    ...KEYS,
    ' ',
    '  ',
    '\n',
    '\r\n',
    '\r',
    '\t',
    ' \n',
    '.',
    '\n.',
    'From ',
    '\nFrom ',
    '=',
    '\0',
  ),
  fc.constantFrom(
    'é',
    '日本語日本語',
    '😀',
    '\ud83d',
    '\ude00',
    'x'.repeat(75),
    'word '.repeat(30),
    ROW,
    ROW.repeat(9),
  ),
  fc.constantFrom('<p>One line of text.</p>\n'.repeat(8), '  <div>\n    <p>indented</p>\n  </div>\n'.repeat(5)),
  fc.lorem({ maxCount: 30 }),
);
const value = fc.oneof(
  fc.constantFrom(
    '',
    'Bob',
    'a b c d e f',
    'x'.repeat(80),
    '\n',
    'line\nline',
    '\r',
    '.',
    'From ',
    'é',
    '日本語',
    '\t',
    ' ',
  ),
  fc.constantFrom('-order-', '\0', '\x07', '=', '\ud83d', '\ude00'),
  fc.string({ unit: 'binary', maxLength: 30 }),
);

describe('stencil', () => {
  it('gives what encoding the whole text gives, for reader after reader', () => {
    let [filled, tight] = [0, 0];
    fc.assert(
      fc.property(
        fc.array(fragment, { maxLength: 14 }),
        fc.array(fc.tuple(value, value), { maxLength: 5 }),
        (texts, readers) => {
          const text = texts.join('');
          const stencil = cut(text);
          for (const values of [...readers, ...readers]) {
            const made = stencil?.(values);
            if (!made) continue;
            const { encoding, body } = encodeWhole(text, values);
            expect({ ...made, body: made.body.toString('latin1'), relaxed: undefined }).toEqual({
              encoding,
              body: body.toString('latin1'),
              relaxed: undefined,
            });
            // What follows a part in a message is a line end.
            const followed = Buffer.concat([body, Buffer.from('\r\n--x')]);
            if (made.relaxed) expect(relaxBody(followed).toString('latin1')).toBe(`${followed.toString('latin1')}\r\n`);
            filled++;
            if (made.relaxed) tight++;
          }
        },
      ),
      { numRuns: 3_000 },
    );
    expect(filled).toBeGreaterThan(2_000);
    expect(tight).toBeGreaterThan(500);
  });

  it('knows the relaxed form where a letter has it', () => {
    const stencil = cut(`<p>Dear -name-, your order -order- is here. </p>${ROW.repeat(40)}`)!;
    expect(stencil(['Ann', 'N-1'])).toMatchObject({ encoding: 'quoted-printable', relaxed: true });
    expect(stencil(['Ann  B', 'N-1'])).toMatchObject({ encoding: 'quoted-printable', relaxed: false });
    expect(stencil(['Ann', ' N-1'])).toMatchObject({ relaxed: false });
    expect(cut('Dear -name-,\n\nhello.\n')!(['Ann', ''])).toMatchObject({ encoding: '7bit', relaxed: true });
    expect(cut('Dear -name-\nhello.\n')!(['Ann ', ''])).toMatchObject({ encoding: '7bit', relaxed: false });
  });

  it('refuses what it cannot be sure of', () => {
    expect(cut('a\r-name-')).toBeUndefined();
    expect(cut('a\r\0-name-')).toBeUndefined();
    expect(cut('\ud83d-name-')).toBeUndefined();
    expect(cut('long '.repeat(60_000))).toBeUndefined();
    const stencil = cut('Dear -name-,\n')!;
    expect(stencil(['Ann', ''])?.body.toString()).toBe('Dear Ann,\r\n');
    expect(stencil(['a\r', ''])).toBeUndefined();
    expect(stencil(['\ude00', ''])).toBeUndefined();
    expect(stencil(['日本語', ''])).toBeUndefined();
  });

  // Attack: a text of one long line and names of every length, so that all its encodings together would fill the memory.
  it('still encodes when it keeps no more encodings', () => {
    const text = `-name- ${ROW.repeat(400)}`;
    const stencil = cut(text)!;
    for (let length = 0; length < 70; length++) {
      const values = ['n'.repeat(length), ''];
      expect(stencil(values)?.body.equals(encodeWhole(text, values).body)).toBe(true);
    }
  });
});
