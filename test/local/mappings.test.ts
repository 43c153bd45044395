import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failuresIn } from '../../local/mappings.ts';
import { total } from '../../local/meter.ts';
import { type LocalStack, startStack } from '../../local/stack.ts';
import { smallTemplate, until, writeAssembly } from './small-stack.ts';

describe('with real queues', () => {
  const assembly = writeAssembly();
  let stack: LocalStack;
  beforeAll(async () => {
    stack = await startStack({ ...assembly.options, paused: true });
  });
  afterAll(async () => {
    await stack.stop();
    assembly.remove();
  });
  const queue = (name: string) => stack.queues.inspect().find((one) => one.name === `Small-${name}`)!;
  const dead = () =>
    queue('Dead')
      .messages.map(({ body }) => (JSON.parse(body) as { name: string }).name)
      .sort();
  const empty = () => queue('Work').messages.length === 0;
  const send = (bodies: object[]) =>
    stack.invoke(
      'api',
      bodies.map((body) => ({
        service: 'sqs',
        command: 'SendMessage',
        input: { QueueUrl: `${stack.awsUrl}/000000000000/Small-Work`, MessageBody: JSON.stringify(body) },
      })),
    );
  const batches = () =>
    readFileSync(join(assembly.folder, 'logs', 'worker.log'), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('batch '))
      .map((line) => JSON.parse(line.slice(6)) as Record<string, unknown>[]);

  it('every mask of failures in a batch: what failed is dead after its receives, what did not is gone; and a poison batch', async () => {
    // Prepare: 8 masks of 3 messages, and one batch that throws.
    const masks = Array.from({ length: 8 }, (_, mask) =>
      [0, 1, 2].map((bit) => ({ name: `${mask}.${bit}`, fail: (mask & (1 << bit)) !== 0 })),
    );
    const failing = masks.flat().filter(({ fail }) => fail);

    // Act
    for (const mask of masks) await send(mask);
    stack.resume();
    await until('the queue to run dry', empty, 12_000);
    await send([{ name: 'poison', throw: true }]);
    await until('the poison to be dead', () => dead().includes('poison'), 12_000);

    // Assess
    expect(dead()).toEqual([...failing.map(({ name }) => name), 'poison'].sort());
    expect(queue('Dead')).toMatchObject({ dead: true, ready: 13 });
    expect(Math.max(...batches().map((records) => records.length))).toBeLessThanOrEqual(3);
  }, 30_000);

  it('what is delayed is taken when its time has come, and not before', async () => {
    const delayed = { DelaySeconds: 900, QueueUrl: `${stack.awsUrl}/000000000000/Small-Work` };
    await stack.invoke('api', [
      { service: 'sqs', command: 'SendMessage', input: { ...delayed, MessageBody: '{"name":"early"}' } },
      { service: 'sqs', command: 'SendMessage', input: { ...delayed, MessageBody: '{"name":"late"}' } },
    ]);
    stack.queues.endDelays((body) => body.includes('early'));
    await until('the one to be taken', () => queue('Work').messages.length === 1, 12_000);
    expect(queue('Work')).toMatchObject({ delayed: 1, messages: [{ body: '{"name":"late"}' }] });
    stack.queues.endDelays(() => true);
    await until('the other', empty, 12_000);
  });

  it('records are what Lambda hands over', () => {
    const record = batches()
      .flat()
      .find(({ body }) => String(body).includes('"1.0"'))!;
    expect(record).toMatchObject({
      messageId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      receiptHandle: expect.any(String),
      attributes: { ApproximateReceiveCount: '1', SentTimestamp: expect.stringMatching(/^\d{13}$/) },
      messageAttributes: {},
      md5OfBody: expect.stringMatching(/^[0-9a-f]{32}$/),
      eventSource: 'aws:sqs',
      eventSourceARN: 'arn:aws:sqs:us-east-1:000000000000:Small-Work',
      awsRegion: 'us-east-1',
    });
  });

  it('the poller’s calls are counted as the function’s, and no more environments ran than the mapping allows', () => {
    const snapshot = stack.meter.snapshot();
    expect(total(snapshot, 'chunks', { function: 'worker', action: 'DeleteMessageBatch' })).toBeGreaterThan(0);
    expect(total(snapshot, 'chunks', { function: 'worker', action: 'ReceiveMessage' })).toBeGreaterThan(8);
    expect(stack.environments().filter((one) => one.function === 'worker').length).toBeLessThanOrEqual(2);
  });
});

describe('a paused mapping', () => {
  it('puts back at once what its last poll still brought, and goes on when it is resumed', async () => {
    // Prepare: a visibility so long that a message kept by the poll would not be seen again in this test.
    const assembly = writeAssembly(
      smallTemplate({ properties: { Work: { VisibilityTimeout: 600, RedrivePolicy: undefined } } }),
    );
    const stack = await startStack(assembly.options);
    const messages = () => stack.queues.inspect().find(({ name }) => name === 'Small-Work')!;
    const putBack = () => total(stack.meter.snapshot(), 'requests', { action: 'ChangeMessageVisibilityBatch' });
    await stack.pause();

    // Act
    const input = { QueueUrl: `${stack.awsUrl}/000000000000/Small-Work`, MessageBody: '{"name":"late"}' };
    await stack.invoke('api', { service: 'sqs', command: 'SendMessage', input });
    await until('the poll to put it back', () => putBack() > 0);
    stack.resume();

    // Assess
    await until('the message to be worked off', () => messages().messages.length === 0);
    await stack.stop();
    assembly.remove();
  });
});

describe('refused', () => {
  const WORK = { 'Fn::GetAtt': ['Work', 'Arn'] };
  it.each<[string, Record<string, object>, string]>([
    [
      'a stream of another kind',
      { Mapping: { EventSourceArn: 'arn:aws:kinesis:us-east-1:000000000000:stream/T' } },
      'polls queues of the stack only',
    ],
    ['a short visibility', { Work: { VisibilityTimeout: 0 } }, 'visibility timeout (0 s) is below'],
    ['a large batch without a window', { Mapping: { BatchSize: 100 } }, 'needs a batching window'],
    ['a concurrency of one', { Mapping: { ScalingConfig: { MaximumConcurrency: 1 } } }, 'Lambda allows 2 to 1000'],
    ['a filter', { Mapping: { FilterCriteria: { Filters: [] } } }, 'FilterCriteria is not known'],
    [
      'a role that may not poll',
      {
        WorkerRole: {
          Policies: [
            {
              PolicyName: 'Own',
              PolicyDocument: { Statement: [{ Effect: 'Allow', Action: 'sqs:ReceiveMessage', Resource: WORK }] },
            },
          ],
        },
      },
      'has no permission for sqs:DeleteMessage',
    ],
  ])('%s', async (_, properties, message) => {
    const assembly = writeAssembly(smallTemplate({ properties }));
    await expect(startStack(assembly.options)).rejects.toThrow(message);
    assembly.remove();
  });
});

describe('partial failures', () => {
  const batch = [{ MessageId: 'a' }, { MessageId: 'b' }];
  it.each<[string, string, string[]]>([
    ['none', '{"batchItemFailures":[]}', []],
    ['one', '{"batchItemFailures":[{"itemIdentifier":"b"}]}', ['b']],
    ['no answer', 'null', []],
    ['an empty object', '{}', []],
    ['null', '{"batchItemFailures":null}', []],
    ['no JSON', '<html>', ['a', 'b']],
    ['an unknown id', '{"batchItemFailures":[{"itemIdentifier":"c"}]}', ['a', 'b']],
    ['an empty id', '{"batchItemFailures":[{"itemIdentifier":""}]}', ['a', 'b']],
    ['a null id', '{"batchItemFailures":[{"itemIdentifier":null}]}', ['a', 'b']],
    ['another key', '{"batchItemFailures":[{"ItemIdentifier":"a"}]}', ['a', 'b']],
  ])('%s', (_, payload, failed) => expect([...failuresIn(payload, batch)]).toEqual(failed));
});
