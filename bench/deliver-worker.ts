/**
 * One row of bench:deliver, in a process of its own on one core: warms up, then measures rounds of the real `deliver` and,
 * between them, RSA-2048 signatures per second. Prints one line of JSON. Started by deliver.ts with a `Row` as argument.
 */
import { deliver } from '../lambdas/deliver/deliver.ts';
import { makeBenchDeps, toMessages } from './deliver-deps.ts';
import { makeRsaKey, measureRsa } from './machine.ts';
import { makeJobs } from './mail.ts';

export type Row = {
  port: number;
  bytes: number;
  copiesPerJob: number;
  distinct: boolean;
  messages: number;
  rounds: number;
};

/** `perSecond` by the clock, `rsaPerSecond` per second of CPU. */
export type Round = { perSecond: number; cpuPerThousand: number; rsaPerSecond: number };
export type Measured = { rounds: Round[]; wireBytes: number; sessions: number };

/** Jobs of one invocation (the event source mapping's batch size). */
const BATCH = 100;
const DOMAINS = 10;
/** As many connections as shipped, but no rate: what a site may get per minute is not what is measured here. */
const UNLIMITED = { providers: { other: { perMinute: 10_000_000, connectionsPerMinute: 10_000_000 } } };
const RSA_MS = 500;

const row = JSON.parse(process.argv[2]!) as Row;
const key = makeRsaKey();
const jobs = makeJobs({ ...row, domains: DOMAINS }, row.messages, row.copiesPerJob, Date.now());
const messages = toMessages(jobs);

async function sendAll(onSize?: (octets: number) => void): Promise<{ seconds: number; cpu: number; sessions: number }> {
  const lane = [...messages];
  const world = { port: row.port, key, memoryMb: 256, life: 180_000, lane };
  const { deps, counts, begin } = makeBenchDeps({ ...world, shaping: UNLIMITED });
  if (onSize) measureSizes(deps, onSize);
  const cpuBefore = process.cpuUsage();
  const beganAt = performance.now();
  while (lane.length > 0) {
    begin();
    const handedBack = await deliver(lane.splice(0, BATCH), deps);
    if (handedBack.length > 0) throw new Error(`${handedBack.length} jobs were handed back: ${counts.problems[0]}`);
  }
  const seconds = (performance.now() - beganAt) / 1_000;
  const { user, system } = process.cpuUsage(cpuBefore);
  if (counts.delivered !== row.messages)
    throw new Error(`${counts.delivered} of ${row.messages} were delivered: ${counts.problems.join('; ')}`);
  return { seconds, cpu: (user + system) / 1e6, sessions: counts.sessions };
}

function measureSizes(deps: ReturnType<typeof makeBenchDeps>['deps'], onSize: (octets: number) => void): void {
  const { openSession } = deps;
  deps.openSession = async (options) => {
    const opened = await openSession(options);
    if (!opened.ok) return opened;
    const { session } = opened;
    const send: typeof session.send = (message) => {
      onSize(message.octets.reduce((sum, { length }) => sum + length, 0));
      return session.send(message);
    };
    return { ok: true, session: { ...session, send } };
  };
}

let octets = 0;
await sendAll((size) => {
  octets += size;
});
const rounds: Round[] = [];
let sessions = 0;
let before = measureRsa(key, RSA_MS);
for (let n = 0; n < row.rounds; n++) {
  const sent = await sendAll();
  const after = measureRsa(key, RSA_MS);
  rounds.push({
    perSecond: row.messages / sent.seconds,
    cpuPerThousand: (sent.cpu / row.messages) * 1_000,
    rsaPerSecond: (before + after) / 2,
  });
  before = after;
  sessions = sent.sessions;
}
const measured: Measured = { rounds, wireBytes: octets / row.messages, sessions };
process.stdout.write(`${JSON.stringify(measured)}\n`);
