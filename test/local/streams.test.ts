/** Streams as Lambda's pollers read them: filters, and a whole stack whose function fails as it is told. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { startStack } from '../../local/stack.ts';
import { matches, readFilters } from '../../local/stream-filters.ts';
import { smallTemplate, until, writeAssembly } from './small-stack.ts';

const filtersOf = (...patterns: object[]) =>
  readFilters({ Filters: patterns.map((pattern) => ({ Pattern: JSON.stringify(pattern) })) }, 'Mapping');
const record = (eventName: string, image: object) => ({ eventName, dynamodb: { NewImage: image } });

describe('filters', () => {
  const news = filtersOf({
    eventName: ['INSERT', 'MODIFY'],
    dynamodb: { NewImage: { event: { S: [{ exists: true }] } } },
  });

  test('ours lets outcomes through, and neither requests nor what expired', () => {
    expect(matches(record('INSERT', { event: { S: 'delivered' } }), news)).toBe(true);
    expect(matches(record('INSERT', { copies: { N: '1' } }), news)).toBe(false);
    expect(matches({ eventName: 'REMOVE', dynamodb: {} }, news)).toBe(false);
  });

  test('any pattern is enough; prefixes and exceptions are known', () => {
    const some = filtersOf({ a: [{ prefix: 'x' }] }, { b: [{ 'anything-but': ['y'] }] });
    expect([{ a: 'xy' }, { b: 'z' }, { b: 'y' }, {}].map((one) => matches(one, some))).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect(matches({}, [])).toBe(true);
  });

  test('what is not known is refused, by its place', () => {
    expect(() => filtersOf({ a: [{ numeric: ['>', 1] }] })).toThrow('Mapping: the filter rule {"numeric":[">",1]}');
    expect(() => filtersOf({ a: 'x' })).toThrow('Mapping: a filter holds');
  });
});

describe('a function that follows a stream', () => {
  const arn = (id: string, attribute = 'Arn') => ({ 'Fn::GetAtt': [id, attribute] });
  const allow = (Action: string[], Resource: unknown) => ({ Effect: 'Allow', Action, Resource });
  const mapping = {
    EventSourceArn: arn('Notes', 'StreamArn'),
    FunctionName: { Ref: 'WorkerFunction' },
    StartingPosition: 'TRIM_HORIZON',
    BatchSize: 100,
    MaximumBatchingWindowInSeconds: 1,
    TumblingWindowInSeconds: 900,
    BisectBatchOnFunctionError: true,
    MaximumRetryAttempts: 1,
    DestinationConfig: { OnFailure: { Destination: arn('Other') } },
    FilterCriteria: { Filters: [{ Pattern: '{"dynamodb":{"NewImage":{"owner":{"S":[{"exists":true}]}}}}' }] },
  };
  const statements = [
    allow(
      ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility', 'sqs:GetQueueAttributes'],
      arn('Work'),
    ),
    allow(['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'], arn('Notes', 'StreamArn')),
    allow(['sqs:SendMessage'], arn('Other')),
  ];
  const following = (change: object = {}, granted: object[] = statements) =>
    writeAssembly(
      smallTemplate({
        properties: {
          Notes: { StreamSpecification: { StreamViewType: 'NEW_IMAGE' } },
          WorkerRole: {
            Policies: [{ PolicyName: 'Own', PolicyDocument: { Version: '2012-10-17', Statement: granted } }],
          },
        },
        resources: { Follows: { Type: 'AWS::Lambda::EventSourceMapping', Properties: { ...mapping, ...change } } },
      }),
    );
  const assemblies: { remove: () => void }[] = [];
  const make = (...args: Parameters<typeof following>) => {
    const made = following(...args);
    assemblies.push(made);
    return made;
  };
  afterAll(() => {
    for (const one of assemblies) one.remove();
  });

  test('each key in order, poison alone on the failure queue, and nothing again after a start', async () => {
    // Prepare
    const assembly = make();
    const open = () => startStack(assembly.options);
    const batches = () =>
      readFileSync(join(assembly.folder, 'logs', 'worker.log'), 'utf8')
        .split('\n')
        .filter((line) => line.startsWith('stream '))
        .map((line) => JSON.parse(line.slice(7)) as { shard: string; names: string[] });
    let stack = await open();
    const put = (pk: string, sk: string, more: object = {}) =>
      stack.invoke('api', {
        service: 'dynamodb',
        command: 'PutItem',
        input: {
          TableName: stack.tables()[0]!.name,
          Item: { pk: { S: pk }, sk: { S: sk }, owner: { S: 'o' }, ...more },
        },
      });
    const dead = () => stack.queues.inspect().find(({ name }) => name === 'Small-Other')!.messages;

    // Act
    for (let n = 0; n < 12; n++) for (const pk of ['a', 'b', 'c', 'd']) await put(pk, String(n).padStart(2, '0'));
    await put('a', 'poison', { fail: { BOOL: true } });
    await put('a', 'after');
    await stack.invoke('api', {
      service: 'dynamodb',
      command: 'PutItem',
      input: { TableName: stack.tables()[0]!.name, Item: { pk: { S: 'a' }, sk: { S: 'unwanted' } } },
    });
    await until('the poison to be given up', () => dead().length === 1, 15_000);
    await until('what came behind it', () => batches().some(({ names }) => names.includes('a after')), 15_000);
    await stack.stop();
    stack = await open();
    await put('b', 'next');
    await until('what came after the start', () => batches().some(({ names }) => names.includes('b next')), 15_000);

    // Assess
    expect(JSON.parse(dead()[0]!.body)).toMatchObject({
      requestContext: { condition: 'RetryAttemptsExhausted' },
      DDBStreamBatchInfo: { batchSize: 1, streamArn: expect.stringContaining('/stream/') },
    });
    const seen = batches();
    expect(JSON.stringify(seen)).not.toContain('unwanted');
    for (const pk of ['a', 'b', 'c', 'd']) {
      const own = seen.filter(({ names }) => names.some((name) => name.startsWith(`${pk} `)));
      // One shard has all of a key.
      expect(new Set(own.map(({ shard }) => shard)).size).toBe(1);
      const first = [
        ...new Set(own.flatMap(({ names }) => names).filter((name) => /^. \d\d$/.test(name) && name.startsWith(pk))),
      ];
      expect(first).toEqual(Array.from({ length: 12 }, (_, n) => `${pk} ${String(n).padStart(2, '0')}`));
    }
    const last = seen.findIndex(({ names }) => names.includes('b next'));
    expect(seen.slice(last)).toHaveLength(1);
    expect(seen[last]!.names).toEqual(['b next']);
    await stack.stop();
  }, 60_000);

  test.each([
    ['without a tumbling window its function does not learn the shard', { TumblingWindowInSeconds: undefined }],
    ['from their TRIM_HORIZON', { StartingPosition: 'LATEST' }],
    ['ParallelizationFactor is not known', { ParallelizationFactor: 2 }],
    [
      'is no stream of this stack',
      { EventSourceArn: 'arn:aws:dynamodb:us-east-1:000000000000:table/T/stream/1', BatchSize: 3 },
    ],
  ])('refused: %s', async (words, change) => {
    await expect(startStack({ ...make(change).options, paused: true })).rejects.toThrow(words);
  });

  test('refused: a role that may not read the stream', async () => {
    await expect(startStack(make({}, [statements[0]!]).options)).rejects.toThrow(
      'no permission for dynamodb:DescribeStream',
    );
  });
});
