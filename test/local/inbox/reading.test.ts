import { generateKeyPairSync } from 'node:crypto';
import { createTransport } from 'nodemailer';
import { describe, expect, test } from 'vitest';
import { quarantine, readAttachment, readMessage, verifyDkim } from '../../../local/inbox/reading.ts';

const { privateKey, publicKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'der' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});

async function compose(options: object): Promise<Buffer> {
  const { message } = await createTransport({ streamTransport: true, buffer: true, newline: 'windows' }).sendMail({
    from: 'Ann <ann@shop.test>',
    to: 'reader@x.test',
    subject: 'Grüße',
    text: 'plain text',
    html: '<p>rich</p>',
    ...options,
  });
  return message as Buffer;
}
const sign = { dkim: { domainName: 'shop.test', keySelector: 'pp1', privateKey } };
const resolveTxt = async (name: string) => {
  if (name === 'pp1._domainkey.shop.test') return [[`v=DKIM1; p=${publicKey.toString('base64')}`]];
  throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
};

describe('DKIM', () => {
  test('a signature that verifies passes', async () => {
    expect(await verifyDkim(await compose(sign), resolveTxt)).toEqual({
      result: 'pass',
      signatures: [{ domain: 'shop.test', selector: 'pp1', algorithm: 'rsa-sha256', result: 'pass' }],
    });
  });

  test('without a signature: none', async () => {
    expect(await verifyDkim(await compose({}), resolveTxt)).toEqual({ result: 'none', signatures: [] });
  });

  test.each([
    ['a changed body', (raw: string) => raw.replace('rich', 'poor')],
    ['a changed subject', (raw: string) => raw.replace(/^Subject: .*$/m, 'Subject: other')],
    ['a key that is not there', (raw: string) => raw.replace('s=pp1', 's=pp2')],
    [
      'a second signature that fails',
      (raw: string) => `${/^DKIM-Signature:(?:.|\r\n[ \t])*\r\n/m.exec(raw)![0].replace('s=pp1', 's=pp2')}${raw}`,
    ],
  ])('%s fails', async (_, change) => {
    const raw = (await compose(sign)).toString();
    expect(change(raw)).not.toBe(raw);
    expect((await verifyDkim(Buffer.from(change(raw)), resolveTxt)).result).toBe('fail');
  });
});

test('a message is taken apart', async () => {
  // Prepare
  const raw = await compose({ attachments: [{ filename: 'Rechnung März.pdf', content: Buffer.from([1, 2, 3]) }] });

  // Act
  const reading = await readMessage(raw);

  // Assess
  expect(reading.headers).toContainEqual({ name: 'To', value: 'reader@x.test' });
  expect(reading.text.trim()).toBe('plain text');
  expect(reading.html).toBe('<p>rich</p>');
  expect(reading.attachments).toEqual([{ index: 0, filename: 'Rechnung März.pdf', type: 'application/pdf', size: 3 }]);
  expect((await readAttachment(raw, 0))!.bytes).toEqual(Buffer.from([1, 2, 3]));
  expect(await readAttachment(raw, 1)).toBeUndefined();
});

test('folded and repeated header fields stay apart and in order', async () => {
  const { headers } = await readMessage(
    Buffer.from('Received: b\r\nReceived: a\r\n\tfrom c\r\nX: y: z\r\nbroken\r\n\r\n'),
  );
  expect(headers).toEqual([
    { name: 'Received', value: 'b' },
    { name: 'Received', value: 'a\tfrom c' },
    { name: 'X', value: 'y: z' },
    { name: 'broken', value: '' },
  ]);
});

test('what is no message at all is still shown', async () => {
  for (const raw of [
    Buffer.alloc(0),
    Buffer.from([0, 1, 2, 255]),
    Buffer.from('Content-Type: multipart/mixed\r\n\r\n--'),
  ])
    expect(await readMessage(raw)).toMatchObject({ attachments: [] });
});

// The attack: hints and redirections in the markup of a mail that no Content-Security-Policy stops, so that opening the
// mail tells its sender.
test.each([
  ['<link rel=preconnect href=//evil.test>'],
  ['<LINK/rel=dns-prefetch href=//evil.test>'],
  ['<meta http-equiv=refresh content="0;url=//evil.test">'],
  ['<\nbase href=//evil.test><base\thref=//evil.test>'],
  ['<iframe src=//evil.test></iframe>'],
  ['<form action=//evil.test>'],
  ['<link\r\nrel=preload href=//evil.test>'],
])('%j loses its tag', (html) => {
  const harmless = quarantine(html).replace('<!doctype html><base target="_blank">', '');
  expect(harmless).not.toMatch(/<\/?(?:link|meta|base|iframe|form)[\s/>]/i);
});
