/** S1 of the reliability notes, for messages that came as MIME: one end of data on the wire, and a signature that holds. */
import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import { describe, expect, it } from 'vitest';
import { type DkimKey, hashBody, signDkim } from '../../../core/dkim.ts';
import { FINAL_DOT, stuffDots } from '../../../core/wire.ts';
import { assertOneEnd, ENDS_OF_DATA } from '../../ends-of-data.ts';
import { assertWire, compose } from './raw-mail.ts';

const pair = generateKeyPairSync('rsa', { modulusLength: 1024 });
const key: DkimKey = { domain: 'sender.example', selector: 's1', algorithm: 'rsa', key: pair.privateKey };
const record = `v=DKIM1; k=rsa; p=${pair.publicKey.export({ format: 'der', type: 'spki' }).toString('base64')}`;
const resolver = async () => [[record]];

const HEAD = 'From: news@sender.example\r\nSubject: a\r\n';
const EVIL = 'MAIL FROM:<evil@x.example>\r\n';
const PLACES: Record<string, (end: string) => string> = {
  'its body': (end) => `${HEAD}\r\nfirst${end}${EVIL}`,
  'its header': (end) => `${HEAD}X-A: first${end}${EVIL}\r\nlast`,
  'a part': (end) => `${HEAD}Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nfirst${end}${EVIL}--b--\r\n`,
  'a signed part': (end) =>
    `${HEAD}Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\nfirst${end}${EVIL}--b--\r\n`,
  'its beginning': (end) => `${end}${HEAD}\r\n${EVIL}`,
  'its end': (end) => `${HEAD}\r\nlast${end}`,
};

/** What goes over the connection between DATA and its reply, as deliver writes it. */
function toWire(
  octets: Buffer,
  rewrite: Parameters<typeof compose>[2] = {},
  keys = [key],
): { wire: Buffer; message: Buffer } {
  const made = compose(octets, {}, rewrite);
  if ('dropped' in made) throw new Error(made.dropped);
  assertWire(made);
  const signed = Buffer.concat([
    Buffer.from(signDkim(Buffer.from(made.header, 'latin1'), hashBody(made.body), keys).join('')),
    made.message,
  ]);
  const head = signed.subarray(0, signed.length - made.body.length);
  return { wire: Buffer.concat([stuffDots(head), stuffDots(made.body), FINAL_DOT]), message: signed };
}

async function assertSigned(message: Buffer): Promise<void> {
  const { results } = (await dkimVerify(message, { resolver } as never)) as unknown as {
    results: { status: { result: string } }[];
  };
  expect(results.map(({ status }) => status.result)).toEqual(['pass']);
}

describe('a message that came as MIME, on the wire', () => {
  // Attack: a submitted message holds an end of data that our server passes on and the next one believes, with a second mail
  // behind it, which then seems to come from us (SMTP smuggling, CVE-2023-51764, -51765, -51766).
  it.each(Object.keys(PLACES))(
    'holds one end of data for each end in disguise in %s, and its signature holds',
    async (place) => {
      for (const end of ENDS_OF_DATA) {
        const octets = Buffer.from(PLACES[place]!(end), 'latin1');
        const { wire, message } = toWire(octets);
        assertOneEnd(wire);
        await assertSigned(message);
      }
    },
  );

  it('holds one end of data where parts are encoded again, and tags and a footer are put in', async () => {
    for (const end of ENDS_OF_DATA) {
      const octets = Buffer.from(`${PLACES['a part']!(`-x-${end}`)}ä`, 'utf8');
      const { wire, message } = toWire(octets, {
        sevenBit: true,
        edit: (text) => `${text.replaceAll('-x-', end)}${end}`,
      });
      assertOneEnd(wire);
      await assertSigned(message);
    }
  });

  // deliver writes a message in pieces (head, body, final dot): an end of data may lie across their boundary.
  it('holds one end of data wherever in a message a variant is', () => {
    const message = 'From: news@sender.example\r\nX: a\r\n b\r\n\r\n.c\r\nd\r\n';
    for (const end of ENDS_OF_DATA)
      for (let at = 0; at <= message.length; at++)
        assertOneEnd(toWire(Buffer.from(message.slice(0, at) + end + message.slice(at), 'latin1'), {}, []).wire);
  });

  it('holds one end of data, and a signature, for any octets', async () => {
    const piece = fc.constantFrom(
      '\r',
      '\n',
      '.',
      '\0',
      'a',
      ' ',
      ':',
      '\r\n',
      'ä',
      '--b',
      '=',
      'X: ',
      '\t',
      'x'.repeat(1_100),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 40 }), fc.boolean(), async (pieces, sevenBit) => {
        const octets = Buffer.from(`From: news@sender.example\r\n${pieces.join('')}`);
        const { wire, message } = toWire(octets, { sevenBit });
        assertOneEnd(wire);
        await assertSigned(message);
      }),
      { numRuns: 400 },
    );
  });
});
