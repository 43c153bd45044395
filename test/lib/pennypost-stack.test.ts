import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { asText, flatten, functionName, ofType } from './flatten.ts';

const flat = flatten();
const functions = ofType(flat, 'AWS::Lambda::Function');

test('the template, as text without hashes', async () => {
  // Prepare: what functions may do has a snapshot of its own
  const shown = flat.resources.filter(({ type }) => type !== 'AWS::IAM::Policy');

  // Act
  const text = shown
    .map(({ path, type, properties, deletionPolicy }) => {
      const { DashboardBody, ...others } = properties;
      const body = DashboardBody === undefined ? {} : { DashboardBody: JSON.parse(DashboardBody) };
      return `${path}  ${type}${deletionPolicy ? `  (${deletionPolicy})` : ''}${asText({ ...others, ...body }, '  ')}`;
    })
    .join('\n');

  // Assess
  await expect(text).toMatchFileSnapshot('snapshots/template.snap');
});

test('the outputs are those that the CLI reads', () => {
  expect(Object.keys(flat.outputs).sort()).toEqual([
    'AccountsTable',
    'AlarmTopicArn',
    'ApiUrl',
    'ContentBucket',
    'DashboardUrl',
    'DkimKeyArn',
    'EventsBucket',
    'HoldsTable',
    'Lanes',
    'MessagesTable',
    'NotifyQueueUrl',
    'OutboxTable',
    'SitesTable',
    'StatsTable',
    'SuppressionsTable',
    'TrackUrl',
    'TrackingSecretArn',
  ]);
  expect(JSON.parse(flat.outputs.Lanes!)).toEqual([
    {
      name: 'default-1',
      pool: 'default',
      weight: 1,
      ehloName: 'mta1.pennypost.example',
      ip: '<Pool-default/Lane-default-1/Address>',
      url: '<Pool-default/Lane-default-1/Work/Queue>',
      deadUrl: '<Pool-default/Lane-default-1/Work/Dead>',
    },
  ]);
});

test('each function is what a function of ours is', () => {
  expect(functions.map(functionName).sort()).toEqual([
    'accept',
    'announce',
    'deliver',
    'erase',
    'expand',
    'manage',
    'notify',
    'release',
    'tally',
    'track',
    'validate',
  ]);
  for (const { path, properties } of functions) {
    const { Runtime, Architectures, Handler, Timeout, MemorySize, TracingConfig, LoggingConfig } = properties;
    expect({ path, Runtime, Architectures, Handler, TracingConfig }).toEqual({
      path,
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      Handler: 'index.handler',
      TracingConfig: undefined,
    });
    expect(Timeout).toBeLessThanOrEqual(180);
    expect(MemorySize).toBeGreaterThanOrEqual(256);
    const logs = flat.resources.find((one) => `<${one.path}>` === LoggingConfig.LogGroup);
    expect(logs?.properties.RetentionInDays).toBe(14);
  }
});

test('only deliver is in the VPC', () => {
  expect(functions.filter(({ properties }) => properties.VpcConfig).map(functionName)).toEqual(['deliver']);
});

test('LANES names every lane of every pool, with its queue', () => {
  // Prepare
  const two = flatten({
    pools: [
      { name: 'bulk', sourceIps: [{ name: 'bulk-1', ehloName: 'b1.example.com', weight: 3 }] },
      { name: 'alerts', sourceIps: [{ name: 'alerts-1', ehloName: 'a1.example.com' }] },
    ],
  });

  // Act
  const told = ofType(two, 'AWS::Lambda::Function')
    .filter((fn) => ['accept', 'expand', 'release'].includes(functionName(fn)))
    .map((fn) => JSON.parse(fn.properties.Environment.Variables.LANES));

  // Assess
  expect(told).toHaveLength(3);
  for (const lanes of told)
    expect(lanes).toEqual([
      { name: 'bulk-1', pool: 'bulk', weight: 3, url: '<Pool-bulk/Lane-bulk-1/Work/Queue>' },
      { name: 'alerts-1', pool: 'alerts', weight: 1, url: '<Pool-alerts/Lane-alerts-1/Work/Queue>' },
    ]);
});

test('each handler finds every variable that it requires', () => {
  // Prepare: the names, from the handlers' sources
  const lambdas = join(import.meta.dirname, '../../lambdas');
  const required = (name: string) => {
    const folder = join(lambdas, name);
    const source = readdirSync(folder)
      .filter((file) => file.endsWith('.ts'))
      .map((file) => readFileSync(join(folder, file), 'utf8'))
      .join('\n');
    const names = [...source.matchAll(/require(?:Variable|Number)\('([A-Z_]+)'/g)]
      .map(([, variable]) => variable!)
      // Lambda's own.
      .filter((variable) => !variable.startsWith('AWS_LAMBDA_'));
    return source.includes('requireLanes(') ? [...names, 'LANES'] : names;
  };

  for (const fn of functions) {
    // Act
    const missing = required(functionName(fn)).filter((name) => !(name in fn.properties.Environment.Variables));

    // Assess
    expect({ fn: functionName(fn), missing }).toEqual({ fn: functionName(fn), missing: [] });
  }
});

test('DNS_SERVERS is set only when the settings name servers', () => {
  // Act
  const named = flatten({ delivery: { dnsServers: ['10.0.0.2:53', '10.0.0.3:5353'] } });

  // Assess
  const variables = (one: typeof flat) =>
    ofType(one, 'AWS::Lambda::Function').find((fn) => functionName(fn) === 'deliver')!.properties.Environment.Variables;
  expect(variables(named).DNS_SERVERS).toBe('10.0.0.2:53,10.0.0.3:5353');
  expect(variables(flat)).not.toHaveProperty('DNS_SERVERS');
});

test('no table, bucket, queue or function has a fixed name', () => {
  const named = flat.resources.flatMap(({ path, properties }) =>
    ['TableName', 'BucketName', 'QueueName', 'FunctionName']
      .filter((name) => name in properties)
      .map((name) => `${path} ${name}`),
  );
  // Mappings and the invoke config name the function that they are about.
  expect(named.filter((one) => !/Mapping|EventInvokeConfig|Permission|Allow/.test(one))).toEqual([]);
});

test('what holds state stays when the stack goes', () => {
  const stateful = [
    'AWS::DynamoDB::Table',
    'AWS::S3::Bucket',
    'AWS::SQS::Queue',
    'AWS::KMS::Key',
    'AWS::SecretsManager::Secret',
    'AWS::EC2::EIP',
  ];
  for (const type of stateful) {
    const found = ofType(flat, type);
    expect(found.length).toBeGreaterThan(0);
    for (const { path, deletionPolicy } of found)
      expect({ path, deletionPolicy }).toEqual({ path, deletionPolicy: 'Retain' });
  }
});

test('the template holds no custom resource and nothing that asks the account', () => {
  const types = new Set(flat.resources.map(({ type }) => type));
  expect([...types].filter((type) => !type.startsWith('AWS::'))).toEqual([]);
  expect(types).not.toContain('AWS::CloudFormation::CustomResource');
  expect(flat.synthesized.template.Parameters).toBeUndefined();
});
