// The attack: a customer names a link host whose address is inside (metadata, a neighbour), now or when it is asked, or one that redirects
// there, or that never ends its answer, to have manage send a request there, to learn what answers, or to keep it busy.
import { once } from 'node:events';
import { createServer as createPlain, type Server } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PROBE_ANSWER } from '../../core/tracking/link-host.ts';
import { openLinkProbe } from '../../io/link-probe.ts';
import { openMx } from '../../io/mx.ts';
import { makeAuthority } from '../certificate-authority.ts';
import { a, type NameServer, startNameServer } from './name-server.ts';

const HOST = 'links.shop.example';
const authority = makeAuthority('Test CA');
const said: { status: number; headers: Record<string, string>; body: string; endless: boolean } = {
  status: 200,
  headers: {},
  body: PROBE_ANSWER,
  endless: false,
};
let connections = 0;
let asked: (string | undefined)[] = [];
let names: NameServer;

function listenTo(server: Server): Server {
  server.on('connection', () => connections++);
  server.on('request', (request, response) => {
    asked.push(request.url);
    response.writeHead(said.status, said.headers);
    response.write(said.body);
    if (!said.endless) response.end();
  });
  return server.listen(0, '127.0.0.1');
}
const secure = listenTo(createServer(authority.issue([HOST])));
const inside = listenTo(createPlain());
const portOf = (server: Server) => (server.address() as AddressInfo).port;

beforeAll(async () => {
  names = await startNameServer();
  await Promise.all([secure, inside].map((one) => one.listening || once(one, 'listening')));
});
beforeEach(() => {
  names.reset();
  connections = 0;
  asked = [];
  Object.assign(said, { status: 200, headers: {}, body: PROBE_ANSWER, endless: false });
});
afterAll(async () => {
  for (const server of [secure, inside]) {
    server.closeAllConnections();
    server.close();
  }
  await names.stop();
});

const prober = (allowPrivateHosts: boolean, timeoutMs = 2_000) => {
  const mx = openMx({
    servers: [names.address],
    allowPrivateHosts,
    now: Date.now,
    random: () => 0,
    mtaSts: false,
  });
  return openLinkProbe({ resolveHost: mx.resolveHost, timeoutMs, port: portOf(secure), ca: authority.cert });
};

describe('a link host that is inside', () => {
  it.each(['127.0.0.1', '169.254.169.254', '10.1.2.3', '192.168.1.1', '100.64.0.1'])(
    'is not asked by a name of %s',
    async (address) => {
      names.zone[`A ${HOST}`] = a(address);
      expect(await prober(false)(HOST)).toContain('only private addresses');
      expect(connections).toBe(0);
    },
  );

  it('is not asked by its address', async () => {
    for (const host of ['127.0.0.1', 'localhost', '[::1]'])
      expect(await prober(false)(`${host}:${portOf(inside)}`)).toBeTruthy();
    expect(connections).toBe(0);
  });

  it('is not asked when its name is looked up a second time: it is looked up once', async () => {
    let times = 0;
    const resolveHost = async () => ({ addresses: times++ === 0 ? ['127.0.0.1'] : ['169.254.169.254'] });
    const probe = openLinkProbe({ resolveHost, port: portOf(secure), ca: authority.cert });
    expect(await probe(HOST)).toBeUndefined();
    expect({ times, asked }).toEqual({ times: 1, asked: ['/up'] });
  });
});

describe('a link host', () => {
  beforeEach(() => {
    names.zone[`A ${HOST}`] = a('127.0.0.1');
    names.zone['A other.example'] = a('127.0.0.1');
  });

  it('is believed when it says what track says, with a certificate of its own', async () => {
    expect(await prober(true)(HOST)).toBeUndefined();
    expect(await prober(true)('other.example')).toContain('CERT');
    said.body = 'welcome to nginx';
    expect(await prober(true)(HOST)).toContain('not as ours');
  });

  it('is asked in clear on this machine, where that may be spoken to', async () => {
    expect(await prober(true)(`127.0.0.1:${portOf(inside)}`)).toBeUndefined();
    expect(await prober(true)(`localhost:${portOf(inside)}`)).toBeUndefined();
  });

  it('leads nowhere by a redirect', async () => {
    Object.assign(said, { status: 302, headers: { location: `http://127.0.0.1:${portOf(inside)}/up` } });
    expect(await prober(true)(HOST)).toContain('answers 302');
    expect(asked).toEqual(['/up']);
  });

  it('cannot answer without end', async () => {
    said.endless = true;
    const begun = performance.now();
    expect(await prober(true, 300)(HOST)).toContain('timeout');
    said.body = 'x'.repeat(100_000);
    expect(await prober(true)(HOST)).toContain('too long');
    expect(performance.now() - begun).toBeLessThan(2_000);
  });

  it('whose name never answers ends by itself', async () => {
    names.zone[`A ${HOST}`] = 'SILENCE';
    expect(await prober(true, 200)(HOST)).toContain('timeout');
  });
});
