/**
 * What each function may do, and the relay's tasks: this table, and nothing else. A role has one statement for each row; a
 * test compares the synthesized policies with it, and the local stack lets nothing else through.
 * No action is a wildcard; `*` as a resource only where AWS knows no other (the rows say why).
 */
import { Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam';

export type FunctionName =
  | 'accept'
  | 'expand'
  | 'deliver'
  | 'release'
  | 'hear'
  | 'report'
  | 'certify'
  | 'rotate'
  | 'inbound'
  | 'parse'
  | 'manage'
  | 'track'
  | 'tally'
  | 'announce'
  | 'notify'
  | 'validate'
  | 'erase';
/** What runs in containers. It has no row for its log: ECS writes that, with the execution role. */
export type TaskName = 'relay';

/** What a row is about; each stage says which ARNs these are for it. */
export type Target =
  | 'accounts'
  | 'messages'
  | 'messagesIndex'
  | 'holds'
  | 'scheduled'
  | 'sites'
  | 'content'
  | 'requests'
  | 'uploads'
  | 'suppressions'
  | 'parseQueue'
  | 'stats'
  | 'outbox'
  | 'events'
  | 'eventPages'
  | 'downloads'
  | 'ownStream'
  | 'ownDeadLetters'
  | 'notifyQueue'
  | 'validateQueue'
  | 'validationUploads'
  | 'validationParts'
  | 'validationResults'
  | 'eraseQueue'
  | 'lanes'
  | 'expandQueue'
  | 'ownQueue'
  | 'dkimKey'
  | 'returnPathSecret'
  | 'trackingSecret'
  | 'relaySecrets'
  | 'tlsSecret'
  | 'acmeSecret'
  | 'hostedZone'
  | 'senderZones'
  | 'changes'
  | 'inboundMail'
  | 'inboundQueue'
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

/** Of whoever takes keys: who came in with one, or tried to, from where. What was written of mail is not its to change. */
const ATTEMPTS = '*#access';
/** Only its own lines into its own log group, which the stack has made. */
const OWN_LOGS: Permission = { actions: ['logs:CreateLogStream', 'logs:PutLogEvents'], on: 'ownLogs' };
/** What Lambda's poller does with the function's role for an SQS event source. */
const CONSUME: Permission = {
  actions: ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility', 'sqs:GetQueueAttributes'],
  on: 'ownQueue',
};
/** What Lambda's poller does with the function's role for a DynamoDB stream; DynamoDB knows no resource for the second row. */
const FOLLOW: readonly Permission[] = [
  { actions: ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'], on: 'ownStream' },
  { actions: ['dynamodb:ListStreams'], on: 'anything' },
  { actions: ['sqs:SendMessage'], on: 'ownDeadLetters' },
];
/** A webhook's secrets: no other ciphertext under the key opens with this. */
const OF_WEBHOOK = { Null: { 'kms:EncryptionContext:account': 'false', 'kms:EncryptionContext:webhook': 'false' } };
/** A security policy's secrets: whoever reads strangers' mail opens these, and no event webhook's. */
const OF_POLICY = { Null: { 'kms:EncryptionContext:account': 'false', 'kms:EncryptionContext:policy': 'false' } };
/** A domain's DKIM keys: whoever makes them can't open them. */
const OF_DOMAIN = { Null: { 'kms:EncryptionContext:account': 'false', 'kms:EncryptionContext:domain': 'false' } };
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
/**
 * Puts an address on a list: reads it, writes it, and takes away its earlier place in that list. Whoever reads what strangers say
 * takes nobody off a list: that is manage's alone.
 */
const SUPPRESS: readonly Permission[] = [
  { actions: ['dynamodb:GetItem', 'dynamodb:PutItem'], on: 'suppressions' },
  {
    actions: ['dynamodb:DeleteItem'],
    on: 'suppressions',
    conditions: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': '*#list#*' } },
  },
];
/** An account's brakes are put on and taken off, and nothing else that it has is changed. */
const SET_BRAKES: Permission = {
  actions: ['dynamodb:UpdateItem'],
  on: 'accounts',
  conditions: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': '*#brakes' } },
};
/** An alert that was looked at is moved on; nothing else that an account has is changed. */
const MOVE_ALERTS: Permission = {
  actions: ['dynamodb:UpdateItem'],
  on: 'accounts',
  conditions: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': '*#alerts' } },
};
/** Only deliver of a pool that may go by SES: raw messages, under our configuration set. */
export const SEND_BY_SES: Permission = { actions: ['ses:SendRawEmail'], on: 'ses' };
/** Only deliver of a pool that may go by a relay with a password. */
export const READ_RELAY_SECRETS: Permission = { actions: ['secretsmanager:GetSecretValue'], on: 'relaySecrets' };

/** Only deliver of a lane with an address: while that is warming up, its budget is counted. */
export const COUNT_WARM_UP: Permission = { actions: ['dynamodb:UpdateItem'], on: 'sites' };
/** Only deliver of a stack that sends TLS reports: what sessions came to is counted. */
export const COUNT_TLS: Permission = { actions: ['dynamodb:UpdateItem'], on: 'sites' };
/** Only deliver of a lane that has others beside it: while it is warming up, what it may not send yet is theirs. */
export const OVERFLOW: Permission = { actions: ['sqs:SendMessage'], on: 'lanes' };
/** Only release of a stack that takes mail: what a customer's URL did not take is tried again. */
export const RELEASE_PARSE: Permission = { actions: ['sqs:SendMessage'], on: 'parseQueue' };
/** Only erase of a stack that takes mail: what came back about a copy goes with it. */
export const ERASE_INBOUND: Permission = { actions: ['s3:DeleteObject'], on: 'inboundMail' };
/** Only a relay with a certificate of its own: read at the start, and again when it may have been renewed. */
export const READ_CERTIFICATE: Permission = { actions: ['secretsmanager:GetSecretValue'], on: 'tlsSecret' };
/** Long messages go to a bucket part by part, and one that does not end is given up. */
const PUT_IN_PARTS = ['s3:PutObject', 's3:AbortMultipartUpload'];
/** What came part by part is never of those that are sent much later. */
const GIVE_UP_UPLOAD: Permission = { actions: ['s3:AbortMultipartUpload'], on: 'uploads' };
/** Only a relay that takes what comes back. The return path's secret tells a bounce of ours from a forged one. */
export const TAKE_INBOUND: readonly Permission[] = [
  { actions: ['secretsmanager:GetSecretValue'], on: 'returnPathSecret' },
  { actions: PUT_IN_PARTS, on: 'inboundMail' },
  { actions: ['sqs:SendMessage'], on: 'inboundQueue' },
];
/**
 * certify's one record. Route 53 has no resource below the zone, so the condition names it: the TXT record of the challenge
 * (RFC 8555 8.4), and no other name or type in the zone ("Using IAM policy conditions for fine-grained access control").
 * @param recordName as Route 53 normalises it: lower case, without the dot at its end
 */
export const changeRecord = (recordName: string): Permission => ({
  actions: ['route53:ChangeResourceRecordSets'],
  on: 'hostedZone',
  conditions: {
    'ForAllValues:StringEquals': {
      'route53:ChangeResourceRecordSetsNormalizedRecordNames': [recordName],
      'route53:ChangeResourceRecordSetsRecordTypes': ['TXT'],
      'route53:ChangeResourceRecordSetsActions': ['UPSERT', 'DELETE'],
    },
    // A condition "for all values" holds where there are none.
    Null: { 'route53:ChangeResourceRecordSetsNormalizedRecordNames': 'false' },
  },
});
/**
 * Records of senders, by manage and rotate, in the zones that the settings name, and no other names in them: nobody's website can be led away
 * by whoever takes manage over.
 * @param targets the name below which customers' CNAMEs end
 */
export const writeSenderRecords = (targets: string | undefined): Permission => ({
  actions: ['route53:ChangeResourceRecordSets'],
  on: 'senderZones',
  conditions: {
    'ForAllValues:StringLike': {
      'route53:ChangeResourceRecordSetsNormalizedRecordNames': [
        '*._domainkey.*',
        '_dmarc.*',
        'em*.*',
        ...(targets === undefined ? [] : [`*.${targets}`]),
      ],
    },
    'ForAllValues:StringEquals': {
      'route53:ChangeResourceRecordSetsRecordTypes': ['CNAME', 'MX', 'TXT'],
      'route53:ChangeResourceRecordSetsActions': ['CREATE', 'UPSERT', 'DELETE'],
    },
    // A condition "for all values" holds where there are none.
    Null: { 'route53:ChangeResourceRecordSetsNormalizedRecordNames': 'false' },
  },
});
/** Only with tracing on; X-Ray knows no resource for these. */
export const TRACE: Permission = { actions: ['xray:PutTraceSegments', 'xray:PutTelemetryRecords'], on: 'anything' };

export const PERMISSIONS: Record<FunctionName, readonly Permission[]> = {
  accept: [
    OWN_LOGS,
    { actions: ['dynamodb:GetItem'], on: 'accounts' },
    { actions: ['dynamodb:PutItem', 'dynamodb:GetItem'], on: 'messages' },
    {
      actions: ['dynamodb:UpdateItem'],
      on: 'messages',
      // Counters of daily caps, and who came in; what was written of mail is not its to change.
      conditions: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['*#sent', ATTEMPTS] } },
    },
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
    { actions: ['dynamodb:BatchGetItem'], on: 'suppressions' },
    ...SUPPRESS,
    { actions: ['dynamodb:PutItem'], on: 'holds' },
    {
      actions: ['dynamodb:Query', 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:DeleteItem'],
      on: 'sites',
    },
    { actions: ['s3:GetObject'], on: 'requests' },
    // What it holds itself waits for days, never for months.
    { actions: ['s3:PutObject'], on: 'uploads' },
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
    { actions: ['dynamodb:BatchGetItem'], on: 'accounts' },
    { actions: ['sqs:SendMessage'], on: 'lanes' },
    { actions: ['sqs:SendMessage'], on: 'expandQueue' },
    { actions: ['sqs:SendMessage'], on: 'notifyQueue' },
    { actions: ['sqs:SendMessage'], on: 'validateQueue' },
    { actions: ['sqs:SendMessage'], on: 'eraseQueue' },
  ],
  hear: [OWN_LOGS, CONSUME, { actions: ['dynamodb:Query', 'dynamodb:PutItem'], on: 'messages' }, ...SUPPRESS],
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
    ...SUPPRESS,
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
    { actions: ['kms:Decrypt'], on: 'dkimKey', conditions: OF_POLICY },
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
    {
      actions: [
        'dynamodb:GetItem',
        'dynamodb:BatchGetItem',
        'dynamodb:Query',
        'dynamodb:PutItem',
        'dynamodb:UpdateItem',
        'dynamodb:DeleteItem',
      ],
      on: 'accounts',
    },
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
    { actions: ['dynamodb:Query'], on: 'messages' },
    {
      actions: ['dynamodb:PutItem'],
      on: 'messages',
      // Jobs of erasure; what was written of mail is not its to change.
      conditions: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': '*#erasures' } },
    },
    {
      actions: ['dynamodb:UpdateItem'],
      on: 'messages',
      conditions: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ATTEMPTS } },
    },
    { actions: ['dynamodb:Query'], on: 'messagesIndex' },
    { actions: ['s3:ListBucket'], on: 'events' },
    { actions: ['s3:GetObject'], on: 'eventPages' },
    // A link is signed with the function's own right to read what it leads to.
    { actions: ['s3:GetObject', 's3:PutObject'], on: 'downloads' },
    { actions: ['dynamodb:Query'], on: 'stats' },
    { actions: ['dynamodb:GetItem', 'dynamodb:PutItem'], on: 'outbox' },
    { actions: ['dynamodb:Query'], on: 'scheduled' },
    {
      actions: ['dynamodb:GetItem'],
      on: 'sites',
      // How far warm-ups are; what lanes know of providers is none of its business.
      conditions: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': '*#warm-up' } },
    },
    { actions: ['sqs:SendMessage'], on: 'notifyQueue' },
    // Links are signed with its own rights: to put a file of addresses, and to get what became of it.
    { actions: ['s3:PutObject'], on: 'validationUploads' },
    { actions: ['s3:GetObject'], on: 'validationResults' },
    { actions: ['sqs:SendMessage'], on: 'validateQueue' },
    { actions: ['kms:Encrypt'], on: 'dkimKey', conditions: OF_WEBHOOK },
    { actions: ['kms:Encrypt'], on: 'dkimKey', conditions: OF_POLICY },
    { actions: ['kms:Encrypt'], on: 'dkimKey', conditions: OF_DOMAIN },
    // Mail that we send for an account itself: that an address is verified, which records to publish.
    { actions: ['dynamodb:PutItem'], on: 'holds' },
  ],
  tally: [
    OWN_LOGS,
    ...FOLLOW,
    { actions: ['dynamodb:BatchGetItem'], on: 'messages' },
    { actions: ['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:PutItem'], on: 'stats' },
    { actions: ['dynamodb:GetItem'], on: 'accounts' },
    SET_BRAKES,
    { actions: ['dynamodb:PutItem'], on: 'outbox' },
    { actions: ['sqs:SendMessage'], on: 'notifyQueue' },
    { actions: ['s3:PutObject'], on: 'eventPages' },
  ],
  announce: [
    OWN_LOGS,
    ...FOLLOW,
    { actions: ['dynamodb:Query'], on: 'accounts' },
    { actions: ['dynamodb:BatchGetItem'], on: 'messages' },
    { actions: ['dynamodb:PutItem'], on: 'outbox' },
    { actions: ['sqs:SendMessage'], on: 'notifyQueue' },
  ],
  notify: [
    OWN_LOGS,
    CONSUME,
    { actions: ['dynamodb:GetItem', 'dynamodb:Query'], on: 'accounts' },
    { actions: ['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:UpdateItem'], on: 'outbox' },
    MOVE_ALERTS,
    { actions: ['dynamodb:PutItem'], on: 'holds' },
    // What alerts tell: statistics, and what is claimed of the daily cap.
    { actions: ['dynamodb:Query'], on: 'stats' },
    {
      actions: ['dynamodb:Query'],
      on: 'messages',
      conditions: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': '*#sent' } },
    },
    { actions: ['s3:ListBucket'], on: 'events' },
    { actions: ['s3:GetObject'], on: 'eventPages' },
    { actions: ['kms:Decrypt'], on: 'dkimKey', conditions: OF_WEBHOOK },
  ],
  // It reads files of strangers' making: of accounts it sees and changes its jobs, of lists it sees addresses that it is told.
  validate: [
    OWN_LOGS,
    CONSUME,
    {
      actions: ['dynamodb:GetItem', 'dynamodb:UpdateItem'],
      on: 'accounts',
      conditions: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': '*#validations' } },
    },
    { actions: ['dynamodb:BatchGetItem'], on: 'suppressions' },
    { actions: ['dynamodb:PutItem'], on: 'holds' },
    { actions: ['s3:ListBucket'], on: 'events', conditions: { StringLike: { 's3:prefix': 'validations/*' } } },
    { actions: ['s3:GetObject'], on: 'validationUploads' },
    { actions: ['s3:GetObject', 's3:PutObject'], on: 'validationParts' },
    // An upload that did not end goes by the bucket's rule, in a day.
    { actions: ['s3:PutObject'], on: 'validationResults' },
  ],
  // And its records' row, `writeSenderRecords`, which is manage's.
  rotate: [
    OWN_LOGS,
    { actions: ['dynamodb:Scan', 'dynamodb:GetItem', 'dynamodb:UpdateItem'], on: 'accounts' },
    // It makes keys, and can read none.
    { actions: ['kms:Encrypt'], on: 'dkimKey', conditions: OF_DOMAIN },
  ],
  // It reads and rewrites what names people, in every account's data; nobody but release calls on it, and it talks to nobody.
  erase: [
    OWN_LOGS,
    CONSUME,
    {
      actions: ['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:DeleteItem'],
      on: 'messages',
    },
    { actions: ['dynamodb:Query'], on: 'messagesIndex' },
    // What waits is found by time, and what webhooks are to be told by shard: neither by account.
    { actions: ['dynamodb:Scan', 'dynamodb:PutItem', 'dynamodb:DeleteItem'], on: 'holds' },
    { actions: ['dynamodb:Scan', 'dynamodb:PutItem'], on: 'outbox' },
    {
      actions: ['dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:PutItem', 'dynamodb:DeleteItem'],
      on: 'suppressions',
    },
    { actions: ['s3:ListBucket'], on: 'content' },
    { actions: ['s3:GetObject', 's3:PutObject'], on: 'requests' },
    { actions: ['s3:ListBucket'], on: 'events' },
    { actions: ['s3:GetObject', 's3:PutObject'], on: 'eventPages' },
    { actions: ['s3:GetObject', 's3:DeleteObject'], on: 'downloads' },
  ],
  // And its record's row, `changeRecord`, which names the relay's host.
  certify: [
    OWN_LOGS,
    { actions: ['secretsmanager:GetSecretValue', 'secretsmanager:PutSecretValue'], on: 'tlsSecret' },
    { actions: ['secretsmanager:GetSecretValue', 'secretsmanager:PutSecretValue'], on: 'acmeSecret' },
    { actions: ['route53:GetChange'], on: 'changes' },
  ],
};

/** What a task may do; the relay's submission is accept's, by SMTP. Settings add READ_CERTIFICATE and TAKE_INBOUND. */
export const TASK_PERMISSIONS: Record<TaskName, readonly Permission[]> = {
  relay: PERMISSIONS.accept
    .filter((row) => row !== OWN_LOGS)
    .flatMap((row) => (row.on === 'requests' ? [row, GIVE_UP_UPLOAD] : [row])),
};

/** The rows of a pool's deliver: only what its ways need. Without an address of its own it is in no VPC. */
export function deliverRows(ways: { address: boolean; ses: boolean; relaySecrets: boolean }): readonly Permission[] {
  return [
    ...PERMISSIONS.deliver.filter((row) => ways.address || (row !== JOIN_VPC && row !== LEAVE_VPC_ALONE)),
    ...(ways.ses ? [SEND_BY_SES] : []),
    ...(ways.relaySecrets ? [READ_RELAY_SECRETS] : []),
  ];
}

/** A function, or whatever else has a role. */
export type Grantee = { addToRolePolicy(statement: PolicyStatement): void };

/** Adds one statement to a role. */
export function grant(
  grantee: Grantee,
  actions: readonly string[],
  resources: readonly string[],
  { effect, conditions }: Pick<Permission, 'effect' | 'conditions'> = {},
): void {
  grantee.addToRolePolicy(
    new PolicyStatement({
      ...(effect && { effect: Effect.DENY }),
      actions: [...actions],
      resources: [...resources],
      ...(conditions && { conditions }),
    }),
  );
}

/**
 * Grants a function, or a task, its rows of the table.
 * @param targets the ARNs of each target that its rows name
 * @throws Error naming a target that a row needs and that is not given
 */
export function grantOwn(
  name: FunctionName | TaskName,
  grantee: Grantee,
  targets: Partial<Record<Target, readonly string[]>>,
  rows: readonly Permission[],
): void {
  for (const { actions, on, ...limits } of rows) {
    const resources = on === 'anything' ? ['*'] : targets[on];
    if (!resources) throw new Error(`${name} has a permission on ${on}, but its stage gives no ${on}`);
    grant(grantee, actions, resources, limits);
  }
}
