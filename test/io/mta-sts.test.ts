import type { ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { createServer as createTcpServer } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeCertificate as makeSinkCertificate } from '../../io/certificate.ts';
import type { DnsAnswer } from '../../io/dns.ts';
import { type MtaStsSettings, openMtaSts } from '../../io/mta-sts.ts';
import { openMx } from '../../io/mx.ts';
import { a, mx, type NameServer, startNameServer, txt } from './name-server.ts';

const POLICY = ['version: STSv1', 'mode: enforce', 'mx: *.x.test', 'max_age: 86400', ''].join('\r\n');
const IN_FORCE = { policy: { mode: 'enforce', mx: ['*.x.test'], maxAge: 86_400, id: '1' } };
const DAY = 86_400_000;
const MINUTES = 60_000;
const START = Date.UTC(2026, 10, 23);

/** OpenSSL reads no PEM with an empty line, which a certificate of some lengths has. */
const makeCertificate = (...given: Parameters<typeof makeSinkCertificate>) => {
  const { key, cert } = makeSinkCertificate(...given);
  return { key, cert: cert.replace('\n\n', '\n') };
};
const trusted = makeCertificate(['mta-sts.x.test', 'mta-sts.y.test'], Date.now());
let server: Server;
let port = 0;
/** What the policy host says. */
let serve: (response: ServerResponse) => void;
let fetched: string[] = [];
let now = 0;
let record: DnsAnswer<string>;
let addresses: string[] = [];

const listen = async (certificate: { key: string; cert: string }) => {
  const one = createServer(certificate, (request, response) => {
    fetched.push(`${request.headers.host?.split(':')[0]}${request.url}`);
    serve(response);
  });
  one.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => one.listen(0, '127.0.0.1', resolve));
  return one;
};
const portOf = (one: Server) => (one.address() as { port: number }).port;
const text = (body: string, status = 200, headers: Record<string, string> = { 'content-type': 'text/plain' }) => {
  serve = (response) => response.writeHead(status, headers).end(body);
};
beforeAll(async () => {
  server = await listen(trusted);
  port = portOf(server);
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  now = START;
  fetched = [];
  record = { answers: ['v=STSv1; id=1'], ttl: 60 };
  addresses = ['127.0.0.1'];
  text(POLICY);
});

const asked: string[] = [];
const open = (settings: MtaStsSettings = {}) =>
  openMtaSts({
    dns: {
      txt: async (name) => {
        asked.push(name);
        return record;
      },
    },
    resolveHost: async () => (addresses.length > 0 ? { addresses } : { addresses, error: 'only private addresses' }),
    now: () => now,
    port,
    ca: trusted.cert,
    timeoutMs: 2_000,
    ...settings,
  });
const failing = (type: string, reason: RegExp) => ({
  failure: { type, host: 'mta-sts.x.test', reason: expect.stringMatching(reason) },
});

describe('a policy', () => {
  it('is what the record announces and HTTPS brings', async () => {
    expect(await open()('x.test')).toEqual(IN_FORCE);
    expect(fetched).toEqual(['mta-sts.x.test/.well-known/mta-sts.txt']);
    expect(asked.at(-1)).toBe('_mta-sts.x.test');
  });

  it('in testing is told as such; none is no policy', async () => {
    text(POLICY.replace('enforce', 'testing'));
    expect(await open()('x.test')).toMatchObject({ policy: { mode: 'testing' } });
    text(POLICY.replace('enforce', 'none'));
    expect(await open()('x.test')).toEqual({});
  });

  it.each<[string, DnsAnswer<string>]>([
    ['NXDOMAIN', { failure: 'NXDOMAIN' }],
    ['SERVFAIL', { failure: 'SERVFAIL' }],
    ['a record of something else', { answers: ['v=spf1 -all'], ttl: 60 }],
    ['two records', { answers: ['v=STSv1; id=1', 'v=STSv1; id=2'], ttl: 60 }],
  ])('is not asked for with %s', async (_, answer) => {
    record = answer;
    expect(await open()('x.test')).toEqual({});
    expect(fetched).toEqual([]);
  });

  it('is fetched once, however many ask at once', async () => {
    const policyOf = open();
    expect(await Promise.all([policyOf('x.test'), policyOf('x.test'), policyOf('y.test')])).toEqual([
      IN_FORCE,
      IN_FORCE,
      IN_FORCE,
    ]);
    expect(fetched).toHaveLength(2);
  });

  it('is kept for its max_age, a week at most, and renewed at half of it', async () => {
    const policyOf = open();
    await policyOf('x.test');
    now += DAY / 2 - 1;
    await policyOf('x.test');
    expect(fetched).toHaveLength(1);
    text(POLICY.replace('86400', '31557600'));
    now += 1;
    await policyOf('x.test');
    now += 3.5 * DAY - 1;
    await policyOf('x.test');
    expect(fetched).toHaveLength(2);
    now += 1;
    await policyOf('x.test');
    expect(fetched).toHaveLength(3);
  });

  it('stays in force where it cannot be renewed, until its end', async () => {
    const policyOf = open();
    await policyOf('x.test');
    text('gone', 404);
    for (now += DAY / 2; now < START + DAY; now += 5 * MINUTES)
      expect(await policyOf('x.test')).toMatchObject(IN_FORCE);
    expect(fetched).toHaveLength(1 + DAY / 2 / (5 * MINUTES));
    expect((await policyOf('x.test')).policy).toBeUndefined();
  });

  it('is fetched again when the id of its record changes', async () => {
    const policyOf = open();
    await policyOf('x.test');
    record = { answers: ['v=STSv1; id=2'], ttl: 60 };
    text(POLICY.replace('*.x.test', 'new.x.test'));
    expect(await policyOf('x.test')).toMatchObject({ policy: { mx: ['new.x.test'], id: '2' } });
    await policyOf('x.test');
    expect(fetched).toHaveLength(2);
  });
});

// Attack: who can block DNS or HTTPS between us and a domain switches its policy off, and reads its mail (RFC 8461 10.2).
describe('a policy that was had once', () => {
  it.each<DnsAnswer<string>>([
    { failure: 'NXDOMAIN' },
    { failure: 'SERVFAIL' },
    { failure: 'TIMEOUT' },
    { answers: ['v=STSv1; broken'], ttl: 60 },
  ])('stays in force when its record is gone: %j', async (answer) => {
    const policyOf = open();
    await policyOf('x.test');
    record = answer;
    now += DAY - 1;
    expect(await policyOf('x.test')).toEqual(IN_FORCE);
    now += 1;
    expect(await policyOf('x.test')).toEqual({});
  });

  it('stays in force when the new one cannot be had, which is tried again in 5 minutes', async () => {
    const policyOf = open();
    await policyOf('x.test');
    record = { answers: ['v=STSv1; id=2'], ttl: 60 };
    text('gone', 404);
    const kept = { ...IN_FORCE, ...failing('sts-policy-fetch-error', /HTTP 404/) };
    expect(await policyOf('x.test')).toEqual(kept);
    now += 5 * MINUTES - 1;
    expect(await policyOf('x.test')).toEqual(kept);
    expect(fetched).toHaveLength(2);
    text(POLICY.replace('enforce', 'none'));
    now += 1;
    expect(await policyOf('x.test')).toEqual({});
    now += DAY / 2 - 1;
    expect(await policyOf('x.test')).toEqual({});
    expect(fetched).toHaveLength(3);
  });

  it('does not outlast its max_age', async () => {
    const policyOf = open();
    await policyOf('x.test');
    text('gone', 404);
    now += DAY;
    expect(await policyOf('x.test')).toEqual(failing('sts-policy-fetch-error', /HTTP 404/));
  });
});

describe('no policy, and why', () => {
  it.each<[string, string, RegExp, () => void]>([
    ['not found', 'sts-policy-fetch-error', /HTTP 404/, () => text('x', 404)],
    [
      'a redirect',
      'sts-policy-fetch-error',
      /HTTP 301/,
      () => text('', 301, { location: `https://mta-sts.y.test:${port}/` }),
    ],
    ['a page', 'sts-policy-fetch-error', /text\/html/, () => text(POLICY, 200, { 'content-type': 'text/html' })],
    ['no type', 'sts-policy-fetch-error', /not said/, () => text(POLICY, 200, {})],
    ['no policy in it', 'sts-policy-invalid', /version/, () => text('hello: world')],
    [
      'a policy cut off',
      'sts-policy-fetch-error',
      /ECONNRESET|aborted/,
      () => {
        serve = (response) => {
          response.writeHead(200, { 'content-type': 'text/plain', 'content-length': '900' });
          response.write(POLICY, () => response.destroy());
        };
      },
    ],
    ['more than 64 KB', 'sts-policy-fetch-error', /too long/, () => text(POLICY + 'x'.repeat(70_000))],
    [
      'no public address',
      'sts-policy-fetch-error',
      /only private/,
      () => {
        addresses = [];
      },
    ],
    [
      'nobody there',
      'sts-policy-fetch-error',
      /ECONNREFUSED/,
      () => {
        addresses = ['127.0.0.2'];
      },
    ],
  ])('%s', async (_, type, reason, prepare) => {
    prepare();
    expect(await open()('x.test')).toEqual(failing(type, reason));
  });

  it('text/plain in any case and with a charset will do', async () => {
    text(POLICY, 200, { 'content-type': 'Text/Plain; charset=utf-8' });
    expect(await open()('x.test')).toEqual(IN_FORCE);
  });

  it.each<[string, [string, ...string[]], number, boolean]>([
    ['another name', ['mx.x.test'], Date.now(), true],
    ['the domain itself', ['x.test'], Date.now(), true],
    ['an expired certificate', ['mta-sts.x.test'], Date.now() - 400 * DAY, true],
    ['nobody who is trusted', ['mta-sts.x.test'], Date.now(), false],
  ])('%s', async (_, names, date, isTrusted) => {
    const certificate = makeCertificate(names, date);
    const other = await listen(certificate);
    const policyOf = open({ port: portOf(other), ...(isTrusted ? { ca: certificate.cert } : {}) });
    expect(await policyOf('x.test')).toEqual(failing('sts-webpki-invalid', /CERT/));
    expect(fetched).toEqual([]);
    other.close();
  });

  it.each<[string, () => void]>([
    [
      'an answer that never comes',
      () => {
        serve = () => {};
      },
    ],
    [
      'an answer that never ends',
      () => {
        serve = (response) => {
          response.writeHead(200, { 'content-type': 'text/plain' });
          const drip = setInterval(() => response.write('x'), 10);
          response.on('close', () => clearInterval(drip));
        };
      },
    ],
  ])('%s', async (_, prepare) => {
    prepare();
    expect(await open({ timeoutMs: 200 })('x.test')).toEqual(failing('sts-policy-fetch-error', /timeout/));
  });

  it('a host that says nothing at all, or that DNS does not tell', async () => {
    const silent = createTcpServer();
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port: silentPort } = silent.address() as { port: number };
    const late = failing('sts-policy-fetch-error', /timeout/);
    expect(await open({ port: silentPort, timeoutMs: 200 })('x.test')).toEqual(late);
    silent.close();
    const txtOnly = { txt: async () => record };
    const never = () => new Promise<never>(() => {});
    const policyOf = openMtaSts({ dns: txtOnly, resolveHost: never, now: () => now, timeoutMs: 50 });
    const keepAlive = setTimeout(() => {}, 5_000);
    expect(await policyOf('x.test')).toEqual(late);
    clearTimeout(keepAlive);
  });
});

describe('a route under MTA-STS', () => {
  let dns: NameServer;
  beforeAll(async () => {
    dns = await startNameServer();
  });
  afterAll(() => dns.stop());
  beforeEach(() => {
    dns.reset();
    dns.zone['A mta-sts.x.test'] = a('127.0.0.1');
    dns.zone['TXT _mta-sts.x.test'] = txt('v=STSv1; id=1');
  });
  const openRoutes = (allowPrivateHosts = true) =>
    openMx({
      servers: [dns.address],
      now: () => now,
      random: () => 0,
      allowPrivateHosts,
      mtaSts: { port, ca: trusted.cert },
    });
  const mismatch = (host: string) => ({
    type: 'validation-failure',
    host,
    reason: 'not an mx of the policy of x.test',
  });

  it('has the hosts that an enforced policy allows; its site is the whole set', async () => {
    dns.zone['MX x.test'] = mx([10, 'mx1.x.test'], [20, 'mx.evil.test'], [30, 'mx2.x.test']);
    expect(await openRoutes().resolveSite('x.test')).toEqual({
      kind: 'site',
      site: '(mx1|mx2).x.test,mx.evil.test',
      provider: 'other',
      hosts: ['mx1.x.test', 'mx2.x.test'],
      sts: { mode: 'enforce', policy: IN_FORCE.policy },
      tlsFailures: [mismatch('mx.evil.test')],
    });
  });

  // Attack: who can forge the MX answer, but not the policy, has the mail sent to himself.
  it('is put off where the policy allows none', async () => {
    dns.zone['MX x.test'] = mx([10, 'mx.evil.test']);
    expect(await openRoutes().resolveSite('x.test')).toEqual({
      kind: 'deferred',
      reply: 'MTA-STS: the policy of x.test allows none of its MX (mx.evil.test)',
      tlsFailures: [mismatch('mx.evil.test')],
    });
  });

  it('has all hosts in testing, and what it would have come to', async () => {
    text(POLICY.replace('enforce', 'testing'));
    dns.zone['MX x.test'] = mx([10, 'mx.evil.test'], [20, 'mx.x.test']);
    expect(await openRoutes().resolveSite('x.test')).toMatchObject({
      hosts: ['mx.evil.test', 'mx.x.test'],
      sts: { mode: 'testing' },
      tlsFailures: [mismatch('mx.evil.test')],
    });
  });

  it('goes on without a policy that was never had, and tells why', async () => {
    text('x', 500);
    dns.zone['MX x.test'] = mx([10, 'mx.evil.test']);
    const route = await openRoutes().resolveSite('x.test');
    expect(route).toMatchObject({
      kind: 'site',
      hosts: ['mx.evil.test'],
      tlsFailures: [{ type: 'sts-policy-fetch-error' }],
    });
    expect(route).not.toHaveProperty('sts');
  });

  // Attack: a domain's policy host names an address inside our network, so that our request arrives there (SSRF).
  it('never asks a policy host with a private address', async () => {
    dns.zone['MX x.test'] = mx([10, 'mx.x.test']);
    const route = await openRoutes(false).resolveSite('x.test');
    expect(route).toMatchObject({ tlsFailures: [{ reason: 'mta-sts.x.test: only private addresses (127.0.0.1)' }] });
    expect(fetched).toEqual([]);
  });

  it('costs a domain without a policy one TXT query, while its MX is asked', async () => {
    dns.zone['MX y.test'] = mx([10, 'mx.y.test']);
    const { resolveSite } = openRoutes();
    expect(await resolveSite('y.test')).toEqual({
      kind: 'site',
      site: 'mx.y.test',
      provider: 'other',
      hosts: ['mx.y.test'],
    });
    await resolveSite('y.test');
    expect(dns.asked.sort()).toEqual(['MX y.test', 'TXT _mta-sts.y.test']);
  });

  it('of a null MX, or a domain that does not exist, is as it was', async () => {
    dns.zone['MX x.test'] = mx([0, '.']);
    const { resolveSite } = openRoutes();
    expect(await resolveSite('x.test')).toMatchObject({ kind: 'bounced', status: '5.1.10' });
    expect(await resolveSite('z.test')).toMatchObject({ kind: 'bounced', status: '5.1.2' });
  });
});
