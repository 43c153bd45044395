import { expect, it } from 'vitest';
import { dnsRecordsOf, findFault } from '../../core/dns-records.ts';

const domain = { domain: 'example.com', selector: 's1', publicKey: 'MIIBIjANBg', returnPath: 'em.example.com' };
const records = dnsRecordsOf(domain, [
  { ip: '192.0.2.1', ehloName: 'mta1.example.net' },
  { ip: '192.0.2.2', ehloName: 'mta2.example.net' },
]);
const [dkim, spf, mx, dmarc] = records as [
  (typeof records)[0],
  (typeof records)[0],
  (typeof records)[0],
  (typeof records)[0],
];

it('asks for DKIM, SPF and MX of the return path, and DMARC', () => {
  expect(records.map(({ name, type, value }) => `${name} ${type} ${value}`)).toEqual([
    's1._domainkey.example.com TXT v=DKIM1; k=rsa; p=MIIBIjANBg',
    'em.example.com TXT v=spf1 ip4:192.0.2.1 ip4:192.0.2.2 -all',
    'em.example.com MX 10 mta1.example.net',
    '_dmarc.example.com TXT v=DMARC1; p=none',
  ]);
});

it('asks for no return path where nothing is sent from an address of ours, and for our own address elsewhere', () => {
  const bySes = { ehloName: 'pennypost.invalid' };
  expect(dnsRecordsOf(domain, [bySes]).map(({ purpose }) => purpose)).toEqual(['dkim', 'dmarc']);
  const both = dnsRecordsOf(domain, [bySes, { ip: '192.0.2.1', ehloName: 'mta1.example.net' }]);
  expect(both.map(({ value }) => value)).toEqual(
    expect.arrayContaining(['v=spf1 ip4:192.0.2.1 -all', '10 mta1.example.net']),
  );
});

it('sends what comes back to who takes it, where there is somebody, and to nobody else', () => {
  const [, , record] = dnsRecordsOf(domain, [{ ip: '192.0.2.1', ehloName: 'mta1.example.net' }], {
    inboundHost: 'smtp.example.net',
  });
  expect(record!.value).toBe('10 smtp.example.net');
  expect(findFault(record!, ['10 SMTP.example.net.'])).toBeUndefined();
  expect(findFault(record!, ['10 mta1.example.net', '20 smtp.example.net'])).toBeUndefined();
  expect(findFault(record!, ['10 mta1.example.net'])).toBe(
    'it does not name smtp.example.net: what comes back goes elsewhere',
  );
  expect(findFault(mx, ['10 anything.example.org'])).toBeUndefined();
});

it('asks for the MX of whoever takes what comes back, even where SES sends all mail', () => {
  const inboundHost = 'inbound-smtp.us-east-1.amazonaws.com';
  const asked = dnsRecordsOf(domain, [{ ehloName: 'pennypost.invalid' }], { inboundHost });
  expect(asked.map(({ purpose }) => purpose)).toEqual(['dkim', 'return path', 'dmarc']);
  expect(asked[1]).toMatchObject({ name: 'em.example.com', type: 'MX', value: `10 ${inboundHost}` });
});

it.each([
  [dkim, ['v=DKIM1; k=rsa; p=MIIBIjANBg'], undefined],
  [dkim, ['k=rsa;p=MIIB IjANBg'], undefined],
  [dkim, [], 'there is no such record'],
  [dkim, ['v=DKIM1; p='], 'the key there is revoked (p= is empty)'],
  [dkim, ['v=DKIM1; p=AAAA'], 'the key there is another one'],
  [spf, ['v=spf1 include:x.test ip4:192.0.2.2 ip4:192.0.2.1 ~all'], undefined],
  [spf, ['hello'], 'there is a TXT record, but none that begins with v=spf1'],
  [
    spf,
    ['v=spf1 -all', 'v=spf1 -all'],
    'there is more than one SPF record, which receivers treat as an error (RFC 7208 4.5)',
  ],
  [spf, ['v=spf1 ip4:192.0.2.1 -all'], 'it does not name ip4:192.0.2.2'],
  [mx, ['10 anything.test'], undefined],
  [dmarc, ['v=DMARC1; p=reject; rua=mailto:x@example.com'], undefined],
  [dmarc, ['v=DMARC1; p=maybe'], 'its p= is not none, quarantine or reject'],
  [dmarc, ['other'], 'there is a TXT record, but none that begins with v=DMARC1'],
] as const)('%j with %j: %s', (record, found, fault) => {
  expect(findFault(record, found)).toBe(fault);
});
