import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createOctetReader, type OctetFault } from '../../../core/smtp-server/octets.ts';

type Read = { text: string; fault: OctetFault | undefined; rest: string | undefined };

function readIn(pieces: readonly Buffer[], { stuffed = true, line = 1_000 } = {}): Read {
  const reader = createOctetReader(stuffed, line);
  const emitted: Buffer[] = [];
  let rest: Buffer | undefined;
  for (const piece of pieces) {
    if (rest === undefined) rest = reader.push(piece, (octets) => void emitted.push(Buffer.from(octets)));
    else rest = Buffer.concat([rest, piece]);
  }
  return {
    text: Buffer.concat(emitted).toString('latin1'),
    fault: reader.fault(),
    rest: rest?.toString('latin1'),
  };
}
const octets = (text: string) => Buffer.from(text, 'latin1');
const read = (text: string, options = {}) => readIn([octets(text)], options);
const cutAt = (text: Buffer, places: readonly number[]): Buffer[] => {
  const sorted = [0, ...places.map((place) => place % (text.length + 1)).sort((a, b) => a - b), text.length];
  return sorted.slice(1).map((end, n) => text.subarray(sorted[n], end));
};

describe('the octets after DATA', () => {
  it.each([
    ['an empty message', '.\r\nNOOP', { text: '', rest: 'NOOP' }],
    ['one line', 'a\r\n.\r\n', { text: 'a\r\n', rest: '' }],
    ['a stuffed dot', '..a\r\n...\r\n.\r\n', { text: '.a\r\n..\r\n', rest: '' }],
    [
      'a dot that is not stuffed is taken off all the same (RFC 5321 4.5.2)',
      '.a\r\n.\r\n',
      { text: 'a\r\n', rest: '' },
    ],
    ['no end', 'a\r\n.', { text: 'a\r\n', rest: undefined }],
    ['a line end before the end', '\r\n.\r\nx', { text: '\r\n', rest: 'x' }],
  ])('%s', (_, text, expected) => expect(read(text)).toMatchObject({ ...expected, fault: undefined }));

  it.each([
    ['a bare LF', 'a\nb\r\n.\r\n', 'bare-line-end'],
    ['a bare CR', 'a\rb\r\n.\r\n', 'bare-line-end'],
    ['two CR', 'a\r\r\n.\r\n', 'bare-line-end'],
    ['LF.LF', 'a\n.\nb\r\n.\r\n', 'bare-line-end'],
    ['CR.CR', 'a\r.\rb\r\n.\r\n', 'bare-line-end'],
    ['CRLF.CR', 'a\r\n.\rb\r\n.\r\n', 'bare-line-end'],
    ['NUL', 'a\0b\r\n.\r\n', 'nul'],
    ['a long line', `${'x'.repeat(1_001)}\r\n.\r\n`, 'line-too-long'],
  ])('%s is a fault, and the true end is found', (_, text, fault) =>
    expect(read(`${text}NOOP`)).toMatchObject({ fault, rest: 'NOOP' }),
  );

  it('a line of just the limit', () => expect(read(`${'x'.repeat(1_000)}\r\n.\r\n`).fault).toBeUndefined());

  it('what is stuffed comes back as it was, wherever the packets were cut', () => {
    const line = fc.string({ unit: fc.constantFrom('.', 'a', ' ', 'ä', '..', 'xyz'), maxLength: 12 });
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), fc.array(fc.nat(), { maxLength: 8 }), (lines, places) => {
        const text = lines.map((one) => `${one}\r\n`).join('');
        const stuffed = octets(`${text.replace(/^\./gm, '..')}.\r\nrest`);
        expect(readIn(cutAt(stuffed, places))).toEqual({ text, fault: undefined, rest: 'rest' });
      }),
      { numRuns: 3_000 },
    );
  });

  it('any octets: the same whether they come at once or one by one, and clean octets only', () => {
    const soup = fc.string({ unit: fc.constantFrom('\r', '\n', '.', '\r\n', 'a', '\0', '\r\n.\r\n'), maxLength: 30 });
    fc.assert(
      fc.property(soup, (text) => {
        const whole = read(text);
        const single = readIn(octets(text).length === 0 ? [] : [...octets(text)].map((one) => Buffer.from([one])));
        // Of several faults, which is seen first depends on the packets.
        expect([single.fault === undefined, single.rest]).toEqual([whole.fault === undefined, whole.rest]);
        if (whole.fault === undefined) {
          expect(single.text).toBe(whole.text);
          if (whole.rest !== undefined) expect(whole.text).not.toMatch(/\0|\r(?!\n)|(?<!\r)\n/);
        }
        // The end is where the octets say it is, whatever stands before it.
        const end = `\r\n${text}`.indexOf('\r\n.\r\n');
        expect(whole.rest).toBe(end === -1 ? undefined : text.slice(end + 3));
      }),
      { numRuns: 5_000 },
    );
  });

  it('knows octets above 127', () => {
    const reader = createOctetReader(true, 1_000);
    reader.push(octets('abc\r\n'), () => {});
    expect(reader.eightBit()).toBe(false);
    reader.push(octets('\xe4\r\n'), () => {});
    expect(reader.eightBit()).toBe(true);
  });

  it('ten megabytes without a single CR take no longer than with them', () => {
    const time = (line: string) => {
      const chunk = Buffer.from(line.repeat(65_536 / line.length));
      const reader = createOctetReader(true, 1_000);
      const begun = performance.now();
      for (let n = 0; n < 160; n++) reader.push(chunk, () => {});
      return performance.now() - begun;
    };
    time('abc\r\nabc');
    expect(time('\n')).toBeLessThan(3_000);
    expect(time('\r')).toBeLessThan(3_000);
  });
});

describe('the octets of BDAT', () => {
  it('dots mean nothing', () => expect(read('.\r\n..\r\n', { stuffed: false }).text).toBe('.\r\n..\r\n'));
  it('a CR at the very end is bare', () => expect(read('a\r', { stuffed: false }).fault).toBe('bare-line-end'));
  it('a line end cut in two is one', () =>
    expect(readIn([octets('a\r'), octets('\nb')], { stuffed: false }).fault).toBeUndefined());
});
