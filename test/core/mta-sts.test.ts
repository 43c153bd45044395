import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allowsHost, PATTERNS, POLICY_BYTES, parseStsPolicy, readStsId } from '../../core/mta-sts.ts';

describe('the TXT record', () => {
  it.each([
    [['v=STSv1; id=20260101T000000;'], '20260101T000000'],
    [['v=STSv1;id=1'], '1'],
    [['v=STSv1 ;\tid=1 ; '], '1'],
    [['v=STSv1; ext=a:b; id=1; other-field.x_y=z'], '1'],
    [['v=STSv1; id=1; id=2'], '1'],
    [['v=spf1 -all', 'v=STSv1; id=1'], '1'],
  ])('%j has the id %s', (records, id) => {
    expect(readStsId(records)).toBe(id);
  });

  it.each([
    [[]],
    [['']],
    [['v=STSv1']],
    [['v=STSv1;']],
    [['v=STSv1; id=']],
    [['v=STSv1; id=a-b']],
    [[`v=STSv1; id=${'1'.repeat(33)}`]],
    [['v=STSv2; id=1']],
    [['V=STSV1; id=1']],
    [['id=1; v=STSv1;']],
    [['v=STSv1; id=1; broken']],
    [['v=STSv1; id=1;; x=y']],
    [['v=STSv1; id=1', 'v=STSv1; id=1']],
  ])('%j says that there is none', (records) => {
    expect(readStsId(records)).toBeUndefined();
  });
});

describe('the policy', () => {
  const lines = (...all: string[]) => all.join('\r\n');
  const GOOD = lines(
    'version: STSv1',
    'mode: enforce',
    'mx: mail.example.com',
    'mx: *.example.net',
    'max_age: 604800',
    '',
  );

  it('of RFC 8461 3.2', () => {
    expect(parseStsPolicy(GOOD)).toEqual({
      mode: 'enforce',
      mx: ['mail.example.com', '*.example.net'],
      maxAge: 604_800,
    });
  });

  it.each([
    [
      'LF alone, in any order',
      'max_age:1\nmx:a.test\nmode:testing\nversion:STSv1',
      { mode: 'testing', mx: ['a.test'], maxAge: 1 },
    ],
    ['none, without an mx', lines('version: STSv1', 'mode: none', 'max_age: 0'), { mode: 'none', mx: [], maxAge: 0 }],
    ['more than a year', GOOD.replace('604800', '9999999999'), { maxAge: 31_557_600 }],
    ['unknown fields', `${GOOD}more: x: y\n`, { mode: 'enforce' }],
    ['a field twice: the first counts', `${GOOD}mode: none\nmax_age: 1\n`, { mode: 'enforce', maxAge: 604_800 }],
    [
      'hosts in any case, twice, with a dot',
      `${GOOD}mx: MAIL.Example.com.\n`,
      { mx: ['mail.example.com', '*.example.net'] },
    ],
  ])('with %s', (_, text, expected) => {
    expect(parseStsPolicy(text)).toMatchObject(expected);
  });

  it.each([
    ['nothing', ''],
    ['a page', '<html><body>Not found</body></html>'],
    ['no version', GOOD.replace('version: STSv1', '')],
    ['another version', GOOD.replace('STSv1', 'STSv2')],
    ['no mode', GOOD.replace('mode: enforce', '')],
    ['another mode', GOOD.replace('enforce', 'Enforce')],
    ['no max_age', GOOD.replace('max_age: 604800', '')],
    ['a max_age that is no number', GOOD.replace('604800', '-1')],
    ['a max_age of eleven digits', GOOD.replace('604800', '12345678901')],
    ['no mx', GOOD.replace(/mx: .*\r\n/g, '')],
    ['an empty mx', `${GOOD}mx:`],
    ['a star alone', `${GOOD}mx: *`],
    ['a star within', `${GOOD}mx: mx.*.example.com`],
    ['a star in a label', `${GOOD}mx: mx*.example.com`],
    ['a name with a space', `${GOOD}mx: a b.example.com`],
    ['a line without a colon', `${GOOD}mx mail.example.com`],
    ['a line without a name', `${GOOD}: x`],
    ['too many mx', GOOD + Array.from({ length: PATTERNS }, (_, n) => `mx: m${n}.test\n`).join('')],
    ['too many octets', GOOD + '\n'.repeat(POLICY_BYTES)],
  ])('with %s is invalid', (_, text) => {
    expect(parseStsPolicy(text)).toEqual({ problem: expect.any(String) });
  });

  it('of any text is a policy that is whole, or invalid', () => {
    const lines = ['version: STSv1', 'mode: enforce', 'max_age: 86400', 'mx: mail.test', 'mx: *.test'];
    const noise = fc.oneof(fc.constantFrom('mode: none', 'mx: *', 'max_age: x', ''), fc.string({ maxLength: 30 }));
    const text = fc
      .tuple(fc.shuffledSubarray(lines, { minLength: 3 }), fc.array(noise, { maxLength: 2 }))
      .map(([some, others]) => [...some, ...others].join('\n'));
    let whole = 0;
    fc.assert(
      fc.property(text, (one) => {
        const policy = parseStsPolicy(one);
        if ('problem' in policy) return;
        whole++;
        expect(['enforce', 'testing', 'none']).toContain(policy.mode);
        expect(policy.maxAge).toBeGreaterThanOrEqual(0);
        expect(policy.mode === 'none' || policy.mx.length > 0).toBe(true);
        for (const pattern of policy.mx) expect(pattern).toMatch(/^(\*\.)?[a-z0-9_.-]+$/);
      }),
      { numRuns: 5_000 },
    );
    expect(whole).toBeGreaterThan(100);
  });
});

describe('hosts', () => {
  it.each([
    ['mail.example.com', 'mail.example.com', true],
    ['mail.example.com', 'MAIL.Example.COM.', true],
    ['mail.example.com', 'a.mail.example.com', false],
    ['mail.example.com', 'example.com', false],
    ['*.example.com', 'mx1.example.com', true],
    ['*.example.com', 'a.b.example.com', false],
    ['*.example.com', 'example.com', false],
    ['*.example.com', '.example.com', false],
    ['*.example.com', 'mx1.example.com.evil.test', false],
    ['*.example.com', 'mx1.notexample.com', false],
    ['*.example.com', '*.example.com', true],
  ])('%s allows %s: %s', (pattern, host, allowed) => {
    expect(allowsHost(['other.test', pattern], host)).toBe(allowed);
  });
});
