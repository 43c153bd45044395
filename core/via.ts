/**
 * How a pool's mail gets to a provider: straight to its MX, through SES, or through a relay. One default, and providers
 * that go another way, so that they can be moved over one at a time; and, only where the pool says so, a second way for
 * what was refused because of our address.
 */
import type { Act } from './shaping/rule.ts';

/** A way as settings, jobs and records name it. */
export type ViaName = 'direct' | 'ses' | `relay:${string}`;
export type Via = { kind: 'direct' } | { kind: 'relay'; name: string } | { kind: 'ses' };

/** What deliver knows of its pool (environment variable `VIA`). */
export type PoolVia = {
  default: ViaName;
  /** By the provider's name in core/provider.ts. */
  providers?: Readonly<Record<string, ViaName>>;
  /** Opt-in: where a copy goes after a refusal that is about our address. */
  failOver?: Exclude<ViaName, 'direct'>;
};

/** A relay of the settings (environment variable `RELAYS`). */
export type Relay = {
  name: string;
  host: string;
  port: number;
  /** `verified`: TLS with a certificate for `host`, or no mail. `encrypted`: TLS with any. `off`: none. */
  tls: 'verified' | 'encrypted' | 'off';
  /** Secrets Manager: JSON `{"user", "password"}`. */
  secretArn?: string;
};

/** A relay on this port speaks TLS from its first octet (RFC 8314 3.3). */
export const IMPLICIT_TLS_PORT = 465;

/** @throws Error on a text that is no way */
export function parseVia(name: string): Via {
  if (name === 'direct' || name === 'ses') return { kind: name };
  const relay = /^relay:(.+)$/.exec(name)?.[1];
  if (relay === undefined) throw new Error(`"${name}" is no way to deliver: direct, ses or relay:<name>`);
  return { kind: 'relay', name: relay };
}

/**
 * The way for a copy.
 * @param provider of its MX hosts (core/provider.ts), `other` where it is nobody's
 * @param chosen the job's own way, once a refusal has chosen it (`Job.via`)
 */
export function viaOf(pool: PoolVia | undefined, provider: string, chosen?: string): Via {
  if (chosen !== undefined) return parseVia(chosen);
  if (!pool) return { kind: 'direct' };
  const own = pool.providers && Object.hasOwn(pool.providers, provider) ? pool.providers[provider] : undefined;
  return parseVia(own ?? pool.default);
}

/** Whether the way can be known before the provider is: no provider of the pool goes another way. */
export const isFixed = (pool: PoolVia | undefined): boolean =>
  pool === undefined || Object.keys(pool.providers ?? {}).length === 0;

/** Every way that mail of a pool may take. */
export function waysOf(pool: PoolVia | undefined): ViaName[] {
  if (!pool) return ['direct'];
  const { default: usual, providers = {}, failOver } = pool;
  return [...new Set([usual, ...Object.values(providers), ...(failOver ? [failOver] : [])])];
}

export const usesSes = (pool: PoolVia | undefined): boolean => waysOf(pool).includes('ses');

/** The relays of a pool, by name. */
export const relaysOf = (pool: PoolVia | undefined): string[] =>
  waysOf(pool).flatMap((name) => (name.startsWith('relay:') ? [name.slice('relay:'.length)] : []));

/**
 * The way that a refused copy's next attempt takes, or undefined: it stays refused. Only where the pool opted in, only for
 * a copy that went straight to its MX, and only for a final refusal that says that our address is blocked (the shaping
 * rules' pause that calls the operator). The copy is then deferred once instead of bounced.
 */
export function failOverOf(
  pool: PoolVia | undefined,
  told: { via: Via; code: number; act?: Act | undefined },
): Exclude<ViaName, 'direct'> | undefined {
  if (!pool?.failOver || told.via.kind !== 'direct' || told.code < 500) return undefined;
  return told.act?.do === 'pause' && told.act.operator ? pool.failOver : undefined;
}
