/**
 * Pools that an account made over the API (SendGrid: `/v3/ips/pools`), beside those of the stack's settings: all of them in one item of the
 * accounts table, which is at most MOST_POOLS pools of the few lanes that a stack can have. A pool holds lanes, not addresses: what mail takes is a lane.
 */

/** Of an account, those of the settings included (SendGrid). */
export const MOST_POOLS = 100;

export type MadePool = {
  /** A number from 1 to 2^31 - 1, as text. It stays when the pool gets another name. */
  id: string;
  /** What mail calls it. */
  name: string;
  /** Names of lanes. One that is no longer deployed takes no mail. */
  lanes: string[];
};

export type PoolsRecord = {
  pk: string;
  sk: 'pools';
  /** Another at each write: a write names the one it read. */
  version: number;
  /** The first that was made first. */
  pools: MadePool[];
};

export const poolsKey = (account: string) => ({ pk: account, sk: 'pools' as const });
