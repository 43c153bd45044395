/**
 * Event source mappings from SQS (streams: streams.ts), as Lambda's pollers work (Lambda Developer Guide, "Using Lambda with Amazon SQS"): long
 * polling as the function's own role, batches by size, window and 6 MB, at most the maximum concurrency at work, only the
 * successes deleted.
 * It refuses a source that is not a queue of this stack, a visibility timeout below the function's timeout (as Lambda
 * does), and a role that may not poll.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Functions } from './functions.ts';
import { PAYLOAD_BYTES } from './functions.ts';
import { type Ask, signedAs } from './http.ts';
import { POLLER_NEEDS, type Roles } from './roles.ts';
import { isOfStream } from './streams.ts';
import type { Assembly, Resource } from './template.ts';

export type Mapping = {
  path: string;
  queue: string;
  queueArn: string;
  functionName: string;
  batchSize: number;
  windowSeconds: number;
  maximumConcurrency: number;
  partialFailures: boolean;
};

/** Lambda begins with 5 pollers; on one machine that is more than it can use, so it is also the default of the maximum. */
const DEFAULT_CONCURRENCY = 5;
/** Room for what surrounds the records. */
const BATCH_BYTES = PAYLOAD_BYTES - 4096;
const RECEIVE_AT_MOST = 10;
const WAIT_SECONDS = 20;

type Message = {
  MessageId: string;
  ReceiptHandle: string;
  Body: string;
  MD5OfBody: string;
  Attributes?: Record<string, string>;
  MessageAttributes?: Record<string, { StringValue?: string; BinaryValue?: string; DataType: string }>;
};

/** Reads the mappings. @throws Error naming the place */
export function readMappings(assembly: Assembly, functions: Pick<Functions, 'specOf'>): Mapping[] {
  const queues = new Map(assembly.ofType('AWS::SQS::Queue').map((queue) => [queue.arn!, queue]));
  return assembly
    .ofType('AWS::Lambda::EventSourceMapping')
    .filter((mapping) => mapping.properties.Enabled !== false && !isOfStream(mapping))
    .map((mapping) => readMapping(mapping, queues, functions));
}

const KNOWN = new Set([
  'EventSourceArn',
  'FunctionName',
  'BatchSize',
  'MaximumBatchingWindowInSeconds',
  'ScalingConfig',
  'FunctionResponseTypes',
  'Enabled',
  'Tags',
]);

function readMapping(resource: Resource, queues: Map<string, Resource>, functions: Pick<Functions, 'specOf'>): Mapping {
  const { path, properties } = resource;
  const queue = queues.get(String(properties.EventSourceArn));
  if (!queue)
    throw new Error(`${path}: the local stack polls queues of the stack only, not ${properties.EventSourceArn}`);
  for (const property of Object.keys(properties))
    if (!KNOWN.has(property)) throw new Error(`${path}: ${property} is not known to the local stack`);
  const spec = functions.specOf(String(properties.FunctionName));
  const visibility = Number(queue.properties.VisibilityTimeout ?? 30);
  if (visibility < spec.timeoutSeconds)
    throw new Error(
      `${path}: the queue's visibility timeout (${visibility} s) is below the function's timeout (${spec.timeoutSeconds} s)`,
    );
  const batchSize = Number(properties.BatchSize ?? 10);
  const windowSeconds = Number(properties.MaximumBatchingWindowInSeconds ?? 0);
  if (batchSize > RECEIVE_AT_MOST && windowSeconds === 0)
    throw new Error(`${path}: a batch of ${batchSize} needs a batching window of at least 1 s`);
  const { MaximumConcurrency: maximum = DEFAULT_CONCURRENCY } = (properties.ScalingConfig ?? {}) as {
    MaximumConcurrency?: number;
  };
  if (maximum < 2) throw new Error(`${path}: MaximumConcurrency is ${maximum}; Lambda allows 2 to 1000`);
  return {
    path,
    queue: queue.name,
    queueArn: queue.arn!,
    functionName: spec.name,
    batchSize,
    windowSeconds,
    maximumConcurrency: maximum,
    partialFailures: ((properties.FunctionResponseTypes ?? []) as string[]).includes('ReportBatchItemFailures'),
  };
}

export type PollingOptions = {
  functions: Functions;
  roles: Roles;
  ask: Ask;
  /** Port of the proxy. */
  awsPort: number;
  region: string;
  onLog: (line: string) => void;
};

/** Starts polling. @throws Error when the function's role may not */
export function startMapping(mapping: Mapping, options: PollingOptions): { stop(): Promise<void> } {
  const { functions, roles, region } = options;
  for (const action of [...POLLER_NEEDS, 'sqs:ChangeMessageVisibility']) {
    const access = { action, resource: mapping.queueArn, context: { 'aws:securetransport': 'true' } };
    const { allowed } = roles.mark(mapping.functionName, access);
    if (!allowed && POLLER_NEEDS.includes(action))
      throw new Error(
        `${mapping.path}: the role of ${mapping.functionName} has no permission for ${action} on ${mapping.queueArn}`,
      );
  }
  functions.raiseCap(mapping.functionName, mapping.maximumConcurrency);
  let stopped = false;
  let tellStop = () => {};
  const stopping = new Promise<undefined>((resolve) => {
    tellStop = () => resolve(undefined);
  });
  const call = openQueue(mapping, options);
  const slots = Array.from({ length: mapping.maximumConcurrency }, () => poll());

  async function poll(): Promise<void> {
    while (!stopped) {
      try {
        const receiving = gather(mapping, call);
        const messages = await Promise.race([receiving, stopping]);
        if (stopped) {
          // A long poll can't be called back: what it still brings is put back at once, not when its visibility ends.
          receiving.then(call.release).catch(() => {});
          return;
        }
        for (const batch of cutBySize(messages ?? [])) await handOver(batch);
      } catch (error) {
        if (stopped) return;
        options.onLog(`mapping ${mapping.queue}: ${(error as Error).message}`);
        await sleep(500, undefined, { ref: false });
      }
    }
  }

  async function handOver(batch: Message[]): Promise<void> {
    const event = { Records: batch.map((message) => recordOf(message, mapping.queueArn, region)) };
    const result = await functions.invoke(mapping.functionName, event);
    if (!result.ok) {
      // What was taken, or not even begun, comes back when its visibility ends; throttled pollers slow down.
      if (result.kind === 'throttled') await sleep(1_000, undefined, { ref: false });
      return;
    }
    const failed = mapping.partialFailures ? failuresIn(result.payload, batch) : new Set<string>();
    await call.remove(batch.filter(({ MessageId: id }) => !failed.has(id)));
  }

  return {
    async stop() {
      stopped = true;
      tellStop();
      await Promise.allSettled(slots);
    },
  };
}

type Queue = {
  receive(count: number, waitSeconds: number): Promise<Message[]>;
  remove(messages: Message[]): Promise<void>;
  /** Makes them visible again now. */
  release(messages: Message[]): Promise<void>;
};

/** The poller's calls, signed as the function, through the proxy: allowed and counted as AWS does. */
function openQueue(mapping: Mapping, { functions, ask, awsPort, region }: PollingOptions): Queue {
  const key = functions.accessKeyOf(mapping.functionName);
  const QueueUrl = `http://127.0.0.1:${awsPort}/000000000000/${mapping.queue}`;
  async function call(operation: string, input: object) {
    const { status, body } = await ask({
      port: awsPort,
      method: 'POST',
      path: '/',
      headers: {
        'content-type': 'application/x-amz-json-1.0',
        'x-amz-target': `AmazonSQS.${operation}`,
        ...signedAs(key, region, 'sqs'),
      },
      body: Buffer.from(JSON.stringify({ QueueUrl, ...input })),
    });
    const answer = JSON.parse(body.toString() || '{}') as Record<string, unknown>;
    if (status !== 200) throw new Error(`${operation}: ${answer.message ?? answer.__type ?? status}`);
    return answer;
  }
  return {
    async receive(count, waitSeconds) {
      const { Messages: messages = [] } = await call('ReceiveMessage', {
        MaxNumberOfMessages: count,
        WaitTimeSeconds: waitSeconds,
        AttributeNames: ['All'],
        MessageAttributeNames: ['All'],
      });
      return messages as Message[];
    },
    remove: (messages) => inBatches('DeleteMessageBatch', messages, {}),
    release: (messages) => inBatches('ChangeMessageVisibilityBatch', messages, { VisibilityTimeout: 0 }),
  };

  async function inBatches(operation: string, messages: Message[], more: object): Promise<void> {
    for (let from = 0; from < messages.length; from += RECEIVE_AT_MOST) {
      const some = messages.slice(from, from + RECEIVE_AT_MOST);
      const Entries = some.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle, ...more }));
      await call(operation, { Entries });
    }
  }
}

/** One batch: the first messages, and what more comes within the window. */
async function gather({ batchSize, windowSeconds }: Mapping, queue: Queue): Promise<Message[]> {
  const messages = await queue.receive(Math.min(batchSize, RECEIVE_AT_MOST), WAIT_SECONDS);
  const deadline = Date.now() + windowSeconds * 1000;
  let bytes = sizeOf(messages);
  while (messages.length > 0 && messages.length < batchSize && bytes < BATCH_BYTES) {
    const left = deadline - Date.now();
    if (left <= 0) break;
    const more = await queue.receive(
      Math.min(batchSize - messages.length, RECEIVE_AT_MOST),
      // The API counts in whole seconds; less than one is a look at what is there.
      Math.floor(left / 1000),
    );
    if (more.length === 0 && left < 1000) {
      await sleep(Math.min(left, 100), undefined, { ref: false });
    }
    messages.push(...more);
    bytes += sizeOf(more);
  }
  return messages;
}

const sizeOf = (messages: Message[]) =>
  messages.reduce((sum, { Body: body }) => sum + Buffer.byteLength(JSON.stringify(body)) + 1024, 0);

/** Batches that fit into one invocation each. */
function cutBySize(messages: Message[]): Message[][] {
  const batches: Message[][] = [];
  let bytes = 0;
  for (const message of messages) {
    const size = sizeOf([message]);
    if (batches.length === 0 || bytes + size > BATCH_BYTES) {
      batches.push([]);
      bytes = 0;
    }
    batches.at(-1)!.push(message);
    bytes += size;
  }
  return batches;
}

function recordOf(message: Message, queueArn: string, region: string) {
  return {
    messageId: message.MessageId,
    receiptHandle: message.ReceiptHandle,
    body: message.Body,
    attributes: message.Attributes ?? {},
    messageAttributes: Object.fromEntries(
      Object.entries(message.MessageAttributes ?? {}).map(([name, { StringValue, BinaryValue, DataType }]) => [
        name,
        {
          ...(StringValue === undefined ? {} : { stringValue: StringValue }),
          ...(BinaryValue === undefined ? {} : { binaryValue: BinaryValue }),
          dataType: DataType,
        },
      ]),
    ),
    md5OfBody: message.MD5OfBody,
    eventSource: 'aws:sqs',
    eventSourceARN: queueArn,
    awsRegion: region,
  };
}

/**
 * Which messages of a batch failed. An answer that Lambda would not understand fails them all ("Reporting batch item
 * failures": an unknown, empty or null identifier, or not that JSON); an empty one means that all went well.
 */
export function failuresIn(payload: string, batch: readonly { MessageId: string }[]): Set<string> {
  const all = new Set(batch.map(({ MessageId: id }) => id));
  let answer: unknown;
  try {
    answer = JSON.parse(payload);
  } catch {
    return all;
  }
  if (answer === null || answer === '') return new Set();
  const { batchItemFailures: failures } = answer as { batchItemFailures?: unknown };
  if (failures === undefined || failures === null) return new Set();
  if (!Array.isArray(failures)) return all;
  const named = failures.map((one) => (one as { itemIdentifier?: unknown } | null)?.itemIdentifier);
  return named.every((id) => typeof id === 'string' && all.has(id)) ? new Set(named as string[]) : all;
}
