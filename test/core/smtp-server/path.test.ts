import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asksToRelay, readPath } from '../../../core/smtp-server/path.ts';

const MAIL = new Set(['SIZE', 'BODY']);

describe('a path', () => {
  it.each([
    ['FROM:<a@example.com>', 'a@example.com', {}],
    ['from: <a@example.com>', 'a@example.com', {}],
    ['FROM:<>', '', {}],
    ['FROM:<a@example.com> SIZE=10 body=8BITMIME', 'a@example.com', { SIZE: '10', BODY: '8BITMIME' }],
    ['FROM:<"a b"@example.com>', '"a b"@example.com', {}],
    ['FROM:<"a>b\\"c"@example.com>', '"a>b\\"c"@example.com', {}],
  ])('%s', (argument, address, parameters) => {
    const path = readPath(argument, 'FROM', MAIL);
    expect(path.ok && [path.address, Object.fromEntries(path.parameters)]).toEqual([address, parameters]);
  });

  it.each([
    ['', 'syntax'],
    ['TO:<a@example.com>', 'syntax'],
    ['FROM:a@example.com', 'syntax'],
    ['FROM:<a@example.com', 'syntax'],
    ['FROM:<a b@example.com>', 'syntax'],
    ['FROM:<<a@example.com>>', 'syntax'],
    ['FROM:<a@example.com>SIZE=1', 'syntax'],
    ['FROM:<a@example.com>,<b@example.com>', 'syntax'],
    ['FROM:<a\\@b@example.com>', 'syntax'],
    [`FROM:<${'a'.repeat(600)}@example.com>`, 'syntax'],
    ['FROM:<@a.example,@b.example:c@d.example>', 'source-route'],
    ['FROM:<a@example.com> RET=FULL', 'parameter'],
    ['FROM:<a@example.com> SIZE=1 SIZE=2', 'parameter'],
    ['FROM:<a@example.com> SIZE=1=2', 'parameter'],
    ['FROM:<a@example.com> <b@example.com>', 'parameter'],
  ])('%s: %s', (argument, fault) => expect(readPath(argument, 'FROM', MAIL)).toMatchObject({ ok: false, fault }));

  it('any text: never throws, never holds what would end it early', () => {
    const unit = fc.constantFrom('<', '>', '@', '"', '\\', ' ', 'a', '.', ',', ':', '%', 'ä');
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 30 }), (text) => {
        const path = readPath(`FROM:${text}`, 'FROM', MAIL);
        if (path.ok) expect(path.address.replace(/"(?:[^"\\]|\\.)*"/g, '')).not.toMatch(/[<>\s\\"]/);
      }),
      { numRuns: 5_000 },
    );
  });

  it('takes linear time', () => {
    const begun = performance.now();
    for (const text of ['"a\\', '"a', ' x', '<', 'a@'])
      readPath(`FROM:<${text.repeat(2_000 / text.length)}`, 'FROM', MAIL);
    expect(performance.now() - begun).toBeLessThan(200);
  });
});

it.each([
  ['a@example.com', false],
  ['a+b=c@example.com', false],
  ['victim%example.net@example.com', true],
  ['example.net!victim@example.com', true],
  ['"victim@example.net"@example.com', true],
  ['a@b@example.com', true],
])('asks to relay: %s %s', (address, asks) => expect(asksToRelay(address)).toBe(asks));
