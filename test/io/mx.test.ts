import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Provider } from '../../core/provider.ts';
import { isPrivateAddress, type MxSettings, openMx } from '../../io/mx.ts';
import { a, mx, type NameServer, startNameServer, type Zone } from './name-server.ts';

let server: NameServer;
let now = 0;
beforeAll(async () => {
  server = await startNameServer();
});
afterAll(() => server.stop());
beforeEach(() => {
  server.reset();
  now = Date.UTC(2026, 10, 23);
});

const open = (settings: Partial<MxSettings> = {}) =>
  openMx({ servers: [server.address], now: () => now, random: () => 0.4, mtaSts: false, ...settings });
const site = (...hosts: string[]) => ({ kind: 'site', hosts });
const none = (type: 'bounce' | 'blocked', status: string) => ({ kind: 'bounced', type, status });
const deferred = (reply: RegExp) => ({ kind: 'deferred', reply: expect.stringMatching(reply) });
const aaaa = (...addresses: string[]) => addresses.map((data) => ({ data }));
const alias = (name: string, to: string) => ({ name, type: 'CNAME', data: to });
const OURS = { ownNames: ['mta1.ours.test', 'MTA2.ours.test.'], ownAddresses: ['198.51.100.9'] };

describe('routing', () => {
  it.each<[string, Zone, object, Partial<MxSettings>?]>([
    ['one MX', { 'MX x.test': mx([10, 'mx.x.test']) }, site('mx.x.test')],
    [
      'in order of preference',
      { 'MX x.test': mx([20, 'c.test'], [5, 'a.test'], [10, 'b.test']) },
      site('a.test', 'b.test', 'c.test'),
    ],
    ['names in any case, with a dot, once', { 'MX x.test': mx([5, 'MX.x.test'], [9, 'mx.X.test']) }, site('mx.x.test')],
    [
      'ten hosts at most',
      { 'MX x.test': mx(...Array.from({ length: 30 }, (_, n) => [n, `m${n}.test`] as [number, string])) },
      site(...Array.from({ length: 10 }, (_, n) => `m${n}.test`)),
    ],
    ['a null MX', { 'MX x.test': mx([0, '.']) }, none('bounce', '5.1.10')],
    ['a null MX beside others, which count', { 'MX x.test': mx([0, '.'], [10, 'mx.x.test']) }, site('mx.x.test')],
    ['no such domain', {}, none('bounce', '5.1.2')],
    ['no MX, an address: the domain itself', { 'MX x.test': 'NODATA', 'A x.test': a('9.9.9.9') }, site('x.test')],
    [
      'no MX, a private address: itself, and no address there',
      { 'MX x.test': 'NODATA', 'A x.test': a('10.0.0.1') },
      site('x.test'),
    ],
    [
      'neither MX nor address',
      { 'MX x.test': 'NODATA', 'A x.test': 'NODATA', 'AAAA x.test': 'NODATA' },
      none('bounce', '5.1.2'),
    ],
    [
      'IPv6 only, and we have none',
      { 'MX x.test': 'NODATA', 'A x.test': 'NODATA', 'AAAA x.test': aaaa('2606:4700::1') },
      none('blocked', '5.4.4'),
    ],
    [
      'IPv6 only, and we have it',
      { 'MX x.test': 'NODATA', 'A x.test': 'NODATA', 'AAAA x.test': aaaa('2606:4700::1') },
      site('x.test'),
      { ipv6: true },
    ],
    [
      'an alias of a domain with MX',
      { 'MX x.test': [alias('x.test', 'y.test'), { name: 'y.test', ...mx([10, 'mx.y.test'])[0]! }] },
      site('mx.y.test'),
    ],
    [
      'an alias of a host, without MX',
      {
        'MX x.test': [alias('x.test', 'h.test')],
        'MX h.test': 'NODATA',
        'A x.test': [alias('x.test', 'h.test'), { name: 'h.test', data: '9.9.9.9' }],
      },
      site('x.test'),
    ],
    ['an alias of itself', { 'MX x.test': [alias('x.test', 'x.test')] }, deferred(/MX of x\.test: BADRESP/)],
    ['SERVFAIL', { 'MX x.test': 'SERVFAIL' }, deferred(/^dns: MX of x\.test: SERVFAIL$/)],
    ['REFUSED', { 'MX x.test': 'REFUSED' }, deferred(/REFUSED/)],
    ['silence', { 'MX x.test': 'SILENCE' }, deferred(/TIMEOUT/), { timeoutMs: 50 }],
    [
      'no MX, and SERVFAIL for the address',
      { 'MX x.test': 'NODATA', 'A x.test': 'SERVFAIL' },
      deferred(/address of x\.test: SERVFAIL/),
    ],
    [
      'no MX, no A, and SERVFAIL for AAAA',
      { 'MX x.test': 'NODATA', 'A x.test': 'NODATA', 'AAAA x.test': 'SERVFAIL' },
      deferred(/address of x\.test: SERVFAIL/),
    ],
    ['no MX that is a host name', { 'MX x.test': mx([1, '(a|b)'], [2, 'a,b.test']) }, none('blocked', '5.4.4')],
    ['some MX that are host names', { 'MX x.test': mx([1, 'a b'], [2, 'mx.x.test']) }, site('mx.x.test')],
    ['we are the only MX', { 'MX x.test': mx([10, 'mta1.ours.test']) }, none('blocked', '5.4.6'), OURS],
    [
      'we are the best MX',
      { 'MX x.test': mx([10, 'mta1.ours.test'], [20, 'mx.x.test']) },
      none('blocked', '5.4.6'),
      OURS,
    ],
    [
      'we are as good as the others',
      { 'MX x.test': mx([10, 'mx.x.test'], [10, 'MTA2.Ours.test']) },
      none('blocked', '5.4.6'),
      OURS,
    ],
    [
      'we are its second MX: its first one is left',
      { 'MX x.test': mx([10, 'mx.x.test'], [20, 'mta2.ours.test'], [30, 'last.test']) },
      site('mx.x.test'),
      OURS,
    ],
    [
      'no MX, and its address is ours',
      { 'MX x.test': 'NODATA', 'A x.test': a('198.51.100.9') },
      none('blocked', '5.4.6'),
      OURS,
    ],
  ])('%s', async (_, zone, expected, settings) => {
    server.zone = zone;
    expect(await open(settings).resolveSite('x.test')).toMatchObject(expected);
  });

  it('names the site and the provider by the whole set', async () => {
    server.zone['MX x.test'] = mx([20, 'ALT1.gmail-smtp-in.l.google.com'], [5, 'gmail-smtp-in.l.google.com']);
    server.zone['MX y.test'] = mx([10, 'mx.y.test'], [20, 'mta1.ours.test']);
    const whole = {
      kind: 'site',
      site: 'alt1.gmail-smtp-in.l.google.com,gmail-smtp-in.l.google.com',
      provider: 'google',
      hosts: ['gmail-smtp-in.l.google.com', 'alt1.gmail-smtp-in.l.google.com'],
    };
    expect(await open().resolveSite('X.test')).toEqual(whole);
    expect(await open({ providerOf: (hosts) => hosts.length.toString() as Provider }).resolveSite('x.test')).toEqual({
      ...whole,
      provider: '2',
    });
    expect(await open(OURS).resolveSite('y.test')).toMatchObject({
      site: 'mta1.ours.test,mx.y.test',
      hosts: ['mx.y.test'],
    });
  });

  it('shuffles hosts of equal preference, each time anew', async () => {
    server.zone['MX x.test'] = mx([10, 'a.x.test'], [10, 'b.x.test'], [5, 'first.x.test']);
    const values = [0, 0, 0.99, 0.99];
    const { resolveSite } = open({ random: () => values.shift()! });
    const orders = [await resolveSite('x.test'), await resolveSite('x.test')].map(
      (route) => route.kind === 'site' && route.hosts.join(),
    );
    expect(orders.sort()).toEqual(['first.x.test,a.x.test,b.x.test', 'first.x.test,b.x.test,a.x.test']);
  });

  it('asks for internationalised domains in ASCII, and never for what is no domain', async () => {
    server.zone['MX xn--bcher-kva.test'] = mx([1, 'mx.x.test']);
    const { resolveSite } = open();
    expect(await resolveSite('bücher.test')).toMatchObject({ kind: 'site' });
    for (const domain of ['[192.0.2.1]', '192.0.2.1', '', '.', 'a/ü', 'a!b.test', 'a..test', 'x'.repeat(300)])
      expect(await resolveSite(domain)).toMatchObject(none('bounce', '5.1.2'));
    expect(server.asked).toEqual(['MX xn--bcher-kva.test']);
  });

  it('keeps answers for their TTL, and what DNS no longer knows for an hour more', async () => {
    server.zone['MX x.test'] = mx([1, 'mx.x.test']).map((one) => ({ ...one, ttl: 900 }));
    const { resolveSite } = open();
    await Promise.all([resolveSite('x.test'), resolveSite('x.test')]);
    now += 899_000;
    await resolveSite('x.test');
    expect(server.asked).toEqual(['MX x.test']);
    server.zone['MX x.test'] = 'SERVFAIL';
    now += 1_000;
    expect(await resolveSite('x.test')).toMatchObject(site('mx.x.test'));
    now += 3_600_001;
    expect(await resolveSite('x.test')).toMatchObject(deferred(/SERVFAIL/));
    server.zone['MX x.test'] = mx([1, 'new.x.test']);
    now += 30_000;
    expect(await resolveSite('x.test')).toMatchObject(site('new.x.test'));
  });
});

describe('addresses of a host', () => {
  it.each<[string, Zone, object, Partial<MxSettings>?]>([
    ['A', { 'A h.test': a('9.9.9.9') }, { addresses: ['9.9.9.9'] }],
    [
      'an alias',
      { 'A h.test': [alias('h.test', 'i.test'), { name: 'i.test', data: '9.9.9.9' }] },
      { addresses: ['9.9.9.9'] },
    ],
    ['no host', {}, { addresses: [], error: 'no such host (NXDOMAIN)' }],
    ['no address', { 'A h.test': 'NODATA' }, { addresses: [], error: 'it has no address' }],
    ['SERVFAIL', { 'A h.test': 'SERVFAIL' }, { addresses: [], error: 'dns: SERVFAIL' }],
    [
      'no IPv6 unless we have it',
      { 'A h.test': 'NODATA', 'AAAA h.test': aaaa('2606:4700::1') },
      { addresses: [], error: 'it has no address' },
    ],
    [
      'IPv6 first, then by turns',
      { 'A h.test': a('9.9.9.9'), 'AAAA h.test': aaaa('2606:4700::1', '2606:4700::2') },
      { addresses: ['2606:4700::2', '9.9.9.9', '2606:4700::1'] },
      { ipv6: true, random: () => 0 },
    ],
    [
      'IPv6 where AAAA fails',
      { 'A h.test': a('9.9.9.9'), 'AAAA h.test': 'SERVFAIL' },
      { addresses: ['9.9.9.9'] },
      { ipv6: true },
    ],
    [
      'none, where AAAA fails',
      { 'A h.test': 'NODATA', 'AAAA h.test': 'SERVFAIL' },
      { addresses: [], error: 'dns: SERVFAIL' },
      { ipv6: true },
    ],
    [
      'our own',
      { 'A h.test': a('198.51.100.9') },
      { addresses: [], error: 'mail loops back to us (198.51.100.9)', refused: true },
      { ownAddresses: ['198.51.100.9'], allowPrivateHosts: true },
    ],
  ])('%s', async (_, zone, expected, settings) => {
    server.zone = zone;
    expect(await open(settings).resolveHost('h.test')).toEqual(expected);
  });

  // Attack: a domain's MX names our own network, so that we connect to the runtime API or to a neighbour (SSRF).
  it('are public ones only', async () => {
    server.zone['A mx.x.test'] = a('10.0.0.1', '127.0.0.1', '169.254.169.254', '8.8.8.8');
    server.zone['AAAA mx.x.test'] = aaaa('fd00:ec2::254', '::1', '::ffff:127.0.0.1', 'fe80::1');
    server.zone['A inside.x.test'] = a('127.0.0.1');
    const { resolveHost } = open({ ipv6: true });
    expect(await resolveHost('mx.x.test')).toEqual({ addresses: ['8.8.8.8'] });
    expect(await resolveHost('inside.x.test')).toMatchObject({ addresses: [], refused: true });
    expect(await resolveHost('127.0.0.1')).toMatchObject({ addresses: [], refused: true });
    expect(await resolveHost('::1')).toMatchObject({ addresses: [], refused: true });
    expect(await open({ allowPrivateHosts: true }).resolveHost('inside.x.test')).toEqual({ addresses: ['127.0.0.1'] });
  });

  it.each(
    `0.0.0.0 10.1.2.3 100.64.0.1 127.8.8.8 169.254.170.2 172.31.0.1 192.0.0.8 192.168.1.1 198.19.0.1 224.0.0.1 255.255.255.255
    :: ::1 ::ffff:8.8.8.8 ::8.8.8.8 64:ff9b::808:808 64:ff9b:1::1 100::1 2001::1 2001:db8::1 2002:a00:1::1 3fff::1 5f00::1
    fc00::1 fd00:ec2::254 fe80::1 fe80::1%eth0 fec0::1 ff02::1 x 127.1 0x7f000001`.split(/\s+/),
  )('%s is not public', (address) => {
    expect(isPrivateAddress(address)).toBe(true);
  });

  it.each('8.8.8.8 172.32.0.1 192.169.0.1 100.128.0.1 2606:4700::1 2a00:1450:4001::1a 2400:cb00::1'.split(' '))(
    '%s is public',
    (address) => {
      expect(isPrivateAddress(address)).toBe(false);
    },
  );
});
