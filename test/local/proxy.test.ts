/** The proxy before real emulators, called by real SDK clients in real functions. */
import { request } from 'node:http';
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { total } from '../../local/meter.ts';
import { priceOf } from '../../local/prices.ts';
import { type LocalStack, startStack } from '../../local/stack.ts';
import { writeAssembly } from './small-stack.ts';

type Asked = { service: string; command: string; input: object; retries?: number; timeout?: number };
const assembly = writeAssembly();
let stack: LocalStack;
const lines: string[] = [];

beforeAll(async () => {
  stack = await startStack({ ...assembly.options, paused: true, onLog: (line) => lines.push(line) });
});
afterAll(async () => {
  await stack.stop();
  assembly.remove();
});
afterEach(() => {
  stack.faults.clear();
  stack.denials.length = 0;
  stack.meter.reset();
});

async function ask<T = Record<string, unknown>>(asked: Asked | Asked[]): Promise<T> {
  const result = await stack.invoke('api', asked);
  if (!result.ok) throw new Error(result.message);
  return JSON.parse(result.payload) as T;
}
const table = (name = 'Small-Notes') => name;
const put = (Item: object, more: object = {}): Asked => ({
  service: 'dynamodb',
  command: 'PutItem',
  input: { TableName: table(), Item, ...more },
});
const note = (sk: string, more: object = {}) => ({ pk: { S: 'a' }, sk: { S: sk }, owner: { S: 'me' }, ...more });
const queueUrl = (name: string) => `${stack.awsUrl}/000000000000/Small-${name}`;
const send = (MessageBody: string, more: object = {}, queue = 'Work'): Asked => ({
  service: 'sqs',
  command: 'SendMessage',
  input: { QueueUrl: queueUrl(queue), MessageBody, ...more },
});
const units = (unit: Parameters<typeof total>[1], fits: object = {}) => total(stack.meter.snapshot(), unit, fits);

describe('permissions', () => {
  it('a call within the policy goes through, for each service', async () => {
    const answers = await ask<Record<string, unknown>[]>([
      put(note('1')),
      send('{}'),
      { service: 's3', command: 'PutObject', input: { Bucket: 'small-content', Key: 'notes/ä b.json', Body: 'hello' } },
      { service: 'secrets', command: 'GetSecretValue', input: { SecretId: secretArn() } },
    ]);
    expect(answers.filter(({ failed }) => failed)).toEqual([]);
    expect(answers[3]!.SecretString).toHaveLength(20);
    const read = { service: 's3', command: 'GetObject', input: { Bucket: 'small-content', Key: 'notes/ä b.json' } };
    expect(await ask(read)).toMatchObject({ Body: 'hello' });
    expect(stack.denials).toEqual([]);
  });

  it.each<[string, () => Asked, string, string]>([
    [
      'another action',
      () => ({ service: 'dynamodb', command: 'DeleteItem', input: { TableName: table(), Key: note('1') } }),
      'dynamodb:DeleteItem',
      'arn:aws:dynamodb:us-east-1:000000000000:table/Small-Notes',
    ],
    [
      'another queue',
      () => send('{}', {}, 'Other'),
      'sqs:SendMessage',
      'arn:aws:sqs:us-east-1:000000000000:Small-Other',
    ],
    [
      'another prefix',
      () => ({ service: 's3', command: 'GetObject', input: { Bucket: 'small-content', Key: 'keys/a' } }),
      's3:GetObject',
      'arn:aws:s3:::small-content/keys/a',
    ],
    [
      'no encryption context',
      () => ({ service: 'kms', command: 'Encrypt', input: { KeyId: keyArn(), Plaintext: { 0: 1 } } }),
      'kms:Encrypt',
      '',
    ],
  ])('%s is AccessDenied, and the record names function, action and resource', async (_, asked, action, resource) => {
    // Act
    const answer = await ask(asked());

    // Assess
    expect(answer.failed).toMatch(/^AccessDenied/);
    expect(stack.denials).toEqual([
      {
        function: 'api',
        action,
        resource: expect.any(String),
        message: expect.stringContaining(`function api is not authorized to perform ${action} on `),
      },
    ]);
    if (resource) expect(stack.denials[0]!.resource).toBe(resource);
  });

  it('a batch is denied when one of its tables is', async () => {
    const input = {
      RequestItems: {
        'Small-Notes': { Keys: [{ pk: { S: 'a' }, sk: { S: '1' } }] },
        Other: { Keys: [{ pk: { S: 'a' } }] },
      },
    };
    const answer = await ask({ service: 'dynamodb', command: 'BatchGetItem', input });
    expect(answer.failed).toBe('AccessDeniedException');
    expect(stack.denials[0]!.resource).toMatch(/table\/Other$/);
  });

  it('a caller without a key of this stack is refused', async () => {
    // Attack: a program on this machine that calls the emulators' front with made-up credentials.
    const headers = {
      'x-amz-target': 'DynamoDB_20120810.ListTables',
      authorization: 'AWS4-HMAC-SHA256 Credential=AKIAFOREIGN/x/y/z/aws4_request',
    };
    const answer = await fetch(stack.awsUrl, { method: 'POST', headers, body: '{}' });
    expect(answer.status).toBe(403);
    expect(await answer.json()).toMatchObject({ __type: expect.stringContaining('UnrecognizedClientException') });
  });

  it('a name that is not loopback is refused', async () => {
    // Attack: a page whose DNS name was rebound to 127.0.0.1 calls as the operator from the user's own browser.
    const status = (host: string) =>
      new Promise<string>((resolve, reject) => {
        const asked = request(stack.awsUrl, { headers: { host } }, async (got) => resolve(String(await got.toArray())));
        asked.on('error', reject).end();
      });
    expect(await status('attacker.example')).toContain('loopback names only');
    expect(await status(`localhost:${new URL(stack.awsUrl).port}`)).toContain('UnrecognizedClientException');
  });

  it('a service without an emulator is refused by name', async () => {
    const headers = {
      'x-amz-target': 'AWSStepFunctions.StartExecution',
      authorization: 'AWS4-HMAC-SHA256 Credential=operator/x/y/z/aws4_request',
    };
    const answer = await fetch(stack.awsUrl, { method: 'POST', headers, body: '{}' });
    expect(await answer.json()).toMatchObject({
      message: 'the local stack does not run AWSStepFunctions.StartExecution',
    });
  });

  it('statements that nothing used are named; the poller uses its own', async () => {
    // Act
    await ask([put(note('2')), send('{}')]);
    const context = { account: 'a' };
    const sealed = await ask({
      service: 'kms',
      command: 'Encrypt',
      input: { KeyId: keyArn(), Plaintext: new Uint8Array([1]), EncryptionContext: context },
    });
    expect(sealed.failed).toBeUndefined();
    const unused = stack.unusedStatements();

    // Assess
    const of = (name: string) => unused.filter((one) => one.function === name);
    expect(of('api')).toContainEqual({
      function: 'api',
      statement: 'Small/ApiRole.Own[3]',
      actions: ['kms:Decrypt'],
      resources: [keyArn()],
    });
    expect(of('api').flatMap(({ actions }) => actions)).not.toContain('sqs:SendMessage');
    expect(of('worker')).toHaveLength(1);
    stack.resume();
    await stack.pause();
    expect(stack.unusedStatements().filter((one) => one.function === 'worker')).toEqual([]);
  });
});

describe('keys', () => {
  it('a ciphertext opens with its own context only', async () => {
    // Attack: one account's DKIM key, decrypted in the name of another.
    const encrypt = { KeyId: keyArn(), Plaintext: new Uint8Array([1, 2, 3]), EncryptionContext: { account: 'a' } };
    const { CiphertextBlob: blob } = await ask<{ CiphertextBlob: Record<string, number> }>({
      service: 'kms',
      command: 'Encrypt',
      input: encrypt,
    });
    const decrypt = (account: string): Asked => ({
      service: 'kms',
      command: 'Decrypt',
      input: { CiphertextBlob: blob, EncryptionContext: { account } },
    });
    expect((await ask(decrypt('b'))).failed).toBe('InvalidCiphertextException');
    expect((await ask(decrypt('a'))).Plaintext).toEqual({ 0: 1, 1: 2, 2: 3 });
  });
});

describe('the command line', () => {
  it('reads the outputs of the stack', async () => {
    const credentials = { accessKeyId: stack.operatorEnvironment.AWS_ACCESS_KEY_ID!, secretAccessKey: 'local' };
    const client = new CloudFormationClient({ endpoint: stack.awsUrl, region: stack.region, credentials });
    const { Stacks: stacks } = await client.send(new DescribeStacksCommand({ StackName: 'Small' }));
    expect(stacks![0]!.Outputs).toEqual([{ OutputKey: 'ApiUrl', OutputValue: stack.apiUrl }]);
    await expect(client.send(new DescribeStacksCommand({ StackName: 'Other' }))).rejects.toThrow('does not exist');
    client.destroy();
  });
});

describe('the meter', () => {
  it('DynamoDB: units by table and index, also of a refused condition; the caller sees none of it', async () => {
    // Act
    const [written, refused] = await ask<Record<string, unknown>[]>([
      put(note('3', { text: { S: 'x'.repeat(2500) } })),
      put({ pk: { S: 'a' }, sk: { S: '3b' } }, { ConditionExpression: 'attribute_exists(pk)' }),
    ]);
    const get = { TableName: table(), Key: { pk: { S: 'a' }, sk: { S: '3' } } };
    const read = await ask({
      service: 'dynamodb',
      command: 'GetItem',
      input: { ...get, ConsistentRead: true, ReturnConsumedCapacity: 'TOTAL' },
    });

    // Assess
    expect(written).toEqual({});
    expect(refused!.failed).toBe('ConditionalCheckFailedException');
    expect(read).toHaveProperty('ConsumedCapacity');
    expect(units('writeUnits', { service: 'dynamodb', resource: 'Small-Notes' })).toBe(3 + 1);
    expect(units('writeUnits', { service: 'dynamodb', resource: 'Small-Notes/byOwner' })).toBe(1);
    expect(units('readUnits', { service: 'dynamodb' })).toBe(1);
  });

  it('SQS: chunks of 64 KB, and the surcharge of fair queues', async () => {
    await ask([send('x'.repeat(70_000))]);
    expect([units('chunks', { function: 'api' }), units('fairChunks', { function: 'api' })]).toEqual([2, 0]);
    await ask([send('x', { MessageGroupId: 'a' })]);
    expect([units('chunks', { function: 'api' }), units('fairChunks', { function: 'api' })]).toEqual([3, 1]);
  });

  it('prices what it counted', async () => {
    await ask([put(note('4'))]);
    const { total: usd, terms } = priceOf(stack.meter.snapshot());
    expect(terms.map(({ term }) => term)).toEqual(
      expect.arrayContaining(['Lambda requests', 'Lambda GB-seconds', 'DynamoDB writes']),
    );
    expect(terms.find(({ term }) => term === 'DynamoDB writes')).toMatchObject({ quantity: 2, usd: 2 * 0.000000625 });
    expect(usd).toBeCloseTo(
      terms.reduce((sum, term) => sum + term.usd, 0),
      12,
    );
  });
});

describe('faults', () => {
  it.each<[string, object, object]>([
    ['throttle', { kind: 'throttle' }, { failed: 'ProvisionedThroughputExceededException' }],
    ['error500', { kind: 'error500' }, { failed: 'InternalServerError', status: 500 }],
    ['reset', { kind: 'reset' }, { failed: expect.any(String) }],
  ])('%s strikes as often as asked, then no more', async (_, fault, expected) => {
    const armed = stack.faults.add({ function: 'api', service: 'dynamodb', times: 1, ...(fault as { kind: 'reset' }) });
    expect(await ask(put(note('5')))).toMatchObject(expected);
    expect(await ask(put(note('5')))).toEqual({});
    expect(armed.fired).toBe(1);
  });

  it('the SDK gets over a fault by its own retries', async () => {
    stack.faults.add({ service: 'dynamodb', action: 'PutItem', kind: 'error500', times: 1 });
    expect(await ask({ ...put(note('6')), retries: 3 })).toEqual({});
  });

  it.each([
    ['timeout-before', 0],
    ['timeout-after', 1],
  ] as const)('%s: no answer, and %i messages in the queue', async (kind, expected) => {
    const before = other();
    stack.faults.add({ service: 'sqs', kind, times: 1, holdMs: 3_000 });
    const answer = await ask({ ...send('{"fault":1}'), timeout: 150 });
    expect(answer.failed).toBe('TimeoutError');
    expect(other() - before).toBe(expected);
  });
});

const work = () => stack.queues.inspect().find(({ name }) => name === 'Small-Work')!;
const other = () => work().messages.filter(({ body }) => body === '{"fault":1}').length;
const keyArn = () => stack.assembly.ofType('AWS::KMS::Key')[0]!.arn!;
const secretArn = () => stack.assembly.ofType('AWS::SecretsManager::Secret')[0]!.ref;
