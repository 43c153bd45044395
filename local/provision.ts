/**
 * Makes the template's tables, queues and buckets in the emulators, and says so when what is there from an earlier run
 * no longer fits. Doing it again changes nothing; a changed queue attribute or TTL takes effect.
 * It refuses a data folder of another format, and a table whose keys or indexes have changed: DynamoDB can't change those
 * either, and guessing would lose mail without a word.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FauxqsServer } from 'fauxqs';
import { type Ask, signedAs } from './http.ts';
import { NO_VISIBILITY } from './proxy.ts';
import type { Assembly, Resource } from './template.ts';

/** Raised when what is kept in the data folder changes its meaning. */
const FORMAT = 1;

/** Makes the data folder, or checks that it is one of ours. @throws Error saying what to do */
export function openFolder(folder: string): void {
  const file = join(folder, 'format.json');
  if (existsSync(file)) {
    let format: unknown;
    try {
      format = JSON.parse(readFileSync(file, 'utf8')).format;
    } catch {
      format = 'unreadable';
    }
    if (format !== FORMAT) throw stale(folder, `its format is ${format}, this version reads ${FORMAT}`);
    return;
  }
  // Keys and mail: nobody else on this machine has to read them.
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  mkdirSync(join(folder, 'logs'), { recursive: true });
  writeFileSync(file, JSON.stringify({ format: FORMAT }));
}

function stale(folder: string, why: string): Error {
  return new Error(
    `The data folder ${folder} does not fit this version of the stack: ${why}. Delete the folder (the mail in it goes with it) and start again.`,
  );
}

type KeySchema = { AttributeName: string; KeyType: string }[];
type Index = { IndexName: string; KeySchema: KeySchema; Projection: { ProjectionType: string } };
type Described = {
  KeySchema: KeySchema;
  GlobalSecondaryIndexes?: Index[];
  StreamSpecification?: { StreamEnabled?: boolean; StreamViewType?: string };
};

/** The partition key attribute of each table, by name. */
export function hashKeysOf(assembly: Assembly): Map<string, string> {
  return new Map(
    tablesOf(assembly).map((table) => [
      table.name,
      (table.properties.KeySchema as KeySchema).find(({ KeyType }) => KeyType === 'HASH')!.AttributeName,
    ]),
  );
}

export const tablesOf = (assembly: Assembly): Resource[] =>
  assembly.ofType('AWS::DynamoDB::Table', 'AWS::DynamoDB::GlobalTable');

/** @param folder only for the message of a stale one */
export async function provision(
  assembly: Assembly,
  emulators: { ask: Ask; dynamodbPort: number; fauxqs: FauxqsServer; fauxqsPort: number },
  folder: string,
): Promise<void> {
  await Promise.all([
    ...tablesOf(assembly).map((table) => makeTable(table, emulators.ask, emulators.dynamodbPort, folder)),
    makeQueues(assembly, emulators),
  ]);
  for (const bucket of assembly.ofType('AWS::S3::Bucket')) emulators.fauxqs.createBucket(bucket.name);
}

async function makeTable(table: Resource, ask: Ask, port: number, folder: string): Promise<void> {
  const { properties: wanted } = table;
  const dynamodb = (operation: string, input: object) => call(ask, port, `DynamoDB_20120810.${operation}`, input);
  const described = await dynamodb('DescribeTable', { TableName: table.name });
  if (described.status !== 200) {
    const made = await dynamodb('CreateTable', {
      TableName: table.name,
      KeySchema: wanted.KeySchema,
      AttributeDefinitions: wanted.AttributeDefinitions,
      BillingMode: 'PAY_PER_REQUEST',
      ...(wanted.GlobalSecondaryIndexes ? { GlobalSecondaryIndexes: indexesOf(wanted) } : {}),
      ...(wanted.LocalSecondaryIndexes ? { LocalSecondaryIndexes: wanted.LocalSecondaryIndexes } : {}),
      ...(wanted.StreamSpecification
        ? { StreamSpecification: { ...(wanted.StreamSpecification as object), StreamEnabled: true } }
        : {}),
    });
    if (made.status !== 200) throw new Error(`${table.path}: the table was not made: ${JSON.stringify(made.value)}`);
  } else {
    const had = (described.value as { Table: Described }).Table;
    if (shape(had) !== shape(wanted as Described))
      throw stale(folder, `the keys or indexes of table ${table.name} changed`);
  }
  const ttl = wanted.TimeToLiveSpecification as { AttributeName: string; Enabled: boolean } | undefined;
  if (ttl) {
    const { value } = await dynamodb('DescribeTimeToLive', { TableName: table.name });
    const { TimeToLiveStatus: status = 'DISABLED' } =
      (value as { TimeToLiveDescription?: { TimeToLiveStatus?: string } }).TimeToLiveDescription ?? {};
    if (ttl.Enabled === (status !== 'ENABLED'))
      await dynamodb('UpdateTimeToLive', { TableName: table.name, TimeToLiveSpecification: ttl });
  }
}

function indexesOf({ GlobalSecondaryIndexes: indexes }: Record<string, unknown>): Index[] {
  return (indexes as Index[]).map(({ IndexName, KeySchema, Projection }) => ({ IndexName, KeySchema, Projection }));
}

/** What can't be changed afterwards, as text. */
function shape(table: Described): string {
  const keys = (schema: KeySchema) => schema.map(({ AttributeName, KeyType }) => `${KeyType} ${AttributeName}`).sort();
  const indexes = (table.GlobalSecondaryIndexes ?? [])
    .map(({ IndexName, KeySchema, Projection }) => [IndexName, Projection.ProjectionType, ...keys(KeySchema)].join(' '))
    .sort();
  return JSON.stringify([keys(table.KeySchema), indexes, table.StreamSpecification?.StreamViewType ?? '']);
}

async function makeQueues(
  assembly: Assembly,
  { ask, fauxqs, fauxqsPort }: { ask: Ask; fauxqs: FauxqsServer; fauxqsPort: number },
): Promise<void> {
  for (const queue of assembly.ofType('AWS::SQS::Queue')) {
    const attributes = queueAttributes(queue);
    const there = fauxqs.inspectQueue(queue.name);
    if (!there) {
      fauxqs.createQueue(queue.name, { attributes });
      continue;
    }
    const QueueUrl = there.url;
    // An attribute that the template no longer has goes back to its default.
    const reset = there.attributes.RedrivePolicy && !attributes.RedrivePolicy ? { RedrivePolicy: '' } : {};
    const changed = { ...reset, ...attributes };
    const set = await call(ask, fauxqsPort, 'AmazonSQS.SetQueueAttributes', { QueueUrl, Attributes: changed });
    if (set.status !== 200) throw new Error(`${queue.path}: its attributes were not set: ${JSON.stringify(set.value)}`);
    // What was in flight when the last run ended has no worker any more: nobody has to wait for its visibility to end.
    for (const { receiptHandle } of there.messages.inflight)
      await call(ask, fauxqsPort, 'AmazonSQS.ChangeMessageVisibility', {
        QueueUrl,
        ReceiptHandle: receiptHandle,
        VisibilityTimeout: NO_VISIBILITY,
      });
  }
}

/** CloudFormation's properties as the API's attributes (SQS API Reference, CreateQueue), with the API's defaults. */
function queueAttributes({ properties }: Resource): Record<string, string> {
  const { RedrivePolicy: redrive, FifoQueue: fifo } = properties;
  return {
    VisibilityTimeout: String(properties.VisibilityTimeout ?? 30),
    DelaySeconds: String(properties.DelaySeconds ?? 0),
    MaximumMessageSize: String(properties.MaximumMessageSize ?? 1_048_576),
    MessageRetentionPeriod: String(properties.MessageRetentionPeriod ?? 345_600),
    ReceiveMessageWaitTimeSeconds: String(properties.ReceiveMessageWaitTimeSeconds ?? 0),
    ...(redrive ? { RedrivePolicy: JSON.stringify(redrive) } : {}),
    ...(fifo ? { FifoQueue: 'true' } : {}),
  };
}

async function call(ask: Ask, port: number, target: string, input: object) {
  const { status, body } = await ask({
    port,
    method: 'POST',
    path: '/',
    headers: {
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': target,
      ...signedAs('AKIALOCALPROVISION00', 'us-east-1', 'any'),
    },
    body: Buffer.from(JSON.stringify(input)),
  });
  return { status, value: (body.length > 0 ? JSON.parse(body.toString()) : {}) as unknown };
}
