/** `npm start`: the whole stack on this machine, until Ctrl-C. It prints where everything is and what the mail is doing. */
import { appendFileSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { METRIC } from '../core/metrics.ts';
import type { Launched, LaunchOptions } from './launch.ts';
import { type LocalFile, refuseSecond } from './local-file.ts';

const USAGE = `Usage: npm start -- [options]

Runs the whole stack on this machine until Ctrl-C, and prints where everything is.
No mail leaves the machine.

  --api-port N           the API (default 8080)
  --inbox-port N         the page with all mail that was delivered (default 8025)
  --track-port N         what links in mail lead to (default 8082)
  --smtp-port N          SMTP with STARTTLS (default 2587)
  --inbound-port N       where bounces and replies come back to: port 25 in AWS (default 2025)
  --smtps-port N         SMTP in TLS from the first octet (default 0)
  --big-door-port N      mail/send up to 30 MB (default 0)
  --aws-port N           what stands for AWS (default 0)
                         0: any port that is free
  --folder PATH          where mail, queues, accounts are kept between starts (default .pennypost)
  --schedule-seconds N   run schedules every N seconds, not at their own rate
  --timings              print what each phase of the start took
  --help`;

/** After the first Ctrl-C: what is being delivered may finish, then all children end. */
const GRACE_MS = 1_500;
const STOP_MS = 4_000;

type Options = { ports: NonNullable<LaunchOptions['ports']>; folder: string; everySeconds?: number; timings: boolean };

/** @throws UsageError */
function parse() {
  const read = () =>
    parseArgs({
      options: {
        'api-port': { type: 'string', default: '8080' },
        'inbox-port': { type: 'string', default: '8025' },
        'track-port': { type: 'string', default: '8082' },
        'aws-port': { type: 'string', default: '0' },
        'smtp-port': { type: 'string', default: '2587' },
        'smtps-port': { type: 'string', default: '0' },
        'inbound-port': { type: 'string', default: '2025' },
        'big-door-port': { type: 'string', default: '0' },
        'schedule-seconds': { type: 'string' },
        folder: { type: 'string', default: '.pennypost' },
        timings: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  try {
    return read().values;
  } catch (error) {
    // Its first sentence says what is wrong; the others are about arguments that this command does not have.
    throw new UsageError((error as Error).message.split(/\.(?: |$)|\n/)[0]);
  }
}

/** What the command line says is wrong: one line, and 2, as shells have it. */
class UsageError extends Error {}

function readOptions(values: ReturnType<typeof parse>): Options {
  const number = (name: `${string}-port` | 'schedule-seconds', most = 65_535): number => {
    const text = String(values[name as keyof typeof values]);
    if (!/^\d{1,5}$/.test(text) || Number(text) > most)
      throw new UsageError(`--${name} is "${text}"; it must be a whole number from 0 to ${most}`);
    return Number(text);
  };
  return {
    ports: {
      api: number('api-port'),
      inbox: number('inbox-port'),
      track: number('track-port'),
      aws: number('aws-port'),
      smtp: number('smtp-port'),
      secureSmtp: number('smtps-port'),
      inbound: number('inbound-port'),
      bigDoor: number('big-door-port'),
    },
    folder: values.folder,
    timings: values.timings,
    ...(values['schedule-seconds'] === undefined
      ? {}
      : { everySeconds: Math.max(1, number('schedule-seconds', 3600)) }),
  };
}

/** The CDK is compiled once: see bin/cli.ts. */
enableCompileCache(join(import.meta.dirname, '../node_modules/.cache/compiled'));

async function main(): Promise<void> {
  const begin = performance.now();
  const values = parse();
  if (values.help) return console.log(USAGE);
  const options = readOptions(values);
  // Before the CDK is loaded, which takes seconds.
  await refuseSecond(resolve(options.folder));
  const [{ default: settings }, { launch }, { withRelay }] = await Promise.all([
    import('../pennypost.config.ts'),
    import('./launch.ts'),
    import('./relay-here.ts'),
  ]);
  const timings: [string, number][] = [['loading', performance.now() - begin]];
  let running: Launched | undefined;
  const log = (line: string) => {
    if (running) appendFileSync(join(options.folder, 'logs', 'stack.log'), `${new Date().toISOString()} ${line}\n`);
    clearStatus();
    process.stderr.write(`${line}\n`);
  };
  handleSignals(() => running);
  running = await launch({
    folder: options.folder,
    settings: withRelay(settings),
    ports: options.ports,
    onLog: log,
    onPhase: (phase, ms) => timings.push([phase, ms]),
    ...(options.everySeconds === undefined ? {} : { scheduleEverySeconds: options.everySeconds }),
  });
  if (options.timings)
    for (const [phase, ms] of timings) console.log(`${phase.padEnd(28)} ${ms.toFixed(0).padStart(6)} ms`);
  console.log(summary(running, options.folder, performance.now() - begin));
  showStatus(running);
}

function summary({ local }: Launched, folder: string, ms: number): string {
  return `
Pennypost runs on this machine (ready in ${(ms / 1000).toFixed(1)} s). No mail leaves it. Ctrl-C stops it.

  API      ${local.apiUrl}
  inbox    ${local.inboxUrl}
  links    ${local.trackUrl}
  API key  ${local.apiKey}
${smtpLines(local)}
  curl -i ${local.apiUrl}/v3/mail/send -H 'Authorization: Bearer ${local.apiKey}' -H 'Content-Type: application/json' \\
    -d '{"personalizations":[{"to":[{"email":"reader@example.net"}]}],"from":{"email":"${local.from}"},"subject":"Hello","content":[{"type":"text/plain","value":"It works."}]}'

${swaksLine(local)}  For scripts: ${join(folder, 'local.json')}. What the functions print: ${join(folder, 'logs')}.
`;
}

function smtpLines({ smtp, inbound, bigDoorUrl }: LocalFile): string {
  if (!smtp) return '';
  const secure = smtp.securePort ? `, TLS at once on port ${smtp.securePort}` : '';
  const back = inbound ? `  inbound  ${inbound.host}:${inbound.port}   where bounces and replies come back to\n` : '';
  const door = bigDoorUrl ? `  big door ${bigDoorUrl}   POST /v3/mail/send up to 30 MB\n` : '';
  return `  SMTP     ${smtp.host}:${smtp.port}   STARTTLS, user ${smtp.user}, the API key as password${secure}\n${back}${door}`;
}

function swaksLine({ smtp, from }: LocalFile): string {
  if (!smtp) return '';
  return `  swaks --server ${smtp.host}:${smtp.port} --tls --auth PLAIN --auth-user ${smtp.user} --auth-password '${smtp.password}' \\
    --from ${from} --to reader@example.net --header 'Subject: Hello' --body 'It works.'

`;
}

/** One line, rewritten every second; only where somebody looks. */
function showStatus({ stack, arrivals }: Launched): void {
  if (!process.stdout.isTTY) return;
  const said = (name: string) => String(stack.metrics.get(name)?.count ? stack.metrics.get(name)!.sum : 0);
  setInterval(() => {
    const queues = stack.queues.inspect();
    const count = (dead: boolean) =>
      queues.filter((queue) => queue.dead === dead).reduce((sum, { messages }) => sum + messages.length, 0);
    const parts = [
      ['delivered', said(METRIC.delivered)],
      ['deferred', said(METRIC.deferred)],
      ['bounced', said(METRIC.bounced)],
      ['jobs queued', count(false)],
      ['dead', count(true)],
      ['in the inbox', arrivals.count()],
    ];
    process.stdout.write(`\r\x1b[2K  ${parts.map(([name, value]) => `${name} ${value}`).join(' · ')}`);
  }, 1_000).unref();
}

function clearStatus(): void {
  if (process.stdout.isTTY) process.stdout.write('\r\x1b[2K');
}

function handleSignals(current: () => Launched | undefined): void {
  let asked = 0;
  const end = () => {
    if (++asked > 1) process.exit(130);
    const running = current();
    if (!running) process.exit(130);
    clearStatus();
    console.log('\nStopping; once more to stop at once.');
    setTimeout(() => process.exit(0), STOP_MS).unref();
    running.stop(GRACE_MS).then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.on('SIGINT', end);
  process.on('SIGTERM', end);
}

main().catch((error: Error) => {
  if (error instanceof UsageError) {
    process.stderr.write(`npm start: ${error.message}. npm start -- --help shows the options.\n`);
    process.exit(2);
  }
  // What a user can put right is one sentence; a fault of ours needs its trace.
  const ours = error.name !== 'Error' || 'code' in error;
  process.stderr.write(`${ours ? error.stack : error.message}\n`);
  process.exit(1);
});
