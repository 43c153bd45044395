/**
 * The functions of the stack: environments started when they are needed, used again, and as many at once as the function
 * may have. An invocation waits for a free one, as on a machine; only a function's own reserved concurrency makes it
 * throttled, as in Lambda.
 */
import { type Environment, type Invoked, startEnvironment } from './environment.ts';
import { type FunctionSpec, isCalled } from './function-specs.ts';
import { listen } from './http.ts';
import { openLog, openMetrics } from './logs.ts';
import type { Meter } from './meter.ts';

/** Lambda quotas: a synchronous request or response, in bytes. */
export const PAYLOAD_BYTES = 6_291_456;
const RESPONSE_BYTES = PAYLOAD_BYTES + 100;

export type Functions = Awaited<ReturnType<typeof startFunctions>>;
export type Options = {
  specs: FunctionSpec[];
  folder: string;
  awsUrl: string;
  region: string;
  /** Makes the access key id of a function. */
  enroll: (functionName: string) => string;
  meter: Meter;
  /** Environments of one function at the same time. Default 4. */
  maxEnvironments?: number;
  /** Lets functions connect to other machines. Default false. */
  allowNetwork?: boolean;
  onLog: (line: string) => void;
};

type Pool = {
  spec: FunctionSpec;
  cap: number;
  accessKeyId: string;
  environments: Set<Environment>;
  /** Invocations that wait for an environment; undefined: there will be none. */
  queue: ((environment: Environment | undefined) => void)[];
  inFlight: number;
  log: ReturnType<typeof openLog>;
};

/** Opens the Runtime API; no environment starts before the first invocation. */
export async function startFunctions(options: Options) {
  const { specs, folder, awsUrl, region, meter } = options;
  const metrics = openMetrics();
  const byToken = new Map<string, Environment>();
  const pools = new Map<string, Pool>(
    specs.map((spec) => [
      spec.name,
      {
        spec,
        cap: Math.min(spec.reservedConcurrency ?? Number.POSITIVE_INFINITY, options.maxEnvironments ?? 4),
        accessKeyId: options.enroll(spec.name),
        environments: new Set(),
        queue: [],
        inFlight: 0,
        log: openLog(folder, spec.name),
      },
    ]),
  );
  let stopping = false;
  const runtime = await listen(
    (incoming, outgoing) => {
      const [, token = '', path = ''] = /^\/([^/]+)\/2018-06-01\/runtime\/(.*)$/.exec(incoming.url ?? '') ?? [];
      const environment = byToken.get(token);
      if (!environment) outgoing.writeHead(404).end();
      else environment.serve(incoming, outgoing, path).catch(() => outgoing.destroy());
    },
    0,
    'the Runtime API',
  );
  // An environment waits for its next invocation for as long as there is none.
  runtime.server.requestTimeout = 0;
  const reap = () => {
    for (const { environments } of pools.values()) for (const { pid } of environments) if (pid) killNow(pid);
  };
  process.on('exit', reap);

  function start(pool: Pool): Environment {
    const environment = startEnvironment(pool.spec, {
      runtimePort: runtime.port,
      awsUrl,
      region,
      accessKeyId: pool.accessKeyId,
      allowNetwork: options.allowNetwork ?? false,
      onLine(line) {
        pool.log.write(line);
        metrics.read(line);
        const counts = { bytesIn: Buffer.byteLength(line) + 1 };
        meter.add({
          function: pool.spec.name,
          service: 'logs',
          action: 'PutLogEvents',
          resource: pool.spec.name,
          counts,
        });
      },
      onExit() {
        pool.environments.delete(environment);
        byToken.delete(environment.token);
        // Whoever waits gets a new one in its place.
        if (!stopping) serveQueue(pool);
      },
    });
    pool.environments.add(environment);
    byToken.set(environment.token, environment);
    return environment;
  }

  function serveQueue(pool: Pool) {
    while (pool.queue.length > 0) {
      const idle = take(pool);
      if (!idle) return;
      pool.queue.shift()!(idle);
    }
  }

  function take(pool: Pool): Environment | undefined {
    for (const environment of pool.environments) if (environment.alive && !environment.busy) return environment;
    return pool.environments.size < pool.cap ? start(pool) : undefined;
  }

  async function run(pool: Pool, payload: Buffer): Promise<Invoked> {
    const idle = pool.queue.length === 0 ? take(pool) : undefined;
    // The environment is taken in the same turn that `run` marks it busy: nobody can take it between.
    const result = await (idle
      ? idle.run(payload)
      : new Promise<Invoked>((resolve) =>
          pool.queue.push((environment) =>
            resolve(environment?.run(payload) ?? no('crash', 'Runtime.ExitError', 'the local stack was stopped')),
          ),
        ));
    serveQueue(pool);
    return result;
  }

  function poolOf(name: string): Pool {
    for (const pool of pools.values()) if (isCalled(pool.spec, name)) return pool;
    throw new Error(`no function is called ${name}; there are ${[...pools.keys()].join(', ')}`);
  }

  return {
    specs,
    metrics,
    /** The access key id with which a function signs (its poller uses it too). */
    accessKeyOf: (name: string) => poolOf(name).accessKeyId,
    specOf: (name: string) => poolOf(name).spec,
    /** Raises the number of environments a function may have here (its mapping may ask for more than the default). */
    raiseCap(name: string, atLeast: number) {
      const pool = poolOf(name);
      pool.cap = Math.min(pool.spec.reservedConcurrency ?? Number.POSITIVE_INFINITY, Math.max(pool.cap, atLeast));
    },
    /** Invokes by stage, physical name or ARN. @throws Error when there is no such function; all else is in the result */
    async invoke(name: string, event: unknown): Promise<Invoked> {
      const pool = poolOf(name);
      const { spec } = pool;
      const payload = Buffer.from(JSON.stringify(event));
      if (payload.length > PAYLOAD_BYTES)
        return no('too-large', 'RequestEntityTooLargeException', `Request must be smaller than ${PAYLOAD_BYTES} bytes`);
      if (pool.inFlight >= (spec.reservedConcurrency ?? Number.POSITIVE_INFINITY))
        return no('throttled', 'TooManyRequestsException', 'Rate Exceeded.');
      pool.inFlight++;
      const result = await run(pool, payload);
      pool.inFlight--;
      const gbSeconds = (result.billedMs / 1000) * (spec.memoryMb / 1024);
      const counts = { requests: 1, billedMs: result.billedMs, gbSeconds };
      meter.add({ function: spec.name, service: 'lambda', action: 'Invoke', resource: spec.name, counts });
      if (result.ok && Buffer.byteLength(result.payload) > RESPONSE_BYTES)
        return no(
          'error',
          'Function.ResponseSizeTooLarge',
          'Response payload size exceeded maximum allowed payload size',
        );
      return result;
    },
    /** SIGKILLs a random live environment, a busy one if there is one. Undefined: none lives. */
    async kill(name: string): Promise<{ pid: number; busy: boolean } | undefined> {
      const living = [...poolOf(name).environments].filter(({ alive }) => alive);
      const busy = living.filter((environment) => environment.busy);
      const from = busy.length > 0 ? busy : living;
      const victim = from[Math.floor(Math.random() * from.length)];
      if (!victim?.pid) return undefined;
      const told = { pid: victim.pid, busy: victim.busy };
      await victim.kill();
      return told;
    },
    environments: () =>
      [...pools.values()].flatMap(({ spec, environments }) =>
        [...environments].map(({ pid, busy, invocations }) => ({ function: spec.name, pid, busy, invocations })),
      ),
    /** Resolves when no invocation runs, or after `ms`. */
    async settled(ms: number): Promise<void> {
      const deadline = Date.now() + ms;
      while (Date.now() < deadline && [...pools.values()].some(({ inFlight }) => inFlight > 0))
        await new Promise((resolve) => setTimeout(resolve, 10));
    },
    async stop() {
      stopping = true;
      const all = [...pools.values()].flatMap(({ environments }) => [...environments]);
      await Promise.all(all.map((environment) => environment.kill()));
      for (const { queue } of pools.values()) for (const give of queue.splice(0)) give(undefined);
      for (const { log } of pools.values()) log.close();
      process.off('exit', reap);
      await runtime.stop();
    },
  };
}

function no(kind: 'too-large' | 'throttled' | 'error' | 'crash', type: string, message: string): Invoked {
  return { ok: false, kind, type, message, billedMs: 0 };
}

function killNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself.
  }
}
