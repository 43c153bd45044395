/**
 * Which CloudFormation resource types the local stack runs, which it knows to have no effect on this machine (each with
 * the reason), and what `Ref` and `Fn::GetAtt` of each give. A type in neither list is refused when the template is
 * loaded: silently leaving out a resource would make every test on this stack worth less.
 */
import { createHash } from 'node:crypto';

/** What a resource's identity is made of. `name` is its physical name, given or generated. */
export type Identity = { logicalId: string; name: string; place: Place; property: (name: string) => unknown };
/** Where the stack stands. URLs come from the servers that answer for AWS on this machine. */
export type Place = {
  region: string;
  accountId: string;
  stackName: string;
  queueUrl: (queueName: string) => string;
  apiUrl: (apiId: string) => string;
};
type Attributes = (it: Identity) => Record<string, string>;
type Kind = { nameProperty?: string; ref: (it: Identity) => string; attributes: Attributes };

const arn = (service: string, resource: (it: Identity) => string) => (it: Identity) =>
  `arn:aws:${service}:${it.place.region}:${it.place.accountId}:${resource(it)}`;
const iamArn = (kind: string) => (it: Identity) => `arn:aws:iam::${it.place.accountId}:${kind}/${it.name}`;
const digest = (it: Identity) => createHash('sha256').update(`${it.place.stackName}/${it.logicalId}`).digest('hex');
const uuid = (it: Identity) => digest(it).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*/, '$1-$2-$3-$4-$5');
const named = (it: Identity) => it.name;
const short = (it: Identity) => digest(it).slice(0, 10);

const queueArn = arn('sqs', named);
const tableArn = arn('dynamodb', (it) => `table/${it.name}`);
const functionArn = arn('lambda', (it) => `function:${it.name}`);
const keyArn = arn('kms', (it) => `key/${uuid(it)}`);
const secretArn = arn('secretsmanager', (it) => `secret:${it.name}-${digest(it).slice(0, 6)}`);
const ruleArn = arn('events', (it) => `rule/${it.name}`);
const bare: Kind = { ref: named, attributes: () => ({}) };
const table: Kind = {
  nameProperty: 'TableName',
  ref: named,
  attributes: (it) => ({
    Arn: tableArn(it),
    StreamArn: `${tableArn(it)}/stream/2020-01-01T00:00:00.000`,
    TableId: uuid(it),
  }),
};

const balancerPath = (it: Identity) => `net/${it.name}/${digest(it).slice(0, 16)}`;
const balancerArn = arn('elasticloadbalancing', (it) => `loadbalancer/${balancerPath(it)}`);
const targetGroupArn = arn('elasticloadbalancing', (it) => `targetgroup/${it.name}/${digest(it).slice(0, 16)}`);
const clusterArn = arn('ecs', (it) => `cluster/${it.name}`);
const taskArn = arn('ecs', (it) => `task-definition/${it.name}:1`);
const serviceArn = arn('ecs', (it) => `service/${it.property('Cluster')}/${it.name}`);

/** Resource types that the local stack runs. */
export const RUN: Record<string, Kind> = {
  'AWS::SQS::Queue': {
    nameProperty: 'QueueName',
    ref: (it) => it.place.queueUrl(it.name),
    attributes: (it) => ({ Arn: queueArn(it), QueueName: it.name, QueueUrl: it.place.queueUrl(it.name) }),
  },
  'AWS::SQS::QueuePolicy': bare,
  'AWS::DynamoDB::Table': table,
  'AWS::DynamoDB::GlobalTable': table,
  'AWS::S3::Bucket': {
    nameProperty: 'BucketName',
    ref: named,
    attributes: (it) => ({
      Arn: `arn:aws:s3:::${it.name}`,
      DomainName: `${it.name}.s3.amazonaws.com`,
      RegionalDomainName: `${it.name}.s3.${it.place.region}.amazonaws.com`,
    }),
  },
  'AWS::S3::BucketPolicy': bare,
  'AWS::Lambda::Function': {
    nameProperty: 'FunctionName',
    ref: named,
    attributes: (it) => ({ Arn: functionArn(it) }),
  },
  'AWS::Lambda::EventSourceMapping': { ref: uuid, attributes: (it) => ({ Id: uuid(it) }) },
  'AWS::Lambda::Permission': bare,
  'AWS::Lambda::Version': {
    ref: (it) => `arn:aws:lambda:${it.place.region}:${it.place.accountId}:function:${it.property('FunctionName')}:1`,
    attributes: (it) => ({ Version: '1', FunctionArn: `${it.property('FunctionName')}:1` }),
  },
  'AWS::Lambda::Alias': {
    ref: (it) =>
      `arn:aws:lambda:${it.place.region}:${it.place.accountId}:function:${it.property('FunctionName')}:${it.property('Name')}`,
    attributes: () => ({}),
  },
  'AWS::IAM::Role': {
    nameProperty: 'RoleName',
    ref: named,
    attributes: (it) => ({ Arn: iamArn('role')(it), RoleId: `AROA${digest(it).slice(0, 17).toUpperCase()}` }),
  },
  'AWS::IAM::Policy': { nameProperty: 'PolicyName', ref: named, attributes: (it) => ({ Id: it.name }) },
  'AWS::IAM::ManagedPolicy': {
    nameProperty: 'ManagedPolicyName',
    ref: iamArn('policy'),
    attributes: (it) => ({ PolicyArn: iamArn('policy')(it) }),
  },
  'AWS::ApiGatewayV2::Api': {
    ref: short,
    attributes: (it) => ({ ApiId: short(it), ApiEndpoint: it.place.apiUrl(short(it)) }),
  },
  'AWS::ApiGatewayV2::Route': { ref: short, attributes: (it) => ({ RouteId: short(it) }) },
  'AWS::ApiGatewayV2::Integration': { ref: short, attributes: (it) => ({ IntegrationId: short(it) }) },
  'AWS::ApiGatewayV2::Stage': { nameProperty: 'StageName', ref: named, attributes: () => ({}) },
  'AWS::Events::Rule': { nameProperty: 'Name', ref: named, attributes: (it) => ({ Arn: ruleArn(it) }) },
  'AWS::Scheduler::Schedule': {
    nameProperty: 'Name',
    ref: named,
    attributes: (it) => ({ Arn: arn('scheduler', (one) => `schedule/default/${one.name}`)(it) }),
  },
  'AWS::Scheduler::ScheduleGroup': {
    nameProperty: 'Name',
    ref: named,
    attributes: (it) => ({ Arn: arn('scheduler', (one) => `schedule-group/${one.name}`)(it) }),
  },
  'AWS::ECS::Cluster': { nameProperty: 'ClusterName', ref: named, attributes: (it) => ({ Arn: clusterArn(it) }) },
  'AWS::ECS::TaskDefinition': {
    nameProperty: 'Family',
    ref: taskArn,
    attributes: (it) => ({ TaskDefinitionArn: taskArn(it) }),
  },
  'AWS::ECS::Service': {
    nameProperty: 'ServiceName',
    ref: serviceArn,
    attributes: (it) => ({ Name: it.name, ServiceArn: serviceArn(it) }),
  },
  'AWS::ElasticLoadBalancingV2::LoadBalancer': {
    nameProperty: 'Name',
    ref: balancerArn,
    attributes: (it) => ({
      LoadBalancerArn: balancerArn(it),
      LoadBalancerName: it.name,
      LoadBalancerFullName: balancerPath(it),
      // Its listeners are on loopback, on the ports that `local.json` names.
      DNSName: '127.0.0.1',
      CanonicalHostedZoneID: 'Z00000000000000000000',
    }),
  },
  'AWS::ElasticLoadBalancingV2::TargetGroup': {
    nameProperty: 'Name',
    ref: targetGroupArn,
    attributes: (it) => ({
      TargetGroupArn: targetGroupArn(it),
      TargetGroupName: it.name,
      TargetGroupFullName: targetGroupArn(it).split(':').at(-1)!,
    }),
  },
  'AWS::ElasticLoadBalancingV2::Listener': {
    ref: (it) => `${String(it.property('LoadBalancerArn')).replace(':loadbalancer/', ':listener/')}/${short(it)}`,
    attributes: () => ({}),
  },
  'AWS::KMS::Key': { ref: uuid, attributes: (it) => ({ Arn: keyArn(it), KeyId: uuid(it) }) },
  'AWS::KMS::Alias': { nameProperty: 'AliasName', ref: named, attributes: () => ({}) },
  'AWS::SecretsManager::Secret': {
    nameProperty: 'Name',
    ref: secretArn,
    attributes: (it) => ({ Id: secretArn(it), Arn: secretArn(it) }),
  },
};

const NETWORK = 'this machine is the network: functions reach the sink and the emulators on loopback';
const WATCHING = 'nobody is paged from this machine; metrics are read from the functions’ log lines';
const RECEIVING =
  'nobody outside can send to this machine: mail comes in by the relay, or is put into the bucket and queued as SES would';
const CATALOG = 'it only describes what lies in a bucket to Athena, which this machine does not have';
const ACCOUNT = 'it configures the account, not the way of a message';

/** Resource types that have no effect on this machine, and why. */
export const INERT: Record<string, string> = {
  'AWS::EC2::VPC': NETWORK,
  'AWS::EC2::Subnet': NETWORK,
  'AWS::EC2::RouteTable': NETWORK,
  'AWS::EC2::Route': NETWORK,
  'AWS::EC2::SubnetRouteTableAssociation': NETWORK,
  'AWS::EC2::InternetGateway': NETWORK,
  'AWS::EC2::VPCGatewayAttachment': NETWORK,
  'AWS::EC2::NatGateway': NETWORK,
  'AWS::EC2::EIP': NETWORK,
  'AWS::EC2::SecurityGroup': NETWORK,
  'AWS::EC2::SecurityGroupEgress': NETWORK,
  'AWS::EC2::SecurityGroupIngress': NETWORK,
  'AWS::EC2::VPCEndpoint': NETWORK,
  'AWS::EC2::FlowLog': NETWORK,
  'AWS::EC2::NetworkAcl': NETWORK,
  'AWS::EC2::NetworkAclEntry': NETWORK,
  'AWS::EC2::SubnetNetworkAclAssociation': NETWORK,
  'AWS::EC2::VPCCidrBlock': NETWORK,
  'AWS::ApplicationAutoScaling::ScalableTarget': 'one task runs here, whatever the load: there is one machine',
  'AWS::ApplicationAutoScaling::ScalingPolicy': 'one task runs here, whatever the load: there is one machine',
  'AWS::Logs::LogGroup': 'logs go to files under the data folder',
  'AWS::Logs::LogStream': 'logs go to files under the data folder',
  'AWS::Logs::MetricFilter': WATCHING,
  'AWS::Logs::ResourcePolicy': WATCHING,
  'AWS::CloudWatch::Alarm': WATCHING,
  'AWS::CloudWatch::CompositeAlarm': WATCHING,
  'AWS::CloudWatch::Dashboard': WATCHING,
  'AWS::SNS::Topic': WATCHING,
  'AWS::SNS::TopicPolicy': WATCHING,
  'AWS::SNS::Subscription': WATCHING,
  'AWS::Lambda::EventInvokeConfig': 'a schedule that failed runs again at its next turn; nothing else is asynchronous',
  'AWS::Glue::Database': CATALOG,
  'AWS::Glue::Table': CATALOG,
  'AWS::SES::ReceiptRuleSet': RECEIVING,
  'AWS::SES::ReceiptRule': RECEIVING,
  'AWS::ApiGateway::Account': ACCOUNT,
  'AWS::Budgets::Budget': ACCOUNT,
  'AWS::CDK::Metadata': 'it only tells AWS which constructs were used',
  'Custom::VpcRestrictDefaultSG': NETWORK,
  'Custom::S3AutoDeleteObjects': 'it works when a stack is deleted; here one deletes the data folder',
  'Custom::LogRetention': 'logs go to files under the data folder',
};

/** What `Ref` and `GetAtt` of an inert resource give: a value of its own that names it, an address where one is read as such. */
export function inertValue(type: string, logicalId: string, attribute?: string): string {
  if (type === 'AWS::EC2::EIP' && (attribute === undefined || attribute === 'PublicIp')) return loopbackOf(logicalId);
  return attribute === undefined ? `local-${logicalId}` : `local-${logicalId}-${attribute}`;
}

/** An address of this machine. Lanes of a pool that are numbered (`default-2`) have one each, so that they can be told apart. */
function loopbackOf(logicalId: string): string {
  const number = Number(/(\d+)Address[0-9A-F]{8}$/.exec(logicalId)?.[1]);
  return `127.0.0.${number >= 1 && number <= 254 ? number : 1}`;
}

/** A physical name for a resource without one: the same at every start, so that its data is found again. */
export function generatedName(type: string, stackName: string, logicalId: string): string {
  const limit = type === 'AWS::S3::Bucket' ? 63 : 64;
  const digest = createHash('sha256').update(`${stackName}/${logicalId}`).digest('hex').slice(0, 8);
  const name = `${stackName}-${logicalId}`;
  // As CloudFormation, it shortens the stack's part before the resource's own.
  const room = Math.max(limit - logicalId.length - digest.length - 2, 16);
  const fitting =
    name.length <= limit ? name : `${stackName.slice(0, room)}-${logicalId}`.slice(0, limit - 9).concat(`-${digest}`);
  return type === 'AWS::S3::Bucket' ? fitting.toLowerCase().replace(/[^a-z0-9-]/g, '-') : fitting;
}
