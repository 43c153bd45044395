import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { connect } from 'node:net';
import { decode, encode, type Question } from 'dns-packet';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Dns, startDns } from '../../local/dns.ts';

let dns: Dns;
const resolver = new Resolver({ tries: 1, timeout: 2000 });
beforeAll(async () => {
  dns = await startDns({
    answers: [{ name: 'own.test', type: 'MX', data: [{ preference: 1, exchange: 'mx.own.test' }] }],
  });
  resolver.setServers([`127.0.0.1:${dns.port}`]);
});
afterAll(() => dns.stop());

const mx = async (name: string) =>
  (await resolver.resolveMx(name))
    .sort((a, b) => a.priority - b.priority)
    .map(({ priority, exchange }) => `${priority} ${exchange}`);

describe('MX', () => {
  test.each([
    ['anything.example', ['10 mx1.sink.test', '20 mx2.sink.test']],
    ['ANYTHING.example', ['10 mx1.sink.test', '20 mx2.sink.test']],
    ['two-mx.test', ['10 mx1.down.sink.test', '20 mx2.sink.test']],
    ['null-mx.test', ['0 ']],
    ['outlook.com', ['5 outlook-com.olc.protection.outlook.com']],
    ['own.test', ['1 mx.own.test']],
  ])('%s', async (name, expected) => {
    expect(await mx(name)).toEqual(expected);
  });

  test.each([
    ['gmail.com', /\.l\.google\.com$/],
    ['googlemail.com', /\.l\.google\.com$/],
    ['yahoo.com', /\.yahoodns\.net$/],
    ['aol.com', /\.yahoodns\.net$/],
    ['hotmail.com', /\.olc\.protection\.outlook\.com$/],
    ['icloud.com', /\.mail\.icloud\.com$/],
    ['gmx.net', /\.gmx\.net$/],
  ])('%s has the hosts of its provider, and they are here', async (name, host) => {
    const hosts = (await resolver.resolveMx(name)).map(({ exchange }) => exchange);
    expect(hosts.length).toBeGreaterThan(0);
    for (const one of hosts) {
      expect(one).toMatch(host);
      expect(await resolver.resolve4(one)).toEqual(['127.0.0.1']);
    }
  });

  test.each([
    ['no-mx.test', 'ENODATA'],
    ['nxdomain.test', 'ENOTFOUND'],
    ['sub.nxdomain.test', 'ENOTFOUND'],
    ['servfail.test', 'ESERVFAIL'],
  ])('%s is %s', async (name, code) => {
    await expect(resolver.resolveMx(name)).rejects.toMatchObject({ code });
  });
});

describe('addresses', () => {
  test.each([
    ['mx1.sink.test', ['127.0.0.1']],
    ['no-mx.test', ['127.0.0.1']],
    ['mx1.down.sink.test', ['127.0.0.2']],
  ])('%s', async (name, expected) => {
    expect(await resolver.resolve4(name)).toEqual(expected);
  });

  test('there is no IPv6, and nxdomain.test has no address', async () => {
    await expect(resolver.resolve6('mx1.sink.test')).rejects.toMatchObject({ code: 'ENODATA' });
    await expect(resolver.resolve4('nxdomain.test')).rejects.toMatchObject({ code: 'ENOTFOUND' });
  });
});

describe('records set at run time', () => {
  test('TXT of any length, over UDP or TCP as it needs, and without the network', async () => {
    // Prepare
    const key = `v=DKIM1; k=rsa; p=${'A'.repeat(1200)}`;
    await expect(resolver.resolveTxt('pp1._domainkey.shop.test')).rejects.toMatchObject({ code: 'ENODATA' });
    await expect(dns.resolveTxt('pp1._domainkey.shop.test')).rejects.toMatchObject({ code: 'ENODATA' });

    // Act
    dns.setRecord('PP1._domainkey.shop.test.', 'TXT', [key, 'second']);
    const records = await resolver.resolveTxt('pp1._domainkey.shop.test');

    // Assess
    const joined = records.map((strings) => strings.join('')).sort();
    expect(joined).toEqual(['second', key]);
    expect(records.flat().every((one) => one.length <= 255)).toBe(true);
    expect((await dns.resolveTxt('pp1._domainkey.shop.test')).map((one) => one.join('')).sort()).toEqual(joined);
  });

  test('CNAME is followed', async () => {
    // Prepare
    dns.setRecord('alias.test', 'CNAME', ['target.test']);
    dns.setRecord('target.test', 'TXT', ['found']);

    // Act and assess
    expect(await resolver.resolveCname('alias.test')).toEqual(['target.test']);
    expect(await resolver.resolveTxt('alias.test')).toEqual([['found']]);
    expect(await dns.resolveTxt('alias.test')).toEqual([['found']]);
  });

  test('an empty list is NODATA', async () => {
    dns.setRecord('quiet.test', 'MX', []);
    await expect(resolver.resolveMx('quiet.test')).rejects.toMatchObject({ code: 'ENODATA' });
  });
});

test('queries are remembered', async () => {
  await resolver.resolveMx('remember.test');
  expect(dns.queries.at(-1)).toMatchObject({ name: 'remember.test', type: 'MX' });
});

describe('the wire', () => {
  const query = (question: Question) => encode({ type: 'query', id: 7, questions: [question] });
  const ask = (message: Buffer) =>
    new Promise<Buffer | undefined>((resolve) => {
      const socket = createSocket('udp4');
      const finish = (answer?: Buffer) => {
        clearTimeout(timer);
        socket.close();
        resolve(answer);
      };
      const timer = setTimeout(finish, 150);
      socket.on('message', finish);
      socket.send(message, dns.port, '127.0.0.1');
    });

  test('an answer too long for plain UDP is cut and marked so (RFC 1035 4.1.1)', async () => {
    // Prepare
    dns.setRecord('long.test', 'TXT', ['A'.repeat(600)]);

    // Act
    const answer = decode((await ask(query({ name: 'long.test', type: 'TXT' })))!);

    // Assess
    expect(answer.flag_tc).toBe(true);
    expect(answer.answers).toEqual([]);
    expect(answer.id).toBe(7);
  });

  test('queries over TCP, two in one packet and one cut in pieces', async () => {
    // Prepare
    const framed = (name: string) => {
      const message = query({ name, type: 'A' });
      return Buffer.concat([Buffer.from([message.length >> 8, message.length & 255]), message]);
    };
    const socket = connect(dns.port, '127.0.0.1');
    const bytes = Buffer.concat([framed('a.test'), framed('b.test'), framed('c.test')]);

    // Act
    socket.write(bytes.subarray(0, bytes.length - 5));
    setTimeout(() => socket.write(bytes.subarray(bytes.length - 5)), 10);
    let received = Buffer.alloc(0);
    const names: string[] = [];
    for await (const chunk of socket) {
      received = Buffer.concat([received, chunk as Buffer]);
      while (received.length > 2 && received.length >= 2 + received.readUInt16BE(0)) {
        names.push(decode(received.subarray(2, 2 + received.readUInt16BE(0))).answers![0]!.name);
        received = received.subarray(2 + received.readUInt16BE(0));
      }
      if (names.length === 3) break;
    }

    // Assess
    expect(names).toEqual(['a.test', 'b.test', 'c.test']);
  });

  test('bytes that are no query, and answers, get no answer; the server lives on', async () => {
    const answer = encode({ type: 'response', id: 1, questions: [{ name: 'a.test', type: 'A' }] });
    for (const bytes of [Buffer.alloc(0), Buffer.from('garbage'), Buffer.alloc(600, 255), answer])
      expect(await ask(bytes)).toBeUndefined();
    expect(await resolver.resolve4('alive.test')).toEqual(['127.0.0.1']);
  });
});

test('a port in use is told in a sentence', async () => {
  await expect(startDns({ port: dns.port })).rejects.toThrow(
    `the local DNS server cannot listen on 127.0.0.1:${dns.port}`,
  );
});
