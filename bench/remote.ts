/**
 * `bench:deliver --remote`: what deliver costs on Lambda before far peers: 50 ms for every reply, 300 ms more after the final
 * dot, TLS, and one peer in a hundred that takes 10 to 60 s. What is billed is wall time times memory, so what counts is how
 * many messages wait at the same time; and a function of M MB has M/1769 of a core, so that with little memory the CPU may
 * be what lasts longest: then that is what is billed here.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { formatTable, show } from './figures.ts';
import { describeMachine, onCore } from './machine.ts';
import { measureMemory, memoryTable } from './memory.ts';
import type { RemoteMeasured, RemoteRow } from './remote-worker.ts';
import { startBenchSink } from './sinks.ts';

export type RemoteOptions = { json: boolean; quick: boolean; markdown: boolean };

const WORKER = fileURLToPath(new URL('./remote-worker.ts', import.meta.url));
/** MB that are one whole core (Lambda Developer Guide, "Configure Lambda function memory"). */
const CORE_MB = 1_769;
const MEMORIES = [256, 512, 1_024];
const PEER = { perCommandMs: 50, afterDotMs: 300, tls: true };

const MIXED = { gmail: 0, domains: 500, slowEvery: 100 };
const LANES: Record<string, Omit<RemoteRow, 'port' | 'seconds' | 'messages'> & { messages: number }> = {
  '500 sites, batches of 100': { ...MIXED, batchSize: 100, messages: 10_000 },
  '500 sites, batches of 10': { ...MIXED, batchSize: 10, messages: 10_000 },
  '80 % Gmail, 5 connections': { ...MIXED, gmail: 0.8, batchSize: 100, messages: 1_000 },
};
const SECONDS = 170;

/** GB-seconds that Lambda bills for a million messages like these, with so much memory. */
export function billedPerMillion({ invocations }: Pick<RemoteMeasured, 'invocations'>, memoryMb: number): number {
  const delivered = invocations.reduce((sum, one) => sum + one.delivered, 0);
  const ms = invocations.reduce(
    (sum, { wallMs, cpuMs }) => sum + Math.max(wallMs, Math.ceil(cpuMs / (memoryMb / CORE_MB))),
    0,
  );
  return ((ms / 1_000) * (memoryMb / 1_024) * 1e6) / Math.max(1, delivered);
}

async function measure(row: RemoteRow): Promise<RemoteMeasured> {
  const [program, ...given] = onCore(0, [process.execPath, WORKER, JSON.stringify(row)]);
  const child = spawn(program!, given, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`the worker ended with ${code}`);
  return JSON.parse(text) as RemoteMeasured;
}

export async function benchRemote({ json, quick, markdown }: RemoteOptions): Promise<void> {
  const results: { lane: string; measured: RemoteMeasured; gbSecondsPerMillion: Record<number, number> }[] = [];
  const memory = await measureMemory(quick ? 1 : 5);
  const sink = await startBenchSink(PEER);
  try {
    for (const [lane, shape] of Object.entries(LANES)) {
      if (quick && shape.batchSize !== 100) continue;
      const messages = quick ? Math.min(shape.messages, 3_000) : shape.messages;
      process.stderr.write(`${lane}: ${messages} messages, at most ${SECONDS} s and the last run's end\n`);
      const measured = await measure({ ...shape, messages, port: sink.port, seconds: SECONDS });
      if (measured.delivered === 0) throw new Error(`${lane}: nothing was delivered: ${measured.problems.join('; ')}`);
      const billed = MEMORIES.map((memory) => [memory, billedPerMillion(measured, memory)] as const);
      results.push({ lane, measured, gbSecondsPerMillion: Object.fromEntries(billed) });
    }
  } finally {
    await sink.stop();
  }
  if (json) return console.log(JSON.stringify({ memory, lanes: results }));
  print(results, markdown);
  console.log(`\n${memoryTable(memory, markdown)}`);
}

function print(results: Parameters<typeof rowOf>[0][], markdown: boolean): void {
  console.log(`${describeMachine(new Date())}; one environment of a lane, which has two\n`);
  const heading = [
    'lane ',
    ...MEMORIES.map((memory) => `GB-s/million at ${memory} MB`),
    'in flight, mean',
    'peak',
    'CPU-s per 1,000',
    'delivered',
    'held',
    'left',
    'runs',
  ];
  console.log(formatTable(heading, results.map(rowOf), markdown));
  for (const { lane, measured } of results)
    if (measured.problems.length > 0) console.log(`\n${lane}: ${measured.problems.slice(0, 3).join('; ')}`);
}

function rowOf({
  lane,
  measured,
  gbSecondsPerMillion,
}: {
  lane: string;
  measured: RemoteMeasured;
  gbSecondsPerMillion: Record<number, number>;
}): string[] {
  const { invocations, delivered, held, left, inFlight } = measured;
  const cpu = invocations.reduce((sum, { cpuMs }) => sum + cpuMs, 0) / Math.max(1, delivered);
  return [
    lane,
    ...MEMORIES.map((memory) => show(gbSecondsPerMillion[memory]!)),
    show(inFlight.mean),
    show(inFlight.peak),
    show(cpu, 2),
    show(delivered),
    show(held),
    show(left),
    show(invocations.length),
  ];
}
