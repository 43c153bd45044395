import { BlockList, isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contains, readAddress, readRange, writeAddress, writeRange } from '../../../core/access/range.ts';

const within = (range: string, address: string) => contains(readRange(range)!, readAddress(address)!);
const WIDTH = { ipV4: 32, ipV6: 128 };
const family = fc.constantFrom('ipV4' as const, 'ipV6' as const);
const addresses = family.chain((kind) => fc.tuple(fc.constant(kind), fc[kind](), fc[kind](), fc.nat(WIDTH[kind])));

describe('a range', () => {
  it('contains an address exactly when Node’s own block list says so', () => {
    fc.assert(
      fc.property(addresses, fc.nat(128), ([kind, network, other, prefix], flipped) => {
        // Prepare: a stranger's address, and one that differs from the range's in one bit.
        const list = new BlockList();
        const type = kind === 'ipV4' ? 'ipv4' : 'ipv6';
        const { family: of, bits } = readAddress(network)!;
        // An IPv4 address in the clothes of IPv6 is below.
        fc.pre(of === (kind === 'ipV4' ? 4 : 6) && readAddress(other)!.family === of);
        list.addSubnet(network, prefix, type);
        const near = writeAddress({ family: of, bits: bits ^ (1n << BigInt(flipped % WIDTH[kind])) });
        fc.pre(readAddress(near)!.family === of);

        // Act and assess
        for (const address of [network, other, near])
          expect(within(`${network}/${prefix}`, address), address).toBe(list.check(address, type));
      }),
      { numRuns: 500 },
    );
  });

  it('contains IPv4 addresses in the clothes of IPv6, and no others of IPv6', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.ipV4(), fc.nat(32), (network, address, prefix) => {
        const plain = within(`${network}/${prefix}`, address);
        expect(within(`${network}/${prefix}`, `::ffff:${address}`)).toBe(plain);
        expect(within(`::FFFF:${network}/${96 + prefix}`, address)).toBe(plain);
        expect(within(`${network}/${prefix}`, `::${address}`)).toBe(false);
        expect(within('::/0', address)).toBe(false);
      }),
    );
  });

  it('has one text, which reads back as itself', () => {
    fc.assert(
      fc.property(addresses, ([, network, , prefix]) => {
        const range = readRange(`${network}/${prefix}`);
        fc.pre(range !== undefined);
        expect(readRange(writeRange(range!))).toEqual(range);
        expect(isIP(writeAddress(range!))).toBe(range!.family);
      }),
    );
  });

  it.each([
    ['192.168.1.1', '192.168.1.1/32'],
    ['192.*.*.*', '192.0.0.0/8'],
    ['25.203.44.*', '25.203.44.0/24'],
    ['*.*.*.*', '0.0.0.0/0'],
    // As SendGrid's documents write it.
    ['192.168.100.14/24', '192.168.100.0/24'],
    ['2001:DB8:0:0::1', '2001:db8::1/128'],
    ['2001:db8:1:2:3:4:5:6/33', '2001:db8::/33'],
    ['::/0', '::/0'],
    ['::ffff:192.0.2.9/120', '192.0.2.0/24'],
  ])('%s is %s', (text, written) => expect(writeRange(readRange(text)!)).toBe(written));

  it.each([
    '',
    ' 1.2.3.4',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '01.2.3.4',
    '0x1.2.3.4',
    '1.2.3.4/',
    '1.2.3.4/33',
    '1.2.3.4/08',
    '1.2.3.4/-1',
    '1.2.3.4/8/8',
    '1.2.3.4/255.0.0.0',
    '*',
    '1.*',
    '1.*.2.*',
    '*.2.3.4',
    '1.2.3.*/24',
    '300.*.*.*',
    '01.*.*.*',
    '1.2.3.4.*',
    '::1::',
    ':::',
    '1:2:3',
    '1:2:3:4:5:6:7:8:9',
    'fe80::1%eth0',
    '[::1]',
    '::ffff:1.2.3.4/95',
    '::/129',
    'localhost',
    '1.2.3.4\n',
    '１.2.3.4',
    `${'1'.repeat(99)}:`,
  ])('%j is none', (text) => expect(readRange(text)).toBeUndefined());

  it('is read from any text without a throw, and an address from what Node calls one', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'0123456789abcf:./*') })), (text) => {
        readRange(text);
        expect(readAddress(text) !== undefined).toBe(isIP(text) !== 0);
      }),
      { numRuns: 2_000 },
    );
  });
});
