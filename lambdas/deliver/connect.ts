/**
 * What deliver calls, made from its environment once for the life of a process: tables, its queue, DNS, the ways that its
 * pool's mail goes. A variable that is missing or malformed stops the start with its name.
 */
import { createSecretKey } from 'node:crypto';
import { PAUSE_LIFE } from '../../core/brakes/parked.ts';
import { messageGroup } from '../../core/job.ts';
import { failOverOf } from '../../core/via.ts';
import { type OverflowLane, overflowLane, startOf } from '../../core/warm-up.ts';
import { accountSettingsIn } from '../../io/accounts.ts';
import { openBucket, openKeys, openQueues, openSecrets, openTables } from '../../io/aws.ts';
import { whoPausesIn } from '../../io/brakes.ts';
import { cached } from '../../io/cached.ts';
import { contentIn } from '../../io/content.ts';
import { domainsIn } from '../../io/domains.ts';
import { requireNumber, requireVariable } from '../../io/environment.ts';
import { holdsIn } from '../../io/holds.ts';
import { laneOf } from '../../io/lane.ts';
import { cachedListSettingsIn } from '../../io/list-settings.ts';
import { messagesIn } from '../../io/messages.ts';
import { publishDeliveries } from '../../io/metrics.ts';
import { openMx } from '../../io/mx.ts';
import { batchOutcomes } from '../../io/outcomes.ts';
import { sendEntries } from '../../io/queue.ts';
import { readSecret } from '../../io/secret.ts';
import { openSesClient, sesBy } from '../../io/ses.ts';
import { shapingOfBundle } from '../../io/shaping.ts';
import { sitesIn } from '../../io/sites.ts';
import { openSession } from '../../io/smtp.ts';
import { suppressionsIn } from '../../io/suppressions.ts';
import { templateTextsIn } from '../../io/template-texts.ts';
import { tlsReportsIn } from '../../io/tls-reports.ts';
import { trackingIn, trackingKeysOf } from '../../io/tracking.ts';
import { transcriptSettingsIn } from '../../io/transcript-settings.ts';
import { openVia, requireVia } from '../../io/via.ts';
import { warmUpsIn } from '../../io/warm-ups.ts';
import { openAllowances } from './allowances.ts';
import type { DeliverDeps } from './deliver.ts';
import { createTemplates } from './templates.ts';
import { createTlsCounts } from './tls-counts.ts';
import { createWarmUp } from './warm-up.ts';

/** Milliseconds after which a warm-up that was started or stopped is known here. */
const WARM_UP_LIFE = 60_000;

/** All but what belongs to one run. */
export async function connect(): Promise<(remainingMs: () => number) => DeliverDeps> {
  const { DNS_SERVERS, ALLOW_PRIVATE_HOSTS, SOURCE_ADDRESS, OWN_ADDRESS } = process.env;
  const { WARM_UP_FROM, OVERFLOW_LANES, SIGNING_DOMAIN, TLS_REPORTS, UNSUBSCRIBE_BY_MAIL } = process.env;
  const memoryMb = requireNumber('AWS_LAMBDA_FUNCTION_MEMORY_SIZE');
  const settings: DeliverDeps['settings'] = {
    lane: requireVariable('LANE'),
    pool: requireVariable('POOL'),
    ehloName: requireVariable('EHLO_NAME'),
    smtpPort: requireNumber('SMTP_PORT'),
    messagesDays: requireNumber('MESSAGES_DAYS'),
    unsubscribeByMail: UNSUBSCRIBE_BY_MAIL === 'true',
    // A message is in memory a few times over: as stored, parsed, composed, and on its way.
    contentBytes: memoryMb * 100_000,
    letterBytes: memoryMb * 200_000,
    ...(SOURCE_ADDRESS ? { localAddress: SOURCE_ADDRESS } : {}),
    ...(OWN_ADDRESS ? { sourceIp: OWN_ADDRESS } : {}),
  };
  const [tables, queues, secrets, now, random] = [openTables(), openQueues(), openSecrets(), Date.now, Math.random];
  const [accounts, sites] = [requireVariable('ACCOUNTS_TABLE'), requireVariable('SITES_TABLE')];
  const report = (problem: string) => console.error(JSON.stringify({ level: 'ERROR', stage: 'deliver', problem }));
  const shaping = shapingOfBundle();
  const dns = { servers: DNS_SERVERS?.split(',') ?? [], now, random };
  const allowPrivateHosts = ALLOW_PRIVATE_HOSTS === 'true';
  const mx = openMx({
    ...dns,
    allowPrivateHosts,
    providerOf: shaping.providerOf,
    ownNames: [settings.ehloName],
    // Where everything is on one machine, every host has our address.
    ownAddresses: OWN_ADDRESS && !allowPrivateHosts ? [OWN_ADDRESS] : [],
  });
  const ways = requireVia();
  const via = openVia({
    settings: ways,
    // The operator chose the relay: it may have a private address.
    resolveHost: openMx({ ...dns, allowPrivateHosts: true }).resolveHost,
    openSession,
    readSecret: (arn) => readSecret(secrets, arn),
    ...(ways.configurationSet === undefined ? {} : { openSes: sesBy(openSesClient(), ways.configurationSet) }),
  });
  const ofThisLane = { ...sitesIn(sites, tables, now), lane: settings.lane, now, report };
  const lane = laneOf(queues, requireVariable('QUEUE_URL'));
  const messagesTable = requireVariable('MESSAGES_TABLE');
  const { claimJob, ...messages } = messagesIn(messagesTable, tables);
  const { readWarmUps } = warmUpsIn(accounts, tables);
  const warmUps = cached(() => readWarmUps(), WARM_UP_LIFE, now);
  const ownWarmUp = { name: settings.lane, warmUpFrom: WARM_UP_FROM || undefined };
  const overflowLanes = JSON.parse(OVERFLOW_LANES ?? '[]') as OverflowLane[];
  const { addTlsCounts } = tlsReportsIn(sites, tables);
  const { wantsTlsReports } = mx.tlsReports;
  const deps: Omit<DeliverDeps, 'remainingMs' | 'receive'> = {
    ...messages,
    ...batchOutcomes(messagesTable, tables, messages.recordOutcome),
    ...holdsIn(requireVariable('HOLDS_TABLE'), tables),
    ...contentIn(requireVariable('CONTENT_BUCKET'), openBucket()),
    ...domainsIn(accounts, tables, openKeys(), now, SIGNING_DOMAIN),
    ...accountSettingsIn(accounts, tables, now),
    ...trackingIn(accounts, tables, now),
    trackingKey: trackingKeysOf(secrets, requireVariable('TRACKING_SECRET_ARN'), now).current,
    keepsTranscripts: transcriptSettingsIn(accounts, tables, now).keepsTranscripts,
    ...cachedListSettingsIn(accounts, tables, now),
    ...suppressionsIn(requireVariable('SUPPRESSIONS_TABLE'), tables),
    readTemplate: createTemplates(templateTextsIn(accounts, tables).readTemplateText),
    whoPauses: cached(whoPausesIn(accounts, tables), PAUSE_LIFE, now),
    settings,
    shaping,
    via,
    now,
    random,
    report,
    openSession,
    resolveSite: mx.resolveSite,
    resolveHost: mx.resolveHost,
    allowances: openAllowances(ofThisLane),
    // What goes by SES or a relay has no address of ours to warm up.
    warmUp: createWarmUp({
      ...ofThisLane,
      startedAt: async () => (OWN_ADDRESS ? startOf(ownWarmUp, await warmUps('')) : undefined),
    }),
    failOver: (told) => failOverOf(ways.via, told),
    claim: (claim) => claimJob(claim, now()),
    remove: lane.remove,
    comeBack: lane.comeBack,
    overflowLane: async (jobId, only) => overflowLane(overflowLanes, jobId, now(), await warmUps(''), only),
    sendJob: async (url, job) => {
      const entry = { body: JSON.stringify(job), group: messageGroup(job, job.copies.length) };
      return (await sendEntries(queues, url, [entry]))[0] ?? 'unanswered';
    },
    publish: (tallies) => publishDeliveries(settings.lane, tallies),
    returnPathSecret: createSecretKey(await readSecret(secrets, requireVariable('RETURN_PATH_SECRET_ARN'))),
    ...(TLS_REPORTS === 'true' ? { tlsCounts: createTlsCounts({ wantsTlsReports, addTlsCounts, now, report }) } : {}),
  };
  return (remainingMs) => ({ ...deps, remainingMs, receive: (count) => lane.receive(count, remainingMs()) });
}
