/** inbound's handler: a batch of mails that came in, the ids of what is handed back out. */
import { createSecretKey, type KeyObject } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import middy from '@middy/core';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { readReport } from '../../core/report/index.ts';
import { accountSettingsIn } from '../../io/accounts.ts';
import { openBucket, openQueues, openSecrets, openTables } from '../../io/aws.ts';
import { cached } from '../../io/cached.ts';
import { requireNumber, requireVariable } from '../../io/environment.ts';
import { holdsIn } from '../../io/holds.ts';
import { hostsIn } from '../../io/hosts.ts';
import { inboundMailsIn } from '../../io/inbound.ts';
import { messagesIn } from '../../io/messages.ts';
import { publishCounts } from '../../io/metrics.ts';
import { parseStatsIn } from '../../io/parse-settings.ts';
import { sendEntries } from '../../io/queue.ts';
import { readSecret } from '../../io/secret.ts';
import { shapingOfBundle } from '../../io/shaping.ts';
import { suppressionsIn } from '../../io/suppressions.ts';
import { type InboundDeps, inbound } from './inbound.ts';

/** Milliseconds for which a host name that is new, or somebody else's by now, is not known. */
const HOST_LIFE = 60_000;

const tables = openTables();
const queues = openQueues();
const accounts = requireVariable('ACCOUNTS_TABLE');
const messages = requireVariable('MESSAGES_TABLE');
const messagesDays = requireNumber('MESSAGES_DAYS');
const shaping = shapingOfBundle();
const { readHost } = hostsIn(accounts, tables);

const shared: Omit<InboundDeps, 'secret'> = {
  ...messagesIn(messages, tables),
  ...holdsIn(requireVariable('HOLDS_TABLE'), tables),
  ...suppressionsIn(requireVariable('SUPPRESSIONS_TABLE'), tables),
  ...inboundMailsIn(requireVariable('INBOUND_BUCKET'), openBucket()),
  ...parseStatsIn(accounts, messages, tables, messagesDays),
  ...accountSettingsIn(accounts, tables, Date.now),
  readHost: cached(readHost, HOST_LIFE, Date.now),
  readReport: (raw, mailFrom) => readReport(raw, { shaping, mailFrom }),
  sendEntries: (url, entries) => sendEntries(queues, url, entries),
  parseQueueUrl: requireVariable('PARSE_QUEUE_URL'),
  messagesDays,
  now: Date.now,
  wait,
  publish: publishCounts,
  report: (problem) => console.error(JSON.stringify({ level: 'ERROR', stage: 'inbound', problem })),
};
let secret: KeyObject | undefined;

export const handler = middy<SQSEvent, SQSBatchResponse>().handler(async ({ Records }) => {
  secret ??= createSecretKey(await readSecret(openSecrets(), requireVariable('RETURN_PATH_SECRET_ARN')));
  const handedBack = await inbound(Records, { ...shared, secret });
  return { batchItemFailures: handedBack.map((itemIdentifier) => ({ itemIdentifier })) };
});
