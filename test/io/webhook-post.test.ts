// The attack: a customer names a URL whose host is inside (metadata, the runtime's own API, a neighbour), now or later, in whatever
// spelling, to have us send something there, or to learn what answers.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readParseUrl } from '../../core/parse/url.ts';
import { openMx } from '../../io/mx.ts';
import { openTokenRequest, openWebhookPost } from '../../io/webhook-post.ts';
import { a, type NameServer, startNameServer } from './name-server.ts';

const FORM = { contentType: 'text/plain', pieces: [Buffer.from('a'), Buffer.from('bc')], bytes: 3 };
let names: NameServer;
let connections = 0;
const inside = createServer((_, response) => response.end('secret'));

beforeAll(async () => {
  inside.on('connection', () => connections++);
  inside.listen(0, '127.0.0.1');
  await once(inside, 'listening');
  names = await startNameServer();
});
afterAll(async () => {
  inside.closeAllConnections();
  inside.close();
  await names.stop();
});

const poster = (anyPort = true) => {
  const mx = openMx({ servers: [names.address], now: Date.now, random: () => 0, mtaSts: false });
  return openWebhookPost({ resolveHost: mx.resolveHost, anyPort, timeoutMs: 1_000 });
};

const port = () => (inside.address() as AddressInfo).port;
const INSIDE = [
  '127.0.0.1',
  '127.1',
  '0',
  '0.0.0.0',
  '0177.0.0.1',
  '0x7f.1',
  '2130706433',
  '0x7f000001',
  '10.0.0.1',
  '172.16.0.1',
  '192.168.1.1',
  '100.64.0.1',
  '169.254.169.254',
  '169.254.170.2',
  '198.18.0.1',
  '224.0.0.1',
  '255.255.255.255',
  '[::1]',
  '[::]',
  '[::ffff:127.0.0.1]',
  '[64:ff9b::7f00:1]',
  '[fd00:ec2::254]',
  '[fe80::1]',
  '[2002:7f00:1::]',
  '[ff02::1]',
  '１２７.0.0.1',
  '127。0。0。1',
];

describe('a post to what is inside', () => {
  it.each(INSIDE)('is not made: %s', async (host) => {
    for (const scheme of ['https', 'http']) {
      const answer = await poster()(`${scheme}://${host}:${port()}/latest/meta-data`, FORM);
      expect(answer).toHaveProperty('error');
    }
    expect(connections).toBe(0);
  });

  it('W1: 200 and more URLs, for events and for tokens: no packet leaves', async () => {
    const mx = openMx({ servers: [names.address], now: Date.now, random: () => 0, mtaSts: false });
    const settings = { resolveHost: mx.resolveHost, anyPort: true, timeoutMs: 1_000 };
    const [post, askToken] = [openWebhookPost(settings), openTokenRequest(settings)];
    const urls = INSIDE.flatMap((host) => [
      `http://${host}:${port()}/`,
      `https://${host}:${port()}/`,
      `http://public.example@${host}:${port()}/`,
      `http://user:password@${host}:${port()}/?u=https://public.example/`,
      `HTTP://${host}:0${port()}/#x`,
      `http:/\\${host}:${port()}/`,
      `http://${host}.:${port()}/`,
      `gopher://${host}:${port()}/`,
    ]);
    expect(urls.length).toBeGreaterThan(200);
    const answers = await Promise.all(urls.flatMap((url) => [post(url, FORM), askToken(url, 'id', 'secret')]));
    expect(answers.filter((answer) => !('error' in answer))).toEqual([]);
    expect(connections).toBe(0);
  });

  it('is not made by a name of it', async () => {
    const post = poster();
    for (const address of ['127.0.0.1', '169.254.169.254', '10.1.2.3']) {
      const name = `${address.replaceAll('.', '-')}.example`;
      names.zone[`A ${name}`] = a(address);
      expect(await post(`http://${name}:${port()}/`, FORM)).toEqual({ error: expect.stringContaining(address) });
    }
    expect(connections).toBe(0);
  });
});

describe('a URL', () => {
  it.each([
    'https://hooks.shop.example/in?x=1',
    'http://hooks.shop.example/in',
    'https://user:p%40ss@hooks.shop.example:8443/',
    'http://hooks.shop.example:8080/',
  ])('may be set: %s', (url) => {
    expect(readParseUrl(url).ok).toBe(true);
  });

  it.each([
    '',
    'hooks.shop.example',
    '//hooks.shop.example/',
    'ftp://hooks.shop.example/',
    'file:///etc/passwd',
    'gopher://x.example/',
    'javascript:alert(1)',
    'https://hooks.shop.example:22/',
    'http://hooks.shop.example:443/',
    'https://hooks.shop.example:9001/',
    'https://hooks.shop.example/#x',
    'https://hooks.shop.example /',
    'https:\\\\hooks.shop.example/',
    'https://hooks.shop.example/\r\nX: y',
    'https://[::1/',
    `https://hooks.shop.example/${'x'.repeat(3_000)}`,
  ])('may not be set: %j', (url) => {
    expect(readParseUrl(url)).toMatchObject({ ok: false, message: expect.any(String) });
  });
});
