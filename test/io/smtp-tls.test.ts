import type { Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import type { TlsFailureType, TlsPolicy } from '../../core/tls.ts';
import { makeCertificate } from '../../io/certificate.ts';
import { makeAuthority } from '../certificate-authority.ts';
import { type Script, type ScriptedServer, startScript } from '../smtp-script.ts';
import { type Changes, greet, LONG, mail, open, SECRET, SHORT } from './smtp-open.ts';

const authority = makeAuthority('Test CA');
const stranger = makeAuthority('A CA that nobody knows');
const good = authority.issue(['mx.x.example']);
const trust = [authority.cert];
const POLICIES: Exclude<TlsPolicy, 'off'>[] = ['opportunistic', 'encrypted', 'verified'];

let server: ScriptedServer;
afterEach(() => server?.close());
const start = async (script: Script = {}, options: Parameters<typeof startScript>[1] = { tls: good }) => {
  server = await startScript(script, options);
};
const at = (changes: Partial<Changes> = {}): Changes => ({ port: server.port, trust, ...changes });

/** Says 220 and breaks the handshake off. */
const breakHandshake = (socket: Socket) => {
  socket.removeAllListeners('data');
  socket.once('data', () => socket.destroy());
  socket.write('220 go\r\n');
};
/** Says 220 and leaves what comes to the test. */
const hear = (hellos: Buffer[], answers = 0) => {
  let heard = 0;
  return (_: string, nth: number) =>
    nth < answers
      ? undefined
      : {
          act: (socket: Socket) => {
            socket.removeAllListeners('data');
            const mine = heard++;
            socket.on('data', (chunk) => {
              hellos[mine] = Buffer.concat([hellos[mine] ?? Buffer.alloc(0), chunk]);
              const record = hellos[mine]!;
              if (record.length >= 5 && record.length >= 5 + record.readUInt16BE(3)) socket.destroy();
            });
            socket.write('220 go\r\n');
          },
        };
};

describe('TLS, policy by trouble', () => {
  type Trouble = { tls?: typeof good; script?: Script; type: TlsFailureType; state?: object };
  const TROUBLES: Record<string, Trouble> = {
    'no STARTTLS': { type: 'starttls-not-supported' },
    'STARTTLS refused with 454': {
      tls: good,
      script: { starttls: '454 4.7.0 not now\r\n' },
      type: 'starttls-not-supported',
    },
    'a certificate for another name': {
      tls: authority.issue(['mx.y.example']),
      type: 'certificate-host-mismatch',
      state: { certError: 'ERR_TLS_CERT_ALTNAME_INVALID' },
    },
    'a certificate with the name as a common name only': {
      tls: authority.issue([]),
      type: 'certificate-host-mismatch',
      state: { certError: 'ERR_TLS_CERT_ALTNAME_INVALID' },
    },
    'an expired certificate': {
      tls: authority.issue(['mx.x.example'], [-20, -10]),
      type: 'certificate-expired',
      state: { certError: 'CERT_HAS_EXPIRED' },
    },
    'a self-signed certificate': {
      tls: makeCertificate(['mx.x.example'], Date.now()),
      type: 'certificate-not-trusted',
      state: { certError: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
    },
    'an authority that nobody knows': {
      tls: stranger.issue(['mx.x.example']),
      type: 'certificate-not-trusted',
      state: { certError: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' },
    },
    'a broken handshake': {
      tls: good,
      script: { starttls: { act: breakHandshake } },
      type: 'validation-failure',
    },
  };
  const cases = Object.keys(TROUBLES).flatMap((name) => POLICIES.map((policy) => [name, policy] as const));

  // Attack: whoever sits on the way takes STARTTLS out of the answer to EHLO, breaks the handshake, or shows a certificate
  // of his own, to read mail that its sender wants to be read by the host alone.
  it.each(cases)('%s, %s', async (name, policy) => {
    // Prepare
    const { tls, script, type, state } = TROUBLES[name]!;
    await start(script, tls ? { tls } : {});
    // Act
    const opened = await open(at({ tls: policy }));
    const sent = opened.ok ? await opened.session.send(mail()) : undefined;
    if (opened.ok) await opened.session.quit();
    // Assess
    const goesOn = policy === 'opportunistic' || (policy === 'encrypted' && state !== undefined);
    expect(opened.ok).toBe(goesOn);
    const { tlsFailures = [] } = opened.ok ? opened.session : opened;
    expect(new Set(tlsFailures.map((one) => one.type))).toEqual(new Set([type]));
    expect(tlsFailures[0]).toMatchObject({ host: 'mx.x.example', address: '127.0.0.1' });
    expect(tlsFailures[0]!.reason).not.toBe('');
    if (opened.ok) {
      expect(sent).toMatchObject({ ok: true });
      if (state) expect(opened.session.tls).toMatchObject({ protocol: 'TLSv1.3', verified: false, ...state });
      else expect(opened.session.tls).toBeUndefined();
    } else {
      expect(opened).toMatchObject({ stage: 'starttls', afterDot: false, error: tlsFailures[0]!.reason });
      expect(opened.reply).toBeUndefined();
    }
    expect(server.messages.map((one) => one.tls)).toEqual(goesOn ? [state !== undefined] : []);
    const isPlain = goesOn && state === undefined;
    expect(server.plain().includes(SECRET)).toBe(isPlain);
    expect(server.plain().includes('MAIL FROM')).toBe(isPlain);
  });

  it.each(POLICIES)('a valid certificate, %s', async (policy) => {
    await start();
    const session = await greet(at({ tls: policy }));
    expect(session.tls).toEqual({ protocol: 'TLSv1.3', cipher: expect.stringMatching(/^TLS_/), verified: true });
    expect(session.tlsFailures).toEqual([]);
    expect(await session.send(mail())).toMatchObject({ ok: true });
    expect(server.messages.map(({ tls }) => tls)).toEqual([true]);
    await session.quit();
  });

  it('says nothing of TLS under the policy off', async () => {
    await start();
    const session = await greet(at({ tls: 'off' }));
    expect([session.tls, session.tlsFailures]).toEqual([undefined, []]);
    expect(server.commands).toEqual(['EHLO mail.sender.example']);
    await session.quit();
  });

  it('compares the name that it is told, where that is not the host', async () => {
    await start();
    expect((await greet(at({ tls: 'verified', host: 'other.example', tlsName: 'mx.x.example' }))).tls?.verified).toBe(
      true,
    );
    expect(await open(at({ tls: 'verified', host: 'other.example' }))).toMatchObject({
      ok: false,
      error: 'the certificate of other.example is for another name (ERR_TLS_CERT_ALTNAME_INVALID)',
    });
  });

  it('takes a wildcard for one label', async () => {
    await start({}, { tls: authority.issue(['*.x.example']) });
    expect((await greet(at({ tls: 'verified' }))).tls?.verified).toBe(true);
    expect(await open(at({ tls: 'verified', host: 'a.mx.x.example' }))).toMatchObject({ ok: false, stage: 'starttls' });
  });
});

describe('TLS, the ladder', () => {
  it('says the small hello after the full one, and it fits one packet', async () => {
    // Prepare
    const hellos: Buffer[] = [];
    await start({ starttls: hear(hellos) });
    // Act
    const opened = await open(at({ tls: 'encrypted' }));
    // Assess
    expect(opened).toMatchObject({ ok: false, stage: 'starttls' });
    expect(hellos).toHaveLength(2);
    expect(hellos[1]!.length).toBeLessThan(512);
    expect(hellos[1]!.length).toBeLessThan(hellos[0]!.length);
    expect(hellos[1]!.includes('mx.x.example')).toBe(true);
  });

  it.each(POLICIES)('goes on with a host that only understands the small hello (%s)', async (policy) => {
    await start({ starttls: (_, nth) => (nth === 0 ? { act: breakHandshake } : undefined) });
    const session = await greet(at({ tls: policy }));
    expect(session.tls).toMatchObject({ protocol: 'TLSv1.3', cipher: 'TLS_AES_128_GCM_SHA256', verified: true });
    expect(session.tlsFailures.map(({ type }) => type)).toEqual(['validation-failure']);
    expect(server.connections()).toBe(2);
    await session.quit();
  });

  const SCRIPTS: [string, Script['starttls'], number][] = [
    ['handshake is broken off', { act: breakHandshake }, 3],
    [
      'handshake is answered by something else',
      { act: (socket) => socket.write('220 go\r\n', () => setTimeout(() => socket.write('no TLS, sorry\r\n'), 10)) },
      3,
    ],
    ['handshake never comes', { act: (socket) => socket.write('220 go\r\n') }, 3],
    ['connection is closed after the 220', { say: '220 go\r\n', end: 'close' }, 3],
    ['connection is closed instead of a 220', { end: 'close' }, 2],
    ['220 never comes', 'silence', 2],
  ];
  it.each(SCRIPTS)('ends in clear where the %s, only if it may', async (_, starttls, connections) => {
    await start({ starttls: starttls! });
    const session = await greet(at({ waits: SHORT }));
    expect(await session.send(mail())).toMatchObject({ ok: true });
    expect(session.tls).toBeUndefined();
    expect(server.connections()).toBe(connections);
    expect(session.tlsFailures).toHaveLength(connections - 1);
    await session.quit();

    for (const tls of ['encrypted', 'verified'] as const)
      expect(await open(at({ waits: SHORT, tls }))).toMatchObject({ ok: false, stage: 'starttls', afterDot: false });
    expect(server.messages).toHaveLength(1);
  });

  it('goes on in clear, if it may, where the host ends TLS as soon as it has begun', async () => {
    const demand = (socket: Socket) => {
      socket.removeAllListeners('data');
      const options = { isServer: true, requestCert: true, rejectUnauthorized: true } as const;
      const secured = new TLSSocket(socket, { ...options, secureContext: createSecureContext(good) });
      secured.on('error', () => {}).on('secure', () => secured.destroy());
      socket.write('220 go\r\n');
    };
    await start({ starttls: { act: demand } });
    const session = await greet(at());
    expect(session.tls).toBeUndefined();
    expect(session.tlsFailures).toMatchObject([{ type: 'validation-failure' }]);
    expect(await session.send(mail())).toMatchObject({ ok: true });
    await session.quit();
    expect(await open(at({ tls: 'encrypted' }))).toMatchObject({ ok: false, stage: 'starttls' });
    expect(server.messages).toHaveLength(1);
  });

  it('does not try again what a certificate decides', async () => {
    await start({}, { tls: stranger.issue(['mx.x.example']) });
    await open(at({ tls: 'verified' }));
    expect(server.connections()).toBe(1);
  });
});

describe('TLS, octets before the handshake', () => {
  // Attack: someone on the way adds replies in clear behind the 220; a client that keeps them takes them for the
  // server's own, sent through TLS (CVE-2011-0411, CVE-2021-38371).
  it.each([
    '250 injected\r\n',
    '250-inj',
    '2',
    '250 a\r\n250 b\r\n250 c\r\n',
    '\r\n',
    ' ',
    '220 go\r\n',
    '250-x\r\n250-AUTH PLAIN\r\n250 SIZE 1\r\n',
    '\0',
    `250 ${'x'.repeat(3_000)}\r\n`,
    '250-x\r\n'.repeat(3_000),
    'x'.repeat(65_536),
  ])('end the connection, and nothing goes out in clear either (%#)', async (injected) => {
    await start({ starttls: { act: (socket) => socket.write(`220 go\r\n${injected}`) } });
    for (const [n, tls] of POLICIES.entries()) {
      const opened = await open(at({ tls, waits: LONG }));
      expect(opened).toMatchObject({ ok: false, stage: 'starttls', afterDot: false });
      expect(server.connections()).toBe(n + 1);
    }
    expect(server.commands.filter((line) => line.startsWith('MAIL'))).toEqual([]);
  });

  it('do not count where they come behind the client’s hello: the handshake breaks', async () => {
    const inject = (socket: Socket) => {
      socket.removeAllListeners('data');
      socket.once('data', () => socket.write('250-mx\r\n250 SIZE 1\r\n'));
      socket.write('220 go\r\n');
    };
    await start({ starttls: { act: inject } });
    expect(await open(at({ tls: 'encrypted' }))).toMatchObject({ ok: false, stage: 'starttls' });
  });
});

describe('TLS, taken up again', () => {
  const quitAfterMail = async (changes: Partial<Changes>) => {
    const session = await greet(at(changes));
    await session.send(mail());
    await session.quit();
    return session;
  };

  it('keeps the verdict on the certificate', async () => {
    await start();
    for (let n = 0; n < 3; n++) expect((await quitAfterMail({ tls: 'verified' })).tls?.verified).toBe(true);
    expect(server.resumed()).toBe(2);
  });

  it('never makes a bad certificate good, nor serves another policy, name or trust', async () => {
    await start({}, { tls: stranger.issue(['mx.x.example']) });
    for (let n = 0; n < 2; n++)
      expect((await quitAfterMail({ tls: 'opportunistic' })).tls).toMatchObject({
        verified: false,
        certError: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      });
    expect(server.resumed()).toBe(1);
    expect(await open(at({ tls: 'verified' }))).toMatchObject({ ok: false, stage: 'starttls' });
    await quitAfterMail({ tls: 'encrypted' });
    await quitAfterMail({ tlsName: 'mx2.x.example' });
    expect((await quitAfterMail({ trust: [stranger.cert] })).tls?.verified).toBe(true);
    expect(server.resumed()).toBe(1);
  });
});

describe('TLS from the first octet', () => {
  it('greets inside it', async () => {
    await start({}, { tls: good, implicitTls: true });
    const session = await greet(at({ implicitTls: true, tls: 'verified' }));
    expect(session.tls?.verified).toBe(true);
    expect(await session.send(mail())).toMatchObject({ ok: true });
    expect(server.commands.includes('STARTTLS')).toBe(false);
    await session.quit();
  });

  it.each([...POLICIES, 'off'] as const)('never goes on in clear (%s)', async (tls) => {
    await start();
    expect(await open(at({ implicitTls: true, tls, waits: SHORT }))).toMatchObject({ ok: false, stage: 'starttls' });
    expect(server.connections()).toBe(2);
    expect(server.commands.filter((line) => /^(EHLO|MAIL)/.test(line))).toEqual([]);
  });
});

describe('AUTH', () => {
  const auth = { user: 'relay-user', password: 'hunter2 é' };
  const ehlo = (mechanisms: string) => `250-x\r\n250-AUTH ${mechanisms}\r\n250 8BITMIME\r\n`;
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const decode = (line: string | undefined) => Buffer.from(line ?? '', 'base64').toString();

  it('says PLAIN inside TLS, and its transcript has no password', async () => {
    await start({}, { tls: good, ehlo: ehlo('LOGIN PLAIN') });
    const session = await greet(at({ tls: 'verified', auth }));
    const said = server.commands.find((line) => line.startsWith('AUTH PLAIN '));
    expect(decode(said?.slice(11))).toBe('\0relay-user\0hunter2 é');
    expect(session.transcript).toContain('C: AUTH PLAIN (hidden)');
    expect(session.transcript.join('\n')).not.toContain(said!.slice(11));
    expect(await session.send(mail())).toMatchObject({ ok: true });
    await session.quit();
  });

  it('says LOGIN where there is no PLAIN', async () => {
    const script: Script = { auth: (_, nth) => ['334 VXNlcm5hbWU6\r\n', '334 UGFzc3dvcmQ6\r\n', '235 ok\r\n'][nth] };
    await start(script, { tls: good, ehlo: ehlo('LOGIN') });
    const session = await greet(at({ tls: 'verified', auth }));
    expect(server.commands.slice(-3).map((line, n) => (n === 0 ? line : decode(line)))).toEqual([
      'AUTH LOGIN',
      'relay-user',
      'hunter2 é',
    ]);
    expect(session.transcript.filter((line) => line === 'C: (hidden)')).toHaveLength(2);
    await session.quit();
  });

  it.each([
    ['refused', { auth: '535 5.7.8 no\r\n' }, ehlo('PLAIN'), { reply: { code: 535 } }],
    ['refused before the password', { auth: '534 5.7.9 no\r\n' }, ehlo('LOGIN'), { reply: { code: 534 } }],
    ['not offered', {}, ehlo('CRAM-MD5'), { error: expect.stringContaining('neither AUTH PLAIN') }],
  ] as const)('is a failure when %s', async (_, script, text, expected) => {
    await start(script, { tls: good, ehlo: text });
    expect(await open(at({ tls: 'verified', auth }))).toMatchObject({ ok: false, stage: 'ehlo', ...expected });
  });

  // Attack: a relay that does not know AUTH, or is curious, repeats the line with the password; its reply and the transcript go into
  // the record of a mail, which whoever sent it may read.
  it.each([
    ['PLAIN', (line: string) => `500 5.5.2 unknown: AUTH ${line} (hunter2 é)\r\n`],
    ['LOGIN', (line: string, nth: number) => (nth < 2 ? '334 x\r\n' : `535 5.7.8 ${line} is not the password\r\n`)],
  ] as const)('%s: a password that a server repeats is in no reply and no transcript', async (mechanism, auth_) => {
    await start({ auth: auth_ }, { tls: good, ehlo: ehlo(mechanism) });
    const failure = await open(at({ tls: 'verified', auth }));
    expect(failure).toMatchObject({ ok: false, stage: 'ehlo', reply: { text: expect.stringContaining('(hidden)') } });
    const told = JSON.stringify(failure);
    expect(told).toMatch(/"said":\[.*C: .*\(hidden\)/);
    for (const secret of ['hunter2', base64('hunter2 é'), base64('\0relay-user\0hunter2 é')])
      expect(told).not.toContain(secret);
  });

  // Attack: whoever sits on the way takes STARTTLS out, and waits for the password.
  it.each(['opportunistic', 'encrypted'] as const)('says no password in clear (%s)', async (tls) => {
    await start({}, { ehlo: ehlo('PLAIN LOGIN') });
    expect(await open(at({ tls, auth }))).toMatchObject({ ok: false });
    await server.close();
    await start({ starttls: { act: breakHandshake } }, { tls: good, ehlo: ehlo('PLAIN LOGIN') });
    expect(await open(at({ tls, auth }))).toMatchObject({ ok: false, stage: 'starttls' });
    expect(server.connections()).toBe(2);
    expect(server.commands.filter((line) => line.startsWith('AUTH'))).toEqual([]);
  });

  it('says it in clear under the policy off', async () => {
    await start({}, { ehlo: ehlo('PLAIN') });
    await (await greet(at({ tls: 'off', auth }))).quit();
    expect(server.commands.some((line) => line.startsWith('AUTH PLAIN '))).toBe(true);
  });
});
