/** Attack: a stranger's name has an address inside our network, so that our connection arrives there (SSRF). */
import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isPrivateAddress } from '../../io/addresses.ts';

const toIpv4 = (n: number) => [24, 16, 8, 0].map((by) => (n >>> by) & 255).join('.');
const toHex = (n: number) => `${(n >>> 16).toString(16)}:${(n & 0xffff).toString(16)}`;
const fromIpv4 = (text: string) => text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);

/** First and last of each net, and its public neighbours (undefined: there is none). */
const NETS4: [string, string, string, string | undefined, string | undefined][] = [
  ['this network', '0.0.0.0', '0.255.255.255', undefined, '1.0.0.0'],
  ['private', '10.0.0.0', '10.255.255.255', '9.255.255.255', '11.0.0.0'],
  ['carrier-grade NAT', '100.64.0.0', '100.127.255.255', '100.63.255.255', '100.128.0.0'],
  ['loopback', '127.0.0.0', '127.255.255.255', '126.255.255.255', '128.0.0.0'],
  ['link-local', '169.254.0.0', '169.254.255.255', '169.253.255.255', '169.255.0.0'],
  ['private', '172.16.0.0', '172.31.255.255', '172.15.255.255', '172.32.0.0'],
  ['protocol assignments', '192.0.0.0', '192.0.0.255', '191.255.255.255', '192.0.1.0'],
  ['documentation', '192.0.2.0', '192.0.2.255', '192.0.1.255', '192.0.3.0'],
  ['6to4 relays', '192.88.99.0', '192.88.99.255', '192.88.98.255', '192.88.100.0'],
  ['private', '192.168.0.0', '192.168.255.255', '192.167.255.255', '192.169.0.0'],
  ['benchmarks', '198.18.0.0', '198.19.255.255', '198.17.255.255', '198.20.0.0'],
  ['documentation', '198.51.100.0', '198.51.100.255', '198.51.99.255', '198.51.101.0'],
  ['documentation', '203.0.113.0', '203.0.113.255', '203.0.112.255', '203.0.114.0'],
  ['multicast', '224.0.0.0', '239.255.255.255', '223.255.255.255', undefined],
  ['reserved and broadcast', '240.0.0.0', '255.255.255.255', undefined, undefined],
];

describe('IPv4', () => {
  it.each(NETS4)('%s, %s to %s, is private, and its neighbours are not', (_, first, last, before, behind) => {
    // Assess
    expect([first, last].map(isPrivateAddress)).toEqual([true, true]);
    for (const neighbour of [before, behind]) if (neighbour) expect(isPrivateAddress(neighbour)).toBe(false);
  });

  it.each(['1.1.1.1', '8.8.8.8', '52.94.236.248', '93.184.216.34', '223.255.255.255'])('%s is public', (address) => {
    expect(isPrivateAddress(address)).toBe(false);
  });

  it('is private within the nets of the table alone', () => {
    const ranges = NETS4.map(([, first, last]) => [fromIpv4(first), fromIpv4(last)] as const);
    fc.assert(
      fc.property(fc.nat(0xffffffff), (n) => {
        const inside = ranges.some(([first, last]) => n >= first && n <= last);
        expect(isPrivateAddress(toIpv4(n))).toBe(inside);
      }),
    );
  });
});

describe('IPv6', () => {
  it.each([
    ['unspecified', '::'],
    ['loopback', '::1'],
    ['loopback, all of it written', '0:0:0:0:0:0:0:1'],
    ['mapped loopback', '::ffff:127.0.0.1'],
    ['mapped metadata, in hex', '::ffff:a9fe:a9fe'],
    ['mapped private, in hex', '::FFFF:0A00:0001'],
    ['mapped public', '::ffff:8.8.8.8'],
    ['compatible', '::10.0.0.1'],
    ['translated (RFC 2765)', '::ffff:0:10.0.0.1'],
    ['NAT64 of private', '64:ff9b::10.0.0.1'],
    ['NAT64 of metadata', '64:ff9b::a9fe:a9fe'],
    ['NAT64 of public', '64:ff9b::808:808'],
    ['NAT64, local', '64:ff9b:1::a00:1'],
    ['discard', '100::1'],
    ['Teredo', '2001::a00:1'],
    ['protocol assignments', '2001:1ff:ffff::1'],
    ['documentation', '2001:db8::1'],
    ['documentation, its end', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['6to4 of private', '2002:a00:1::1'],
    ['6to4 of loopback', '2002:7f00:1::'],
    ['6to4 of public', '2002:808:808::1'],
    ['documentation (RFC 9637)', '3fff:fff::1'],
    ['segment routing', '5f00::1'],
    ['unique local', 'fc00::1'],
    ['metadata of AWS', 'fd00:ec2::254'],
    ['link-local', 'fe80::1'],
    ['link-local, its end', 'febf:ffff::1'],
    ['link-local with its zone', 'fe80::1%eth0'],
    ['site-local', 'fec0::1'],
    ['multicast', 'ff02::1'],
  ])('%s: %s is private', (_, address) => {
    // Assess
    expect(isIP(address)).toBe(6);
    expect(isPrivateAddress(address)).toBe(true);
  });

  it.each(['2001:200::1', '2001:4860:4860::8888', '2606:4700::1111', '2A00:1450:4001::1a', '2003::1', '3ffe::1'])(
    '%s is public',
    (address) => {
      expect(isPrivateAddress(address)).toBe(false);
    },
  );

  it('that carries an IPv4 address is private, whatever it carries', () => {
    const carriers = [
      (n: number) => `::ffff:${toIpv4(n)}`,
      (n: number) => `::ffff:${toHex(n)}`,
      (n: number) => `::${toHex(n)}`,
      (n: number) => `64:ff9b::${toIpv4(n)}`,
      (n: number) => `2002:${toHex(n)}::1`,
      (n: number) => `2001:0:${toHex(n)}::1`,
    ];
    fc.assert(
      fc.property(fc.constantFrom(...carriers), fc.nat(0xffffffff), (carry, n) => {
        expect(isIP(carry(n))).toBe(6);
        expect(isPrivateAddress(carry(n))).toBe(true);
      }),
    );
  });

  it('outside of 2000::/3 is private', () => {
    const group = fc.nat(0xffff);
    fc.assert(
      fc.property(
        group.filter((first) => first >> 13 !== 1),
        fc.array(group, { minLength: 7, maxLength: 7 }),
        (first, rest) => {
          const address = [first, ...rest].map((one) => one.toString(16)).join(':');
          expect(isPrivateAddress(address)).toBe(true);
        },
      ),
    );
  });
});

describe('what is no address', () => {
  it.each([
    '',
    'x',
    'localhost',
    '127.1',
    '010.0.0.1',
    '0x7f000001',
    '2130706433',
    '8.8.8.8 ',
    '8.8.8.8:25',
    '[2606::1]',
  ])('"%s" is private', (text) => {
    expect(isPrivateAddress(text)).toBe(true);
  });

  it('is private, and is never an error', () => {
    fc.assert(
      fc.property(
        fc.string().filter((text) => isIP(text) === 0),
        (text) => {
          expect(isPrivateAddress(text)).toBe(true);
        },
      ),
    );
  });
});
