import { describe, expect, it } from 'vitest';
import { judge, type Stage } from '../../../core/outcome.ts';
import { compileShaping, readable } from '../../../core/shaping/compile.ts';
import { quotasNamed } from '../../../core/shaping/gmail.ts';
import { lintOwn } from '../../../core/shaping/lint.ts';
import { costOf } from '../../../core/shaping/pattern.ts';
import { CLASSIFICATIONS, type Rule } from '../../../core/shaping/rule.ts';
import { GOOGLE } from '../../../core/shaping/rules/google.ts';
import { ANY, RULES } from '../../../core/shaping/rules/index.ts';
import { REPLY_KEPT } from '../../../core/smtp/limits.ts';
import { makeReply } from '../../../core/smtp/reply.ts';

const SHAPING = compileShaping();
const ALL = Object.entries(RULES).flatMap(([provider, rules]) =>
  rules.map((rule) => [provider, rule.name, rule] as const),
);
const stageOf = ({ stages }: Rule): Stage => (!stages || stages.includes('rcpt') ? 'rcpt' : stages[0]!);
const judgeSample = (provider: string, rule: Rule) =>
  judge(
    {
      ok: false,
      stage: stageOf(rule),
      reply: makeReply(Number(rule.sample.slice(0, 3)), [rule.sample.slice(4)]),
      afterDot: false,
    },
    SHAPING,
    provider,
  );

describe('shaping rules', () => {
  it.each(ALL)('%s: %s is the rule of its sample, and gives its verdict', (provider, _, rule) => {
    const verdict = judgeSample(provider, rule);

    const event = rule.event ?? (rule.sample.startsWith('4') ? 'deferred' : 'bounced');
    expect(verdict).toMatchObject({
      event,
      rule: rule.name,
      classification: rule.classification,
      ...(event === 'bounced' ? { type: rule.type ?? 'blocked' } : {}),
      ...(rule.act ? { act: rule.act } : {}),
    });
  });

  it('have nothing that the linter finds', () => expect(lintOwn()).toEqual([]));

  it('use each class but the one for what no rule knows', () => {
    const used = new Set(ALL.map(([, , { classification }]) => classification));
    expect([...used].sort()).toEqual(CLASSIFICATIONS.filter((name) => name !== 'Unclassified').sort());
  });

  it('suppress only for the address or its mailbox', () => {
    for (const [, name, { type, classification }] of ALL)
      if (type === 'bounce') expect(['Invalid Address', 'Mailbox Unavailable'], name).toContain(classification);
  });

  it('tell the operator when our own address is refused for good, and keep the copy', () => {
    const refused = ALL.filter(([, , { act }]) => act?.do === 'pause' && act.operator && act.minutes >= 120);
    expect(refused.length).toBeGreaterThan(15);
    for (const [, name, { event, classification }] of refused)
      if (name !== 'apple-domain-listed')
        expect({ name, event, classification }).toEqual({ name, event: 'deferred', classification: 'Reputation' });
  });
});

describe("Gmail's quotas", () => {
  const rates = GOOGLE.filter(({ act }) => act?.do === 'recover');

  it('are read as the rules say', () => {
    expect(rates).toHaveLength(7);
    for (const { sample, act } of rates) expect(act).toEqual({ do: 'recover', quotas: quotasNamed(sample) });
  });

  it('are all three when none is named', () =>
    expect(quotasNamed('421 4.7.28 Gmail has detected an unusual rate of mail')).toEqual(['ip', 'dkim', 'spf']));
});

// Attack (R1): a server answers with what makes a pattern try again and again, to stall a run and the lane with it.
describe('hostile replies', () => {
  const UNITS = [
    'a', ' ', '5', '1.', '[', '<', 'a@', 'user ', 'mailbox ', 'not ', 'no such ', 'account is ', 'recipient address ',
    'client host ', 'ip ', 'address ', 'messages from ', 'your ip ', 'sender ', 'sender address ', 'domain ', 'spf ',
    'dkim ', 'dmarc ', 'rate ', 'too many ', 'connections ', 'spam', 'as ', 'message ', 'size ', 'exceed ', 'header ',
    'quota ', 'temporary ', 'spamhaus ', 'blocked - see ', 'unusual rate of ', 'OFR', 'AUP#',
  ]; // biome-ignore format: a table

  it('are cut before any pattern sees them', () => {
    expect(UNITS).toHaveLength(40);
    for (const unit of UNITS)
      expect(readable(`550 ${unit.repeat(200_000 / unit.length)}`).length).toBeLessThanOrEqual(REPLY_KEPT);
    const late = `550 ${'x'.repeat(REPLY_KEPT)} no such user`;
    expect(SHAPING.find('other', 'rcpt', late)?.name).not.toBe('unknown-user');
  });

  it('cost no rule more than a bound that its source tells', () => {
    for (const [, name, { match }] of ALL) {
      const { steps, unbounded, nested } = costOf(match.source);
      expect({ name, unbounded, nested }).toEqual({ name, unbounded: 0, nested: false });
      expect(steps, name).toBeLessThanOrEqual(20_000_000);
    }
  });

  it('take time that grows with their length, not with its square', () => {
    const patterns = [...new Set(ALL.map(([, , { match }]) => match))];
    const run = (length: number) => {
      const texts = UNITS.slice(0, 40).map((unit) => `550 ${unit.repeat(Math.ceil(length / unit.length))}`);
      const began = performance.now();
      for (const text of texts) for (const pattern of patterns) pattern.test(text);
      return performance.now() - began;
    };
    run(500);
    // Linear is 100 times, a square 10,000 times as much.
    const [short, long] = [run(REPLY_KEPT), run(REPLY_KEPT * 100)];
    expect(long / short).toBeLessThan(1_000);
  });
});

describe('rules for any provider', () => {
  it.each([
    ['other', '550 5.1.1 <spam@blocked.example>: Recipient address rejected: User unknown', 'unknown-user-coded'],
    ['other', '550 5.1.1 <x@y.example>: Recipient address rejected: Access denied by policy', 'policy'],
    ['google', '452 4.3.1 Out of memory', 'disk'],
    ['other', '550 Adresse inconnue', 'unknown-user-elsewhere'],
    ['other', '550 Usuario no existe', 'unknown-user-elsewhere'],
    ['other', '550 Empfänger unbekannt', 'unknown-user-elsewhere'],
    ['other', '554 5.7.1 Sender address blocked using dbl.spamhaus.org', 'domain-listed'],
  ])('%s: %s → %s', (provider, reply, rule) => expect(SHAPING.find(provider, 'rcpt', reply)?.name).toBe(rule));

  it('hold for every provider', () => {
    for (const provider of Object.keys(RULES))
      expect(SHAPING.rulesOf(provider).slice(-RULES[ANY]!.length)).toEqual(RULES[ANY]);
  });
});
