/** A reply means the same whether it was said to us or is quoted in a report; what differs, differs for a reason that stands here. */
import { describe, expect, it } from 'vitest';
import { classify } from '../../../core/report/classify.ts';
import { CERTAIN, WORDS } from '../../../core/report/rules/index.ts';
import { compileShaping } from '../../../core/shaping/compile.ts';
import type { Rule } from '../../../core/shaping/rule.ts';
import { RULES } from '../../../core/shaping/rules/index.ts';

const SHAPING = compileShaping();
/** Said by a code alone, which suffices in our own session but not by hearsay; and the domain's state, not the reader's. */
const LESS_CERTAIN = new Set(['null-mx', 'address-code', 'disabled-code', 'mailbox-refused']);

const judge = (provider: string, { sample, stages }: Rule) => {
  const suffix = SHAPING.providers().find(({ name }) => name === provider)?.suffixes[0];
  const around = stages?.length === 1 && stages[0] === 'rcpt' ? ['(in reply to RCPT TO command)'] : [];
  return classify(
    { diagnostic: sample, around, status: '', mta: suffix ? `mx.${suffix}` : '', domain: 'example.com' },
    SHAPING,
  );
};

describe('the rules of delivery', () => {
  const all = Object.entries(RULES).flatMap(([provider, rules]) =>
    rules.map((rule) => [rule.name, provider, rule] as const),
  );

  it.each(all)('%s (%s) holds in reports', (name, provider, rule) => {
    const { classification, type } = judge(provider, rule);

    const suppresses = rule.type === 'bounce' && rule.sample.startsWith('5');
    if (LESS_CERTAIN.has(name)) expect(type).toBe('blocked');
    else
      expect({ classification, type }).toEqual({
        classification: rule.classification,
        type: suppresses ? 'bounce' : 'blocked',
      });
  });
});

describe('the rules for reports', () => {
  it.each([...CERTAIN, ...WORDS].map((rule) => [rule.name, rule] as const))(
    '%s knows its sample, or delivery does',
    (_, rule) => {
      const told = { diagnostic: rule.sample, around: [], status: '', mta: '', domain: 'example.com' };
      const { classification, type } = classify(told, SHAPING);
      expect({ classification, type }).toEqual({ classification: rule.classification, type: rule.type ?? 'blocked' });
    },
  );
});

describe('a status', () => {
  const status = (reported: string, diagnostic: string) =>
    classify({ diagnostic, around: [], status: reported, mta: '', domain: 'example.com' }, SHAPING).status;
  it.each([
    ['5.1.1', '550 5.7.1 No such user', '5.1.1', 'what the report says'],
    ['5.0.0', '550 5.1.1 No such user', '5.1.1', 'unless it says nothing'],
    ['5.0.0', '550 Mailbox full', '5.0.0', 'nor the reply'],
    ['', '450 Greylisted', '4.0.0', 'else the class of the reply'],
    ['', 'Sorry, no mailbox here by that name. (#5.1.1)', '5.1.1', 'or a code among the words'],
    ['', 'The recipient name is not recognized', '5.1.1', 'or what the words mean'],
  ])('%s and %j: %s, %s', (reported, diagnostic, expected) => expect(status(reported, diagnostic)).toBe(expected));
});
