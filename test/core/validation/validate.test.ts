/** Verdicts on addresses: what is certain to fail is Invalid, what is in doubt Risky, the rest Valid; and nothing breaks it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SuppressionRecord } from '../../../core/records/suppressions.ts';
import { COMMON, REAL } from '../../../core/validation/lists.ts';
import { type Domain, judge, lookAtDomain, readJudged } from '../../../core/validation/validate.ts';

const GOOD: Domain = { takesMail: true };
const judged = (email: string, domain: Domain = GOOD, record?: Partial<SuppressionRecord>, more?: string[]) =>
  judge(email, readJudged(email), domain, record as SuppressionRecord, more);
const entry = { created: 1 };

describe('the verdict', () => {
  it.each([
    ['ada@example.com', GOOD, {}, 'Valid'],
    ['ada+tag@bücher.example', GOOD, {}, 'Valid'],
    ['"a b"@example.com', GOOD, {}, 'Valid'],
    ['ada@example', GOOD, {}, 'Invalid'],
    ['ada.@example.com', GOOD, {}, 'Invalid'],
    ['ada@[192.0.2.1]', GOOD, {}, 'Invalid'],
    [`${'a'.repeat(65)}@example.com`, GOOD, {}, 'Invalid'],
    ['ada@example.com', { takesMail: false }, {}, 'Invalid'],
    ['ada@example.com', { unknown: 'ETIMEOUT' }, {}, 'Risky'],
    ['ada@example.com', GOOD, { bounces: entry }, 'Invalid'],
    ['ada@example.com', GOOD, { invalid_emails: entry }, 'Invalid'],
    ['ada@example.com', GOOD, { blocks: entry }, 'Risky'],
    ['ada@example.com', GOOD, { unsubscribes: entry, spam_reports: entry }, 'Valid'],
    ['Info@example.com', GOOD, {}, 'Risky'],
    ['support+eu@example.com', GOOD, {}, 'Risky'],
    ['ada@mailinator.com', GOOD, {}, 'Risky'],
    ['ada@x.y.mailinator.com', GOOD, {}, 'Risky'],
    ['ada@notmailinator.example', GOOD, {}, 'Valid'],
    ['jürgen@example.com', GOOD, {}, 'Risky'],
    ['ada@gmial.com', GOOD, {}, 'Risky'],
  ] as const)('of %s, with %j and %j: %s', (email, domain, record, verdict) =>
    expect(judged(email, domain, record).verdict).toBe(verdict),
  );

  it('says which checks it rests on', () => {
    expect(judged('hr@throwaway.example', GOOD, { blocks: entry }, ['throwaway.example'])).toEqual({
      email: 'hr@throwaway.example',
      verdict: 'Risky',
      score: 0.09458,
      local: 'hr',
      host: 'throwaway.example',
      checks: {
        domain: {
          has_valid_address_syntax: true,
          has_mx_or_a_record: true,
          is_suspected_disposable_address: true,
        },
        local_part: { is_suspected_role_address: true },
        additional: { has_known_bounces: false, has_suspected_bounces: true },
      },
    });
    expect(judged('a@b.example', { unknown: 'ESERVFAIL' }).checks.domain).toMatchObject({
      has_mx_or_a_record: false,
      dns_error: 'ESERVFAIL',
    });
  });

  it('has a score from 0 to 1 for any text at all, the lower the worse the verdict', () => {
    const email = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.emailAddress(),
      fc.string().map((text) => `${text}@gmail.com`),
    );
    const domain = fc.constantFrom<Domain>(GOOD, { takesMail: false }, { unknown: 'ETIMEOUT' });
    fc.assert(
      fc.property(email, domain, (one, dns) => {
        const { score, verdict } = judged(one, dns);
        expect(score).toBeGreaterThanOrEqual(0);
        expect(score).toBeLessThan(1);
        if (verdict === 'Valid') expect(score).toBeGreaterThanOrEqual(0.7);
        else expect(score).toBeLessThan(0.7);
        if (verdict === 'Invalid') expect(score).toBeLessThanOrEqual(0.02);
      }),
    );
  });
});

describe('the suggestion', () => {
  it.each([
    ['gmial.com', 'gmail.com'],
    ['gmal.com', 'gmail.com'],
    ['gmaill.com', 'gmail.com'],
    ['gmail.con', 'gmail.com'],
    ['hotmial.com', 'hotmail.com'],
    ['yaho.com', 'yahoo.com'],
    ['outlok.com', 'outlook.com'],
    ['ymail.com', undefined],
    ['mail.com', undefined],
    ['example.com', undefined],
  ])('for %s: %s', (typed, meant) => expect(judged(`ada@${typed}`).suggestion).toBe(meant));

  it('is none for a domain that there is', () => {
    for (const name of [...COMMON, ...REAL]) expect(judged(`ada@${name}`).suggestion).toBeUndefined();
  });
});

describe('a domain', () => {
  type Dns = Partial<Record<'MX' | 'A' | 'AAAA', string[] | 'fails'>>;
  it.each<[string, Dns, Domain]>([
    ['with an MX', { MX: ['10 mx.example.net'] }, { takesMail: true }],
    ['with the null MX, whatever addresses it has', { MX: ['0 '], A: ['192.0.2.1'] }, { takesMail: false }],
    ['with the null MX as a dot', { MX: ['0 .'] }, { takesMail: false }],
    ['with an address alone', { A: ['192.0.2.1'] }, { takesMail: true }],
    ['with an IPv6 address alone', { AAAA: ['2001:db8::1'] }, { takesMail: true }],
    ['with nothing', {}, { takesMail: false }],
    ['whose servers do not answer', { MX: 'fails' }, { unknown: 'ETIMEOUT' }],
    ['of which half is known', { A: 'fails' }, { unknown: 'ETIMEOUT' }],
    ['of which the better half is known', { A: 'fails', AAAA: ['2001:db8::1'] }, { takesMail: true }],
  ])('%s', async (_, dns, expected) => {
    const lookUp = async (_name: string, type: 'MX' | 'A' | 'AAAA') => {
      const answer = dns[type] ?? [];
      return answer === 'fails' ? { error: 'ETIMEOUT' } : { values: answer };
    };
    expect(await lookAtDomain('example.com', lookUp)).toEqual(expected);
  });
});
