/**
 * The local stack: a synthesized template, running on this machine. Tables, queues and buckets in emulators, functions in
 * processes of their own, mappings, schedules and the HTTP API as the template says; all AWS calls through the proxy that
 * enforces the synthesized permissions and counts what AWS would bill.
 * It refuses to start, in one sentence, on a template that it does not fully understand.
 */
import { join } from 'node:path';
import type { Call } from './calls.ts';
import { startEmulators } from './emulators.ts';
import { endpointsOf } from './environment.ts';
import type { Faults } from './faults.ts';
import { readFunctions } from './function-specs.ts';
import { type Functions, startFunctions } from './functions.ts';
import { listApis, openGateway, readRoutes } from './gateway.ts';
import { LOOPBACK, listen, openAsking } from './http.ts';
import type { Metrics } from './logs.ts';
import { readMappings, startMapping } from './mappings.ts';
import { type Meter, openMeter } from './meter.ts';
import { hashKeysOf, openFolder, provision, tablesOf } from './provision.ts';
import { OPERATOR_KEY, startProxy } from './proxy.ts';
import { endDelays, type InspectedQueue, inspectQueues } from './queues.ts';
import { leadToDoor } from './relay-here.ts';
import { type Denial, readRoles, type UnusedStatement } from './roles.ts';
import type { Zone } from './route53.ts';
import { readSchedules, startSchedules } from './schedules.ts';
import { readStreamMappings, startStream } from './streams.ts';
import { readTasks } from './task-specs.ts';
import { startTasks, type Task, type Tasks } from './tasks.ts';
import { type Assembly, loadAssembly } from './template.ts';
import { openVault } from './vault.ts';

export type StackOptions = {
  /** The data folder (`.pennypost`). */
  folder: string;
  /** The cloud assembly (`cdk.out`). */
  templateDir: string;
  /** The root stack, when the assembly holds more than one. */
  stackName?: string;
  /** Absent or 0: any free port. `services`: where tasks listen on this machine, by the port of the listener in the template. */
  ports?: { api?: number; track?: number; aws?: number; services?: Record<number, number> };
  /** Runs every schedule at this rate instead of its own. */
  scheduleEverySeconds?: number;
  /** Adds a typical AWS latency to every call. Default false. */
  latency?: boolean;
  /** Environments of one function at the same time, where its mapping does not ask for more. Default 4. */
  maxEnvironments?: number;
  /** Lets functions connect to other machines: mail then leaves this one. Default false. */
  allowNetwork?: boolean;
  /** Does not poll queues or run schedules until `resume()`. Default false. */
  paused?: boolean;
  /** The DNS that stands for Route 53's zones. Absent: calls to Route 53 are refused. */
  zone?: Zone;
  onLog?: (line: string) => void;
  /** Told the milliseconds of each phase of the start. */
  onPhase?: (phase: string, ms: number) => void;
};

export type LocalStack = {
  apiUrl: string;
  /** What links in mail lead to. */
  trackUrl: string;
  /** What stands for AWS: an endpoint URL for every SDK client. */
  awsUrl: string;
  region: string;
  /** Outputs of the root stack. */
  outputs: Record<string, string>;
  assembly: Assembly;
  /** Environment variables with which any AWS tool on this machine is the operator, who may do anything. */
  operatorEnvironment: Record<string, string>;
  invoke: Functions['invoke'];
  /** Runs the schedules of a function now, and waits for it. */
  runSchedule(functionName: string): Promise<void>;
  kill: Functions['kill'];
  /** The processes that stand for the services of the template. */
  tasks: { list(): Task[] } & Pick<Tasks, 'kill' | 'healthy'>;
  environments: Functions['environments'];
  faults: Pick<Faults, 'add' | 'clear'>;
  denials: Denial[];
  unusedStatements(): UnusedStatement[];
  meter: Meter;
  metrics: Metrics;
  queues: { inspect(): InspectedQueue[]; endDelays(isMeant: (body: string) => boolean): void };
  /** Physical names of the tables and their logical ids; `tableNamed` finds one by its noun. */
  tables(): { logicalId: string; name: string }[];
  /** Begins polling and schedules after a start with `paused`. */
  resume(): void;
  /** Ends polling and schedules; what is being handled goes on. */
  pause(): Promise<void>;
  /** Ends everything, children included. Invocations get `graceMs` to finish. Default 2,000. */
  stop(graceMs?: number): Promise<void>;
  /** Tells each AWS call that was made, before its caller is answered. */
  watch(told: (call: Call) => Promise<void>): void;
};

const REGION = 'us-east-1';
const ACCOUNT_ID = '000000000000';

/** Starts the stack. @throws Error in one sentence; then nothing is left running */
export async function startStack(options: StackOptions): Promise<LocalStack> {
  const undo: (() => Promise<void>)[] = [];
  try {
    return await start(options, undo);
  } catch (error) {
    for (const one of undo.reverse()) await one().catch(() => {});
    throw error;
  }
}

async function start(options: StackOptions, undo: (() => Promise<void>)[]): Promise<LocalStack> {
  const { folder, ports = {}, onLog = () => {} } = options;
  const phase = phases(options.onPhase);
  openFolder(folder);
  const meter = openMeter();
  const { ask, close } = openAsking();
  undo.push(async () => close());

  // The servers come first: their addresses are what queue URLs and the API's endpoint resolve to.
  const proxy = await startProxy({ port: ports.aws ?? 0, meter, onLog, ...(options.latency ? { latency: true } : {}) });
  undo.push(proxy.stop);
  const api = await openApi(ports.api, 'the API (option --api-port)', undo);
  const track = await openApi(ports.track, 'the links in mail (option --track-port)', undo);
  const { url: apiUrl } = api;
  const awsPort = Number(new URL(proxy.url).port);
  phase('listening');

  let mainApi: string | undefined;
  const place = {
    region: REGION,
    accountId: ACCOUNT_ID,
    queueUrl: (name: string) => `${proxy.url}/${ACCOUNT_ID}/${name}`,
    // Every API but the customers' is what links in mail lead to.
    apiUrl: (apiId: string) => (mainApi === undefined || apiId === mainApi ? apiUrl : track.url),
  };
  // Once to learn which APIs there are, and once more with their addresses.
  mainApi = listApis(loadAssembly(options.templateDir, place, options.stackName))[0]?.ref;
  const assembly = loadAssembly(options.templateDir, place, options.stackName);
  const specs = readFunctions(assembly);
  const taskSpecs = readTasks(assembly);
  const roles = readRoles(assembly, specs, taskSpecs);
  const vault = openVault(assembly, join(folder, 'vault.json'));
  phase('template');

  const emulators = await startEmulators(folder, (message) => onLog(message));
  undo.push(emulators.stop);
  phase('emulators');
  await provision(assembly, { ask, ...emulators }, folder);
  const hashKeys = hashKeysOf(assembly);
  const naming = { region: REGION, accountId: ACCOUNT_ID, hashKey: (table: string) => hashKeys.get(table) };
  const { dynamodbPort, fauxqsPort } = emulators;
  proxy.connect({ assembly, roles, vault, naming, dynamodbPort, fauxqsPort, zone: options.zone });
  phase('tables, queues and buckets');

  const functions = await startFunctions({
    specs,
    folder,
    awsUrl: proxy.url,
    region: REGION,
    enroll: proxy.enroll,
    meter,
    onLog,
    ...(options.maxEnvironments === undefined ? {} : { maxEnvironments: options.maxEnvironments }),
    ...(options.allowNetwork ? { allowNetwork: true } : {}),
  });
  undo.push(functions.stop);
  const tasks = await startTasks({
    specs: taskSpecs,
    folder,
    awsUrl: proxy.url,
    region: REGION,
    enroll: proxy.enroll,
    metrics: functions.metrics,
    meter,
    onLog,
    ports: ports.services ?? {},
    ...(options.allowNetwork ? { allowNetwork: true } : {}),
  });
  undo.push(() => tasks.stop(0));
  leadToDoor(specs, tasks, assembly.outputs);
  const routes = Map.groupBy(readRoutes(assembly, functions), ({ apiId }) => (apiId === mainApi ? api : track));
  for (const [at, ofApi] of routes)
    at.serve(openGateway(ofApi, { functions, meter, onLog, domain: new URL(at.url).host }));
  const mappings = readMappings(assembly, functions);
  const streams = readStreamMappings(assembly, functions);
  const schedules = readSchedules(assembly, functions);
  const runner = () => startSchedules(schedules, functions, options.scheduleEverySeconds, onLog);
  let clock: ReturnType<typeof runner> | undefined;
  let polling: { stop(): Promise<void> }[] = [];
  const resume = () => {
    if (clock) return;
    clock = runner();
    const shared = { functions, roles, ask, awsPort, region: REGION, onLog };
    const positionsFile = join(folder, 'streams.json');
    polling = [
      ...mappings.map((mapping) => startMapping(mapping, shared)),
      ...streams.map((mapping) => startStream(mapping, { ...shared, dynamodbPort, positionsFile })),
    ];
  };
  if (!options.paused) resume();
  phase('functions and tasks');

  return {
    apiUrl,
    trackUrl: track.url,
    awsUrl: proxy.url,
    region: REGION,
    outputs: assembly.outputs,
    assembly,
    operatorEnvironment: {
      AWS_REGION: REGION,
      AWS_ACCESS_KEY_ID: OPERATOR_KEY,
      AWS_SECRET_ACCESS_KEY: 'local',
      ...endpointsOf(proxy.url),
    },
    invoke: functions.invoke,
    runSchedule: async (name) => {
      const { name: called } = functions.specOf(name);
      const own = clock ?? runner();
      await own.runNow(called);
      if (own !== clock) own.stop();
    },
    kill: functions.kill,
    tasks,
    environments: functions.environments,
    watch: proxy.watch,
    faults: {
      add: ({ function: name, ...fault }) =>
        proxy.faults.add({ ...fault, ...(name === undefined ? {} : { function: functions.specOf(name).name }) }),
      clear: proxy.faults.clear,
    },
    denials: roles.denials,
    unusedStatements: roles.unusedStatements,
    meter,
    metrics: functions.metrics,
    queues: {
      inspect: () => inspectQueues(assembly, emulators.fauxqs),
      endDelays: (isMeant) => endDelays(assembly, emulators.fauxqs, isMeant),
    },
    tables: () => tablesOf(assembly).map(({ logicalId, name }) => ({ logicalId, name })),
    resume,
    async pause() {
      clock?.stop();
      clock = undefined;
      const ending = polling;
      polling = [];
      await Promise.all(ending.map((one) => one.stop()));
    },
    async stop(graceMs = 2_000) {
      clock?.stop();
      // The ways in first: what they take now must still find its queue.
      await Promise.all([api.stop(), track.stop(), tasks.stop(graceMs)]);
      const pollersGone = Promise.all(polling.map((one) => one.stop()));
      await functions.settled(graceMs);
      await functions.stop();
      await pollersGone;
      await proxy.stop();
      await emulators.stop();
      close();
    },
  };
}

/** The physical name of a table by the noun it is made of: `messages` finds `Pennypost-StorageMessages3F2A`. */
export function tableNamed(stack: Pick<LocalStack, 'tables'>, noun: string): string {
  const found = stack.tables().filter(({ logicalId }) => logicalId.toLowerCase().includes(noun.toLowerCase()));
  if (found.length !== 1) throw new Error(`${found.length} tables are called ${noun}`);
  return found[0]!.name;
}

/** An address that answers 503 until it is given what it serves. */
async function openApi(port: number | undefined, what: string, undo: (() => Promise<void>)[]) {
  let gateway: ReturnType<typeof openGateway> | undefined;
  const {
    port: at,
    server,
    stop,
  } = await listen(
    (incoming, outgoing) => (gateway ? gateway(incoming, outgoing) : void outgoing.writeHead(503).end()),
    port ?? 0,
    what,
  );
  undo.push(stop);
  // API Gateway keeps idle connections for 75 s; a slow sender must not hold one for ever.
  server.maxConnections = 1000;
  return {
    url: `http://${LOOPBACK}:${at}`,
    stop,
    serve: (served: ReturnType<typeof openGateway>) => {
      gateway = served;
    },
  };
}

function phases(told: StackOptions['onPhase']) {
  let last = performance.now();
  return (phase: string) => {
    const now = performance.now();
    told?.(phase, now - last);
    last = now;
  };
}
