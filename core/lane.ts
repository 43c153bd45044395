/**
 * Which lane a job takes: a weighted choice that is the same whenever the same job is made again. A pool is the lanes that were deployed
 * with its name, or those that an account put into one over the API. It promises that mail which was accepted always finds a lane.
 */
import { createHash } from 'node:crypto';
import type { Content } from './mail.ts';
import type { MadePool } from './records/pools.ts';

export type WeightedLane = { name: string; pool: string; weight: number };

/** The pool of a request that names none. */
export const DEFAULT_POOL = 'default';

/**
 * @param poolName `ip_pool_name`; absent, or of a pool that has no lane any more: the pool called `default`, or the first
 * @param only names of the lanes that the mail may take: in the pool, where one of them is there; absent: all. Where none of them
 *   takes mail any more, its mail goes out all the same.
 * @throws Error when no lane at all takes mail: settings do not say that
 */
export function chooseLane<L extends WeightedLane>(
  lanes: readonly L[],
  poolName: string | undefined,
  jobId: string,
  only: readonly string[] = [],
): L {
  // Weight 0 is a lane that is being emptied.
  const taking = lanes.filter(({ weight }) => weight > 0);
  const own = taking.filter(({ name }) => only.includes(name));
  const inPool = (from: readonly L[], name: string | undefined) => from.filter(({ pool }) => pool === name);
  const choices = [
    inPool(own, poolName),
    own,
    inPool(taking, poolName),
    inPool(taking, DEFAULT_POOL),
    inPool(taking, taking[0]?.pool),
  ];
  const chosen = choices.find((some) => some.length > 0);
  if (!chosen) throw new Error('no lane takes mail');
  return chooseWeighted(chosen, jobId);
}

function chooseWeighted<L extends WeightedLane>(lanes: readonly L[], jobId: string): L {
  const total = lanes.reduce((sum, { weight }) => sum + weight, 0);
  let left = (createHash('sha256').update(jobId).digest().readUInt32BE(0) / 2 ** 32) * total;
  for (const lane of lanes) {
    left -= lane.weight;
    if (left < 0) return lane;
  }
  return lanes.at(-1)!;
}

/**
 * The lanes that mail may take which names a pool made over the API. Undefined: none of the pool's takes mail.
 * @param assigned the lanes that the account may take, where it is a subuser with addresses of its own: those of them in the pool; where
 *   none is, its mail keeps to its own as it does in any pool, and does not go out by this one (no `poolId`)
 */
export function lanesOfPool(
  { id, lanes: members }: MadePool,
  lanes: readonly WeightedLane[],
  assigned: readonly string[] = [],
): { lanes: string[]; poolId?: string } | undefined {
  const taking = lanes.filter(({ weight }) => weight > 0).map(({ name }) => name);
  const inPool = taking.filter((name) => members.includes(name));
  if (inPool.length === 0) return undefined;
  const own = taking.filter((name) => assigned.includes(name));
  const both = inPool.filter((name) => own.length === 0 || own.includes(name));
  return both.length > 0 ? { lanes: both, poolId: id } : { lanes: own };
}

/**
 * The pool that mail goes out by, as events, statistics and Feedback-ID name it: one made over the API where the mail is on a lane of it,
 * the lane's own everywhere else.
 */
export function poolOf(
  { ipPoolName, poolId, lanes = [] }: Pick<Content, 'ipPoolName' | 'poolId' | 'lanes'>,
  lane: { name: string; pool: string },
): { pool: string; poolId?: string } {
  const isInPool = ipPoolName !== undefined && poolId !== undefined && lanes.includes(lane.name);
  return isInPool ? { pool: ipPoolName, poolId } : { pool: lane.pool };
}
