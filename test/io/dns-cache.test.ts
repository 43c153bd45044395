import { beforeEach, describe, expect, it } from 'vitest';
import type { Dns, DnsAnswer } from '../../io/dns.ts';
import { cacheDns } from '../../io/dns-cache.ts';

let now = 0;
let asked: string[] = [];
let said: DnsAnswer<string> = { failure: 'SERVFAIL' };
let dns: Dns;
beforeEach(() => {
  now = Date.UTC(2026, 10, 23);
  asked = [];
  const look = async (name: string) => {
    asked.push(name);
    return said;
  };
  dns = cacheDns({ a: look, aaaa: look, txt: look, mx: look as unknown as Dns['mx'] }, () => now);
});
const found = (ttl: number, ...answers: string[]) => ({ answers, ttl });

describe('answers are kept', () => {
  it.each<[string, DnsAnswer<string>, number]>([
    ['for their TTL', found(300, '192.0.2.1'), 300_000],
    ['for 5 seconds at least', found(0, '192.0.2.1'), 5_000],
    ['for a day at most', found(604_800, '192.0.2.1'), 86_400_000],
    ['for the time that the zone names, where there is none', { failure: 'NXDOMAIN', ttl: 900 }, 900_000],
    ['for half a minute, where it names no time', { failure: 'NODATA' }, 30_000],
    ['for half a minute, where DNS fails', { failure: 'SERVFAIL' }, 30_000],
  ])('%s', async (_, answer, life) => {
    said = answer;
    expect(await dns.a('x.test')).toEqual(answer);
    now += life - 1;
    await dns.a('X.test.');
    expect(asked).toEqual(['x.test']);
    now += 1;
    await dns.a('x.test');
    expect(asked).toEqual(['x.test', 'x.test']);
  });

  it('and asked for once at a time, by type and name', async () => {
    said = found(60, '192.0.2.1');
    await Promise.all([dns.a('x.test'), dns.a('x.test'), dns.a('y.test'), dns.aaaa('x.test')]);
    expect(asked).toEqual(['x.test', 'y.test', 'x.test']);
  });

  it('in bounded number: the oldest give way', async () => {
    said = found(3_600, '192.0.2.1');
    for (let n = 0; n <= 5_000; n++) await dns.a(`n${n}.test`);
    asked = [];
    await dns.a('n1.test');
    await dns.a('n0.test');
    expect(asked).toEqual(['n0.test']);
  });
});

describe('when DNS fails', () => {
  const good = found(60, '192.0.2.1');

  it.each(['SERVFAIL', 'TIMEOUT', 'REFUSED', 'BADRESP'] as const)(
    '%s: what was known stands for an hour',
    async (failure) => {
      said = good;
      await dns.a('x.test');
      said = { failure };
      now += 60_000;
      expect(await dns.a('x.test')).toEqual(good);
      for (; now <= Date.UTC(2026, 10, 23, 1, 1); now += 60_000) expect(await dns.a('x.test')).toEqual(good);
      expect(await dns.a('x.test')).toEqual({ failure });
    },
  );

  it('it is asked again every half minute', async () => {
    said = good;
    await dns.a('x.test');
    said = { failure: 'SERVFAIL' };
    for (now += 60_000; now < Date.UTC(2026, 10, 23, 0, 3); now += 10_000) await dns.a('x.test');
    expect(asked).toHaveLength(1 + 4);
  });

  it.each(['NXDOMAIN', 'NODATA'] as const)('%s is an answer, and ends what was known', async (failure) => {
    said = good;
    await dns.a('x.test');
    said = { failure };
    now += 60_000;
    expect(await dns.a('x.test')).toEqual({ failure });
    said = { failure: 'SERVFAIL' };
    now += 30_000;
    expect(await dns.a('x.test')).toEqual({ failure: 'SERVFAIL' });
  });
});
