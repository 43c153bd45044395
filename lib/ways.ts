/** The part of the settings that says how mail gets out (`via`, `failOver`, `withoutAddress`, `relays`), and what does not fit in it. */
import { PROVIDERS } from '../core/provider.ts';
import { type PoolVia, type Relay, relaysOf, type ViaName, waysOf } from '../core/via.ts';
import type { PoolSettings, SourceIpSettings } from './settings.ts';

export type PoolWays = {
  via?: { default: ViaName; providers?: Record<string, ViaName> | undefined } | undefined;
  failOver?: ViaName | undefined;
  withoutAddress?: boolean | undefined;
  ehloName?: string | undefined;
  sourceIps: readonly unknown[];
};

/** What an address-less lane is told to say in EHLO where no relay of it needs a name (RFC 2606). */
const NO_NAME = 'pennypost.invalid';

/** A pool without an address is one lane, of the pool's name. */
export function lanesOf({ name, withoutAddress, ehloName = NO_NAME, sourceIps }: PoolSettings): SourceIpSettings[] {
  return withoutAddress ? [{ name, ehloName, weight: 1 }] : sourceIps;
}

/** A pool's ways as deliver learns them; undefined: all of its mail goes straight to the MX. */
export function poolViaOf({ via, failOver }: Pick<PoolWays, 'via' | 'failOver'>): PoolVia | undefined {
  if (!via && !failOver) return undefined;
  const { default: usual = 'direct' as const, providers } = via ?? {};
  return { default: usual, ...(providers && { providers }), ...(failOver && failOver !== 'direct' && { failOver }) };
}

/**
 * @param known names of relays, and of providers that the user describes himself
 * @param refuse is told each fault, with the field's path from the pool on
 */
export function checkWays(
  pool: PoolWays,
  known: { relays: readonly string[]; providers: readonly string[] },
  refuse: (path: string[], message: string) => void,
): void {
  const via = poolViaOf(pool);
  const providers = [...PROVIDERS.map(({ name }): string => name), ...known.providers, 'other'];
  for (const provider of Object.keys(pool.via?.providers ?? {}))
    if (!providers.includes(provider))
      refuse(['via', 'providers', provider], 'is no provider that we know (core/shaping/providers.ts)');
  for (const relay of relaysOf(via))
    if (!known.relays.includes(relay)) refuse(['via'], `"relay:${relay}" is not among relays`);
  if (pool.failOver === 'direct') refuse(['failOver'], 'must be "ses" or "relay:<name>"');
  else if (pool.failOver && !waysOf(via).includes('direct'))
    refuse(['failOver'], 'is for mail that goes direct, and none of this pool does');
  if (pool.withoutAddress) {
    if (pool.sourceIps.length > 0) refuse(['sourceIps'], 'must be empty in a pool withoutAddress');
    if (waysOf(via).includes('direct')) refuse(['via'], 'a pool withoutAddress cannot deliver direct');
    if (relaysOf(via).length > 0 && !pool.ehloName) refuse(['ehloName'], 'is needed: a relay wants a name');
  } else if (pool.ehloName) refuse(['ehloName'], 'belongs to each of its sourceIps');
}

type RelaySettings = Omit<Relay, 'secretArn'> & { secretArn?: string | undefined };

/** @param refuse is told each fault, with the field's path from `relays` on */
export function checkRelays(
  relays: readonly RelaySettings[],
  refuse: (path: (string | number)[], message: string) => void,
): void {
  for (const [r, { name, tls, secretArn }] of relays.entries()) {
    if (relays.findIndex((one) => one.name === name) !== r) refuse([r, 'name'], `"${name}" names two relays`);
    // Encryption without a name is encryption with whoever sits in between.
    if (tls !== 'verified' && secretArn !== undefined)
      refuse([r, 'secretArn'], "needs tls: 'verified', or the password goes to whoever answers for the host");
  }
}
