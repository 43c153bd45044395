/**
 * Shaping as the functions use it: our rules and providers with the user's over them. Of rules, the first that matches is the
 * one: the user's for the provider, the user's for any, ours for the provider, ours for any. No pattern sees more than
 * REPLY_KEPT characters of a reply, with runs of white space as one.
 */
import type { Stage } from '../outcome.ts';
import { REPLY_KEPT } from '../smtp/limits.ts';
import type { ProviderOverride, RuleDisabled, RuleOverride, ShapingOverrides } from './overrides.ts';
import { DEFAULT_LIMITS, findProvider, PROVIDERS, type ProviderData } from './providers.ts';
import type { Act, Rule, SiteLimits } from './rule.ts';
import { ANY, RULES } from './rules/index.ts';

export type { ShapingOverrides } from './overrides.ts';

export type Shaping = {
  /** Of a provider that nobody knows: the default. */
  limitsOf(provider: string): SiteLimits;
  /** The rule that a reply falls under. `text` is `Reply.text`. */
  find(provider: string, stage: Stage, text: string): Rule | undefined;
  /** The provider whose own all these hosts are, the user's first, or `other`. */
  providerOf(hosts: readonly string[]): string;
  /** Every provider's name, the user's first. */
  providers(): readonly ProviderData[];
  /** The rules of a provider in the order in which they are tried; those for any provider after them. */
  rulesOf(provider: string): readonly Rule[];
};

/** @throws SyntaxError when a match of the user's is no regular expression; the linter says so before */
export function compileShaping(overrides: ShapingOverrides = {}): Shaping {
  const providers = mergeProviders(overrides.providers ?? {});
  const byName = new Map<string, ProviderData>();
  for (const provider of providers) if (!byName.has(provider.name)) byName.set(provider.name, provider);
  const rulesOf = mergeRules(overrides.rules ?? []);
  return {
    limitsOf: (provider) => byName.get(provider)?.limits ?? byName.get('other')?.limits ?? DEFAULT_LIMITS,
    find: (provider, stage, text) => {
      const read = readable(text);
      return rulesOf(provider).find(({ match, stages }) => (!stages || stages.includes(stage)) && match.test(read));
    },
    providerOf: (hosts) => findProvider(hosts, providers)?.name ?? 'other',
    providers: () => providers,
    rulesOf,
  };
}

/** What patterns see of a reply. */
export function readable(text: string): string {
  return text.slice(0, REPLY_KEPT).replace(/\s+/g, ' ');
}

/** One rule of the user's, compiled. */
export function toRule(given: RuleOverride): Rule {
  const { provider: _, match, flags = 'i', classification = 'Unclassified', stages, event, type, act, ...rest } = given;
  return {
    ...rest,
    match: new RegExp(match, flags),
    classification,
    ...(stages ? { stages } : {}),
    ...(event ? { event } : {}),
    ...(type ? { type } : {}),
    ...(act ? { act: act as Act } : {}),
  };
}

/** `other` is a provider to the user only: it sets the limits of all that are nobody's, and has no hosts. */
function mergeProviders(overrides: Readonly<Record<string, ProviderOverride>>): ProviderData[] {
  const given = new Map(Object.entries(overrides));
  const own: readonly ProviderData[] = PROVIDERS;
  const merged = own.map((ours) => {
    const override = given.get(ours.name);
    return override ? merge(ours, override) : ours;
  });
  const added = [...given]
    .filter(([name]) => !own.some((ours) => ours.name === name))
    .map(([name, override]) => merge({ name, suffixes: [], limits: DEFAULT_LIMITS }, override));
  return [...added, ...merged];
}

function merge({ name, suffixes, limits }: ProviderData, override: ProviderOverride): ProviderData {
  const { suffixes: theirs = suffixes, ...rest } = override;
  const set = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  return { name, suffixes: theirs, limits: { ...limits, ...set } };
}

function mergeRules(overrides: readonly (RuleOverride | RuleDisabled)[]) {
  const taken = new Set(overrides.map(({ name }) => name));
  const theirs = new Map<string, Rule[]>();
  for (const one of overrides) {
    if (one.disabled) continue;
    const provider = one.provider ?? ANY;
    theirs.set(provider, [...(theirs.get(provider) ?? []), toRule(one)]);
  }
  const ours = (provider: string) => (RULES[provider] ?? []).filter(({ name }) => !taken.has(name));
  const known = new Map<string, readonly Rule[]>();
  const any = [theirs.get(ANY) ?? [], ours(ANY)] as const;
  const fallback = any.flat();
  for (const provider of new Set([...theirs.keys(), ...Object.keys(RULES)]))
    known.set(
      provider,
      provider === ANY ? fallback : [...(theirs.get(provider) ?? []), ...any[0], ...ours(provider), ...any[1]],
    );
  return (provider: string): readonly Rule[] => known.get(provider) ?? fallback;
}
