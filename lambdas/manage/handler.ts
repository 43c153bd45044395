/** manage's handler: API Gateway's payload 2.0 in and out. Everything it needs is made once per environment. */
import { randomBytes, randomUUID } from 'node:crypto';
import middy from '@middy/core';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { tellAccountBy } from '../../io/account-events.ts';
import { accountSettingsOf, accountsIn } from '../../io/accounts.ts';
import { activityIn } from '../../io/activity.ts';
import { alertsIn } from '../../io/alerts.ts';
import { apiKeysIn } from '../../io/api-keys.ts';
import { openBucket, openKeys, openQueues, openTables } from '../../io/aws.ts';
import { batchesIn } from '../../io/batches.ts';
import { brakesIn, creditsIn } from '../../io/brakes.ts';
import { cached } from '../../io/cached.ts';
import { downloadsIn } from '../../io/downloads.ts';
import { optionalNumber, requireNumber, requireVariable } from '../../io/environment.ts';
import { groupsIn } from '../../io/groups.ts';
import { holdsIn } from '../../io/holds.ts';
import { listSettingsIn } from '../../io/list-settings.ts';
import { mailDefaultsIn } from '../../io/mail-defaults.ts';
import { outboxIn } from '../../io/outbox.ts';
import { parseSettingsIn } from '../../io/parse-settings.ts';
import { sendEntries } from '../../io/queue.ts';
import { statsIn } from '../../io/stats.ts';
import { subusersIn } from '../../io/subusers.ts';
import { suppressionListsIn } from '../../io/suppression-lists.ts';
import { suppressionsIn } from '../../io/suppressions.ts';
import { templateTextsIn } from '../../io/template-texts.ts';
import { templatesIn } from '../../io/templates.ts';
import { timeZonesIn } from '../../io/time-zones.ts';
import { trackingIn } from '../../io/tracking.ts';
import { transcriptSettingsIn } from '../../io/transcript-settings.ts';
import { sealSecretsBy, webhooksIn } from '../../io/webhooks.ts';
import { type ManageDeps, manage } from './manage.ts';
import { openSenders } from './open-senders.ts';

/** Milliseconds for which a deleted key may still be taken. */
const KEY_LIFE = 60_000;

const [tables, queues, kms, objects] = [openTables(), openQueues(), openKeys(), openBucket()];
const notifyQueue = requireVariable('NOTIFY_QUEUE_URL');
const table = requireVariable('ACCOUNTS_TABLE');
const suppressions = requireVariable('SUPPRESSIONS_TABLE');
const events = requireVariable('EVENTS_BUCKET');
const accounts = accountsIn(table, tables);
const outbox = outboxIn(requireVariable('OUTBOX_TABLE'), tables);
const report = (problem: string) => console.error(JSON.stringify({ level: 'ERROR', stage: 'manage', problem }));
const readKey = cached((id) => accounts.readKey(id.slice(0, 8), id), KEY_LIFE, Date.now);

const senders = openSenders(table, tables, kms);

const deps: ManageDeps = {
  ...parseSettingsIn(table, tables),
  ...trackingIn(table, tables, Date.now),
  ...listSettingsIn(table, tables),
  ...groupsIn(table, tables),
  ...mailDefaultsIn(table, tables),
  ...suppressionsIn(suppressions, tables),
  ...suppressionListsIn(suppressions, tables),
  ...webhooksIn(table, tables),
  ...timeZonesIn(table, tables),
  ...apiKeysIn(table, tables),
  ...accountSettingsOf(table, tables),
  ...subusersIn(table, tables),
  ...senders,
  sources: senders.sourceIps.flatMap(({ ip, name }) => (ip === undefined ? [] : { ip, lane: name })),
  ...templatesIn(table, tables),
  ...batchesIn(table, tables),
  ...alertsIn({ accounts: table, holds: requireVariable('HOLDS_TABLE') }, tables),
  ...holdsIn(requireVariable('HOLDS_TABLE'), tables),
  ...templateTextsIn(table, tables),
  ...activityIn({ messages: requireVariable('MESSAGES_TABLE'), events }, tables, objects),
  ...downloadsIn(events, objects, Date.now),
  ...transcriptSettingsIn(table, tables, Date.now),
  ...brakesIn(table, tables),
  ...creditsIn(requireVariable('MESSAGES_TABLE'), tables),
  defaultCap: optionalNumber('DAILY_CAP'),
  disposableDomains: process.env.DISPOSABLE_DOMAINS?.split(','),
  messagesDays: requireNumber('MESSAGES_DAYS'),
  readHours: statsIn(requireVariable('STATS_TABLE'), tables).readHours,
  readCursor: outbox.readCursor,
  tellAccount: tellAccountBy({
    putOutboxPage: outbox.putOutboxPage,
    sendEntries: (entries) => sendEntries(queues, notifyQueue, entries),
    now: Date.now,
    report,
  }),
  sealSecret: sealSecretsBy(kms, requireVariable('SECRETS_KEY_ARN')),
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
  report,
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
