import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FINAL_DOT, measureLines, normaliseLines, normaliseText, stuffDots } from '../../core/wire.ts';
import { assertOneEnd, LINE_ENDS, PUBLISHED } from '../ends-of-data.ts';

/** What goes over the connection between DATA and its reply. */
const toWire = (message: Buffer) => Buffer.concat([stuffDots(normaliseLines(message)), FINAL_DOT]);

describe('wire', () => {
  // Attack: a body holds an end of data that our server passes on and the next one believes, with a second mail behind it,
  // which then seems to come from us (SMTP smuggling, CVE-2023-51764, -51765, -51766).
  it.each(LINE_ENDS.flatMap((before) => LINE_ENDS.map((after) => [before, after])))(
    'holds one end of data for a dot between %j and %j',
    (before, after) => {
      // Prepare
      const message = Buffer.from(`Subject: a\r\n\r\nfirst${before}.${after}MAIL FROM:<evil@x.example>\r\n`);
      // Act
      const wire = toWire(message);
      // Assess
      assertOneEnd(wire);
    },
  );

  // The sequences that the published smuggling tools try, in the places where a customer's octets end up.
  const PLACES = {
    'a body': (end: string) => `Subject: a\r\n\r\nfirst${end}MAIL FROM:<evil@x.example>\r\n`,
    'a part of MIME': (end: string) => `Subject: a\r\n\r\n--b\r\n\r\nfirst${end}DATA\r\n--b--\r\n`,
    'the very beginning': (end: string) => `${end}MAIL FROM:<evil@x.example>\r\n`,
    'the very end': (end: string) => `Subject: a\r\n\r\nlast${end}`,
  };
  const published = Object.keys(PLACES).flatMap((place) => PUBLISHED.map((end) => [place, end] as const));
  it.each(published)('holds one end of data for what is published: %s, %j', (place, end) => {
    const wire = toWire(Buffer.from(PLACES[place as keyof typeof PLACES](end)));
    assertOneEnd(wire);
  });

  it('holds one end of data and only CRLF for any octets', () => {
    const octets = fc.array(fc.constantFrom('\r', '\n', '.', '\0', 'a', ' '), { maxLength: 40 });
    fc.assert(
      fc.property(octets, (characters) => {
        const wire = toWire(Buffer.from(characters.join('')));
        assertOneEnd(wire);
        expect(/\r(?!\n)|(?<!\r)\n|\0/.test(wire.toString('latin1'))).toBe(false);
      }),
      { numRuns: 3_000 },
    );
  });

  it('gives every body back after unstuffing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (octets) => {
        const normal = normaliseLines(Buffer.from(octets));
        const back = stuffDots(normal)
          .toString('latin1')
          .replace(/(^|\n)\./g, '$1');
        expect(back).toBe(normal.toString('latin1'));
        expect(normaliseLines(normal)).toBe(normal);
      }),
      { numRuns: 3_000 },
    );
  });

  it('counts each bare CR and each bare LF as one line end', () => {
    expect(normaliseLines(Buffer.from('a\rb\nc\r\nd\n\re')).toString()).toBe('a\r\nb\r\nc\r\nd\r\n\r\ne\r\n');
    expect(normaliseText('a\rb\nc\r\nd\0')).toBe('a\r\nb\r\nc\r\nd');
    expect(normaliseLines(Buffer.alloc(0))).toHaveLength(0);
  });

  it('measures lines', () => {
    const text = Buffer.from(`${'x'.repeat(998)}\r\nshort\r\n`);
    expect(measureLines(text)).toEqual({ longest: 998, eightBit: false, high: 0, controls: false });
    expect(measureLines(Buffer.from('ä\x07'))).toEqual({ longest: 3, eightBit: true, high: 2, controls: true });
    expect(measureLines(Buffer.from(`a\r\n${'y'.repeat(999)}`)).longest).toBe(999);
  });
});
