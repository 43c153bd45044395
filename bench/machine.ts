/**
 * The machine under a benchmark: what it is, how to keep a process on one core, what CPU a tree of processes has used, how
 * many RSA-2048 signatures one core makes. Linux only: CPU is read from /proc.
 */
import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { accessSync, constants, readdirSync, readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { delimiter, join } from 'node:path';

/** USER_HZ, which is 100 on every Linux that Node runs on (proc(5)). */
const TICKS = 100;

/** One sentence: date, processor, cores, memory, Node. */
export function describeMachine(now: Date): string {
  const model = cpus()[0]?.model.replace(/\s+/g, ' ') ?? 'unknown processor';
  const gb = Math.round(totalmem() / 1024 ** 3);
  return `${now.toISOString().slice(0, 10)}, ${cpus().length} x ${model}, ${gb} GB, Node ${process.versions.node}`;
}

/** The path of a program, or undefined when it is not installed. Mail servers live in sbin, which a user's PATH may lack. */
export function findProgram(name: string): string | undefined {
  for (const folder of [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not here.
    }
  }
  return undefined;
}

/** The command that runs another on one core; the command itself where there is only one, or no `taskset`. */
export function onCore(core: number, command: string[]): string[] {
  const taskset = cpus().length > core ? findProgram('taskset') : undefined;
  return taskset ? [taskset, '-c', String(core), ...command] : command;
}

type Process = { pid: number; parent: number; seconds: number };

/**
 * CPU seconds, user and system, that processes and all below them have used until now, with their ended children. A process
 * that is gone, its parent with it, is not seen: measure while the tree stands.
 */
export function cpuSecondsOf(roots: readonly number[]): number {
  const all = readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? readProcess(Number(name)) : []));
  const children = Map.groupBy(all, ({ parent }) => parent);
  const wanted = new Set<number>();
  const add = (pid: number): void => {
    if (wanted.has(pid)) return;
    wanted.add(pid);
    for (const child of children.get(pid) ?? []) add(child.pid);
  };
  for (const pid of roots) add(pid);
  return all.reduce((sum, { pid, seconds }) => sum + (wanted.has(pid) ? seconds : 0), 0);
}

function readProcess(pid: number): Process[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name is in parentheses and may hold anything; fields are counted from behind it (proc(5)).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticks = [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at]), 0);
    return [{ pid, parent: Number(fields[1]), seconds: ticks / TICKS }];
  } catch {
    return [];
  }
}

/** An RSA-2048 key as deliver has it: parsed once. */
export function makeRsaKey(): KeyObject {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return createPrivateKey(privateKey.export({ format: 'pem', type: 'pkcs8' }));
}

/** RSA-2048 signatures per second of CPU that this process makes: what no signer can exceed. @param milliseconds how long it is tried */
export function measureRsa(key: KeyObject, milliseconds: number): number {
  const text = Buffer.alloc(1_000, 'a');
  const begin = performance.now();
  const before = process.cpuUsage();
  let count = 0;
  while (performance.now() - begin < milliseconds) {
    sign('sha256', text, key);
    count++;
  }
  const { user, system } = process.cpuUsage(before);
  return (count * 1e6) / (user + system);
}
