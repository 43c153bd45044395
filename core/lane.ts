/** Which lane a job takes: a weighted choice that is the same whenever the same job is made again. */
import { createHash } from 'node:crypto';

export type WeightedLane = { name: string; pool: string; weight: number };

/** The pool of a request that names none. */
export const DEFAULT_POOL = 'default';

/**
 * @param poolName `ip_pool_name`; absent: the pool called `default`, or the first
 * @throws Error when the pool has no lane that takes mail: accept refuses such a name before
 */
export function chooseLane<L extends WeightedLane>(
  lanes: readonly L[],
  poolName: string | undefined,
  jobId: string,
): L {
  const wanted = poolName ?? (lanes.some(({ pool }) => pool === DEFAULT_POOL) ? DEFAULT_POOL : lanes[0]?.pool);
  // Weight 0 is a lane that is being emptied.
  const inPool = lanes.filter(({ pool, weight }) => pool === wanted && weight > 0);
  if (inPool.length === 0) throw new Error(`no lane in pool ${wanted}`);
  const total = inPool.reduce((sum, { weight }) => sum + weight, 0);
  let left = (createHash('sha256').update(jobId).digest().readUInt32BE(0) / 2 ** 32) * total;
  for (const lane of inPool) {
    left -= lane.weight;
    if (left < 0) return lane;
  }
  return inPool.at(-1)!;
}
