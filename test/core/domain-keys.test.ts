import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  activateKey,
  addKey,
  keysOf,
  nextSelector,
  pendingKey,
  publishedKeys,
  RETIRED_LIFE,
  retireKey,
  signingKeys,
} from '../../core/domain-keys.ts';
import type { DomainRecord } from '../../core/records/domains.ts';

const START = Date.UTC(2026, 10, 23, 12);
/** As `domains add` makes it. */
const NEW: DomainRecord = {
  pk: 'operator',
  sk: 'domain#sender.example',
  domain: 'sender.example',
  selector: 's1',
  returnPath: 'em.sender.example',
  publicKey: 'public s1',
  privateKey: 'private s1',
  createdAt: START,
};
const rotate = (record: DomainRecord, algorithm: 'rsa' | 'ed25519' = 'rsa') => {
  const selector = nextSelector(record, algorithm);
  const key = { selector, algorithm, publicKey: `public ${selector}`, privateKey: `private ${selector}` };
  return addKey(record, { ...key, createdAt: START });
};
const selectors = (keys: { selector: string }[]) => keys.map(({ selector }) => selector);

describe('the keys of a domain', () => {
  it('a record that was never rotated has its one key', () => {
    expect(keysOf(NEW)).toEqual([
      {
        selector: 's1',
        algorithm: 'rsa',
        publicKey: 'public s1',
        privateKey: 'private s1',
        createdAt: START,
        state: 'active',
      },
    ]);
  });

  it('a new key signs only when it is activated, and then the old one no more', () => {
    const waiting = rotate(NEW);
    expect(selectors(signingKeys(waiting))).toEqual(['s1']);
    expect(pendingKey(waiting, 'rsa')?.selector).toBe('s2');
    const after = activateKey(waiting, 's2', START);
    expect(selectors(signingKeys(after))).toEqual(['s2']);
    // Who reads only the fields of old sees the key that signs.
    expect([after.selector, after.publicKey, after.privateKey]).toEqual(['s2', 'public s2', 'private s2']);
    expect(keysOf(after)[0]).toMatchObject({ state: 'retired', retiredAt: START, privateKey: '' });
  });

  it('a retired key stays published for a week', () => {
    const after = activateKey(rotate(NEW), 's2', START);
    expect(selectors(publishedKeys(after, START + RETIRED_LIFE - 1))).toEqual(['s1', 's2']);
    expect(selectors(publishedKeys(after, START + RETIRED_LIFE))).toEqual(['s2']);
  });

  it('an Ed25519 key signs beside RSA, and can be taken away; RSA cannot', () => {
    const both = activateKey(rotate(NEW, 'ed25519'), 'e1', START);
    expect(selectors(signingKeys(both))).toEqual(['s1', 'e1']);
    expect(retireKey(both, 's1', START)).toBeUndefined();
    const without = retireKey(both, 'e1', START)!;
    expect(selectors(signingKeys(without))).toEqual(['s1']);
    expect(nextSelector(without, 'ed25519')).toBe('e2');
  });

  it('whatever is done in whatever order: one RSA key signs, no selector comes twice, no retired key has its private half', () => {
    const step = fc.record({
      act: fc.constantFrom('rotate', 'activate', 'retire'),
      algorithm: fc.constantFrom('rsa' as const, 'ed25519' as const),
      selector: fc.constantFrom('s1', 's2', 's3', 'e1', 'e2', 'x'),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        let record = NEW;
        for (const { act, algorithm, selector } of steps) {
          if (act === 'rotate') record = rotate(record, algorithm);
          else if (act === 'activate') record = activateKey(record, selector, START);
          else record = retireKey(record, selector, START) ?? record;
          const keys = keysOf(record);
          const signing = signingKeys(record);
          expect(signing[0]).toMatchObject({
            algorithm: 'rsa',
            selector: record.selector,
            privateKey: record.privateKey,
          });
          expect(keys.filter(({ state }) => state === 'active')).toHaveLength(signing.length);
          expect(new Set(selectors(keys)).size).toBe(keys.length);
          for (const { state, privateKey } of keys) expect(privateKey === '').toBe(state === 'retired');
        }
      }),
    );
  });
});
