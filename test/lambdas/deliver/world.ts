/** What deliver touches of AWS and DNS, in memory; SMTP is real, to a server on loopback. */

import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { jobId, makeRequestId } from '../../../core/ids.ts';
import type { Job, StoredRequest } from '../../../core/job.ts';
import type { Content, Copy, Personalization } from '../../../core/mail.ts';
import type { Hold } from '../../../core/records/holds.ts';
import type { AttemptRecord, ClaimRecord, OutcomeRecord } from '../../../core/records/messages.ts';
import { type SuppressionRecord, suppressionKey } from '../../../core/records/suppressions.ts';
import type { TemplateText } from '../../../core/records/template.ts';
import type { Allowance } from '../../../core/shaping/allowance.ts';
import { compileShaping } from '../../../core/shaping/compile.ts';
import type { SiteLimits } from '../../../core/shaping/rule.ts';
import { addBounce } from '../../../core/suppression.ts';
import { makeTrackingKey } from '../../../core/tracking/token.ts';
import type { Tally } from '../../../io/metrics.ts';
import { openSession, type SessionOptions } from '../../../io/smtp.ts';
import { openVia } from '../../../io/via.ts';
import { openAllowances } from '../../../lambdas/deliver/allowances.ts';
import type { DeliverDeps } from '../../../lambdas/deliver/deliver.ts';
import type { ListSettings } from '../../../lambdas/deliver/suppressed.ts';
import type { LaneMessage } from '../../../lambdas/deliver/take.ts';
import { createTemplates } from '../../../lambdas/deliver/templates.ts';
import { claimIn } from './claims.ts';

export const START = Date.UTC(2026, 10, 23, 12);
export const REQUEST = makeRequestId(START, Buffer.alloc(10, 7));
const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
export const KEY: KeyObject = createPrivateKey(pair.privateKey.export({ format: 'pem', type: 'pkcs8' }));
export const PUBLIC_KEY = pair.publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
export const SECRET = Buffer.alloc(32, 5);

export function makeWorld(port: number, overrides: Partial<DeliverDeps> = {}) {
  const began = performance.now();
  const world = {
    /** Milliseconds of life left at the start of a run; the clock of a run is real. */
    life: 180_000,
    now: START,
    outcomes: new Map<string, OutcomeRecord>(),
    attempts: [] as AttemptRecord[],
    holds: [] as Hold[],
    bucket: new Map<string, StoredRequest>(),
    /** Of the bucket: messages that came as MIME. */
    mimes: new Map<string, Buffer>(),
    /** Texts of templates by their revision. */
    templates: new Map<string, TemplateText>(),
    claims: new Map<string, ClaimRecord>(),
    problems: [] as string[],
    published: new Map<string, Tally>() as ReadonlyMap<string, Tally>,
    /** What any site takes, both environments together. */
    limits: { connections: 20, floor: 1, messagesPerConnection: 50 } as SiteLimits,
    /** The sites table: allowances by scope. */
    sites: new Map<string, Allowance>(),
    leases: new Map<string, string>(),
    /** The suppressions table: addresses by their key. */
    suppressions: new Map<string, SuppressionRecord>(),
    listSettings: {} as ListSettings,
    /** Accounts whose bulk is paused. */
    paused: new Set<string>(),
    /** What is left on the lane for a run to receive. */
    lane: [] as LaneMessage[],
    removed: [] as string[],
  };
  const clock = () => world.now + Math.floor(performance.now() - began);
  let started = performance.now();
  const report = (problem: string) => void world.problems.push(problem);
  const shaping = { ...compileShaping(), limitsOf: () => world.limits };
  const openBook = () =>
    openAllowances({
      lane: 'default-1',
      now: clock,
      report,
      readAllowances: async () => structuredClone(world.sites),
      changeAllowance: async (_lane, scope, change) => {
        const changed = change(world.sites.get(scope));
        if (changed === 'remove') world.sites.delete(scope);
        else if (changed) world.sites.set(scope, changed);
        return world.sites.get(scope);
      },
      takeLease: async (_lane, scope, fence) => {
        if (world.leases.has(scope) && world.leases.get(scope) !== fence) return false;
        world.leases.set(scope, fence);
        return true;
      },
      endLease: async (_lane, scope, fence) => {
        if (world.leases.get(scope) === fence) world.leases.delete(scope);
      },
    });
  const deps: DeliverDeps = {
    shaping,
    allowances: openBook(),
    comeBack: async () => undefined,
    receive: async (count) => world.lane.splice(0, count),
    remove: async (messages) => void world.removed.push(...messages.map(({ messageId }) => messageId)),
    readEnforcedTls: async () => undefined,
    readTracking: async () => undefined,
    readLinkHost: async () => undefined,
    trackingKey: async () => makeTrackingKey(Buffer.alloc(32, 7)),
    readSuppressions: async (account, addresses) =>
      new Map(
        addresses.flatMap((address) => {
          const record = world.suppressions.get(suppressionKey(account, address).pk);
          return record ? [[address.toLowerCase(), record] as const] : [];
        }),
      ),
    readListSettings: async () => world.listSettings,
    whoPauses: async (account) => (world.paused.has(account) ? account : undefined),
    suppressBounce: async (bounce) => {
      const key = suppressionKey(bounce.account, bounce.address).pk;
      const change = addBounce(world.suppressions.get(key), bounce);
      if (change) world.suppressions.set(key, change.record);
    },
    warmUp: { take: async (copies) => copies, giveBack: () => {}, answered: () => {}, end: async () => false },
    via: openVia({
      settings: { relays: [] },
      resolveHost: async () => ({ addresses: [] }),
      openSession,
      readSecret: async () => Buffer.alloc(0),
    }),
    failOver: () => undefined,
    overflowLane: async () => undefined,
    sendJob: async () => 'refused',
    settings: {
      contentBytes: 25_000_000,
      letterBytes: 50_000_000,
      lane: 'default-1',
      pool: 'default',
      ehloName: 'mail.sender.example',
      smtpPort: port,
      messagesDays: 30,
    },
    now: clock,
    random: () => 0.5,
    remainingMs: () => world.life - (performance.now() - started),
    returnPathSecret: SECRET,
    readContent: async (key) => {
      const stored = world.bucket.get(key);
      if (!stored) throw new Error(`no ${key}`);
      return structuredClone(stored);
    },
    readTemplate: createTemplates(async (_account, { revision }) => {
      const text = world.templates.get(revision);
      if (!text) throw new Error(`no text ${revision}`);
      return text;
    }),
    readMime: async (key) => {
      const octets = world.mimes.get(key);
      if (!octets) throw new Error(`no ${key}`);
      return Buffer.from(octets);
    },
    storeContent: async (key, request) => {
      world.bucket.set(key, structuredClone(request));
    },
    readOutcomes: async (account, requestId, indexes) =>
      new Set(
        indexes.filter((index) => world.outcomes.has(`${account}#${requestId}/${String(index).padStart(4, '0')}`)),
      ),
    readPickedUp: async (account, requestId, indexes) =>
      new Set(
        indexes.filter((index) =>
          world.attempts.some(
            ({ pk, sk }) => pk === `${account}#${requestId}` && sk.startsWith(`${String(index).padStart(4, '0')}#000#`),
          ),
        ),
      ),
    claim: claimIn(world.claims, clock),
    recordOutcome: async (record) => {
      const key = `${record.pk}/${record.sk}`;
      if (world.outcomes.has(key)) return 'already-final';
      world.outcomes.set(key, record);
      return 'recorded';
    },
    recordAttempt: async (record) => {
      world.attempts.push(record);
    },
    hold: async (hold) => {
      world.holds.push(structuredClone(hold));
    },
    readDomain: async (_account, domain) =>
      domain === 'sender.example'
        ? { keys: [{ domain, selector: 's1', key: KEY, algorithm: 'rsa' }], returnPath: `em.${domain}` }
        : undefined,
    resolveSite: async (domain) => ({ kind: 'site', site: `mx.${domain}`, provider: 'other', hosts: [`mx.${domain}`] }),
    resolveHost: async () => ({ addresses: ['127.0.0.1'] }),
    openSession: (options: SessionOptions) => openSession(options),
    publish: (tallies) => {
      world.published = tallies;
    },
    report,
    ...overrides,
  };
  const begin = () => {
    started = performance.now();
    return deps;
  };
  /** Outcomes by copy index. */
  const outcome = (index: number) => world.outcomes.get(`operator#${REQUEST}/${String(index).padStart(4, '0')}`);
  /** Another environment of the lane: it knows only what the table says. */
  const otherEnvironment = () => ({ ...deps, allowances: openBook() });
  return Object.assign(world, { deps, begin, outcome, otherEnvironment });
}

export const CONTENT: Content = {
  from: { email: 'news@sender.example', name: 'News' },
  replyTo: [],
  subject: 'Hello',
  parts: [{ type: 'text/plain', value: 'Hello there.\n.\nA dot above.\n' }],
  attachments: [],
  headers: {},
  sections: {},
  categories: [],
  customArgs: {},
};

/** A job of one personalization: these addresses in To (or in the roles that copies say). */
export function makeJob(to: string[], changes: Partial<Job> = {}): Job {
  const personalization: Personalization = { index: 0, to: to.map((email) => ({ email })), cc: [] };
  const copies: Copy[] = to.map((address, index) => ({ personalization: 0, role: 'to', address, index }));
  return {
    v: 1,
    id: jobId(REQUEST, 0, 0),
    hop: 0,
    attempt: 0,
    account: 'operator',
    requestId: REQUEST,
    lane: 'default-1',
    acceptedAt: START,
    content: structuredClone(CONTENT),
    personalizations: [personalization],
    copies,
    ...changes,
  };
}

export const message = (job: Job | string, receiveCount = 1, messageId = 'm1'): LaneMessage => ({
  messageId,
  body: typeof job === 'string' ? job : JSON.stringify(job),
  receiveCount,
});
