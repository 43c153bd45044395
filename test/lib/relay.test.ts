import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type Flat, type FlatResource, flatten, functionName, ofType } from './flatten.ts';

const acme = { hostedZone: 'Z0123456789ABCDEFGHIJ' };
const flat = flatten({ relay: { hostName: 'smtp.example.com', acme } });
const inside = flatten({
  relay: { hostName: 'smtp.example.com', internal: true, inbound: false, authWithoutTls: true },
});
const at = (one: Flat, path: string) => one.resources.find((resource) => resource.path === path)!.properties;
const container = (one: Flat) => ofType(one, 'AWS::ECS::TaskDefinition')[0]!.properties.ContainerDefinitions[0];
const variables = (one: Flat): Record<string, string> =>
  Object.fromEntries(
    container(one).Environment.map(({ Name, Value }: { Name: string; Value: string }) => [Name, Value]),
  );
const acceptOf = (one: Flat): Record<string, string> =>
  ofType(one, 'AWS::Lambda::Function').find((fn) => functionName(fn) === 'accept')!.properties.Environment.Variables;

test('without the setting there is nothing of it: no resource, no output, no variable', () => {
  const none = flatten();
  const types = new Set(none.resources.map(({ type }) => type));
  expect([...types].filter((type) => /ECS|LoadBalancing|AutoScaling|CidrBlock/.test(type))).toEqual([]);
  expect(none.resources.filter(({ path }) => /^(Relay|Inbound|Certify)/.test(path))).toEqual([]);
  expect(Object.keys(none.outputs).filter((name) => /Relay|BigDoor/.test(name))).toEqual([]);
  expect(acceptOf(none)).not.toHaveProperty('BIG_DOOR_URL');
});

test('each port leads from the balancer to the container that listens there, and is open in both groups', () => {
  // Act: from what the world connects to, to what listens
  const listeners = ofType(flat, 'AWS::ElasticLoadBalancingV2::Listener');
  const groups = new Map(
    ofType(flat, 'AWS::ElasticLoadBalancingV2::TargetGroup').map(({ path, properties }) => [`<${path}>`, properties]),
  );
  const services = at(flat, 'Relay/Service/Service').LoadBalancers;
  const ways = listeners.map(({ properties: { Port, Protocol, DefaultActions } }) => {
    const target = DefaultActions[0].TargetGroupArn as string;
    const { ContainerPort } = services.find((one: { TargetGroupArn: string }) => one.TargetGroupArn === target);
    return { port: Port, protocol: Protocol, group: groups.get(target)!.Port, container: ContainerPort };
  });

  // Assess
  expect(ways.sort((a, b) => a.port - b.port)).toEqual(
    [25, 443, 465, 587, 2525].map((port) => ({
      port,
      protocol: 'TCP',
      group: port + 10_000,
      container: port + 10_000,
    })),
  );
  expect(JSON.parse(variables(flat).LISTEN!)).toEqual([
    { port: 10_587, kind: 'submission' },
    { port: 12_525, kind: 'submission' },
    { port: 10_465, kind: 'submissions' },
    { port: 10_443, kind: 'https' },
    { port: 10_025, kind: 'inbound' },
  ]);
  const mapped = container(flat).PortMappings.map(({ ContainerPort }: { ContainerPort: number }) => ContainerPort);
  const passed = (type: string) => ofType(flat, type).map(({ properties: { FromPort, ToPort } }) => [FromPort, ToPort]);
  expect(mapped.sort()).toEqual([8080, 10_025, 10_443, 10_465, 10_587, 12_525].sort());
  for (const type of ['AWS::EC2::SecurityGroupIngress', 'AWS::EC2::SecurityGroupEgress'])
    expect(passed(type).sort()).toEqual(mapped.map((port: number) => [port, port]).sort());
});

test("target groups keep the client's address, drain for 120 s, and ask the health port", () => {
  for (const { properties } of ofType(flat, 'AWS::ElasticLoadBalancingV2::TargetGroup')) {
    const attributes = Object.fromEntries(
      properties.TargetGroupAttributes.map(({ Key, Value }: { Key: string; Value: string }) => [Key, Value]),
    );
    expect(attributes).toEqual({
      'deregistration_delay.timeout_seconds': '120',
      'preserve_client_ip.enabled': 'true',
    });
    expect(properties).toMatchObject({
      TargetType: 'ip',
      HealthCheckProtocol: 'HTTP',
      HealthCheckPort: variables(flat).HEALTH_PORT,
      HealthCheckPath: '/',
    });
  }
  expect(at(flat, 'Relay/Network/Balancer')).toMatchObject({ Type: 'network', Scheme: 'internet-facing' });
});

test('a task is a small arm64 one without rights: no root, nothing to write to, two minutes to drain', () => {
  expect(ofType(flat, 'AWS::ECS::TaskDefinition')[0]!.properties).toMatchObject({
    Cpu: '256',
    Memory: '1024',
    RuntimePlatform: { CpuArchitecture: 'ARM64' },
    NetworkMode: 'awsvpc',
    RequiresCompatibilities: ['FARGATE'],
  });
  expect(container(flat)).toMatchObject({
    User: '1000',
    ReadonlyRootFilesystem: true,
    StopTimeout: 120,
    LogConfiguration: { LogDriver: 'awslogs', Options: { 'awslogs-group': '<Relay/Logs>' } },
  });
});

test('two tasks at least, in two zones, by connections or CPU; a version that does not come up is taken back', () => {
  // Act
  const service = at(flat, 'Relay/Service/Service');
  const [target] = ofType(flat, 'AWS::ApplicationAutoScaling::ScalableTarget');
  const zones = ofType(flat, 'AWS::EC2::Subnet').filter(({ path }) => path.startsWith('Relay/'));
  const steps = ofType(flat, 'AWS::ApplicationAutoScaling::ScalingPolicy').flatMap(
    ({ properties }) => properties.StepScalingPolicyConfiguration.StepAdjustments,
  );
  const scaling = ofType(flat, 'AWS::CloudWatch::Alarm').filter(({ path }) => path.startsWith('Relay/'));

  // Assess
  expect(target!.properties).toMatchObject({
    MinCapacity: 2,
    MaxCapacity: 10,
    ScalableDimension: 'ecs:service:DesiredCount',
  });
  expect(service).not.toHaveProperty('DesiredCount');
  expect(service.DeploymentConfiguration).toMatchObject({
    DeploymentCircuitBreaker: { Enable: true, Rollback: true },
    MinimumHealthyPercent: 100,
    MaximumPercent: 200,
  });
  expect(zones.map(({ properties }) => properties.AvailabilityZone)).toEqual(['zones[0]', 'zones[1]']);
  expect(steps.map(({ ScalingAdjustment }: { ScalingAdjustment: number }) => ScalingAdjustment).sort()).toEqual([
    -1, 1, 2,
  ]);
  for (const { properties } of scaling) {
    const metrics = properties.Metrics.flatMap(({ MetricStat }: { MetricStat?: { Metric: { MetricName: string } } }) =>
      MetricStat ? [MetricStat.Metric.MetricName] : [],
    );
    expect(metrics.sort()).toEqual(['ActiveFlowCount', 'CPUUtilization', 'HealthyHostCount']);
  }
});

test('the relay has a range of its own, which no lane can be in', () => {
  expect(at(flat, 'Relay/Network/Range')).toMatchObject({ CidrBlock: '10.26.0.0/24', VpcId: '<Network/Vpc>' });
  const cidrs = (part: string) =>
    ofType(flat, 'AWS::EC2::Subnet')
      .filter(({ path }) => path.startsWith(part))
      .map(({ properties }) => properties.CidrBlock as string);
  for (const cidr of cidrs('Relay/')) expect(cidr).toMatch(/^10\.26\.0\./);
  for (const cidr of cidrs('Pool-')) expect(cidr).toMatch(/^10\.25\./);
});

// Attack: a task has a public address; somebody who scans for it talks to it past the balancer, or to its health port.
test('tasks take connections from the balancer alone, and nothing leads to the health port', () => {
  const group = at(flat, 'Relay/Network/TaskGroup');
  expect(group.SecurityGroupIngress).toBeUndefined();
  for (const { properties } of ofType(flat, 'AWS::EC2::SecurityGroupIngress'))
    expect(properties).toMatchObject({
      GroupId: '<Relay/Network/TaskGroup.GroupId>',
      SourceSecurityGroupId: '<Relay/Network/BalancerGroup.GroupId>',
    });
  expect(group.SecurityGroupEgress).toMatchObject([{ CidrIp: '0.0.0.0/0', FromPort: 443, ToPort: 443 }]);
  const open = at(flat, 'Relay/Network/BalancerGroup').SecurityGroupIngress;
  expect(open.map(({ FromPort }: { FromPort: number }) => FromPort)).not.toContain(8080);
});

// Attack: passwords are read off the internet, because somebody let a port take them without TLS.
test('a port that takes passwords in clear is open to the VPC only, on a balancer without public addresses', () => {
  expect(at(inside, 'Relay/Network/Balancer').Scheme).toBe('internal');
  expect(variables(inside).AUTH_WITHOUT_TLS).toBe('12525');
  expect(variables(flat)).not.toHaveProperty('AUTH_WITHOUT_TLS');
  const open = at(inside, 'Relay/Network/BalancerGroup').SecurityGroupIngress.filter(
    ({ FromPort }: { FromPort: number }) => FromPort === 2525,
  );
  expect(open.map(({ CidrIp }: { CidrIp: string }) => CidrIp)).toEqual(['10.25.0.0/16', '10.26.0.0/24']);
});

test('a relay that takes nothing in has no port 25, no bucket and no queue for it', () => {
  expect(
    ofType(inside, 'AWS::ElasticLoadBalancingV2::Listener').map(({ properties }) => properties.Port),
  ).not.toContain(25);
  for (const name of ['INBOUND_BUCKET', 'INBOUND_QUEUE_URL', 'RETURN_PATH_SECRET_ARN', 'TLS_SECRET_ARN'])
    expect(variables(inside)).not.toHaveProperty(name);
  expect(inside.resources.filter(({ path }) => path.startsWith('Inbound/'))).toEqual([]);
  expect(variables(flat)).toMatchObject({
    INBOUND_BUCKET: '<Inbound/Mail>',
    INBOUND_QUEUE_URL: '<Inbound/Work/Queue>',
    RETURN_PATH_SECRET_ARN: '<Storage/ReturnPathSecret>',
  });
});

test('it knows all that accept knows, and accept knows its big door', () => {
  const { BIG_DOOR_URL, ...shared } = acceptOf(flat);
  const { POWERTOOLS_SERVICE_NAME: _, ...known } = shared;
  expect(variables(flat)).toMatchObject(known);
  expect(BIG_DOOR_URL).toBe('https://smtp.example.com');
  expect(flat.outputs).toMatchObject({
    RelayHost: 'smtp.example.com',
    RelayTarget: '<Relay/Network/Balancer.DNSName>',
    BigDoorUrl: 'https://smtp.example.com',
  });
  const door = flatten({ relay: { hostName: 'smtp.example.com', ports: { https: [8443] } } });
  expect(acceptOf(door).BIG_DOOR_URL).toBe('https://smtp.example.com:8443');
  const shut = flatten({ relay: { hostName: 'smtp.example.com', ports: { https: [] } } });
  expect(acceptOf(shut)).not.toHaveProperty('BIG_DOOR_URL');
  expect(shut.outputs).not.toHaveProperty('BigDoorUrl');
});

test('its certificate: the one of ACME, the one of the user, or none', () => {
  const certificateArn = 'arn:aws:secretsmanager:us-east-1:123456789012:secret:smtp-AbCdEf';
  const own = flatten({ relay: { hostName: 'smtp.example.com', certificateArn } });
  expect(variables(flat).TLS_SECRET_ARN).toBe('<Certify/Certificate>');
  expect(variables(own).TLS_SECRET_ARN).toBe(certificateArn);
  expect(ofType(own, 'AWS::Lambda::Function').map(functionName)).not.toContain('certify');
  for (const { path, deletionPolicy } of flat.resources.filter(({ path }) =>
    /^Certify\/(Certificate|Account)$/.test(path),
  ))
    expect({ path, deletionPolicy }).toEqual({ path, deletionPolicy: 'Retain' });
});

test('nothing of it has a fixed name, so that two stacks fit into one account', () => {
  const fixed = ({ path, type, properties }: FlatResource) =>
    ['Name', 'LoadBalancerName', 'ClusterName', 'ServiceName', 'RoleName', 'GroupName', 'LogGroupName', 'SecretName']
      .filter((name) => name in properties)
      .map((name) => `${path} ${type} ${name}`);
  expect(
    flat.resources
      .filter(({ path, type }) => /^(Relay|Certify|Inbound)/.test(path) && type !== 'AWS::EC2::VPCEndpoint')
      .flatMap(fixed),
  ).toEqual([]);
});

test('task definitions of two stacks are two families', () => {
  const family = (stackName: string) =>
    ofType(flatten({ stackName, relay: { hostName: 'smtp.example.com' } }), 'AWS::ECS::TaskDefinition')[0]!.properties
      .Family;
  expect([family('First'), family('Second')]).toEqual(['First-relay', 'Second-relay']);
});

test('the operator is woken when no task takes mail, one is ill, mail is put off, or keys are guessed; and sees it', () => {
  const names = ofType(flat, 'AWS::CloudWatch::Alarm').map(({ properties }) => properties.AlarmName);
  for (const name of [
    'relay-unhealthy',
    'relay-without-task',
    'relay-deferred',
    'auth-failures',
    'certificate-ending',
    'certify-errors',
  ])
    expect(names).toContain(`Pennypost-${name}`);
  for (const name of ['inbound-dead-letters', 'inbound-oldest']) expect(names).toContain(`Pennypost-${name}`);
  const body = at(flat, 'Monitoring/Dashboard').DashboardBody as string;
  for (const title of ['Relay: messages', 'Relay: connections', 'Relay: tasks']) expect(body).toContain(title);
});

test('the cost per million has its tasks in it: a quarter vCPU, a gigabyte and an address, by the hour', () => {
  const body = JSON.parse(at(flat, 'Monitoring/Dashboard').DashboardBody);
  const { metrics } = body.widgets.at(-1).properties;
  const row = metrics.findLast((one: unknown[]) => one[1] === 'HealthyHostCount') as unknown[];
  const { id } = row.at(-1) as { id: string };
  // 0.25 x $0.03238 + 1 x $0.00356 + $0.005, for a million at a time
  expect(metrics[0][0].expression).toContain(`FILL(${id},0)*16655.000000`);
});

test("the image has the Node.js that Lambda's functions are tested with, and runs nothing while it is built", () => {
  const dockerfile = readFileSync('relay/Dockerfile', 'utf8');
  const { devDependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
  expect(dockerfile).toContain(`node:${devDependencies.node}-slim`);
  expect(dockerfile).not.toMatch(/^RUN/m);
  expect(dockerfile).toMatch(/^CMD \["node", "index\.cjs"\]$/m);
});
