/** The hosts here are strangers' and mean harm: whatever one does, a request ends, once, and in its time. */
import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeCertificate } from '../../io/certificate.ts';
import { askHttps, type HttpsRequest } from '../../io/https.ts';
import { openMtaSts } from '../../io/mta-sts.ts';
import { openTlsReportPost } from '../../io/tls-report-post.ts';

const made = makeCertificate(['mta-sts.x.test', 'x.test'], Date.now());
/** OpenSSL reads no PEM with an empty line, which a certificate of some lengths has. */
const certificate = { key: made.key, cert: made.cert.replace('\n\n', '\n') };
const SHORT = 300;
const LONG = 20_000;

let server: Server;
let port = 0;
/** What the host does once it has heard something. */
let act: (socket: TLSSocket) => void;
const sockets = new Set<Socket>();
const drips = new Set<NodeJS.Timeout>();
/** Nothing may be thrown where nobody can catch it. */
const strays: unknown[] = [];
const onStray = (error: unknown) => void strays.push(error);

beforeAll(async () => {
  server = createServer(certificate, (socket) => {
    socket.on('error', () => {});
    socket.once('data', () => act(socket));
  });
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as { port: number }).port;
});
afterAll(() => {
  for (const socket of sockets) socket.destroy();
  server.close();
});
beforeEach(() => {
  strays.length = 0;
  process.on('uncaughtException', onStray).on('unhandledRejection', onStray);
});
afterEach(async () => {
  for (const drip of drips) clearInterval(drip);
  drips.clear();
  await new Promise((resolve) => setImmediate(resolve));
  process.off('uncaughtException', onStray).off('unhandledRejection', onStray);
  expect(strays).toEqual([]);
});

const ask = (more: Partial<HttpsRequest> = {}, timeoutMs = LONG) =>
  askHttps({
    host: 'x.test',
    address: '127.0.0.1',
    port,
    path: '/',
    headers: {},
    most: 1_000,
    signal: AbortSignal.timeout(timeoutMs),
    ca: certificate.cert,
    ...more,
  });
const say = (text: string) => (socket: TLSSocket) => void socket.write(text);
const sayAndEnd = (text: string) => (socket: TLSSocket) => void socket.end(text);
const drip = (first: string, next: string) => (socket: TLSSocket) => {
  socket.write(first);
  drips.add(setInterval(() => socket.writable && socket.write(next), 5));
};

const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
const HINT = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Type: Text/Plain; charset=x\r\nContent-Length: 2\r\n\r\nhi';
const HI = { status: 200, type: 'text/plain', body: Buffer.from('hi') };

describe('an answer', () => {
  it.each<[string, string]>([
    ['with its length', OK],
    ['behind some 1xx', `HTTP/1.1 100 Continue\r\n\r\n${HINT.repeat(3)}${OK}`],
    ['that ends with its connection', 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nhi'],
    [
      'in chunks',
      'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n',
    ],
    ['that offers an upgrade', OK.replace('\r\n', '\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n')],
  ])('%s', async (_, text) => {
    // Prepare
    act = sayAndEnd(text);

    // Act
    const answer = await ask();

    // Assess
    expect(answer).toEqual(HI);
  });
});

// Attack: a policy or report host answers so that a client waits for ever; the run that asked it hangs, and its mail with it.
describe('a hostile host', () => {
  it.each<[string, RegExp, (socket: TLSSocket) => void]>([
    ['switches protocols', /101/, say(SWITCH)],
    ['switches protocols and goes', /101/, sayAndEnd(SWITCH)],
    ['switches protocols and floods', /101/, drip(SWITCH, 'x'.repeat(10_000))],
    ['switches protocols to nothing', /./, sayAndEnd('HTTP/1.1 101 Switching Protocols\r\n\r\n')],
    ['switches protocols behind hints', /101/, say(`${HINT}${SWITCH}`)],
    ['sends nothing but hints', /1xx/, drip('', HINT)],
    ['sends nothing but hints, all at once', /1xx/, say(HINT.repeat(5_000))],
    ['says to go on for ever', /1xx/, drip('', 'HTTP/1.1 100 Continue\r\n\r\n')],
    ['has a header of any length', /HEADER|OVERFLOW/, drip('HTTP/1.1 200 OK\r\nX: ', 'x'.repeat(1_000))],
    ['has headers in any number', /HEADER|OVERFLOW/, drip('HTTP/1.1 200 OK\r\n', 'X-A: 1\r\n'.repeat(500))],
    ['has a body of any length', /too long/, drip('HTTP/1.1 200 OK\r\n\r\n', 'x'.repeat(400))],
    ['goes', /./, (socket) => socket.destroy()],
    ['ends', /./, (socket) => void socket.end()],
    ['goes within its headers', /./, sayAndEnd('HTTP/1.1 200 OK\r\nX-A: ')],
    ['goes within its body', /./, sayAndEnd('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi')],
    ['goes behind a hint', /./, sayAndEnd(HINT)],
    ['speaks something else', /./, say('SSH-2.0-x\r\n\r\n')],
  ])('%s: that is an error, before its time is over', async (_, reason, behave) => {
    // Prepare
    act = behave;

    // Act
    const answer = await ask();

    // Assess
    expect(answer).toEqual({ error: expect.stringMatching(reason) });
    expect(answer).not.toEqual({ error: 'timeout' });
  });

  it.each<[string, (socket: TLSSocket) => void]>([
    ['hears and says nothing', () => {}],
    ['never ends its headers', drip('HTTP/1.1 200 OK\r\nX: ', 'x')],
    ['never ends its body', drip('HTTP/1.1 200 OK\r\n\r\n', 'x')],
    ['says one hint and waits', say(HINT)],
  ])('%s: that is a timeout', async (_, behave) => {
    // Prepare
    act = behave;

    // Act
    const answer = await ask({}, SHORT);

    // Assess
    expect(answer).toEqual({ error: 'timeout' });
  });

  it('is left alone: its connection is closed behind every answer', async () => {
    for (const behave of [say(SWITCH), drip('', HINT), say(OK), () => {}]) {
      // Prepare
      act = behave;

      // Act
      await ask({}, SHORT);

      // Assess
      await expect.poll(() => sockets.size, { timeout: LONG }).toBe(0);
    }
  });

  it('of a policy that switches protocols is a failure of the policy, and of a report it is one not taken', async () => {
    // Prepare
    act = say(SWITCH);
    const settings = { resolveHost: async () => ({ addresses: ['127.0.0.1'] }), port, ca: certificate.cert };
    const dns = { txt: async () => ({ answers: ['v=STSv1; id=1'], ttl: 60 }) };

    // Act
    const policy = await openMtaSts({ ...settings, dns, now: () => 0 })('x.test');
    const posted = await openTlsReportPost({ ...settings, dns }).post('https://x.test/', 'x/y', Buffer.from('x'));

    // Assess
    expect(policy).toEqual({
      failure: { type: 'sts-policy-fetch-error', host: 'mta-sts.x.test', reason: expect.stringMatching(/101/) },
    });
    expect(posted).toMatch(/101/);
  });

  it('whose address is never told costs a report its time, and no more', async () => {
    // Prepare
    const dns = { txt: async () => ({ answers: [], ttl: 60 }) };
    const { post } = openTlsReportPost({ dns, resolveHost: () => new Promise(() => {}), timeoutMs: 50 });
    const keepAlive = setTimeout(() => {}, LONG);

    // Act
    const posted = await post('https://x.test/', 'x/y', Buffer.from('x'));

    // Assess
    expect(posted).toBe('timeout');
    clearTimeout(keepAlive);
  });
});

describe('a request', () => {
  it('of a signal that has ended is none', async () => {
    // Prepare
    act = say(OK);
    const before = sockets.size;

    // Act
    const answer = await ask({ signal: AbortSignal.abort() });

    // Assess
    expect(answer).toEqual({ error: 'timeout' });
    expect(sockets.size).toBe(before);
  });

  it.each<[string, Partial<HttpsRequest>]>([
    ['a path that is none', { path: '/a b' }],
    ['a header that is none', { headers: { 'x-a': 'a\r\nb' } }],
  ])('with %s is an error, and throws nothing', async (_, more) => {
    expect(await ask(more)).toEqual({ error: expect.stringMatching(/ERR_/) });
  });
});
