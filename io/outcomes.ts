/**
 * Outcomes by the batch: up to 25 in one call, each inserted only where there is none. PartiQL's INSERT is conditional by
 * itself and answers for each item, which BatchWriteItem does not; it consumes what a put consumes. What a statement says
 * against an item, a single conditional put decides (io/messages.ts): whether the outcome that stands gives way, and what a
 * throttled table needs.
 */
import { type AttributeValue, BatchExecuteStatementCommand } from '@aws-sdk/client-dynamodb';
import type { OutcomeRecord } from '../core/records/messages.ts';
import type { Table } from './aws.ts';

export type Recorded = 'recorded' | 'already-final';

/** BatchExecuteStatement takes 25 (DynamoDB quotas). */
const BATCH = 25;
/** Milliseconds that an outcome waits for others, while others are expected. */
const LINGER = 200;

type Waiting = { record: OutcomeRecord; resolve: (recorded: Recorded) => void; reject: (error: Error) => void };

/** @param putOne the conditional put of one outcome */
export function batchOutcomes(table: string, client: Table, putOne: (record: OutcomeRecord) => Promise<Recorded>) {
  let waiting: Waiting[] = [];
  let timer: NodeJS.Timeout | undefined;

  /**
   * Writes a copy's outcome, once: as `recordOutcome` of io/messages.ts, perhaps together with others, and within a second.
   * @param more whether other copies' outcomes are still to come: then it may wait for them
   * @throws Error when it is not known to be written
   */
  const recordOutcome = (record: OutcomeRecord, more = false): Promise<Recorded> =>
    new Promise((resolve, reject) => {
      // A call that names one key twice is refused whole.
      if (waiting.some((one) => one.record.pk === record.pk && one.record.sk === record.sk)) flush();
      waiting.push({ record, resolve, reject });
      if (!more || waiting.length >= BATCH) flush();
      else timer ??= setTimeout(flush, LINGER);
    });
  return { recordOutcome };

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    const batch = waiting;
    waiting = [];
    write(batch).catch((error: Error) => {
      for (const { reject } of batch) reject(error);
    });
  }

  async function write(batch: Waiting[]): Promise<void> {
    const putAlone = ({ record, resolve, reject }: Waiting) => void putOne(record).then(resolve, reject);
    if (batch.length === 1) return putAlone(batch[0]!);
    const Statements = batch.map(({ record }) => insertion(table, record));
    const { Responses = [] } = await client.send(new BatchExecuteStatementCommand({ Statements }));
    for (const [n, one] of batch.entries()) {
      const answer = Responses[n];
      if (answer && !answer.Error) one.resolve('recorded');
      else putAlone(one);
    }
  }
}

/** The records' few shapes make few statements; their values are parameters all. */
function insertion(table: string, record: OutcomeRecord) {
  const fields = Object.entries(record).filter(([, value]) => value !== undefined);
  return {
    Statement: `INSERT INTO "${table}" VALUE {${fields.map(([name]) => `'${name}': ?`).join(', ')}}`,
    Parameters: fields.map(([, value]) => toAttribute(value)),
  };
}

function toAttribute(value: unknown): AttributeValue {
  if (typeof value === 'string') return { S: value };
  if (typeof value === 'number') return { N: String(value) };
  if (Array.isArray(value)) return { L: value.map(toAttribute) };
  if (typeof value !== 'object' || value === null) return { BOOL: value === true };
  return { M: Object.fromEntries(Object.entries(value).map(([name, one]) => [name, toAttribute(one)])) };
}
