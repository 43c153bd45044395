import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseJsonBody } from '../../../core/mail-send/index.ts';

const JSON_TYPE = 'application/json';
const parse = (text: string) => parseJsonBody(Buffer.from(text), JSON_TYPE);
const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;

describe('parseJsonBody', () => {
  it.each([
    'application/json',
    'Application/JSON',
    'application/json; charset=utf-8',
    'application/json;charset="UTF-8"',
    ' application/json ; charset=utf8',
    'application/json; v=1',
  ])('takes Content-Type %j', (contentType) => {
    // Assess
    expect(parseJsonBody(Buffer.from('{"a":"ä"}'), contentType)).toEqual({ ok: true, value: { a: 'ä' } });
  });

  it.each([
    undefined,
    '',
    'text/plain',
    'application/jsonp',
    'application/x-www-form-urlencoded',
    'application/json, text/plain',
    'application/json; charset=latin1',
    `application/json;${' '.repeat(9999)}`,
  ])('refuses Content-Type %j', (contentType) => {
    // Assess
    expect(parseJsonBody(Buffer.from('{}'), contentType)).toMatchObject({
      ok: false,
      status: 415,
      errors: [{ message: 'Content-Type should be application/json', field: null }],
    });
  });

  it.each([
    ['a lone continuation byte', [0x80]],
    ['Latin-1', [0xe4, 0x22]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['a cut character', [0xe2, 0x82]],
  ])('refuses bytes that are not UTF-8: %s', (_, bytes) => {
    // Assess
    expect(parseJsonBody(Uint8Array.from([0x22, ...bytes, 0x22]), JSON_TYPE)).toMatchObject({ ok: false, status: 415 });
  });

  it.each([
    '',
    ' ',
    '{',
    '{"a":}',
    "{'a':1}",
    '{"a":1,}',
    '[1]]',
    'undefined',
    '{"a":NaN}',
    '"\n"',
    '{"a":1}{"b":2}',
    '"',
    '"\\',
  ])('answers %j with Bad Request', (text) => {
    // Assess
    expect(parse(text)).toEqual({
      ok: false,
      status: 400,
      errors: [{ message: 'Bad Request', field: null, help: null }],
    });
  });

  // The attack: a body nested so deep that whatever walks it later runs out of stack.
  it('takes 100 levels and refuses 101, also a million', () => {
    // Assess
    expect(parse(nested(100)).ok).toBe(true);
    for (const depth of [101, 1_000_000])
      expect(parse(nested(depth))).toMatchObject({
        ok: false,
        status: 400,
        errors: [{ message: /nested more than 100/ }].map(() => ({ field: null })),
      });
    expect(parse(`"${'['.repeat(500)}"`).ok).toBe(true);
  });

  // The attack: one name twice, so that two readers of the same body see two different mails.
  it.each([
    ['{"a":1,"a":2}', 'a'],
    ['{"x":[{"b":":{"},{"b":1,"c":{},"b":2}]}', 'b'],
    ['{"\\u0061":1,"a":2}', 'a'],
    ['{"__proto__":1,"__proto__":2}', '__proto__'],
  ])('refuses a name given twice: %s', (text, name) => {
    // Assess
    expect(parse(text)).toMatchObject({
      ok: false,
      status: 400,
      errors: [{ message: `The JSON must not give a name twice in one object: "${name}".`, field: null }],
    });
  });

  it.each([{ a: '":[{' }, { a: '\\', b: ':' }, { 'a":{': '\\":' }, { a: ['\\\\":', '"'] }])(
    'is not misled by what stands in a string: %j',
    (value) => {
      // Assess
      expect(parse(JSON.stringify(value))).toEqual({ ok: true, value });
    },
  );

  it('takes a __proto__ key as a key', () => {
    // Act
    const parsed = parse('{"__proto__":{"polluted":1}}');

    // Assess
    expect(parsed.ok && Object.keys(parsed.value as object)).toEqual(['__proto__']);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('gives what JSON.parse gives, however the text is spaced', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6, stringUnit: 'binary' }), fc.constantFrom(0, 1, '\t'), (text, space) => {
        const value = JSON.parse(text);
        expect(parse(JSON.stringify(value, null, space))).toEqual({ ok: true, value });
      }),
      { numRuns: 1000 },
    );
  });

  it('says yes to no bytes that JSON.parse refuses, and never throws', () => {
    const damaged = fc
      .tuple(fc.json({ maxDepth: 4 }), fc.nat(), fc.integer({ min: 0, max: 255 }))
      .map(([text, place, byte]) => {
        const bytes = Buffer.from(text);
        bytes[place % bytes.length] = byte;
        return bytes;
      });
    fc.assert(
      fc.property(damaged, (bytes) => {
        const parsed = parseJsonBody(bytes, JSON_TYPE);
        if (parsed.ok) expect(parsed.value).toEqual(JSON.parse(bytes.toString()));
        else expect([400, 415]).toContain(parsed.status);
      }),
      { numRuns: 1000 },
    );
  });
});
