/**
 * `/v3/ips/pools`, `/v3/send_ips/pools`: pools of source addresses. Those that an account makes here are named sets of the deployed addresses, its
 * own; a subuser sees its parent's, by which its mail may go, and changes none. Those of the settings are everybody's, and change with a
 * deployment, as the answer says. Each change is of what was read: of two at once, none is lost.
 */
import { type ApiError, apiErrors } from '../../core/errors.ts';
import type { MadePool, PoolsRecord } from '../../core/records/pools.ts';
import { addressesOf, type SourceIp, showAssigned, withStarts } from '../../core/senders/ips.ts';
import {
  ipsOf,
  lanesOfIps,
  makePool,
  type Pool,
  type Pools,
  poolsOf,
  poolsWith,
  readIps,
  readName,
  replaced,
  showPoolNames,
  showSendPool,
  withLanes,
  withoutIps,
} from '../../core/senders/pools.ts';
import type { Answer, Call } from './manage.ts';
import type { Method, Route } from './routes.ts';
import { keyed, refused } from './sender-deps.ts';
import { forParents, type SubuserRouteDeps } from './subuser-routes.ts';
import type { WarmUpRouteDeps } from './warm-up-routes.ts';

export type PoolReadDeps = Pick<SubuserRouteDeps, 'readAccount'> & {
  /** The lanes of the stack. */
  sourceIps: readonly SourceIp[];
  /** What an account made, as it is now. */
  readPools: (account: string) => Promise<PoolsRecord | undefined>;
};

export type PoolRouteDeps = SubuserRouteDeps &
  PoolReadDeps &
  Pick<WarmUpRouteDeps, 'readWarmUps'> & {
    /** False: they are not as they were read. */
    changePools: (account: string, before: PoolsRecord | undefined, pools: MadePool[]) => Promise<boolean>;
  };

/** Changes of an account's pools at once: each costs the others one more try. */
const TRIES = 5;

/** The pools that an account's mail may name: a subuser's are its parent's. */
export async function readPools(account: string, deps: PoolReadDeps): Promise<Pools> {
  const own = await deps.readAccount(account);
  return poolsOf(deps.sourceIps, await deps.readPools(own?.parent ?? account));
}

const named = (name: string | undefined, { all }: Pools) => all.find((one) => one.name === name);
const withId = (id: string | undefined, { all }: Pools) => all.find((one) => one.id === id);

/** What is not there, in the words that SendGrid has for it at each place. */
const missing = (field: string | null, message: string): Answer => refused(field, message, 404);
const UNLOCATED = 'Unable to locate specified IPs Pool';
const NO_SUCH_ID = missing('poolid', 'not found');
const bad = (error: ApiError): Answer => ({ status: 400, errors: [error] });

/** How a change of a pool of the settings is refused. @param setting that does it */
export const deployed = (setting: string): string =>
  `in the stack's settings, and changes with a deployment: ${setting} in pennypost.config.ts`;
const refusePool = ({ name }: Pool): Answer => refused(null, `The pool "${name}" is ${deployed('pools')}`);
const refuseAddress = ({ name }: Pool): Answer =>
  refused(
    null,
    `Which addresses the pool "${name}" has is ${deployed('pools[].sourceIps')}. A pool of your own can have any.`,
  );

// reading -------------------------------------------------------------------------------------------------------------

const list = async ({ account }: Call, deps: PoolRouteDeps): Promise<Answer> => {
  const names = new Set((await readPools(account, deps)).all.map(({ name }) => name));
  return { status: 200, body: [...names].map((name) => ({ name })) };
};

async function get({ account, params }: Call, deps: PoolRouteDeps): Promise<Answer> {
  const pools = await readPools(account, deps);
  const pool = named(params.pool_name, pools);
  return pool ? { status: 200, body: { pool_name: pool.name, ips: ipsOf(pool, pools) } } : missing('error', UNLOCATED);
}

async function listSend(call: Call, deps: PoolRouteDeps): Promise<Answer> {
  const { ip } = call.query;
  const pools = await readPools(call.account, deps);
  const wanted = pools.all.filter((one) => !ip || ipsOf(one, pools).includes(ip));
  return keyed(call, wanted, (pool) => showSendPool(pool, pools));
}

async function getSend({ account, params }: Call, deps: PoolRouteDeps): Promise<Answer> {
  const pools = await readPools(account, deps);
  const pool = withId(params.poolid, pools);
  return pool ? { status: 200, body: showSendPool(pool, pools) } : NO_SUCH_ID;
}

async function listSendIps(call: Call, deps: PoolRouteDeps): Promise<Answer> {
  const pools = await readPools(call.account, deps);
  const pool = withId(call.params.poolid, pools);
  if (!pool) return NO_SUCH_ID;
  const own = addressesOf(pools.sources.filter(({ name }) => pool.lanes.includes(name)));
  return keyed(call, own, (one) => ({ ip: one.ip, pools: showPoolNames(poolsWith(one, pools)) }));
}

// changing ------------------------------------------------------------------------------------------------------------

/** What becomes of a pool, and what is answered then; or an answer, and nothing changes. `pool` undefined: it goes. */
type Change = { id: string; pool: Pool | undefined; answer: (after: Pools) => Answer | Promise<Answer> };
type Changing = (call: Call, pools: Pools, deps: PoolRouteDeps) => Change | Answer;

/** Makes a change of what is read, again where somebody else has made one meanwhile. */
const changing = (make: Changing): Route['handle'] =>
  forParents(async (call: Call, deps: PoolRouteDeps): Promise<Answer> => {
    for (let tries = 1; tries <= TRIES; tries++) {
      const before = await deps.readPools(call.account);
      const pools = poolsOf(deps.sourceIps, before);
      const change = make(call, pools, deps);
      if (!('answer' in change)) return change;
      const made = replaced(pools, change.id, change.pool);
      if (await deps.changePools(call.account, before, made))
        return change.answer(poolsOf(deps.sourceIps, { ...before!, pools: made }));
    }
    const message = 'your pools are being changed by somebody else, and are as they were: send it again';
    return { status: 429, errors: [{ ...apiErrors.tooManyRequests, message }] };
  });

/** A pool of the account's own, by its name or its id; an answer where it is none. */
const ofAccount =
  (
    find: (call: Call, pools: Pools) => Pool | undefined,
    absent: Answer,
    refuse: (pool: Pool) => Answer,
    make: (pool: Pool, ...all: Parameters<Changing>) => Change | Answer,
  ): Changing =>
  (call, pools, deps) => {
    const pool = find(call, pools);
    if (!pool) return absent;
    return pool.isDeployed ? refuse(pool) : make(pool, call, pools, deps);
  };
const byName = ({ params }: Call, pools: Pools) => named(params.pool_name, pools);
const byId = ({ params }: Call, pools: Pools) => withId(params.poolid, pools);

/** @param readsIps whether the body says what is in it, too */
const creating =
  (readsIps: boolean, show: (pool: Pool, after: Pools) => Answer): Changing =>
  ({ body }, pools, { randomBytes }) => {
    const name = readName(body, pools);
    if (!name.ok) return bad(name.error);
    const ips = readsIps ? readIps(body, []) : { ok: true as const, value: [] };
    if (!ips.ok) return bad(ips.error);
    const lanes = lanesOfIps(ips.value, pools);
    if (!lanes.ok) return bad(lanes.error);
    const made = makePool(name.value, lanes.value, pools, () => randomBytes(4).readUInt32BE(0));
    if (!made.ok) return bad(made.error);
    const pool = made.value;
    return { id: pool.id, pool, answer: (after) => show(pool, after) };
  };

const renaming =
  (show: (pool: Pool) => Answer) =>
  (pool: Pool, { body }: Call, pools: Pools): Change | Answer => {
    const name = readName(body, pools, pool);
    if (!name.ok) return bad(name.error);
    const renamed = { ...pool, name: name.value };
    return { id: pool.id, pool: renamed, answer: () => show(renamed) };
  };

const remove = ({ id }: Pool): Change => ({ id, pool: undefined, answer: () => ({ status: 204 }) });

/** One address, by `/v3/ips/pools`. */
function addOne(pool: Pool, { body }: Call, pools: Pools, deps: PoolRouteDeps): Change | Answer {
  const ip = (body as { ip?: unknown } | null | undefined)?.ip;
  if (typeof ip !== 'string') return refused('ip', 'ip is required: an IP address of the stack');
  const one = addressesOf(pools.sources).find((source) => source.ip === ip);
  if (!one) return missing(null, 'resource not found');
  const answer = async (after: Pools): Promise<Answer> => {
    const [shown] = addressesOf(withStarts([one], await deps.readWarmUps()));
    return { status: 201, body: showAssigned(shown!, after, deps.now()) };
  };
  return { id: pool.id, pool: withLanes(pool, [one.name], pools), answer };
}

function removeOne(pool: Pool, { params }: Call, pools: Pools): Change | Answer {
  const less = withoutIps(pool, [params.ip!], pools);
  if (!less.ok) return { status: 404, body: { error: `the IP is ${less.error.message}` } };
  return { id: pool.id, pool: less.value, answer: () => ({ status: 204 }) };
}

function addMany(pool: Pool, { body }: Call, pools: Pools): Change | Answer {
  const ips = readIps(body);
  if (!ips.ok) return bad(ips.error);
  const lanes = lanesOfIps(ips.value, pools);
  if (!lanes.ok) return bad(lanes.error);
  const more = withLanes(pool, lanes.value, pools);
  const { id, name } = more;
  return { id, pool: more, answer: (after) => ({ status: 200, body: { name, id, ips: ipsOf(more, after) } }) };
}

function removeMany(pool: Pool, { body }: Call, pools: Pools): Change | Answer {
  const ips = readIps(body);
  if (!ips.ok) return bad(ips.error);
  const less = withoutIps(pool, ips.value, pools);
  if (!less.ok) return bad(less.error);
  return { id: pool.id, pool: less.value, answer: () => ({ status: 204 }) };
}

// routes --------------------------------------------------------------------------------------------------------------

const showName = ({ name }: Pool): Answer => ({ status: 200, body: { name } });
/** SendGrid's document has this one word where other routes have a list of errors. */
const NOT_THERE: Answer = { status: 404, body: { error: UNLOCATED } };
const NOT_FOUND = missing(null, 'resource not found');
const NO_POOL = missing(null, 'ip pool not found');

const ofName = (absent: Answer, refuse: typeof refusePool, make: Parameters<typeof ofAccount>[3]) =>
  changing(ofAccount(byName, absent, refuse, make));
const ofId = (refuse: typeof refusePool, make: Parameters<typeof ofAccount>[3]) =>
  changing(ofAccount(byId, NO_SUCH_ID, refuse, make));

const POOLS = '/v3/ips/pools';
const ONE = `${POOLS}/{pool_name}`;
const SEND = '/v3/send_ips/pools';
const SEND_ONE = `${SEND}/{poolid}`;

/** They stand before `/v3/ips/{ip_address}`. */
export const POOL_ROUTES: readonly Route[] = (
  [
    ['GET', POOLS, 'ips.pools.read', list],
    ['POST', POOLS, 'ips.pools.create', changing(creating(false, showName))],
    ['GET', ONE, 'ips.pools.read', get],
    ['PUT', ONE, 'ips.pools.update', ofName(NO_POOL, refusePool, renaming(showName))],
    ['DELETE', ONE, 'ips.pools.delete', ofName(NOT_THERE, refusePool, remove)],
    ['POST', `${ONE}/ips`, 'ips.pools.ips.create', ofName(NOT_FOUND, refuseAddress, addOne)],
    ['DELETE', `${ONE}/ips/{ip}`, 'ips.pools.ips.delete', ofName(NOT_THERE, refuseAddress, removeOne)],
    ['GET', SEND, 'ips.pools.read', listSend],
    [
      'POST',
      SEND,
      'ips.pools.create',
      changing(
        creating(true, (pool, after) => ({
          status: 201,
          body: { name: pool.name, id: pool.id, ips: ipsOf(pool, after) },
        })),
      ),
    ],
    ['GET', SEND_ONE, 'ips.pools.read', getSend],
    [
      'PUT',
      SEND_ONE,
      'ips.pools.update',
      ofId(
        refusePool,
        renaming(({ name, id }) => ({ status: 200, body: { name, id } })),
      ),
    ],
    ['DELETE', SEND_ONE, 'ips.pools.delete', ofId(refusePool, remove)],
    ['GET', `${SEND_ONE}/ips`, 'ips.pools.ips.read', listSendIps],
    ['POST', `${SEND_ONE}/ips:batchAdd`, 'ips.pools.ips.create', ofId(refuseAddress, addMany)],
    ['POST', `${SEND_ONE}/ips:batchDelete`, 'ips.pools.ips.delete', ofId(refuseAddress, removeMany)],
  ] as const satisfies readonly (readonly [Method, string, string, Route['handle']])[]
).map(([method, path, scope, handle]) => ({ method, path, scope, nullFields: true, handle }));
