/**
 * What deliver's memory grows by with each connection that is open, a message on it, and with each job that waits: the slope between
 * few and many, all else alike, each in a process of its own. What a process takes without any is in neither.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { formatTable, type Spread, show, showSpread, spreadOf } from './figures.ts';
import { onCore } from './machine.ts';
import type { MemoryMeasured, MemoryRow } from './memory-worker.ts';
import { startBenchSink } from './sinks.ts';

/** Bytes. */
export type Slope = Record<keyof MemoryMeasured, Spread>;
export type Memory = { perConnection: Slope; perWaitingJob: Slope };

const WORKER = fileURLToPath(new URL('./memory-worker.ts', import.meta.url));
/** A young generation as small as Lambda's memory makes it: else what is seen is garbage that nobody had to collect. */
const FLAGS = ['--expose-gc', '--max-semi-space-size=2'];
type Point = Omit<MemoryRow, 'port'>;
/** With so many jobs that what was free from the start on is used: else it would hide what connections take. */
const CONNECTIONS: [Point, Point] = [
  { connections: 50, waiting: 700 },
  { connections: 250, waiting: 700 },
];
const WAITING: [Point, Point] = [
  { connections: 50, waiting: 300 },
  { connections: 50, waiting: 900 },
];
const KB = 1_024;

export async function measureMemory(rounds: number): Promise<Memory> {
  const sink = await startBenchSink({ perCommandMs: 0, afterDotMs: 0, tls: true });
  try {
    const slopeOf = async ([few, many]: [Point, Point], by: 'connections' | 'waiting'): Promise<Slope> => {
      const found: MemoryMeasured[] = [];
      for (let round = 0; round < rounds; round++) {
        const [low, high] = [await measure({ ...few, port: sink.port }), await measure({ ...many, port: sink.port })];
        const more = many[by] - few[by];
        found.push({ rss: (high.rss - low.rss) / more, live: (high.live - low.live) / more });
      }
      return { rss: spreadOf(found.map(({ rss }) => rss)), live: spreadOf(found.map(({ live }) => live)) };
    };
    return {
      perConnection: await slopeOf(CONNECTIONS, 'connections'),
      perWaitingJob: await slopeOf(WAITING, 'waiting'),
    };
  } finally {
    await sink.stop();
  }
}

async function measure(row: MemoryRow): Promise<MemoryMeasured> {
  const [program, ...given] = onCore(0, [process.execPath, ...FLAGS, WORKER, JSON.stringify(row)]);
  const child = spawn(program!, given, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`the worker ended with ${code}`);
  return JSON.parse(text) as MemoryMeasured;
}

export function memoryTable({ perConnection, perWaitingJob }: Memory, markdown: boolean): string {
  const scaled = ({ median, min, max }: Spread): Spread => ({ median: median / KB, min: min / KB, max: max / KB });
  const rowOf = (name: string, { rss, live }: Slope) => [name, showSpread(scaled(rss)), showSpread(scaled(live))];
  const [{ connections: few }, { connections: many }] = CONNECTIONS;
  const [{ waiting: short }, { waiting: long }] = WAITING;
  return formatTable(
    ['memory ', 'KB of the process', 'KB of heap and buffers'],
    [
      rowOf(`an open connection with its message (${show(few)} to ${show(many)})`, perConnection),
      rowOf(`a job that waits (${show(short)} to ${show(long)})`, perWaitingJob),
    ],
    markdown,
  );
}
