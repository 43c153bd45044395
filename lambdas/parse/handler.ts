/** parse's handler: one mail for a customer's URL in, the ids of what is handed back out. */
import { randomBytes } from 'node:crypto';
import middy from '@middy/core';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { openBucket, openKeys, openTables } from '../../io/aws.ts';
import { cached } from '../../io/cached.ts';
import { openDns } from '../../io/dns.ts';
import { cacheDns } from '../../io/dns-cache.ts';
import { requireVariable } from '../../io/environment.ts';
import { holdsIn } from '../../io/holds.ts';
import { inboundMailsIn } from '../../io/inbound.ts';
import { openMailAuth } from '../../io/mail-auth.ts';
import { publishCounts } from '../../io/metrics.ts';
import { openMx } from '../../io/mx.ts';
import { parseSettingsIn } from '../../io/parse-settings.ts';
import { policiesIn } from '../../io/policies.ts';
import { openTokenRequest, openWebhookPost } from '../../io/webhook-post.ts';
import { openSecretsBy } from '../../io/webhooks.ts';
import { type ParseDeps, parse } from './parse.ts';

/** Milliseconds for which a setting, or a policy, that was changed may still be used. */
const SETTING_LIFE = 60_000;
/** Milliseconds for the verdicts, for a token, and for a post with all its octets: together below the function's timeout. */
const VERDICT_MS = 10_000;
const TOKEN_MS = 10_000;
const POST_MS = 30_000;

const { DNS_SERVERS, ALLOW_PRIVATE_HOSTS } = process.env;
const servers = DNS_SERVERS?.split(',') ?? [];
const allowPrivateHosts = ALLOW_PRIVATE_HOSTS === 'true';
const tables = openTables();
const accounts = requireVariable('ACCOUNTS_TABLE');
const { readParseSetting } = parseSettingsIn(accounts, tables);
const { readPolicy } = policiesIn(accounts, tables);
const readSetting = cached(
  (name: string) => readParseSetting(...(name.split('#') as [string, string])),
  SETTING_LIFE,
  Date.now,
);
const readKeptPolicy = cached(
  (name: string) => readPolicy(...(name.split('#') as [string, string])),
  SETTING_LIFE,
  Date.now,
);
const { resolveHost } = openMx({ servers, allowPrivateHosts, now: Date.now, random: Math.random, mtaSts: false });
const guarded = { resolveHost, anyPort: allowPrivateHosts };
const dns = cacheDns(openDns({ servers }), Date.now);

const deps: ParseDeps = {
  ...inboundMailsIn(requireVariable('INBOUND_BUCKET'), openBucket()),
  ...holdsIn(requireVariable('HOLDS_TABLE'), tables),
  readParseSetting: (account, hostname) => readSetting(`${account}#${hostname}`),
  authenticate: openMailAuth({ dns, mta: requireVariable('INBOUND_HOST'), timeoutMs: VERDICT_MS }),
  readPolicy: (account, id) => readKeptPolicy(`${account}#${id}`),
  askToken: openTokenRequest({ ...guarded, timeoutMs: TOKEN_MS }),
  openSecret: openSecretsBy(openKeys(), 'policy'),
  tokens: new Map(),
  post: openWebhookPost({ ...guarded, timeoutMs: POST_MS }),
  silent: new Map(),
  now: Date.now,
  random: Math.random,
  randomHex: () => randomBytes(16).toString('hex'),
  publish: publishCounts,
  report: (problem) => console.error(JSON.stringify({ level: 'ERROR', stage: 'parse', problem })),
};

export const handler = middy<SQSEvent, SQSBatchResponse>().handler(async ({ Records }) => {
  const handedBack = await parse(Records, deps);
  return { batchItemFailures: handedBack.map((itemIdentifier) => ({ itemIdentifier })) };
});
