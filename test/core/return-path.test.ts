import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeReturnPath, readReturnPath } from '../../core/return-path.ts';

const secret = Buffer.alloc(32, 1);
const account = 'customer';
const requestId = Buffer.alloc(16, 9).toString('base64url');
const address = makeReturnPath({ account, requestId, index: 513, secret, domain: 'em.sender.example' });

describe('return path', () => {
  it('says which copy it belongs to, in any case, and always the same', () => {
    expect(readReturnPath(address, secret)).toEqual({ account, requestId, index: 513 });
    expect(readReturnPath(address.toUpperCase(), secret)).toEqual({ account, requestId, index: 513 });
    expect(makeReturnPath({ account, requestId, index: 513, secret, domain: 'em.sender.example' })).toBe(address);
    expect(address.split('@')[0]!.length).toBeLessThanOrEqual(64);
    expect(address).toMatch(/^b[a-z2-7]{53}@em\.sender\.example$/);
  });

  it('round-trips every id and index', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 16, maxLength: 16 }),
        fc.integer({ min: 0, max: 65_535 }),
        (bytes, index) => {
          const id = Buffer.from(bytes).toString('base64url');
          const made = makeReturnPath({ account, requestId: id, index, secret, domain: 'em.x.example' });
          expect(readReturnPath(made, secret)).toEqual({ account, requestId: id, index });
        },
      ),
    );
  });

  // Attack: a stranger sends bounces for addresses he makes up, or changes one that he got, to have readers suppressed.
  it('refuses every change of one character, other domains, other secrets, and what is none', () => {
    const [local = '', domain = ''] = address.split('@');
    for (let at = 1; at < local.length; at++)
      for (const other of 'abcdefghijklmnopqrstuvwxyz234567') {
        if (other === local[at]) continue;
        expect(readReturnPath(`${local.slice(0, at)}${other}${local.slice(at + 1)}@${domain}`, secret)).toBeUndefined();
      }
    expect(readReturnPath(`${local}@em.other.example`, secret)).toBeUndefined();
    expect(readReturnPath(address, Buffer.alloc(32, 2))).toBeUndefined();
    for (const none of [
      '',
      '@',
      'b@x',
      'postmaster@em.sender.example',
      `${local}x@${domain}`,
      `c${local.slice(1)}@${domain}`,
    ])
      expect(readReturnPath(none, secret)).toBeUndefined();
  });

  it('refuses to make one of what is no request id, or no account', () => {
    expect(() => makeReturnPath({ account, requestId: 'abc', index: 0, secret, domain: 'x' })).toThrow('16 bytes');
    expect(() => makeReturnPath({ account: 'Customer', requestId, index: 0, secret, domain: 'x' })).toThrow('base32');
  });
});
