import { describe, expect, it } from 'vitest';
import { COPY_BYTES, makeToken, nameCopy, readCopyName, readToken } from '../../core/address-token.ts';

const secret = Buffer.alloc(32, 1);
const requestId = Buffer.alloc(16, 9).toString('base64url');
const named = nameCopy('customer', requestId, 513);
const kind = { letter: 'x', purpose: 'one', bytes: COPY_BYTES };

describe('a token in an address', () => {
  it('gives back what it names', () => {
    const local = makeToken(kind, named, 'em.shop.example', secret);
    const read = readToken(kind, `${local}@em.shop.example`, secret);
    expect(readCopyName(read!)).toEqual({ account: 'customer', requestId, index: 513 });
  });

  // Attack: a token that was given out for one purpose is used for another, whose letter and length it may share.
  it('is none of another purpose, another length, another letter', () => {
    const address = `${makeToken(kind, named, 'em.shop.example', secret)}@em.shop.example`;
    expect(readToken({ ...kind, purpose: 'two' }, address, secret)).toBeUndefined();
    expect(readToken({ ...kind, bytes: COPY_BYTES + 4 }, address, secret)).toBeUndefined();
    expect(readToken({ ...kind, letter: 'y' }, address, secret)).toBeUndefined();
    expect(readToken({ ...kind, letter: 'y' }, `y${address.slice(1)}`, secret)?.toString('hex')).toBe(
      named.toString('hex'),
    );
  });

  it('names exactly what its kind names', () => {
    expect(() => makeToken(kind, named.subarray(1), 'x.example', secret)).toThrow('names 23 bytes, not 22');
  });
});
