/** Rows of the functions that the world calls: with mail, and by links. */
import type { FunctionName, Permission } from './permission.ts';
import { CONSUME, OF_POLICY, OWN_LOGS, SUPPRESS } from './rows.ts';

/** What comes in: replies and parse mail, and what readers open and click. */
export const RECEIVING = {
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
} satisfies Partial<Record<FunctionName, readonly Permission[]>>;
