import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readInboundRecipient } from '../../../core/inbound/recipient.ts';
import { makeReturnPath } from '../../../core/return-path.ts';
import { makeUnsubscribeAddress } from '../../../core/unsubscribe-address.ts';

const secret = Buffer.alloc(32, 1);
const requestId = Buffer.alloc(16, 9).toString('base64url');
const copy = { account: 'customer', requestId, index: 3 };
const HOSTS = new Map([
  ['em.shop.example', { account: 'customer', kind: 'return-path' as const }],
  ['in.shop.example', { account: 'customer', kind: 'parse' as const }],
]);
const read = (address: string) => readInboundRecipient(address, secret, (domain) => HOSTS.get(domain));

describe('who an inbound address is for', () => {
  it('knows return paths, unsubscribe addresses, feedback addresses and parse hosts, in any case', () => {
    const bounced = makeReturnPath({ ...copy, secret, domain: 'em.shop.example' });
    const left = makeUnsubscribeAddress({ ...copy, groupId: 12, secret, domain: 'em.shop.example' });
    expect(read(bounced)).toEqual({ kind: 'bounce', ...copy });
    expect(read(bounced.toUpperCase())).toEqual({ kind: 'bounce', ...copy });
    expect(read(left)).toEqual({ kind: 'unsubscribe', ...copy, groupId: 12 });
    for (const local of ['fbl', 'feedback', 'abuse', 'Postmaster'])
      expect(read(`${local}@em.shop.example`)).toEqual({ kind: 'feedback', account: 'customer' });
    expect(read('"any thing"@In.Shop.Example')).toEqual({
      kind: 'parse',
      account: 'customer',
      hostname: 'in.shop.example',
    });
  });

  // Attack: mail for addresses that are nobody's here, in the hope that it is passed on, or that a refusal tells who exists.
  it.each([
    'someone@em.shop.example',
    'someone@shop.example',
    'someone@elsewhere.example',
    'someone%elsewhere.example@em.shop.example',
    'elsewhere.example!someone@em.shop.example',
    '"someone@elsewhere.example"@em.shop.example',
    `${makeReturnPath({ ...copy, secret, domain: 'em.other.example' })}`,
    `${makeReturnPath({ ...copy, secret, domain: 'em.other.example' }).split('@')[0]}@em.shop.example`,
    `${makeReturnPath({ ...copy, secret: Buffer.alloc(32, 2), domain: 'em.shop.example' })}`,
    'postmaster',
    '@em.shop.example',
    '',
    'x@',
  ])('is none for %j', (address) => {
    expect(read(address)).toBeUndefined();
  });

  it('takes any text for an address', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 400 }), (text) => {
        expect(read(text)).toBeUndefined();
      }),
    );
  });
});
