import { describe, expect, it } from 'vitest';
import { copyField, readCopyField } from '../../core/copy-header.ts';
import { makeReturnPath } from '../../core/return-path.ts';

const secret = Buffer.alloc(32, 1);
const copy = { account: 'customer', requestId: Buffer.alloc(16, 9).toString('base64url'), index: 3 };
const returnPath = makeReturnPath({ ...copy, secret, domain: 'em.shop.example' });

describe('the field that names a copy', () => {
  it('is read as it was written, folded or in another case', () => {
    const field = copyField(returnPath);
    expect(field).toMatch(/^X-Pennypost-Copy: b[a-z2-7]{53} em\.shop\.example\r\n$/);
    const value = field.slice(field.indexOf(':') + 1);
    expect(readCopyField(value, secret)).toEqual(copy);
    expect(readCopyField(value.toUpperCase().replace(' EM', '\r\n\tEM'), secret)).toEqual(copy);
  });

  // Attack: a complaint whose "original message" somebody made up, to have a reader suppressed.
  it.each([
    '',
    'x',
    returnPath,
    `${returnPath.replace('@', ' ')} x`,
    `b${'a'.repeat(53)} em.shop.example`,
    'x '.repeat(1e5),
  ])('is none of ours: %j', (value) => {
    expect(readCopyField(value, secret)).toBeUndefined();
  });
});
