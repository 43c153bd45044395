/**
 * The relay's process: environment in, listeners out. It drains on SIGTERM and ends with 0; whatever it cannot start with stops
 * it at once, with a word about why.
 */
import { createServer } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { BIG_REQUEST_BYTES } from '../core/limits.ts';
import { readSubmitted } from '../core/submit-mime/index.ts';
import { openBucket, openQueues, openSecrets, openTables } from '../io/aws.ts';
import { cached } from '../io/cached.ts';
import { makeCertificate } from '../io/certificate.ts';
import { requireNumber, requireVariable } from '../io/environment.ts';
import { hostsIn } from '../io/hosts.ts';
import { inboundIn } from '../io/inbound.ts';
import { publishRelay } from '../io/metrics.ts';
import { mimeIn } from '../io/mime.ts';
import { readSecret } from '../io/secret.ts';
import { openSubmission } from '../submission/environment.ts';
import { openCertificate } from './certificate.ts';
import { type Door, openDoor } from './door.ts';
import { readListeners, readPorts } from './environment.ts';
import { createGate } from './gate.ts';
import { makeInbound } from './inbound.ts';
import type { LetterDeps } from './letter.ts';
import { LIMITS, shareMemory } from './limits.ts';
import { describe, type Log, makeLog } from './log.ts';
import { createBudget } from './memory.ts';
import type { Role } from './role.ts';
import { listenSmtp, type SmtpListener, type SmtpServer } from './server.ts';
import { makeSubmission } from './submission.ts';
import { createTally, type Tally } from './tally.ts';

/** Milliseconds for which a host name that was given up is still one of ours. */
const HOST_LIFE = 60_000;
const PUBLISH_MS = 60_000;
/** Milliseconds after which the secret of the certificate is read again: while it has none yet, and afterwards. */
const CERTIFICATE_SOON_MS = 60_000;
const CERTIFICATE_MS = 3_600_000;

const { env } = process;
const log: Log = makeLog((line) => process.stdout.write(`${line}\n`), Date.now);
const report = (problem: string, error: unknown): void => log('ERROR', problem, describe(error));

async function main(): Promise<void> {
  const listeners = readListeners(requireVariable('LISTEN'));
  const host = requireVariable('RELAY_HOST');
  const memory = shareMemory(process.constrainedMemory() || Number.POSITIVE_INFINITY);
  const gate = createGate(LIMITS, Date.now);
  const tally = createTally(log);
  const certificate = await openCertificate({
    ...(env.TLS_SECRET_ARN ? { readText: textOf(env.TLS_SECRET_ARN) } : {}),
    makeOwn: () => {
      const { cert, key } = makeCertificate([host], Date.now());
      return { chain: cert, privateKey: key };
    },
    warn: (problem, error) => log('WARN', problem, error === undefined ? {} : describe(error)),
  });
  const deps = openSubmission(report);
  const objects = openBucket();
  const short = createBudget(memory.short);
  const letter: LetterDeps = {
    ...mimeIn(requireVariable('CONTENT_BUCKET'), objects),
    short,
    long: createBudget(memory.long),
    limits: LIMITS,
  };
  const submission = makeSubmission({ ...deps, readSubmitted, letter, gate, host, report });
  const serves = (kind: string) => listeners.some((one) => one.kind === kind);
  const inbound = serves('inbound')
    ? await openInbound({ short, long: createBudget(memory.inbound), limits: LIMITS }, objects, gate, host)
    : undefined;

  const server = await listenSmtp(
    listeners.filter((one): one is SmtpListener => one.kind !== 'https'),
    {
      host,
      limits: LIMITS,
      gate,
      submission,
      ...(inbound ? { inbound } : {}),
      secureContext: certificate.current,
      loginInClear: readPorts(env.AUTH_WITHOUT_TLS ?? ''),
      wait,
      count: tally.answered,
      report,
    },
  );
  const doors = await Promise.all(
    listeners
      .filter(({ kind }) => kind === 'https')
      .map(({ port }) =>
        openDoor(port, {
          ...deps,
          requestBytes: BIG_REQUEST_BYTES,
          limits: LIMITS,
          gate,
          memory: createBudget(memory.door),
          certificate,
          count: tally.posted,
          report,
        }),
      ),
  );
  const timers = [
    setInterval(() => publish(tally, gate.connections(), certificate.isEnding(Date.now())), PUBLISH_MS),
    setInterval(async () => {
      if (certificate.trusted() && performance.now() < next) return;
      next = performance.now() + CERTIFICATE_MS;
      if (await certificate.reload()) {
        for (const door of doors) door.renew();
        log('INFO', 'the TLS certificate is another one now');
      }
    }, CERTIFICATE_SOON_MS),
  ];
  let next = performance.now() + CERTIFICATE_MS;
  const health = tellHealth();
  log('INFO', 'listening', { listeners });

  process.once('SIGTERM', () => void end());
  process.once('SIGINT', () => void end());
  const end = async (): Promise<void> => {
    health.drain();
    for (const timer of timers) clearInterval(timer);
    log('INFO', 'draining', { connections: gate.connections() });
    const cut = await drainAll(server, doors);
    publish(tally, 0, false);
    log(cut > 0 ? 'WARN' : 'INFO', 'ended', { cut });
    // Sockets of the SDK, and clients that do not close their side, would keep it.
    setTimeout(() => process.exit(0), 1_000);
  };
}

async function drainAll(server: SmtpServer, doors: Door[]): Promise<number> {
  const cut = await Promise.all([server, ...doors].map((one) => one.drain(LIMITS.drainMs)));
  return cut.reduce((sum, one) => sum + one, 0);
}

function publish(tally: Tally, connections: number, ending: boolean): void {
  const counts = { ...tally.take(), relayConnections: connections, certificateEnding: Number(ending) };
  if (Object.values(counts).some((count) => count > 0)) publishRelay(counts);
}

function textOf(arn: string): () => Promise<string> {
  const secrets = openSecrets();
  return async () => (await readSecret(secrets, arn)).toString();
}

async function openInbound(
  letter: Omit<LetterDeps, 'openMime'>,
  objects: ReturnType<typeof openBucket>,
  gate: ReturnType<typeof createGate>,
  host: string,
): Promise<Role> {
  const bucket = requireVariable('INBOUND_BUCKET');
  const queueUrl = requireVariable('INBOUND_QUEUE_URL');
  const hosts = hostsIn(requireVariable('ACCOUNTS_TABLE'), openTables());
  return makeInbound({
    ...inboundIn({ bucket, queueUrl }, objects, openQueues()),
    letter: { ...letter, ...mimeIn(bucket, objects) },
    gate,
    host,
    hops: LIMITS.hops,
    readHost: cached(hosts.readHost, HOST_LIFE, Date.now),
    secret: await readSecret(openSecrets(), requireVariable('RETURN_PATH_SECRET_ARN')),
    now: Date.now,
    report,
  });
}

/** `GET /` on HEALTH_PORT: 200 while it takes mail, 503 while it drains. */
function tellHealth(): { drain: () => void } {
  if (!env.HEALTH_PORT) return { drain: () => undefined };
  let well = true;
  createServer((_request, response) => response.writeHead(well ? 200 : 503).end()).listen(requireNumber('HEALTH_PORT'));
  return {
    drain: () => {
      well = false;
    },
  };
}

process.on('uncaughtException', (error) => {
  report('uncaught', error);
  process.exit(1);
});
main().catch((error) => {
  report('the relay cannot start', error);
  process.exit(1);
});
