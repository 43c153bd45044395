/**
 * What the benchmarks give to the real `deliver`: SMTP is real, everything else costs nothing. Tables answer at once and
 * keep nothing but counts, DNS knows every domain as a site of its own at one address, the lane hands out its jobs.
 * This is the one place where a benchmark makes deliver's dependencies.
 */

import { createSecretKey, type KeyObject } from 'node:crypto';
import type { StoredRequest } from '../core/job.ts';
import type { Allowance } from '../core/shaping/allowance.ts';
import { compileShaping, type ShapingOverrides } from '../core/shaping/compile.ts';
import { providerOf } from '../core/shaping/providers.ts';
import { nameSite } from '../core/site.ts';
import { makeTrackingKey } from '../core/tracking/token.ts';
import type { SigningDomain } from '../io/domains.ts';
import type { Route } from '../io/mx.ts';
import { openSession } from '../io/smtp.ts';
import { openVia } from '../io/via.ts';
import { openAllowances } from '../lambdas/deliver/allowances.ts';
import type { DeliverDeps } from '../lambdas/deliver/deliver.ts';
import type { LaneMessage } from '../lambdas/deliver/take.ts';

export type BenchWorld = {
  port: number;
  key: KeyObject;
  /** MB: what the budgets of memory follow from, as in the handler. */
  memoryMb: number;
  /** What sites take; absent: as shipped. */
  shaping?: ShapingOverrides;
  /** Milliseconds that one run may take. */
  life: number;
  /** The jobs that wait on the lane, oldest first; deliver takes more of them while it runs. */
  lane: { splice: (start: number, count: number) => LaneMessage[] };
  /** A domain's MX hosts; absent: one of its own. */
  hostsOf?: (domain: string) => string[];
};

export type Counts = {
  delivered: number;
  deferred: number;
  other: number;
  heldCopies: number;
  held: DeliverDeps['hold'] extends (hold: infer H) => unknown ? H[] : never;
  problems: string[];
  sessions: number;
};

/** Dependencies for runs one after the other. `begin` is called before each. */
export function makeBenchDeps(world: BenchWorld) {
  const counts: Counts = { delivered: 0, deferred: 0, other: 0, heldCopies: 0, held: [], problems: [], sessions: 0 };
  const kept = new Map<string, Allowance>();
  /** Content of what is held. */
  const bucket = new Map<string, StoredRequest>();
  const routes = new Map<string, Route>();
  let began = performance.now();
  const key = { domain: 'example.com', selector: 'bench', algorithm: 'rsa' as const, key: world.key };
  const domain: SigningDomain = { keys: [key], returnPath: 'em.example.com' };
  const report = (problem: string) => {
    if (counts.problems.length < 10) counts.problems.push(problem);
  };
  const shaping = compileShaping(world.shaping);
  const allowances = openAllowances({
    lane: 'default-1',
    now: Date.now,
    readAllowances: async () => new Map(kept),
    changeAllowance: async (_lane, scope, change) => {
      const changed = change(kept.get(scope));
      if (changed === 'remove') kept.delete(scope);
      else if (changed) kept.set(scope, changed);
      return kept.get(scope);
    },
    takeLease: async () => true,
    endLease: async () => {},
    report,
  });
  const deps: DeliverDeps = {
    settings: {
      lane: 'default-1',
      pool: 'default',
      ehloName: 'mta1.pennypost.example',
      smtpPort: world.port,
      contentBytes: world.memoryMb * 100_000,
      letterBytes: world.memoryMb * 200_000,
      messagesDays: 30,
    },
    shaping,
    allowances,
    warmUp: { take: async (copies) => copies, giveBack: () => {}, answered: () => {}, end: async () => false },
    via: openVia({
      settings: { relays: [] },
      resolveHost: async () => ({ addresses: [] }),
      openSession,
      readSecret: async () => Buffer.alloc(0),
    }),
    failOver: () => undefined,
    overflowLane: async () => undefined,
    sendJob: async () => 'sent',
    readEnforcedTls: async () => undefined,
    readTracking: async () => undefined,
    readLinkHost: async () => undefined,
    trackingKey: async () => makeTrackingKey(Buffer.alloc(32, 7)),
    readSuppressions: async () => new Map(),
    readListSettings: async () => ({}),
    whoPauses: async () => undefined,
    suppressBounce: async () => true,
    comeBack: async () => undefined,
    receive: async (count) => world.lane.splice(0, count),
    remove: async () => {},
    now: Date.now,
    random: Math.random,
    remainingMs: () => world.life - (performance.now() - began),
    returnPathSecret: createSecretKey(Buffer.alloc(32, 5)),
    readContent: async (key) => {
      const stored = bucket.get(key);
      if (!stored) throw new Error(`no content ${key}: the benchmark's jobs carry theirs`);
      return stored;
    },
    readMime: async (key) => {
      throw new Error(`no message ${key}: the benchmark's jobs carry theirs`);
    },
    storeContent: async (key, stored) => void bucket.set(key, stored),
    readOutcomes: async () => new Set(),
    readPickedUp: async () => new Set(),
    claim: async () => 'taken',
    recordOutcome: async ({ event, reply }) => {
      if (event === 'delivered') counts.delivered++;
      else {
        counts.other++;
        if (counts.problems.length < 10) counts.problems.push(`${event}: ${reply}`);
      }
      return 'recorded';
    },
    recordAttempt: async ({ reply }) => {
      counts.deferred++;
      if (counts.problems.length < 10) counts.problems.push(`deferred: ${reply}`);
    },
    hold: async (hold) => {
      counts.heldCopies += hold.copies;
      counts.held.push(hold);
    },
    readTemplate: async () => undefined,
    readDomain: async () => domain,
    resolveSite: async (name) => {
      // Once per domain: DNS costs nothing here.
      let route = routes.get(name);
      if (!route) {
        const hosts = world.hostsOf?.(name) ?? [`mx.${name}`];
        route = { kind: 'site', site: nameSite(hosts), provider: providerOf(hosts), hosts };
        routes.set(name, route);
      }
      return route;
    },
    resolveHost: async () => ({ addresses: ['127.0.0.1'] }),
    openSession: (options) => {
      counts.sessions++;
      return openSession(options);
    },
    publish: () => {},
    report,
  };
  const begin = () => {
    began = performance.now();
  };
  return { deps, counts, begin };
}

/** Jobs as their lane's messages. */
export function toMessages(jobs: readonly object[]): LaneMessage[] {
  return jobs.map((job, n) => ({ messageId: `m-${n}`, body: JSON.stringify(job), receiveCount: 1 }));
}
