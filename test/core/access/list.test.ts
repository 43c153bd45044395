import { describe, expect, it } from 'vitest';
import { addRules, allowsOf, removeRules } from '../../../core/access/list.ts';

const rulesOf = (...ips: string[]) => ips.map((ip) => ({ ip }));

describe('an IP access list', () => {
  it('is none without rules', () => {
    expect(allowsOf(undefined)).toBeUndefined();
    expect(allowsOf([])).toBeUndefined();
  });

  it('lets in what its rules contain, and nobody whose address is not known', () => {
    // Act
    const allows = allowsOf(rulesOf('192.0.2.0/24', '2001:db8::/32'))!;

    // Assess
    expect(['192.0.2.7', '::ffff:192.0.2.7', '2001:db8::7'].filter(allows)).toHaveLength(3);
    expect(['192.0.3.7', '2001:db9::7', '', 'unknown', undefined].filter(allows)).toEqual([]);
  });

  it('that nobody could read lets nobody in', () => expect(allowsOf(rulesOf('anything'))!('192.0.2.7')).toBe(false));

  it('gives each rule an id for good, and a rule that is there no second one', () => {
    // Act
    const first = addRules('shopshop', undefined, ['192.0.2.1/32', '192.0.2.2/32', '192.0.2.1/32'], 7)!;
    const fewer = removeRules(first.after, [2])!;
    const again = addRules('shopshop', fewer, ['192.0.2.2/32', '192.0.2.1/32'], 8)!;

    // Assess
    expect(first.asked.map(({ id }) => id)).toEqual([1, 2]);
    expect(again.asked).toEqual([
      { id: 3, ip: '192.0.2.2/32', createdAt: 8 },
      { id: 1, ip: '192.0.2.1/32', createdAt: 7 },
    ]);
    expect([first.after.version, fewer.version, again.after.version]).toEqual([1, 2, 3]);
  });

  it('takes nothing away where an id is none of its own', () => {
    const { after } = addRules('shopshop', undefined, ['192.0.2.1/32'], 7)!;
    expect(removeRules(after, [1, 2])).toBeUndefined();
    expect(removeRules(undefined, [1])).toBeUndefined();
    expect(after.rules).toHaveLength(1);
  });

  it('has 1,000 rules at most, which fit into an item many times over', () => {
    const ips = Array.from(
      { length: 1_000 },
      (_, n) => `2001:db8:ffff:ffff:ffff:ffff:ffff:${(n + 4096).toString(16)}/128`,
    );
    const full = addRules('shopshop', undefined, ips, 1_764_072_000)!;
    expect(JSON.stringify(full.after).length).toBeLessThan(100_000);
    expect(addRules('shopshop', full.after, ['192.0.2.1/32'], 7)).toBeUndefined();
  });
});
