/**
 * Source addresses as the API shows them (SendGrid: `/v3/ips`, `/v3/send_ips`). They are in the stack's settings (pennypost.config.ts), so they
 * are read here; each change of them is a deployment, and the answer says which setting it is.
 */
import type { WarmUpsRecord } from '../records/warm-ups.ts';
import { budgetOf, startOf } from '../warm-up.ts';
import { type Pools, poolsWith, showPoolNames } from './pools.ts';

/**
 * A lane as manage knows it. Without `ip`: its mail goes by SES or a relay. `warmUpFrom`: of its settings; `startedAt`: when its warm-up began,
 * whoever said so (milliseconds since the epoch).
 */
export type SourceIp = {
  ip?: string;
  ehloName: string;
  name: string;
  pool: string;
  warmUpFrom?: string;
  startedAt?: number;
};

/** A subuser's source addresses; none: all of the stack. */
export type UserOfIps = { username: string; ips: readonly string[] };

export type Known = {
  sources: readonly SourceIp[];
  users: readonly UserOfIps[];
  /** Addresses whose names were found right. */
  named: ReadonlySet<string>;
  pools: Pools;
  /** Milliseconds since the epoch. */
  now: number;
};

/** The lanes, and since when each warms up. */
export const withStarts = (sources: readonly SourceIp[], words: WarmUpsRecord | undefined): SourceIp[] =>
  sources.map((one) => {
    const startedAt = startOf(one, words);
    return { ...one, ...(startedAt === undefined ? {} : { startedAt }) };
  });

export const addressesOf = (sources: readonly SourceIp[]) =>
  sources.flatMap((one) => (one.ip === undefined ? [] : [{ ...one, ip: one.ip }]));
export type Address = ReturnType<typeof addressesOf>[number];

/** Whether its schedule still holds it back. How often bad answers set it back is deliver's to know: by so many days it may be later. */
export function isWarmingUp({ startedAt }: SourceIp, now: number): boolean {
  return startedAt !== undefined && budgetOf({ startedAt, now, heldDays: 0 }) !== undefined;
}

/** Unix seconds; null: it is not warming up, and never was. */
export const warmUpStart = ({ startedAt }: SourceIp): number | null =>
  startedAt === undefined ? null : Math.floor(startedAt / 1_000);

export const usersOf = (ip: string, { users }: Known): string[] =>
  users.filter(({ ips }) => ips.length === 0 || ips.includes(ip)).map(({ username }) => username);

/** `GET /v3/ips` */
export function showIp(one: Address, known: Known) {
  return {
    ip: one.ip,
    subusers: usersOf(one.ip, known),
    rdns: one.ehloName,
    pools: namesOf(poolsWith(one, known.pools)),
    warmup: isWarmingUp(one, known.now),
    start_date: warmUpStart(one),
    whitelabeled: known.named.has(one.ip),
    assigned_at: null,
  };
}

const namesOf = (pools: readonly { name: string }[]) => [...new Set(pools.map(({ name }) => name))];

/** `GET /v3/ips/assigned`: there a day is always named; 0 where there is none. */
export function showAssigned(one: Address, pools: Pools, now: number) {
  const names = namesOf(poolsWith(one, pools));
  return { ip: one.ip, pools: names, warmup: isWarmingUp(one, now), start_date: warmUpStart(one) ?? 0 };
}

/** `GET /v3/send_ips/ips` */
export function showSendIp(one: Address, pools: Pools, now: number) {
  return {
    ip: one.ip,
    pools: showPoolNames(poolsWith(one, pools)),
    is_auto_warmup: isWarmingUp(one, now),
    is_parent_assigned: true,
    is_enabled: true,
    is_leased: false,
  };
}
