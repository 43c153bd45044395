/**
 * The attack (SMTP smuggling, CVE-2023-51764 and kin): a message whose text holds an end-of-data that some server takes
 * for one, followed by commands for a second message. Here it must stay one message, or be refused, however it is cut.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createDataReader, LINE_BYTES } from '../../../local/sink/data.ts';

const END = '\r\n.\r\n';

/** What the reader makes of bytes, given in the pieces that the cuts make. */
function read(bytes: Buffer, cuts: number[] = [], limit?: number) {
  const reader = createDataReader(limit);
  const points = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  let rest: Buffer | undefined;
  for (let i = 1; i < points.length; i++) {
    const piece = bytes.subarray(points[i - 1], points[i]);
    rest = rest === undefined ? reader.push(piece) : Buffer.concat([rest, piece]);
  }
  return { rest, ended: rest !== undefined, finish: reader.finish };
}

function stuff(message: string): string {
  return message.replace(/^\./gm, '..');
}

describe('end of data', () => {
  const lineEnds = ['\r\n', '\n', '\r', '\r\r\n', '\n\r', '\r\n\r', '\0\r\n', '\r\0\n', '\r\n\0', '\v\r\n', '\u0085'];
  const variants = lineEnds.flatMap((before) => lineEnds.map((after) => `${before}.${after}`));

  test.each(variants.map((variant) => [JSON.stringify(variant), variant] as const))(
    'smuggling by %s makes no second message',
    (_, variant) => {
      // Prepare
      const smuggled = 'MAIL FROM:<evil@x.test>\r\nRCPT TO:<you@x.test>\r\nDATA\r\nSubject: 2\r\n\r\nsmuggled';
      const bytes = Buffer.from(`Subject: 1\r\n\r\nfirst${variant}${smuggled}${END}`, 'latin1');

      // Act
      const { rest, ended, finish } = read(bytes);
      const result = finish();

      // Assess
      expect(ended).toBe(true);
      // Only a true CRLF.CRLF may end a message early: what then follows was sent as commands.
      if (variant.includes('\r\n.\r\n')) expect(rest!.toString('latin1')).toContain('MAIL FROM');
      else {
        expect(rest!.length).toBe(0);
        if (/\r(?!\n)|(?<!\r)\n/.test(variant)) expect(result).toHaveProperty('fault');
        else expect((result as { raw: Buffer }).raw.toString('latin1')).toContain(smuggled);
      }
    },
  );

  test('any message comes out as it went in, however it is cut', () => {
    const line = fc.string({ unit: fc.constantFrom('.', 'a', ' ', 'é', '\0', '..'), maxLength: 8 });
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), fc.array(fc.nat(), { maxLength: 6 }), (lines, cuts) => {
        // Prepare
        const message = lines.map((one) => `${one}\r\n`).join('');
        const bytes = Buffer.from(`${stuff(message)}.\r\nNOOP\r\n`);

        // Act
        const { rest, finish } = read(bytes, cuts);

        // Assess
        expect(rest!.toString()).toBe('NOOP\r\n');
        expect((finish() as { raw: Buffer }).raw.toString()).toBe(message);
      }),
      { numRuns: 2000 },
    );
  });

  test('any bytes with a bare CR or LF are refused, and none ends them but CRLF.CRLF', () => {
    const unit = fc.constantFrom('\r', '\n', '.', '\r\n', 'a', '\r\n.');
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 20 }), fc.array(fc.nat(), { maxLength: 4 }), (body, cuts) => {
        // Prepare
        const bytes = `x${body}y${END}`;
        const first = bytes.indexOf(END);

        // Act
        const { rest, finish } = read(Buffer.from(bytes), cuts);

        // Assess
        expect(rest!.toString()).toBe(bytes.slice(first + END.length));
        const bare = /\r(?!\n)|(?<!\r)\n/.test(bytes.slice(0, first + 2));
        expect('fault' in finish()).toBe(bare);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('limits', () => {
  test.each([
    ['a line of 998 octets', 'a'.repeat(LINE_BYTES - 2), undefined],
    ['a line of 999 octets', 'a'.repeat(LINE_BYTES - 1), 'line-too-long'],
    ['a line of 998 octets that begins with a dot', `.${'a'.repeat(LINE_BYTES - 3)}`, undefined],
  ])('%s', (_, line, fault) => {
    const { finish } = read(Buffer.from(`${stuff(line)}${END}`));
    expect((finish() as { fault?: string }).fault).toBe(fault);
  });

  test('a message of the limit is taken, one byte more is read to its end and refused', () => {
    // Prepare
    const message = `${'a'.repeat(98)}\r\n`.repeat(10);
    const cuts = [100, 500, 999, 1001];

    // Act
    const whole = read(Buffer.from(`${message}.\r\nNOOP`), cuts, 1000);
    const over = read(Buffer.from(`${message}.\r\nNOOP`), cuts, 999);

    // Assess
    expect(whole.finish()).toEqual({ raw: Buffer.from(message) });
    expect(over.finish()).toEqual({ fault: 'too-big' });
    expect(over.rest!.toString()).toBe('NOOP');
  });
});
