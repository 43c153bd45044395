/**
 * The use cases alone, in a process of its own on one core: `accept` with queues and tables that take everything at no cost,
 * then `deliver` of the jobs that it made. What is missing against real functions is the AWS SDK, middy and the Runtime API.
 * Prints one line of JSON. Started by end-to-end.ts.
 */
import { makeApiKey } from '../core/api-key.ts';
import { REQUEST_BYTES } from '../core/limits.ts';
import { keyKey, OPERATOR } from '../core/records/accounts.ts';
import { deliver } from '../lambdas/deliver/deliver.ts';
import type { LaneMessage } from '../lambdas/deliver/take.ts';
import { type AcceptDeps, accept } from '../submission/accept.ts';
import { makeBenchDeps } from './deliver-deps.ts';
import { makeRsaKey } from './machine.ts';
import { makeBody } from './mail.ts';

export type UseCaseRow = { port: number; bytes: number; recipients: number; requests: number };
export type UseCaseMeasured = { acceptCpu: number; deliverCpu: number; copiesPerJob: number };

const DOMAINS = 10;
const BATCH = 100;

const row = JSON.parse(process.argv[2]!) as UseCaseRow;
const key = makeApiKey(OPERATOR, Buffer.alloc(43, 9));
const lane: LaneMessage[] = [];
const accepting: AcceptDeps = {
  lanes: [{ name: 'default-1', pool: 'default', weight: 1, url: 'lane' }],
  expandQueueUrl: 'expand',
  messagesDays: 30,
  deliverTimeoutSeconds: 180,
  requestBytes: REQUEST_BYTES,
  now: Date.now,
  wait: async () => {},
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
  readSender: (async () => ({ domain: 'example.com' })) as unknown as AcceptDeps['readSender'],
  takeCredits: async () => () => {},
  recordRequest: async () => {},
  refuseRequest: async () => {},
  storeContent: async () => {},
  beginIdempotent: async () => undefined,
  readIdempotent: async () => undefined,
  endIdempotent: async () => {},
  sendEntries: async (_url, entries) => {
    for (const { body } of entries) lane.push({ messageId: `m-${lane.length}`, body, receiveCount: 1 });
    return entries.map(() => 'sent');
  },
  hold: async () => {},
};

async function acceptAll(bodies: Buffer[]): Promise<void> {
  const headers = { authorization: `Bearer ${key.key}`, 'content-type': 'application/json' };
  for (const body of bodies) {
    const answer = await accept({ method: 'POST', path: '/v3/mail/send', headers, body }, accepting);
    if (answer.status !== 202) throw new Error(`${answer.status}: ${answer.body}`);
  }
}

const signing = makeRsaKey();
async function deliverAll(messages: number): Promise<void> {
  const shaping = { providers: { other: { perMinute: 10_000_000, connectionsPerMinute: 10_000_000 } } };
  const world = { port: row.port, key: signing, memoryMb: 256, life: 180_000, lane, shaping };
  const { deps, counts, begin } = makeBenchDeps(world);
  while (lane.length > 0) {
    begin();
    await deliver(lane.splice(0, BATCH), deps);
  }
  if (counts.delivered !== messages)
    throw new Error(`${counts.delivered} of ${messages} were delivered: ${counts.problems.join('; ')}`);
}

const cpuOf = async (act: () => Promise<void>): Promise<number> => {
  const before = process.cpuUsage();
  await act();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
};

const shape = { bytes: row.bytes, distinct: true, domains: DOMAINS };
const bodies = Array.from({ length: row.requests }, (_, n) =>
  Buffer.from(JSON.stringify(makeBody(shape, row.recipients, n * row.recipients))),
);
const messages = row.requests * row.recipients;
// Once to be compiled, once to be measured.
await acceptAll(bodies);
await deliverAll(messages);
const acceptCpu = await cpuOf(() => acceptAll(bodies));
const jobs = lane.length;
const deliverCpu = await cpuOf(() => deliverAll(messages));
const thousand = 1_000 / messages;
const measured: UseCaseMeasured = {
  acceptCpu: acceptCpu * thousand,
  deliverCpu: deliverCpu * thousand,
  copiesPerJob: messages / jobs,
};
process.stdout.write(`${JSON.stringify(measured)}\n`);
