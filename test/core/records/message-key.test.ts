import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeRequestId, requestIdTime } from '../../../core/ids.ts';
import {
  bucketEnd,
  bucketOf,
  bucketOfOne,
  copyIndexOf,
  isRequestRecord,
  messageKey,
  messageName,
  ownerOf,
} from '../../../core/records/message-key.ts';
import { attemptKey, claimKey, copyKey, idempotencyKey, lateKey, requestKey } from '../../../core/records/messages.ts';

const AT = Date.UTC(2026, 10, 25, 12);
const random = fc.uint8Array({ minLength: 10, maxLength: 10 });
const time = fc.integer({ min: 0, max: 2 ** 48 - 1 });
/** The id of a request to one reader. */
const idTo = (account: string, address: string, at: number, bytes: Uint8Array = Buffer.alloc(10, 9)) =>
  makeRequestId(at, bytes, bucketOf(account, address));
const idOfMany = makeRequestId(AT, Buffer.alloc(10, 9));

describe('a record of mail', () => {
  it('is named by its key, in either place', () => {
    fc.assert(
      fc.property(time, random, fc.emailAddress(), fc.nat({ max: 12_000 }), (at, bytes, address, index) => {
        for (const id of [idTo('operator', address, at, bytes), makeRequestId(at, bytes)]) {
          for (const key of [
            copyKey('operator', id, index),
            attemptKey('operator', id, index, 'deferred', 3),
            lateKey('operator', id, index, 'bounced'),
          ]) {
            expect(messageName(key)).toMatchObject({ account: 'operator', requestId: id });
            expect(copyIndexOf(key)).toBe(index);
            expect(isRequestRecord(key)).toBe(false);
          }
          const request = requestKey('operator', id);
          expect(messageName(request)).toEqual({ account: 'operator', requestId: id, part: 'request' });
          expect(isRequestRecord(request)).toBe(true);
          expect(copyIndexOf(request)).toBeUndefined();
          expect(copyIndexOf(claimKey('operator', id, `${id}.0.0`))).toBeUndefined();
        }
      }),
    );
  });

  it('lies with others of its one reader, in the order of acceptance, however he is written', () => {
    const early = copyKey('operator', idTo('operator', 'reader@example.net', AT), 0);
    const late = copyKey('operator', idTo('operator', 'Reader@Example.NET', AT + 1), 0);
    expect(early.pk).toBe(late.pk);
    expect(early.sk < late.sk).toBe(true);
    expect(copyKey('operator', idOfMany, 0).pk).toBe(`operator#${idOfMany}`);
  });

  it('everything of a request begins alike, and nothing of another request does', () => {
    const one = idTo('operator', 'reader@example.net', AT);
    const other = idTo('operator', 'reader@example.net', AT + 1);
    const start = messageKey('operator', one, '').sk;
    for (const key of [requestKey('operator', one), copyKey('operator', one, 0), claimKey('operator', one, 'x')])
      expect(key.sk.startsWith(start)).toBe(true);
    expect(requestKey('operator', other).sk.startsWith(start)).toBe(false);
  });

  it('what was accepted until a time, and nothing later, sorts before its end', () => {
    fc.assert(
      fc.property(time, fc.integer({ min: -2, max: 2 }), random, (at, delta, bytes) => {
        const until = Math.min(2 ** 48 - 1, Math.max(0, at + delta));
        const { sk } = copyKey('operator', idTo('operator', 'a@b.c', at, bytes), 0);
        expect(sk < bucketEnd(until)).toBe(at <= until);
      }),
    );
  });

  it('that is in its own reader’s bucket needs no index; every other does', () => {
    const id = idTo('operator', 'reader@example.net', AT);
    expect(ownerOf('operator', id, 'READER@example.net')).toEqual({ recipient: 'operator#reader@example.net' });
    for (const requestId of [id, idOfMany])
      expect(ownerOf('operator', requestId, 'friend@example.net')).toEqual({
        recipient: 'operator#friend@example.net',
        indexedRecipient: 'operator#friend@example.net',
      });
    expect(bucketOfOne('operator', ['a@b.c', 'd@e.f'])).toBeUndefined();
  });
});

// The attack: a name of one account that is read as another's, or an address that makes its record somebody else's.
describe('accounts are apart', () => {
  it('one reader has another bucket in each account', () => {
    expect(bucketOf('abcdefgh', 'reader@example.net')).not.toBe(bucketOf('operator', 'reader@example.net'));
    expect(copyKey('abcdefgh', idTo('abcdefgh', 'x@y.z', AT), 0).pk).toMatch(/^abcdefgh#/);
  });

  it.each([
    ['an idempotency key', idempotencyKey('operator', 'ab'.repeat(32))],
    ['no key', { pk: 7, sk: undefined }],
    ['no account', { pk: '#to#abcdef', sk: `${'0'.repeat(32)}#request` }],
    ['a bucket’s item without an id', { pk: 'operator#to#abcdef', sk: 'request' }],
    ['more than a bucket', { pk: 'operator#to#abcdef#x', sk: `${'0'.repeat(32)}#request` }],
  ])('%s is no record of mail', (_, key) => {
    expect(messageName(key)).toBeUndefined();
    expect(copyIndexOf(key)).toBeUndefined();
  });
});

it('an id with a bucket is still an id that tells its time, and differs within a millisecond', () => {
  const ids = Array.from({ length: 200 }, (_, n) => idTo('operator', 'a@b.c', AT, Buffer.alloc(10, n)));
  expect(new Set(ids).size).toBe(200);
  expect(ids.every((id) => requestIdTime(id) === AT && id.length === 22)).toBe(true);
});
