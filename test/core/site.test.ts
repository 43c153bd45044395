import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nameSite } from '../../core/site.ts';

describe('site', () => {
  it('names a set of hosts, whatever order and case', () => {
    expect(nameSite(['MX.Example.com.'])).toBe('mx.example.com');
    expect(nameSite(['mx2.example.com', 'mx1.example.com'])).toBe('(mx1|mx2).example.com');
    expect(nameSite(['mta7.am0.yahoodns.net', 'mta5.am0.yahoodns.net', 'mta6.am0.yahoodns.net'])).toBe(
      '(mta5|mta6|mta7).am0.yahoodns.net',
    );
    expect(nameSite(['gmail-smtp-in.l.google.com', 'alt1.gmail-smtp-in.l.google.com'])).toBe(
      'alt1.gmail-smtp-in.l.google.com,gmail-smtp-in.l.google.com',
    );
    expect(nameSite(['localhost'])).toBe('localhost');
  });

  // Attack: a domain whose MX set only looks like another's would get that one's mail over a shared session.
  it('gives two sets one name only if they are the same set', () => {
    const host = fc
      .array(fc.constantFrom('a', 'b', 'mx1', 'com'), { minLength: 1, maxLength: 4 })
      .map((labels) => labels.join('.'));
    const hosts = fc.uniqueArray(host, { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(hosts, hosts, (one, other) => {
        const same = [...one].sort().join() === [...other].sort().join();
        expect(nameSite(one) === nameSite(other)).toBe(same);
        expect(nameSite([...one].reverse())).toBe(nameSite(one));
      }),
      { numRuns: 3_000 },
    );
  });
});
