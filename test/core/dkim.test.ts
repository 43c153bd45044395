import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import { describe, expect, it } from 'vitest';
import { type DkimKey, hashBody, relaxBody, signDkim } from '../../core/dkim.ts';
import { normaliseLines } from '../../core/wire.ts';

const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
const edwards = generateKeyPairSync('ed25519');
const key: DkimKey = { domain: 'sender.example', selector: 's1', algorithm: 'rsa', key: pair.privateKey };
const ed25519: DkimKey = { ...key, selector: 'e1', algorithm: 'ed25519', key: edwards.privateKey };
const provider: DkimKey = { ...key, domain: 'mail.provider.example', selector: 'p1' };
const rsaRecord = `v=DKIM1; k=rsa; p=${pair.publicKey.export({ format: 'der', type: 'spki' }).toString('base64')}`;
const RECORDS: Record<string, string> = {
  's1._domainkey.sender.example': rsaRecord,
  'p1._domainkey.mail.provider.example': rsaRecord,
  'e1._domainkey.sender.example': `v=DKIM1; k=ed25519; p=${edwards.publicKey
    .export({ format: 'der', type: 'spki' })
    .subarray(-32)
    .toString('base64')}`,
};
const resolver = async (name: string, type: string) => {
  const record = RECORDS[name];
  if (!record || type !== 'TXT') throw Object.assign(new Error('no'), { code: 'ENOTFOUND' });
  return [[record]];
};
const HEADER =
  'From: a@sender.example\r\nTo: b@x.example\r\nSubject: hello\r\nDate: Mon, 23 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@sender.example>\r\n';

function sign(header: string, body: Buffer, keys: DkimKey[] = [key]): Buffer {
  const lines = Buffer.from(header);
  return Buffer.concat([Buffer.from(signDkim(lines, hashBody(body), keys).join('')), lines, Buffer.from('\r\n'), body]);
}
type Verified = { signingDomain: string; algo: string; status: { result: string } };
/** What another library says of the signatures. */
async function verifyAll(message: Buffer): Promise<Verified[]> {
  return ((await dkimVerify(message, { resolver } as never)) as { results: Verified[] }).results;
}
const verify = async (message: Buffer) => (await verifyAll(message))[0]?.status.result;

describe('dkim', () => {
  it('signs what another library verifies, whatever the message', async () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'B', ' ', '\t', '.', '=', 'ä', '\u00a0', ';'), maxLength: 30 });
    const body = fc.array(fc.constantFrom('\r\n', ' ', '\t', 'text', '.', 'ä', '\r\n\r\n', ' \r\n'), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(word, word, body, async (subject, custom, pieces) => {
        const header = `${HEADER}X-Other:${custom}\r\n\tfolded\r\nList-Unsubscribe:  <https://x.example/?${subject.trim()}>\r\nfeedback-id: ${custom}x\r\n`;
        const message = sign(header.replace('hello', `s ${subject}`), normaliseLines(Buffer.from(pieces.join(''))));
        expect(await verify(message)).toBe('pass');
      }),
      { numRuns: 150 },
    );
  });

  it('fails verification when the body or a signed field changes', async () => {
    const message = sign(HEADER, Buffer.from('hello\r\n')).toString();
    expect(await verify(Buffer.from(message.replace('hello\r\n', 'hullo\r\n')))).not.toBe('pass');
    expect(await verify(Buffer.from(message.replace('Subject: hello', 'Subject: hullo')))).not.toBe('pass');
    expect(await verify(Buffer.from(message))).toBe('pass');
  });

  it('signs with every key at once: each signature is valid by itself', async () => {
    const results = await verifyAll(sign(HEADER, Buffer.from('hello\r\n'), [key, ed25519, provider]));
    expect(results.map(({ signingDomain, algo, status }) => [signingDomain, algo, status.result])).toEqual([
      ['sender.example', 'rsa-sha256', 'pass'],
      ['sender.example', 'ed25519-sha256', 'pass'],
      ['mail.provider.example', 'rsa-sha256', 'pass'],
    ]);
  });

  // Attack: a forwarder, or a reader's server, changes or adds one field that people see or that programs act on (an
  // unsubscribe link, the Feedback-ID by which complaints are counted) and sends it on under the sender's name.
  it('fails verification when any signed field is altered, or added once more', async () => {
    const field = fc.constantFrom(
      ...['From', 'To', 'Cc', 'Subject', 'Date', 'Message-ID', 'Reply-To', 'List-Unsubscribe', 'List-Unsubscribe-Post'],
    );
    const inside = fc.constantFrom('Feedback-ID', 'MIME-Version', 'Content-Type', 'References', 'List-Id');
    const word = fc.stringMatching(/^[a-z]{1,12}$/);
    await fc.assert(
      fc.asyncProperty(field, inside, word, fc.boolean(), async (name, other, value, there) => {
        const extra = `${other}: ${value}\r\n${there && !HEADER.includes(`${name}:`) ? `${name}: ${value}\r\n` : ''}`;
        const message = sign(HEADER + extra, Buffer.from('hello\r\n'), [key, ed25519]).toString();
        const results = async (text: string) => (await verifyAll(Buffer.from(text))).map(({ status }) => status.result);
        expect(await results(message)).toEqual(['pass', 'pass']);
        const added = await results(`${name}: ${value}\r\n${message}`);
        const altered = await results(message.replace(`\r\n${other}: ${value}`, `\r\n${other}: ${value}x`));
        for (const result of [...added, ...altered]) expect(result).not.toBe('pass');
      }),
      { numRuns: 60 },
    );
  });

  // Attack: someone on the way adds a second From, Subject or To above the signed one, which readers then show, while the
  // signature stays valid (RFC 6376 8.15). Oversigning says that there is no second one.
  it.each([
    'From: ceo@sender.example',
    'Subject: pay now',
    'To: c@x.example',
    'Reply-To: evil@x.example',
    'Cc: d@x.example',
  ])('does not survive an added %s', async (field) => {
    const message = sign(HEADER, Buffer.from('hello\r\n')).toString();
    expect(await verify(Buffer.from(`${field}\r\n${message}`))).not.toBe('pass');
  });

  it('gives the same octets for the same message', () => {
    const body = Buffer.from('hello\r\n');
    expect(sign(HEADER, body).equals(sign(HEADER, body))).toBe(true);
    for (const line of signDkim(Buffer.from(HEADER), hashBody(body), [key]).join('').split('\r\n'))
      expect(line.length).toBeLessThan(79);
  });

  it('relaxes bodies as RFC 6376 3.4.4 says', () => {
    expect(relaxBody(Buffer.from(' C \r\nD \t E\r\n\r\n\r\n')).toString()).toBe(' C\r\nD E\r\n');
    expect(relaxBody(Buffer.from('\r\n \r\n'))).toHaveLength(0);
    expect(hashBody(Buffer.alloc(0))).toBe('47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=');
  });
});
