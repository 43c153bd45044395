/** A service of the template as a process: its environment, its role, its ports, its ends. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { total } from '../../local/meter.ts';
import { priceOf } from '../../local/prices.ts';
import { type LocalStack, startStack } from '../../local/stack.ts';
import { readImage } from '../../local/task-specs.ts';
import { smallTemplate, until, writeAssembly } from './small-stack.ts';

/** Answers one line of JSON for each line: what it is asked to do, and what came of it. Drains on SIGTERM. */
const MAIN = `
const net = require('node:net'), http = require('node:http'), fs = require('node:fs');
const { SQSClient, SendMessageCommand } = require(${JSON.stringify(join(process.cwd(), 'node_modules/@aws-sdk/client-sqs'))});
let draining = false;
http.createServer((_, out) => out.writeHead(draining ? 503 : 200).end()).listen(Number(process.env.HEALTH_PORT));
const asked = {
  environment: () => process.env,
  write: () => fs.writeFileSync('/tmp/pennypost-task-wrote', 'x'),
  outside: () => new Promise((done, fail) => net.connect({ host: '192.0.2.1', port: 25 }).on('connect', done).on('error', fail)),
  send: ({ queue }) => new SQSClient({ maxAttempts: 1 }).send(new SendMessageCommand({ QueueUrl: queue, MessageBody: '{}' })).then(() => 'sent'),
  measure: () => console.log(JSON.stringify({ _aws: { CloudWatchMetrics: [{ Dimensions: [['service']], Metrics: [{ Name: 'Said' }] }] }, service: 'door', Said: 3 })),
  crash: () => process.exit(3),
};
const serve = (socket) => {
  socket.on('error', () => {});
  socket.on('data', async (line) => {
    const ask = JSON.parse(line);
    try { socket.write(JSON.stringify({ ok: (await asked[ask.do](ask)) ?? null }) + '\\n'); }
    catch (error) { socket.write(JSON.stringify({ failed: error.name + ': ' + error.message }) + '\\n'); }
  });
};
const servers = JSON.parse(process.env.LISTEN).map((port) => net.createServer(serve).listen({ port, backlog: 1024 }, () => console.log('listening on ' + port)));
process.on('SIGTERM', () => {
  draining = true;
  console.log('draining');
  setTimeout(() => process.exit(0), Number(process.env.DRAIN_MS));
});
`;

const arnOf = (id: string) => ({ 'Fn::GetAtt': [id, 'Arn'] });
const allow = (action: string, resource: unknown) => ({
  Policies: [
    {
      PolicyName: 'Own',
      PolicyDocument: { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: action, Resource: resource }] },
    },
  ],
});

/** What CDK would write of a service behind a balancer. */
function service({ container = {}, listener = {} }: { container?: object; listener?: object } = {}) {
  return {
    Cluster: { Type: 'AWS::ECS::Cluster', Properties: {} },
    DoorRole: { Type: 'AWS::IAM::Role', Properties: allow('sqs:SendMessage', arnOf('Work')) },
    Task: {
      Type: 'AWS::ECS::TaskDefinition',
      Properties: {
        Cpu: '512',
        Memory: '1024',
        TaskRoleArn: arnOf('DoorRole'),
        ContainerDefinitions: [
          {
            Name: 'door',
            Image: { 'Fn::Sub': `$\{AWS::AccountId}.dkr.ecr.$\{AWS::Region}.amazonaws.com/assets:doorhash` },
            Environment: [
              { Name: 'LISTEN', Value: '[10587,10025]' },
              { Name: 'HEALTH_PORT', Value: '8080' },
              { Name: 'QUEUE_URL', Value: { Ref: 'Work' } },
              { Name: 'DRAIN_MS', Value: '200' },
            ],
            PortMappings: [{ ContainerPort: 10_587 }, { ContainerPort: 8080 }],
            ReadonlyRootFilesystem: true,
            StopTimeout: 120,
            ...container,
          },
        ],
      },
    },
    Balancer: { Type: 'AWS::ElasticLoadBalancingV2::LoadBalancer', Properties: { Type: 'network' } },
    Targets: {
      Type: 'AWS::ElasticLoadBalancingV2::TargetGroup',
      Properties: { Port: 10_587, HealthCheckProtocol: 'HTTP', HealthCheckPort: '8080', HealthCheckPath: '/' },
    },
    Listener: {
      Type: 'AWS::ElasticLoadBalancingV2::Listener',
      Properties: {
        LoadBalancerArn: { Ref: 'Balancer' },
        Port: 587,
        Protocol: 'TCP',
        DefaultActions: [{ Type: 'forward', TargetGroupArn: { Ref: 'Targets' } }],
        ...listener,
      },
    },
    Service: {
      Type: 'AWS::ECS::Service',
      Properties: {
        Cluster: { Ref: 'Cluster' },
        TaskDefinition: { Ref: 'Task' },
        LoadBalancers: [{ ContainerName: 'door', ContainerPort: 10_587, TargetGroupArn: { Ref: 'Targets' } }],
      },
    },
    Scaling: { Type: 'AWS::ApplicationAutoScaling::ScalableTarget', Properties: { MinCapacity: 2 } },
  };
}

function write(resources: Record<string, object>, main = MAIN) {
  const assembly = writeAssembly(smallTemplate({ resources }));
  const folder = join(assembly.templateDir, 'asset.door');
  mkdirSync(folder);
  writeFileSync(join(folder, 'index.cjs'), main);
  writeFileSync(join(folder, 'Dockerfile'), 'FROM scratch\nENV NODE_ENV=production\nCMD ["node", "index.cjs"]\n');
  const assets = join(assembly.templateDir, 'Small.assets.json');
  const known = JSON.parse(readFileSync(assets, 'utf8'));
  const destinations = { here: { repositoryName: 'assets', imageTag: 'doorhash' } };
  known.dockerImages = { doorhash: { source: { directory: 'asset.door' }, destinations } };
  writeFileSync(assets, JSON.stringify(known));
  return assembly;
}

const assembly = write(service());
const lines: string[] = [];
let stack: LocalStack;
beforeAll(async () => {
  stack = await startStack({ ...assembly.options, paused: true, onLog: (line) => lines.push(line) });
});
afterAll(async () => {
  await stack.stop();
  assembly.remove();
});

/** Asks the task through its listener's port. */
function ask(question: object): Promise<{ ok?: unknown; failed?: string }> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: stack.tasks.list()[0]!.ports[587]! });
    socket.on('error', reject);
    socket.on('data', (line) => {
      socket.destroy();
      resolve(JSON.parse(String(line)));
    });
    socket.on('close', () => reject(new Error('closed')));
    socket.write(JSON.stringify(question));
  });
}

describe('a task', () => {
  it("has exactly its definition's variables, and its image's, and those of Fargate", async () => {
    process.env.PENNYPOST_TEST_SECRET = 'leak';
    const variables = (await ask({ do: 'environment' })).ok as Record<string, string>;
    expect(variables).toMatchObject({
      QUEUE_URL: `${stack.awsUrl}/000000000000/Small-Work`,
      NODE_ENV: 'production',
      AWS_REGION: 'us-east-1',
      AWS_ENDPOINT_URL_SQS: stack.awsUrl,
    });
    const own = Object.keys(variables).filter((name) => !/^(AWS_|PATH$)/.test(name));
    expect(own.sort()).toEqual(['DRAIN_MS', 'HEALTH_PORT', 'LISTEN', 'NODE_ENV', 'QUEUE_URL']);
  });

  it('is reached at the port of its listener only: another that it listens on is not mapped', () => {
    expect(stack.tasks.list()).toMatchObject([{ name: 'door', ports: { 587: expect.any(Number) } }]);
    expect(Object.keys(stack.tasks.list()[0]!.ports)).toEqual(['587']);
  });

  it('may do what its role allows, and a call outside it is denied by name', async () => {
    const queue = (name: string) => `${stack.awsUrl}/000000000000/Small-${name}`;
    expect(await ask({ do: 'send', queue: queue('Work') })).toEqual({ ok: 'sent' });
    expect((await ask({ do: 'send', queue: queue('Other') })).failed).toMatch(/^AccessDenied/);
    expect(stack.denials.map(({ message }) => message)).toEqual([
      'AccessDenied: task door is not authorized to perform sqs:SendMessage on arn:aws:sqs:us-east-1:000000000000:Small-Other: no statement allows it',
    ]);
    expect(stack.unusedStatements().filter((one) => one.function === 'door')).toEqual([]);
  });

  // Attack: what runs in a container writes itself a program to come back with, or mails somebody from this machine.
  it('writes no file, and connects to no other machine', async () => {
    expect((await ask({ do: 'write' })).failed).toMatch(/ERR_ACCESS_DENIED|Access to this API has been restricted/);
    expect((await ask({ do: 'outside' })).failed).toMatch(/no mail leaves this machine/);
  });

  it('is read like the functions: its log, its metrics; and priced by its size and time', async () => {
    await ask({ do: 'measure' });
    await until('the metric', () => stack.metrics.get('Said', { service: 'door' })?.sum === 3);
    const log = join(assembly.folder, 'logs/door.log');
    await until('the log', () => existsSync(log) && readFileSync(log, 'utf8').includes('listening on 10587'));
    await until('a second of Fargate', () => total(stack.meter.snapshot(), 'vcpuHours') > 0);
    const terms = priceOf(stack.meter.snapshot()).terms;
    const [vcpu, memory] = ['Fargate vCPU', 'Fargate memory'].map((name) => terms.find(({ term }) => term === name)!);
    expect(memory!.quantity / vcpu!.quantity).toBeCloseTo(2, 6);
  });
});

describe('its end', () => {
  it('is not the last: it is started again, on the same port', async () => {
    const [before] = stack.tasks.list();
    await ask({ do: 'crash' }).catch(() => {});
    await until('another one', () => stack.tasks.list()[0]!.starts === 2);
    await stack.tasks.healthy('door');
    expect(stack.tasks.list()[0]!.ports).toEqual(before!.ports);
    expect((await ask({ do: 'environment' })).ok).toBeDefined();
    expect(lines.join('\n')).toMatch(/door ended \(exit status 3\); it is started again/);
  });

  it('comes with SIGTERM when the stack stops, and it may drain', async () => {
    // Prepare
    const own = write(service());
    const other = await startStack({ ...own.options, paused: true });
    const { pid } = other.tasks.list()[0]!;

    // Act
    const begin = performance.now();
    await other.stop(2_000);

    // Assess
    expect(performance.now() - begin).toBeGreaterThan(200);
    expect(() => process.kill(pid!, 0)).toThrow('ESRCH');
    expect(readFileSync(join(own.folder, 'logs/door.log'), 'utf8')).toContain('draining');
    own.remove();
  });

  it('is forced when it takes longer than it was given', async () => {
    const own = write(
      service({
        container: {
          Environment: [
            { Name: 'LISTEN', Value: '[10587]' },
            { Name: 'HEALTH_PORT', Value: '8080' },
            { Name: 'DRAIN_MS', Value: '60000' },
          ],
        },
      }),
    );
    const other = await startStack({ ...own.options, paused: true });
    const { pid } = other.tasks.list()[0]!;
    await other.stop(300);
    expect(() => process.kill(pid!, 0)).toThrow('ESRCH');
    own.remove();
  });
});

describe('the stack does not start', () => {
  it.each<[string, Record<string, object>, RegExp]>([
    [
      'with secrets in the environment',
      service({ container: { Secrets: [{ Name: 'A', ValueFrom: 'arn' }] } }),
      /puts no secrets into the environment/,
    ],
    [
      'with a port that no listener leads to',
      service({ listener: { DefaultActions: [] } }),
      /no listener leads to its container port 10587/,
    ],
    [
      'with a port that is not mapped',
      service({ container: { PortMappings: [] } }),
      /container port 10587 is not among its port mappings/,
    ],
    [
      'with an image that is no asset',
      service({ container: { Image: 'nginx:latest' } }),
      /its image nginx:latest is no asset/,
    ],
  ])('%s', async (_, resources, message) => {
    const own = write(resources);
    await expect(startStack({ ...own.options, paused: true })).rejects.toThrow(message);
    own.remove();
  });

  it('when the port that it was to have is taken', async () => {
    const own = write(service());
    const taken = stack.tasks.list()[0]!.ports[587]!;
    await expect(startStack({ ...own.options, paused: true, ports: { services: { 587: taken } } })).rejects.toThrow(
      `port ${taken}, for port 587 of the door (an option --…-port), is in use by another program`,
    );
    own.remove();
  });

  it('with an image that is started by a shell', () => {
    const own = write(service());
    const file = join(own.templateDir, 'asset.door', 'Dockerfile');
    writeFileSync(file, 'FROM scratch\nCMD npm start\n');
    expect(() => readImage(file)).toThrow(/runs images with CMD \["node", …\], not npm start/);
    own.remove();
  });
});
