import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import { describe, expect, it } from 'vitest';
import { hashBody, relaxBody, signDkim } from '../../core/dkim.ts';
import { normaliseLines } from '../../core/wire.ts';

const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
const key = { domain: 'sender.example', selector: 's1', key: pair.privateKey };
const publicKey = pair.publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
const resolver = async (name: string, type: string) => {
  if (name !== 's1._domainkey.sender.example' || type !== 'TXT')
    throw Object.assign(new Error('no'), { code: 'ENOTFOUND' });
  return [[`v=DKIM1; k=rsa; p=${publicKey}`]];
};
const HEADER =
  'From: a@sender.example\r\nTo: b@x.example\r\nSubject: hello\r\nDate: Mon, 23 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@sender.example>\r\n';

function sign(header: string, body: Buffer): Buffer {
  const lines = Buffer.from(header);
  return Buffer.concat([Buffer.from(signDkim(lines, hashBody(body), key)), lines, Buffer.from('\r\n'), body]);
}
/** What another library says of the first signature. */
async function verify(message: Buffer): Promise<string | undefined> {
  const { results } = (await dkimVerify(message, { resolver } as never)) as {
    results: { status: { result: string } }[];
  };
  return results[0]?.status.result;
}

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
    for (const line of signDkim(Buffer.from(HEADER), hashBody(body), key).split('\r\n'))
      expect(line.length).toBeLessThan(100);
  });

  it('relaxes bodies as RFC 6376 3.4.4 says', () => {
    expect(relaxBody(Buffer.from(' C \r\nD \t E\r\n\r\n\r\n')).toString()).toBe(' C\r\nD E\r\n');
    expect(relaxBody(Buffer.from('\r\n \r\n'))).toHaveLength(0);
    expect(hashBody(Buffer.alloc(0))).toBe('47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=');
  });
});
