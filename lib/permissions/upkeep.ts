/** Rows of the functions that look after keys, certificates and data that are to go. */
import type { FunctionName, Permission } from './permission.ts';
import { CONSUME, OF_DOMAIN, OWN_LOGS } from './rows.ts';

/** What is looked after without anybody’s mail: keys, certificates, data that go. */
export const UPKEEP = {
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
} satisfies Partial<Record<FunctionName, readonly Permission[]>>;
