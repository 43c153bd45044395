import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { WAITS, type Waits } from '../../core/smtp/limits.ts';
import { makeCertificate } from '../../io/certificate.ts';
import { openSession, type SessionOptions } from '../../io/smtp.ts';
import { type Script, type ScriptedServer, startScript } from '../smtp-script.ts';

const tls = makeCertificate(['mx.x.example'], Date.UTC(2026, 10, 23));
const SHORT: Waits = { connect: 1_000, command: 200, tls: 500, session: 2_000, data: 200, body: 300, dot: 200 };
let server: ScriptedServer;
afterEach(() => server?.close());

const start = async (script: Script = {}, options: Parameters<typeof startScript>[1] = {}) => {
  server = await startScript(script, options);
};
const open = (changes: Partial<SessionOptions> = {}) =>
  openSession({
    host: 'mx.x.example',
    address: '127.0.0.1',
    port: server.port,
    ehloName: 'mail.sender.example',
    waits: WAITS,
    remaining: () => 180_000,
    ...changes,
  });
async function greet(changes: Partial<SessionOptions> = {}) {
  const opened = await open(changes);
  if (!opened.ok) throw new Error(JSON.stringify(opened));
  return opened.session;
}
const mail = (to = 'b@x.example', text = 'Subject: a\r\n\r\nhello\r\n..dot\r\n') => ({
  from: 'bounce@em.sender.example',
  to,
  octets: [Buffer.from(text), Buffer.from('.\r\n')],
});
const NO_PIPELINING = '250-script.test\r\n250 8BITMIME\r\n';

describe('smtp', () => {
  it.each([undefined, NO_PIPELINING])('sends several messages on one session (%j)', async (ehlo) => {
    await start({}, ehlo ? { ehlo } : {});
    const session = await greet();
    expect(await session.send(mail('a@x.example'))).toMatchObject({ ok: true, reply: { code: 250 } });
    expect(await session.send(mail('b@x.example'))).toMatchObject({ ok: true });
    await session.quit();
    expect(server.messages.map(({ to, data }) => [to, data.toString()])).toEqual([
      [['a@x.example'], 'Subject: a\r\n\r\nhello\r\n.dot\r\n'],
      [['b@x.example'], 'Subject: a\r\n\r\nhello\r\n.dot\r\n'],
    ]);
    expect(server.connections()).toBe(1);
    expect(server.commands.at(-1)).toBe('QUIT');
    expect(session.accepted()).toBe(2);
    expect(session.usable()).toBe(false);
    expect(session.transcript).toContain('C: EHLO mail.sender.example');
  });

  it.each([undefined, NO_PIPELINING])('goes on after a refused recipient (%j)', async (ehlo) => {
    await start(
      { rcpt: (path) => (path.startsWith('no') ? '550 5.1.1 no such user\r\n' : undefined) },
      ehlo ? { ehlo } : {},
    );
    const session = await greet();
    expect(await session.send(mail('no@x.example'))).toMatchObject({
      ok: false,
      stage: 'rcpt',
      reply: { enhanced: '5.1.1' },
    });
    expect(await session.send(mail('yes@x.example'))).toMatchObject({ ok: true });
    expect(server.messages).toHaveLength(1);
    expect(server.commands).toContain('RSET');
    await session.quit();
  });

  it('sends no empty message when the server takes DATA without a recipient', async () => {
    await start({ rcpt: '550 5.1.1 no\r\n', data: '354 go ahead\r\n' });
    const session = await greet();
    expect(await session.send(mail())).toMatchObject({ ok: false, stage: 'rcpt' });
    expect(session.usable()).toBe(false);
    expect(server.messages).toHaveLength(0);
  });

  it('says HELO to a server that does not know EHLO', async () => {
    await start({ ehlo: (line) => (line.startsWith('EHLO') ? '502 what?\r\n' : '250 old\r\n') });
    expect(await (await greet()).send(mail())).toMatchObject({ ok: true });
    expect(server.commands.slice(0, 2)).toEqual(['EHLO mail.sender.example', 'HELO mail.sender.example']);
  });

  it('declares SIZE and BODY where offered, and refuses what the server cannot take', async () => {
    await start({}, { ehlo: '250-x\r\n250-SIZE 40\r\n250-SMTPUTF8\r\n250 8BITMIME\r\n' });
    const session = await greet();
    expect(await session.send(mail('b@x.example', 'x'.repeat(50)))).toMatchObject({
      ok: false,
      stage: 'mail',
      reply: { code: 552, enhanced: '5.3.4' },
    });
    expect(await session.send({ ...mail('jörg@x.example', 'a\r\n'), eightBit: true })).toMatchObject({ ok: true });
    expect(server.commands).toContain('MAIL FROM:<bounce@em.sender.example> SIZE=6 BODY=8BITMIME SMTPUTF8');
    await session.quit();
  });

  it('does not send a non-ASCII local part to a server without SMTPUTF8', async () => {
    await start();
    const session = await greet();
    expect(await session.send(mail('jörg@x.example'))).toMatchObject({
      ok: false,
      reply: { code: 553, enhanced: '5.6.7' },
    });
    expect(await session.send(mail('bob@bücher.example'))).toMatchObject({ ok: true });
    expect(server.messages[0]?.to).toEqual(['bob@xn--bcher-kva.example']);
    await session.quit();
  });

  // Attack: an address that ends the command and begins another, to reach recipients that nobody accepted.
  it('never writes an address that is more than one', async () => {
    await start();
    const session = await greet();
    const evil = [
      'a@x>\r\nRCPT TO:<e@x.example',
      'a b@x',
      'a@x\nDATA',
      'a@x> NOTIFY=NEVER',
      '<a@x',
      'a@x\0',
      '',
      '@',
      'a@',
      '"a\r\n"@x',
      'a\\@x',
      'a"@x',
      '"a"b"@x',
    ];
    for (const to of evil.filter(Boolean)) {
      expect(await session.send(mail(to))).toMatchObject({ ok: false, stage: 'rcpt', reply: { code: 501 } });
      expect(await session.send({ ...mail(), from: to })).toMatchObject({ ok: false });
    }
    expect(server.commands.filter((line) => !line.startsWith('EHLO'))).toEqual([]);
    expect(await session.send(mail('"a b>"@x.example'))).toMatchObject({ ok: true });
    await session.quit();
  });

  /** Says something after a while; only without pipelining does the server go on then. */
  const slowly = (say: string, after: number) => ({
    act: (socket: Socket) => void setTimeout(() => socket.write(say), after),
  });

  // Attack: a tarpit, quick enough with each reply, but not with all of them.
  it('gives a host up that takes too long with everything together', async () => {
    await start({ banner: slowly('220 script.test\r\n', 150), ehlo: slowly('250 script.test\r\n', 150) });
    const opened = await open({ waits: { ...SHORT, command: 1_000, session: 220 } });
    expect(opened).toMatchObject({ ok: false, stage: 'ehlo', error: 'timeout' });
  });

  it('is as patient again after each answer to a message, and while it has nothing to send', async () => {
    await start(
      {
        rcpt: (path) => slowly(path.startsWith('no') ? '550 5.1.1 no\r\n' : '250 2.1.5 OK\r\n', 150),
        data: '451 later\r\n',
      },
      { ehlo: NO_PIPELINING },
    );
    const session = await greet({ waits: { ...SHORT, command: 1_000, session: 400 } });
    for (const to of ['no1@x.example', 'a@x.example', 'no2@x.example', 'b@x.example']) {
      const code = to.startsWith('no') ? 550 : 451;
      expect(await session.send(mail(to))).toMatchObject({ ok: false, reply: { code } });
    }
    await new Promise((resolve) => setTimeout(resolve, 450));
    expect(await session.send(mail('no3@x.example'))).toMatchObject({ reply: { code: 550 } });
    await session.quit();
  });

  it('takes a reply that came in time, though this process was busy until after it', async () => {
    await start({
      dot: {
        act: (socket) => {
          socket.write('250 2.0.0 OK\r\n');
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, SHORT.dot * 2);
        },
      },
    });
    const session = await greet({ waits: SHORT });
    expect(await session.send(mail())).toMatchObject({ ok: true });
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    expect(session.usable()).toBe(true);
    await session.quit();
  });

  it('waits for the reply to the dot as long as that may take, not as long as the message may', async () => {
    await start({ dot: 'silence' });
    const session = await greet({ waits: { ...SHORT, body: 90_000, session: 90_000 } });
    expect(await session.send(mail())).toMatchObject({ ok: false, stage: 'dot', error: 'timeout', afterDot: true });
  });

  describe('what goes wrong', () => {
    it.each<[string, Script, object]>([
      ['banner 554', { banner: '554 go away\r\n' }, { stage: 'banner', reply: { code: 554 } }],
      ['banner 421', { banner: { say: '421 busy\r\n', end: 'close' } }, { stage: 'banner', reply: { code: 421 } }],
      [
        'banner garbage',
        { banner: 'HTTP/1.1 400 Bad Request\r\n' },
        { stage: 'banner', error: expect.stringContaining('not an SMTP reply') },
      ],
      [
        'banner of 100 KB',
        { banner: `220 ${'x'.repeat(100_000)}\r\n` },
        { stage: 'banner', error: 'reply line too long' },
      ],
      ['banner FIN', { banner: { end: 'close' } }, { stage: 'banner', error: 'closed by the server' }],
      [
        'banner RST',
        { banner: { end: 'reset' } },
        { stage: expect.stringMatching(/^(connect|banner)$/), error: 'ECONNRESET' },
      ],
      ['banner silence', { banner: 'silence' }, { stage: 'banner', error: 'timeout' }],
      [
        'two banners',
        { banner: '220 a\r\n220 b\r\n' },
        { stage: 'ehlo', error: expect.stringContaining('nobody asked') },
      ],
      ['EHLO 10,000 lines', { ehlo: '250-line\r\n'.repeat(10_000) }, { stage: 'ehlo', error: 'reply too long' }],
      ['EHLO 450', { ehlo: '450 later\r\n' }, { stage: 'ehlo', reply: { code: 450 } }],
      ['EHLO silence', { ehlo: 'silence' }, { stage: 'ehlo', error: 'timeout' }],
    ])('%s', async (_, script, expected) => {
      await start(script);
      expect(await open({ waits: SHORT })).toMatchObject({ ok: false, afterDot: false, ...expected });
    });

    it('a closed port', async () => {
      await start();
      const { port } = server;
      await server.close();
      expect(await open({ port })).toMatchObject({ ok: false, stage: 'connect', error: 'ECONNREFUSED' });
    });

    it('no wait is longer than the time that is left', async () => {
      await start({ banner: 'silence' });
      const began = performance.now();
      expect(await open({ remaining: () => 100 })).toMatchObject({ ok: false, error: 'timeout' });
      expect(performance.now() - began).toBeLessThan(10_000);
    });

    it.each<[string, Script, object]>([
      ['MAIL 421', { mail: { say: '421 4.3.2 closing\r\n', end: 'close' } }, { stage: 'mail', reply: { code: 421 } }],
      ['RCPT silence', { rcpt: 'silence' }, { stage: 'rcpt', error: 'timeout', afterDot: false }],
      ['DATA RST', { data: { end: 'reset' } }, { stage: 'data', afterDot: false }],
      ['dot 554', { dot: '554 5.7.1 no\r\n' }, { stage: 'dot', reply: { code: 554 }, afterDot: false }],
      ['dot silence', { dot: 'silence' }, { stage: 'dot', error: 'timeout', afterDot: true }],
      ['dot FIN', { dot: { end: 'close' } }, { stage: 'dot', afterDot: true }],
      ['dot RST', { dot: { end: 'reset' } }, { stage: 'dot', afterDot: true }],
      ['dot garbage', { dot: 'lorem ipsum\r\n' }, { stage: 'dot', afterDot: true }],
    ])('%s', async (_, script, expected) => {
      await start(script);
      const session = await greet({ waits: SHORT });
      expect(await session.send(mail())).toMatchObject({ ok: false, ...expected });
      await session.quit();
      expect(session.usable()).toBe(false);
    });

    it('a server that stops reading a long message has not got its end', async () => {
      await start({ body: { act: (socket) => socket.pause() } }, { ehlo: NO_PIPELINING });
      const session = await greet({ waits: SHORT });
      const sent = await session.send(mail('b@x.example', 'x'.repeat(998).concat('\r\n').repeat(20_000)));
      expect(sent).toMatchObject({ ok: false, stage: 'body', error: 'timeout', afterDot: false });
    });

    it('a refusal in the middle of a long message is that message’s', async () => {
      await start(
        { body: { act: (socket) => socket.pause().write('552 5.3.4 too big\r\n') } },
        { ehlo: NO_PIPELINING },
      );
      const session = await greet({ waits: { ...SHORT, body: 5_000 } });
      const sent = await session.send(mail('b@x.example', 'x'.repeat(998).concat('\r\n').repeat(20_000)));
      expect(sent).toMatchObject({ ok: false, stage: 'body', reply: { code: 552 } });
      expect(session.usable()).toBe(false);
    });

    it('begins no message that it has no time for', async () => {
      await start();
      let left = 180_000;
      const session = await greet({ remaining: () => left });
      left = WAITS.body + WAITS.dot - 1;
      expect(await session.send(mail())).toEqual({ ok: false, postponed: true });
      left = 180_000;
      expect(await session.send(mail())).toMatchObject({ ok: true });
      await session.quit();
      expect(server.messages).toHaveLength(1);
    });

    it('drops the connection rather than begin a message late', async () => {
      let left = 180_000;
      await start({
        data: () => {
          left = 1_000;
          return '354 go\r\n';
        },
      });
      const session = await greet({ remaining: () => left });
      expect(await session.send(mail())).toEqual({ ok: false, postponed: true });
      expect(session.usable()).toBe(false);
      expect(server.messages).toHaveLength(0);
    });
  });

  // Attack: replies sent before they are asked for, to be taken for the answers to later commands (a queue out of step
  // would make a refused message look delivered).
  it('gives up a connection that answers what was not asked', async () => {
    await start({ dot: '250 OK\r\n250 OK\r\n250 OK\r\n250 OK\r\n250 OK\r\n' });
    const session = await greet();
    await session.send(mail());
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(session.usable()).toBe(false);
    expect(await session.send(mail())).toMatchObject({
      ok: false,
      stage: 'mail',
      error: expect.stringContaining('nobody asked'),
    });
  });

  it('believes a reply that came whole, whatever came behind it in the same packet', async () => {
    const garbage = 'x'.repeat(5_000);
    await start({
      rcpt: (path) => (path.startsWith('no') ? `550 5.1.1 no\r\n${garbage}` : undefined),
      dot: `250 OK\r\n${garbage}`,
    });
    const refused = await greet();
    expect(await refused.send(mail('no@x.example'))).toMatchObject({ ok: false, stage: 'rcpt', reply: { code: 550 } });
    const taken = await greet();
    expect(await taken.send(mail())).toMatchObject({ ok: true, reply: { code: 250 } });
    expect([refused.usable(), taken.usable()]).toEqual([false, false]);
  });

  it('tells since when it is idle', async () => {
    await start();
    const session = await greet();
    await new Promise((resolve) => setTimeout(resolve, 30));
    const before = session.idleFor();
    await session.send(mail());
    expect(before).toBeGreaterThanOrEqual(25);
    expect(session.idleFor()).toBeLessThan(before);
    await session.quit();
  });

  describe('STARTTLS', () => {
    it('is used when offered, with any certificate, and what was said before counts for nothing', async () => {
      const ehlo = '250-x\r\n250-PIPELINING\r\n250 8BITMIME\r\n';
      await start({}, { tls, ehlo });
      const session = await greet();
      expect(session.tls).toMatchObject({
        protocol: 'TLSv1.3',
        cipher: expect.stringMatching(/^TLS_/),
        verified: false,
      });
      expect(await session.send(mail())).toMatchObject({ ok: true });
      expect(server.messages[0]?.tls).toBe(true);
      expect(server.commands.slice(0, 3)).toEqual(['EHLO mail.sender.example', 'STARTTLS', 'EHLO mail.sender.example']);
      await session.quit();
    });

    it('forgets the extensions of before TLS', async () => {
      let greetings = 0;
      await start(
        { ehlo: () => (++greetings === 1 ? '250-x\r\n250-STARTTLS\r\n250-PIPELINING\r\n250 SIZE 5\r\n' : '250 x\r\n') },
        { tls },
      );
      const session = await greet();
      expect(await session.send(mail())).toMatchObject({ ok: true });
      expect(server.commands).toContain('MAIL FROM:<bounce@em.sender.example>');
      await session.quit();
    });

    it('goes on without where the server refuses it', async () => {
      await start({ starttls: '454 4.7.0 not now\r\n' }, { tls });
      const session = await greet();
      expect(session.tls).toBeUndefined();
      expect(await session.send(mail())).toMatchObject({ ok: true });
      expect(server.connections()).toBe(1);
      await session.quit();
    });
  });
});
