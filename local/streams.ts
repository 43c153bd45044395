/**
 * Event source mappings from a table's stream, as Lambda's pollers work (Lambda Developer Guide, "Using Lambda with Amazon DynamoDB"):
 * every shard in order, one batch of it at a time, by size, window and 6 MB; what the filters do not want is let go without an
 * invocation; a batch that failed comes again, in halves where the mapping says so, until its attempts are used up: then word of
 * it goes to the on-failure queue.
 *
 * The emulator has one shard. It is dealt out here by partition key to as many as a new on-demand table has in AWS, so that what depends
 * on them (order, cost, exactness) is seen here too. Where each has got to is kept in the data folder.
 * It refuses a property that it does not know, a mapping without a tumbling window (nothing else names the shard to a function),
 * and a role that may not read the stream.
 */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Functions } from './functions.ts';
import { PAYLOAD_BYTES } from './functions.ts';
import { type Ask, signedAs } from './http.ts';
import type { Roles } from './roles.ts';
import { type Filter, matches, readFilters } from './stream-filters.ts';
import { callStreams, openIterator, openPositions, SHARDS } from './stream-source.ts';
import type { Assembly, Resource } from './template.ts';

export type StreamMapping = {
  path: string;
  table: string;
  streamArn: string;
  functionName: string;
  batchSize: number;
  windowSeconds: number;
  retryAttempts: number;
  bisect: boolean;
  maximumAgeSeconds: number;
  filters: Filter[];
  /** ARN and name of the queue that is told of what was given up. */
  onFailure?: { arn: string; name: string };
};

const BATCH_BYTES = PAYLOAD_BYTES - 65_536;
/** Lambda polls a shard four times a second. */
const POLL_MS = 250;
/** Records in memory beyond which none is read. */
const READ_AHEAD = 50_000;
/** Batches at work at once, each of another shard: Lambda has one for each, this machine fewer cores. */
const AT_ONCE = 2;
const LONGEST_WAIT_MS = 5_000;
const DAY_SECONDS = 86_400;

/** What the poller needs of the function's role. */
const NEEDS = ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'];

const KNOWN = new Set([
  'EventSourceArn',
  'FunctionName',
  'BatchSize',
  'MaximumBatchingWindowInSeconds',
  'StartingPosition',
  'BisectBatchOnFunctionError',
  'MaximumRetryAttempts',
  'MaximumRecordAgeInSeconds',
  'TumblingWindowInSeconds',
  'DestinationConfig',
  'FilterCriteria',
  'Enabled',
  'Tags',
]);

export const isOfStream = ({ properties }: Resource) =>
  /^arn:aws:dynamodb:.*\/stream\//.test(String(properties.EventSourceArn));

/** Reads the mappings. @throws Error naming the place */
export function readStreamMappings(assembly: Assembly, functions: Pick<Functions, 'specOf'>): StreamMapping[] {
  return assembly
    .ofType('AWS::Lambda::EventSourceMapping')
    .filter((mapping) => mapping.properties.Enabled !== false && isOfStream(mapping))
    .map((mapping) => readMapping(mapping, assembly, functions));
}

function readMapping({ path, properties }: Resource, assembly: Assembly, functions: Pick<Functions, 'specOf'>) {
  for (const property of Object.keys(properties))
    if (!KNOWN.has(property)) throw new Error(`${path}: ${property} is not known to the local stack`);
  const streamArn = String(properties.EventSourceArn);
  const table = assembly
    .ofType('AWS::DynamoDB::Table', 'AWS::DynamoDB::GlobalTable')
    .find(({ arn }) => arn !== undefined && streamArn.startsWith(`${arn}/stream/`));
  if (!table?.properties.StreamSpecification) throw new Error(`${path}: ${streamArn} is no stream of this stack`);
  if (properties.StartingPosition !== 'TRIM_HORIZON')
    throw new Error(`${path}: the local stack reads streams from their TRIM_HORIZON, so that nothing is left out`);
  if (!(Number(properties.TumblingWindowInSeconds) > 0))
    throw new Error(`${path}: without a tumbling window its function does not learn the shard's name`);
  const batchSize = Number(properties.BatchSize ?? 100);
  const windowSeconds = Number(properties.MaximumBatchingWindowInSeconds ?? 0);
  if (batchSize > 10 && windowSeconds === 0)
    throw new Error(`${path}: a batch of ${batchSize} needs a batching window of at least 1 s`);
  const destination = (properties.DestinationConfig as { OnFailure?: { Destination?: string } } | undefined)?.OnFailure
    ?.Destination;
  const queue = assembly.ofType('AWS::SQS::Queue').find(({ arn }) => arn === destination);
  if (destination !== undefined && !queue) throw new Error(`${path}: ${destination} is no queue of this stack`);
  return {
    path,
    table: table.name,
    streamArn,
    functionName: functions.specOf(String(properties.FunctionName)).name,
    batchSize,
    windowSeconds,
    retryAttempts: Number(properties.MaximumRetryAttempts ?? -1),
    bisect: properties.BisectBatchOnFunctionError === true,
    maximumAgeSeconds: Number(properties.MaximumRecordAgeInSeconds ?? -1),
    filters: readFilters(properties.FilterCriteria, path),
    ...(queue ? { onFailure: { arn: queue.arn!, name: queue.name } } : {}),
  };
}

type StreamRecord = {
  eventName: string;
  dynamodb: {
    SequenceNumber: string;
    Keys: Record<string, Record<string, string>>;
    ApproximateCreationDateTime: number;
  };
  [field: string]: unknown;
};

export type StreamOptions = {
  functions: Functions;
  roles: Roles;
  ask: Ask;
  /** Ports of the proxy and of the emulator. Reading a stream costs nothing for Lambda's pollers, so that goes beside the meter. */
  awsPort: number;
  dynamodbPort: number;
  region: string;
  /** Where positions are kept. */
  positionsFile: string;
  onLog: (line: string) => void;
};

/** Starts polling. @throws Error when the function's role may not */
export function startStream(mapping: StreamMapping, options: StreamOptions): { stop(): Promise<void> } {
  const { functions, roles } = options;
  for (const action of NEEDS) mustAllow(mapping, roles, action, mapping.streamArn);
  // Lambda asks for it, though no resource of its kind can be named.
  roles.mark(mapping.functionName, access('dynamodb:ListStreams', '*'));
  if (mapping.onFailure) mustAllow(mapping, roles, 'sqs:SendMessage', mapping.onFailure.arn);
  functions.raiseCap(mapping.functionName, AT_ONCE);
  let working = 0;
  const turns: (() => void)[] = [];
  /** Invokes in its turn. */
  async function invoke(event: object) {
    if (working >= AT_ONCE) await new Promise<void>((go) => turns.push(go));
    else working++;
    try {
      return await functions.invoke(mapping.functionName, event);
    } finally {
      const next = turns.shift();
      if (next) next();
      else working--;
    }
  }

  const positions = openPositions(options.positionsFile, mapping.path);
  const shards = Array.from({ length: SHARDS }, (_, n) => ({
    id: `shardId-${String(n).padStart(20, '0')}-local`,
    waiting: [] as StreamRecord[],
    /** The last that is done, or let go by the filters. */
    done: positions.of(n),
    wake: () => {},
  }));
  let stopped = false;
  const stopping = new AbortController();
  const pause = (ms: number) => sleep(ms, undefined, { signal: stopping.signal, ref: false }).catch(() => {});

  async function read(): Promise<void> {
    let iterator: string | undefined;
    let last = Math.min(...shards.map(({ done }) => done));
    while (!stopped) {
      try {
        iterator ??= await openIterator(mapping.table, options, last);
        if (shards.reduce((sum, { waiting }) => sum + waiting.length, 0) > READ_AHEAD) {
          await pause(POLL_MS);
          continue;
        }
        const { Records: records, NextShardIterator: next } = (await callStreams(options, 'GetRecords', {
          ShardIterator: iterator,
          Limit: 1_000,
        })) as { Records: StreamRecord[]; NextShardIterator: string };
        iterator = next;
        for (const record of records) deal(record);
        last = Number(records.at(-1)?.dynamodb.SequenceNumber ?? last);
        for (const { wake } of shards) wake();
        if (records.length === 0) await pause(POLL_MS);
      } catch (error) {
        if (stopped) return;
        options.onLog(`stream of ${mapping.table}: ${(error as Error).message}`);
        iterator = undefined;
        await pause(POLL_MS);
      }
    }
  }

  function deal(record: StreamRecord): void {
    const pk = Object.values(record.dynamodb.Keys.pk ?? Object.values(record.dynamodb.Keys)[0]!)[0]!;
    const shard = shards[createHash('md5').update(pk).digest()[0]! % SHARDS]!;
    const sequence = Number(record.dynamodb.SequenceNumber);
    if (sequence > shard.done) shard.waiting.push(record);
    // A shard without work is as far as the reader.
    for (const other of shards)
      if (other !== shard && other.waiting.length === 0 && !busy.has(other))
        other.done = Math.max(other.done, sequence);
  }
  const busy = new Set<(typeof shards)[number]>();

  async function work(n: number): Promise<void> {
    const shard = shards[n]!;
    while (!stopped) {
      const batch = await gather(shard);
      if (stopped) return;
      if (batch.length > 0) await insist(shard.id, batch);
      if (!stopped || batch.length === 0) positions.set(n, shard.done);
      busy.delete(shard);
    }
  }

  /** The first records that the filters want, and what more comes within the window. */
  async function gather(shard: (typeof shards)[number]): Promise<StreamRecord[]> {
    const batch: StreamRecord[] = [];
    let bytes = 0;
    let deadline = Number.POSITIVE_INFINITY;
    while (!stopped) {
      while (shard.waiting.length > 0 && batch.length < mapping.batchSize) {
        const record = shard.waiting[0]!;
        if (!matches(record, mapping.filters)) {
          shard.waiting.shift();
          if (batch.length === 0) shard.done = Number(record.dynamodb.SequenceNumber);
          continue;
        }
        const size = Buffer.byteLength(JSON.stringify(record)) + 256;
        if (bytes + size > BATCH_BYTES && batch.length > 0) return batch;
        busy.add(shard);
        batch.push(shard.waiting.shift()!);
        bytes += size;
        deadline = Math.min(deadline, Date.now() + mapping.windowSeconds * 1_000);
      }
      if (batch.length >= mapping.batchSize || Date.now() >= deadline) return batch;
      const left = deadline - Date.now();
      await Promise.race([
        new Promise<void>((resolve) => {
          shard.wake = resolve;
        }),
        pause(Math.min(left, LONGEST_WAIT_MS)),
      ]);
    }
    return [];
  }

  /** Hands a batch over until it is taken or given up. */
  async function insist(shardId: string, batch: StreamRecord[]): Promise<void> {
    const shard = shards.find(({ id }) => id === shardId)!;
    for (let attempts = 1; !stopped; attempts++) {
      const result = await invoke(eventOf(shardId, batch, options.region, mapping));
      if (result.ok && hasState(result.payload)) {
        shard.done = Math.max(shard.done, Number(batch.at(-1)!.dynamodb.SequenceNumber));
        return;
      }
      if (stopped) return;
      if (!result.ok && result.kind === 'throttled') {
        attempts--;
        await pause(1_000);
        continue;
      }
      const age = Date.now() / 1_000 - batch[0]!.dynamodb.ApproximateCreationDateTime;
      const limit = mapping.maximumAgeSeconds < 0 ? DAY_SECONDS : mapping.maximumAgeSeconds;
      const spent = mapping.retryAttempts >= 0 && attempts > mapping.retryAttempts;
      if (spent || age > limit) {
        await tell(shardId, batch, attempts, spent ? 'RetryAttemptsExhausted' : 'MaximumRecordAgeExceeded');
        shard.done = Math.max(shard.done, Number(batch.at(-1)!.dynamodb.SequenceNumber));
        return;
      }
      await pause(Math.min(100 * 2 ** Math.min(attempts, 10), LONGEST_WAIT_MS));
      if (mapping.bisect && batch.length > 1 && attempts === 1) {
        const half = Math.ceil(batch.length / 2);
        await insist(shardId, batch.slice(0, half));
        if (!stopped) await insist(shardId, batch.slice(half));
        return;
      }
    }
  }

  /** What AWS writes to the queue: where the records are, not the records ("Retain discarded records"). */
  async function tell(shardId: string, batch: StreamRecord[], attempts: number, condition: string): Promise<void> {
    options.onLog(`stream of ${mapping.table}: ${mapping.functionName} gave up ${batch.length} records: ${condition}`);
    if (!mapping.onFailure) return;
    const body = {
      requestContext: { functionArn: mapping.functionName, condition, approximateInvokeCount: attempts },
      version: '1.0',
      timestamp: new Date().toISOString(),
      DDBStreamBatchInfo: {
        shardId,
        startSequenceNumber: batch[0]!.dynamodb.SequenceNumber,
        endSequenceNumber: batch.at(-1)!.dynamodb.SequenceNumber,
        batchSize: batch.length,
        streamArn: mapping.streamArn,
      },
    };
    await options.ask({
      port: options.awsPort,
      method: 'POST',
      path: '/',
      headers: {
        'content-type': 'application/x-amz-json-1.0',
        'x-amz-target': 'AmazonSQS.SendMessage',
        ...signedAs(functions.accessKeyOf(mapping.functionName), options.region, 'sqs'),
      },
      body: Buffer.from(
        JSON.stringify({
          QueueUrl: `http://127.0.0.1:${options.awsPort}/000000000000/${mapping.onFailure.name}`,
          MessageBody: JSON.stringify(body),
        }),
      ),
    });
  }

  const running = [read(), ...shards.map((_, n) => work(n))];
  return {
    async stop() {
      stopped = true;
      stopping.abort();
      for (const { wake } of shards) wake();
      await Promise.allSettled(running);
      for (const [n, { done }] of shards.entries()) positions.set(n, done);
      positions.close();
    },
  };
}

function access(action: string, resource: string) {
  return { action, resource, context: { 'aws:securetransport': 'true' } };
}

function mustAllow({ path, functionName }: StreamMapping, roles: Roles, action: string, resource: string): void {
  if (!roles.mark(functionName, access(action, resource)).allowed)
    throw new Error(`${path}: the role of ${functionName} has no permission for ${action} on ${resource}`);
}

/** Lambda takes an answer without a state for a failure, where there is a tumbling window. */
function hasState(payload: string): boolean {
  try {
    const answer = JSON.parse(payload) as { state?: unknown } | null;
    return typeof answer?.state === 'object' && answer.state !== null;
  } catch {
    return false;
  }
}

function eventOf(shardId: string, batch: StreamRecord[], region: string, { streamArn }: StreamMapping) {
  const now = new Date();
  return {
    shardId,
    eventSourceARN: streamArn,
    state: {},
    window: { start: now.toISOString(), end: now.toISOString() },
    isFinalInvokeForWindow: false,
    isWindowTerminatedEarly: false,
    Records: batch.map((record) => ({ ...record, awsRegion: region, eventSourceARN: streamArn })),
  };
}
