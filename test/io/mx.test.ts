import { createSocket, type Socket } from 'node:dgram';
import { type Answer, decode, encode } from 'dns-packet';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { isPrivateAddress, openMx } from '../../io/mx.ts';

/** Answers of the DNS server: by `TYPE name`; a text is an rcode; none is NXDOMAIN. */
type Zone = Record<string, { data: unknown }[] | 'NODATA' | 'SERVFAIL' | 'SILENCE'>;
let zone: Zone = {};
let asked: string[] = [];
let server: Socket;
let servers: string[];
let now = 0;

beforeAll(async () => {
  server = createSocket('udp4');
  server.on('message', (packet, { port, address }) => {
    const { id, questions = [] } = decode(packet);
    const { name, type } = questions[0]!;
    asked.push(`${type} ${name}`);
    const found = zone[`${type} ${name}`];
    if (found === 'SILENCE') return;
    // 3 = NXDOMAIN, 2 = SERVFAIL (RFC 1035 4.1.1).
    const rcode = found === undefined ? 3 : found === 'SERVFAIL' ? 2 : 0;
    const records = Array.isArray(found) ? found : [];
    const answers = records.map(({ data }) => ({ type, name, ttl: 60, data })) as Answer[];
    server.send(encode({ type: 'response', id: id ?? 0, flags: 0x0180 | rcode, questions, answers }), port, address);
  });
  await new Promise<void>((resolve) => server.bind(0, '127.0.0.1', resolve));
  servers = [`127.0.0.1:${server.address().port}`];
});
afterAll(() => server.close());
beforeEach(() => {
  zone = {};
  asked = [];
  now = Date.UTC(2026, 10, 23);
});

const mx = (...hosts: [number, string][]) =>
  hosts.map(([preference, exchange]) => ({ data: { preference, exchange } }));
const a = (...addresses: string[]) => addresses.map((data) => ({ data }));
const open = (random = () => 0.4, allowPrivateHosts = false) =>
  openMx({ servers, allowPrivateHosts, now: () => now, random });

describe('mx', () => {
  it('gives hosts in order of preference, with their site and provider', async () => {
    zone['MX gmail.example'] = mx([20, 'ALT1.gmail-smtp-in.l.google.com'], [5, 'gmail-smtp-in.l.google.com']);
    expect(await open().resolveSite('Gmail.example')).toEqual({
      kind: 'site',
      site: 'alt1.gmail-smtp-in.l.google.com,gmail-smtp-in.l.google.com',
      provider: 'google',
      hosts: ['gmail-smtp-in.l.google.com', 'alt1.gmail-smtp-in.l.google.com'],
    });
  });

  it('shuffles hosts of equal preference, each time anew', async () => {
    zone['MX x.example'] = mx([10, 'a.x.example'], [10, 'b.x.example'], [5, 'first.x.example']);
    const values = [0, 0, 0.99, 0.99];
    const { resolveSite } = open(() => values.shift()!);
    const orders = [await resolveSite('x.example'), await resolveSite('x.example')].map(
      (route) => route.kind === 'site' && route.hosts.join(),
    );
    expect(new Set(orders).size).toBe(2);
    for (const order of orders) expect(order).toMatch(/^first\.x\.example,/);
  });

  it('takes the domain itself where it has no MX but an address', async () => {
    zone['MX x.example'] = 'NODATA';
    zone['A x.example'] = a('8.8.4.4');
    expect(await open().resolveSite('x.example')).toMatchObject({
      kind: 'site',
      site: 'x.example',
      hosts: ['x.example'],
    });
  });

  it.each<[string, Zone, object]>([
    ['a null MX', { 'MX x.example': mx([0, '.']) }, { kind: 'bounced', type: 'bounce', status: '5.1.10' }],
    ['no such domain', {}, { kind: 'bounced', type: 'bounce', status: '5.1.2' }],
    [
      'neither MX nor address',
      { 'MX x.example': 'NODATA', 'A x.example': 'NODATA', 'AAAA x.example': 'NODATA' },
      { kind: 'bounced', status: '5.1.2' },
    ],
    [
      'IPv6 only',
      { 'MX x.example': 'NODATA', 'A x.example': 'NODATA', 'AAAA x.example': [{ data: '2001:db8::1' }] },
      { kind: 'bounced', type: 'blocked', status: '5.4.4' },
    ],
    ['SERVFAIL', { 'MX x.example': 'SERVFAIL' }, { kind: 'deferred' }],
    ['SERVFAIL for the address', { 'MX x.example': 'NODATA', 'A x.example': 'SERVFAIL' }, { kind: 'deferred' }],
  ])('%s', async (_, records, expected) => {
    zone = records;
    expect(await open().resolveSite('x.example')).toMatchObject(expected);
  });

  it('defers when no server answers', async () => {
    zone['MX x.example'] = 'SILENCE';
    const { resolveSite } = openMx({ servers, now: () => now, random: () => 0, timeoutMs: 100 });
    expect(await resolveSite('x.example')).toMatchObject({ kind: 'deferred' });
  }, 20_000);

  it('asks for internationalised domains in ASCII, and never for what is no domain', async () => {
    zone['MX xn--bcher-kva.example'] = mx([1, 'mx.x.example']);
    const { resolveSite } = open();
    expect(await resolveSite('bücher.example')).toMatchObject({ kind: 'site' });
    for (const domain of ['[192.0.2.1]', '192.0.2.1', '', 'a/ü', 'x'.repeat(300)])
      expect(await resolveSite(domain)).toMatchObject({ kind: 'bounced', status: '5.1.2' });
    expect(asked).toEqual(['MX xn--bcher-kva.example']);
  });

  it('keeps answers for minutes, failures for less', async () => {
    zone['MX x.example'] = mx([1, 'mx.x.example']);
    zone['MX y.example'] = 'SERVFAIL';
    const { resolveSite } = open();
    await Promise.all([resolveSite('x.example'), resolveSite('x.example')]);
    await resolveSite('x.example');
    expect(asked.filter((one) => one === 'MX x.example')).toHaveLength(1);
    await resolveSite('y.example');
    const before = asked.length;
    now += 31_000;
    await resolveSite('x.example');
    await resolveSite('y.example');
    expect(asked.slice(before).every((one) => one === 'MX y.example')).toBe(true);
    expect(asked.length).toBeGreaterThan(before);
    now += 300_001;
    await resolveSite('x.example');
    expect(asked.filter((one) => one === 'MX x.example')).toHaveLength(2);
  });

  // Attack: a domain's MX names our own network, so that we connect to the runtime API or to a neighbour (SSRF).
  it('gives no address that is not public', async () => {
    zone['A mx.x.example'] = a('10.0.0.1', '127.0.0.1', '169.254.169.254', '8.8.8.8');
    zone['A inside.x.example'] = a('127.0.0.1');
    const { resolveHost } = open();
    expect(await resolveHost('mx.x.example')).toEqual({ addresses: ['8.8.8.8'] });
    expect(await resolveHost('inside.x.example')).toMatchObject({ addresses: [], refused: true });
    expect(await resolveHost('127.0.0.1')).toMatchObject({ addresses: [], refused: true });
    expect(await resolveHost('none.x.example')).toEqual({ addresses: [], error: 'ENOTFOUND' });
    expect(await open(() => 0, true).resolveHost('inside.x.example')).toEqual({ addresses: ['127.0.0.1'] });
    for (const address of [
      '0.0.0.0',
      '10.1.2.3',
      '100.64.0.1',
      '127.8.8.8',
      '172.31.0.1',
      '192.168.1.1',
      '224.0.0.1',
      '255.255.255.255',
      '::1',
      'x',
    ])
      expect(isPrivateAddress(address)).toBe(true);
    for (const address of ['8.8.8.8', '172.32.0.1', '192.169.0.1', '100.128.0.1'])
      expect(isPrivateAddress(address)).toBe(false);
  });

  // Attack: an MX name that spells the site name of another set of hosts, to get its mail over a shared session.
  it('takes no MX that is not a host name', async () => {
    zone['MX x.example'] = mx([1, '(a|b)'], [2, 'a,b.example']);
    expect(await open().resolveSite('x.example')).toMatchObject({ kind: 'bounced', type: 'blocked', status: '5.4.4' });
  });
});
