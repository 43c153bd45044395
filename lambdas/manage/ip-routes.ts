/**
 * `/v3/ips`, `/v3/send_ips/ips`: source addresses, read. What would change them is refused with the setting that does, because an address is
 * deployed.
 */
import { apiErrors } from '../../core/errors.ts';
import {
  type Address,
  addressesOf,
  type Known,
  type SourceIp,
  showAssigned,
  showIp,
  showSendIp,
  type UserOfIps,
  usersOf,
  withStarts,
} from '../../core/senders/ips.ts';
import { poolsWith } from '../../core/senders/pools.ts';
import type { Answer, Call } from './manage.ts';
import { deployed, type PoolReadDeps, readPools } from './pool-routes.ts';
import type { ReverseDnsDeps } from './reverse-dns-routes.ts';
import type { Method, Route } from './routes.ts';
import { keyed, page, refused } from './sender-deps.ts';
import type { WarmUpRouteDeps } from './warm-up-routes.ts';

export type IpRouteDeps = ReverseDnsDeps &
  PoolReadDeps &
  Pick<WarmUpRouteDeps, 'readWarmUps'> & {
    /** The lanes of the stack, each with the start of its warm-up. */
    sourceIps: readonly SourceIp[];
    listSubusers: (account: string) => Promise<UserOfIps[]>;
  };

const NOT_FOUND: Answer = { status: 404, errors: [apiErrors.notFound] };
/** Entries of a page (SendGrid). */
const PAGE = '10';

async function know(account: string, deps: IpRouteDeps): Promise<Known> {
  const [users, names, pools] = await Promise.all([
    deps.listSubusers(account),
    deps.listReverseDns(account),
    readPools(account, deps),
  ]);
  const named = new Set(names.filter(({ validAt }) => validAt !== undefined).map(({ ip }) => ip));
  return { sources: deps.sourceIps, users, named, pools, now: deps.now() };
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

async function listAssigned({ account }: Call, deps: IpRouteDeps): Promise<Answer> {
  const pools = await readPools(account, deps);
  return { status: 200, body: addressesOf(deps.sourceIps).map((one) => showAssigned(one, pools, deps.now())) };
}

/** None can be bought by a call. */
const remaining = async (): Promise<Answer> => ({
  status: 200,
  body: { results: [{ remaining: 0, period: 'month', price_per_ip: 0 }] },
});

// /v3/send_ips --------------------------------------------------------------------------------------------------------

async function listSendIps(call: Call, deps: IpRouteDeps): Promise<Answer> {
  const { ip, pool } = call.query;
  const pools = await readPools(call.account, deps);
  const wanted = addressesOf(deps.sourceIps).filter(
    (one) => (!ip || one.ip.startsWith(ip)) && (!pool || poolsWith(one, pools).some(({ id }) => id === pool)),
  );
  return keyed(call, wanted, (one) => showSendIp(one, pools, deps.now()));
}

async function getSendIp(call: Call, deps: IpRouteDeps): Promise<Answer> {
  const one = find(call, deps);
  if (!one) return NOT_FOUND;
  return { status: 200, body: showSendIp(one, await readPools(call.account, deps), deps.now()) };
}

/** By their numbers in SendGrid; by their names here, which every other call takes. */
async function listSendIpUsers(call: Call, deps: IpRouteDeps): Promise<Answer> {
  const one = find(call, deps);
  if (!one) return NOT_FOUND;
  return keyed(call, usersOf(one.ip, await know(call.account, deps)), (name) => name);
}

// what is deployed ----------------------------------------------------------------------------------------------------

const ADDRESS: Route['handle'] = async () => refused(null, `This is ${deployed('pools[].sourceIps')}`);

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
    ['GET', `${IPS}/{ip_address}`, 'ips.read', get],
    ['GET', `${SEND}/ips`, 'ips.read', listSendIps],
    ['POST', `${SEND}/ips`, 'ips.create', ADDRESS],
    ['GET', `${SEND}/ips/{ip}`, 'ips.read', getSendIp],
    ['GET', `${SEND}/ips/{ip}/subusers`, 'ips.read', listSendIpUsers],
  ] as const satisfies readonly (readonly [Method, string, string, Route['handle']])[]
).map(([method, path, scope, handle]) => ({
  method,
  path,
  scope,
  nullFields: true,
  handle: method === 'GET' ? asTheyAre(handle) : handle,
}));
