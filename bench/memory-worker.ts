/**
 * One environment of a lane at the height of a run, for its memory: so many connections that are open in TLS, a message of
 * 10 KB on each that its peer has yet to answer, and so many jobs that wait behind a few of them. It prints one line of JSON when
 * all of them are there. Started by memory.ts, with --expose-gc.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { deliver } from '../lambdas/deliver/deliver.ts';
import type { LaneMessage } from '../lambdas/deliver/take.ts';
import { makeBenchDeps, toMessages } from './deliver-deps.ts';
import { makeRsaKey } from './machine.ts';
import { makeJobs } from './mail.ts';

export type MemoryRow = {
  port: number;
  /** Connections, each with a message on it. */
  connections: number;
  /** Jobs of one copy that wait. */
  waiting: number;
};
/** Bytes of the whole process. `live`: the heap after a collection, and what lies outside it for the heap's objects. */
export type MemoryMeasured = { rss: number; live: number };

const MEMORY_MB = 256;
const LIFE = 180_000;
/** Sites whose connections are all taken: what comes for them waits. */
const BUSY_SITES = 2;
/** Connections to one site that an environment has. */
const PER_SITE = 5;
const WARM_UP = 200;
const BATCH = 100;
/** Milliseconds from one collection to the next. */
const COLLECT = 100;
/** Milliseconds until everything must be there. */
const PATIENCE = 30_000;

const row = JSON.parse(process.argv[2]!) as MemoryRow;
const lane: LaneMessage[] = [];
const { deps, begin } = makeBenchDeps({ port: row.port, key: makeRsaKey(), memoryMb: MEMORY_MB, life: LIFE, lane });
let onTheirWay = 0;
const { openSession } = deps;
deps.openSession = async (options) => {
  const opened = await openSession(options);
  if (!opened.ok) return opened;
  const { session } = opened;
  const { send } = session;
  session.send = async (message) => {
    onTheirWay++;
    return send(message).finally(() => onTheirWay--);
  };
  return opened;
};

/** Jobs come from text, as from the queue: none of their strings is shared with another's. */
const shape = { bytes: 10_240, distinct: true, domains: 1, address: () => 'ADDRESS@domain-0.example' };
const [model] = toMessages(makeJobs(shape, 1, 1, Date.now()));
let made = 0;
function makeMessage(address: string): LaneMessage {
  const n = made++;
  const text = { ...(JSON.parse(model!.body) as object), id: `j-${n}`, acceptedAt: Date.now() };
  const body = Buffer.from(JSON.stringify(text).replaceAll('ADDRESS@domain-0.example', address)).toString();
  return { messageId: `m-${n}`, body, receiveCount: 1 };
}
const many = (count: number, address: (n: number) => string) =>
  Array.from({ length: count }, (_, n) => makeMessage(address(n)));

// All along: what lies about until V8 finds it worth collecting is no connection's, and the process would keep its pages.
setInterval(() => globalThis.gc!(), COLLECT).unref();
begin();
await deliver(
  many(WARM_UP, (n) => `reader-${n}@domain-${n % 20}.example`),
  deps,
);
begin();
const busy = BUSY_SITES * PER_SITE;
// The first hundred come with the event; the others are taken.
lane.push(
  ...many(row.waiting + busy, (n) => `slow-50s+${n}@busy-${n % BUSY_SITES}.example`),
  ...many(row.connections - busy, (n) => `slow-50s+${n}@domain-${n}.example`),
);
void deliver(lane.splice(0, BATCH), deps);
const until = performance.now() + PATIENCE;
while (onTheirWay < row.connections && performance.now() < until) await sleep(50);
// Until everything is written, and what was needed for it is gone.
await sleep(1_000);
if (onTheirWay !== row.connections) throw new Error(`${onTheirWay} messages are on their way, not ${row.connections}`);
const { rss, heapUsed, external } = process.memoryUsage();
const measured: MemoryMeasured = { rss, live: heapUsed + external };
process.stdout.write(`${JSON.stringify(measured)}\n`, () => process.exit(0));
