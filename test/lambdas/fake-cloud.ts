/**
 * Tables, queues, a bucket and a clock in memory, at the seam where the use cases call `io/`: for what the emulators cannot
 * show, like virtual days and a call that fails after it took effect. A plan says which calls fail, and how.
 */

import { makeApiKey } from '../../core/api-key.ts';
import type { StoredRequest } from '../../core/job.ts';
import { REQUEST_BYTES } from '../../core/limits.ts';
import type { KnownTemplate } from '../../core/mail-send/template.ts';
import type { Attempt } from '../../core/records/access.ts';
import { keyKey } from '../../core/records/accounts.ts';
import type { Hold } from '../../core/records/holds.ts';
import type { MailDefaultsRecord } from '../../core/records/mail-defaults.ts';
import { messageName } from '../../core/records/message-key.ts';
import type { IdempotencyRecord, RequestRecord } from '../../core/records/messages.ts';
import type { MadePool } from '../../core/records/pools.ts';
import { type BatchStatus, pausedKey } from '../../core/records/schedule.ts';
import type { Entry, Sent } from '../../io/queue.ts';
import type { ExpandDeps } from '../../lambdas/expand/expand.ts';
import type { ReleaseDeps } from '../../lambdas/release/release.ts';
import type { AcceptDeps } from '../../submission/accept.ts';

export type Fault = 'throttle' | 'error' | 'after';
/** Which calls of an operation fail: the first `times` of them. */
export type Plan = { operation: string; fault: Fault; times: number };

export const START = Date.UTC(2026, 10, 23, 12);
export const KEY = makeApiKey('operator', Buffer.alloc(43, 9));
export const LANES = [
  { name: 'default-1', pool: 'default', weight: 1, url: 'lane:default-1' },
  { name: 'bulk-1', pool: 'bulk', weight: 1, url: 'lane:bulk-1' },
];
export const EXPAND = 'expand';

export type Queued = Entry & { readyAt: number };

function nameOf(record: RequestRecord): string {
  const { account, requestId } = messageName(record)!;
  return `${account}#${requestId}`;
}

export function makeCloud(plans: Plan[] = []) {
  const cloud = {
    now: START,
    /** Copies that are left of the daily cap. */
    credits: Number.POSITIVE_INFINITY,
    calls: [] as string[],
    /** Who showed a key of an account with an IP access list. */
    attempts: [] as (Attempt & { account: string })[],
    queues: new Map<string, Queued[]>([...LANES.map(({ url }) => [url, []] as [string, Queued[]]), [EXPAND, []]]),
    /** By `account#requestId`. */
    requests: new Map<string, RequestRecord & { refused?: boolean }>(),
    idempotency: new Map<string, IdempotencyRecord>(),
    holds: new Map<string, Hold>(),
    bucket: new Map<string, StoredRequest>(),
    templates: new Map<string, KnownTemplate>(),
    /** What the account adds to its mail, by version; the last is that of now. */
    defaults: [] as MailDefaultsRecord[],
    /** Made over the API, by account. */
    pools: new Map<string, MadePool[]>(),
    batches: new Set<string>(),
    /** Of batches that are paused or cancelled. */
    states: new Map<string, BatchStatus>(),
  };
  const left = new Map(plans.map((plan) => [plan, plan.times]));
  let random = 0;

  async function call<T>(operation: string, effect: () => T): Promise<T> {
    cloud.calls.push(operation);
    const plan = plans.find((one) => one.operation === operation && (left.get(one) ?? 0) > 0);
    if (!plan) return effect();
    left.set(plan, left.get(plan)! - 1);
    if (plan.fault === 'after') effect();
    const answer = { name: 'ThrottlingException', $metadata: { httpStatusCode: 400 } };
    throw Object.assign(
      new Error(`${operation}: ${plan.fault}`),
      plan.fault === 'throttle' ? answer : { name: 'TimeoutError' },
    );
  }

  /** As io/queue.ts does: a queue never throws, it answers for each entry. */
  async function sendEntries(url: string, entries: Entry[]): Promise<Sent[]> {
    const put = () => {
      for (const entry of entries)
        cloud.queues.get(url)!.push({ ...entry, readyAt: cloud.now + (entry.delaySeconds ?? 0) * 1_000 });
    };
    const operation = url === EXPAND ? 'sendExpansion' : 'sendJobs';
    try {
      await call(operation, put);
      return entries.map(() => 'sent');
    } catch (error) {
      return entries.map(() => ((error as Error).name === 'ThrottlingException' ? 'refused' : 'unanswered'));
    }
  }

  const hold = (item: Hold) => call('hold', () => void cloud.holds.set(`${item.pk} ${item.sk}`, structuredClone(item)));

  const accept: AcceptDeps = {
    lanes: LANES,
    expandQueueUrl: EXPAND,
    messagesDays: 30,
    deliverTimeoutSeconds: 180,
    requestBytes: REQUEST_BYTES,
    now: () => cloud.now,
    wait: async (milliseconds) => {
      const until = cloud.now + milliseconds;
      await new Promise((done) => setImmediate(done));
      cloud.now = Math.max(cloud.now, until);
    },
    randomBytes: (count) => Buffer.alloc(count, ++random),
    noteAttempt: async (account, attempt) => void cloud.attempts.push({ account, ...attempt }),
    readKey: async ({ id }) =>
      id === KEY.id
        ? {
            ...keyKey('operator', id),
            name: 'test',
            secretHash: KEY.secretHash,
            scopes: ['mail.send'],
            createdAt: START,
          }
        : undefined,
    readSender: async (account, domain) =>
      domain === 'example.com'
        ? {
            pk: account,
            sk: `domain#${domain}`,
            domain,
            selector: 's1',
            returnPath: 'em.example.com',
            publicKey: '',
            privateKey: '',
            createdAt: START,
          }
        : undefined,
    readMailDefaults: async () => cloud.defaults.at(-1),
    readFormerMailDefaults: async (_account, version) => cloud.defaults[version],
    readPool: async (account, name) => cloud.pools.get(account)?.find((one) => one.name === name),
    readGroupIds: async () => new Set([7, 8]),
    readBatch: async (_account, id) => (cloud.batches.has(id) ? {} : undefined),
    readTemplate: async (_account, id) => cloud.templates.get(id),
    takeCredits: async (_account, copies) => {
      if (cloud.credits < copies) return undefined;
      cloud.credits -= copies;
      return () => {
        cloud.credits += copies;
      };
    },
    recordRequest: (record) =>
      call('recordRequest', () => {
        const known = cloud.requests.get(nameOf(record));
        if (!known || known.refused) cloud.requests.set(nameOf(record), record);
      }),
    refuseRequest: (record) =>
      call('refuseRequest', () => void cloud.requests.set(nameOf(record), { ...record, copies: 0, refused: true })),
    storeContent: (key, request) => call('storeContent', () => void cloud.bucket.set(key, structuredClone(request))),
    beginIdempotent: (record) =>
      call('beginIdempotent', () => {
        const known = cloud.idempotency.get(record.pk);
        if (known && known.at >= record.at - 24 * 3_600_000 && known.requestId !== record.requestId)
          return { ...known };
        cloud.idempotency.set(record.pk, record);
        return undefined;
      }),
    readIdempotent: async ({ pk }) => cloud.idempotency.get(pk),
    endIdempotent: (record) => call('endIdempotent', () => void cloud.idempotency.set(record.pk, record)),
    sendEntries,
    hold,
  };
  const expand: ExpandDeps = {
    lanes: LANES,
    now: () => cloud.now,
    readContent: async (key) => {
      const stored = cloud.bucket.get(key);
      if (!stored) throw new Error(`no object ${key}`);
      return structuredClone(stored);
    },
    sendEntries,
    hold,
  };
  const release: ReleaseDeps = {
    lanes: LANES,
    expandQueueUrl: EXPAND,
    notifyQueueUrl: 'notify',
    validateQueueUrl: 'validate',
    eraseQueueUrl: 'erase',
    now: () => cloud.now,
    remainingMs: () => 60_000,
    readDue: async function* (until) {
      const due = [...cloud.holds.values()]
        .filter((item) => item.due <= until && item.pk.startsWith('shard-'))
        .sort((a, b) => a.due - b.due);
      if (due.length > 0) yield due;
    },
    readParked: async function* (account) {
      const parked = [...cloud.holds.values()].filter(({ pk }) => pk === `${account}#parked`);
      if (parked.length > 0) yield parked;
    },
    putHolds: (items) =>
      call('putHolds', () => {
        for (const item of items) cloud.holds.set(`${item.pk} ${item.sk}`, structuredClone(item));
      }),
    readPaused: async function* (batch) {
      const paused = [...cloud.holds.values()].filter(({ pk }) => pk === pausedKey(batch));
      if (paused.length > 0) yield paused;
    },
    readBatchStates: (batches) =>
      call('readBatchStates', () =>
        batches.flatMap((batch) => {
          const status = cloud.states.get(batch.batchId);
          return status ? [{ batch, status }] : [];
        }),
      ),
    removeHolds: (items) =>
      call('removeHolds', () => {
        for (const { pk, sk } of items) cloud.holds.delete(`${pk} ${sk}`);
      }),
    sendEntries,
  };
  /** The outage is over. */
  const mend = () => left.clear();
  return { cloud, accept, expand, release, mend };
}

/** A request as API Gateway hands it over. */
export function makePost(body: unknown, headers: Record<string, string> = {}) {
  return {
    method: 'POST',
    path: '/v3/mail/send',
    headers: { authorization: `Bearer ${KEY.key}`, 'content-type': 'application/json', ...headers },
    body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
  };
}

export function makeMail(more: object = {}) {
  return {
    personalizations: [{ to: [{ email: 'reader@example.net' }] }],
    from: { email: 'shop@example.com' },
    subject: 'Hello',
    content: [{ type: 'text/plain', value: 'Hi' }],
    ...more,
  };
}
