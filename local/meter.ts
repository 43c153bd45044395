/**
 * What the stack used, in the units that AWS bills: exact counts, by function, service, action and resource.
 * Sources of the units: the services' pricing pages, as gathered in `prices.ts`.
 */
import type { Call } from './calls.ts';

export type Unit =
  | 'requests'
  /** SQS: requests by 64 KiB of payload. */
  | 'chunks'
  /** SQS: chunks that bear the fair-queue surcharge. */
  | 'fairChunks'
  /** SQS: receives that brought nothing (they are in `requests`, not in `chunks`). */
  | 'emptyReceives'
  | 'readUnits'
  | 'writeUnits'
  | 'bytesIn'
  | 'bytesOut'
  /** Lambda: milliseconds, rounded up per invocation, and those times memory. */
  | 'billedMs'
  | 'gbSeconds'
  /** Fargate: hours of vCPUs, and of gigabytes, while a task runs. */
  | 'vcpuHours'
  | 'gbHours'
  /** API Gateway: requests by 512 KB. */
  | 'units512k';
export type Counts = Partial<Record<Unit, number>>;
export type Usage = { function: string; service: string; action: string; resource: string; counts: Counts };
export type Snapshot = { since: number; until: number; usages: Usage[] };

export type Meter = {
  add(usage: Usage): void;
  snapshot(): Snapshot;
  reset(): void;
};

export function openMeter(now: () => number = Date.now): Meter {
  let since = now();
  let usages = new Map<string, Usage>();
  return {
    add({ counts, ...key }) {
      const id = JSON.stringify([key.function, key.service, key.action, key.resource]);
      let usage = usages.get(id);
      if (!usage) {
        usage = { ...key, counts: {} };
        usages.set(id, usage);
      }
      for (const [unit, amount] of Object.entries(counts) as [Unit, number][])
        usage.counts[unit] = (usage.counts[unit] ?? 0) + amount;
    },
    snapshot: () => ({
      since,
      until: now(),
      usages: [...usages.values()].map((usage) => ({ ...usage, counts: { ...usage.counts } })),
    }),
    reset() {
      since = now();
      usages = new Map();
    },
  };
}

/** The sum of a unit over the usages that fit. */
export function total(snapshot: Snapshot, unit: Unit, fits: Partial<Omit<Usage, 'counts'>> = {}): number {
  const wanted = Object.entries(fits) as [keyof typeof fits, string][];
  return snapshot.usages
    .filter((usage) => wanted.every(([key, value]) => usage[key] === value))
    .reduce((sum, { counts }) => sum + (counts[unit] ?? 0), 0);
}

const SQS_CHUNK = 65_536;

export type Answer = { status: number; body: Buffer };

/** Queues that grouped messages were sent to: their receives and deletes bear the surcharge as well as the sends. */
export type FairQueues = Set<string>;

/**
 * Counts one call and its answer. SQS bills every request, a failed one too; DynamoDB what it says it consumed.
 * @param fair remembers which queues have groups, from one call to the next
 */
export function meterCall(
  meter: Meter,
  caller: string,
  call: Call,
  sent: number,
  answer: Answer,
  fair: FairQueues,
): void {
  const usage = { function: caller, service: call.service, action: call.operation, resource: call.resources.join(',') };
  if (call.service === 'dynamodb') {
    for (const [resource, counts] of capacityOf(call, answer)) meter.add({ ...usage, resource, counts });
    return;
  }
  const counts: Counts = { requests: 1, bytesIn: sent, bytesOut: answer.body.length };
  if (call.service === 'sqs') Object.assign(counts, sqsCounts(call, answer, fair));
  meter.add({ ...usage, counts });
}

function sqsCounts(call: Call, answer: Answer, fair: FairQueues): Counts {
  const [queue = ''] = call.resources;
  let payload = 0;
  if (call.operation === 'SendMessage' || call.operation === 'SendMessageBatch') {
    const entries = (call.input.Entries ?? [call.input]) as Record<string, unknown>[];
    payload = entries.reduce((sum, entry) => sum + messageBytes(entry.MessageBody, entry.MessageAttributes), 0);
    if (entries.some((entry) => entry.MessageGroupId !== undefined) && !queue.endsWith('.fifo')) fair.add(queue);
  } else if (call.operation === 'ReceiveMessage' && answer.status === 200) {
    const { Messages: messages = [] } = JSON.parse(answer.body.toString() || '{}') as {
      Messages?: { Body: string; MessageAttributes?: unknown }[];
    };
    if (messages.length === 0) return { emptyReceives: 1 };
    payload = messages.reduce((sum, message) => sum + messageBytes(message.Body, message.MessageAttributes), 0);
  }
  const chunks = Math.max(1, Math.ceil(payload / SQS_CHUNK));
  return { chunks, ...(fair.has(queue) ? { fairChunks: chunks } : {}) };
}

function messageBytes(body: unknown, attributes: unknown): number {
  let bytes = Buffer.byteLength(String(body ?? ''));
  for (const [name, value] of Object.entries((attributes ?? {}) as Record<string, Record<string, unknown>>))
    bytes += Buffer.byteLength(name) + Buffer.byteLength(Object.values(value).join(''));
  return bytes;
}

const READS = new Set(['GetItem', 'Query', 'Scan', 'BatchGetItem', 'TransactGetItems']);
const WRITES = new Set([
  'PutItem',
  'UpdateItem',
  'DeleteItem',
  'BatchWriteItem',
  'TransactWriteItems',
  'BatchExecuteStatement',
]);

/** Whether DynamoDB can say what a call consumed (`ReturnConsumedCapacity`). */
export const tellsCapacity = (call: Call): boolean =>
  call.service === 'dynamodb' && (READS.has(call.operation) || WRITES.has(call.operation));

/** Units by table and by `table/index`. */
function capacityOf(call: Call, answer: Answer): [string, Counts][] {
  const unit: Unit = READS.has(call.operation) ? 'readUnits' : 'writeUnits';
  const result: [string, Counts][] = [[call.resources.join(','), { requests: 1 }]];
  const parsed = parse(answer.body);
  if (answer.status !== 200) {
    // A failed condition consumes the write all the same, and the answer does not say how much (DynamoDB: "Conditional writes").
    const type = String(parsed.__type ?? '');
    if (/ConditionalCheckFailed|TransactionCanceled/.test(type)) result[0]![1].writeUnits = refusedUnits(call);
    return result;
  }
  for (const one of [parsed.ConsumedCapacity ?? []].flat() as Consumed[]) {
    const indexes = Object.entries({ ...one.GlobalSecondaryIndexes, ...one.LocalSecondaryIndexes });
    const own =
      one.Table?.CapacityUnits ?? one.CapacityUnits - sum(indexes.map(([, { CapacityUnits }]) => CapacityUnits));
    result.push([one.TableName, { [unit]: own }]);
    for (const [index, { CapacityUnits: units }] of indexes)
      result.push([`${one.TableName}/${index}`, { [unit]: units }]);
  }
  return result;
}

type Consumed = {
  TableName: string;
  CapacityUnits: number;
  Table?: { CapacityUnits: number };
  GlobalSecondaryIndexes?: Record<string, { CapacityUnits: number }>;
  LocalSecondaryIndexes?: Record<string, { CapacityUnits: number }>;
};

const itemUnits = (item: unknown) => Math.max(1, Math.ceil(Buffer.byteLength(JSON.stringify(item ?? '')) / 1024));

function refusedUnits(call: Call): number {
  const items = call.input.TransactItems as Record<string, { Item?: unknown }>[] | undefined;
  if (!items) return itemUnits(call.input.Item);
  return sum(items.map((item) => 2 * itemUnits(Object.values(item)[0]?.Item)));
}

function parse(body: Buffer): Record<string, unknown> {
  return body.length === 0 ? {} : (JSON.parse(body.toString()) as Record<string, unknown>);
}

const sum = (numbers: number[]) => numbers.reduce((a, b) => a + b, 0);
