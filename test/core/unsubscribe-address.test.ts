import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeReturnPath, readReturnPath } from '../../core/return-path.ts';
import { makeUnsubscribeAddress, readUnsubscribeAddress } from '../../core/unsubscribe-address.ts';

const secret = Buffer.alloc(32, 1);
const account = 'customer';
const requestId = Buffer.alloc(16, 9).toString('base64url');
const domain = 'em.shop.example';

describe('an unsubscribe address', () => {
  it('names its copy and its group, in any case, within 64 octets', () => {
    const address = makeUnsubscribeAddress({ account, requestId, index: 7, groupId: 4_294_967_295, secret, domain });
    expect(readUnsubscribeAddress(address.toUpperCase(), secret)).toEqual({
      account,
      requestId,
      index: 7,
      groupId: 4_294_967_295,
    });
    expect(address.split('@')[0]).toMatch(/^u[a-z2-7]{60}$/);
  });

  it('without a group names none', () => {
    const address = makeUnsubscribeAddress({ account, requestId, index: 7, secret, domain });
    expect(readUnsubscribeAddress(address, secret)).toEqual({ account, requestId, index: 7 });
  });

  // Attack: every reader has a return path of his copy (Return-Path); if it unsubscribed, a bounce would, and a stranger who
  // was sent the mail on could turn one into the other. And a token that is changed must not unsubscribe somebody else.
  it('is no return path, no return path is one, and no change of it is one', () => {
    const address = makeUnsubscribeAddress({ account, requestId, index: 7, secret, domain });
    const returnPath = makeReturnPath({ account, requestId, index: 7, secret, domain });
    expect(readReturnPath(address, secret)).toBeUndefined();
    expect(readUnsubscribeAddress(returnPath, secret)).toBeUndefined();
    expect(readUnsubscribeAddress(`u${returnPath.slice(1)}`, secret)).toBeUndefined();
    fc.assert(
      fc.property(fc.nat({ max: 59 }), fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz234567'), (at, other) => {
        const changed = `${address.slice(0, at + 1)}${other}${address.slice(at + 2)}`;
        fc.pre(changed !== address);
        expect(readUnsubscribeAddress(changed, secret)).toBeUndefined();
      }),
    );
  });
});
