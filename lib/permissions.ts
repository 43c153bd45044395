/**
 * What each function may do: this table, and nothing else. A function's role has one statement for each row; a test
 * compares the synthesized policies with it, and the local stack lets nothing else through.
 * No action is a wildcard; `*` as a resource only where AWS knows no other (the rows say why).
 */
import { Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';

export type FunctionName =
  | 'accept'
  | 'expand'
  | 'deliver'
  | 'release'
  | 'hear'
  | 'report'
  | 'inbound'
  | 'parse'
  | 'track'
  | 'manage';

/** What a row is about; each stage says which ARNs these are for it. */
export type Target =
  | 'accounts'
  | 'messages'
  | 'holds'
  | 'sites'
  | 'requests'
  | 'suppressions'
  | 'inboundMail'
  | 'parseQueue'
  | 'lanes'
  | 'expandQueue'
  | 'ownQueue'
  | 'dkimKey'
  | 'returnPathSecret'
  | 'trackingSecret'
  | 'relaySecrets'
  | 'ses'
  | 'ownLogs'
  | 'anything';

export type Permission = {
  /** Default Allow. */
  effect?: 'Allow' | 'Deny';
  actions: readonly string[];
  on: Target;
  /** IAM conditions; all must hold. */
  conditions?: Record<string, Record<string, string | readonly string[]>>;
};

/** Only its own lines into its own log group, which the stack has made. */
const OWN_LOGS: Permission = { actions: ['logs:CreateLogStream', 'logs:PutLogEvents'], on: 'ownLogs' };
/** What Lambda's poller does with the function's role for an SQS event source. */
const CONSUME: Permission = {
  actions: ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility', 'sqs:GetQueueAttributes'],
  on: 'ownQueue',
};
/** What Lambda does with the function's role to put it into a VPC; EC2 knows no resource for most of these. */
const JOIN_VPC: Permission = {
  actions: [
    'ec2:CreateNetworkInterface',
    'ec2:DescribeNetworkInterfaces',
    'ec2:DescribeSubnets',
    'ec2:DeleteNetworkInterface',
    'ec2:AssignPrivateIpAddresses',
    'ec2:UnassignPrivateIpAddresses',
  ],
  on: 'anything',
};
/** Lambda needs them, the function's own code does not: what faces the world's mail servers may not touch the network's set-up. */
const LEAVE_VPC_ALONE: Permission = {
  effect: 'Deny',
  actions: JOIN_VPC.actions,
  on: 'anything',
  // The key is there when the call comes from a function's code (Lambda: "Using source function ARN").
  conditions: { Null: { 'lambda:SourceFunctionArn': 'false' } },
};
/** Only deliver of a pool that may go by SES: raw messages, under our configuration set. */
export const SEND_BY_SES: Permission = { actions: ['ses:SendRawEmail'], on: 'ses' };
/** Only deliver of a pool that may go by a relay with a password. */
export const READ_RELAY_SECRETS: Permission = { actions: ['secretsmanager:GetSecretValue'], on: 'relaySecrets' };

/** Only deliver of a lane that is warming up: its budget is counted. */
export const COUNT_WARM_UP: Permission = { actions: ['dynamodb:UpdateItem'], on: 'sites' };
/** Only deliver of a stack that sends TLS reports: what sessions came to is counted. */
export const COUNT_TLS: Permission = { actions: ['dynamodb:UpdateItem'], on: 'sites' };
/** Only deliver of a lane that is warming up, beside warm ones: what it may not send yet is theirs. */
export const OVERFLOW: Permission = { actions: ['sqs:SendMessage'], on: 'lanes' };
/** Only release of a stack that takes mail: what a customer's URL did not take is tried again. */
export const RELEASE_PARSE: Permission = { actions: ['sqs:SendMessage'], on: 'parseQueue' };
/** A later bounce moves an address within its list. Whoever puts addresses on lists takes none off: that is manage's alone. */
const MOVE_LISTED: Permission = {
  actions: ['dynamodb:DeleteItem'],
  on: 'suppressions',
  conditions: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': '*#list#*' } },
};
/** Only with tracing on; X-Ray knows no resource for these. */
export const TRACE: Permission = { actions: ['xray:PutTraceSegments', 'xray:PutTelemetryRecords'], on: 'anything' };

export const PERMISSIONS: Record<FunctionName, readonly Permission[]> = {
  accept: [
    OWN_LOGS,
    { actions: ['dynamodb:GetItem'], on: 'accounts' },
    { actions: ['dynamodb:PutItem', 'dynamodb:GetItem'], on: 'messages' },
    { actions: ['dynamodb:PutItem'], on: 'holds' },
    { actions: ['s3:PutObject'], on: 'requests' },
    { actions: ['sqs:SendMessage'], on: 'lanes' },
    { actions: ['sqs:SendMessage'], on: 'expandQueue' },
  ],
  expand: [
    OWN_LOGS,
    CONSUME,
    { actions: ['dynamodb:PutItem'], on: 'holds' },
    { actions: ['s3:GetObject'], on: 'requests' },
    { actions: ['sqs:SendMessage'], on: 'lanes' },
  ],
  deliver: [
    OWN_LOGS,
    CONSUME,
    JOIN_VPC,
    LEAVE_VPC_ALONE,
    { actions: ['dynamodb:GetItem'], on: 'accounts' },
    { actions: ['dynamodb:PutItem', 'dynamodb:PartiQLInsert', 'dynamodb:BatchGetItem'], on: 'messages' },
    { actions: ['dynamodb:BatchGetItem', 'dynamodb:GetItem', 'dynamodb:PutItem'], on: 'suppressions' },
    MOVE_LISTED,
    { actions: ['dynamodb:PutItem'], on: 'holds' },
    {
      actions: ['dynamodb:Query', 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:DeleteItem'],
      on: 'sites',
    },
    { actions: ['s3:GetObject', 's3:PutObject'], on: 'requests' },
    {
      actions: ['kms:Decrypt'],
      on: 'dkimKey',
      // A ciphertext that was not made for an account and a domain is not a DKIM key.
      conditions: { Null: { 'kms:EncryptionContext:account': 'false', 'kms:EncryptionContext:domain': 'false' } },
    },
    { actions: ['secretsmanager:GetSecretValue'], on: 'returnPathSecret' },
    { actions: ['secretsmanager:GetSecretValue'], on: 'trackingSecret' },
  ],
  release: [
    OWN_LOGS,
    { actions: ['dynamodb:Query', 'dynamodb:BatchWriteItem'], on: 'holds' },
    { actions: ['sqs:SendMessage'], on: 'lanes' },
    { actions: ['sqs:SendMessage'], on: 'expandQueue' },
  ],
  hear: [
    OWN_LOGS,
    CONSUME,
    { actions: ['dynamodb:Query', 'dynamodb:PutItem'], on: 'messages' },
    { actions: ['dynamodb:GetItem', 'dynamodb:PutItem'], on: 'suppressions' },
    MOVE_LISTED,
  ],
  report: [
    OWN_LOGS,
    { actions: ['dynamodb:Query', 'dynamodb:PutItem'], on: 'sites' },
    { actions: ['dynamodb:PutItem'], on: 'holds' },
  ],
  inbound: [
    OWN_LOGS,
    CONSUME,
    { actions: ['dynamodb:GetItem'], on: 'accounts' },
    {
      actions: ['dynamodb:UpdateItem'],
      on: 'accounts',
      // It reads what strangers send: of accounts it may change its counters, and nothing else.
      conditions: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': '*#parse-stats' } },
    },
    { actions: ['dynamodb:Query', 'dynamodb:PutItem'], on: 'messages' },
    { actions: ['dynamodb:PutItem'], on: 'holds' },
    { actions: ['dynamodb:GetItem', 'dynamodb:PutItem'], on: 'suppressions' },
    MOVE_LISTED,
    { actions: ['s3:GetObject'], on: 'inboundMail' },
    { actions: ['sqs:SendMessage'], on: 'parseQueue' },
    { actions: ['secretsmanager:GetSecretValue'], on: 'returnPathSecret' },
  ],
  parse: [
    OWN_LOGS,
    CONSUME,
    { actions: ['dynamodb:GetItem'], on: 'accounts' },
    { actions: ['dynamodb:PutItem'], on: 'holds' },
    { actions: ['s3:GetObject'], on: 'inboundMail' },
  ],
  // The world calls it without a key: it reads no mail, no key and no address but the one in the token that it was shown.
  track: [
    OWN_LOGS,
    { actions: ['dynamodb:PutItem'], on: 'messages' },
    { actions: ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:DeleteItem'], on: 'suppressions' },
    {
      actions: ['dynamodb:GetItem'],
      on: 'accounts',
      // Names of unsubscribe groups, for the preferences page; of nothing else there is more to be seen than its name.
      conditions: {
        'ForAllValues:StringEquals': {
          'dynamodb:Attributes': ['pk', 'sk', 'id', 'ids', 'name', 'description', 'isDefault'],
        },
        StringEqualsIfExists: { 'dynamodb:Select': 'SPECIFIC_ATTRIBUTES' },
      },
    },
    { actions: ['secretsmanager:GetSecretValue'], on: 'trackingSecret' },
  ],
  manage: [
    OWN_LOGS,
    { actions: ['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:PutItem', 'dynamodb:DeleteItem'], on: 'accounts' },
    {
      actions: [
        'dynamodb:GetItem',
        'dynamodb:BatchGetItem',
        'dynamodb:Query',
        'dynamodb:PutItem',
        'dynamodb:DeleteItem',
      ],
      on: 'suppressions',
    },
  ],
};

/** The rows of a pool's deliver: only what its ways need. Without an address of its own it is in no VPC. */
export function deliverRows(ways: { address: boolean; ses: boolean; relaySecrets: boolean }): readonly Permission[] {
  return [
    ...PERMISSIONS.deliver.filter((row) => ways.address || (row !== JOIN_VPC && row !== LEAVE_VPC_ALONE)),
    ...(ways.ses ? [SEND_BY_SES] : []),
    ...(ways.relaySecrets ? [READ_RELAY_SECRETS] : []),
  ];
}

/** Adds one statement to a function's role. */
export function grant(
  fn: LambdaFunction,
  actions: readonly string[],
  resources: readonly string[],
  { effect, conditions }: Pick<Permission, 'effect' | 'conditions'> = {},
): void {
  fn.addToRolePolicy(
    new PolicyStatement({
      ...(effect && { effect: Effect.DENY }),
      actions: [...actions],
      resources: [...resources],
      ...(conditions && { conditions }),
    }),
  );
}

/**
 * Grants a function its rows of the table.
 * @param targets the ARNs of each target that its rows name
 * @param rows default: all that stand in the table
 * @throws Error naming a target that a row needs and that is not given
 */
export function grantOwn(
  name: FunctionName,
  fn: LambdaFunction,
  targets: Partial<Record<Target, readonly string[]>>,
  rows: readonly Permission[] = PERMISSIONS[name],
): void {
  for (const { actions, on, ...limits } of rows) {
    const resources = on === 'anything' ? ['*'] : targets[on];
    if (!resources) throw new Error(`${name} has a permission on ${on}, but its stage gives no ${on}`);
    grant(fn, actions, resources, limits);
  }
}
