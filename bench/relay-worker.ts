/**
 * The relay in a process of its own, before stores that answer at once and keep nothing: what is measured is the relay, from the
 * octets on the socket to the jobs and the uploads. Listens on free ports of loopback; tells its parent, and ends with it.
 */
import { createSecureContext } from 'node:tls';
import { makeApiKey } from '../core/api-key.ts';
import { keyKey, OPERATOR } from '../core/records/accounts.ts';
import { readSubmitted } from '../core/submit-mime/index.ts';
import { makeCertificate } from '../io/certificate.ts';
import { createGate } from '../relay/gate.ts';
import { makeInbound } from '../relay/inbound.ts';
import { LIMITS, shareMemory } from '../relay/limits.ts';
import { createBudget } from '../relay/memory.ts';
import { listenSmtp } from '../relay/server.ts';
import { makeSubmission, type SubmissionDeps } from '../relay/submission.ts';

/** What the worker tells: its ports first, then after each question what it has taken and used. */
export type RelayPorts = { clear: number; tls: number; inbound: number; password: string };
export type RelayUse = { taken: number; cpuSeconds: number; rssMb: number };

/** An answer from a store in the same region, in milliseconds: what keeps sessions waiting, and so the memory in use. */
const STORE_MS = 3;

const key = makeApiKey(OPERATOR, Buffer.alloc(43, 9));
const limits = { ...LIMITS, inboundOfAddress: 1_000, messagesOfKey: 1e9, inboundMessagesOfAddress: 1e9 };
const memory = shareMemory(1_024 * 1_048_576);
let taken = 0;
const answer = () => new Promise<void>((done) => setTimeout(done, STORE_MS));
const openMime = () => ({ part: answer, end: answer, abort: answer });
const letter = { openMime, short: createBudget(memory.short), long: createBudget(memory.long), limits };
const gate = createGate(limits, Date.now);
const report = (problem: string, error: unknown) => console.error(problem, error);
const host = 'relay.example.com';

const submission = makeSubmission({
  lanes: [{ name: 'default-1', pool: 'default', weight: 1, url: 'lane' }],
  expandQueueUrl: 'expand',
  messagesDays: 30,
  deliverTimeoutSeconds: 180,
  now: Date.now,
  wait: answer,
  randomBytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
  noteAttempt: async () => {},
  readKey: async () => ({
    ...keyKey(OPERATOR, key.id),
    name: 'bench',
    secretHash: key.secretHash,
    scopes: ['mail.send'],
    createdAt: 0,
  }),
  readMailDefaults: async () => undefined,
  readFormerMailDefaults: async () => undefined,
  readTemplate: async () => undefined,
  readBatch: async () => undefined,
  readPool: async () => undefined,
  readGroupIds: async () => new Set(),
  readSender: (async () => ({ domain: 'example.com' })) as unknown as SubmissionDeps['readSender'],
  takeCredits: async () => () => {},
  recordRequest: answer,
  refuseRequest: answer,
  storeContent: answer,
  beginIdempotent: async () => undefined,
  readIdempotent: async () => undefined,
  endIdempotent: answer,
  hold: answer,
  sendEntries: async (_url, entries) => {
    await answer();
    return entries.map(() => 'sent');
  },
  readSubmitted,
  letter,
  gate,
  host,
  report,
});
const inbound = makeInbound({
  letter,
  gate,
  host,
  hops: limits.hops,
  readHost: async () => ({ pk: '', sk: 'host', account: OPERATOR, kind: 'parse' }),
  secret: Buffer.alloc(32),
  announceInbound: answer,
  now: Date.now,
  report,
});
const { cert, key: privateKey } = makeCertificate([host], Date.now());
const context = createSecureContext({ cert, key: privateKey });
const { ports } = await listenSmtp(
  [
    { port: 0, kind: 'submission' },
    { port: 0, kind: 'submissions' },
    { port: 0, kind: 'inbound' },
  ],
  {
    bind: '127.0.0.1',
    host,
    limits,
    gate,
    submission,
    inbound,
    secureContext: () => context,
    loginInClear: new Set([0]),
    wait: answer,
    count: (answered) => {
      if (answered.taken) taken++;
    },
    report,
  },
);
const [clear, tls, inboundPort] = ports as [number, number, number];
process.send!({ clear, tls, inbound: inboundPort, password: key.key } satisfies RelayPorts);
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  const use: RelayUse = { taken, cpuSeconds: (user + system) / 1e6, rssMb: process.memoryUsage.rss() / 1_048_576 };
  process.send!(use);
});
process.on('disconnect', () => process.exit(0));
