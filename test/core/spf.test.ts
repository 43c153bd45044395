import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkSpf } from '../../core/spf.ts';

const IP = '192.0.2.10';

test.each([
  ['the address itself', 'v=spf1 ip4:192.0.2.10 -all', 'passes'],
  ['its range', 'v=spf1 ip4:192.0.2.0/24 ~all', 'passes'],
  ['the last address of a range', 'v=spf1 ip4:192.0.2.9/31 ip4:192.0.2.8/30 -all', 'passes'],
  ['the range before it', 'v=spf1 ip4:192.0.2.8/31 -all', 'fails'],
  ['with a plus, in capitals', 'V=SPF1 +IP4:192.0.2.10 -ALL', 'passes'],
  ['its range is refused before it', 'v=spf1 -ip4:192.0.2.0/24 ip4:192.0.2.10 -all', 'fails'],
  ['behind the end', 'v=spf1 -all ip4:192.0.2.10', 'fails'],
  ['another address', 'v=spf1 ip4:192.0.2.100 -all', 'fails'],
  ['nothing', 'v=spf1', 'fails'],
  ['no number', 'v=spf1 ip4:192.0.2.300 ip4:here ip4:192.0.2.10/33 -all', 'fails'],
  ['a neutral end', 'v=spf1 ?all', 'fails'],
  ['another record, before the end', 'v=spf1 include:_spf.example.net -all', 'perhaps'],
  ['another record instead of an end', 'v=spf1 redirect=_spf.example.net', 'perhaps'],
  ['its own name', 'v=spf1 a mx/24 -all', 'perhaps'],
  ['another record, but the address is named too', 'v=spf1 include:_spf.example.net ip4:192.0.2.10 -all', 'passes'],
  ['another record that may refuse it first', 'v=spf1 -include:bad.example.net ip4:192.0.2.10 -all', 'perhaps'],
  ['everyone', 'v=spf1 +all', 'open'],
  ['everyone, without a sign', 'v=spf1 all', 'open'],
  ['every address', 'v=spf1 ip4:0.0.0.0/0 -all', 'open'],
])('%s', (_, policy, is) => {
  expect(checkSpf(policy, IP).is).toBe(is);
});

test('a range covers an address exactly when they share its bits', () => {
  const octet = fc.integer({ min: 0, max: 255 });
  const address = fc.tuple(octet, octet, octet, octet);
  const bits = (ip: number[]) => ip.map((one) => one.toString(2).padStart(8, '0')).join('');
  fc.assert(
    fc.property(address, address, fc.integer({ min: 1, max: 32 }), (network, ip, prefix) => {
      const shared = bits(network).slice(0, prefix) === bits(ip).slice(0, prefix);
      const { is } = checkSpf(`v=spf1 ip4:${network.join('.')}/${prefix} -all`, ip.join('.'));
      expect(is).toBe(shared ? 'passes' : 'fails');
    }),
  );
});

test('any text has a verdict', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(['passes', 'fails', 'perhaps', 'open']).toContain(checkSpf(`v=spf1 ${text}`, IP).is);
    }),
  );
});
