/**
 * How many 10 KB messages one core signs in a second, as a share of its bare RSA-2048 signatures: our signer, nodemailer's
 * and mailauth's, each with its key kept as well as it allows; and the whole way of a letter (render, compose, sign), every
 * recipient with his own substitutions. CPU time, not wall-clock; each figure is the median of several rounds.
 */
import { generateKeyPairSync, sign } from 'node:crypto';
import { dkimSign } from 'mailauth/lib/dkim/sign.js';
import DKIM from 'nodemailer/lib/dkim';
import { type DkimKey, hashBody, signDkim } from '../core/dkim.ts';
import { makeRequestId } from '../core/ids.ts';
import type { Content } from '../core/mail.ts';
import { createLetters } from '../lambdas/deliver/letter.ts';
import type { Task } from '../lambdas/deliver/take.ts';

const ROUNDS = 5;
const SECONDS = 0.7;
const SENT_AT = Date.UTC(2026, 10, 23, 12);
const DOMAIN = 'sender.example';

const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
const edwards = generateKeyPairSync('ed25519');
const pem = pair.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
const rsa: DkimKey = { domain: DOMAIN, selector: 's1', algorithm: 'rsa', key: pair.privateKey };
const ed25519: DkimKey = { ...rsa, selector: 'e1', algorithm: 'ed25519', key: edwards.privateKey };
const provider: DkimKey = { ...rsa, domain: 'mail.provider.example', selector: 'p1' };

const HEADER = Buffer.from(
  `From: News <news@${DOMAIN}>\r\nTo: Reader <reader@x.example>\r\nSubject: Your order is on its way\r\nDate: Mon, 23 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@${DOMAIN}>\r\nList-Unsubscribe: <https://${DOMAIN}/u/1>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nFeedback-ID: mail:default:operator:pennypost\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n`,
);
const LINE = '<p>Hello Reader, this is one line of your newsletter, with some =\r\nmore words in it.</p>\r\n';
const BODY = Buffer.from(LINE.repeat(Math.ceil(10_000 / LINE.length)));
const MESSAGE = Buffer.concat([HEADER, Buffer.from('\r\n'), BODY]);

/** Times per second of CPU. */
async function rate(work: () => unknown): Promise<number> {
  const started = process.cpuUsage();
  const until = performance.now() + SECONDS * 1_000;
  let done = 0;
  while (performance.now() < until) {
    for (let n = 0; n < 20; n++) await work();
    done += 20;
  }
  const { user, system } = process.cpuUsage(started);
  return done / ((user + system) / 1e6);
}

function nodemailerSigner(privateKey: unknown) {
  const dkim = new DKIM({ domainName: DOMAIN, keySelector: 's1', privateKey } as never);
  return () =>
    new Promise<void>((signed, failed) => {
      const out = dkim.sign(MESSAGE as never);
      out.on('data', () => {});
      out.on('error', failed);
      out.on('end', () => signed());
    });
}

function makeLetterWriter(keys: DkimKey[]) {
  const paragraph = (n: number) =>
    `<p>${n % 10 === 0 ? 'Hello -name-, this' : 'This'} is paragraph ${n} of your newsletter — with “quotes” and <a href="https://${DOMAIN}/${n}/${n % 10 === 5 ? '-id-' : ''}">a link</a>.</p>\n`;
  const plain = (n: number) =>
    `${n % 10 === 0 ? 'Hello -name-, this' : 'This'} is paragraph ${n} of your newsletter, in plain words this time.\n\n`;
  const fill = (make: (n: number) => string, size: number) =>
    Array.from({ length: Math.ceil(size / make(0).length) }, (_, n) => make(n)).join('');
  const content: Content = {
    from: { email: `news@${DOMAIN}`, name: 'News of the Shop' },
    replyTo: [],
    subject: 'Hello -name-, your order -id- is on its way',
    parts: [
      { type: 'text/plain', value: fill(plain, 2_800) },
      { type: 'text/html', value: `<!doctype html><html><body>\n${fill(paragraph, 7_200)}</body></html>\n` },
    ],
    attachments: [],
    headers: { 'List-Unsubscribe': `<https://${DOMAIN}/u/1>`, 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' },
    sections: {},
    categories: ['news'],
    customArgs: {},
  };
  const requestId = makeRequestId(SENT_AT, Buffer.alloc(10, 7));
  const task = {
    job: { requestId, account: 'operator', acceptedAt: SENT_AT },
    content,
    personalizations: new Map(),
    domains: new Map([[DOMAIN, { keys, returnPath: `em.${DOMAIN}`, domain: DOMAIN }]]),
    letters: new Map(),
    uses: new Map(),
  } as unknown as Task;
  const letters = createLetters(1e9, { name: 'default-1', pool: 'default' });
  let n = 0;
  return async () => {
    const index = n++;
    const address = `u${index}@x.example`;
    const substitutions = { '-name-': `Réader ${index}`, '-id-': String(index * 7_919) };
    task.personalizations.set(index, {
      index,
      to: [{ email: address, name: `Reader ${index}` }],
      cc: [],
      substitutions,
    });
    task.uses.set(index, 1);
    const { letter, giveBack } = await letters.borrow(task, { personalization: index, role: 'to', address, index });
    if (letter.dropped !== undefined) throw new Error(letter.dropped);
    giveBack();
    letters.release(task, { personalization: index, index });
    task.personalizations.delete(index);
  };
}

const signatureData = [{ signingDomain: DOMAIN, selector: 's1', privateKey: pem }];
const data = Buffer.alloc(1_500, 1);
const rsaOnce = () => sign('sha256', data, pair.privateKey);
const candidates: [string, () => unknown][] = [
  ['our signer, RSA', () => signDkim(HEADER, hashBody(BODY), [rsa])],
  ['our signer, RSA and Ed25519', () => signDkim(HEADER, hashBody(BODY), [rsa, ed25519])],
  ['our signer, RSA twice (own and provider)', () => signDkim(HEADER, hashBody(BODY), [rsa, provider])],
  ['nodemailer, KeyObject', nodemailerSigner(pair.privateKey)],
  ['nodemailer, PEM', nodemailerSigner(pem)],
  ['mailauth, PEM (it takes no KeyObject)', () => dkimSign(MESSAGE, { signatureData } as never)],
  ['letter: render, compose, sign; RSA', makeLetterWriter([rsa])],
  ['letter with Ed25519 too', makeLetterWriter([rsa, ed25519])],
];

const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

console.log(`RSA-2048, ${(MESSAGE.length / 1_000).toFixed(1)} KB, ${process.version}, median of ${ROUNDS} rounds\n`);
for (const [name, work] of candidates) {
  await rate(work);
  const rates: number[] = [];
  const ratios: number[] = [];
  const rest: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const limit = await rate(rsaOnce);
    const found = await rate(work);
    rates.push(found);
    ratios.push(found / limit);
    rest.push(1_000 / found - 1_000 / limit);
  }
  const [perSecond, ratio, beside] = [median(rates), median(ratios), median(rest)];
  console.log(
    `${name.padEnd(42)} ${perSecond.toFixed(0).padStart(6)}/s  ${ratio.toFixed(2)} of bare RSA  ${beside.toFixed(3)} ms beside one`,
  );
}
