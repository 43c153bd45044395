/**
 * One environment of a lane as Lambda runs it, before far peers: invocations one after the other, each with a batch from the
 * lane, which the run adds to itself; what is held comes back to the lane when it is due. Between invocations nothing is
 * billed. It ends when every message is delivered, or after its time, and prints one line of JSON. Started by remote.ts.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type DeliverDeps, deliver } from '../lambdas/deliver/deliver.ts';
import type { LaneMessage } from '../lambdas/deliver/take.ts';
import { makeBenchDeps, toMessages } from './deliver-deps.ts';
import { makeRsaKey } from './machine.ts';
import { makeJobs } from './mail.ts';

export type RemoteRow = {
  port: number;
  batchSize: number;
  messages: number;
  /** Share of the mail that goes to Gmail; the rest to domains with hosts of their own. */
  gmail: number;
  domains: number;
  /** Of those domains, one in so many is slow: 10 to 60 s after the final dot. */
  slowEvery: number;
  /** Seconds after which no further invocation begins. */
  seconds: number;
};

export type Invocation = { wallMs: number; cpuMs: number; delivered: number };
export type RemoteMeasured = {
  invocations: Invocation[];
  delivered: number;
  held: number;
  left: number;
  connections: number;
  /** Messages between MAIL and the reply to the dot, while the lane had more. */
  inFlight: { mean: number; peak: number };
  problems: string[];
};

const MEMORY_MB = 256;
const LIFE = 180_000;
const GOOGLE = ['gmail-smtp-in.l.google.com', 'alt1.gmail-smtp-in.l.google.com'];

const row = JSON.parse(process.argv[2]!) as RemoteRow;

function addressOf(n: number): string {
  if ((n * 7_919) % 100 < row.gmail * 100) return `reader-${n}@gmail.com`;
  const domain = n % row.domains;
  const isSlow = domain % row.slowEvery === row.slowEvery - 1;
  return isSlow ? `slow-${10 + (n % 51)}s+${n}@domain-${domain}.example` : `reader-${n}@domain-${domain}.example`;
}

/** Jobs are made from one text when the lane is asked for them: all of them would be more memory than what is measured. */
function openLane() {
  const shape = { bytes: 10_240, distinct: true, domains: 1, address: () => 'ADDRESS@domain-0.example' };
  const [model] = toMessages(makeJobs(shape, 1, 1, Date.now()));
  const text = JSON.parse(model!.body) as { id: string; acceptedAt: number };
  let next = 0;
  const back: { due: number; message: LaneMessage }[] = [];
  const make = (n: number): LaneMessage => {
    const body = JSON.stringify({ ...text, id: `j-${n}`, acceptedAt: Date.now() });
    return { messageId: `m-${n}`, body: body.replaceAll('ADDRESS@domain-0.example', addressOf(n)), receiveCount: 1 };
  };
  return {
    take: (count: number): LaneMessage[] => {
      const now = Date.now();
      back.sort((a, b) => a.due - b.due);
      const taken = [];
      while (taken.length < count && back[0] && back[0].due <= now) taken.push(back.shift()!.message);
      while (taken.length < count && next < row.messages) taken.push(make(next++));
      return taken;
    },
    putBack: (message: LaneMessage, due: number) => back.push({ due, message }),
    isFull: () => next < row.messages,
    nextDue: () => Math.min(...back.map(({ due }) => due)),
    left: () => row.messages - next + back.length,
  };
}

const lane = openLane();
let [inFlight, peak, held] = [0, 0, 0];
const samples: number[] = [];

/** Counts messages that are on their way. */
function watchSessions(openSession: DeliverDeps['openSession']): DeliverDeps['openSession'] {
  return async (options) => {
    const opened = await openSession(options);
    if (!opened.ok) return opened;
    const { session } = opened;
    const send: typeof session.send = async (message) => {
      peak = Math.max(peak, ++inFlight);
      return session.send(message).finally(() => inFlight--);
    };
    return { ok: true, session: { ...session, send } };
  };
}

const world = { port: row.port, key: makeRsaKey(), memoryMb: MEMORY_MB, life: LIFE };
const { deps, counts, begin } = makeBenchDeps({
  ...world,
  lane: { splice: (_: number, count: number) => lane.take(count) },
  hostsOf: (name) => (name === 'gmail.com' ? GOOGLE : [`mx.${name}`]),
});
deps.openSession = watchSessions(deps.openSession);
deps.hold = async ({ due, ...hold }) => {
  held += hold.copies;
  if (hold.kind !== 'job') throw new Error('deliver holds jobs only');
  lane.putBack({ messageId: `h-${hold.job.id}-${hold.job.hop}`, body: JSON.stringify(hold.job), receiveCount: 1 }, due);
};

const invocations: Invocation[] = [];
const beganAt = performance.now();
setInterval(() => {
  if (lane.isFull() && performance.now() - beganAt > 3_000) samples.push(inFlight);
}, 100).unref();

async function invoke(batch: LaneMessage[]): Promise<void> {
  begin();
  const before = { at: performance.now(), cpu: process.cpuUsage(), delivered: counts.delivered };
  const handedBack = new Set(await deliver(batch, deps));
  // As the queue does: shown again when its visibility ends.
  for (const message of batch) if (handedBack.has(message.messageId)) lane.putBack(message, Date.now() + LIFE);
  const { user, system } = process.cpuUsage(before.cpu);
  const wallMs = Math.ceil(performance.now() - before.at);
  invocations.push({ wallMs, cpuMs: (user + system) / 1_000, delivered: counts.delivered - before.delivered });
}

while (performance.now() - beganAt < row.seconds * 1_000 && lane.left() > 0) {
  const batch = lane.take(row.batchSize);
  if (batch.length === 0) {
    await sleep(Math.max(10, Math.min(1_000, lane.nextDue() - Date.now())));
    continue;
  }
  await invoke(batch);
}
const measured: RemoteMeasured = {
  invocations,
  delivered: counts.delivered,
  held,
  left: lane.left(),
  connections: counts.sessions,
  inFlight: { mean: samples.reduce((sum, n) => sum + n, 0) / Math.max(1, samples.length), peak },
  problems: counts.problems,
};
process.stdout.write(`${JSON.stringify(measured)}\n`, () => process.exit(0));
