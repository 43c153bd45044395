import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toEnvelopeAddress } from '../../core/domain.ts';
import { FINAL_DOT, normaliseLines, stuffDots } from '../../core/wire.ts';
import type { Session } from '../../io/smtp.ts';
import { assertOneEnd, ENDS_OF_DATA } from '../ends-of-data.ts';
import { type ScriptedServer, startScript } from '../smtp-script.ts';
import { greet } from './smtp-open.ts';

const EHLO = '250-x\r\n250-PIPELINING\r\n250-SMTPUTF8\r\n250 8BITMIME\r\n';
let server: ScriptedServer;
let session: Session;
beforeAll(async () => {
  server = await startScript({}, { ehlo: EHLO });
  session = await greet({ port: server.port });
});
afterAll(async () => {
  await session.quit();
  await server.close();
});

const envelope = { from: 'a@sender.example', to: 'b@x.example' };
const HEADER = Buffer.from('Subject: a\r\n\r\n');
const toWire = (body: Buffer) => Buffer.concat([HEADER, stuffDots(normaliseLines(body)), FINAL_DOT]);

describe('on the wire', () => {
  // Attack: a body holds an end of data that our server passes on and the next one believes, with a second mail behind it,
  // which then seems to come from us (SMTP smuggling, CVE-2023-51764, -51765, -51766); cut where packets begin.
  it(`holds one end of data for ${ENDS_OF_DATA.length} ends in disguise, wherever the octets are cut`, async () => {
    server.commands.length = 0;
    for (const variant of ENDS_OF_DATA) {
      // Prepare
      const smuggled = `${variant}MAIL FROM:<evil@x.example>\r\n`;
      const wire = toWire(Buffer.from(`first${smuggled}`));
      for (let cut = HEADER.length; cut < wire.length; cut++) {
        // Act
        const sent = await session.send({ ...envelope, octets: [wire.subarray(0, cut), wire.subarray(cut)] });
        // Assess
        if (!sent.ok) throw new Error(`${JSON.stringify(variant)} at ${cut}: ${JSON.stringify(sent)}`);
        if (!server.wire().equals(wire)) throw new Error(`${JSON.stringify(variant)} at ${cut}: other octets`);
      }
      assertOneEnd(wire);
    }
    expect(new Set(server.commands.map((line) => line.split(' ')[0]))).toEqual(new Set(['MAIL', 'RCPT', 'DATA']));
  });

  it('gives 5,000 bodies of any octets back', async () => {
    const line = fc.oneof(
      fc.uint8Array({ maxLength: 60 }).map((octets) => Buffer.from(octets)),
      fc
        .constantFrom('.', '..', '. ', '\r', '\n', '\r\n', '\0', '.\r\n.', 'x'.repeat(998), `.${'y'.repeat(999)}`)
        .map((text) => Buffer.from(text)),
    );
    const body = fc.array(fc.tuple(line, fc.constantFrom('\r\n', '\n', '\r', '')), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(body, async (lines) => {
        const raw = Buffer.concat(lines.flatMap(([text, end]) => [text, Buffer.from(end)]));
        const sent = await session.send({ ...envelope, octets: [toWire(raw)] });
        expect(sent).toMatchObject({ ok: true });
        const got = server.messages.at(-1)!.data.subarray(HEADER.length);
        expect(got.equals(normaliseLines(raw))).toBe(true);
        server.messages.length = 0;
      }),
      { numRuns: 5_000 },
    );
  });
});

describe('the envelope', () => {
  const BITS = [
    '\r\n',
    '\n',
    '\r',
    '\0',
    '>',
    '<',
    '> ',
    '@',
    '"',
    '\\',
    '\\"',
    ' ',
    '\t',
    ',',
    ';',
    ':',
    '.',
    '..',
    'a',
    'é',
    '用户',
    '\u2028',
    '\u0085',
    '\u00a0',
    '\uff1e',
    '\ud800',
    'RCPT TO:<evil@x.example>',
    'DATA',
    'NOTIFY=NEVER',
    'SIZE=1',
    'x.example',
    'bücher.example',
    '[127.0.0.1]',
    '%0d%0a',
    '\r\nRSET\r\n',
    '+',
    '=?utf-8?q?a?=',
  ];
  const hostile = fc.oneof(
    fc.array(fc.constantFrom(...BITS), { maxLength: 6 }).map((bits) => bits.join('')),
    fc
      .tuple(fc.array(fc.constantFrom(...BITS), { maxLength: 3 }), fc.array(fc.constantFrom(...BITS), { maxLength: 3 }))
      .map(([local, domain]) => `${local.join('')}@${domain.join('')}x.example`),
    fc.array(fc.constantFrom(...BITS), { maxLength: 3 }).map((bits) => `"${bits.join('')}"@x.example`),
    fc.string({ unit: 'binary', maxLength: 20 }).map((text) => `${text}@x.example`),
  );

  // Attack: an address that ends its command and begins another: recipients that nobody accepted, parameters that nobody
  // asked for, a second message.
  it('of 2,000 hostile senders and recipients makes MAIL, RCPT and DATA, or nothing', async () => {
    let written = 0;
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(
        hostile,
        fc.oneof(fc.constant('b@x.example'), hostile),
        fc.boolean(),
        async (one, other, swap) => {
          // Prepare
          const [from, to] = swap ? [one, other] : [other, one];
          server.commands.length = 0;
          server.messages.length = 0;
          // Act
          const sent = await session.send({ from, to, octets: [toWire(Buffer.from('x'))] });
          // Assess
          if (!sent.ok) {
            refused++;
            expect(sent).toMatchObject({ stage: 'rcpt', reply: { code: 501, enhanced: '5.1.3' } });
            expect(server.commands).toEqual([]);
            return;
          }
          written++;
          const [mail = '', rcpt = '', ...rest] = server.commands;
          const sender = from === '' ? '' : toEnvelopeAddress(from);
          const text = (address: string) => Buffer.from(address).toString();
          expect(mail).toMatch(/^MAIL FROM:<.*>( SMTPUTF8)?$/u);
          expect(mail.replace(/ SMTPUTF8$/, '')).toBe(`MAIL FROM:<${text(sender)}>`);
          expect(rcpt).toBe(`RCPT TO:<${text(toEnvelopeAddress(to))}>`);
          expect(rest).toEqual(['DATA']);
          expect(server.messages).toHaveLength(1);
        },
      ),
      { numRuns: 2_000 },
    );
    expect(Math.min(written, refused)).toBeGreaterThan(100);
  });
});
