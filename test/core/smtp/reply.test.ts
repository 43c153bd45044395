import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { REPLY_KEPT } from '../../../core/smtp/limits.ts';
import { createReplyReader, makeReply, type Reply } from '../../../core/smtp/reply.ts';

const read = (text: string) => createReplyReader().read(Buffer.from(text));

describe('reply', () => {
  it('reads one line, several lines, and several replies', () => {
    expect(read('250 OK\r\n')).toEqual([{ code: 250, lines: ['OK'], text: '250 OK' }]);
    expect(read('250-mx.example\r\n250-SIZE 100\r\n250 STARTTLS\r\n')).toMatchObject([
      { code: 250, lines: ['mx.example', 'SIZE 100', 'STARTTLS'], text: '250 mx.example SIZE 100 STARTTLS' },
    ]);
    expect(read('250 a\r\n550 b\n354\r\n')).toMatchObject([{ code: 250 }, { code: 550 }, { code: 354, text: '354' }]);
  });

  it('knows an enhanced status of its own class only', () => {
    expect(read('550-5.1.1 no such\r\n550 5.1.1 user\r\n')).toMatchObject([{ enhanced: '5.1.1' }]);
    expect(makeReply(550, ['4.7.1 odd']).enhanced).toBeUndefined();
    expect(makeReply(550, ['5.1.10']).enhanced).toBe('5.1.10');
    expect(makeReply(250, ['2.0.0x']).enhanced).toBeUndefined();
  });

  it('says a status once that every line begins with', () => {
    expect(read('550-5.1.1 no such user,\r\n550-5.1.1 see\r\n550-5.7.1 this\r\n550 5.1.1\r\n')).toMatchObject([
      { enhanced: '5.1.1', text: '550 5.1.1 no such user, see 5.7.1 this' },
    ]);
    expect(makeReply(550, ['no such user', '5.1.1 a', '5.1.1 b']).text).toBe('550 no such user 5.1.1 a 5.1.1 b');
  });

  it('does not care how the octets are cut', () => {
    const line = fc.tuple(
      fc.constantFrom(220, 250, 354, 421, 550),
      fc.string({ unit: fc.constantFrom('a', ' ', '5.1.1', 'é', '-'), maxLength: 10 }),
    );
    fc.assert(
      fc.property(
        fc.array(line, { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 20 }),
        (lines, cuts) => {
          const octets = Buffer.from(lines.map(([code, text], n) => `${code}${n % 2 ? ' ' : '-'}${text}\r\n`).join(''));
          const whole = createReplyReader().read(octets);
          const reader = createReplyReader();
          const pieces: Reply[] = [];
          for (let at = 0, n = 0; at < octets.length; n++) {
            const end = at + cuts[n % cuts.length]!;
            const got = reader.read(octets.subarray(at, end));
            if (typeof got !== 'string') pieces.push(...got);
            at = end;
          }
          expect(pieces).toEqual(whole);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  // Attack: a server that answers with octets without end, or with something else than SMTP.
  it('gives up on what is no reply or too long, and stays so', () => {
    for (const garbage of [
      'HTTP/1.1 400 Bad Request\r\n',
      '\r\n',
      '99 x\r\n',
      '600 x\r\n',
      '25O OK\r\n',
      `250 ${'x'.repeat(5_000)}\r\n`,
    ]) {
      const reader = createReplyReader();
      expect(reader.read(Buffer.from(garbage))).toBeTypeOf('string');
      expect(reader.read(Buffer.from('250 OK\r\n'))).toBeTypeOf('string');
    }
    expect(read('x'.repeat(100_000))).toBe('reply line too long');
    expect(read('250-line\r\n'.repeat(10_000))).toBe('reply too long');
  });

  it('gives the replies that came whole before what is none', () => {
    const reader = createReplyReader();
    expect(reader.read(Buffer.from('250 taken\r\nnonsense\r\n'))).toMatchObject([{ code: 250, text: '250 taken' }]);
    expect(reader.problem()).toBe('not an SMTP reply: nonsense');
    expect(reader.read(Buffer.from('250 OK\r\n'))).toBe(reader.problem());
    expect(createReplyReader().problem()).toBeUndefined();
  });

  it('survives any octets', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (octets) => void createReplyReader().read(Buffer.from(octets))),
    );
  });

  it('keeps a bounded, printable text', () => {
    const [reply] = read(`${`550-${'y'.repeat(900)}\r\n`.repeat(5)}550 a\u0007\u2028b\r\n`) as Reply[];
    expect(reply?.text).toHaveLength(REPLY_KEPT);
    expect(reply?.lines.at(-1)).toBe('a  b');
  });
});
