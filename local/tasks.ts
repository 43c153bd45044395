/**
 * The tasks of the stack's services, one process for each service: what is behind its load balancer here. It has the task
 * definition's environment and acts under its task role; it is started again when it ends by itself, and asked to drain
 * (SIGTERM) before it is ended, as ECS does.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { endpointsOf } from './environment.ts';
import { LOOPBACK } from './http.ts';
import { type Metrics, openLog } from './logs.ts';
import type { Meter } from './meter.ts';
import type { TaskSpec } from './task-specs.ts';

const CONTAINER = new URL('./container.mjs', import.meta.url);
const READY_MS = 30_000;
/** Milliseconds between an end that nobody asked for and the next start, more each time, as ECS does. */
const RESTART_MS = [500, 2_000, 10_000];
/** A task that has lived so long has come up. */
const SETTLED_MS = 30_000;

export type TaskOptions = {
  specs: TaskSpec[];
  folder: string;
  awsUrl: string;
  region: string;
  /** Makes the access key id of a task. */
  enroll: (name: string) => string;
  metrics: Pick<Metrics, 'read'>;
  meter: Meter;
  /** Ports on this machine, by the port of the listener. Absent or 0: any free one. */
  ports?: Record<number, number>;
  /** Lets tasks connect to other machines. Default false. */
  allowNetwork?: boolean;
  onLog: (line: string) => void;
};

/** A running task: `ports` of this machine, by the port of the listener. */
export type Task = { name: string; pid: number | undefined; ports: Record<number, number>; starts: number };
export type Tasks = Awaited<ReturnType<typeof startTasks>>;

/** Starts one task of each service. @throws Error when one does not become healthy, with what it said last */
export async function startTasks(options: TaskOptions) {
  const running = await Promise.all(options.specs.map((spec) => startTask(spec, options)));
  const of = (name: string) => {
    const found = running.find((task) => task.name === name);
    if (!found) throw new Error(`no task is called ${name}; there are ${running.map((task) => task.name).join(', ')}`);
    return found;
  };
  return {
    list: (): Task[] => running.map(({ name, ports, state }) => ({ name, ports, ...state() })),
    /** Ends a task as a crash would, or with another signal; resolves when it is gone. It is then started again. */
    kill: (name: string, signal: NodeJS.Signals = 'SIGKILL') => of(name).kill(signal),
    /** Resolves when the task answers its health check. */
    healthy: (name: string) => of(name).healthy(),
    /** Drains them; what has not ended after so many milliseconds is ended. */
    async stop(graceMs: number): Promise<void> {
      await Promise.all(running.map((task) => task.stop(graceMs)));
    },
  };
}

async function startTask(spec: TaskSpec, options: TaskOptions) {
  const { folder, meter, metrics, onLog } = options;
  const log = openLog(folder, spec.name);
  const accessKeyId = options.enroll(spec.name);
  const mapped = new Map<number, number>();
  for (const { port, containerPort } of spec.ports) mapped.set(containerPort, await portFor(port, spec, options));
  const healthPort = await quietPort();
  mapped.set(spec.healthCheck.containerPort, healthPort);
  let child: ChildProcess | undefined;
  let gone: Promise<void> = Promise.resolve();
  let starts = 0;
  let failures = 0;
  let stopping = false;
  const last: string[] = [];

  function onLine(line: string): void {
    log.write(line);
    metrics.read(line);
    last.push(line);
    if (last.length > 10) last.shift();
    const counts = { bytesIn: Buffer.byteLength(line) + 1 };
    meter.add({ function: spec.name, service: 'logs', action: 'PutLogEvents', resource: spec.name, counts });
  }

  function start(): void {
    const begun = performance.now();
    const billed = bill(spec, meter);
    starts++;
    child = spawnTask(spec, mapped, accessKeyId, options);
    for (const stream of [child.stdout!, child.stderr!]) createInterface({ input: stream }).on('line', onLine);
    gone = new Promise((resolve) => {
      const end = (why: string) => {
        billed();
        resolve();
        if (stopping) return;
        failures = performance.now() - begun > SETTLED_MS ? 0 : failures + 1;
        onLog(`${spec.name} ended (${why}); it is started again. ${last.at(-1) ?? ''}`);
        setTimeout(() => stopping || start(), RESTART_MS[Math.min(failures, RESTART_MS.length) - 1] ?? RESTART_MS[0]);
      };
      child!.on('exit', (code, signal) => end(signal ?? `exit status ${code}`));
      child!.on('error', (error) => end(error.message));
    });
  }

  async function healthy(): Promise<void> {
    const url = `http://${LOOPBACK}:${healthPort}${spec.healthCheck.path}`;
    for (const until = Date.now() + READY_MS; Date.now() < until; await sleep(30)) {
      const answer = await fetch(url, { signal: AbortSignal.timeout(1_000) }).catch(() => undefined);
      await answer?.body?.cancel();
      if (answer?.ok) return;
    }
    throw new Error(
      `${spec.name} was not healthy after ${READY_MS / 1000} s. It said: ${last.join('\n') || 'nothing'}`,
    );
  }

  const reap = () => child?.pid && killNow(child.pid);
  process.on('exit', reap);
  async function stop(graceMs: number): Promise<void> {
    stopping = true;
    child?.kill('SIGTERM');
    const timer = setTimeout(() => child?.kill('SIGKILL'), Math.min(graceMs, spec.stopSeconds * 1000));
    await gone;
    clearTimeout(timer);
    process.off('exit', reap);
    log.close();
  }

  start();
  await healthy().catch(async (error) => {
    await stop(0);
    throw error;
  });
  return {
    name: spec.name,
    ports: Object.fromEntries(spec.ports.map(({ port, containerPort }) => [port, mapped.get(containerPort)!])),
    state: () => ({ pid: child?.pid, starts }),
    async kill(signal: NodeJS.Signals): Promise<void> {
      const ending = gone;
      child?.kill(signal);
      await ending;
    },
    healthy,
    stop,
  };
}

function spawnTask(
  spec: TaskSpec,
  mapped: Map<number, number>,
  accessKeyId: string,
  options: TaskOptions,
): ChildProcess {
  const around = new URL(pathToFileURL(CONTAINER.pathname));
  around.searchParams.set('ports', [...mapped].map((pair) => pair.join(':')).join(','));
  if (options.allowNetwork) around.searchParams.set('network', '');
  // Node's permissions stand for the read-only file system: who writes a file here would fail in Fargate.
  const files = spec.readOnly ? ['--permission', '--allow-fs-read=*'] : [];
  return spawn(process.execPath, [...files, '--import', around.href, ...spec.command], {
    // Its own process group: Ctrl-C in the terminal is for us, and we ask it to drain.
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    cwd: spec.folder,
    env: {
      ...spec.variables,
      AWS_EXECUTION_ENV: 'AWS_ECS_FARGATE',
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: 'local',
      AWS_REGION: options.region,
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      ...endpointsOf(options.awsUrl),
    },
  });
}

/** Fargate bills vCPU and memory by the second while a task runs. @returns what ends it */
function bill({ name, vcpu, gigabytes }: TaskSpec, meter: Meter): () => void {
  let last = performance.now();
  const add = () => {
    const hours = (performance.now() - last) / 3_600_000;
    last = performance.now();
    const counts = { vcpuHours: vcpu * hours, gbHours: gigabytes * hours };
    meter.add({ function: name, service: 'fargate', action: 'Run', resource: name, counts });
  };
  const timer = setInterval(add, 1_000);
  timer.unref();
  return () => {
    clearInterval(timer);
    add();
  };
}

/** @throws Error when the port that was asked for is taken */
async function portFor(port: number, { name }: TaskSpec, { ports = {} }: TaskOptions): Promise<number> {
  const asked = ports[port];
  if (!asked) return quietPort();
  if (await isFree(asked)) return asked;
  throw new Error(`port ${asked}, for port ${port} of the ${name} (an option --…-port), is in use by another program`);
}

/** A free port below those that the system gives to outgoing connections: nothing takes it while a task is started again. */
async function quietPort(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    if (await isFree(port)) return port;
  }
  throw new Error('no free port for a task');
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, LOOPBACK, () => server.close(() => resolve(true)));
  });
}

function killNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself.
  }
}
