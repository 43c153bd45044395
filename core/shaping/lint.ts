/**
 * What is wrong with shaping data before a reply shows it: patterns that match nothing or everything, rules that an earlier
 * one hides, suffixes that no host ends in, numbers out of range, patterns that a reply could be made to stall. It runs on our
 * own data in a test, and on the user's when the stack is synthesized.
 */
import { STAGES, type Stage } from '../outcome.ts';
import { compileShaping, readable, toRule } from './compile.ts';
import type { RuleDisabled, RuleOverride, ShapingOverrides } from './overrides.ts';
import { costOf } from './pattern.ts';
import { PROVIDERS, type ProviderData } from './providers.ts';
import { type Act, CLASSIFICATIONS, type Rule, type SiteLimits } from './rule.ts';
import { ANY, RULES } from './rules/index.ts';

export type Finding = { path: (string | number)[]; message: string };
type Tell = (message: string, ...path: (string | number)[]) => void;

/** Steps that one pattern may cost on one reply at worst: some tens of milliseconds. */
const MOST_STEPS = 20_000_000;
const MOST_MINUTES = 1_440;
const SUFFIX = /^[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,8}$/;

/** Findings on what the user wrote, with paths into it; none: it may be compiled and used. */
export function lintShaping(overrides: ShapingOverrides): Finding[] {
  const findings: Finding[] = [];
  const rules = overrides.rules ?? [];
  const providers = Object.entries(overrides.providers ?? {});
  const ours: readonly ProviderData[] = PROVIDERS;
  for (const [name, { suffixes, ...limits }] of providers) {
    const tell = teller(findings, ['providers', name]);
    const known = ours.find((one) => one.name === name);
    if (!known && name !== 'other' && !suffixes) tell('is no provider of ours, so it needs suffixes', 'suffixes');
    if (name === 'other' && suffixes) tell('"other" is whoever no suffix names', 'suffixes');
    if (name === ANY) tell(`"${ANY}" is a name for rules`);
    lintSuffixes(suffixes, tell);
    lintLimits({ ...(known?.limits ?? { floor: 1 }), ...limits }, tell);
  }
  const names = new Set([...ours.map(({ name }) => name), ...providers.map(([name]) => name), ANY, 'other']);
  const ourNames = new Set(Object.values(RULES).flatMap((list) => list.map(({ name }) => name)));
  const seen = new Set<string>();
  for (const [index, rule] of rules.entries()) {
    const tell = teller(findings, ['rules', index]);
    if (seen.has(rule.name)) tell(`"${rule.name}" names two rules`, 'name');
    seen.add(rule.name);
    if (rule.disabled) {
      if (!ourNames.has(rule.name)) tell(`there is no rule "${rule.name}" to disable`, 'name');
    } else lintOverride(rule, names, tell);
  }
  if (findings.length === 0) lintOrder(overrides, rules, findings);
  return findings;
}

/** Findings on our own data. */
export function lintOwn(): Finding[] {
  const findings: Finding[] = [];
  const names = new Set<string>([ANY]);
  for (const { name, suffixes, limits } of PROVIDERS as readonly ProviderData[]) {
    const tell = teller(findings, ['providers', name]);
    if (names.has(name)) tell(`"${name}" names two providers`);
    names.add(name);
    lintSuffixes(suffixes, tell);
    lintLimits(limits, tell);
  }
  const shaping = compileShaping();
  const owner = new Map<string, Rule>();
  for (const [provider, rules] of Object.entries(RULES)) {
    if (!names.has(provider)) teller(findings, ['rules', provider])(`there is no provider "${provider}"`);
    for (const rule of rules) {
      const tell = teller(findings, ['rules', rule.name]);
      if ((owner.get(rule.name) ?? rule) !== rule) tell(`"${rule.name}" names two rules`);
      owner.set(rule.name, rule);
      lintRule(rule, tell);
      if (costOf(rule.match.source).unbounded > 0) tell('has a quantifier without bound', 'match');
      lintReach(rule, shaping.rulesOf(provider), tell);
    }
  }
  return findings;
}

function lintOverride(given: RuleOverride, providers: ReadonlySet<string>, tell: Tell): void {
  if (given.provider !== undefined && !providers.has(given.provider))
    tell(`there is no provider "${given.provider}"`, 'provider');
  try {
    lintRule(toRule(given), tell);
  } catch (error) {
    tell(`is no regular expression: ${(error as Error).message}`, 'match');
  }
}

/** What can be said of one rule by itself. */
export function lintRule(rule: Rule, tell: Tell): void {
  const { name, match, sample, stages, classification } = rule;
  if (!/^[a-z0-9][a-z0-9-]{1,62}$/.test(name)) tell('must be 2 to 63 of a-z, 0-9 and "-"', 'name');
  if (!/^[45]\d\d /.test(sample))
    tell('must begin with a code, 4xx or 5xx, and a space, like "421 4.7.0 Try later"', 'sample');
  const isDead = !match.test(readable(sample));
  if (isDead) tell('does not match its own sample', 'match');
  if (match.test('')) tell('matches every reply, also an empty one', 'match');
  const { steps, unbounded, nested } = costOf(match.source);
  if (nested) tell('repeats a group that repeats without bound: a reply could stall it', 'match');
  else if (unbounded > 1) tell('has two quantifiers without bound: write .{0,80} instead of .* or .+', 'match');
  else if (steps > MOST_STEPS) tell(`may take ${steps} steps on one reply, more than ${MOST_STEPS}`, 'match');
  if (stages?.length === 0) tell('must name a stage, or be left out', 'stages');
  for (const stage of stages ?? []) if (!STAGES.includes(stage)) tell(`there is no stage "${stage}"`, 'stages');
  if (!CLASSIFICATIONS.includes(classification)) tell(`there is no class "${classification}"`, 'classification');
  lintOutcome(rule, tell);
  if (rule.act) lintAct(rule.act, tell);
}

function lintOutcome({ sample, event, type }: Rule, tell: Tell): void {
  if (type === 'bounce' && sample.startsWith('4')) tell('a 4xx says nothing final about an address', 'type');
  if (type !== undefined && event === 'deferred') tell('what is deferred has no type', 'type');
}

function lintAct(act: Act, tell: Tell): void {
  if ('minutes' in act && !(Number.isInteger(act.minutes) && act.minutes >= 1 && act.minutes <= MOST_MINUTES))
    tell(`must be a whole number of minutes from 1 to ${MOST_MINUTES}`, 'act', 'minutes');
  if (act.do === 'limit') {
    if (act.connections === undefined && act.perMinute === undefined)
      tell('limits nothing: name connections or perMinute', 'act');
    for (const field of ['connections', 'perMinute'] as const)
      if (act[field] !== undefined && !(act[field] >= 1)) tell('must be at least 1', 'act', field);
  }
  if (act.do === 'recover' && act.quotas.length === 0) tell('must name a quota', 'act', 'quotas');
}

function lintSuffixes(suffixes: readonly string[] | undefined, tell: Tell): void {
  if (suffixes?.length === 0) tell('must name at least one', 'suffixes');
  for (const [index, suffix] of (suffixes ?? []).entries()) {
    if (suffix.startsWith('.') || suffix.endsWith('.')) tell('must have no dot at its ends', 'suffixes', index);
    else if (suffix !== suffix.toLowerCase()) tell('must be in lower case', 'suffixes', index);
    else if (!SUFFIX.test(suffix)) tell('must be the end of a host name, like "mail.example.com"', 'suffixes', index);
  }
}

function lintLimits(limits: { [Field in keyof SiteLimits]?: SiteLimits[Field] | undefined }, tell: Tell): void {
  const fields = ['connections', 'floor', 'messagesPerConnection', 'perMinute', 'connectionsPerMinute'] as const;
  for (const field of fields) {
    const value = limits[field];
    if (value !== undefined && !(Number.isInteger(value) && value >= 1)) tell('must be a whole number from 1', field);
  }
  if ((limits.connections ?? Number.POSITIVE_INFINITY) < (limits.floor ?? 1))
    tell(`must not be below the floor, which is ${limits.floor}`, 'connections');
}

/** Whether one of the user's rules hides another, as its sample shows. What hides ours is his wish. */
function lintOrder(overrides: ShapingOverrides, rules: readonly (RuleOverride | RuleDisabled)[], findings: Finding[]) {
  const shaping = compileShaping(overrides);
  for (const [index, rule] of rules.entries()) {
    if (rule.disabled) continue;
    lintReach(toRule(rule), shaping.rulesOf(rule.provider ?? ANY), teller(findings, ['rules', index]));
  }
}

function lintReach(rule: Rule, all: readonly Rule[], tell: Tell): void {
  const read = readable(rule.sample);
  if (!rule.match.test(read)) return;
  const stages: readonly Stage[] = rule.stages ?? STAGES;
  const first = (stage: Stage) =>
    all.find((one) => (!one.stages || one.stages.includes(stage)) && one.match.test(read))?.name;
  const hidden = stages.map(first).find((name) => name !== rule.name);
  if (hidden !== undefined) tell(`is never reached: "${hidden}" comes before it and matches its sample`, 'sample');
}

function teller(findings: Finding[], at: (string | number)[]): Tell {
  return (message, ...path) => void findings.push({ path: [...at, ...path], message });
}
