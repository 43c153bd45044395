/**
 * The pool that a request names. Those of the settings are known; one that is not is looked up among the pools that the account, or its
 * parent, made over the API. It says which lanes the mail may take, and leaves it to the reader of the request to refuse a name.
 */
import { lanesOfPool, type WeightedLane } from '../core/lane.ts';
import type { MailSendContext } from '../core/mail-send/index.ts';
import type { MadePool } from '../core/records/pools.ts';

export type PoolDeps = {
  /** A pool that an account made over the API, as it was a minute ago or later; undefined: it has none of that name. */
  readPool: (account: string, name: string) => Promise<MadePool | undefined>;
};

/** Whose mail it is. */
type Sender = { account: string; parent?: string | undefined; lanes?: readonly string[] | undefined };

export type NamedPool = {
  context: Pick<MailSendContext, 'pools' | 'emptyPools'>;
  /** The lanes that it may take; absent: all. */
  lanes?: readonly string[] | undefined;
  /** Of a pool made over the API that it goes out by. */
  poolId?: string | undefined;
};

/** @param name undefined: it names none that could be one */
export async function readNamedPool(
  name: string | undefined,
  { account, parent, lanes }: Sender,
  deps: PoolDeps & { lanes: readonly WeightedLane[] },
): Promise<NamedPool> {
  const pools = new Set(deps.lanes.map(({ pool }) => pool));
  const made = name === undefined || pools.has(name) ? undefined : await deps.readPool(parent ?? account, name);
  if (!made) return { context: { pools }, lanes };
  const taken = lanesOfPool(made, deps.lanes, lanes);
  if (!taken) return { context: { pools, emptyPools: new Set([made.name]) }, lanes };
  return { context: { pools: pools.add(made.name) }, ...taken };
}
