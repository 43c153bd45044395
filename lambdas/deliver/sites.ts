/**
 * The sites of a run, and how many sessions each has. What may be open at once is said by the site's scope: the site
 * itself, or its provider where that counts all its sites together. Half of every limit is this environment's; a limit of
 * one is a lease. What a site can't take now reserves its turn and waits in the holds until then, once.
 */

import { createFairQueue, type FairQueue } from '../../core/fair-queue.ts';
import { messageGroup } from '../../core/job.ts';
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
import { isBulk } from './overflow.ts';
import { serveSite } from './sessions.ts';
import { fail, postpone } from './settle.ts';
import type { Task } from './take.ts';

/**
 * One copy on its way. `retried`: its session was found dead before it could be named; it has one more try. `governed`: a
 * quota of its own throttles it, and lets it go now. `route`: its own domain's.
 */
export type Item = { task: Task; copy: Copy; route?: SiteRoute; retried?: true; governed?: true };
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
  /** When sessions were opened in the last minute, milliseconds of the run. */
  opened: number[];
  /** Milliseconds of the run before which no message is begun, where a rate is kept. */
  nextAt: number;
  lease?: 'asked' | 'taken' | 'refused';
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
  down: Map<string, Failure>;
};

export type Sites = {
  /** Gives copies to their site. */
  add: (route: SiteRoute, items: Item[]) => Promise<void>;
  all: () => Iterable<Site>;
  /** Looks again at a scope whose limits have changed, or that has a place free. */
  staff: (scope: Scope) => void;
  /** Waits until every session has said QUIT, and gives leases back. */
  close: () => Promise<void>;
};

/** Milliseconds of a turn that is close enough to be taken at once. */
const SOON = 1_000;
const MINUTE = 60_000;
/** Messages that one connection takes in a minute, until it is known better. */
const PER_CONNECTION = 30;
/** Milliseconds within which a site is to take what waits for it in memory; the rest has a turn later. */
export const HORIZON = 20_000;
/** How much more room single mail has. */
const SINGLE_ROOM = 3;
/** Copies that may wait at any site: turns cost more than a few of them do. */
const FEWEST_WAITING = 50;
/** Copies that may wait where it is not known yet how fast they will go. */
const UNTRIED_WAITING = 500;
/** Messages a minute from which a rate is kept by a moment between messages; a slower one by turns. */
export const PACED = 120;
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
        opened: [],
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
      for (const item of await admit(site, ofTask, run)) push(site, item);
      staff(site.scope);
    }
  };

  /** Opens as many sessions as the scope may have and its queues are worth; empties them where it may have none. */
  const staff = (scope: Scope): void => {
    const { connections } = deps.allowances.allowed(scope.name, scope.limits);
    if (connections === 0) return void putOffScope(scope, run);
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
  const employed = new Set<Promise<void>>();
  const employ = (site: Site): void => {
    const work = workAt(site).finally(() => employed.delete(work));
    employed.add(work);
  };
  const workAt = async (site: Site): Promise<void> => {
    spentBy(site, run);
    site.workers++;
    site.scope.workers++;
    try {
      await serveSite(site, run);
    } catch (error) {
      // A mistake of ours must not leave copies that nobody accounts for.
      for (const item of site.queue.drain()) fail(item, (error as Error).message, run);
    } finally {
      spentBy(site, run);
      site.workers--;
      site.scope.workers--;
      if (site.workers === 0) site.most = Number.POSITIVE_INFINITY;
    }
    staff(site.scope);
  };
  /** Asks for the lease; staffs the scope, or empties it, when that is known. */
  const hasLease = (scope: Scope): boolean => {
    if (scope.lease) {
      if (scope.lease === 'refused') void putOffScope(scope, run);
      return scope.lease === 'taken';
    }
    if ([...scope.sites].every(({ queue }) => queue.size === 0)) return false;
    scope.lease = 'asked';
    void deps.allowances.lease(scope.name, deps.now() + deps.remainingMs()).then((taken) => {
      scope.lease = taken ? 'taken' : 'refused';
      staff(scope);
    });
    return false;
  };
  const sitesOfRun: Sites = {
    add,
    all: () => sites.values(),
    staff,
    close: async () => {
      while (employed.size > 0) await Promise.all(employed);
      const leased = [...scopes.values()].filter(({ lease }) => lease === 'taken');
      await Promise.all(leased.map(({ name }) => deps.allowances.endLease(name)));
    },
  };
  const run: Run = Object.assign(base, { sites: sitesOfRun });
  return sitesOfRun;
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

/** Which of these may go to the site's queue now; the others have their turn reserved, and are held until then. */
async function admit(site: Site, items: Item[], run: Run): Promise<Item[]> {
  const { scope } = site;
  const { allowances } = run.deps;
  const { connections, perMinute } = allowances.allowed(scope.name, scope.limits);
  if (connections === 0) {
    await putOff(scope.name, scope.limits, items, paceOf(scope, run), run);
    return [];
  }
  let left = items;
  for (const [name, ofName] of Map.groupBy(items, (item) => governorOf(item, scope, run))) {
    if (name === undefined) continue;
    const { connections: few } = allowances.allowed(name, scope.limits);
    const waiting = ofName.filter(({ task }) => few === 0 || !task.job.reserved);
    const now = await putOff(name, scope.limits, waiting, Math.max(1, few) * PER_CONNECTION, run);
    for (const item of ofName) item.governed = true;
    left = left.filter((item) => !waiting.includes(item) || now.includes(item));
  }
  // Who has waited for his turn has it.
  const unreserved = left.filter(({ task }) => !task.job.reserved);
  if (perMinute !== undefined && perMinute < PACED) {
    const now = await putOff(scope.name, scope.limits, unreserved, perMinute, run);
    return left.filter((item) => !unreserved.includes(item) || now.includes(item));
  }
  const bulk = unreserved.some(({ task }) => isBulk(task.job));
  const beyond = new Set(left.slice(roomOf(scope, bulk, run)));
  if (beyond.size > 0) await putOff(scope.name, scope.limits, [...beyond], paceOf(scope, run), run, 'all');
  return left.filter((item) => !beyond.has(item));
}

/**
 * Copies that a scope's queues take beyond those that wait there: as many as are sent within the horizon. Single mail has
 * some room more, since it takes turns with what waits there, and need not wait for it; so has what had its turn reserved.
 */
function roomOf(scope: Scope, ofBulk: boolean, run: Run): number {
  let waiting = 0;
  for (const { queue } of scope.sites) waiting += queue.size;
  const pace = paceOf(scope, run) / ENVIRONMENTS_PER_LANE;
  const isKnown = scope.answered >= KNOWN_PACE;
  const room = isKnown ? Math.max(FEWEST_WAITING, Math.ceil((pace * HORIZON) / MINUTE)) : UNTRIED_WAITING;
  return Math.max(0, (ofBulk ? room : SINGLE_ROOM * room) - waiting);
}

/** Puts off all that waits at a scope. */
async function putOffScope(scope: Scope, run: Run): Promise<void> {
  const items = [...scope.sites].flatMap(({ queue }) => queue.drain());
  await putOff(scope.name, scope.limits, items, paceOf(scope, run), run, 'all');
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
  const from = await deps.allowances.reserve(scope, limits, items.length, perMinute);
  const now: Item[] = [];
  items.forEach((item, n) => {
    const due = from + (n / perMinute) * MINUTE;
    if (which === 'later' && due <= deps.now() + SOON && run.hasTime()) now.push(item);
    else postpone(item, due, run);
  });
  return now;
}

/** Messages a minute that a scope takes: told, measured, or guessed between what it is and what it was. */
export function paceOf(scope: Scope, run: Run): number {
  const known = run.deps.allowances.of(scope.name);
  const told = known?.perMinute ?? scope.limits.perMinute;
  if (told !== undefined) return told;
  const { answered, limits, sites } = scope;
  const connections = known?.connections ?? limits.connections;
  if (answered >= KNOWN_PACE) {
    let spent = 1;
    for (const site of sites) spent += spentBy(site, run);
    return Math.max(1, (connections * MINUTE * answered) / spent);
  }
  return (PER_CONNECTION * (connections + limits.connections)) / 2;
}

/** Milliseconds that sessions of a site have taken until now, all together. */
export function spentBy(site: Site, { elapsed }: Run): number {
  const now = elapsed();
  site.spent += site.workers * (now - site.spentAt);
  site.spentAt = now;
  return site.spent;
}
