import { describe, expect, it } from 'vitest';
import { domainOf, toAsciiDomain, toEnvelopeAddress } from '../../core/domain.ts';

describe('domain', () => {
  it('is ASCII and lower case', () => {
    expect(toAsciiDomain('Example.COM')).toBe('example.com');
    expect(toAsciiDomain('jõgeva.ee')).toBe('xn--jgeva-dua.ee');
    expect(domainOf('"a@b"@BÜCHER.example')).toBe('xn--bcher-kva.example');
    expect(toEnvelopeAddress('Bob@BÜCHER.example')).toBe('Bob@xn--bcher-kva.example');
  });

  // Attack: characters that a URL parser takes for the end of a host.
  it('has no ASCII form where it is no host name', () => {
    for (const domain of ['ü/x.example', 'ü:25', 'ü@x.example', 'ü x', 'ü\r\nRCPT', 'ü#', 'ü?', ''])
      expect(toAsciiDomain(domain)).toBeUndefined();
  });
});
