/** Rows, and conditions of rows, that several stages have. */
import type { Permission } from './permission.ts';

/** Of whoever takes keys: who came in with one, or tried to, from where. What was written of mail is not its to change. */
export const ATTEMPTS = '*#access';
/** Only its own lines into its own log group, which the stack has made. */
export const OWN_LOGS: Permission = { actions: ['logs:CreateLogStream', 'logs:PutLogEvents'], on: 'ownLogs' };
/** What Lambda's poller does with the function's role for an SQS event source. */
export const CONSUME: Permission = {
  actions: ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility', 'sqs:GetQueueAttributes'],
  on: 'ownQueue',
};
/** What Lambda's poller does with the function's role for a DynamoDB stream; DynamoDB knows no resource for the second row. */
export const FOLLOW: readonly Permission[] = [
  { actions: ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'], on: 'ownStream' },
  { actions: ['dynamodb:ListStreams'], on: 'anything' },
  { actions: ['sqs:SendMessage'], on: 'ownDeadLetters' },
];
/** A webhook's secrets: no other ciphertext under the key opens with this. */
export const OF_WEBHOOK = {
  Null: { 'kms:EncryptionContext:account': 'false', 'kms:EncryptionContext:webhook': 'false' },
};
/** A security policy's secrets: whoever reads strangers' mail opens these, and no event webhook's. */
export const OF_POLICY = {
  Null: { 'kms:EncryptionContext:account': 'false', 'kms:EncryptionContext:policy': 'false' },
};
/** A domain's DKIM keys: whoever makes them can't open them. */
export const OF_DOMAIN = {
  Null: { 'kms:EncryptionContext:account': 'false', 'kms:EncryptionContext:domain': 'false' },
};
/** What Lambda does with the function's role to put it into a VPC; EC2 knows no resource for most of these. */
export const JOIN_VPC: Permission = {
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
export const LEAVE_VPC_ALONE: Permission = {
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
export const SUPPRESS: readonly Permission[] = [
  { actions: ['dynamodb:GetItem', 'dynamodb:PutItem'], on: 'suppressions' },
  {
    actions: ['dynamodb:DeleteItem'],
    on: 'suppressions',
    conditions: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': '*#list#*' } },
  },
];
/** An account's brakes are put on and taken off, and nothing else that it has is changed. */
export const SET_BRAKES: Permission = {
  actions: ['dynamodb:UpdateItem'],
  on: 'accounts',
  conditions: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': '*#brakes' } },
};
/** An alert that was looked at is moved on; nothing else that an account has is changed. */
export const MOVE_ALERTS: Permission = {
  actions: ['dynamodb:UpdateItem'],
  on: 'accounts',
  conditions: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': '*#alerts' } },
};
