/**
 * What an HTTP request to AWS asks for: service, API call, and the IAM actions with the resources they touch, as the
 * Service Authorization Reference maps them. It refuses (undefined) a call that it cannot map: what can't be named can't
 * be allowed.
 */
import type { Access } from './iam.ts';
import { accessOfRoute53, readRoute53 } from './route53.ts';

export type Request = {
  method: string;
  /** Path and query as sent. */
  url: string;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
};
export type Service = 'sqs' | 'dynamodb' | 's3' | 'kms' | 'secretsmanager' | 'cloudformation' | 'route53';
export type Call = {
  service: Service;
  /** The API's name of it: `SendMessageBatch`. */
  operation: string;
  accesses: Access[];
  /** Short names of what it touches: queue, tables, bucket. */
  resources: string[];
  /** The parsed body of a JSON protocol. */
  input: Record<string, unknown>;
};
/** What the mapping needs to know of the stack. */
export type Naming = {
  region: string;
  accountId: string;
  /** ARN of a key by id, ARN or alias. */
  keyArn: (keyId: string) => string | undefined;
  /** ARN of the key that made a ciphertext. */
  keyOfCiphertext: (blob: string) => string | undefined;
  /** ARN of a secret by ARN or name. */
  secretArn: (secretId: string) => string | undefined;
  /** The partition key attribute of a table. */
  hashKey: (table: string) => string | undefined;
};

const TARGETS: Record<string, Service> = {
  AmazonSQS: 'sqs',
  DynamoDB_20120810: 'dynamodb',
  TrentService: 'kms',
  secretsmanager: 'secretsmanager',
};
/** Batch calls are authorized as the single call (SQS Developer Guide, "API permissions"). */
const SQS_BATCH: Record<string, string> = {
  SendMessageBatch: 'SendMessage',
  DeleteMessageBatch: 'DeleteMessage',
  ChangeMessageVisibilityBatch: 'ChangeMessageVisibility',
};
const TRANSACT: Record<string, string> = {
  Put: 'PutItem',
  Update: 'UpdateItem',
  Delete: 'DeleteItem',
  ConditionCheck: 'ConditionCheckItem',
  Get: 'GetItem',
};

/** The access key id that signed a request, in its header or, of a presigned link, in its query; who that is, the proxy knows. */
export function accessKeyOf(headers: Request['headers'], url = '/'): string | undefined {
  const [, signed] = /Credential=([^/,\s]+)\//.exec(String(headers.authorization ?? '')) ?? [];
  return signed ?? new URL(url, 'http://aws').searchParams.get('X-Amz-Credential')?.split('/')[0];
}

/** Whether a presigned link is out of date. @param now milliseconds since the epoch */
export function hasExpired(url: string, now: number): boolean {
  const { searchParams: query } = new URL(url, 'http://aws');
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(query.get('X-Amz-Date') ?? '') ?? [];
  if (year === undefined) return false;
  const signedAt = Date.UTC(+year, +month! - 1, +day!, +hour!, +minute!, +second!);
  return now > signedAt + Number(query.get('X-Amz-Expires')) * 1_000;
}

/** Query parameters of an object that leave the action what the method says. */
const OBJECT_QUERY = /^(x-id|partNumber|uploadId|uploads|response-.*|X-Amz-.*)$/;

/** Maps a request. Undefined: not a call that the local stack knows. */
export function readCall(request: Request, naming: Naming): Call | undefined {
  const [prefix = '', operation = ''] = String(request.headers['x-amz-target'] ?? '').split('.');
  const service = TARGETS[prefix];
  if (service) {
    const input = JSON.parse(request.body.toString() || '{}') as Record<string, unknown>;
    const { accesses, resources } = JSON_SERVICES[service as keyof typeof JSON_SERVICES](operation, input, naming);
    return { service, operation, accesses, resources, input };
  }
  if (prefix) return undefined;
  const type = String(request.headers['content-type'] ?? '');
  if (request.method === 'POST' && type.startsWith('application/x-www-form-urlencoded')) {
    const form = Object.fromEntries(new URLSearchParams(request.body.toString()));
    if (form.Action !== 'DescribeStacks') return undefined;
    const access = { action: 'cloudformation:DescribeStacks', resource: '*', context: {} };
    return { service: 'cloudformation', operation: form.Action, accesses: [access], resources: [], input: form };
  }
  // REST on paths of its own, which a bucket could have too: the signature says which service is meant.
  if (/Credential=[^,\s]*\/route53\/aws4_request/.test(String(request.headers.authorization ?? ''))) {
    const call = readRoute53(request);
    return (
      call && {
        service: 'route53',
        operation: call.operation,
        accesses: [accessOfRoute53(call)],
        resources: [],
        input: call,
      }
    );
  }
  return s3Call(request);
}

type Mapped = Pick<Call, 'accesses' | 'resources'>;
const JSON_SERVICES = { sqs: sqsCall, dynamodb: dynamodbCall, kms: kmsCall, secretsmanager: secretsCall };

function sqsCall(operation: string, input: Record<string, unknown>, { region, accountId }: Naming): Mapped {
  const queue = String(input.QueueUrl ?? input.QueueName ?? '*').replace(/.*\//, '');
  const resource = `arn:aws:sqs:${region}:${accountId}:${queue}`;
  return {
    accesses: [{ action: `sqs:${SQS_BATCH[operation] ?? operation}`, resource, context: {} }],
    resources: [queue],
  };
}

function dynamodbCall(operation: string, input: Record<string, unknown>, naming: Naming): Mapped {
  const arn = (table: string, index?: unknown) =>
    `arn:aws:dynamodb:${naming.region}:${naming.accountId}:table/${table.replace(/.*table\//, '')}${index ? `/index/${index}` : ''}`;
  const accesses: Access[] = [];
  const tables: string[] = [];
  const add = (action: string, table: unknown, keys: unknown[] = [], index?: unknown) => {
    const name = String(table).replace(/.*table\//, '');
    const hash = naming.hashKey(name);
    const leading = hash === undefined ? [] : keys.flatMap((key) => leadingKey(key, hash));
    tables.push(name);
    accesses.push({
      action: `dynamodb:${action}`,
      resource: arn(name, index),
      context: leading.length > 0 ? { 'dynamodb:leadingkeys': leading } : {},
    });
  };
  if (operation === 'BatchGetItem' || operation === 'BatchWriteItem') {
    for (const [table, requests] of Object.entries((input.RequestItems ?? {}) as Record<string, unknown>)) {
      const keys = Array.isArray(requests)
        ? requests.map((one) => one.PutRequest?.Item ?? one.DeleteRequest?.Key)
        : (requests as { Keys?: unknown[] }).Keys;
      add(operation, table, keys);
    }
  } else if (operation === 'BatchExecuteStatement') {
    for (const { Statement } of (input.Statements ?? []) as { Statement: string }[]) {
      const [, table] = /^INSERT INTO "([^"]+)"/.exec(Statement) ?? [];
      add(table === undefined ? 'PartiQL' : 'PartiQLInsert', table ?? '*');
    }
  } else if (operation.startsWith('Transact')) {
    for (const item of (input.TransactItems ?? []) as Record<string, Record<string, unknown>>[])
      for (const [kind, one] of Object.entries(item)) add(TRANSACT[kind] ?? kind, one.TableName, [one.Item ?? one.Key]);
  } else {
    const keys = operation === 'Query' ? [queriedKey(input, naming)] : [input.Item ?? input.Key];
    add(operation, input.TableName ?? '*', keys, input.IndexName);
  }
  return { accesses, resources: [...new Set(tables)] };
}

function leadingKey(key: unknown, hash: string): string[] {
  const value = (key as Record<string, Record<string, unknown>> | undefined)?.[hash];
  return value ? [String(Object.values(value)[0])] : [];
}

/** The partition key of a Query, from `pk = :value` in its key condition. An index has keys of its own: none is read then. */
function queriedKey(input: Record<string, unknown>, naming: Naming): Record<string, unknown> | undefined {
  const hash = naming.hashKey(String(input.TableName));
  const names = (input.ExpressionAttributeNames ?? {}) as Record<string, string>;
  const values = (input.ExpressionAttributeValues ?? {}) as Record<string, unknown>;
  if (input.IndexName !== undefined || hash === undefined) return undefined;
  for (const [, name, value] of String(input.KeyConditionExpression ?? '').matchAll(/([#\w]+)\s*=\s*(:\w+)/g))
    if ((names[name!] ?? name) === hash) return { [hash]: values[value!] };
  return undefined;
}

function kmsCall(operation: string, input: Record<string, unknown>, naming: Naming): Mapped {
  const keyId = input.KeyId as string | undefined;
  const arn = keyId === undefined ? naming.keyOfCiphertext(String(input.CiphertextBlob)) : naming.keyArn(keyId);
  const context: Access['context'] = {};
  const pairs = Object.entries((input.EncryptionContext ?? {}) as Record<string, string>);
  for (const [key, value] of pairs) context[`kms:encryptioncontext:${key.toLowerCase()}`] = value;
  if (pairs.length > 0) context['kms:encryptioncontextkeys'] = pairs.map(([key]) => key);
  const resource = arn ?? `arn:aws:kms:${naming.region}:${naming.accountId}:key/${keyId ?? 'unknown'}`;
  return { accesses: [{ action: `kms:${operation}`, resource, context }], resources: [resource] };
}

function secretsCall(operation: string, input: Record<string, unknown>, naming: Naming): Mapped {
  const id = String(input.SecretId ?? '*');
  const resource = naming.secretArn(id) ?? `arn:aws:secretsmanager:${naming.region}:${naming.accountId}:secret:${id}`;
  return { accesses: [{ action: `secretsmanager:${operation}`, resource, context: {} }], resources: [resource] };
}

/** S3 by path style. HEAD is authorized as the GET, a multipart upload's parts as PutObject (S3 User Guide, "Actions"). */
function s3Call(request: Request): Call | undefined {
  const { pathname, searchParams: query } = new URL(request.url, 'http://s3');
  const [bucket, ...rest] = pathname.slice(1).split('/');
  if (!bucket) return undefined;
  const key = rest.join('/');
  const asked = s3Operation(request, key !== '', query);
  if (!asked) return undefined;
  const [operation, action] = asked;
  const arn = (name: string) => `arn:aws:s3:::${name}`;
  const prefix = query.get('prefix');
  const accesses: Access[] =
    operation === 'DeleteObjects'
      ? [...request.body.toString().matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, one]) => ({
          action,
          resource: arn(`${bucket}/${one}`),
          context: {},
        }))
      : [
          {
            action,
            resource: arn(key ? `${bucket}/${decodeURIComponent(key)}` : bucket),
            context: prefix === null ? {} : { 's3:prefix': prefix },
          },
        ];
  const source = request.headers['x-amz-copy-source'];
  if (operation === 'CopyObject')
    accesses.push({
      action: 's3:GetObject',
      resource: arn(decodeURIComponent(String(source)).replace(/^\//, '')),
      context: {},
    });
  return { service: 's3', operation, accesses, resources: [bucket], input: {} };
}

function s3Operation(request: Request, onObject: boolean, query: URLSearchParams): [string, string] | undefined {
  const { method } = request;
  if (!onObject) {
    if (method === 'GET' && query.get('list-type') === '2') return ['ListObjectsV2', 's3:ListBucket'];
    if (method === 'HEAD') return ['HeadBucket', 's3:ListBucket'];
    if (method === 'POST' && query.has('delete')) return ['DeleteObjects', 's3:DeleteObject'];
    return undefined;
  }
  // Another subresource (?tagging, ?acl ...) is another action.
  for (const name of query.keys()) if (!OBJECT_QUERY.test(name)) return undefined;
  if (query.has('uploadId') || query.has('uploads'))
    return method === 'DELETE' ? ['AbortMultipartUpload', 's3:AbortMultipartUpload'] : ['UploadPart', 's3:PutObject'];
  if (method === 'GET') return ['GetObject', 's3:GetObject'];
  if (method === 'HEAD') return ['HeadObject', 's3:GetObject'];
  if (method === 'DELETE') return ['DeleteObject', 's3:DeleteObject'];
  if (method !== 'PUT') return undefined;
  return request.headers['x-amz-copy-source'] ? ['CopyObject', 's3:PutObject'] : ['PutObject', 's3:PutObject'];
}
