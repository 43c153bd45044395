import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { simpleParser } from 'mailparser';
import { describe, expect, it } from 'vitest';
import { parseMail } from '../../../core/parse/mail.ts';
import { parameter, readParts } from '../../../core/parse/mime.ts';

const mail = (...lines: string[]) => Buffer.from(lines.join('\r\n'), 'latin1');
const HEAD = [
  'From: =?iso-8859-1?Q?J=F6rg?= <joerg@example.net>',
  'To: a@in.example,',
  '\tb@in.example',
  'Subject: =?utf-8?B?w5xi?= er',
];

const MIXED = mail(
  ...HEAD,
  'Cc: c@in.example',
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary="out er"',
  '',
  'Preamble: for nobody.',
  '--out er',
  'Content-Type: multipart/alternative; boundary=in',
  '',
  '--in',
  'Content-Type: text/plain; charset=iso-8859-1',
  'Content-Transfer-Encoding: quoted-printable',
  '',
  'Gr=FC=DFe=',
  '',
  '--in',
  'Content-Type: text/html; charset="utf-8"',
  '',
  '<p>Gr\xc3\xbc\xc3\x9fe</p>',
  '--in--',
  '',
  '--out er',
  'Content-Type: image/png; name=x.png',
  'Content-Disposition: inline; filename="a \\"b\\".png"',
  'Content-ID: <logo@x>',
  'Content-Transfer-Encoding: base64',
  '',
  'iVBORw==',
  '--out er',
  "Content-Disposition: attachment; filename*0*=utf-8''%E2%82%AC%20; filename*1=rates.txt",
  '',
  '5 % off',
  '--out er',
  'Content-Type: message/rfc822',
  '',
  'Subject: inner',
  '',
  'Inner text.',
  '--out er--',
  'Epilogue: for nobody.',
);

describe('a mail for a customer', () => {
  it('has its words, its bodies in their charsets, and its attachments', () => {
    const parsed = parseMail(MIXED);
    expect(parsed.from).toBe('Jörg <joerg@example.net>');
    expect(parsed.to).toBe('a@in.example, b@in.example');
    expect(parsed.cc).toBe('c@in.example');
    expect(parsed.subject).toBe('Üb er');
    expect(parsed.headers).toMatch(/^From: .*boundary="out er"\r\n$/s);
    expect(parsed.text).toEqual({ octets: Buffer.from('Gr\xfc\xdfe', 'latin1'), charset: 'iso-8859-1' });
    expect(parsed.html).toEqual({ octets: Buffer.from('<p>Grüße</p>'), charset: 'UTF-8' });
    expect(parsed.attachments.map(({ octets, ...rest }) => ({ ...rest, octets: octets.toString('latin1') }))).toEqual([
      { filename: 'a "b".png', type: 'image/png', contentId: 'logo@x', octets: '\x89PNG' },
      { filename: '€ rates.txt', type: 'text/plain', octets: '5 % off' },
      { filename: 'message3.eml', type: 'message/rfc822', octets: 'Subject: inner\r\n\r\nInner text.' },
    ]);
  });

  it.each([
    ['nothing but a header', 'Just text', { text: '' }],
    ['an empty header', '\r\nJust text', { text: 'Just text' }],
    ['no body', 'Subject: x\r\n\r\n', { text: '' }],
    ['LF as its line ends', 'Subject: x\nContent-Type: text/html\n\n<p>', { html: '<p>' }],
    [
      'a boundary that never comes',
      'Content-Type: multipart/mixed; boundary=b\r\n\r\nAll there is',
      { text: 'All there is' },
    ],
    [
      'no end',
      'Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>cut',
      { html: '<p>cut' },
    ],
    [
      'two texts',
      'Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=latin1\r\n\r\n\xfc\r\n--b\r\n\r\nx\r\n--b--',
      { text: 'ü\nx' },
    ],
    ['a charset that nobody knows', 'Content-Type: text/plain; charset=x-none\r\n\r\n\xfc', { text: 'ü' }],
    ['8-bit text that says nothing', 'Subject: x\r\n\r\n\xfc', { text: 'ü' }],
  ])('with %s', (_, octets, wanted) => {
    const { text, html } = parseMail(Buffer.from(octets, 'latin1'));
    const decode = (body: typeof text) => body && new TextDecoder(body.charset).decode(body.octets);
    expect({ text: decode(text), html: decode(html) }).toEqual({ text: undefined, html: undefined, ...wanted });
  });

  it('reads parameters in every form there is, the plain one first', () => {
    expect(parameter('attachment; filename=a.txt', 'filename')).toBe('a.txt');
    expect(parameter('a; FileName = "a b.txt" ', 'filename')).toBe('a b.txt');
    expect(parameter('a; filename="=?utf-8?Q?=C3=BC.txt?="', 'filename')).toBe('ü.txt');
    expect(parameter("a; filename*=iso-8859-1'de'%FC.txt", 'filename')).toBe('ü.txt');
    expect(parameter('a; filename*0=a; filename*1=%b', 'filename')).toBe('a%b');
    expect(parameter("a; filename*=x-none''%FC", 'filename')).toBe('\ufffd');
    expect(parameter('a; name="x; filename=y"', 'filename')).toBe('');
  });

  it('gives every octet of a part to that part alone, in any nesting', () => {
    const leaf = fc.constantFrom('one', 'two\r\n--b0x', '', '--', '\r\n');
    const { tree } = fc.letrec<{ tree: { text: string; leaves: string[] } }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4, withCrossShrink: true },
        leaf.map((text) => ({ text: `\r\n${text}`, leaves: [text] })),
        fc
          .tuple(fc.integer({ min: 0, max: 99_999 }), fc.array(tie('tree'), { minLength: 1, maxLength: 3 }))
          .map(([n, parts]) => ({
            text: `Content-Type: multipart/mixed; boundary=b${n}\r\n\r\n${parts.map(({ text }) => `--b${n}\r\n${text}\r\n`).join('')}--b${n}--`,
            leaves: parts.flatMap(({ leaves }) => leaves),
          })),
      ),
    }));
    fc.assert(
      fc.property(tree, ({ text, leaves }) => {
        const boundaries = [...text.matchAll(/boundary=(b\d+)/g)].map(([, boundary]) => boundary);
        fc.pre(new Set(boundaries).size === boundaries.length);
        const raw = Buffer.from(text);
        expect(readParts(raw).map(({ start, end }) => raw.toString('utf8', start, end))).toEqual(leaves);
      }),
    );
  });
});

// Attack: a mail that is short to send and long to read (MIME bombs), to keep everybody else's waiting.
describe('a bomb', () => {
  const MB = 1_048_576;
  const nested = (depth: number) =>
    Array.from({ length: depth }, (_, n) => `Content-Type: multipart/mixed; boundary=b${n}\r\n\r\n--b${n}\r\n`).join(
      '',
    );
  it.each<[string, () => string]>([
    ['10,000 levels deep', () => nested(10_000)],
    [
      'of 200,000 parts',
      () => `Content-Type: multipart/mixed; boundary=b\r\n\r\n${'--b\r\n\r\nx\r\n'.repeat(200_000)}`,
    ],
    ['whose every line may be a boundary', () => `${nested(30)}${'--b1x\r\n'.repeat(2_000_000)}`],
    [
      'with a boundary of one dash after the other',
      () => `Content-Type: multipart/mixed; boundary="${'-'.repeat(60)}"\r\n\r\n${'-'.repeat(20 * MB)}`,
    ],
    ['with a header of 30 MB', () => `Subject: ${'x '.repeat(15 * MB)}`],
    ['with a million fields', () => 'X: y\r\n'.repeat(1_000_000)],
    ['with a field of 30 MB of encoded words', () => `Subject: ${'=?utf-8?Q?=C3?= '.repeat(2 * MB)}`],
    ['with 30 MB of base64', () => `Content-Transfer-Encoding: base64\r\n\r\n${'QUJD'.repeat(7 * MB)}`],
    [
      'with 30 MB of quoted-printable',
      () => `Content-Transfer-Encoding: quoted-printable\r\n\r\n${'=41'.repeat(10 * MB)}`,
    ],
    [
      'with 100,000 continuations',
      () =>
        `Content-Disposition: attachment; ${Array.from({ length: 100_000 }, (_, n) => `filename*${n}=x`).join('; ')}\r\n\r\n`,
    ],
    ['with a quote that never ends', () => `Content-Type: text/plain; name="${'\\'.repeat(200_000)}`],
    ['of NULs', () => '\0'.repeat(30 * MB)],
  ])('%s is read within two seconds', (_, make) => {
    const raw = Buffer.from(make(), 'latin1');
    const began = performance.now();
    parseMail(raw);
    expect(performance.now() - began).toBeLessThan(2_000);
  });
});

const CORPORA = ['mail-parser', 'ruby-mail', 'mailparser'].map((name) => join('../shared/corpus', name));
/** More of them on demand. */
const MUTATIONS = Number(process.env.PENNYPOST_MUTATIONS ?? 3_000);
const present = CORPORA.every((folder) => existsSync(folder));
const corpus = !present
  ? []
  : CORPORA.flatMap((folder) =>
      readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((file) => file.isFile() && !/\.(txt|md|js|json|LICENSE)$|LICENSE|SOURCE/i.test(file.name))
        .map((file) => readFileSync(join(file.parentPath, file.name))),
    );

describe.skipIf(!present)('mails of other parsers’ tests', () => {
  it(`are read, and ${MUTATIONS} of their mutations, none over two seconds`, () => {
    expect(corpus.length).toBeGreaterThan(200);
    let seed = 20_261_125;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return Math.floor((seed / 2 ** 32) * below);
    };
    const time = (raw: Buffer) => {
      const began = performance.now();
      parseMail(raw);
      return performance.now() - began;
    };
    expect(Math.max(...corpus.map(time))).toBeLessThan(2_000);
    const short = corpus.filter(({ length }) => length < 200_000);
    for (let n = 0; n < MUTATIONS; n++) {
      const raw = Buffer.from(short[random(short.length)]!);
      if (raw.length > 0) raw[random(raw.length)] = random(256);
      expect(time(raw)).toBeLessThan(2_000);
    }
  });

  it('have as many attachments, and the same ones, as mailparser finds in most of them', async () => {
    let same = 0;
    let compared = 0;
    for (const raw of corpus) {
      if (raw.length > 300_000) continue;
      const theirs = await simpleParser(raw, {
        skipHtmlToText: true,
        skipTextToHtml: true,
        skipImageLinks: true,
      }).catch(() => undefined);
      if (!theirs) continue;
      const named = theirs.attachments.filter(({ filename }) => filename !== undefined);
      if (named.length === 0) continue;
      compared++;
      const ours = parseMail(raw).attachments;
      if (
        named.every(({ filename, size }) => ours.some((one) => one.filename === filename && one.octets.length === size))
      )
        same++;
    }
    expect(compared).toBeGreaterThan(20);
    expect(same / compared).toBeGreaterThan(0.8);
  });
});
