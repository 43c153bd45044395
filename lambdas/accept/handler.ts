/** accept's handler: API Gateway's payload 2.0 in and out. Everything it needs is made once per environment. */
import { randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import middy from '@middy/core';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { accountsIn } from '../../io/accounts.ts';
import { openBucket, openQueues, openTables } from '../../io/aws.ts';
import { cached } from '../../io/cached.ts';
import { contentIn } from '../../io/content.ts';
import { requireLanes, requireNumber, requireVariable } from '../../io/environment.ts';
import { groupIdsIn } from '../../io/groups.ts';
import { holdsIn } from '../../io/holds.ts';
import { messagesIn } from '../../io/messages.ts';
import { sendEntries } from '../../io/queue.ts';
import { type AcceptDeps, accept } from './accept.ts';

/** Milliseconds for which a deleted key, or a removed domain, may still be taken. */
const ACCOUNT_LIFE = 60_000;

const tables = openTables();
const queues = openQueues();
const accounts = accountsIn(requireVariable('ACCOUNTS_TABLE'), tables);
const readKey = cached((id) => accounts.readKey(id.slice(0, 8), id), ACCOUNT_LIFE, Date.now);
const readSender = cached(
  (name) => accounts.readSender(...(name.split('#') as [string, string])),
  ACCOUNT_LIFE,
  Date.now,
);

const deps: AcceptDeps = {
  ...messagesIn(requireVariable('MESSAGES_TABLE'), tables),
  ...holdsIn(requireVariable('HOLDS_TABLE'), tables),
  ...contentIn(requireVariable('CONTENT_BUCKET'), openBucket()),
  readKey: ({ id }) => readKey(id),
  readSender: (account, domain) => readSender(`${account}#${domain}`),
  readGroupIds: groupIdsIn(requireVariable('ACCOUNTS_TABLE'), tables, Date.now),
  sendEntries: (url, entries) => sendEntries(queues, url, entries),
  lanes: requireLanes(),
  expandQueueUrl: requireVariable('EXPAND_QUEUE_URL'),
  messagesDays: requireNumber('MESSAGES_DAYS'),
  deliverTimeoutSeconds: requireNumber('DELIVER_TIMEOUT_SECONDS'),
  now: Date.now,
  wait,
  randomBytes,
};

export const handler = middy<APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2>().handler(
  async ({ requestContext, rawPath, headers, body = '', isBase64Encoded }) => {
    const { method } = requestContext.http;
    const bytes = Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8');
    const answer = await accept({ method, path: rawPath, headers, body: bytes }, deps);
    return { statusCode: answer.status, headers: answer.headers, body: answer.body };
  },
);
