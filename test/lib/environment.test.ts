/** Lambda refuses a function with more than 4 KB of variables, and says so when the deployment has begun. */
import { expect, test } from 'vitest';
import { defineSettings, type SettingsInput } from '../../lib/settings.ts';
import { environmentBytes } from './environment-bytes.ts';
import { flatten, functionName, ofType } from './flatten.ts';

const MOST_BYTES = 4_096;

/** A host name of so many characters. */
const host = (n: number, length: number) => {
  const end = `x${String(n).padStart(2, '0')}.example.com`;
  return `${'abcdefg.'
    .repeat(32)
    .slice(0, Math.max(0, length - end.length))
    .replace(/\.$/, 'x')}${end}`;
};
const label = (n: number, length: number) => `${'n'.repeat(length - 3)}-${String(n).padStart(2, '0')}`;

type Long = {
  names?: number;
  ehlo?: number;
  others?: number;
  weight?: number;
  relays?: number;
  lanes?: number;
  bySes?: boolean;
};

/** All that a function may be told of, with names of so many characters. */
const settings = ({
  names = 32,
  ehlo = 20,
  others = 20,
  weight = 1,
  relays = 0,
  lanes = 11,
  bySes = false,
}: Long): SettingsInput => ({
  stackName: 'S'.repeat(31),
  relay: {
    hostName: host(0, others),
    inbound: !bySes,
    acme: { hostedZone: 'Z0123456789ABCDEFGHIJ', email: `${'m'.repeat(64)}@${host(0, 150)}` },
  },
  ...(bySes && { inbound: { by: 'ses' as const } }),
  relays: Array.from({ length: relays }, (_, n) => ({ name: label(n, 32), host: host(n, others) })),
  tracking: { cloudFront: true },
  brakes: { dailyCap: 1_000_000_000 },
  tlsReports: { from: 'tls@example.com', organization: 'O'.repeat(100), contact: 'postmaster@example.com' },
  delivery: {
    dnsServers: Array.from({ length: 8 }, (_, n) => `255.255.255.${240 + n}:65535`),
    signingDomain: host(0, others),
  },
  senders: {
    targets: host(0, others),
    zones: Array.from({ length: 10 }, (_, n) => ({ hostedZone: `Z${'0'.repeat(31)}`, name: host(n, others) })),
  },
  validation: { disposableDomains: Array.from({ length: 1_000 }, (_, n) => `${host(n % 100, 200)}.d${n}.example`) },
  pools: [
    {
      name: label(0, names),
      via: {
        default: 'direct',
        providers: Object.fromEntries(
          ['google', 'microsoft', 'yahoo', 'apple', 'gmx', 'other']
            .slice(0, Math.max(1, relays))
            .map((name, n) => [name, relays > 0 ? (`relay:${label(n, 32)}` as const) : 'ses']),
        ),
      },
      // Lanes that warm up know all others, too.
      sourceIps: Array.from({ length: lanes }, (_, n) => ({
        name: label(n, names),
        ehloName: host(n, ehlo),
        weight,
        warmUpFrom: '2026-11-23',
      })),
    },
  ],
});

const accepted = (input: SettingsInput): boolean => {
  try {
    defineSettings(input);
    return true;
  } catch {
    return false;
  }
};

test.each<[string, (length: number) => Long, least: number]>([
  ['names of pools and lanes, and weights', (names) => ({ names, weight: 1 / 3_000 }), 20],
  ['EHLO names', (ehlo) => ({ ehlo }), 30],
  ['EHLO names, and short ones of lanes', (ehlo) => ({ ehlo, names: 8, bySes: true }), 60],
  ['names of relays of others', (others) => ({ others, relays: 4, lanes: 4 }), 100],
  ['names of our own relay, and of the domain that signs', (others) => ({ others, names: 24 }), 100],
])('the longest that the settings take fit: %s', (_, long, least) => {
  // Prepare: the longest that is not refused; it is no less than people need
  let [longest, tooLong] = [20, 254];
  while (tooLong - longest > 1) {
    const length = (longest + tooLong) >> 1;
    if (accepted(settings(long(length)))) longest = length;
    else tooLong = length;
  }
  expect(longest).toBeGreaterThanOrEqual(least);

  // Act
  const flat = flatten(settings(long(longest)));
  const measured = ofType(flat, 'AWS::Lambda::Function').map((fn) => ({
    fn: functionName(fn),
    bytes: environmentBytes(flat, fn),
  }));

  // Assess
  expect(measured.length).toBeGreaterThan(15);
  expect(measured.filter(({ bytes }) => bytes > MOST_BYTES)).toEqual([]);
});

test('what does not fit is refused with the settings that are to be shorter', () => {
  expect(() => defineSettings(settings({ weight: 1 / 3_000 }))).toThrow(
    /\n {2}pools: their lanes take \d{4} bytes of release's environment, which has room for \d{4}: give pools/,
  );
  expect(() => defineSettings(settings({ ehlo: 253 }))).toThrow(
    /\n {2}pools: their lanes, with senders\.targets, .* take \d{4} bytes of manage's environment, .* the ehloName of/,
  );
});
