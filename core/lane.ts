/** Which lane a job takes: a weighted choice that is the same whenever the same job is made again. */
import { createHash } from 'node:crypto';

export type WeightedLane = { name: string; pool: string; weight: number };

/** The pool of a request that names none. */
export const DEFAULT_POOL = 'default';

/**
 * @param poolName `ip_pool_name`; absent: the pool called `default`, or the first
 * @param assigned names of the lanes that the account may take: in the pool, where one of them is there; absent: all. Where none of them
 *   takes mail any more, its mail goes out all the same.
 * @throws Error when the pool has no lane that takes mail: accept refuses such a name before
 */
export function chooseLane<L extends WeightedLane>(
  lanes: readonly L[],
  poolName: string | undefined,
  jobId: string,
  assigned: readonly string[] = [],
): L {
  const own = lanes.filter(({ name, weight }) => assigned.includes(name) && weight > 0);
  const ownInPool = own.filter(({ pool }) => pool === poolName);
  if (own.length > 0) return chooseWeighted(ownInPool.length > 0 ? ownInPool : own, jobId);
  const wanted = poolName ?? (lanes.some(({ pool }) => pool === DEFAULT_POOL) ? DEFAULT_POOL : lanes[0]?.pool);
  // Weight 0 is a lane that is being emptied.
  const inPool = lanes.filter(({ pool, weight }) => pool === wanted && weight > 0);
  if (inPool.length === 0) throw new Error(`no lane in pool ${wanted}`);
  return chooseWeighted(inPool, jobId);
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
