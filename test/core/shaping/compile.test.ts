import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { STAGES } from '../../../core/outcome.ts';
import { compileShaping } from '../../../core/shaping/compile.ts';
import { DEFAULT_LIMITS, PROVIDERS } from '../../../core/shaping/providers.ts';
import { RULES } from '../../../core/shaping/rules/index.ts';

const names = PROVIDERS.map(({ name }) => name);
const samples = Object.entries(RULES).flatMap(([provider, rules]) =>
  rules.map(({ name, sample }) => ({ provider, name, sample })),
);

describe('limits', () => {
  it('are ours where the user says nothing, and the default for who is nobody', () => {
    const shaping = compileShaping();
    expect(shaping.limitsOf('google')).toEqual({
      connections: 5,
      floor: 1,
      messagesPerConnection: 50,
      perMinute: 6_000,
      connectionsPerMinute: 100,
      sharedBy: 'provider',
      tls: 'required',
    });
    expect(shaping.limitsOf('other')).toEqual(DEFAULT_LIMITS);
    expect(shaping.limitsOf('whoever')).toEqual(DEFAULT_LIMITS);
  });

  it('are changed field by field', () => {
    fc.assert(
      fc.property(fc.constantFrom(...names, 'other'), fc.integer({ min: 1, max: 500 }), (name, connections) => {
        const shaping = compileShaping({ providers: { [name]: { connections } } });
        const before = compileShaping();
        expect(shaping.limitsOf(name)).toEqual({ ...before.limitsOf(name), connections });
        for (const another of names)
          if (another !== name) expect(shaping.limitsOf(another)).toEqual(before.limitsOf(another));
      }),
    );
  });
});

describe('providers', () => {
  it("are found by their hosts, the user's first", () => {
    const shaping = compileShaping({ providers: { acme: { suffixes: ['mx.acme.example', 'acme.google.com'] } } });
    expect(shaping.providerOf(['A.MX.acme.example.', 'b.mx.acme.example'])).toBe('acme');
    expect(shaping.providerOf(['in.acme.google.com'])).toBe('acme');
    expect(shaping.providerOf(['aspmx.l.google.com'])).toBe('google');
    expect(shaping.providerOf(['a.mx.acme.example', 'aspmx.l.google.com'])).toBe('other');
    expect(shaping.providerOf([])).toBe('other');
  });
});

describe("a user's rule", () => {
  it('comes before all of ours, for its provider alone or for any', () => {
    fc.assert(
      fc.property(fc.constantFrom(...samples), fc.boolean(), ({ provider, sample }, forAny) => {
        const mine = { name: 'mine', match: '^[45]', sample, ...(forAny || provider === 'any' ? {} : { provider }) };
        const shaping = compileShaping({ rules: [mine] });
        for (const stage of STAGES) expect(shaping.find(provider, stage, sample)?.name).toBe('mine');
        if (mine.provider) expect(shaping.find('other', 'rcpt', sample)?.name).not.toBe('mine');
      }),
    );
  });

  it('replaces ours of the same name', () => {
    const text = '421 4.7.0 mx1.example.com Error: too many connections from 192.0.2.1';
    const shaping = compileShaping({
      rules: [{ name: 'too-many-connections', match: 'too many connections', sample: text, act: { do: 'halve' } }],
    });
    expect(shaping.find('other', 'mail', text)?.act).toEqual({ do: 'halve' });
    expect(shaping.rulesOf('other').filter(({ name }) => name === 'too-many-connections')).toHaveLength(1);
  });

  it('disables ours', () => {
    const text = '550 5.7.1 [192.0.2.1 12] Our system has detected that this message is likely unsolicited mail.';
    expect(compileShaping().find('google', 'dot', text)?.name).toBe('gmail-unsolicited');
    const shaping = compileShaping({ rules: [{ name: 'gmail-unsolicited', disabled: true }] });
    expect(shaping.find('google', 'dot', text)?.name).toBe('spam');
  });

  it('sees runs of white space as one, and case as it asks', () => {
    const given = { name: 'mine', match: 'Slow Down', sample: '450 Slow Down' };
    expect(compileShaping({ rules: [given] }).find('other', 'mail', '450  slow \t down')?.name).toBe('mine');
    const exact = compileShaping({ rules: [{ ...given, flags: '' }] });
    expect(exact.find('other', 'mail', '450 slow down')?.name).not.toBe('mine');
  });

  it('is for the stages that it names', () => {
    const shaping = compileShaping({ rules: [{ name: 'mine', match: 'xyz', stages: ['dot'], sample: '450 xyz' }] });
    expect(STAGES.filter((stage) => shaping.find('other', stage, '450 xyz')?.name === 'mine')).toEqual(['dot']);
  });
});
