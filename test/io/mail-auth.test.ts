import { generateKeyPairSync } from 'node:crypto';
import { dkimSign } from 'mailauth/lib/dkim/sign.js';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openDns } from '../../io/dns.ts';
import { openMailAuth } from '../../io/mail-auth.ts';
import { a, type NameServer, startNameServer, txt } from './name-server.ts';

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const MAIL = 'From: joerg@example.net\r\nTo: x@in.shop.example\r\nSubject: Hello\r\n\r\nText\r\n';
let names: NameServer;
let authenticate: ReturnType<typeof openMailAuth>;
const session = { remoteAddress: '192.0.2.7', helo: 'mail.example.net', mailFrom: 'bounce@example.net' };

beforeAll(async () => {
  names = await startNameServer();
  const p = publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
  names.zone['TXT example.net'] = txt('v=spf1 a:mail.example.net -all');
  names.zone['A mail.example.net'] = a('192.0.2.7');
  // A key is longer than one string of a TXT record may be (RFC 1035 3.3).
  const record = `v=DKIM1; k=rsa; p=${p}`;
  names.zone['TXT s1._domainkey.example.net'] = [
    { data: [Buffer.from(record.slice(0, 200)), Buffer.from(record.slice(200))] },
  ];
  names.zone['TXT _dmarc.example.net'] = txt('v=DMARC1; p=reject');
  names.zone['TXT late.example'] = 'SILENCE';
  authenticate = openMailAuth({
    dns: openDns({ servers: [names.address], timeoutMs: 300 }),
    mta: 'mx.shop.example',
    timeoutMs: 2_000,
  });
});
afterAll(() => names.stop());

async function signed(mail: string): Promise<Buffer> {
  const signatureData = [
    { signingDomain: 'example.net', selector: 's1', privateKey: privateKey.export({ format: 'pem', type: 'pkcs8' }) },
  ];
  const { signatures } = (await dkimSign(mail, { signatureData } as never)) as { signatures: string };
  return Buffer.from(`${signatures}${mail}`);
}

it('tells who sent a mail, in SendGrid’s words', async () => {
  expect(await authenticate(await signed(MAIL), session)).toEqual({
    spf: 'pass',
    dkim: '{@example.net : pass}',
    dmarc: 'pass',
  });
});

it('tells a forged one: from another address, changed on its way, or unsigned', async () => {
  const changed = Buffer.from((await signed(MAIL)).toString().replace('Text', 'Pay here'));
  expect(await authenticate(changed, { ...session, remoteAddress: '198.51.100.9' })).toMatchObject({
    spf: 'fail',
    dkim: expect.stringMatching(/^\{@example\.net : (fail|neutral)\}$/),
    dmarc: 'fail',
  });
  expect(await authenticate(Buffer.from(MAIL), { ...session, remoteAddress: '198.51.100.9' })).toMatchObject({
    dkim: 'none',
    dmarc: 'fail',
  });
});

it('says so where nothing is published, nobody is known, or DNS does not answer', async () => {
  const from = (domain: string) => Buffer.from(MAIL.replaceAll('example.net', domain));
  expect(await authenticate(from('nowhere.example'), { ...session, mailFrom: 'x@nowhere.example' })).toEqual({
    spf: 'none',
    dkim: 'none',
    dmarc: 'none',
  });
  expect((await authenticate(from('nowhere.example'), { mailFrom: '' })).spf).toBe('none');
  expect((await authenticate(from('late.example'), { ...session, mailFrom: 'x@late.example' })).spf).toBe('temperror');
});

// Attack: a mail with ten thousand signatures, each of another domain: as many look-ups.
it('verifies no more than some signatures', async () => {
  const many = Array.from(
    { length: 10_000 },
    (_, n) => `DKIM-Signature: v=1; d=d${n}.example; s=s; b=x; bh=x; h=from\r\n`,
  );
  names.asked.length = 0;
  const { dkim } = await authenticate(Buffer.from(`${many.join('')}${MAIL}`), session);
  expect(dkim).toBe('permerror');
  expect(names.asked.filter((one) => one.includes('_domainkey'))).toEqual([]);
});

it('never throws', async () => {
  for (const raw of [Buffer.alloc(0), Buffer.from('\r\n\r\n'), Buffer.alloc(1_000, 0xff)])
    expect(await authenticate(raw, { ...session, mailFrom: '<@@>', helo: '\0' })).toHaveProperty('spf');
});
