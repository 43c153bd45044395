/**
 * Where the benchmarks' mail goes: Postfix's `smtp-sink` where it is installed, because it costs next to nothing; else the
 * project's sink, in a process of its own. On loopback, on the other core than what is measured.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../local/http.ts';
import { findProgram, onCore } from './machine.ts';

export type BenchSink = {
  name: 'smtp-sink' | "the project's sink";
  port: number;
  /** Messages taken since it started. */
  taken: () => number;
  stop: () => Promise<void>;
};

const READY_MS = 10_000;
const OWN = fileURLToPath(new URL('./sink-process.ts', import.meta.url));

export type SinkOptions = { perCommandMs: number; afterDotMs: number; tls: boolean };

/** @param options a remote peer's delays and TLS, which only the project's sink has */
export async function startBenchSink(options?: SinkOptions): Promise<BenchSink> {
  const port = await freePort();
  const postfix = options ? undefined : findProgram('smtp-sink');
  const command = postfix
    ? [postfix, '-c', '-m', '2000', ...(process.getuid?.() === 0 ? ['-u', 'nobody'] : []), `127.0.0.1:${port}`, '1000']
    : [process.execPath, OWN, JSON.stringify({ port, ...options })];
  const [program, ...given] = onCore(1, command);
  const child = spawn(program!, given, { stdio: ['ignore', 'pipe', 'inherit'] });
  let taken = 0;
  let rest = '';
  child.stdout.setEncoding('latin1').on('data', (text: string) => {
    // Both write counters as they go, `mesg=12` among others; a piece may end in the middle of one.
    rest = (rest + text).slice(-200);
    const counts = [...rest.matchAll(/mesg=(\d+)(?=\D)/g)];
    const last = counts.at(-1);
    if (last) taken = Math.max(taken, Number(last[1]));
  });
  await whenOpen(port, child);
  return {
    name: postfix ? 'smtp-sink' : "the project's sink",
    port,
    taken: () => taken,
    stop: () => endProcess(child),
  };
}

/** Resolves when somebody listens. @throws Error when the process ends first, or takes too long */
export async function whenOpen(port: number, child?: ChildProcess): Promise<void> {
  const until = Date.now() + READY_MS;
  while (Date.now() < until) {
    if (child && child.exitCode !== null) throw new Error(`${child.spawnfile} ended with ${child.exitCode}`);
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        resolve(true);
      });
      socket.on('error', () => resolve(false));
    });
    if (open) return;
    await sleep(50);
  }
  throw new Error(`nobody listens on 127.0.0.1:${port}`);
}

/** SIGTERM, and after three seconds SIGKILL. Resolves when it is gone. */
export async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 3_000);
  await gone;
  clearTimeout(timer);
}
