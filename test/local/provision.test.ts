/** What is kept between starts, and what no longer fits. */
import { spawnSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { signedAs } from '../../local/http.ts';
import { type LocalStack, startStack } from '../../local/stack.ts';
import { smallTemplate, writeAssembly } from './small-stack.ts';

const removals: (() => void)[] = [];
afterEach(() => {
  for (const remove of removals.splice(0)) remove();
});
function prepare() {
  const assembly = writeAssembly();
  removals.push(assembly.remove);
  const rewrite = (template: object) =>
    writeFileSync(join(assembly.templateDir, 'Small.template.json'), JSON.stringify(template));
  return { ...assembly, rewrite, start: () => startStack({ ...assembly.options, paused: true }) };
}
async function ask(stack: LocalStack, asked: object): Promise<Record<string, unknown>> {
  const result = await stack.invoke('api', asked);
  if (!result.ok) throw new Error(result.message);
  return JSON.parse(result.payload) as Record<string, unknown>;
}
async function asOperator(stack: LocalStack, operation: string, input: object) {
  const answer = await fetch(stack.awsUrl, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': `AmazonSQS.${operation}`,
      ...signedAs('operator', 'us-east-1', 'sqs'),
    },
    body: JSON.stringify({ QueueUrl: `${stack.awsUrl}/000000000000/Small-Work`, ...input }),
  });
  expect(answer.status).toBe(200);
  return (await answer.json()) as Record<string, unknown>;
}
const receive = async (stack: LocalStack, input: object) => (await asOperator(stack, 'ReceiveMessage', input)).Messages;

const TableName = 'Small-Notes';
const Key = { pk: { S: 'a' }, sk: { S: '1' } };
const put = { service: 'dynamodb', command: 'PutItem', input: { TableName, Item: Key } };
const get = { service: 'dynamodb', command: 'GetItem', input: { TableName, Key } };

describe('a second start', () => {
  it('finds items, messages, objects and secrets; what was in flight is free again; changed attributes count', async () => {
    // Prepare
    const { start, rewrite } = prepare();
    const first = await start();
    const queue = (stack: LocalStack) => `${stack.awsUrl}/000000000000/Small-Work`;
    const object = { Bucket: 'small-content', Key: 'notes/1' };
    const secret = { service: 'secrets', command: 'GetSecretValue', input: { SecretId: 'Small-Secret' } };
    await ask(first, put);
    await ask(first, { service: 's3', command: 'PutObject', input: { ...object, Body: 'kept' } });
    for (const MessageBody of ['1', '2'])
      await ask(first, { service: 'sqs', command: 'SendMessage', input: { QueueUrl: queue(first), MessageBody } });
    const { SecretString: before } = await ask(first, secret);
    expect(await receive(first, { VisibilityTimeout: 600 })).toHaveLength(1);
    expect(first.queues.inspect()[1]).toMatchObject({ name: 'Small-Work', inflight: 1, ready: 1 });
    await first.stop();

    // Act
    rewrite(smallTemplate({ properties: { Work: { VisibilityTimeout: 7 } } }));
    const second = await start();

    // Assess
    expect((await ask(second, get)).Item).toEqual(Key);
    expect(await ask(second, { service: 's3', command: 'GetObject', input: object })).toMatchObject({ Body: 'kept' });
    expect((await ask(second, secret)).SecretString).toBe(before);
    expect(await receive(second, { MaxNumberOfMessages: 10 })).toHaveLength(2);
    const { Attributes: attributes } = await asOperator(second, 'GetQueueAttributes', { AttributeNames: ['All'] });
    expect(attributes).toMatchObject({ VisibilityTimeout: '7' });
    await second.stop();
  });
});

describe('a data folder', () => {
  it('whose tables had other keys is refused with what to do', async () => {
    const { start, rewrite, folder } = prepare();
    await (await start()).stop();
    rewrite(smallTemplate({ properties: { Notes: { GlobalSecondaryIndexes: [] } } }));
    await expect(start()).rejects.toThrow(
      `The data folder ${folder} does not fit this version of the stack: the keys or indexes of table Small-Notes changed. Delete the folder`,
    );
  });

  it('of another format is refused with what to do', async () => {
    const { start, folder } = prepare();
    await (await start()).stop();
    writeFileSync(join(folder, 'format.json'), '{"format":99}');
    await expect(start()).rejects.toThrow('its format is 99, this version reads 1. Delete the folder');
  });

  it('is readable by its owner only, and so are the keys in it', async () => {
    // Attack: another user of the machine reads mail, keys and secrets.
    const { start, folder } = prepare();
    await (await start()).stop();
    expect(statSync(folder).mode & 0o077).toBe(0);
    expect(statSync(join(folder, 'vault.json')).mode & 0o077).toBe(0);
  });
});

describe('the emulators', () => {
  it('listen on loopback only', async () => {
    // Attack: another machine of the network reads the queues, which have no authentication.
    const { start } = prepare();
    const stack = await start();
    const pid = process.pid;
    const inodes = spawnSync('ls', ['-l', `/proc/${pid}/fd`]).stdout.toString();
    const listening = readFileSync('/proc/net/tcp', 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter((columns) => columns[3] === '0A' && inodes.includes(`socket:[${columns[9]}]`));
    expect(listening.length).toBeGreaterThanOrEqual(3);
    expect(listening.filter((columns) => !columns[1]!.startsWith('0100007F:'))).toEqual([]);
    await stack.stop();
  });

  it('that are not there are missed in one sentence', async () => {
    const { start } = prepare();
    process.env.PENNYPOST_DYNAMODB_ENDPOINT = 'http://192.0.2.1:8000';
    try {
      await expect(start()).rejects.toThrow('the local stack uses only a DynamoDB on this machine');
    } finally {
      delete process.env.PENNYPOST_DYNAMODB_ENDPOINT;
    }
  });
});
