/** The certificate: from the secret, renewed without a dropped session, and never the reason that nothing works. */
import { type AddressInfo, createServer } from 'node:net';
import { connect, TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { makeCertificate } from '../../io/certificate.ts';
import { openCertificate } from '../../relay/certificate.ts';

const make = (name: string) => {
  const { cert, key } = makeCertificate([name], Date.now());
  return { chain: cert, privateKey: key, text: `${cert}${key}` };
};
const [own, first, second] = [make('own.example'), make('first.example'), make('second.example')];

async function open(text: () => string) {
  const warnings: string[] = [];
  const source = await openCertificate({
    readText: async () => text(),
    makeOwn: () => own,
    warn: (problem) => void warnings.push(problem),
  });
  return { source, warnings };
}

/** The name in the certificate of a handshake, with the highest protocol that the client speaks. */
async function handshake(
  current: () => import('node:tls').SecureContext,
  maxVersion: 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3',
) {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    new TLSSocket(socket, { isServer: true, secureContext: current() }).on('error', () => {});
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  try {
    return await new Promise<string>((resolve, reject) => {
      const options = { minVersion: 'TLSv1' as const, ciphers: 'DEFAULT@SECLEVEL=0' };
      const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, maxVersion, ...options }, () => {
        resolve(String(socket.getPeerCertificate().subject.CN));
        socket.destroy();
      });
      socket.on('error', reject);
    });
  } finally {
    server.close();
  }
}

describe('the certificate', () => {
  it('is the secret’s', async () => {
    const { source, warnings } = await open(() => first.text);
    expect(await handshake(source.current, 'TLSv1.3')).toBe('first.example');
    expect([source.trusted(), warnings]).toEqual([true, []]);
  });

  // A certificate of the operator's own that he forgot: clients would be the first to say so.
  it('is ending in its last two weeks, also where nobody renews it; the one that we made is nobody’s to renew', async () => {
    const now = Date.now();
    const { source } = await open(() => first.text);
    const { source: without } = await open(() => 'nothing yet');
    const days = (count: number) => now + count * 86_400_000;
    expect([source.isEnding(days(340)), source.isEnding(days(360)), without.isEnding(days(360))]).toEqual([
      false,
      true,
      false,
    ]);
  });

  it('is another one after a reload, and the context before it stays good', async () => {
    let text = first.text;
    const { source } = await open(() => text);
    const before = source.current();
    expect(await source.reload()).toBe(false);
    text = second.text;
    expect(await source.reload()).toBe(true);
    expect(await handshake(source.current, 'TLSv1.2')).toBe('second.example');
    expect(await handshake(() => before, 'TLSv1.2')).toBe('first.example');
  });

  it.each([
    ['nothing', () => ''],
    ['no certificate', () => 'soon'],
    ['a certificate without a key', () => first.chain],
    ['a key of another certificate', () => `${first.chain}${second.privateKey}`],
    [
      'no secret to be read',
      () => {
        throw new Error('AccessDenied');
      },
    ],
  ])('%s: one of our own, with a warning, until there is one', async (_, bad) => {
    let text: () => string = bad;
    const { source, warnings } = await open(() => text());
    expect(await handshake(source.current, 'TLSv1.3')).toBe('own.example');
    expect(warnings.length).toBe(2);
    text = () => first.text;
    await source.reload();
    expect(await handshake(source.current, 'TLSv1.3')).toBe('first.example');
    // And then a bad one does not take it away.
    text = bad;
    await source.reload();
    expect(await handshake(source.current, 'TLSv1.3')).toBe('first.example');
  });

  it('TLS 1.1 is refused', async () => {
    const { source } = await open(() => first.text);
    await expect(handshake(source.current, 'TLSv1.1')).rejects.toThrow();
  });
});
