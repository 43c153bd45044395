/**
 * One execution environment: a process with a function's bundle, which asks the Runtime API for its next invocation, and
 * gets one at a time. A timeout, a crash or a kill ends the process and fails the invocation it had, as in Lambda.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { FunctionSpec } from './function-specs.ts';
import { LOOPBACK, readBody } from './http.ts';

const BOOTSTRAP = fileURLToPath(new URL('./runtime.mjs', import.meta.url));
/** Loading a bundle takes Lambda at most 10 s; a laptop with every core busy gets more. */
const INIT_MS = 30_000;

export type Invoked =
  | { ok: true; payload: string; billedMs: number }
  | {
      ok: false;
      kind: 'error' | 'timeout' | 'crash' | 'throttled' | 'too-large';
      type: string;
      message: string;
      billedMs: number;
    };

export type Environment = {
  readonly token: string;
  readonly pid: number | undefined;
  readonly busy: boolean;
  readonly alive: boolean;
  readonly invocations: number;
  /** Runs one invocation; only when it is neither busy nor dead. Never rejects. */
  run(payload: Buffer): Promise<Invoked>;
  /** Answers the process's calls of the Runtime API. `path` begins behind `/2018-06-01/runtime/`. */
  serve(incoming: IncomingMessage, outgoing: ServerResponse, path: string): Promise<void>;
  /** SIGKILL. Resolves when the process is gone. */
  kill(): Promise<void>;
};

export type Surroundings = {
  /** Port of the Runtime API. */
  runtimePort: number;
  /** URL of what stands for AWS. */
  awsUrl: string;
  region: string;
  accessKeyId: string;
  allowNetwork: boolean;
  onLine: (line: string) => void;
  onExit: () => void;
};

type Job = { id: string; payload: Buffer; begun?: number; settle: (result: Invoked) => void; timer?: NodeJS.Timeout };

/** Starts a process. */
export function startEnvironment(spec: FunctionSpec, around: Surroundings): Environment {
  const token = randomUUID();
  const spawned = performance.now();
  let initMs: number | undefined;
  let waiting: ServerResponse | undefined;
  let job: Job | undefined;
  let alive = true;
  /** It will be gone in a moment: nothing more is given to it. */
  let ending = false;
  let invocations = 0;
  let wait: NodeJS.Timeout | undefined = setTimeout(() => {
    end('error', 'Runtime.InitError', `${spec.name} did not start within ${INIT_MS / 1000} s`);
  }, INIT_MS);

  const child: ChildProcess = spawn(
    process.execPath,
    [BOOTSTRAP, ...(around.allowNetwork ? ['--allow-network'] : [])],
    // Its own process group: Ctrl-C in the terminal is for us, and we end it when its work is done.
    { env: variablesOf(spec, around, token), stdio: ['ignore', 'pipe', 'pipe'], detached: true, cwd: spec.folder },
  );
  for (const stream of [child.stdout!, child.stderr!]) createInterface({ input: stream }).on('line', around.onLine);
  const gone = new Promise<void>((resolve) => {
    const finish = (why: string) => {
      if (!alive) return resolve();
      alive = false;
      clearTimeout(wait);
      fail('crash', 'Runtime.ExitError', `RequestId: ${job?.id} Error: Runtime exited ${why}`);
      around.onExit();
      resolve();
    };
    child.on('exit', (code, signal) => finish(signal ? `with signal: ${signal}` : `with exit status ${code}`));
    child.on('error', (error) => finish(`before it began: ${error.message}`));
  });

  function fail(kind: Exclude<Extract<Invoked, { ok: false }>['kind'], 'throttled'>, type: string, message: string) {
    settle({ ok: false, kind, type, message, billedMs: 0 });
  }

  function settle(result: Invoked) {
    if (!job) return;
    const { begun, timer, settle: resolve } = job;
    clearTimeout(timer);
    job = undefined;
    const ran = begun === undefined ? 0 : performance.now() - begun;
    // Initialisation is billed with the first invocation (Lambda pricing, since August 2025).
    const billedMs = Math.ceil(ran + (invocations === 1 ? (initMs ?? performance.now() - spawned) : 0));
    resolve({ ...result, billedMs });
  }

  function end(kind: 'error' | 'timeout', type: string, message: string) {
    ending = true;
    around.onLine(message);
    fail(kind, type, message);
    child.kill('SIGKILL');
  }

  /** Hands over the invocation as soon as there is one and the process has asked for it. */
  function hand() {
    if (!waiting || !job || job.begun !== undefined) return;
    const mine = job;
    mine.begun = performance.now();
    const timeoutMs = spec.timeoutSeconds * 1000;
    mine.timer = setTimeout(() => {
      if (job === mine)
        end(
          'timeout',
          'Sandbox.Timedout',
          `RequestId: ${mine.id} Error: Task timed out after ${spec.timeoutSeconds}.00 seconds`,
        );
    }, timeoutMs);
    waiting.writeHead(200, {
      'content-type': 'application/json',
      'lambda-runtime-aws-request-id': mine.id,
      'lambda-runtime-deadline-ms': String(Date.now() + timeoutMs),
      'lambda-runtime-invoked-function-arn': spec.arn,
      'lambda-runtime-trace-id': `Root=1-${mine.id.replaceAll('-', '').slice(0, 8)}-${mine.id.replaceAll('-', '').slice(8)};Sampled=0`,
    });
    waiting.end(mine.payload);
    waiting = undefined;
  }

  return {
    token,
    get pid() {
      return child.pid;
    },
    get busy() {
      return job !== undefined;
    },
    get alive() {
      return alive && !ending;
    },
    get invocations() {
      return invocations;
    },
    run(payload) {
      return new Promise((resolve) => {
        invocations++;
        job = { id: randomUUID(), payload, settle: resolve };
        if (!alive) return fail('crash', 'Runtime.ExitError', 'the environment had ended');
        hand();
      });
    },
    async serve(incoming, outgoing, path) {
      const body = ((await readBody(incoming, Number.POSITIVE_INFINITY)) as Buffer).toString();
      if (path === 'invocation/next') {
        if (initMs === undefined) {
          initMs = performance.now() - spawned;
          clearTimeout(wait);
          wait = undefined;
        }
        waiting = outgoing;
        hand();
        return;
      }
      const [, id, what] = /^(?:invocation\/([^/]+)\/)?(response|error|init\/error)$/.exec(path) ?? [];
      outgoing.writeHead(what === undefined ? 404 : 202).end();
      if (what === 'init/error' || (what === 'error' && id === job?.id)) {
        ending ||= what === 'init/error';
        const { errorType = 'Error', errorMessage = '' } = JSON.parse(body) as {
          errorType?: string;
          errorMessage?: string;
        };
        fail('error', errorType, errorMessage);
      } else if (what === 'response' && id === job?.id) settle({ ok: true, payload: body, billedMs: 0 });
    },
    async kill() {
      ending = true;
      child.kill('SIGKILL');
      await gone;
    },
  };
}

/** Exactly what the template says, and what Lambda itself sets ("Defined runtime environment variables"). */
function variablesOf(spec: FunctionSpec, around: Surroundings, token: string): Record<string, string> {
  return {
    ...spec.variables,
    _HANDLER: spec.handler,
    AWS_REGION: around.region,
    AWS_DEFAULT_REGION: around.region,
    AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
    AWS_LAMBDA_FUNCTION_NAME: spec.physicalName,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(spec.memoryMb),
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${spec.physicalName}`,
    AWS_LAMBDA_LOG_STREAM_NAME: `local/[$LATEST]${token.replaceAll('-', '')}`,
    AWS_ACCESS_KEY_ID: around.accessKeyId,
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_SESSION_TOKEN: 'local',
    AWS_LAMBDA_RUNTIME_API: `${LOOPBACK}:${around.runtimePort}/${token}`,
    LAMBDA_TASK_ROOT: spec.folder,
    LAMBDA_RUNTIME_DIR: '/var/runtime',
    LANG: 'en_US.UTF-8',
    TZ: ':UTC',
    PATH: '/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin',
    ...endpointsOf(around.awsUrl),
  };
}

/** The one thing that differs from AWS. A service without a variable of its own goes to the same place, which refuses it. */
export function endpointsOf(awsUrl: string): Record<string, string> {
  const services = ['SQS', 'DYNAMODB', 'S3', 'KMS', 'SECRETS_MANAGER', 'CLOUDFORMATION', 'ROUTE_53'];
  return {
    AWS_ENDPOINT_URL: awsUrl,
    ...Object.fromEntries(services.map((service) => [`AWS_ENDPOINT_URL_${service}`, awsUrl])),
  };
}
