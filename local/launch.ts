/**
 * Everything that `npm start` runs, for whoever wants it whole (the command, end-to-end tests, the demo): synthesizes the
 * settings, starts DNS, sink, inbox and the stack, makes the operator's API key and the domain example.com once, and
 * writes `<folder>/local.json`. All of it ends with `stop`.
 * It refuses to run twice on one data folder.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { KMSClient } from '@aws-sdk/client-kms';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { dnsRecordsOf, type Source } from '../core/dns-records.ts';
import { publishedKeys } from '../core/domain-keys.ts';
import { OPERATOR } from '../core/records/accounts.ts';
import { SCOPES } from '../core/scopes.ts';
import { senderDns } from '../core/senders/dns.ts';
import { operatorOf } from '../io/accounts.ts';
import type { Settings } from '../lib/settings.ts';
import type { CodeOf } from '../lib/stage.ts';
import { synthesize } from '../lib/synthesize.ts';
import type { Call } from './calls.ts';
import { type Dns, startDns } from './dns.ts';
import { LOOPBACK } from './http.ts';
import { type Inbox, startInbox } from './inbox/inbox.ts';
import { type ArrivalStore, openArrivals } from './inbox/store.ts';
import { type LocalFile, localFile, refuseSecond } from './local-file.ts';
import { openFolder } from './provision.ts';
import { portsHere, type RelayPortsHere, relayOnLoopback, tellRelay } from './relay-here.ts';
import { type Reads, readMail, type Visit } from './sink/reader.ts';
import { type Sink, startSink } from './sink/sink.ts';
import { takeTurns } from './sink/turns.ts';
import { type LocalStack, type StackOptions, startStack } from './stack.ts';

export type LaunchOptions = Pick<
  StackOptions,
  'scheduleEverySeconds' | 'latency' | 'maxEnvironments' | 'paused' | 'onLog' | 'onPhase'
> & {
  /** The data folder. */
  folder: string;
  settings: Settings;
  /** Absent or 0: any free port. */
  ports?: { api?: number; inbox?: number; track?: number; aws?: number } & RelayPortsHere;
  /** A remote peer's delays, in milliseconds. */
  sinkLatency?: { perCommandMs: number; afterDotMs: number };
  /** Where functions' code comes from; absent: bundled from the sources. */
  code?: CodeOf;
  /** The folder of the relay's image; absent: bundled from the sources. */
  image?: () => string;
  /** Changes the synthesized templates before they run, given their folder: for tests of what a wrong template does. */
  edit?: (directory: string) => void;
};

export type Launched = {
  stack: LocalStack;
  sink: Sink;
  inbox: Inbox;
  dns: Dns;
  /** Everything that arrived. */
  arrivals: ArrivalStore;
  /** What `local.json` holds. */
  local: LocalFile;
  operator: ReturnType<typeof operatorOf>;
  /** Ends everything; invocations get `graceMs` to finish. */
  stop(graceMs?: number): Promise<void>;
};

/** The domain that is there from the first start. */
const DOMAIN = 'example.com';
const PUBLISH_MS = 2_000;
/** Milliseconds until a reader of the sink's looks at a mail. */
const READER_WAIT = 200;
/** Readers at once: they have more time than this machine has functions. */
const READERS = 4;

/** @throws Error in one sentence; then nothing is left running */
export async function launch(options: LaunchOptions): Promise<Launched> {
  const folder = resolve(options.folder);
  const undo: (() => unknown)[] = [];
  await refuseSecond(folder);
  try {
    return await start({ ...options, folder }, undo);
  } catch (error) {
    for (const one of undo.reverse()) await Promise.resolve(one()).catch(() => {});
    throw error;
  }
}

async function start(options: LaunchOptions, undo: (() => unknown)[]): Promise<Launched> {
  const { folder, ports = {}, onPhase } = options;
  let last = performance.now();
  const phase = (name: string) => {
    const now = performance.now();
    onPhase?.(name, now - last);
    last = now;
  };
  openFolder(folder);
  const arrivals = openArrivals({ folder });
  undo.push(() => arrivals.close());
  const dns = await startDns({});
  undo.push(dns.stop);
  const inTurn = takeTurns(READERS);
  const read = async (raw: Buffer, what: Reads): Promise<Visit[]> => {
    // He opens it after the reply has gone out: what he does must not hold up the session.
    await sleep(READER_WAIT);
    return inTurn(() => readMail(raw, what)).catch((error: Error) => {
      options.onLog?.(`reader (${what}): ${error.message}`);
      return [];
    });
  };
  const sink = await startSink({
    store: arrivals,
    read,
    onAnswerLost: (problem) => options.onLog?.(`sink: ${problem}`),
    ...(options.sinkLatency ? { latency: options.sinkLatency } : {}),
  });
  undo.push(sink.stop);
  phase('DNS and sink');

  const { directory } = synthesize(mailStaysHere(options.settings, dns.port, sink.port), {
    outdir: join(folder, 'cdk.out'),
    ...(options.code ? { code: options.code } : {}),
    ...(options.image ? { image: options.image } : {}),
  });
  options.edit?.(directory);
  phase('synthesis');
  const stack = await startStack({
    ...options,
    templateDir: directory,
    ports: {
      api: ports.api ?? 0,
      track: ports.track ?? 0,
      aws: ports.aws ?? 0,
      services: portsHere(options.settings, ports),
    },
    zone: dns,
  });
  undo.push(() => stack.stop(0));
  last = performance.now();

  const { operator, close } = openOperator(stack);
  undo.push(close);
  const publish = publisher(stack, operator, dns);
  const apiKey = await makeAccount(folder, operator, stack.trackUrl);
  await publish();
  // Before whoever made the domain or the key is answered: what he checks next must find the records.
  const accounts = stack.outputs.AccountsTable!;
  stack.watch(async (call) => {
    if (writesDomain(call, accounts)) await publish().catch(() => {});
  });
  const publishing = setInterval(() => void publish().catch(() => {}), PUBLISH_MS);
  undo.push(() => clearInterval(publishing));
  phase('account');

  const from = `hello@${DOMAIN}`;
  const inbox = await startInbox({
    port: ports.inbox ?? 0,
    store: arrivals,
    links: { apiUrl: stack.apiUrl, apiKey, from },
    resolveTxt: dns.resolveTxt,
  }).catch((error: Error) => {
    throw new Error(`${error.message} (option --inbox-port)`, { cause: error });
  });
  undo.push(inbox.stop);
  const file = localFile(folder);
  const local: LocalFile = {
    apiUrl: stack.apiUrl,
    apiKey,
    from,
    inboxUrl: inbox.url,
    trackUrl: stack.trackUrl,
    pid: process.pid,
    awsUrl: stack.awsUrl,
    stackName: stack.assembly.stackName,
    dnsServer: `${LOOPBACK}:${dns.port}`,
    smtpSink: `${LOOPBACK}:${sink.port}`,
    ...tellRelay(stack, apiKey),
    outputs: stack.outputs,
  };
  sink.answerTo(local.inbound?.port);
  writeFileSync(file, `${JSON.stringify(local, null, 2)}\n`, { mode: 0o600 });
  phase('inbox');

  return {
    stack,
    sink,
    inbox,
    dns,
    arrivals,
    local,
    operator,
    async stop(graceMs) {
      clearInterval(publishing);
      rmSync(file, { force: true });
      await inbox.stop();
      await stack.stop(graceMs);
      close();
      await Promise.all([sink.stop(), dns.stop()]);
      arrivals.close();
    },
  };
}

/** The template itself says where mail goes: to our DNS server's idea of MX, at the sink's port, on loopback. */
function mailStaysHere(settings: Settings, dnsPort: number, smtpPort: number): Settings {
  return {
    ...relayOnLoopback(settings),
    delivery: { ...settings.delivery, dnsServers: [`${LOOPBACK}:${dnsPort}`], smtpPort, allowPrivateHosts: true },
  };
}

function openOperator(stack: LocalStack) {
  const credentials = { accessKeyId: stack.operatorEnvironment.AWS_ACCESS_KEY_ID!, secretAccessKey: 'local' };
  const at = { endpoint: stack.awsUrl, region: stack.region, credentials };
  const tables = new DynamoDBClient(at);
  const keys = new KMSClient(at);
  const document = DynamoDBDocumentClient.from(tables, { marshallOptions: { removeUndefinedValues: true } });
  const { AccountsTable: table, DkimKeyArn: keyArn } = stack.outputs;
  if (!table || !keyArn) throw new Error('the stack has no outputs AccountsTable and DkimKeyArn');
  return {
    operator: operatorOf(table, document, keys, keyArn, Date.now),
    close: () => {
      tables.destroy();
      keys.destroy();
    },
  };
}

/** The operator's key and domain, made at the first start. A key's secret is kept nowhere but in this file. */
async function makeAccount(folder: string, operator: Launched['operator'], trackUrl: string): Promise<string> {
  await operator.addDomain(OPERATOR, DOMAIN);
  // Where links of its mail lead, on this machine. Its account tracks nothing until it is asked to.
  const link = await operator.writeLink(OPERATOR, DOMAIN, new URL(trackUrl).host);
  await operator.setLinkValid(link, true);
  const file = join(folder, 'operator.json');
  if (existsSync(file)) {
    const kept = JSON.parse(readFileSync(file, 'utf8')) as { key: string; id: string };
    const keys = await operator.listKeys(OPERATOR);
    const own = keys.find(({ sk }) => sk.endsWith(kept.id));
    // Scopes that came with a newer version.
    if (
      own &&
      (SCOPES.every((scope) => own.scopes.includes(scope)) ||
        (await operator.changeKey(own, { ...own, scopes: [...SCOPES] })))
    )
      return kept.key;
  }
  const made = await operator.createKey(OPERATOR, 'npm start', [...SCOPES]);
  writeFileSync(file, JSON.stringify(made), { mode: 0o600 });
  return made.key;
}

/** Whether a call may have written a sending domain. */
function writesDomain({ service, operation, input }: Call, accountsTable: string): boolean {
  if (service !== 'dynamodb' || !/^(Put|Update|TransactWrite|BatchWrite)/.test(operation)) return false;
  if (input.TableName !== undefined && input.TableName !== accountsTable) return false;
  const written = JSON.stringify(input);
  return written.includes(accountsTable) && written.includes('"domain#');
}

/**
 * Publishes the DNS records of every sending domain of the operator's account, as the domain's owner would: when one is written, and
 * every two seconds, for what the clock alone changes.
 */
function publisher(stack: LocalStack, operator: Launched['operator'], dns: Dns): () => Promise<void> {
  const published = new Set<string>();
  let restored = false;
  const set = (name: string, type: 'CNAME' | 'MX' | 'TXT', value: string) => {
    const [preference, exchange = ''] = value.split(' ');
    dns.setRecord(name, type, type === 'MX' ? [{ preference: Number(preference), exchange }] : [value]);
    published.add(`${name} ${type}`);
  };
  const lanes = JSON.parse(stack.outputs.Lanes ?? '[]') as Partial<Source>[];
  const sources = lanes.map(({ ip = LOOPBACK, ehloName = 'localhost' }) => ({ ip, ehloName }));
  return async () => {
    for (const domain of await operator.listDomains(OPERATOR)) {
      const { InboundHost: inboundHost } = stack.outputs;
      const records = domain.authentication?.automatic
        ? senderDns(domain, { sources, inboundHost })
        : dnsRecordsOf(domain, sources, { inboundHost, keys: publishedKeys(domain, Date.now()) });
      // What the stack wrote into its zones before it was started again; from then on Route 53 hears of each change itself.
      if (!restored) for (const { name, type, value } of domain.authentication?.written ?? []) set(name, type, value);
      for (const { name, type, value } of records) {
        if (published.has(`${name} ${type}`)) continue;
        set(name, type, value);
      }
    }
    restored = true;
  };
}
