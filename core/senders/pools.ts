/**
 * Pools as an account has them: those of the stack's settings, which change with a deployment, and those that it made over the API
 * (SendGrid: `/v3/ips/pools`, `/v3/send_ips/pools`), each a named set of deployed addresses. An address may be in several. What is
 * wrong with a change is said in SendGrid's words.
 */
import type { ApiError } from '../errors.ts';
import { POOL_NAME_CHARACTERS } from '../mail-send/limits.ts';
import { type MadePool, MOST_POOLS, type PoolsRecord } from '../records/pools.ts';
import { shown } from '../subusers/assignment.ts';
import type { SourceIp } from './ips.ts';

/** The id of a pool of the settings is its name. */
export type Pool = MadePool & { isDeployed: boolean };

/** What an account knows of pools: all, those of the settings first. Where both have a name, mail takes the deployed one. */
export type Pools = { sources: readonly SourceIp[]; all: readonly Pool[] };

export function poolsOf(sources: readonly SourceIp[], record: PoolsRecord | undefined): Pools {
  const deployed = Map.groupBy(sources, ({ pool }) => pool);
  return {
    sources,
    all: [
      ...[...deployed].map(([name, own]) => ({ id: name, name, lanes: own.map((one) => one.name), isDeployed: true })),
      ...(record?.pools ?? []).map((one) => ({ ...one, isDeployed: false })),
    ],
  };
}

export const ipsOf = ({ lanes }: Pick<Pool, 'lanes'>, { sources }: Pools): string[] =>
  sources.flatMap(({ name, ip }) => (ip !== undefined && lanes.includes(name) ? [ip] : []));

/** The pools that an address is in. */
export const poolsWith = ({ name }: Pick<SourceIp, 'name'>, { all }: Pools): Pool[] =>
  all.filter(({ lanes }) => lanes.includes(name));

export type Read<T> = { ok: true; value: T } | { ok: false; error: ApiError };

const refuse = (field: string | null, message: string) =>
  ({ ok: false, error: { message, field, help: null } }) as const;

const fieldOf = (body: unknown, field: string): unknown =>
  typeof body === 'object' && body !== null && Object.hasOwn(body, field)
    ? (body as Record<string, unknown>)[field]
    : undefined;

/** The `name` of a body, for a pool that has none yet or another one. @param own the pool that is to have it */
export function readName(body: unknown, { all }: Pools, own?: Pool): Read<string> {
  const name = fieldOf(body, 'name');
  const { least, most } = POOL_NAME_CHARACTERS;
  if (name === undefined) return refuse('name', 'not found in the request body');
  if (typeof name !== 'string') return refuse('name', 'must be a string');
  if (/^[. ]/.test(name)) return refuse('name', 'cannot start with a dot or a space');
  if (name.length < least || name.length > most)
    return refuse('name', `needs to be between ${least} to ${most} characters long`);
  if (/[\p{Cc}\p{Cs}]/u.test(name)) return refuse('name', 'must not contain control characters');
  if (all.some((one) => one.name === name && one.id !== own?.id)) return refuse('name', 'already exists');
  return { ok: true, value: name };
}

/** Addresses that a call may name at once (SendGrid). */
const MOST_IPS = 100;

/** The `ips` of a body, each once. @param absent what it means that there are none named; undefined: that is wrong */
export function readIps(body: unknown, absent?: string[]): Read<string[]> {
  const ips = fieldOf(body, 'ips') ?? absent;
  if (ips === undefined) return refuse('ips', 'not found in the request body');
  if (ips === absent) return { ok: true, value: absent! };
  if (!Array.isArray(ips) || !ips.every((one): one is string => typeof one === 'string'))
    return refuse('ips', 'must be an array of IP addresses');
  if (ips.length > MOST_IPS || (ips.length === 0 && absent === undefined))
    return refuse('ips', `the number of IPs must be between 1 and ${MOST_IPS}`);
  return { ok: true, value: [...new Set(ips)] };
}

/** The lanes of these addresses, all of which must be deployed. */
export function lanesOfIps(ips: readonly string[], { sources }: Pools): Read<string[]> {
  const byIp = new Map(sources.map(({ ip, name }) => [ip, name]));
  const unknown = ips.filter((ip) => !byIp.has(ip));
  if (unknown.length > 0) return refuse('ips', `unable to verify IPs assignability: ${shown(unknown)}`);
  return { ok: true, value: ips.map((ip) => byIp.get(ip)!) };
}

/** @param random 32 bits, as a whole number: the next of them for each call */
export function makePool(name: string, lanes: string[], { all }: Pools, random: () => number): Read<Pool> {
  if (all.length >= MOST_POOLS) return refuse('', `${MOST_POOLS} pools limit has been reached`);
  const draw = () => String((random() % 0x7fff_ffff) + 1);
  let id = draw();
  while (all.some((one) => one.id === id)) id = draw();
  return { ok: true, value: { id, name, lanes, isDeployed: false } };
}

/** With these lanes too; what it had that is no longer deployed goes. */
export function withLanes(pool: Pool, lanes: readonly string[], { sources }: Pools): Pool {
  const all = new Set([...pool.lanes, ...lanes]);
  return { ...pool, lanes: sources.map(({ name }) => name).filter((name) => all.has(name)) };
}

/** Without these addresses, all of which must be in it. */
export function withoutIps(pool: Pool, ips: readonly string[], pools: Pools): Read<Pool> {
  const missing = ips.filter((ip) => !ipsOf(pool, pools).includes(ip));
  if (missing.length > 0) return refuse('ips', `not found in pool ‘${pool.name}’: ${shown(missing)}`);
  const gone = pools.sources.filter(({ ip }) => ip !== undefined && ips.includes(ip)).map(({ name }) => name);
  return { ok: true, value: { ...pool, lanes: pool.lanes.filter((name) => !gone.includes(name)) } };
}

/** What is written of an account's pools. @param changed one of them, as it is to be; undefined: it goes */
export function replaced({ all }: Pools, id: string, changed: Pool | undefined): MadePool[] {
  const made = all.filter(({ isDeployed }) => !isDeployed);
  const isNew = changed && !made.some((one) => one.id === id);
  const kept = isNew ? [...made, changed] : made.flatMap((one) => (one.id === id ? (changed ?? []) : one));
  return kept.map(({ isDeployed: _, ...pool }) => pool);
}

/** `GET /v3/send_ips/…`: the pools of something. */
export const showPoolNames = (pools: readonly Pool[]) => pools.map(({ id, name }) => ({ id, name }));

/** Addresses of a pool that are shown with it (SendGrid: 10). */
const PREVIEW = 10;

/** `GET /v3/send_ips/pools` */
export function showSendPool(pool: Pool, pools: Pools) {
  const ips = ipsOf(pool, pools);
  return { name: pool.name, id: pool.id, ips_preview: ips.slice(0, PREVIEW), total_ip_count: ips.length };
}
