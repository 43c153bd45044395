/**
 * The sites of a run, and how many sessions each has. What may be open at once is said by the site's scope: the site
 * itself, or its provider where that counts all its sites together. Half of every limit is this environment's; a limit of
 * one is a lease. What a site can't take now reserves its turn and waits in the holds until then, once.
 */

import { createFairQueue, type FairQueue } from '../../core/fair-queue.ts';
import { isBulk, messageGroup } from '../../core/job.ts';
import type { Copy } from '../../core/mail.ts';
import type { Failure } from '../../core/outcome.ts';
import { shareOf } from '../../core/shaping/allowance.ts';
import type { SiteLimits } from '../../core/shaping/rule.ts';
import { scopeOf as nameScope } from '../../core/shaping/scope.ts';
import { COPIES_PER_SESSION, ENVIRONMENTS_PER_LANE } from '../../core/smtp/limits.ts';
import type { TlsPolicy } from '../../core/tls.ts';
import type { Route } from '../../io/mx.ts';
import type { ViaRoute } from '../../io/via.ts';
import type { Run } from './deliver.ts';
import { governorOf } from './governor.ts';
import { serveSite } from './sessions.ts';
import { fail, postpone } from './settle.ts';
import type { Task } from './take.ts';

/**
 * One copy on its way. `retried`: its session was found dead before it could be named; it has one more try. `governed`: a
 * quota of its own throttles it, and lets it go now. `route`: its own domain's.
 */
export type Item = {
  task: Task;
  copy: Copy;
  route?: SiteRoute;
  retried?: true;
  governed?: true;
  /** Its turn is now, by the cut of that time. */
  turnUnder?: number;
  /** Accounted for: nothing is done with it any more. */
  closed?: true;
};
export type SiteRoute = Extract<Route, { kind: 'site' }> | ViaRoute;

/** What limits are counted by, and what its sites have in common. */
export type Scope = {
  name: string;
  limits: SiteLimits;
  sites: Set<Site>;
  /** Sessions that are open or being opened. */
  workers: number;
  /** Messages accepted since the limit was last changed. */
  successes: number;
  /** Messages that were answered in this run. */
  answered: number;
  /** Milliseconds of the run before which no message is begun, where a rate is kept. */
  nextAt: number;
  lease?: 'asked' | 'taken' | 'refused';
  /** Milliseconds of the run since which the lease was refused, again and again. */
  refusedSince?: number;
  /** The cut under which what waits here has its turns; another one gives them anew. */
  turnsUnder?: number;
  /** The same as `successes`, of its governed keys. */
  successesOf: Map<string, number>;
};

/** A site, and what its sessions know together. */
export type Site = {
  name: string;
  provider: string;
  hosts: string[];
  route: SiteRoute;
  /** What its sessions must have; whose word that is. */
  tls: TlsPolicy;
  scope: Scope;
  queue: FairQueue<Item>;
  workers: number;
  /** Those of them that have their place among all sessions of the run. */
  active: number;
  /** Whether a session was begun in this run. */
  begun: boolean;
  /** Milliseconds that sessions of it took so far, all together, up to that moment of the run. */
  spent: number;
  spentAt: number;
  /** Messages that had their answer, or never will. */
  sent: number;
  opening: number;
  live: number;
  /** Sessions that the host let us have, once it refused one more. */
  most: number;
  /** Sessions in a row that broke without an answer to any message. */
  barren: number;
  /** Addresses that could not be greeted: why, and at what millisecond of the run. */
  down: Map<string, { failure: Failure; at: number }>;
};

export type Sites = {
  /** Gives copies to their site. */
  add: (route: SiteRoute, items: Item[]) => Promise<void>;
  all: () => Iterable<Site>;
  /** Looks again at a scope whose limits have changed, or that has a place free. */
  staff: (scope: Scope) => void;
  /** The same for all: others may have changed their limits. */
  staffAll: () => void;
  /** Waits until every session has said QUIT, and gives leases back. */
  close: () => Promise<void>;
};

/** Milliseconds of a turn that is close enough to be taken at once. */
const SOON = 1_000;
const MINUTE = 60_000;
/** Messages that one connection takes in a minute, until it is known better. */
const PER_CONNECTION = 60;
/** Milliseconds within which a site is to take what waits for it in memory; the rest has a turn later. */
export const HORIZON = 20_000;
/** How much more room there is for what had its turn. */
const RESERVED_ROOM = 2;
/** Copies that may wait at any site: turns cost more than a few of them do. */
const FEWEST_WAITING = 50;
/** Copies that may wait where it is not known yet how fast they will go. */
const UNTRIED_WAITING = 500;
/** Messages a minute from which a rate is kept by a moment between messages; a slower one by turns. */
export const PACED = 120;
/** Milliseconds until a lease that another environment has is asked for again, and for how long. */
const LEASE_RETRY = 1_000;
const LEASE_PATIENCE = 10_000;
/** Turns are given at twice the pace: a place that stays empty is lost, and one that comes too early waits a little. */
const EARLY = 2;
/** Answers after which a scope's own pace is better than that guess. */
const KNOWN_PACE = 5;

export function openSites(base: Omit<Run, 'sites'>): Sites {
  const sites = new Map<string, Site>();
  const scopes = new Map<string, Scope>();
  const { deps } = base;

  const siteOf = (route: SiteRoute, task: Task): Site => {
    const tls = tlsOf(route, task, deps.shaping.limitsOf(route.provider));
    // A policy may forbid hosts that another domain with the same MX set allows.
    const key = `${route.site} ${tls} ${'sts' in route ? [...route.hosts].sort().join() : ''}`;
    let site = sites.get(key);
    if (!site) {
      const scope = scopeOf(route);
      const counts = {
        workers: 0,
        active: 0,
        spent: 0,
        spentAt: 0,
        sent: 0,
        opening: 0,
        live: 0,
        barren: 0,
        most: Number.POSITIVE_INFINITY,
        begun: false,
      };
      const { site: name, provider, hosts } = route;
      site = { name, provider, hosts, route, tls, scope, queue: createFairQueue(), ...counts, down: new Map() };
      sites.set(key, site);
      scope.sites.add(site);
    }
    return site;
  };
  const scopeOf = ({ site, provider }: SiteRoute): Scope => {
    const limits = deps.shaping.limitsOf(provider);
    const name = nameScope({ name: site, provider }, limits.sharedBy);
    let scope = scopes.get(name);
    if (!scope) {
      scope = {
        name,
        limits,
        sites: new Set(),
        workers: 0,
        successes: 0,
        answered: 0,
        nextAt: 0,
        successesOf: new Map(),
      };
      scopes.set(name, scope);
    }
    return scope;
  };
  const add: Sites['add'] = async (route, items) => {
    for (const item of items) item.route = route;
    for (const [task, ofTask] of Map.groupBy(items, (item) => item.task)) {
      const site = siteOf(route, task);
      await guard(admit(site, ofTask, run), ofTask);
      staff(site.scope);
    }
  };
  /** A mistake of ours must not leave copies that nobody accounts for. */
  const guard = (work: Promise<unknown>, items: Item[]): Promise<void> =>
    work.then(
      () => {},
      (error: Error) => {
        for (const item of items) fail(item, error.message, run);
      },
    );

  /** Opens as many sessions as the scope may have and its queues are worth; empties them where it may have none. */
  const staff = (scope: Scope): void => {
    const { connections, perMinute } = deps.allowances.allowed(scope.name, scope.limits);
    if (connections === 0 || (isEmpty(scope) && scope.workers === 0)) {
      endLease(scope);
      if (!isEmpty(scope)) putOffScope(scope);
      return;
    }
    if (perMinute !== undefined && perMinute < PACED) giveTurns(scope);
    const share = shareOf(connections, ENVIRONMENTS_PER_LANE);
    if (share === 0 && !hasLease(scope)) return;
    for (let hired = true; hired; ) {
      hired = false;
      // The site that was looked at first goes to the end: sites of one provider take turns.
      for (const site of [...scope.sites]) {
        const wanted = Math.min(site.most, Math.ceil(site.queue.size / COPIES_PER_SESSION));
        if (scope.workers >= Math.max(1, share) || site.workers >= wanted) continue;
        scope.sites.delete(site);
        scope.sites.add(site);
        hired = true;
        employ(site);
      }
    }
  };
  const drain = (scope: Scope): Item[] => [...scope.sites].flatMap(({ queue }) => queue.drain());
  const putOffScope = (scope: Scope): void => {
    const items = drain(scope);
    void guard(putOffAll(scope, items, run), items);
  };
  /** A rate that is slow by now holds for what waits here too: each copy gets its turn under it, once. */
  const giveTurns = (scope: Scope): void => {
    const under = deps.allowances.of(scope.name)?.cutAt ?? 0;
    if (scope.turnsUnder === under) return;
    scope.turnsUnder = under;
    for (const site of scope.sites) {
      const items = site.queue.drain();
      if (items.length > 0) void guard(admit(site, items, run), items).then(() => staff(scope));
    }
  };
  const employed = new Set<Promise<void>>();
  const employ = (site: Site): void => {
    const work = workAt(site).finally(() => employed.delete(work));
    employed.add(work);
  };
  const workAt = async (site: Site): Promise<void> => {
    site.workers++;
    site.scope.workers++;
    try {
      await serveSite(site, run);
    } catch (error) {
      // A mistake of ours must not leave copies that nobody accounts for.
      for (const item of site.queue.drain()) fail(item, (error as Error).message, run);
    } finally {
      site.workers--;
      site.scope.workers--;
      if (site.workers === 0) site.most = Number.POSITIVE_INFINITY;
    }
    staff(site.scope);
  };
  /**
   * Asks for the lease; staffs the scope when it is known. Whoever has it gives it back when it has nothing to send, so a
   * refusal is asked again; what it makes wait too long has its turn later.
   */
  const hasLease = (scope: Scope): boolean => {
    if (scope.lease === 'refused' && (!run.hasTime() || run.elapsed() - (scope.refusedSince ?? 0) > LEASE_PATIENCE)) {
      delete scope.lease;
      delete scope.refusedSince;
      putOffScope(scope);
      return false;
    }
    if (scope.lease || isEmpty(scope)) return scope.lease === 'taken';
    scope.lease = 'asked';
    void deps.allowances.lease(scope.name, deps.now() + deps.remainingMs()).then((taken) => {
      if (taken) {
        scope.lease = 'taken';
        delete scope.refusedSince;
        return staff(scope);
      }
      scope.lease = 'refused';
      scope.refusedSince ??= run.elapsed();
      setTimeout(() => {
        if (scope.lease === 'refused' && run.elapsed() - (scope.refusedSince ?? 0) <= LEASE_PATIENCE)
          delete scope.lease;
        staff(scope);
      }, LEASE_RETRY);
    });
    return false;
  };
  const endLease = (scope: Scope): void => {
    if (scope.lease !== 'taken') return;
    delete scope.lease;
    const ended = deps.allowances.endLease(scope.name).finally(() => employed.delete(ended));
    employed.add(ended);
  };
  const sitesOfRun: Sites = {
    add,
    all: () => sites.values(),
    staff,
    staffAll: () => {
      for (const scope of scopes.values()) staff(scope);
    },
    close: async () => {
      for (const scope of scopes.values()) if (scope.workers === 0) endLease(scope);
      while (employed.size > 0) await Promise.all(employed);
    },
  };
  const run: Run = Object.assign(base, { sites: sitesOfRun });
  return sitesOfRun;
}

function isEmpty(scope: Scope): boolean {
  for (const { queue } of scope.sites) if (queue.size > 0) return false;
  return true;
}

/** The strictest of what the account, the domain's policy and the provider ask for. */
function tlsOf(route: SiteRoute, { enforcedTls }: Task, { tls }: SiteLimits): TlsPolicy {
  const sts = 'sts' in route ? route.sts : undefined;
  if (enforcedTls?.requireValidCert || sts?.mode === 'enforce') return 'verified';
  return enforcedTls?.requireTls || tls === 'required' ? 'encrypted' : 'opportunistic';
}

export function push(site: Site, item: Item): void {
  const { job } = item.task;
  site.queue.push(job.account, groupOf(item), item);
}

export function pushBack(site: Site, item: Item): void {
  site.queue.unshift(item.task.job.account, groupOf(item), item);
}

function groupOf({ task: { job } }: Item): string {
  return messageGroup(job, job.copies.length) ?? 'single';
}

/** Gives copies their place in the site's queue; those that must wait longer a turn, held until then. */
async function admit(site: Site, items: Item[], run: Run): Promise<void> {
  const { scope } = site;
  const { allowances } = run.deps;
  const { connections, perMinute } = allowances.allowed(scope.name, scope.limits);
  if (connections === 0) {
    await putOffAll(scope, items, run);
    return;
  }
  let left = items;
  for (const [name, ofName] of Map.groupBy(items, (item) => governorOf(item, scope, run))) {
    if (name === undefined) continue;
    const { connections: few } = allowances.allowed(name, scope.limits);
    const waiting = ofName.filter((item) => few === 0 || !hasTurn(item, name, run));
    left = left.filter((item) => !waiting.includes(item));
    const now = await putOff(name, scope.limits, waiting, Math.max(1, few) * PER_CONNECTION, run);
    for (const item of ofName) item.governed = true;
    left.push(...now);
  }
  if (perMinute !== undefined && perMinute < PACED) {
    // Who has waited for his turn has it, but under another limit.
    const waiting = left.filter((item) => !hasTurn(item, scope.name, run));
    for (const item of left) if (!waiting.includes(item)) push(site, item);
    for (const item of await putOff(scope.name, scope.limits, waiting, perMinute, run)) push(site, item);
    return;
  }
  const room = roomOf(scope, left, run);
  for (const item of left.slice(0, room)) push(site, item);
  await putOffAll(scope, left.slice(room), run);
}

/** Puts off what this run does not get to: bulk until its turn. Single mail does not stand in that line: it tries again soon. */
export async function putOffAll(scope: Scope, items: Item[], run: Run): Promise<void> {
  const isLimited = (run.deps.allowances.of(scope.name)?.cutAt ?? 0) > 0;
  const turns = isLimited ? items : items.filter(isOfBulk);
  for (const item of items) if (!turns.includes(item)) postpone(item, undefined, run);
  await putOff(scope.name, scope.limits, turns, paceOf(scope, run), run, 'all');
}

const isOfBulk = ({ task }: Item): boolean => isBulk(task.job);

/** Whether a copy's turn was given under the limits that hold now. */
function hasTurn({ task, turnUnder = task.job.reserved }: Item, scope: string, { deps }: Run): boolean {
  return turnUnder === (deps.allowances.of(scope)?.cutAt ?? 0);
}

/**
 * Copies that a scope's queues take beyond those that wait there: as many as are sent within the horizon. What had its turn
 * reserved has some room more. Single mail has all it needs, since it takes turns with what waits there.
 */
function roomOf(scope: Scope, items: Item[], run: Run): number {
  if (!items.some(isOfBulk)) return items.length;
  let waiting = 0;
  for (const { queue } of scope.sites) waiting += queue.size;
  const pace = paceOf(scope, run) / ENVIRONMENTS_PER_LANE;
  const isKnown = run.deps.allowances.paces.has(scope.name);
  const room = isKnown ? Math.max(FEWEST_WAITING, Math.ceil((pace * HORIZON) / MINUTE)) : UNTRIED_WAITING;
  const hadTurn = items.some(({ task }) => task.job.reserved !== undefined);
  return Math.max(0, (hadTurn ? RESERVED_ROOM : 1) * room - waiting);
}

/** Reserves turns, one after the other. Returns those whose turn is now, but for `all`, which waits in any case. */
export async function putOff(
  scope: string,
  limits: SiteLimits,
  items: Item[],
  perMinute: number,
  run: Run,
  which: 'later' | 'all' = 'later',
): Promise<Item[]> {
  const { deps } = run;
  if (items.length === 0) return [];
  const turns = await deps.allowances.reserve(scope, limits, items.length, perMinute);
  const under = deps.allowances.of(scope)?.cutAt ?? 0;
  const now: Item[] = [];
  let next = 0;
  for (const { from, copies } of turns) {
    const isNow = which === 'later' && from <= deps.now() + SOON && run.hasTime();
    for (const item of items.slice(next, next + copies)) {
      if (isNow) {
        item.turnUnder = under;
        now.push(item);
      } else postpone(item, { due: from, under }, run);
    }
    next += copies;
  }
  return now;
}

/** Messages a minute that a scope takes: measured, or guessed between what it is and what it was; never more than told. */
export function paceOf(scope: Scope, run: Run): number {
  const known = run.deps.allowances.of(scope.name);
  const told = known?.perMinute ?? scope.limits.perMinute ?? Number.POSITIVE_INFINITY;
  const { answered, limits, sites } = scope;
  const connections = known?.connections ?? limits.connections;
  const { paces } = run.deps.allowances;
  if (answered >= KNOWN_PACE) {
    let spent = 1;
    for (const site of sites) spent += spentBy(site, run);
    paces.set(scope.name, (MINUTE * answered) / spent);
  }
  const pace = paces.get(scope.name);
  if (pace !== undefined) return Math.min(told, Math.max(1, EARLY * connections * pace));
  return Math.min(told, (PER_CONNECTION * (connections + limits.connections)) / 2);
}

/** Milliseconds that sessions of a site have taken until now, all together. */
export function spentBy(site: Site, { elapsed }: Run): number {
  const now = elapsed();
  site.spent += site.active * (now - site.spentAt);
  site.spentAt = now;
  return site.spent;
}
