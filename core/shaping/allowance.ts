/**
 * What one source IP may do at one site at present: limits that fall when a provider complains, and grow back.
 *
 * Its promise is that everything ends. A pause, a hold and a turn have their time, and from there on each full window of
 * successes raises the limits one step, at most one a minute, until they are the provider's again and the item is removed.
 * A complaint never raises anything. What many sessions are told at once counts once: replies to what was begun before the
 * last cut (its epoch), or without knowing of it, say nothing new.
 *
 * Limits are for both environments of a source IP together. Each holds its share (`shareOf`); where that is none, one of them
 * has a lease (io/sites.ts) and with it the whole.
 */
import { ENVIRONMENTS_PER_LANE, WAITS_LIFE } from '../smtp/limits.ts';
import type { Act, SiteLimits } from './rule.ts';

/** Kept in the sites table only while it differs from the provider's limits. All times in milliseconds since the epoch. */
export type Allowance = {
  /** Connections at once, both environments together. */
  connections: number;
  /** Messages a minute; absent: as the provider's limits say. */
  perMinute?: number;
  /** The epoch: replies to what was begun before this say nothing new. 0: nobody has complained. */
  cutAt: number;
  /** When a limit was last raised (or cut; after a pause, its end). */
  grownAt: number;
  /** Limits are not raised before this. */
  heldUntil?: number;
  /** Nothing is begun before this. */
  pausedUntil?: number;
  /** The next turn that is free: what the site cannot take now waits until its own. */
  nextFree?: number;
  /** The rule and the reply (at most 200 characters) that cut it last. */
  rule: string;
  reply: string;
};

/**
 * What may be done now. `connections` 0: paused, until `pausedUntil`. `nextFree` (only while it lies ahead): others wait for
 * their turn, so what has none yet reserves one too.
 */
export type Allowed = { connections: number; perMinute?: number; pausedUntil?: number; nextFree?: number };

/** A complaint, as a session heard it. Milliseconds since the epoch. */
export type Complaint = {
  /** When the message or connection was begun that got the reply. */
  begunAt: number;
  /** The `cutAt` that this environment knew at that time (0: none); absent: it knows all cuts. */
  knownCutAt?: number;
  now: number;
  rule: string;
  reply: string;
};

const MINUTE = 60_000;
/** Google's procedure (support.google.com/a/answer/81126): nothing for ten minutes, then one connection. */
const RECOVERY = 10 * MINUTE;
/** The farthest that a turn is given out: what must wait longer asks again then. */
const FARTHEST_TURN = 12 * 60 * MINUTE;
/** A connection does about a message a second; a rate above that, over all of them, limits nothing. */
const CONNECTION_PER_MINUTE = 60;
const REPLY_KEPT = 200;

/** What one environment may open of a limit, rounded down. 0: it needs a lease, and then it has the whole. */
export function shareOf(connections: number, environments: number): number {
  return environments > 1 ? Math.floor(connections / environments) : connections;
}

export function allow(limits: SiteLimits, allowance: Allowance | undefined, now: number): Allowed {
  const { perMinute = limits.perMinute, pausedUntil = 0, nextFree = 0 } = allowance ?? {};
  const paused = pausedUntil > now;
  return {
    connections: paused ? 0 : between(1, allowance?.connections ?? ceilingOf(limits), ceilingOf(limits)),
    ...(perMinute === undefined ? {} : { perMinute: Math.min(perMinute, limits.perMinute ?? perMinute) }),
    ...(paused ? { pausedUntil } : {}),
    ...(nextFree > now ? { nextFree } : {}),
  };
}

/**
 * A complaint. The same object back: nothing new. Limits fall to the floor at most, but Google's recovery begins with one
 * connection whatever the floor. The result differs from the provider's limits for longer than a run lasts, so that
 * late replies find the epoch they belong to.
 */
export function cut(
  allowance: Allowance | undefined,
  limits: SiteLimits,
  act: Act,
  { begunAt, knownCutAt, now, rule, reply }: Complaint,
): Allowance | undefined {
  if (act.do === 'reconnect') return allowance;
  if (allowance && (begunAt <= allowance.cutAt || (knownCutAt ?? allowance.cutAt) < allowance.cutAt)) return allowance;
  const before = allowance ?? untouched(limits);
  const after: Allowance = {
    ...before,
    connections: between(1, before.connections, ceilingOf(limits)),
    cutAt: Math.max(before.cutAt, begunAt, now),
    grownAt: Math.max(before.grownAt, now),
    rule,
    reply: reply.slice(0, REPLY_KEPT),
  };
  const rate = before.perMinute ?? limits.perMinute;
  switch (act.do) {
    case 'halve':
      lower(after, limits, Math.floor(after.connections / 2), rate === undefined ? undefined : Math.floor(rate / 2));
      break;
    case 'limit':
      lower(after, limits, act.connections, act.perMinute);
      after.heldUntil = Math.max(before.heldUntil ?? 0, now + act.minutes * MINUTE);
      break;
    case 'pause':
      lower(after, limits, 1);
      pause(after, now + act.minutes * MINUTE);
      break;
    case 'recover':
      after.connections = 1;
      pause(after, now + RECOVERY);
      break;
  }
  return after;
}

/**
 * @param successes in a row since the last change, of one environment: a full window (its share of the connections) adds one
 *   connection and a quarter of the rate, at most once a minute, not while it is paused or held. A rate that the provider's
 *   limits do not have is dropped once it is more than that many connections can do.
 * @returns undefined: nothing grows now
 */
export function grow(allowance: Allowance, limits: SiteLimits, successes: number, now: number): Allowance | undefined {
  const { connections, perMinute, grownAt, heldUntil, pausedUntil, ...rest } = allowance;
  if (successes < Math.max(1, shareOf(connections, ENVIRONMENTS_PER_LANE))) return undefined;
  if (now - grownAt < MINUTE || now < Math.max(heldUntil ?? 0, pausedUntil ?? 0)) return undefined;
  const ceiling = ceilingOf(limits);
  const more = between(1, connections + 1, ceiling);
  const faster = perMinute === undefined ? undefined : Math.max(perMinute + 1, Math.floor(perMinute * 1.25));
  const most = limits.perMinute ?? ceiling * CONNECTION_PER_MINUTE;
  if (more === connections && perMinute === undefined) return undefined;
  return {
    ...rest,
    connections: more,
    ...(faster === undefined || faster >= most ? {} : { perMinute: faster }),
    grownAt: now,
  };
}

/** Back to the provider's limits, no pause and no turn ahead, and the epoch older than any run: the item may be removed. */
export function isOver(
  { connections, perMinute, pausedUntil, nextFree, cutAt }: Allowance,
  limits: SiteLimits,
  now: number,
): boolean {
  if (Math.max(pausedUntil ?? 0, nextFree ?? 0, cutAt + WAITS_LIFE) > now) return false;
  const rate = limits.perMinute ?? ceilingOf(limits) * CONNECTION_PER_MINUTE;
  return connections >= ceilingOf(limits) && (perMinute === undefined || perMinute >= rate);
}

/** After successes: what `changeAllowance` is to write. undefined: nothing. */
export function growOrRemove(
  known: Allowance | undefined,
  limits: SiteLimits,
  successes: number,
  now: number,
): Allowance | undefined | 'remove' {
  if (!known) return undefined;
  const grown = grow(known, limits, successes, now);
  return isOver(grown ?? known, limits, now) ? 'remove' : grown;
}

/**
 * The next turn of the site, for copies that it can't take now, at `perMinute` (what it takes, measured or told; its own limit
 * if that is less). Others' turns begin after these copies have had their time.
 *
 * @returns `from`: when the turn begins, at most 12 hours ahead (what must wait longer asks again then); `turns`: the same
 *   copies cut into turns of at most a minute's worth, the first at `from`, for jobs that are better held in parts
 */
export function reserve(
  allowance: Allowance | undefined,
  limits: SiteLimits,
  copies: number,
  perMinute: number,
  now: number,
): { allowance: Allowance; from: number; turns: { from: number; copies: number }[] } {
  const before = allowance ?? { ...untouched(limits), grownAt: now };
  const told = Math.min(before.perMinute ?? Infinity, limits.perMinute ?? Infinity);
  const rate = Math.min(perMinute > 0 ? perMinute : 1, told > 0 ? told : 1);
  const farthest = now + FARTHEST_TURN;
  const from = Math.min(farthest, Math.max(now, before.pausedUntil ?? 0, before.nextFree ?? 0));
  const turns: { from: number; copies: number }[] = [];
  let nextFree = from;
  for (let left = copies; left > 0; ) {
    // Beyond the farthest turn there is only one.
    const taken = nextFree >= farthest ? left : Math.min(left, Math.max(1, Math.floor(rate)));
    turns.push({ from: nextFree, copies: taken });
    nextFree = Math.min(farthest, nextFree + Math.ceil((taken / rate) * MINUTE));
    left -= taken;
  }
  return { allowance: { ...before, nextFree }, from, turns };
}

const untouched = (limits: SiteLimits): Allowance => ({
  connections: ceilingOf(limits),
  cutAt: 0,
  grownAt: 0,
  rule: '',
  reply: '',
});

const ceilingOf = ({ connections }: SiteLimits) => Math.max(1, connections);

/** Never up, and never below the floor; a rate is at least one a minute. */
function lower(allowance: Allowance, limits: SiteLimits, connections = Infinity, perMinute?: number): void {
  const floor = between(1, limits.floor, ceilingOf(limits));
  allowance.connections = Math.min(allowance.connections, Math.max(floor, connections));
  if (perMinute === undefined) return;
  const rate = allowance.perMinute ?? limits.perMinute ?? Infinity;
  allowance.perMinute = Math.min(rate, Math.max(1, perMinute));
}

/** The minute before the first growth begins with the end of the pause: one step at a time from there. */
function pause(allowance: Allowance, until: number): void {
  allowance.pausedUntil = Math.max(allowance.pausedUntil ?? 0, until);
  allowance.grownAt = Math.max(allowance.grownAt, allowance.pausedUntil);
}

function between(least: number, value: number, most: number): number {
  return Math.max(least, Math.min(value, most));
}
