/**
 * What customers send with, as it is in Debian: swaks, msmtp, Python's smtplib, nodemailer, and Postfix with us as its smarthost.
 * Each sends one message and says whether it was taken. Certificates are not verified here: the tests' own is self-signed.
 */
import { execFile, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { createTransport } from 'nodemailer';

export type Sending = {
  /** With STARTTLS, and with TLS from the first octet. */
  port: number;
  tlsPort: number;
  /** The API key. */
  password: string;
  from: string;
  to: string[];
  /** Octets, with CRLF. */
  message: Buffer;
};

export type Program = {
  name: string;
  /** Why it cannot run here; undefined: it can. */
  missing: () => string | undefined;
  /** @throws Error with what the program said, when the message was not taken */
  send: (sending: Sending) => Promise<void>;
};

const run = promisify(execFile);
const debian = (pack: string, path: string) => () =>
  existsSync(path) ? undefined : `Debian package ${pack} is not installed`;

/** Runs a program with the message as its input. */
async function feed(command: string, args: string[], input: Buffer | string): Promise<void> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk));
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${said.slice(-2_000)}`);
}

const withLf = (message: Buffer) => Buffer.from(message.toString('latin1').replaceAll('\r\n', '\n'), 'latin1');

function swaks(name: string, port: (sending: Sending) => number, options: string[]): Program {
  return {
    name: `swaks, ${name}`,
    missing: debian('swaks', '/usr/bin/swaks'),
    send: async (sending) => {
      const { from, to, password, message } = sending;
      const target = ['--server', '127.0.0.1', '--port', String(port(sending)), '--from', from, '--to', to.join(',')];
      const login = ['--auth-user', 'apikey', '--auth-password', password];
      await feed('swaks', [...target, ...login, ...options, '--data', '-'], withLf(message));
    },
  };
}

function msmtp(name: string, port: (sending: Sending) => number, starttls: boolean): Program {
  return {
    name: `msmtp, ${name}`,
    missing: debian('msmtp', '/usr/bin/msmtp'),
    send: async (sending) => {
      const folder = mkdtempSync(join(tmpdir(), 'pennypost-msmtp-'));
      const config = join(folder, 'msmtprc');
      writeFileSync(
        config,
        `account default
host 127.0.0.1
port ${port(sending)}
from ${sending.from}
tls on
tls_starttls ${starttls ? 'on' : 'off'}
tls_certcheck off
auth on
user apikey
password ${sending.password}
`,
        { mode: 0o600 },
      );
      try {
        await feed('msmtp', ['-C', config, ...sending.to], withLf(sending.message));
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  };
}

const SMTPLIB = `
import json, smtplib, ssl, sys, base64
s = json.load(sys.stdin)
context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
if s['starttls']:
    client = smtplib.SMTP('127.0.0.1', s['port'], timeout=20)
    client.starttls(context=context)
else:
    client = smtplib.SMTP_SSL('127.0.0.1', s['port'], context=context, timeout=20)
client.login('apikey', s['password'])
refused = client.sendmail(s['from'], s['to'], base64.b64decode(s['message']))
client.quit()
assert not refused, refused
`;

function smtplib(name: string, starttls: boolean): Program {
  return {
    name: `Python's smtplib, ${name}`,
    missing: () => undefined,
    send: ({ port, tlsPort, message, ...rest }) => {
      const sending = { ...rest, starttls, port: starttls ? port : tlsPort, message: message.toString('base64') };
      return feed('python3', ['-c', SMTPLIB], JSON.stringify(sending));
    },
  };
}

function nodemailer(name: string, secure: boolean): Program {
  return {
    name: `nodemailer, ${name}`,
    missing: () => undefined,
    send: async ({ port, tlsPort, password, from, to, message }) => {
      const transport = createTransport({
        ...{ host: '127.0.0.1', port: secure ? tlsPort : port, secure, requireTLS: true },
        auth: { user: 'apikey', pass: password },
        tls: { rejectUnauthorized: false },
      });
      const { rejected } = await transport.sendMail({ envelope: { from, to }, raw: message });
      transport.close();
      if (rejected.length > 0) throw new Error(`refused: ${rejected}`);
    },
  };
}

const postfix: Program = {
  name: 'Postfix with us as its smarthost',
  missing: () => {
    if (process.getuid?.() !== 0) return 'it needs root';
    return debian('postfix', '/usr/sbin/postfix')();
  },
  send: async (sending) => {
    const mta = await startSmarthost(sending);
    try {
      const { from, to, message } = sending;
      const transport = createTransport({ host: '127.0.0.1', port: mta.port, secure: false, ignoreTLS: true });
      await transport.sendMail({ envelope: { from, to }, raw: message });
      transport.close();
      for (let n = 0; n < 200; n++) {
        const log = mta.log();
        if (to.every((address) => log.includes(`to=<${address}>`) && /status=sent/.test(log))) return;
        if (/status=(deferred|bounced)/.test(log)) break;
        await sleep(100);
      }
      throw new Error(mta.log().slice(-3_000));
    } finally {
      await mta.stop();
    }
  },
};

async function startSmarthost({ port, password }: Sending) {
  const folder = mkdtempSync(join(tmpdir(), 'pennypost-smarthost-'));
  chmodSync(folder, 0o755);
  const etc = join(folder, 'etc');
  for (const name of ['etc', 'spool', 'data']) mkdirSync(join(folder, name));
  await run('chown', ['postfix', join(folder, 'data')]);
  const own = await freePort();
  writeFileSync(join(etc, 'password'), `[127.0.0.1]:${port} apikey:${password}\n`);
  writeFileSync(
    join(etc, 'main.cf'),
    `compatibility_level = 3.6
queue_directory = ${join(folder, 'spool')}
data_directory = ${join(folder, 'data')}
maillog_file = ${join(folder, 'log')}
maillog_file_prefixes = ${folder}
myhostname = web.example.com
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
relayhost = [127.0.0.1]:${port}
smtp_sasl_auth_enable = yes
smtp_sasl_password_maps = texthash:${join(etc, 'password')}
smtp_sasl_security_options = noanonymous
smtp_tls_security_level = encrypt
smtp_host_lookup = native
smtpd_peername_lookup = no
`,
  );
  const services = ['rewrite:trivial-rewrite', 'bounce', 'defer:bounce', 'trace:bounce', 'error', 'retry:error'];
  const lines = services.map((service) => {
    const [name, command = name] = service.split(':');
    return `${name} unix - - n - 0 ${command}`;
  });
  writeFileSync(
    join(etc, 'master.cf'),
    `127.0.0.1:${own} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
smtp unix - - n - - smtp
relay unix - - n - - smtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
postlog unix-dgram n - n - 1 postlogd
${lines.join('\n')}
`,
  );
  await run('/usr/sbin/postfix', ['-c', etc, 'start']);
  return {
    port: own,
    log: () => (existsSync(join(folder, 'log')) ? readFileSync(join(folder, 'log'), 'utf8') : ''),
    stop: async () => {
      await run('/usr/sbin/postfix', ['-c', etc, 'stop']).catch(() => {});
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((found) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => found(port));
    });
  });
}

export const PROGRAMS: Program[] = [
  swaks('STARTTLS and PLAIN', ({ port }) => port, ['--tls', '--auth', 'PLAIN']),
  swaks('STARTTLS and LOGIN', ({ port }) => port, ['--tls', '--auth', 'LOGIN']),
  swaks('TLS from the start', ({ tlsPort }) => tlsPort, ['--tls-on-connect', '--auth', 'PLAIN']),
  swaks('pipelining', ({ port }) => port, ['--tls', '--auth', 'PLAIN', '--pipeline']),
  msmtp('STARTTLS', ({ port }) => port, true),
  msmtp('TLS from the start', ({ tlsPort }) => tlsPort, false),
  smtplib('STARTTLS', true),
  smtplib('TLS from the start', false),
  nodemailer('STARTTLS', false),
  nodemailer('TLS from the start', true),
  postfix,
];
