/** Rows of the functions that serve accounts. */
import type { FunctionName, Permission } from './permission.ts';
import {
  ATTEMPTS,
  CONSUME,
  FOLLOW,
  MOVE_ALERTS,
  OF_DOMAIN,
  OF_POLICY,
  OF_WEBHOOK,
  OWN_LOGS,
  SET_BRAKES,
} from './rows.ts';

/** What accounts ask for and are told. */
export const ACCOUNTS = {
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
} satisfies Partial<Record<FunctionName, readonly Permission[]>>;
