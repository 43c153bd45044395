import { expect, test } from 'vitest';
import { asList, flatten, functionsByRole, ofType, statementsByFunction } from './flatten.ts';

const flat = flatten({
  pools: [
    {
      name: 'default',
      sourceIps: [
        { name: 'a-1', ehloName: 'a1.example.com' },
        { name: 'a-2', ehloName: 'a2.example.com' },
      ],
    },
    { name: 'bulk', sourceIps: [{ name: 'b-1', ehloName: 'b1.example.com' }] },
  ],
  delivery: { timeoutSeconds: 120, batchingWindowSeconds: 3, batchSize: 7 },
});
const queues = ofType(flat, 'AWS::SQS::Queue');
const isOfStream = ({ properties }: { properties: { EventSourceArn?: string } }) =>
  properties.EventSourceArn === '<Storage/Messages.StreamArn>';
const allMappings = ofType(flat, 'AWS::Lambda::EventSourceMapping');
const mappings = allMappings.filter((one) => !isOfStream(one));
const byReference = (reference: string) => {
  const path = reference.replace(/^<|(\.Arn|\.QueueName)?>$/g, '');
  const found = flat.resources.find((one) => one.path === path);
  if (!found) throw new Error(`nothing is ${reference}`);
  return found;
};
const sources = mappings.map(({ properties }) => byReference(properties.EventSourceArn));
const isDead = ({ path }: { path: string }) => path.endsWith('/Dead');

test('every queue has either a consumer and a dead-letter queue, or is one', () => {
  // Assess: expand, notify, validate, erase and three lanes; and what two followers of the stream gave up
  expect(queues).toHaveLength(16);
  expect(sources.map(({ path }) => path).sort()).toEqual(queues.filter((one) => !isDead(one)).map(({ path }) => path));
  expect(new Set(sources.map(({ properties }) => properties.RedrivePolicy.deadLetterTargetArn)).size).toBe(7);
});

test.each(mappings.map((mapping, i) => [mapping.path, mapping, sources[i]!] as const))(
  'Q4: %s keeps what AWS asks of a queue and its mapping',
  (_path, { properties: mapping }, { properties: queue }) => {
    // Prepare
    const fn = byReference(mapping.FunctionName).properties;
    const dead = byReference(queue.RedrivePolicy.deadLetterTargetArn).properties;

    // Assess
    expect(mapping.FunctionResponseTypes).toEqual(['ReportBatchItemFailures']);
    expect(mapping.ScalingConfig.MaximumConcurrency).toBeGreaterThanOrEqual(2);
    expect(queue.VisibilityTimeout).toBeGreaterThanOrEqual(
      6 * fn.Timeout + (mapping.MaximumBatchingWindowInSeconds ?? 0),
    );
    expect(queue.RedrivePolicy.maxReceiveCount).toBeGreaterThanOrEqual(5);
    expect(dead.MessageRetentionPeriod).toBe(14 * 86_400);
    expect(dead.MessageRetentionPeriod).toBeGreaterThan(queue.MessageRetentionPeriod);
  },
);

test.each(allMappings.filter(isOfStream).map((mapping) => [mapping.path, mapping] as const))(
  '%s follows the stream: in order, finitely, halved on failure, with a place for what it gives up',
  (_path, { properties: mapping }) => {
    const { Destination } = mapping.DestinationConfig.OnFailure;
    expect(isDead(byReference(Destination))).toBe(true);
    expect(mapping).toMatchObject({
      StartingPosition: 'TRIM_HORIZON',
      BisectBatchOnFunctionError: true,
      MaximumRetryAttempts: 200,
      MaximumRecordAgeInSeconds: 23 * 3_600,
      // Nothing else names the shard to the function.
      TumblingWindowInSeconds: 900,
    });
    expect(mapping.ParallelizationFactor ?? 1).toBe(1);
    expect(mapping.FilterCriteria.Filters.map(({ Pattern }: { Pattern: string }) => JSON.parse(Pattern))).toEqual([
      { eventName: ['INSERT', 'MODIFY'], dynamodb: { NewImage: { event: { S: [{ exists: true }] } } } },
    ]);
  },
);

test('Q4: a lane takes what the settings say, and two runs at a time', () => {
  for (const { path, properties } of mappings.filter((one) => one.path.includes('/Lane-')))
    expect({ path, ...properties }).toMatchObject({
      BatchSize: 7,
      MaximumBatchingWindowInSeconds: 3,
      ScalingConfig: { MaximumConcurrency: 2 },
    });
});

test.each(queues.map((queue) => [queue.path, queue] as const))(
  'B3: %s is encrypted and refuses whoever comes without TLS',
  (_path, queue) => {
    // Prepare
    const policy = ofType(flat, 'AWS::SQS::QueuePolicy').find((one) =>
      asList(one.properties.Queues).includes(`<${queue.path}>`),
    );

    // Assess
    expect(queue.properties.SqsManagedSseEnabled).toBe(true);
    expect(policy?.properties.PolicyDocument.Statement).toContainEqual({
      Action: 'sqs:*',
      Condition: { Bool: { 'aws:SecureTransport': 'false' } },
      Effect: 'Deny',
      Principal: { AWS: '*' },
      Resource: `<${queue.path}.Arn>`,
    });
  },
);

test('Q4: every dead-letter queue and every age has an alarm', () => {
  // Prepare
  const alarms = ofType(flat, 'AWS::CloudWatch::Alarm').map(({ properties }) => properties);
  const watched = (metric: string) =>
    alarms
      .filter(({ MetricName }) => MetricName === metric)
      .map(({ Dimensions, AlarmActions }) => {
        expect(AlarmActions).toEqual(['<Monitoring/Topic>']);
        return byReference(Dimensions[0].Value).path;
      })
      .sort();

  // Assess
  expect(watched('ApproximateNumberOfMessagesVisible')).toEqual(queues.filter(isDead).map(({ path }) => path));
  expect(watched('ApproximateAgeOfOldestMessage')).toEqual(sources.map(({ path }) => path).sort());
});

test('Q5: no function sends, over queues, to a queue that it is started by, unless the template allows the loop', () => {
  // Prepare: who sends to which queue, and whom that queue starts
  const poolOf = (path: string) => /^(Pool-[^/]+)\/Lane-/.exec(path)?.[1];
  const startedBy = new Map(
    mappings.map(({ properties }, i) => [sources[i]!.path, byReference(properties.FunctionName).path]),
  );
  const next = new Map<string, string[]>();
  for (const { path, statements } of statementsByFunction(flat))
    for (const { Action, Resource } of statements)
      if (asList(Action).includes('sqs:SendMessage')) {
        // What a follower of the stream gave up goes where nobody is started.
        const started = asList(Resource)
          .flatMap((queue) => startedBy.get(byReference(queue).path) ?? [])
          // What a lane may not send while it warms up: a job goes to another lane of its pool once (test/lambdas/deliver/overflow.test.ts).
          .filter((other) => poolOf(other) === undefined || poolOf(other) !== poolOf(path));
        next.set(path, [...(next.get(path) ?? []), ...started]);
      }

  // Act
  const reach = (from: string, seen = new Set<string>()): Set<string> => {
    for (const to of next.get(from) ?? []) if (!seen.has(to)) reach(to, seen.add(to));
    return seen;
  };
  const looping = [...functionsByRole(flat).values()].filter(({ path }) => reach(path).has(path));

  // Assess
  expect([...next.keys()].length).toBe(8);
  expect(looping).toEqual([]);
  for (const { path, properties } of functionsByRole(flat).values())
    expect({ path, RecursiveLoop: properties.RecursiveLoop }).toEqual({ path, RecursiveLoop: undefined });
});
