import { createSocket } from 'node:dgram';
import type { DecodedPacket } from 'dns-packet';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openDns } from '../../io/dns.ts';
import { a, mx, type NameServer, reply, startNameServer, txt } from './name-server.ts';

let server: NameServer;
let second: NameServer;
beforeAll(async () => {
  [server, second] = await Promise.all([startNameServer(), startNameServer()]);
});
afterAll(() => Promise.all([server.stop(), second.stop()]));
beforeEach(() => {
  server.reset();
  second.reset();
});
const open = (timeoutMs = 2_000, servers = [server.address]) => openDns({ servers, timeoutMs });
const alias = (name: string, to: string, ttl = 60) => ({ name, type: 'CNAME', data: to, ttl });

describe('answers', () => {
  it('have their records and the seconds that they may be kept', async () => {
    Object.assign(server.zone, {
      'MX x.test': [{ data: { preference: 10, exchange: 'MX.x.test' }, ttl: 300 }, ...mx([5, '.'])],
      'A x.test': [{ data: '192.0.2.1', ttl: 7 }],
      'AAAA x.test': [{ data: '2001:db8::1', ttl: 8 }],
      'TXT x.test': [{ data: [Buffer.from('v=STSv1; '), Buffer.from('id=1;')], ttl: 9 }, ...txt('other')],
    });

    const dns = open();

    expect(await dns.mx('X.test.')).toEqual({
      answers: [
        { preference: 10, exchange: 'MX.x.test' },
        { preference: 5, exchange: '.' },
      ],
      ttl: 60,
    });
    expect(await dns.a('x.test')).toEqual({ answers: ['192.0.2.1'], ttl: 7 });
    expect(await dns.aaaa('x.test')).toEqual({ answers: ['2001:db8::1'], ttl: 8 });
    expect(await dns.txt('x.test')).toEqual({ answers: ['v=STSv1; id=1;', 'other'], ttl: 9 });
  });

  it('are found at the end of a chain of CNAMEs, and kept as long as its shortest link', async () => {
    server.zone['A x.test'] = [
      alias('b.test', 'c.test', 20),
      alias('x.test', 'B.test', 300),
      { name: 'c.test', data: '192.0.2.1', ttl: 90 },
      { name: 'stranger.test', data: '192.0.2.66' },
    ];
    expect(await open().a('x.test')).toEqual({ answers: ['192.0.2.1'], ttl: 20 });
  });

  it('are asked for again where a server leaves the end of the chain out', async () => {
    server.zone['A x.test'] = [alias('x.test', 'far.test', 30)];
    server.zone['A far.test'] = a('192.0.2.1');
    expect(await open().a('x.test')).toEqual({ answers: ['192.0.2.1'], ttl: 30 });
    expect(server.asked).toEqual(['A x.test', 'A far.test']);
  });

  it.each([
    ['a loop', [alias('x.test', 'y.test'), alias('y.test', 'x.test')]],
    ['itself', [alias('x.test', 'x.test')]],
    ['a long chain', Array.from({ length: 20 }, (_, n) => alias(n ? `n${n}.test` : 'x.test', `n${n + 1}.test`))],
  ])('are not looked for in %s of CNAMEs', async (_, records) => {
    server.zone['A x.test'] = records;
    expect(await open().a('x.test')).toEqual({ failure: 'BADRESP' });
  });

  it('are not looked for in a chain that goes on from answer to answer', async () => {
    for (let n = 0; n < 50; n++) server.zone[`A n${n}.test`] = [alias(`n${n}.test`, `n${n + 1}.test`)];
    expect(await open().a('n0.test')).toEqual({ failure: 'BADRESP' });
    expect(server.asked.length).toBeLessThan(15);
  });

  it('have no TTL with the sign bit (RFC 2181 8)', async () => {
    server.zone['A x.test'] = [{ data: '192.0.2.1', ttl: 0x80000001 }];
    expect(await open().a('x.test')).toEqual({ answers: ['192.0.2.1'], ttl: 0 });
  });
});

describe('there is none', () => {
  it.each<['NXDOMAIN' | 'NODATA', number, number, number]>([
    ['NXDOMAIN', 900, 60, 60],
    ['NODATA', 30, 60, 30],
    ['NXDOMAIN', 86_400, 86_400, 3_600],
    ['NODATA', 60, 0, 0],
  ])(
    '%s with a SOA of TTL %i and minimum %i is kept for %i seconds (RFC 2308)',
    async (failure, ttl, minimum, kept) => {
      server.soa = { ttl, minimum };
      server.zone['MX x.test'] = failure;
      expect(await open().mx('x.test')).toEqual({ failure, ttl: kept });
    },
  );

  it('names no time without a SOA', async () => {
    expect(await open().mx('x.test')).toEqual({ failure: 'NXDOMAIN' });
  });

  it('is said of the end of a chain', async () => {
    server.zone['A x.test'] = (query) => [reply(query, [alias('x.test', 'y.test', 10)], { ttl: 60, minimum: 60 })];
    expect(await open().a('x.test')).toEqual({ failure: 'NODATA', ttl: 10 });
    expect(server.asked).toEqual(['A x.test']);
  });
});

describe('servers', () => {
  it.each(['SERVFAIL', 'REFUSED'] as const)(
    '%s sends us to the next one, and is not asked for twice',
    async (rcode) => {
      server.zone['A x.test'] = rcode;
      expect(await open().a('x.test')).toEqual({ failure: rcode });
      expect(server.asked).toHaveLength(1);
      second.zone['A x.test'] = a('192.0.2.1');
      expect(await open(2_000, [server.address, second.address]).a('x.test')).toMatchObject({ answers: ['192.0.2.1'] });
    },
  );

  it('that lose a question are asked again', async () => {
    let lost = 0;
    server.zone['A x.test'] = (query) => (lost++ === 0 ? [] : [reply(query, a('192.0.2.1'))]);
    expect(await open(100).a('x.test')).toMatchObject({ answers: ['192.0.2.1'] });
    expect(server.queries[0]!.id).not.toBe(server.queries[1]!.id);
  });

  it('that are silent, or not there, are a TIMEOUT', async () => {
    server.zone['A x.test'] = 'SILENCE';
    const nobody = createSocket('udp4');
    await new Promise<void>((resolve) => nobody.bind(0, '127.0.0.1', resolve));
    const { port } = nobody.address();
    await new Promise<void>((resolve) => nobody.close(resolve));
    expect(await open(50).a('x.test')).toEqual({ failure: 'TIMEOUT' });
    expect(await open(2_000, [`127.0.0.1:${port}`]).a('x.test')).toEqual({ failure: 'TIMEOUT' });
  });

  it('that know no EDNS are asked without', async () => {
    server.zone['A x.test'] = (query) =>
      query.additionals?.length ? [reply(query, [], undefined, { flags: 0x0181 })] : [reply(query, a('192.0.2.1'))];
    expect(await open().a('x.test')).toMatchObject({ answers: ['192.0.2.1'] });
  });

  it.each([
    ['FORMERR', 1, 'SERVFAIL'],
    ['SERVFAIL', 2, 'SERVFAIL'],
    ['NOTIMP', 4, 'SERVFAIL'],
    ['REFUSED', 5, 'REFUSED'],
  ])('need not repeat the question to say %s', async (_, rcode, failure) => {
    server.zone['A x.test'] = (query) => [reply(query, [], undefined, { flags: 0x0180 | rcode, questions: [] })];
    expect(await open().a('x.test')).toEqual({ failure });
  });

  it('are addresses with a port, or the system has them', () => {
    for (const one of ['127.0.0.1', '127.0.0.1:53', '::1', '[::1]:5353', 'fe80::1%eth0'])
      expect(() => openDns({ servers: [one] })).not.toThrow();
    for (const one of ['dns.example', '127.0.0.1:', '[::1', '127.0.0.1:70000', ''])
      expect(() => openDns({ servers: [one] })).toThrow('is no address of a DNS server');
    expect(() => openDns()).not.toThrow();
  });

  it('see at most 200 questions at once, and all of them in the end', async () => {
    const names = Array.from({ length: 300 }, (_, n) => `n${n}.test`);
    for (const name of names) server.zone[`A ${name}`] = 'SILENCE';
    const answers = names.map(open(300).a);
    await Promise.race(answers);
    expect(new Set(server.asked).size).toBeLessThanOrEqual(200);
    await Promise.all(answers);
    expect(new Set(server.asked).size).toBe(300);
  });
});

describe('long answers', () => {
  const many = Array.from({ length: 40 }, (_, n) => ({ data: [Buffer.from(`${n} ${'x'.repeat(100)}`)] }));
  const cut = (query: DecodedPacket) => [reply(query, [], undefined, { flags: 0x0380 })];

  it('come over TCP', async () => {
    server.zone['TXT x.test'] = (query, over) => (over === 'tcp' ? [reply(query, many)] : cut(query));
    expect(await open().txt('x.test')).toMatchObject({ answers: many.map(({ data }) => String(data[0])) });
    expect(server.queries.map(({ over }) => over)).toEqual(['udp', 'tcp']);
  });

  it.each<[string, (query: DecodedPacket) => Buffer[]]>([
    [
      'too long',
      (query) => [
        reply(
          query,
          Array.from({ length: 400 }, () => many[0]!),
        ),
      ],
    ],
    ['cut off', () => []],
    ['to another question', (query) => [reply(query, many, undefined, { id: query.id! ^ 1 })]],
  ])('over TCP that are %s are BADRESP', async (_, said) => {
    server.zone['TXT x.test'] = (query, over) => (over === 'tcp' ? said(query) : cut(query));
    expect(await open().txt('x.test')).toEqual({ failure: 'BADRESP' });
  });

  it('have 50 records that count', async () => {
    const hosts = Array.from({ length: 300 }, (_, n) => [n, 'm.x.test'] as [number, string]);
    server.zone['MX x.test'] = (query, over) => (over === 'tcp' ? [reply(query, mx(...hosts))] : cut(query));
    expect(((await open().mx('x.test')) as { answers: unknown[] }).answers).toHaveLength(50);
  });
});

// Attack: who cannot see our questions floods us with answers, to have mail for a domain sent to himself (RFC 5452).
describe('forged answers', () => {
  const forged = a('203.0.113.66');

  it.each<[string, (query: DecodedPacket) => Buffer]>([
    ['another id', (query) => reply(query, forged, undefined, { id: query.id! ^ 1 })],
    [
      'another name',
      (query) => reply(query, forged, undefined, { questions: [{ name: 'y.test', type: 'A', class: 'IN' }] }),
    ],
    [
      'another type',
      (query) => reply(query, forged, undefined, { questions: [{ name: 'x.test', type: 'TXT', class: 'IN' }] }),
    ],
    [
      'another class',
      (query) => reply(query, forged, undefined, { questions: [{ name: 'x.test', type: 'A', class: 'CH' }] }),
    ],
    [
      'two questions',
      (query) => reply(query, forged, undefined, { questions: [query.questions![0]!, query.questions![0]!] }),
    ],
    ['no question', (query) => reply(query, forged, undefined, { questions: [] })],
    ['no such name, and no question', (query) => reply(query, 'NXDOMAIN', undefined, { questions: [] })],
    [
      'an rcode that nobody knows, and no question',
      (query) => reply(query, [], undefined, { flags: 0x018b, questions: [] }),
    ],
    ['a question instead of an answer', (query) => Buffer.from(reply(query, forged)).fill(0, 2, 3)],
    ['a few bytes', () => Buffer.from([1, 2, 3])],
  ])('with %s are passed over', async (_, forge) => {
    server.zone['A x.test'] = (query) => [forge(query), reply(query, a('192.0.2.1'))];
    expect(await open().a('x.test')).toMatchObject({ answers: ['192.0.2.1'] });
  });

  it('from another address or port never arrive', async () => {
    const stranger = createSocket('udp4');
    server.zone['A x.test'] = (query) => {
      stranger.send(reply(query, forged), server.queries.at(-1)!.port, '127.0.0.1', () => {
        server.zone['A x.test'] = a('192.0.2.1');
      });
      return [];
    };
    expect(await open(200).a('x.test')).toMatchObject({ answers: ['192.0.2.1'] });
    stranger.close();
  });

  it('would have to guess an id and a port that are never the same twice', async () => {
    const dns = open();
    for (let n = 0; n < 40; n++) await dns.a(`n${n}.test`);
    expect(new Set(server.queries.map(({ id }) => id)).size).toBeGreaterThan(35);
    expect(new Set(server.queries.map(({ port }) => port)).size).toBeGreaterThan(35);
  });
});

describe('hostile answers', () => {
  it('of any bytes after the question are an answer or a failure, and never an error', async () => {
    const whole = mx([5, 'mx1.x.test'], [10, 'mx2.x.test']);
    const dns = open(1_000);
    let change: [number, number][] = [];
    server.zone['MX x.test'] = (query) => {
      const bytes = reply(query, whole, { ttl: 60, minimum: 60 });
      const start = 12 + 'x.test'.length + 2 + 4;
      for (const [at, byte] of change) bytes[start + (at % (bytes.length - start))] = byte;
      return [bytes];
    };
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { minLength: 1, maxLength: 12 }),
        async (changes) => {
          change = changes;
          const answer = await dns.mx('x.test');
          expect('answers' in answer ? answer.answers.length : answer.failure.length).toBeGreaterThan(0);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it.each([
    ['names that point at themselves', Buffer.from([0xc0, 0x1c, 0, 15, 0, 1, 0, 0, 0, 60, 0, 4, 0, 5, 0xc0, 0x1c])],
    ['a record that ends too soon', Buffer.from([0xc0, 0x0c, 0, 15])],
    ['nothing where a record should be', Buffer.alloc(0)],
  ])('with %s are BADRESP', async (_, record) => {
    server.zone['MX x.test'] = (query) => {
      const bytes = Buffer.concat([reply(query, []), record]);
      bytes.writeUInt16BE(1, 6);
      return [bytes];
    };
    expect(await open().mx('x.test')).toEqual({ failure: 'BADRESP' });
  });

  it('never have a name asked for that is none', async () => {
    const dns = open();
    for (const name of [
      '',
      '.',
      'a..test',
      'x'.repeat(64),
      `${'a.'.repeat(127)}test`,
      'a b.test',
      'ü.test',
      'a\0.test',
      '*.test',
    ])
      expect(await dns.a(name)).toEqual({ failure: 'BADNAME' });
    server.zone['A x.test'] = [alias('x.test', 'bad name.test')];
    expect(await dns.a('x.test')).toEqual({ failure: 'BADNAME' });
    expect(server.asked).toEqual(['A x.test']);
  });
});
