/** A legacy template around messages of every build that programs send: what a reader of MIME finds in them afterwards. */
import { simpleParser } from 'mailparser';
import { describe, expect, it } from 'vitest';
import { readRaw } from '../../../core/raw/compose.ts';
import { applyTemplate } from '../../../core/raw/template.ts';

const HEAD = ['From: News <news@sender.example>', 'To: a@x.example', 'Subject: Hello -name-', 'MIME-Version: 1.0'];
const TEMPLATE = { subject: 'Shop: <%subject%>', html: '<h1>-shop-</h1><%body%>', plain: 'SHOP -shop-\n<%body%>' };
const PLAIN = ['Content-Type: text/plain; charset=utf-8', '', 'plain hällo'];
const HTML = ['Content-Type: text/html; charset=utf-8', '', '<p>html hällo</p>'];
const FILE = [
  'Content-Type: application/pdf; name=a.pdf',
  'Content-Disposition: attachment; filename=a.pdf',
  'Content-Transfer-Encoding: base64',
  '',
  'JVBERi0xLjQ=',
];
const IMAGE = [
  'Content-Type: image/png',
  'Content-ID: <logo>',
  'Content-Transfer-Encoding: base64',
  '',
  'iVBORw0KGgo=',
];

const multi = (type: string, name: string, ...parts: string[][]): string[] => [
  `Content-Type: multipart/${type}; boundary="${name}"`,
  '',
  ...parts.flatMap((part) => [`--${name}`, ...part]),
  `--${name}--`,
];
const message = (build: readonly string[]) => Buffer.from([...HEAD, ...build, ''].join('\r\n'));

function applied(build: readonly string[], template: Partial<typeof TEMPLATE> = {}) {
  const made = applyTemplate(readRaw(message(build)), { ...TEMPLATE, ...template });
  if ('refused' in made) throw new Error(made.refused);
  return made.octets;
}

const READ = {
  subject: 'Shop: Hello -name-',
  html: '<h1>-shop-</h1><p>html hällo</p>',
  text: 'SHOP -shop-\nplain hällo',
};

describe.each<[string, string[], Partial<typeof READ>, number]>([
  ['both', multi('alternative', 'b', PLAIN, HTML), READ, 0],
  ['text alone', PLAIN, { ...READ, html: '<h1>-shop-</h1>plain hällo' }, 0],
  ['HTML alone', HTML, { ...READ, text: 'SHOP -shop-\nhtml hällo' }, 0],
  ['both, with a file', multi('mixed', 'm', multi('alternative', 'b', PLAIN, HTML), FILE), READ, 1],
  ['text, with a file', multi('mixed', 'm', PLAIN, FILE), { ...READ, html: '<h1>-shop-</h1>plain hällo' }, 1],
  ['alternative with text alone', multi('alternative', 'b', PLAIN), { ...READ, html: '<h1>-shop-</h1>plain hällo' }, 0],
  [
    'alternative with HTML and its image',
    multi('alternative', 'b', multi('related', 'r', HTML, IMAGE)),
    { ...READ, text: 'SHOP -shop-\nhtml hällo' },
    1,
  ],
  ['HTML and its image', multi('related', 'r', HTML, IMAGE), { ...READ, text: 'SHOP -shop-\nhtml hällo' }, 1],
  ['a file alone', FILE, { ...READ, html: '<h1>-shop-</h1>', text: 'SHOP -shop-' }, 1],
  ['files alone', multi('mixed', 'm', FILE, FILE), { ...READ, html: '<h1>-shop-</h1>', text: 'SHOP -shop-' }, 2],
  ['nothing', ['', ''], { ...READ, html: '<h1>-shop-</h1>', text: 'SHOP -shop-' }, 0],
])('%s', (_, build, wanted, attachments) => {
  it('stands in the template, and all else is there', async () => {
    const read = await simpleParser(applied(build));
    const trimmed = { subject: read.subject, html: String(read.html).trim(), text: read.text?.trim() };
    expect(trimmed).toEqual({ ...wanted, text: wanted.text?.trim() });
    expect(read.attachments).toHaveLength(attachments);
    if (attachments > 0) expect(read.attachments[0]!.content.length).toBeGreaterThan(7);
    expect(read.headers.get('from')).toMatchObject({ text: '"News" <news@sender.example>' });
  });
  it('is the same the second time', () => expect(applied(build)).toEqual(applied(build)));
});

it('a template without HTML of its own leaves the message’s, and one without a subject its subject', async () => {
  const read = await simpleParser(applied(multi('alternative', 'b', PLAIN, HTML), { html: ' ', subject: '' }));
  expect(read.html).toContain('<p>html hällo</p>');
  expect(read.html).not.toContain('shop');
  expect(read.text).toContain('SHOP -shop-');
  expect(read.subject).toBe('Hello -name-');
});

it('puts a subject where there is none', async () => {
  const raw = readRaw(Buffer.from('From: a@x.example\r\n\r\nHi\r\n'));
  const made = applyTemplate(raw, { ...TEMPLATE, subject: 'Grüße' });
  if ('refused' in made) throw new Error(made.refused);
  expect((await simpleParser(made.octets)).subject).toBe('Grüße');
});

// A message that goes out without the template that it names is silence.
it.each([
  ['signed', multi('signed; protocol=x', 's', PLAIN, ['Content-Type: application/pgp-signature', '', 'x'])],
  ['signed in its text', ['', '-----BEGIN PGP SIGNED MESSAGE-----', 'Hi']],
  ['of an unknown charset', ['Content-Type: text/plain; charset=klingon', '', 'Hi']],
])('%s: it is not sent', (_, build) =>
  expect(applyTemplate(readRaw(message(build)), TEMPLATE)).toEqual({
    refused: expect.stringContaining('cannot be put around what is signed'),
  }),
);
