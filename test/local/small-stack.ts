/**
 * A small stack for the tests of the local stack: what CDK would write of a table, two queues, a bucket, a key, a secret
 * and three functions, with handlers that do what their event says.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { StackOptions } from '../../local/stack.ts';

const sdk = (name: string) => JSON.stringify(resolve(`node_modules/@aws-sdk/${name}`));

/** Runs SDK commands: `{service, command, input, retries?}`, one or a list; answers with what they gave. */
const API = `
const modules = {
  sqs: () => require(${sdk('client-sqs')}), dynamodb: () => require(${sdk('client-dynamodb')}),
  s3: () => require(${sdk('client-s3')}), kms: () => require(${sdk('client-kms')}),
  secrets: () => require(${sdk('client-secrets-manager')}),
};
const clients = { sqs: 'SQSClient', dynamodb: 'DynamoDBClient', s3: 'S3Client', kms: 'KMSClient', secrets: 'SecretsManagerClient' };
async function run({ service, command, input, retries = 1, timeout }) {
  const module = modules[service]();
  for (const bytes of ['CiphertextBlob', 'Plaintext']) if (input[bytes]) input[bytes] = Uint8Array.from(Object.values(input[bytes]));
  const client = new module[clients[service]]({ maxAttempts: retries, ...(timeout ? { requestHandler: { requestTimeout: timeout, throwOnRequestTimeout: true } } : {}) });
  try {
    const answer = await client.send(new module[command + 'Command'](input));
    const { $metadata, Body, ...rest } = answer;
    return { ...rest, ...(Body ? { Body: await Body.transformToString() } : {}) };
  } catch (error) {
    return { failed: error.name, message: error.message, status: error.$metadata?.httpStatusCode };
  } finally { client.destroy(); }
}
exports.handler = async (event, context) => {
  const asked = event.requestContext ? JSON.parse(event.body ?? '{}') : event;
  if (asked.echo) return { statusCode: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify(event) };
  if (asked.answer) return asked.answer;
  if (asked.environment) return process.env;
  if (asked.context) return { ...context, left: context.getRemainingTimeInMillis() };
  if (asked.hang) return new Promise(() => setInterval(() => {}, 1000));
  if (asked.exit) process.exit(7);
  if (asked.fail) throw new TypeError(asked.fail);
  if (asked.sleep) await new Promise((done) => setTimeout(done, asked.sleep));
  if (asked.pid) return process.pid;
  if (asked.say) return void console.log(asked.say);
  if (asked.connect) return await new Promise((done) => {
    const socket = require('node:net').connect(asked.connect);
    socket.on('connect', () => { socket.destroy(); done('connected'); });
    socket.on('error', (error) => done(error.message));
  });
  if (asked.large) return 'x'.repeat(asked.large);
  return Array.isArray(asked) ? Promise.all(asked.map(run)) : run(asked);
};
`;

/** Fails what it is told to: \`fail\` one message, \`throw\` the batch. Says what it got. */
const WORKER = `
exports.handler = async (event) => {
  if (event.shardId) {
    const images = event.Records.map(({ dynamodb }) => dynamodb.NewImage);
    console.log('stream ' + JSON.stringify({ shard: event.shardId, names: images.map(({ pk, sk }) => pk.S + ' ' + sk.S) }));
    if (images.some(({ fail }) => fail)) throw new Error('poison');
    return { state: {} };
  }
  const bodies = event.Records.map(({ body }) => JSON.parse(body));
  console.log('batch ' + JSON.stringify(event.Records));
  if (bodies.some((body) => body.throw)) throw new Error('poison');
  return { batchItemFailures: event.Records.filter((_, i) => bodies[i].fail).map(({ messageId }) => ({ itemIdentifier: messageId })) };
};
`;

const arnOf = (logicalId: string) => ({ 'Fn::GetAtt': [logicalId, 'Arn'] });
const allow = (Action: string | string[], Resource: unknown, rest: object = {}) => ({
  Effect: 'Allow',
  Action,
  Resource,
  ...rest,
});

export type Shape = {
  apiStatements?: object[];
  resources?: Record<string, object>;
  properties?: Record<string, object>;
};

/** The template. `properties` are merged into those of the resource of that logical id. */
export function smallTemplate({ apiStatements, resources = {}, properties = {} }: Shape = {}) {
  const role = (statements: object[]) => ({
    Type: 'AWS::IAM::Role',
    Properties: { Policies: [{ PolicyName: 'Own', PolicyDocument: { Version: '2012-10-17', Statement: statements } }] },
  });
  const fn = (asset: string, roleId: string, more: object = {}) => ({
    Type: 'AWS::Lambda::Function',
    Properties: {
      Code: { S3Bucket: { 'Fn::Sub': `assets-$\{AWS::AccountId}-$\{AWS::Region}` }, S3Key: `${asset}.zip` },
      Handler: 'index.handler',
      Runtime: 'nodejs24.x',
      MemorySize: 512,
      Timeout: 5,
      Role: arnOf(roleId),
      ...more,
    },
  });
  const all: Record<string, { Type: string; Properties: Record<string, unknown> }> = {
    Notes: {
      Type: 'AWS::DynamoDB::Table',
      Properties: {
        KeySchema: [
          { AttributeName: 'pk', KeyType: 'HASH' },
          { AttributeName: 'sk', KeyType: 'RANGE' },
        ],
        AttributeDefinitions: [
          { AttributeName: 'pk', AttributeType: 'S' },
          { AttributeName: 'sk', AttributeType: 'S' },
          { AttributeName: 'owner', AttributeType: 'S' },
        ],
        GlobalSecondaryIndexes: [
          {
            IndexName: 'byOwner',
            KeySchema: [{ AttributeName: 'owner', KeyType: 'HASH' }],
            Projection: { ProjectionType: 'KEYS_ONLY' },
          },
        ],
        TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
      },
    },
    Dead: { Type: 'AWS::SQS::Queue', Properties: {} },
    Work: {
      Type: 'AWS::SQS::Queue',
      Properties: { VisibilityTimeout: 1, RedrivePolicy: { deadLetterTargetArn: arnOf('Dead'), maxReceiveCount: 2 } },
    },
    Other: { Type: 'AWS::SQS::Queue', Properties: {} },
    Content: { Type: 'AWS::S3::Bucket', Properties: {} },
    Key: { Type: 'AWS::KMS::Key', Properties: {} },
    Secret: { Type: 'AWS::SecretsManager::Secret', Properties: { GenerateSecretString: { PasswordLength: 20 } } },
    ApiRole: role(
      apiStatements ?? [
        allow(
          ['dynamodb:PutItem', 'dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:BatchGetItem'],
          [arnOf('Notes'), { 'Fn::Join': ['', [arnOf('Notes'), '/index/*']] }],
        ),
        allow('sqs:SendMessage', arnOf('Work')),
        allow(['s3:PutObject', 's3:GetObject'], { 'Fn::Join': ['', [arnOf('Content'), '/notes/*']] }),
        allow(['kms:Encrypt', 'kms:Decrypt'], arnOf('Key'), {
          Condition: { Null: { 'kms:EncryptionContext:account': 'false' } },
        }),
        allow('secretsmanager:GetSecretValue', { Ref: 'Secret' }),
      ],
    ),
    WorkerRole: role([
      allow(
        ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility', 'sqs:GetQueueAttributes'],
        arnOf('Work'),
      ),
    ]),
    ApiFunction: fn('api', 'ApiRole', {
      Environment: {
        Variables: { TABLE: { Ref: 'Notes' }, QUEUE_URL: { Ref: 'Work' }, POWERTOOLS_SERVICE_NAME: 'api' },
      },
    }),
    WorkerFunction: fn('worker', 'WorkerRole', {
      Timeout: 1,
      Environment: { Variables: { POWERTOOLS_SERVICE_NAME: 'worker' } },
    }),
    Mapping: {
      Type: 'AWS::Lambda::EventSourceMapping',
      Properties: {
        EventSourceArn: arnOf('Work'),
        FunctionName: { Ref: 'WorkerFunction' },
        BatchSize: 3,
        FunctionResponseTypes: ['ReportBatchItemFailures'],
        ScalingConfig: { MaximumConcurrency: 2 },
      },
    },
    Minute: {
      Type: 'AWS::Events::Rule',
      Properties: {
        ScheduleExpression: 'rate(1 minute)',
        State: 'ENABLED',
        Targets: [{ Arn: arnOf('ApiFunction'), Id: 'Target0', Input: '{"say":"tick"}' }],
      },
    },
    Api: { Type: 'AWS::ApiGatewayV2::Api', Properties: { Name: 'api', ProtocolType: 'HTTP' } },
    Stage: { Type: 'AWS::ApiGatewayV2::Stage', Properties: { ApiId: { Ref: 'Api' }, StageName: '$default' } },
    Integration: {
      Type: 'AWS::ApiGatewayV2::Integration',
      Properties: {
        ApiId: { Ref: 'Api' },
        IntegrationType: 'AWS_PROXY',
        IntegrationUri: arnOf('ApiFunction'),
        PayloadFormatVersion: '2.0',
      },
    },
    Route: {
      Type: 'AWS::ApiGatewayV2::Route',
      Properties: {
        ApiId: { Ref: 'Api' },
        RouteKey: 'POST /v3/{thing}/send',
        Target: { 'Fn::Join': ['', ['integrations/', { Ref: 'Integration' }]] },
        AuthorizationType: 'NONE',
      },
    },
    MayInvoke: {
      Type: 'AWS::Lambda::Permission',
      Properties: {
        Action: 'lambda:InvokeFunction',
        FunctionName: arnOf('ApiFunction'),
        Principal: 'apigateway.amazonaws.com',
      },
    },
    ...(resources as Record<string, { Type: string; Properties: Record<string, unknown> }>),
  };
  for (const [logicalId, more] of Object.entries(properties)) Object.assign(all[logicalId]!.Properties, more);
  return { Resources: all, Outputs: { ApiUrl: { Value: { 'Fn::GetAtt': ['Api', 'ApiEndpoint'] } } } };
}

/** Writes an assembly and a data folder; `[Symbol.dispose]` removes both. */
export function writeAssembly(template: object = smallTemplate()) {
  const base = mkdtempSync(join(tmpdir(), 'pennypost-'));
  const templateDir = join(base, 'cdk.out');
  for (const [name, code] of Object.entries({ api: API, worker: WORKER })) {
    mkdirSync(join(templateDir, `asset.${name}`), { recursive: true });
    writeFileSync(join(templateDir, `asset.${name}`, 'index.js'), code);
  }
  const file = (name: string) => ({
    source: { path: `asset.${name}`, packaging: 'zip' },
    destinations: { here: { bucketName: 'assets', objectKey: `${name}.zip` } },
  });
  writeFileSync(
    join(templateDir, 'Small.assets.json'),
    JSON.stringify({ files: { api: file('api'), worker: file('worker') } }),
  );
  writeFileSync(join(templateDir, 'Small.template.json'), JSON.stringify(template));
  const folder = join(base, 'data');
  return {
    templateDir,
    folder,
    options: { templateDir, folder } satisfies StackOptions,
    remove: () => rmSync(base, { recursive: true, force: true }),
  };
}

/** Waits until something is so, looking every 20 ms. @throws Error with `what` after `ms` */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  ms = 8_000,
): Promise<Exclude<NonNullable<T>, false>> {
  const deadline = Date.now() + ms;
  for (;;) {
    const found = await look();
    if (found) return found as Exclude<NonNullable<T>, false>;
    if (Date.now() > deadline) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}
