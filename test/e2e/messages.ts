/** Twenty messages as people send them, composed and signed by deliver's own code: what the judges of form are shown. */
import { generateKeyPairSync } from 'node:crypto';
import type { DkimKey } from '../../core/dkim.ts';
import { makeRequestId } from '../../core/ids.ts';
import type { Content, Personalization } from '../../core/mail.ts';
import { createLetters } from '../../lambdas/deliver/letter.ts';
import type { Task } from '../../lambdas/deliver/take.ts';

export const SENT_AT = Date.UTC(2026, 10, 23, 12);
export const SENDER = 'shop.example.com';
export const PROVIDER = 'mail.example.net';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const provider = generateKeyPairSync('rsa', { modulusLength: 2048 });
const edwards = generateKeyPairSync('ed25519');
const spki = (key: typeof rsa.publicKey) => key.export({ format: 'der', type: 'spki' });

/** The sender's RSA and Ed25519 keys, and the provider's: three signatures on every message. */
export const KEYS: DkimKey[] = [
  { domain: SENDER, selector: 's1', algorithm: 'rsa', key: rsa.privateKey },
  { domain: SENDER, selector: 'e1', algorithm: 'ed25519', key: edwards.privateKey },
  { domain: PROVIDER, selector: 'p1', algorithm: 'rsa', key: provider.privateKey },
];
/** TXT records by name, as their owners publish them. */
export const TXT: Record<string, string> = {
  [`s1._domainkey.${SENDER}`]: `v=DKIM1; k=rsa; p=${spki(rsa.publicKey).toString('base64')}`,
  [`e1._domainkey.${SENDER}`]: `v=DKIM1; k=ed25519; p=${spki(edwards.publicKey).subarray(-32).toString('base64')}`,
  [`p1._domainkey.${PROVIDER}`]: `v=DKIM1; k=rsa; p=${spki(provider.publicKey).toString('base64')}`,
};

const TEXT =
  'Hello Bob,\n\nThank you for your order. We packed it this morning, and it will be with you on Thursday.\nIf you have a question, answer this message.\n\nYour shop\n';
const HTML =
  '<!doctype html>\n<html lang="en"><head><title>Your order</title></head>\n<body>\n<p>Hello Bob,</p>\n<p>Thank you for your order. We packed it this morning, and it will be with you on <b>Thursday</b>.</p>\n<p>If you have a question, answer this message.</p>\n<p>Your shop</p>\n</body></html>\n';
const text = (value = TEXT) => ({ type: 'text/plain', value });
const html = (value = HTML) => ({ type: 'text/html', value });
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const file = (filename: string, type: string, octets: Buffer) => ({
  filename,
  type,
  content: octets.toString('base64'),
  disposition: 'attachment' as const,
});
const pdf = (bytes: number) => Buffer.concat([Buffer.from('%PDF-1.4\n'), Buffer.alloc(bytes, 'a page of it ')]);
const words = (count: number) => 'Some more words about the order, its parts and how they are packed. '.repeat(count);

const NAMES =
  'Trent Bob Olivia Uma Erin Sybil Grace Judy Ivan Alice Mallory Peggy Dave Niaj Quentin Victor Heidi Rupert Carol Frank'.split(
    ' ',
  );

type Sketch = Partial<Content> & { personalization?: Partial<Personalization> };
const SKETCHES: Record<string, Sketch> = {
  'text only': { parts: [text()] },
  'html only': { parts: [html()] },
  'text and html': {},
  'an attachment': { attachments: [file('invoice.pdf', 'application/pdf', pdf(20_000))] },
  'an inline image': {
    parts: [
      text(),
      html(HTML.replace('<p>Your shop', `<p>${words(60)}</p><p><img src="cid:logo" alt="our logo"> Your shop`)),
    ],
    attachments: [{ content: PNG, filename: 'logo.png', type: 'image/png', disposition: 'inline', contentId: 'logo' }],
  },
  'a subject and names in other scripts': {
    from: { email: `news@${SENDER}`, name: 'Müller & Söhne' },
    subject: 'Grüße: Ihre Bestellung ist unterwegs',
    personalization: { to: [{ email: 'bob@reader.example.org', name: '山田 太郎' }] },
  },
  'a long subject': { subject: words(4).trim() },
  'long lines': {
    parts: [text(`Hello Bob,\n\n${words(40)}\n`), html(HTML.replace('<p>Thank', `<p>${words(60)}</p><p>Thank`))],
  },
  'many recipients': {
    personalization: {
      to: NAMES.map((name) => ({ email: `${name.toLowerCase()}@reader.example.org`, name })),
    },
  },
  'cc and reply-to': {
    replyTo: [{ email: `service@${SENDER}`, name: 'Service' }],
    personalization: { cc: [{ email: 'carol@reader.example.org', name: 'Carol' }] },
  },
  'headers of its own': {
    headers: { 'X-Order': '4711', 'X-Campaign': 'autumn; part=2', 'In-Reply-To': '<1@reader.example.org>' },
  },
  'one-click unsubscribe': {
    headers: {
      'List-Unsubscribe': `<https://${SENDER}/u/4711>, <mailto:unsubscribe@${SENDER}>`,
      'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
      'List-Id': `Our news <news.${SENDER}>`,
    },
  },
  categories: { categories: ['orders', 'autumn'] },
  emoji: {
    subject: 'Your order is on its way 🚚',
    parts: [text(`${TEXT}😀\n`), html(HTML.replace('Thursday', 'Thursday 🎉'))],
  },
  'a text that ends without a line end': { parts: [text('Your code is 481516.')], subject: 'Your code' },
  'a big attachment': { attachments: [file('catalogue.pdf', 'application/pdf', pdf(400_000))] },
  substitutions: {
    subject: 'Your order -order-',
    parts: [text(TEXT.replace('Bob', '-name-')), html(HTML.replace('Bob', '-name-'))],
    personalization: { substitutions: { '-name-': 'Zoë', '-order-': '4711' } },
  },
  'a recipient at a domain in another script': {
    personalization: { to: [{ email: 'bob@bücher.example.org', name: 'Bob' }] },
  },
  'a quoted local part': { personalization: { to: [{ email: '"bob at home"@reader.example.org', name: 'Bob, Jr.' }] } },
  'dots and From at line starts, trailing blanks': {
    parts: [text(`.\n..hidden\nFrom here on:  \n\ttabs\t\n\n\n${TEXT}\n\n\n`)],
  },
};

export type Composed = { name: string; message: Buffer };

/** All of them, as a receiving server has them: dots unstuffed, no final dot. @param account whose mail it is */
export async function composeMessages(names = Object.keys(SKETCHES)): Promise<Composed[]> {
  return Promise.all(
    names.map(async (name, n) => {
      const { octets } = await composeLetter(name, n);
      const wire = Buffer.concat(octets).toString('latin1');
      return { name, message: Buffer.from(wire.slice(0, -3).replace(/^\./gm, ''), 'latin1') };
    }),
  );
}

/** What goes over the wire of one of them. @param change to the content */
export async function composeLetter(name: string, n = 0, change: Partial<Content> = {}): Promise<{ octets: Buffer[] }> {
  const { personalization: own, ...sketch } = SKETCHES[name]!;
  const requestId = makeRequestId(SENT_AT, Buffer.alloc(10, n + 1));
  const content: Content = {
    from: { email: `orders@${SENDER}`, name: 'The Shop' },
    replyTo: [],
    subject: 'Your order is on its way',
    parts: [text(), html()],
    attachments: [],
    headers: {},
    sections: {},
    categories: [],
    customArgs: {},
    ...sketch,
    ...change,
  };
  const personalization = { index: 0, to: [{ email: 'bob@reader.example.org', name: 'Bob' }], cc: [], ...own };
  const copy = { personalization: 0, role: 'to' as const, address: 'bob@reader.example.org', index: 0 };
  const task = {
    job: { requestId, account: 'operator', acceptedAt: SENT_AT },
    content,
    personalizations: new Map([[0, personalization]]),
    domains: new Map([[SENDER, { keys: KEYS, returnPath: `em.${SENDER}`, domain: SENDER }]]),
    letters: new Map(),
    uses: new Map([[0, 1]]),
  } as unknown as Task;
  const { letter } = await createLetters(10_000_000, { name: 'default-1', pool: 'default' }).borrow(task, copy);
  if (letter.dropped !== undefined) throw new Error(letter.dropped);
  return letter;
}
