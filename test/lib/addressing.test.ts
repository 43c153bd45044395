import fc from 'fast-check';
import { expect, test } from 'vitest';
import { subnetCidrs, subnetSlot, zoneOf } from '../../lib/addressing.ts';
import { defineSettings } from '../../lib/settings.ts';

const laneName = fc.stringMatching(/^[a-z][a-z0-9-]{0,30}[a-z0-9]$/);

/** First and last address of a range, as numbers. */
function rangeOf(cidr: string): [number, number] {
  const [address = '', length] = cidr.split('/');
  const first = address.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0);
  return [first, first + 2 ** (32 - Number(length)) - 1];
}

test('lanes of different slots never overlap, and all lie in the VPC', () => {
  const [vpcFirst, vpcLast] = rangeOf('10.25.0.0/16');
  fc.assert(
    fc.property(laneName, laneName, (one, other) => {
      fc.pre(subnetSlot(one) !== subnetSlot(other));
      const ranges = [one, other].flatMap((name) => Object.values(subnetCidrs(name)).map(rangeOf));
      ranges.sort(([a], [b]) => a - b);
      for (const [i, [first, last]] of ranges.entries()) {
        expect(first % 16).toBe(0);
        expect(first).toBeGreaterThan(ranges[i - 1]?.[1] ?? vpcFirst - 1);
        expect(last).toBeLessThanOrEqual(vpcLast);
      }
    }),
  );
});

test('two names that would share a subnet are refused, with the name of the other', () => {
  // Prepare: a pair that collides, by trying
  const seen = new Map<number, string>();
  let pair: [string, string] | undefined;
  for (let i = 0; !pair; i++) {
    const name = `lane-${i}`;
    const other = seen.get(subnetSlot(name));
    if (other) pair = [other, name];
    seen.set(subnetSlot(name), name);
  }
  const sourceIps = pair.map((name) => ({ name, ehloName: `${name}.example.com` }));

  // Act, Assess
  expect(() => defineSettings({ pools: [{ name: 'p', sourceIps }] })).toThrow(
    `pools[0].sourceIps[1].name: "${pair[1]}" gets the same subnet as "${pair[0]}"`,
  );
});

test('a zone is the one that is asked for, else one of those there are', () => {
  expect(zoneOf({ name: 'x', zone: 1 }, 2)).toBe(1);
  fc.assert(
    fc.property(laneName, fc.integer({ min: 1, max: 6 }), (name, maxAzs) => {
      const zone = zoneOf({ name }, maxAzs);
      expect(zone).toBeGreaterThanOrEqual(0);
      expect(zone).toBeLessThan(maxAzs);
    }),
  );
});
