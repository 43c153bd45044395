import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashSecret, makeApiKey, readAuthorization, secretMatches } from '../../core/api-key.ts';

const made = makeApiKey('operator', Buffer.alloc(43, 5));

describe('makeApiKey', () => {
  it('has the form that SendGrid clients expect, and names its account', () => {
    expect(made.key).toMatch(/^SG\.[\w-]{22}\.[\w-]{43}$/);
    expect(readAuthorization(`Bearer ${made.key}`)).toEqual({
      account: 'operator',
      id: made.id,
      secret: made.key.split('.')[2],
    });
  });

  it('keeps nothing from which the secret could be read', () => {
    const secret = made.key.split('.')[2]!;
    expect(JSON.stringify({ id: made.id, secretHash: made.secretHash })).not.toContain(secret);
    expect(made.secretHash).toBe(hashSecret(secret));
  });

  it('refuses an account id of another form', () => {
    expect(() => makeApiKey('Operator1', Buffer.alloc(43))).toThrow('account id');
  });
});

describe('readAuthorization', () => {
  // The attack: headers made to crash the parser, to cost time, or to name another account's partition.
  it('takes nothing but a whole key', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 300 }), (text) => {
        expect(readAuthorization(text)).toBeUndefined();
        expect(readAuthorization(`Bearer ${text}`)).toBeUndefined();
        expect(readAuthorization(`Bearer SG.${text}`)).toBeUndefined();
      }),
    );
    for (const header of [
      undefined,
      '',
      'Basic YXBpa2V5OlNH',
      `Bearer ${made.key}x`,
      `Bearer ${made.key.replace('operator', 'OPERATOR')}`,
      `Bearer ${'S'.repeat(1e6)}`,
    ])
      expect(readAuthorization(header)).toBeUndefined();
  });
});

describe('secretMatches', () => {
  // The attack: guessing, with an id that exists or one that does not; both must look the same.
  it('accepts the secret and nothing else', () => {
    const secret = made.key.split('.')[2]!;
    expect(secretMatches(secret, made.secretHash)).toBe(true);
    expect(secretMatches(`${secret}x`, made.secretHash)).toBe(false);
    expect(secretMatches(secret, undefined)).toBe(false);
    expect(secretMatches(secret, 'not hex')).toBe(false);
  });
});
