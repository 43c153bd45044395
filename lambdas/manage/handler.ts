/** manage's handler: API Gateway's payload 2.0 in and out. Everything it needs is made once per environment. */
import { randomBytes, randomUUID } from 'node:crypto';
import middy from '@middy/core';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { accountsIn } from '../../io/accounts.ts';
import { openKeys, openQueues, openTables } from '../../io/aws.ts';
import { batchesIn } from '../../io/batches.ts';
import { cached } from '../../io/cached.ts';
import { requireVariable } from '../../io/environment.ts';
import { groupsIn } from '../../io/groups.ts';
import { holdsIn } from '../../io/holds.ts';
import { listSettingsIn } from '../../io/list-settings.ts';
import { messagesIn } from '../../io/messages.ts';
import { outboxIn } from '../../io/outbox.ts';
import { parseSettingsIn } from '../../io/parse-settings.ts';
import { sendEntries } from '../../io/queue.ts';
import { statsIn } from '../../io/stats.ts';
import { suppressionListsIn } from '../../io/suppression-lists.ts';
import { suppressionsIn } from '../../io/suppressions.ts';
import { templateTextsIn } from '../../io/template-texts.ts';
import { templatesIn } from '../../io/templates.ts';
import { timeZonesIn } from '../../io/time-zones.ts';
import { sealSecretsBy, webhooksIn } from '../../io/webhooks.ts';
import { type ManageDeps, manage } from './manage.ts';

/** Milliseconds for which a deleted key may still be taken. */
const KEY_LIFE = 60_000;

const [tables, queues] = [openTables(), openQueues()];
const notifyQueue = requireVariable('NOTIFY_QUEUE_URL');
const table = requireVariable('ACCOUNTS_TABLE');
const suppressions = requireVariable('SUPPRESSIONS_TABLE');
const accounts = accountsIn(table, tables);
const readKey = cached((id) => accounts.readKey(id.slice(0, 8), id), KEY_LIFE, Date.now);

const deps: ManageDeps = {
  ...parseSettingsIn(table, tables),
  ...listSettingsIn(table, tables),
  ...groupsIn(table, tables),
  ...suppressionsIn(suppressions, tables),
  ...suppressionListsIn(suppressions, tables),
  ...webhooksIn(table, tables),
  ...timeZonesIn(table, tables),
  ...templatesIn(table, tables),
  ...batchesIn(table, tables),
  ...holdsIn(requireVariable('HOLDS_TABLE'), tables),
  ...templateTextsIn(table, tables),
  readTrace: messagesIn(requireVariable('MESSAGES_TABLE'), tables).readTrace,
  readHours: statsIn(requireVariable('STATS_TABLE'), tables).readHours,
  readCursor: outboxIn(requireVariable('OUTBOX_TABLE'), tables).readCursor,
  sealSecret: sealSecretsBy(openKeys(), requireVariable('SECRETS_KEY_ARN')),
  sendNotify: async (message) => {
    const entry = { body: JSON.stringify(message), group: message.account };
    return (await sendEntries(queues, notifyQueue, [entry]))[0] === 'sent';
  },
  randomId: randomUUID,
  randomBytes,
  listDomains: accounts.listDomains,
  readKey: ({ id }) => readKey(id),
  anyPort: process.env.ALLOW_PRIVATE_HOSTS === 'true',
  windows: new Map(),
  now: Date.now,
  report: (problem) => console.error(JSON.stringify({ level: 'ERROR', stage: 'manage', problem })),
};

export const handler = middy<APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2>().handler(
  async ({
    requestContext,
    rawPath,
    rawQueryString,
    queryStringParameters = {},
    headers,
    body = '',
    isBase64Encoded,
  }) => {
    const { method } = requestContext.http;
    const bytes = Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8');
    const request = {
      method,
      path: rawPath,
      query: queryStringParameters,
      rawQuery: rawQueryString,
      headers,
      body: bytes,
    };
    const answer = await manage(request, deps);
    return { statusCode: answer.status, headers: answer.headers, body: answer.body };
  },
);
