/** notify's handler: rings, retries, replays and trials in, the ids of what is handed back out. */
import { randomBytes, randomUUID } from 'node:crypto';
import middy from '@middy/core';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { alertsIn } from '../../io/alerts.ts';
import { openBucket, openKeys, openTables } from '../../io/aws.ts';
import { creditsIn, readBrakesIn } from '../../io/brakes.ts';
import { optionalNumber, requireVariable } from '../../io/environment.ts';
import { holdsIn } from '../../io/holds.ts';
import { publishCounts } from '../../io/metrics.ts';
import { openMx } from '../../io/mx.ts';
import { outboxIn } from '../../io/outbox.ts';
import { pagesIn } from '../../io/pages.ts';
import { senderDomainsIn } from '../../io/sender-domains.ts';
import { statsIn } from '../../io/stats.ts';
import { subusersIn } from '../../io/subusers.ts';
import { openTokenRequest, openWebhookPost } from '../../io/webhook-post.ts';
import { openSecretsBy, webhooksIn } from '../../io/webhooks.ts';
import { comingAgain, type NotifyDeps, notify } from './notify.ts';

/** Milliseconds of one POST, from the look for its address to the status (SendGrid's receivers have about as long). */
const POST_MS = 10_000;

const { DNS_SERVERS, ALLOW_PRIVATE_HOSTS } = process.env;
const servers = DNS_SERVERS?.split(',') ?? [];
const allowPrivateHosts = ALLOW_PRIVATE_HOSTS === 'true';
const tables = openTables();
const accounts = requireVariable('ACCOUNTS_TABLE');
const holds = requireVariable('HOLDS_TABLE');
const domains = senderDomainsIn(accounts, tables);
const { readAccount, readContact } = subusersIn(accounts, tables);
const { resolveHost } = openMx({ servers, allowPrivateHosts, now: Date.now, random: Math.random, mtaSts: false });
const guarded = { resolveHost, anyPort: allowPrivateHosts, timeoutMs: POST_MS };

const deps: Omit<NotifyDeps, 'remainingMs'> = {
  ...webhooksIn(accounts, tables),
  ...alertsIn({ accounts, holds }, tables),
  readAccount,
  readContact,
  readBrakes: readBrakesIn(accounts, tables),
  readCredits: creditsIn(requireVariable('MESSAGES_TABLE'), tables).readCredits,
  readHours: statsIn(requireVariable('STATS_TABLE'), tables).readHours,
  readDefaultDomain: domains.readDefaultDomain,
  listOwnDomains: domains.listOwnDomains,
  defaultCap: optionalNumber('DAILY_CAP'),
  randomBytes,
  ...outboxIn(requireVariable('OUTBOX_TABLE'), tables),
  ...pagesIn(requireVariable('EVENTS_BUCKET'), openBucket()),
  post: openWebhookPost(guarded),
  askToken: openTokenRequest(guarded),
  openSecret: openSecretsBy(openKeys()),
  tokens: new Map(),
  comeAgain: comingAgain(holdsIn(holds, tables).hold),
  now: Date.now,
  random: Math.random,
  randomId: randomUUID,
  publish: publishCounts,
  report: (problem) => console.error(JSON.stringify({ level: 'ERROR', stage: 'notify', problem })),
};

export const handler = middy<SQSEvent, SQSBatchResponse>().handler(async ({ Records }, context: Context) => {
  const remainingMs = () => context.getRemainingTimeInMillis();
  const handedBack = await notify(Records, { ...deps, remainingMs });
  return { batchItemFailures: handedBack.map((itemIdentifier) => ({ itemIdentifier })) };
});
