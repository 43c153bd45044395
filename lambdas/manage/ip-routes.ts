/**
 * `/v3/ips`, `/v3/ips/pools`, `/v3/send_ips`: source addresses and pools, read. What would change them is refused with the setting that
 * does, because an address and its pool are deployed.
 */
import { apiErrors } from '../../core/errors.ts';
import {
  type Address,
  addressesOf,
  type Known,
  poolsOf,
  type SourceIp,
  showAssigned,
  showIp,
  showSendIp,
  showSendPool,
  type UserOfIps,
  usersOf,
  withStarts,
} from '../../core/senders/ips.ts';
import type { Answer, Call } from './manage.ts';
import type { ReverseDnsDeps } from './reverse-dns-routes.ts';
import type { Method, Route } from './routes.ts';
import { page, refused } from './sender-deps.ts';
import type { WarmUpRouteDeps } from './warm-up-routes.ts';

export type IpRouteDeps = ReverseDnsDeps &
  Pick<WarmUpRouteDeps, 'readWarmUps'> & {
    /** The lanes of the stack, each with the start of its warm-up. */
    sourceIps: readonly SourceIp[];
    listSubusers: (account: string) => Promise<UserOfIps[]>;
  };

const NOT_FOUND: Answer = { status: 404, errors: [apiErrors.notFound] };
/** Entries of a page of `/v3/ips` (SendGrid: 10). */
const PAGE = '10';

async function know(account: string, deps: IpRouteDeps): Promise<Known> {
  const [users, names] = await Promise.all([deps.listSubusers(account), deps.listReverseDns(account)]);
  const named = new Set(names.filter(({ validAt }) => validAt !== undefined).map(({ ip }) => ip));
  return { sources: deps.sourceIps, users, named, now: deps.now() };
}

const find = ({ params }: Call, deps: IpRouteDeps): Address | undefined =>
  addressesOf(deps.sourceIps).find(({ ip }) => ip === (params.ip ?? params.ip_address));

// /v3/ips -------------------------------------------------------------------------------------------------------------

async function list(call: Call, deps: IpRouteDeps): Promise<Answer> {
  const { ip, subuser, exclude_whitelabels: unnamed, sort_by_direction: direction = 'asc' } = call.query;
  if (direction !== 'asc' && direction !== 'desc')
    return refused('sort_by_direction', 'sort_by_direction must be asc or desc');
  const known = await know(call.account, deps);
  const wanted = addressesOf(known.sources).filter(
    (one) =>
      (!ip || one.ip === ip) &&
      (!subuser || usersOf(one.ip, known).includes(subuser)) &&
      (unnamed !== 'true' || !known.named.has(one.ip)),
  );
  const query = { limit: PAGE, ...call.query };
  return page({ ...call, query }, direction === 'asc' ? wanted : wanted.reverse(), (one) => showIp(one, known));
}

async function get(call: Call, deps: IpRouteDeps): Promise<Answer> {
  const one = find(call, deps);
  return one ? { status: 200, body: showIp(one, await know(call.account, deps)) } : NOT_FOUND;
}

const listAssigned = async (_: Call, { sourceIps, now }: IpRouteDeps): Promise<Answer> => ({
  status: 200,
  body: addressesOf(sourceIps).map((one) => showAssigned(one, now())),
});

/** None can be bought by a call. */
const remaining = async (): Promise<Answer> => ({
  status: 200,
  body: { results: [{ remaining: 0, period: 'month', price_per_ip: 0 }] },
});

// pools ---------------------------------------------------------------------------------------------------------------

const listPools = async (_: Call, { sourceIps }: IpRouteDeps): Promise<Answer> => ({
  status: 200,
  body: poolsOf(sourceIps).map((name) => ({ name })),
});

async function getPool({ params }: Call, { sourceIps }: IpRouteDeps): Promise<Answer> {
  const name = params.pool_name!;
  if (!poolsOf(sourceIps).includes(name)) return NOT_FOUND;
  const ips = addressesOf(sourceIps.filter(({ pool }) => pool === name)).map(({ ip }) => ip);
  return { status: 200, body: { pool_name: name, ips } };
}

// /v3/send_ips --------------------------------------------------------------------------------------------------------

/** A page by key: the place of the first entry. */
function keyed<T>({ query }: Call, all: readonly T[], show: (one: T) => unknown): Answer {
  const whole = (text: string | undefined, absent: number) =>
    text === undefined || text === '' ? absent : /^\d{1,6}$/.test(text) ? Number(text) : undefined;
  const [limit, from] = [whole(query.limit, Number(PAGE)), whole(query.after_key, 0)];
  if (!limit || limit > 100) return refused('limit', 'limit must be a whole number, from 1 to 100');
  if (from === undefined) return refused('after_key', 'after_key must be one that an answer named');
  const more = from + limit < all.length;
  const next_params = more ? { after_key: String(from + limit), limit: String(limit) } : {};
  return { status: 200, body: { result: all.slice(from, from + limit).map(show), _metadata: { next_params } } };
}

async function listSendIps(call: Call, { sourceIps, now }: IpRouteDeps): Promise<Answer> {
  const { ip, pool } = call.query;
  const wanted = addressesOf(sourceIps).filter((one) => (!ip || one.ip.startsWith(ip)) && (!pool || one.pool === pool));
  return keyed(call, wanted, (one) => showSendIp(one, now()));
}

async function getSendIp(call: Call, deps: IpRouteDeps): Promise<Answer> {
  const one = find(call, deps);
  return one ? { status: 200, body: showSendIp(one, deps.now()) } : NOT_FOUND;
}

/** By their numbers in SendGrid; by their names here, which every other call takes. */
async function listSendIpUsers(call: Call, deps: IpRouteDeps): Promise<Answer> {
  const one = find(call, deps);
  if (!one) return NOT_FOUND;
  return keyed(call, usersOf(one.ip, await know(call.account, deps)), (name) => name);
}

const listSendPools = async (call: Call, { sourceIps }: IpRouteDeps): Promise<Answer> =>
  keyed(call, poolsOf(sourceIps), (pool) => showSendPool(pool, sourceIps));

async function getSendPool({ params }: Call, { sourceIps }: IpRouteDeps): Promise<Answer> {
  const pool = poolsOf(sourceIps).find((name) => name === params.poolid);
  return pool === undefined ? NOT_FOUND : { status: 200, body: showSendPool(pool, sourceIps) };
}

async function listSendPoolIps(call: Call, { sourceIps }: IpRouteDeps): Promise<Answer> {
  const { poolid } = call.params;
  if (!poolsOf(sourceIps).includes(poolid!)) return NOT_FOUND;
  const ips = addressesOf(sourceIps.filter(({ pool }) => pool === poolid));
  return keyed(call, ips, ({ ip, pool }) => ({ ip, pools: [{ id: pool, name: pool }] }));
}

// what is deployed ----------------------------------------------------------------------------------------------------

const deployed = (setting: string): Route['handle'] => {
  const message = `This is in the stack's settings, and changes with a deployment: ${setting} in pennypost.config.ts`;
  return async () => refused(null, message);
};
const ADDRESS = deployed('pools[].sourceIps');
const POOL = deployed('pools');

/** Warm-ups begin and end while the stack runs. */
const asTheyAre =
  (handle: Route['handle']): Route['handle'] =>
  async (call, deps) =>
    handle(call, { ...deps, sourceIps: withStarts(deps.sourceIps, await deps.readWarmUps()) });

const IPS = '/v3/ips';
const SEND = '/v3/send_ips';

/** Literal segments stand before `{names}` of the same place. */
export const IP_ROUTES: readonly Route[] = (
  [
    ['GET', IPS, 'ips.read', list],
    ['POST', IPS, 'ips.create', ADDRESS],
    ['GET', `${IPS}/assigned`, 'ips.assigned.read', listAssigned],
    ['GET', `${IPS}/remaining`, 'ips.read', remaining],
    ['GET', `${IPS}/pools`, 'ips.pools.read', listPools],
    ['POST', `${IPS}/pools`, 'ips.pools.create', POOL],
    ['GET', `${IPS}/pools/{pool_name}`, 'ips.pools.read', getPool],
    ['PUT', `${IPS}/pools/{pool_name}`, 'ips.pools.update', POOL],
    ['DELETE', `${IPS}/pools/{pool_name}`, 'ips.pools.delete', POOL],
    ['POST', `${IPS}/pools/{pool_name}/ips`, 'ips.pools.ips.create', ADDRESS],
    ['DELETE', `${IPS}/pools/{pool_name}/ips/{ip}`, 'ips.pools.ips.delete', ADDRESS],
    ['GET', `${IPS}/{ip_address}`, 'ips.read', get],
    ['GET', `${SEND}/ips`, 'ips.read', listSendIps],
    ['POST', `${SEND}/ips`, 'ips.create', ADDRESS],
    ['GET', `${SEND}/ips/{ip}`, 'ips.read', getSendIp],
    ['GET', `${SEND}/ips/{ip}/subusers`, 'ips.read', listSendIpUsers],
    ['GET', `${SEND}/pools`, 'ips.pools.read', listSendPools],
    ['POST', `${SEND}/pools`, 'ips.pools.create', POOL],
    ['GET', `${SEND}/pools/{poolid}`, 'ips.pools.read', getSendPool],
    ['PUT', `${SEND}/pools/{poolid}`, 'ips.pools.update', POOL],
    ['DELETE', `${SEND}/pools/{poolid}`, 'ips.pools.delete', POOL],
    ['GET', `${SEND}/pools/{poolid}/ips`, 'ips.pools.ips.read', listSendPoolIps],
    ['POST', `${SEND}/pools/{poolid}/ips:batchAdd`, 'ips.pools.ips.create', ADDRESS],
    ['POST', `${SEND}/pools/{poolid}/ips:batchDelete`, 'ips.pools.ips.delete', ADDRESS],
  ] as const satisfies readonly (readonly [Method, string, string, Route['handle']])[]
).map(([method, path, scope, handle]) => ({
  method,
  path,
  scope,
  nullFields: true,
  handle: method === 'GET' ? asTheyAre(handle) : handle,
}));
