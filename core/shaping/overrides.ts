/**
 * What the user writes about shaping in pennypost.config.ts: plain JSON, since it travels into the functions' bundles. A rule
 * of ours is replaced by one of the same name, or disabled by it; a provider of ours is changed field by field.
 */
import type { Stage } from '../outcome.ts';
import type { Act, Classification, SiteLimits } from './rule.ts';

/** What may be left out may also be undefined: that is how a checked settings file has it. */
type Loose<T> = T extends unknown
  ? { [Key in keyof T]: object extends Pick<T, Key> ? T[Key] | undefined : T[Key] }
  : never;

export type RuleOverride = {
  name: string;
  /** Absent: for every provider. */
  provider?: string | undefined;
  /** A regular expression. */
  match: string;
  /** Default `i`: case does not matter. */
  flags?: 'i' | '' | undefined;
  stages?: readonly Stage[] | undefined;
  sample: string;
  event?: 'deferred' | 'bounced' | undefined;
  type?: 'bounce' | 'blocked' | undefined;
  classification?: Classification | undefined;
  act?: Loose<Act> | undefined;
  disabled?: undefined;
};
/** Takes a rule of ours out. */
export type RuleDisabled = { name: string; disabled: true };

export type ProviderOverride = Loose<Partial<SiteLimits>> & { suffixes?: readonly string[] | undefined };

export type ShapingOverrides = {
  providers?: Readonly<Record<string, ProviderOverride>> | undefined;
  rules?: readonly (RuleOverride | RuleDisabled)[] | undefined;
};
