/**
 * What customers send with, as it is in Debian: swaks, msmtp, Python's smtplib, nodemailer, and Postfix with us as its smarthost.
 * Each sends one message and says whether it was taken. Certificates are not verified here: the tests' own is self-signed.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createTransport } from 'nodemailer';
import { freePort } from '../../local/http.ts';
import { etcOf, preparePostfix, startPostfix } from '../postfix.ts';

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
  await preparePostfix(folder);
  const own = await freePort();
  const passwords = join(etcOf(folder), 'password');
  writeFileSync(passwords, `[127.0.0.1]:${port} apikey:${password}\n`);
  const main = `mynetworks = 127.0.0.0/8
relayhost = [127.0.0.1]:${port}
smtp_sasl_auth_enable = yes
smtp_sasl_password_maps = texthash:${passwords}
smtp_sasl_security_options = noanonymous
smtp_tls_security_level = encrypt
smtp_host_lookup = native
`;
  const transports = ['smtp unix - - n - - smtp', 'relay unix - - n - - smtp'];
  const running = await startPostfix({ folder, port: own, hostName: 'web.example.com', main, transports });
  return {
    port: own,
    log: running.log,
    stop: async () => {
      await running.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
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
