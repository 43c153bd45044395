import { describe, expect, it } from 'vitest';
import { lintShaping } from '../../../core/shaping/lint.ts';
import type { ProviderOverride, RuleOverride, ShapingOverrides } from '../../../core/shaping/overrides.ts';
import { costOf } from '../../../core/shaping/pattern.ts';

const GOOD: RuleOverride = { name: 'acme-busy', match: 'acme is busy', sample: '421 4.3.2 Acme is busy' };
const rule = (given: Partial<RuleOverride>): ShapingOverrides => ({ rules: [{ ...GOOD, ...given }] });
const provider = (given: ProviderOverride, name = 'acme'): ShapingOverrides => ({
  providers: { [name]: { suffixes: ['acme.example'], ...given } },
});
const told = (overrides: ShapingOverrides) =>
  lintShaping(overrides).map(({ path, message }) => `${path.join('.')}: ${message}`);

describe('the linter', () => {
  it('finds nothing in what is right', () => {
    expect(told({})).toEqual([]);
    expect(told({ providers: { google: { connections: 3 }, other: { messagesPerConnection: 10 } } })).toEqual([]);
    expect(
      told({
        providers: { acme: { suffixes: ['mx.acme.example'], connections: 2 } },
        rules: [
          { ...GOOD, provider: 'acme', act: { do: 'pause', minutes: 1_440, operator: true } },
          { name: 'gmail-unsolicited', disabled: true },
          {
            name: 'spam',
            match: '^5.{0,80}looks like spam',
            sample: '554 It looks like spam',
            classification: 'Content',
          },
        ],
      }),
    ).toEqual([]);
  });

  it.each<[string, ShapingOverrides, RegExp]>([
    ['a pattern that its sample does not reach', rule({ match: 'acme is lazy' }), /^rules\.0\.match: does not match/],
    ['a pattern that matches anything', rule({ match: '(acme)?' }), /rules\.0\.match: matches every reply/],
    ['no regular expression', rule({ match: '(acme' }), /rules\.0\.match: is no regular expression/],
    ['nested quantifiers', rule({ match: '(acme? ?)+is (busy )*', sample: '421 acme is busy ' }), /two quantifiers/],
    ['a repeated group that repeats', rule({ match: '([a-z]+ ?)+busy' }), /repeats a group/],
    ['two without bound', rule({ match: 'acme.*is.+busy' }), /\.\{0,80\}/],
    ['a bounded one that costs too much', rule({ match: '.{0,400}acme.{0,400}busy' }), /steps on one reply/],
    ['a sample without a code', rule({ sample: 'Acme is busy' }), /^rules\.0\.sample: must begin with a code/],
    ['a sample of success', rule({ sample: '250 Acme is busy' }), /^rules\.0\.sample: must begin with a code/],
    ['a bounce on 4xx', rule({ type: 'bounce' }), /^rules\.0\.type: a 4xx says nothing final/],
    ['a type of what is deferred', rule({ event: 'deferred', type: 'blocked' }), /^rules\.0\.type: what is deferred/],
    ['a provider that is none', rule({ provider: 'gogle' }), /^rules\.0\.provider: there is no provider "gogle"/],
    ['no stage', rule({ stages: [] }), /^rules\.0\.stages/],
    ['a name that is none', rule({ name: 'Acme busy' }), /^rules\.0\.name/],
    ['0 minutes', rule({ act: { do: 'pause', minutes: 0 } }), /^rules\.0\.act\.minutes: .* from 1 to 1440/],
    ['two days', rule({ act: { do: 'limit', connections: 1, minutes: 2_880 } }), /^rules\.0\.act\.minutes/],
    ['a limit of nothing', rule({ act: { do: 'limit', minutes: 10 } }), /^rules\.0\.act: limits nothing/],
    ['a limit of 0', rule({ act: { do: 'limit', connections: 0, minutes: 10 } }), /^rules\.0\.act\.connections/],
    ['no quota', rule({ act: { do: 'recover', quotas: [] } }), /^rules\.0\.act\.quotas/],
    ['two of one name', { rules: [GOOD, GOOD] }, /^rules\.1\.name: "acme-busy" names two rules/],
    ['nothing to disable', { rules: [{ name: 'gmail', disabled: true }] }, /^rules\.0\.name: there is no rule "gmail"/],
    [
      'a rule that an earlier one hides',
      {
        rules: [
          { ...GOOD, match: 'busy' },
          { ...GOOD, name: 'acme-more', match: 'acme is' },
        ],
      },
      /^rules\.1\.sample: is never reached: "acme-busy"/,
    ],
    ['a trailing dot', provider({ suffixes: ['acme.example.'] }), /^providers\.acme\.suffixes\.0: must have no dot/],
    ['a leading dot', provider({ suffixes: ['.acme.example'] }), /^providers\.acme\.suffixes\.0: must have no dot/],
    ['upper case', provider({ suffixes: ['Acme.example'] }), /^providers\.acme\.suffixes\.0: must be in lower case/],
    [
      'a suffix that is a whole country',
      provider({ suffixes: ['com'] }),
      /^providers\.acme\.suffixes\.0: must be the end/,
    ],
    ['no suffix', { providers: { acme: { connections: 2 } } }, /^providers\.acme\.suffixes: /],
    ['suffixes of others', provider({}, 'other'), /^providers\.other\.suffixes/],
    [
      'less than the floor',
      provider({ connections: 2, floor: 3 }),
      /^providers\.acme\.connections: must not be below the floor/,
    ],
    ['a floor above ours', { providers: { google: { floor: 6 } } }, /^providers\.google\.connections/],
    ['0 connections', provider({ connections: 0 }), /^providers\.acme\.connections: must be a whole number/],
    ['half a message', provider({ messagesPerConnection: 0.5 }), /^providers\.acme\.messagesPerConnection/],
  ])('finds %s', (_, overrides, words) => {
    const all = told(overrides);

    expect(all.filter((line) => words.test(line)).length, all.join('\n')).toBeGreaterThan(0);
  });
});

describe('the cost of a pattern', () => {
  it.each<[string, number, number, boolean]>([
    ['abc', 2_000, 0, false],
    ['^abc', 1, 0, false],
    ['^abc|def', 4_000, 0, false],
    ['^a{0,9}b', 10, 0, false],
    ['^[|)(]{3}\\(a?', 2, 0, false],
    ['^.*', 2_000, 1, false],
    ['^.*a.+', 4_000_000, 2, false],
    ['^(?:a|b){2}', 4, 0, false],
    ['^(?!.{0,9}x)a', 10, 0, false],
    ['^(?:\\d{1,3}\\.){3}', 27, 0, false],
  ])('%s: %d steps', (source, steps, unbounded, nested) =>
    expect(costOf(source)).toEqual({ steps, unbounded, nested }),
  );

  it.each(['(a+)+', '(a*b){2,}', '((a|b+)c)*'])('%s is nested', (source) => expect(costOf(source).nested).toBe(true));
});
