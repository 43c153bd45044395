/** deliver's handler: a batch of its lane's queue in, the ids of what is handed back out. */
import middy from '@middy/core';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { openBucket, openKeys, openSecrets, openTables } from '../../io/aws.ts';
import { contentIn } from '../../io/content.ts';
import { domainsIn } from '../../io/domains.ts';
import { requireNumber, requireVariable } from '../../io/environment.ts';
import { holdsIn } from '../../io/holds.ts';
import { messagesIn } from '../../io/messages.ts';
import { publishDeliveries } from '../../io/metrics.ts';
import { openMx } from '../../io/mx.ts';
import { readSecret } from '../../io/secret.ts';
import { openSession } from '../../io/smtp.ts';
import { type DeliverDeps, deliver } from './deliver.ts';

const { DNS_SERVERS, ALLOW_PRIVATE_HOSTS, SOURCE_ADDRESS } = process.env;
const settings: DeliverDeps['settings'] = {
  lane: requireVariable('LANE'),
  pool: requireVariable('POOL'),
  ehloName: requireVariable('EHLO_NAME'),
  smtpPort: requireNumber('SMTP_PORT'),
  connectionsPerSite: requireNumber('CONNECTIONS_PER_SITE'),
  messagesPerConnection: requireNumber('MESSAGES_PER_CONNECTION'),
  messagesDays: requireNumber('MESSAGES_DAYS'),
  // A message is in memory a few times over: as stored, parsed, composed, and on its way.
  contentBytes: requireNumber('AWS_LAMBDA_FUNCTION_MEMORY_SIZE') * 100_000,
  letterBytes: requireNumber('AWS_LAMBDA_FUNCTION_MEMORY_SIZE') * 200_000,
  ...(SOURCE_ADDRESS ? { localAddress: SOURCE_ADDRESS } : {}),
};
const [tables, now, random] = [openTables(), Date.now, Math.random];
const servers = DNS_SERVERS?.split(',') ?? [];
const { claimJob, ...messages } = messagesIn(requireVariable('MESSAGES_TABLE'), tables);
const io = {
  ...messages,
  ...holdsIn(requireVariable('HOLDS_TABLE'), tables),
  ...contentIn(requireVariable('CONTENT_BUCKET'), openBucket()),
  ...domainsIn(requireVariable('ACCOUNTS_TABLE'), tables, openKeys(), now),
  ...openMx({ servers, allowPrivateHosts: ALLOW_PRIVATE_HOSTS === 'true', now, random }),
  claim: (claim: Parameters<typeof claimJob>[0]) => claimJob(claim, now()),
  publish: (tallies: Parameters<typeof publishDeliveries>[1]) => publishDeliveries(settings.lane, tallies),
  report: (problem: string) => console.error(JSON.stringify({ level: 'ERROR', stage: 'deliver', problem })),
};
const secret = readSecret(openSecrets(), requireVariable('RETURN_PATH_SECRET_ARN'));

export const handler = middy<SQSEvent, SQSBatchResponse>().handler(async ({ Records }, context: Context) => {
  const remainingMs = () => context.getRemainingTimeInMillis();
  const deps: DeliverDeps = { ...io, settings, openSession, now, random, remainingMs, returnPathSecret: await secret };
  const batch = Records.map(({ messageId, body, attributes }) => ({
    messageId,
    body,
    receiveCount: Number(attributes.ApproximateReceiveCount),
  }));
  const handedBack = await deliver(batch, deps);
  return { batchItemFailures: handedBack.map((itemIdentifier) => ({ itemIdentifier })) };
});
