import fc from 'fast-check';
import { type ParsedMail, simpleParser } from 'mailparser';
import { describe, expect, it } from 'vitest';
import { addFooter } from '../../../core/mail-send/footer.ts';
import { encodeQuotedPrintable } from '../../../core/quoted-printable.ts';
import { assertWire, type Composed, compose, composed, lines } from './raw-mail.ts';

const HEAD = ['From: news@sender.example', 'Subject: hello', 'MIME-Version: 1.0'];
const edit = (text: string) => text.replaceAll('-name-', 'Zoë 😀');
const read = (made: Composed): Promise<ParsedMail> => {
  assertWire(made);
  return simpleParser(made.message);
};
/** A message of one part. */
const single = (headers: string[], body: Buffer | string) =>
  Buffer.concat([lines(...HEAD, ...headers, ''), Buffer.from(body)]);
/** Parts under a multipart, each its header lines, an empty line, its body. */
const multi = (type: string, boundary: string, ...parts: (string | Buffer)[]) =>
  Buffer.concat([
    Buffer.from(`Content-Type: ${type}; boundary="${boundary}"\r\n\r\npreamble\r\n`),
    ...parts.flatMap((part) => [Buffer.from(`--${boundary}\r\n`), Buffer.from(part), Buffer.from('\r\n')]),
    Buffer.from(`--${boundary}--\r\n`),
  ]);
const whole = (body: Buffer) => Buffer.concat([lines(...HEAD), body]);

describe('tags in the texts of a message', () => {
  const latin1 = Buffer.from('Grüße -name-, hällo\r\n', 'latin1');
  it.each<[string, string[], Buffer | string]>([
    ['plain', [], 'Grusse -name-, hallo\r\n'],
    [
      'UTF-8 in eight bits',
      ['Content-Type: text/plain; charset=UTF-8', 'Content-Transfer-Encoding: 8bit'],
      'Grüße -name-, hällo\r\n',
    ],
    ['no charset', ['Content-Transfer-Encoding: 8bit'], 'Grüße -name-, hällo\r\n'],
    ['ISO-8859-1', ['Content-Type: text/plain; charset=iso-8859-1'], latin1],
    [
      'ISO-8859-1, quoted-printable, its tag cut by a soft break',
      ['Content-Type: text/plain; charset="iso-8859-1"; format=flowed', 'Content-Transfer-Encoding: Quoted-Printable'],
      'Gr=FC=DFe -na=\r\nme-, h=E4llo\r\n',
    ],
    [
      'base64',
      ['Content-Type: text/plain; charset=utf-8', 'content-transfer-encoding: BASE64'],
      `${Buffer.from('Grüße -name-, hällo\r\n').toString('base64')}\r\n`,
    ],
    [
      'UTF-16',
      ['Content-Type: text/plain; charset=utf-16le', 'Content-Transfer-Encoding: base64'],
      `${Buffer.from('Grüße -name-, hällo\r\n', 'utf16le').toString('base64')}\r\n`,
    ],
  ])('are replaced through transfer encoding and charset: %s', async (name, headers, body) => {
    const mail = await read(composed(single(headers, body), {}, { edit }));
    const expected = name === 'plain' ? 'Grusse Zoë 😀, hallo' : 'Grüße Zoë 😀, hällo';
    expect(mail.text?.trimEnd()).toBe(expected);
    if (headers.some((line) => line.includes('flowed')))
      expect(mail.headers.get('content-type')).toMatchObject({ params: { format: 'flowed', charset: 'utf-8' } });
  });

  it('are replaced in the parts that have them: every other octet is as it came', async () => {
    // Prepare
    const untouched = ['Content-Type: text/html; charset=koi8-r\r\n\r\n', Buffer.from('<p>\xf0\xf2\xe9</p>', 'latin1')];
    const attachment = 'Content-Type: text/plain\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\n-name-';
    const image = 'Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nLW5hbWUt';
    const inner = multi(
      'multipart/alternative',
      'in',
      'Content-Type: text/plain\r\n\r\nDear -name-',
      Buffer.concat(untouched.map((one) => Buffer.from(one))),
    );
    const message = whole(multi('multipart/mixed', 'in-out', inner, attachment, image));
    // Act
    const made = composed(message, {}, { edit });
    // Assess
    const mail = await read(made);
    expect(mail.text).toContain('Dear Zoë 😀');
    expect(mail.attachments.map(({ content }) => content.toString())).toEqual(['-name-', '-name-']);
    const [before, after] = [message, made.message].map((octets) => octets.toString('latin1'));
    const from = (text = '') => text.slice(text.indexOf('\r\n--in\r\nContent-Type: text/html'));
    expect(from(after)).toBe(from(before));
    expect(after).toContain('preamble\r\n--in-out\r\n');
  });

  it('say so where the message would be too long', () => {
    const problem = '5.3.4 the message is too long once its substitutions are made';
    expect(compose(single([], 'hello\r\n'), {}, { edit: () => ({ problem }) })).toEqual({ dropped: problem });
  });

  it('stay where the charset is one that nobody knows', () => {
    const message = single(['Content-Type: text/plain; charset=x-none'], '-name-\r\n');
    expect(composed(message, {}, { edit }).body.toString()).toBe('-name-\r\n');
  });
});

describe('the footer', () => {
  const footer = { text: 'Imprint ü', html: '<hr>Imprint' };
  const withFooter = (text: string, type: string, isBody: boolean) =>
    isBody ? addFooter([{ type, value: text }], footer)[0]!.value : text;
  it('is under the first text of each type, and nowhere else', async () => {
    const part = (type: string, text: string) => `Content-Type: ${type}\r\n\r\n${text}`;
    const alternative = multi(
      'multipart/alternative',
      'b',
      part('text/plain', 'one'),
      part('text/html', '<body>two</body>'),
    );
    const forwarded = 'Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nforwarded';
    const message = whole(multi('multipart/mixed', 'a', alternative, part('text/plain', 'three'), forwarded));
    const text = composed(message, {}, { edit: withFooter }).message.toString();
    const mail = await simpleParser(text);
    expect(mail.html).toContain('<body>two<hr>Imprint</body>');
    expect(mail.text).toContain('one\nImprint ü');
    expect(text.match(/Imprint/g)).toHaveLength(2);
    expect(text).toContain('\r\n\r\nthree\r\n--a');
    expect(text).toContain('\r\n\r\nforwarded\r\n--a');
  });
});

describe('parts that are signed or encrypted', () => {
  const SIGNED = [
    multi(
      'multipart/signed; protocol="application/pgp-signature"',
      's',
      'Content-Type: text/plain\r\n\r\nDear -name-, hällo',
      'Content-Type: application/pgp-signature\r\n\r\n-----BEGIN PGP SIGNATURE-----',
    ),
    multi(
      'multipart/encrypted; protocol="application/pgp-encrypted"',
      's',
      'Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1',
      'Content-Type: application/octet-stream\r\n\r\n-name- ä',
    ),
    Buffer.from('Content-Type: application/pkcs7-mime; smime-type=signed-data\r\n\r\n-name- ä\r\n'),
    Buffer.from('Content-Type: text/plain; charset=utf-8\r\n\r\n-----BEGIN PGP SIGNED MESSAGE-----\r\n-name-\r\n'),
  ];
  it.each(SIGNED.map((part, n) => [n, part] as const))(
    'are kept octet for octet, at the top and within: %i',
    (_, part) => {
      for (const message of [
        whole(part),
        whole(multi('multipart/mixed', 'out', 'Content-Type: text/plain\r\n\r\n-name- ä', part)),
      ])
        for (const sevenBit of [false, true]) {
          const made = compose(message, {}, { sevenBit, edit });
          if ('dropped' in made) throw new Error(made.dropped);
          const own = part.subarray(part.indexOf('\r\n\r\n'));
          if (!part.includes('PGP SIGNED')) expect(made.eightBit).toBe(true);
          expect(made.message.includes(own)).toBe(true);
        }
    },
  );

  it('cannot go out where they break the rules of the wire: nobody may mend them', () => {
    const long = `Content-Type: text/plain\r\n\r\n${'x'.repeat(999)}`;
    const message = whole(multi('multipart/signed', 's', long, 'Content-Type: application/pgp-signature\r\n\r\nx'));
    expect(compose(message)).toEqual({ dropped: '5.6.2 a signed or encrypted part has lines of more than 998 octets' });
  });
});

describe('what the wire forces', () => {
  it('leaves eight bits where the host takes them, and says so', () => {
    const message = single(['Content-Type: text/plain; charset=utf-8', 'Content-Transfer-Encoding: 8bit'], 'hällo\r\n');
    const made = composed(message);
    expect(made.eightBit).toBe(true);
    expect(made.message.toString()).toContain('Content-Transfer-Encoding: 8bit\r\n');
  });

  it('makes seven bits of every part else, headers and messages within, and reads the same', async () => {
    // Prepare
    const text = 'Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nhällo, wörld';
    const dense = `Content-Type: text/plain; charset=utf-8\r\n\r\n${'中文'.repeat(40)}`;
    const file = Buffer.concat([
      Buffer.from(
        'Content-Type: application/octet-stream; name="Übersicht.bin"\r\nContent-Disposition: attachment; filename="Übersicht.bin"\r\nContent-Transfer-Encoding: binary\r\n\r\n',
      ),
      Buffer.from(Array.from({ length: 200 }, (_, n) => 0x80 + (n % 0x80))),
    ]);
    const forwarded =
      'Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\nSubject: wörld\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nweitergeleitet: ä';
    const message = Buffer.concat([
      lines(...HEAD, 'Content-Transfer-Encoding: 8bit'),
      multi('multipart/mixed', 'b', text, dense, file, forwarded),
      Buffer.from('epilogue ä\r\n'),
    ]);
    // Act
    const made = composed(message, {}, { sevenBit: true });
    // Assess
    expect(made.eightBit).toBe(false);
    expect(made.message.toString('latin1')).toMatch(/^[\x00-\x7f]*$/);
    expect(made.header).toContain('Content-Transfer-Encoding: 7bit\r\n');
    const [before, after] = await Promise.all([simpleParser(message), read(made)]);
    expect(after.text).toBe(before.text);
    expect(after.attachments[0]?.content).toEqual(before.attachments[0]?.content);
    expect(after.attachments[0]?.filename).toBe('Übersicht.bin');
    const inner = await simpleParser(after.attachments.at(-1)!.content);
    expect([inner.subject, inner.text]).toEqual(['wörld', 'weitergeleitet: ä']);
  });

  it('encodes lines that are too long, and only the parts that have them', async () => {
    const long = 'word '.repeat(400);
    const html = `Content-Type: text/html\r\n\r\n<p>${long}</p>`;
    const base64 = `Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n${Buffer.alloc(2_000, 7).toString('base64')}`;
    const message = whole(multi('multipart/mixed', 'b', 'Content-Type: text/plain\r\n\r\nshort = kept', html, base64));
    const made = composed(message);
    expect(made.message.toString()).toContain('\r\n\r\nshort = kept\r\n--b');
    const mail = await read(made);
    expect(mail.html).toContain(`<p>${long}</p>`);
    expect(mail.attachments[0]?.content).toEqual(Buffer.alloc(2_000, 7));
  });

  it('keeps a line of 998 octets, and does not keep one of 999', () => {
    expect(composed(single([], `${'x'.repeat(998)}\r\n`)).body.toString()).toBe(`${'x'.repeat(998)}\r\n`);
    expect(composed(single([], `${'x'.repeat(999)}\r\n`)).message.toString()).toContain('Encoding: quoted-printable');
  });

  it('gives up where parts cannot be told apart', () => {
    const message = single(['Content-Type: multipart/mixed'], 'ä\r\n');
    expect(compose(message, {}, { sevenBit: true })).toMatchObject({ dropped: expect.stringMatching(/^5\.6\.3 /) });
  });

  // Attack: parts within parts, thousands deep or thousands of them, so that reading them never ends or overflows the stack.
  it('is done in time with a hundred thousand parts, side by side or within one another', () => {
    const deep = Array.from(
      { length: 3_000 },
      (_, n) => `Content-Type: multipart/mixed; boundary=b${n}\r\n\r\n--b${n}\r\n`,
    ).join('');
    const flat = `Content-Type: multipart/mixed; boundary=b\r\n\r\n${'--b\r\n\r\nä\r\n'.repeat(100_000)}--b--\r\n`;
    const dashes = `Content-Type: multipart/mixed; boundary="-"\r\n\r\n${'-'.repeat(1_000_000)}\r\n`;
    const began = performance.now();
    for (const text of [deep, flat, dashes]) {
      const made = compose(whole(Buffer.from(text)), {}, { sevenBit: true, edit });
      if (!('dropped' in made)) assertWire(made);
    }
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  it('reads any text the same, in seven bits and in eight, whatever its encoding', async () => {
    const unit = fc.constantFrom('a', 'é', '\r\n', '.', ' ', '中', 'x'.repeat(300), '=', '\t', '-name-', 'From ');
    const encodings = {
      '8bit': (text: Buffer) => text,
      'quoted-printable': (text: Buffer) => encodeQuotedPrintable(text),
      base64: (text: Buffer) => Buffer.from(text.toString('base64').replace(/.{1,76}/g, '$&\r\n')),
    };
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit, minLength: 1, maxLength: 40 }),
        fc.constantFrom(...(Object.keys(encodings) as (keyof typeof encodings)[])),
        fc.boolean(),
        async (text, encoding, sevenBit) => {
          const type = 'Content-Type: text/plain; charset=utf-8';
          const message = single(
            [type, `Content-Transfer-Encoding: ${encoding}`],
            encodings[encoding](Buffer.from(text)),
          );
          const made = composed(message, {}, { sevenBit, edit });
          if (sevenBit) expect(made.message.toString('latin1')).toMatch(/^[\x00-\x7f]*$/);
          const mail = await read(made);
          expect((mail.text ?? '').trimEnd()).toBe(edit(text).replaceAll('\r\n', '\n').trimEnd());
        },
      ),
      { numRuns: 300 },
    );
  });
});
