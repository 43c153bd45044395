import { describe, expect, it } from 'vitest';
import { PROVIDERS, providerOf } from '../../core/provider.ts';

describe('provider', () => {
  it.each([
    [['aspmx.l.google.com', 'alt1.aspmx.l.google.com'], 'google'],
    [['gmail-smtp-in.l.google.com'], 'google'],
    [['mta5.am0.yahoodns.net'], 'yahoo'],
    [['outlook-com.olc.protection.outlook.com'], 'microsoft'],
    [['contoso-com.mail.protection.outlook.com'], 'microsoft365'],
    [['contoso-com.p-v1.mx.microsoft'], 'microsoft365'],
    [['mx01.mail.icloud.com', 'MX02.mail.icloud.com.'], 'apple'],
    [['mx00.gmx.net', 'mx-ha02.web.de'], 'gmx'],
    [['smtp-in.orange.fr'], 'orange'],
    [['mx.example.com'], 'other'],
    [[], 'other'],
  ])('%j is %s', (hosts, provider) => expect(providerOf(hosts)).toBe(provider));

  it('matches only if every host does, and only whole labels', () => {
    expect(providerOf(['aspmx.l.google.com', 'backup.example.com'])).toBe('other');
    expect(providerOf(['mx.notgoogle.com'])).toBe('other');
    expect(providerOf(['mx.google.com.evil.example'])).toBe('other');
  });

  it('has no suffix twice', () => {
    const suffixes = PROVIDERS.flatMap((provider) => [...provider.suffixes]);
    expect(new Set(suffixes).size).toBe(suffixes.length);
  });
});
