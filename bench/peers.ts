/**
 * The mail servers that ours is measured beside, each set up in a temporary folder of its own, as relay with an RSA-2048
 * DKIM signature, on loopback, and on the same core: Postfix with opendkim as a milter on a unix socket, and Haraka with
 * its DKIM plugin and two workers. `smtp-source` gives them ready messages over 20 connections; it stands on the other
 * core, and so does the sink. What is not installed is left out, with a line that says how to install it.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../local/http.ts';
import { spreadOf } from './figures.ts';
import { cpuSecondsOf, findProgram, onCore } from './machine.ts';
import { type BenchSink, endProcess, startBenchSink, whenOpen } from './sinks.ts';

export type PeerFigures = { name: string; durable: string; perSecond: number; cpuPerThousand: number };

type Peer = {
  name: string;
  /** What it has on disk when it says 250. */
  durable: string;
  port: number;
  /** Processes whose trees are its CPU. */
  roots: () => number[];
  stop: () => Promise<void>;
};

export type PeerOptions = {
  messages: number;
  rounds: number;
  /** The ready message, with LF line ends. */
  raw: string;
  /** The folder where Haraka was installed. */
  haraka?: string;
  say: (line: string) => void;
};

const SESSIONS = 20;
/** Seconds for all messages of a round; a peer that needs more is stuck. */
const PATIENCE = 60;
const KEY_MODE = 0o600;
/** Below /var, where postlogd is used to write. */
const POSTFIX_LOG = '/var/log/pennypost-bench-postfix.log';

/** Measures every peer that is here: the medians of its rounds. */
export async function measurePeers(options: PeerOptions): Promise<PeerFigures[]> {
  const { say } = options;
  const source = findProgram('smtp-source');
  if (!source || !findProgram('smtp-sink')) {
    say('no peers: smtp-source and smtp-sink are missing (Debian: apt-get install postfix opendkim)');
    return [];
  }
  const figures: PeerFigures[] = [];
  const sink = await startBenchSink();
  try {
    for (const start of [startPostfix, startHaraka]) {
      const folder = mkdtempSync(join(tmpdir(), 'pennypost-peer-'));
      // Postfix's daemons run as a user of their own and must get to their queue.
      chmodSync(folder, 0o755);
      try {
        const peer = await start(folder, sink.port, options);
        if (peer) figures.push(await measurePeer(peer, sink, source, folder, options).finally(peer.stop));
      } catch (error) {
        say((error as Error).message);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    }
  } finally {
    await sink.stop();
  }
  return figures;
}

async function measurePeer(
  peer: Peer,
  sink: BenchSink,
  source: string,
  folder: string,
  { messages, rounds, raw }: PeerOptions,
): Promise<PeerFigures> {
  const file = join(folder, 'message');
  writeFileSync(file, raw, { mode: 0o644 });
  const inject = async (count: number) => {
    const before = sink.taken();
    const beganAt = performance.now();
    const command = [source, '-s', String(SESSIONS), '-d', '-m', String(count), '-F', file];
    const addresses = ['-f', 'shop@example.com', '-t', 'reader@domain.example', `127.0.0.1:${peer.port}`];
    const [program, ...given] = onCore(1, [...command, ...addresses]);
    const child = spawn(program!, given, { stdio: ['ignore', 'ignore', 'inherit'], timeout: PATIENCE * 1_000 });
    const [code] = (await once(child, 'exit')) as [number | null];
    if (code !== 0) throw new Error(`${peer.name}: smtp-source ended with ${code}`);
    while (sink.taken() - before < count) {
      if (performance.now() - beganAt > PATIENCE * 1_000)
        throw new Error(`${peer.name}: ${sink.taken() - before} of ${count} messages arrived in ${PATIENCE} s`);
      await sleep(5);
    }
    return (performance.now() - beganAt) / 1_000;
  };
  await inject(Math.min(200, messages));
  const measured = [];
  for (let n = 0; n < rounds; n++) {
    const cpuBefore = cpuSecondsOf(peer.roots());
    const seconds = await inject(messages);
    const cpu = cpuSecondsOf(peer.roots()) - cpuBefore;
    measured.push({ perSecond: messages / seconds, cpuPerThousand: (cpu / messages) * 1_000 });
  }
  return {
    name: peer.name,
    durable: peer.durable,
    perSecond: spreadOf(measured.map(({ perSecond }) => perSecond)).median,
    cpuPerThousand: spreadOf(measured.map(({ cpuPerThousand }) => cpuPerThousand)).median,
  };
}

function start(command: string[], cwd?: string): ChildProcess {
  const [program, ...given] = onCore(0, command);
  return spawn(program!, given, { stdio: ['ignore', 'ignore', 'ignore'], ...(cwd ? { cwd } : {}) });
}

function makePem(file: string): void {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(file, privateKey.export({ format: 'pem', type: 'pkcs1' }), { mode: KEY_MODE });
}

// Postfix and opendkim -------------------------------------------------------------------------------------------------

async function startPostfix(folder: string, sinkPort: number, { say }: PeerOptions): Promise<Peer | undefined> {
  const [postfix, opendkim] = [findProgram('postfix'), findProgram('opendkim')];
  if (!postfix || !opendkim) {
    say(
      `no Postfix + opendkim: ${postfix ? 'opendkim' : 'postfix'} is missing (Debian: apt-get install postfix opendkim)`,
    );
    return undefined;
  }
  if (process.getuid?.() !== 0) {
    say('no Postfix + opendkim: Postfix can only be started by root');
    return undefined;
  }
  const socket = join(folder, 'opendkim.sock');
  const keyFile = join(folder, 'bench.private');
  makePem(keyFile);
  const conf = {
    Domain: 'example.com',
    Selector: 'bench',
    KeyFile: keyFile,
    Socket: `local:${socket}`,
    Canonicalization: 'relaxed/relaxed',
    SignatureAlgorithm: 'rsa-sha256',
    ...{ Mode: 's', Background: 'no', UMask: '000', InternalHosts: '127.0.0.1', Syslog: 'no', RequireSafeKeys: 'no' },
  };
  const file = join(folder, 'opendkim.conf');
  writeFileSync(
    file,
    Object.entries(conf)
      .map(([name, value]) => `${name} ${value}\n`)
      .join(''),
  );
  const milter = start([opendkim, '-x', file, '-f']);
  for (let n = 0; n < 100 && !existsSync(socket); n++) await sleep(50);
  if (!existsSync(socket)) {
    await endProcess(milter);
    throw new Error('opendkim did not start');
  }
  const port = await freePort();
  const config = configurePostfix(folder, port, sinkPort, socket);
  const [program, ...given] = onCore(0, [postfix, '-c', config, 'start']);
  execFileSync(program!, given, { stdio: ['ignore', 'ignore', 'ignore'] });
  await whenOpen(port);
  const master = Number(readFileSync(join(folder, 'queue', 'pid', 'master.pid'), 'utf8').trim());
  return {
    name: 'Postfix + opendkim',
    durable: 'the message (fsync)',
    port,
    roots: () => [master, milter.pid!],
    stop: async () => {
      execFileSync(postfix, ['-c', config, 'stop'], { stdio: 'ignore' });
      await endProcess(milter);
      rmSync(POSTFIX_LOG, { force: true });
    },
  };
}

function configurePostfix(folder: string, port: number, sinkPort: number, socket: string): string {
  const config = join(folder, 'etc');
  for (const name of ['etc', 'queue', 'data']) mkdirSync(join(folder, name));
  execFileSync('chown', ['postfix', join(folder, 'data')]);
  const main = {
    compatibility_level: '3.6',
    queue_directory: join(folder, 'queue'),
    data_directory: join(folder, 'data'),
    maillog_file: POSTFIX_LOG,
    maillog_file_prefixes: '/var',
    inet_interfaces: '127.0.0.1',
    inet_protocols: 'ipv4',
    myhostname: 'bench.example.com',
    mydestination: '',
    mynetworks: '127.0.0.0/8',
    relayhost: `[127.0.0.1]:${sinkPort}`,
    alias_maps: '',
    smtpd_milters: `unix:${socket}`,
    milter_default_action: 'tempfail',
    smtp_tls_security_level: 'none',
    smtpd_tls_security_level: 'none',
    // Its defaults are for the internet; these are what perf measurements of Postfix raise.
    default_destination_concurrency_limit: '20',
    initial_destination_concurrency: '20',
    in_flow_delay: '0',
    max_use: '5000',
  };
  writeFileSync(
    join(config, 'main.cf'),
    Object.entries(main)
      .map(([name, value]) => `${name} = ${value}\n`)
      .join(''),
  );
  // name, type, private, unprivileged, chroot, wake up, most processes, command (master(5)).
  const unix = (name: string, command = name, limit = '-', isPrivate = '-') =>
    `${name} unix ${isPrivate} - n - ${limit} ${command}`;
  const master = [
    `127.0.0.1:${port} inet n - n - - smtpd`,
    'pickup unix n - n 60 1 pickup',
    'qmgr unix n - n 300 1 qmgr',
    'postlog unix-dgram n - n - 1 postlogd',
    unix('cleanup', 'cleanup', '0', 'n'),
    unix('rewrite', 'trivial-rewrite'),
    ...['bounce', 'defer', 'trace'].map((name) => unix(name, 'bounce', '0')),
    ...['error', 'retry'].map((name) => unix(name, 'error')),
    ...['anvil', 'scache'].map((name) => unix(name, name, '1')),
    unix('smtp'),
    unix('proxymap'),
  ];
  writeFileSync(join(config, 'master.cf'), `${master.join('\n')}\n`);
  return config;
}

// Haraka ---------------------------------------------------------------------------------------------------------------

const HARAKA_HELP =
  'no Haraka: install it anywhere outside of this folder (npm i --ignore-scripts Haraka@3.3.4 haraka-plugin-dkim@1.3.1) and pass --haraka <that folder>, or set PENNYPOST_HARAKA';

async function startHaraka(folder: string, sinkPort: number, { haraka, say }: PeerOptions): Promise<Peer | undefined> {
  const installed = haraka ?? process.env.PENNYPOST_HARAKA;
  const program = installed ? join(installed, 'node_modules', 'Haraka', 'bin', 'haraka') : undefined;
  if (!installed || !program || !existsSync(program)) {
    say(HARAKA_HELP);
    return undefined;
  }
  const port = await freePort();
  for (const name of ['config/dkim/example.com', 'plugins', 'queue'])
    mkdirSync(join(folder, name), { recursive: true });
  symlinkSync(join(installed, 'node_modules'), join(folder, 'node_modules'));
  const config = (name: string, text: string) => writeFileSync(join(folder, 'config', name), text);
  makePem(join(folder, 'config/dkim/example.com/private'));
  config('dkim/example.com/selector', 'bench');
  config('smtp.ini', `listen=127.0.0.1:${port}\nnodes=2\n`);
  config('plugins', 'bench\ndkim\n');
  config('dkim.ini', '[sign]\nenabled=true\nselector=bench\ndomain=example.com\n[verify]\nenabled=false\n');
  config('outbound.ini', 'enable_tls=false\nconcurrency_max=100\nlocal_mx_ok=true\n');
  config('log.ini', '[main]\nlevel=WARN\n');
  config('me', 'bench.example.com');
  config('host_list', '');
  // Without this one of its own defaults, it fails at every connection.
  copyFileSync(join(installed, 'node_modules/Haraka/config/connection.ini'), join(folder, 'config/connection.ini'));
  writeFileSync(
    join(folder, 'plugins', 'bench.js'),
    `exports.register = function () {
  this.register_hook('connect', 'relay');
  this.register_hook('rcpt', 'take');
  this.register_hook('get_mx', 'route');
};
exports.relay = (next, connection) => { connection.relaying = true; next(); };
exports.take = (next) => next(OK);
exports.route = (next) => next(OK, [{ priority: 0, exchange: '127.0.0.1', port: ${sinkPort}, from_dns: 'bench' }]);
`,
  );
  const child = start([process.execPath, program, '-c', folder], folder);
  await whenOpen(port, child).catch(async (error: Error) => {
    await endProcess(child);
    throw error;
  });
  return {
    name: 'Haraka',
    durable: 'the message (no fsync)',
    port,
    roots: () => [child.pid!],
    stop: () => endProcess(child),
  };
}
