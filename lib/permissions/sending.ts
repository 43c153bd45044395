/** Rows of the functions that take mail, send it and hear of it. */
import type { FunctionName, Permission } from './permission.ts';
import { ATTEMPTS, CONSUME, JOIN_VPC, LEAVE_VPC_ALONE, OWN_LOGS, SUPPRESS } from './rows.ts';

/** What takes mail, sends it and hears of it. */
export const SENDING = {
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
} satisfies Partial<Record<FunctionName, readonly Permission[]>>;
