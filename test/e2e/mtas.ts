/**
 * Real mail servers, each an instance of its own in a temporary folder, on a port of loopback: they take mail for
 * bob@reader.example.org and grey@reader.example.org (greylisted until `regrow`), only over STARTTLS, and of 100,000 octets
 * at most. They must be started by root, as mail servers are.
 */
import { execFile, execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from '../../local/http.ts';
import { etcOf, preparePostfix, startPostfix } from '../postfix.ts';

export const DOMAIN = 'reader.example.org';
export const SIZE_LIMIT = 100_000;
const HOST = `mx.${DOMAIN}`;
const run = promisify(execFile);

export type RunningMta = {
  port: number;
  host: string;
  /** Ends the greylisting: what was put off once is taken now. */
  regrow: () => void;
  /** What is in the mailboxes, each message as it was stored. */
  mailboxes: () => Buffer[];
  stop: () => Promise<void>;
};
export type Mta = {
  name: string;
  /** The Debian package. */
  package: string;
  /** Why it cannot run here; undefined: it can. */
  missing: () => string | undefined;
  /** Why its TLS cannot work: it offers STARTTLS, does not require it, and every handshake fails. */
  brokenTls?: string;
  start: () => Promise<RunningMta>;
};

type Place = { folder: string; port: number; mail: string; flag: string; cert: string; key: string };
/** Starts a server; returns how to stop it. */
type Start = (place: Place, binary: string) => Promise<() => Promise<void>>;

/** OpenSMTPD's issues 1171 and 1239: Debian 12 has such a one. */
const OLD_OPENSMTPD = 'OpenSMTPD before 7 has no working TLS with OpenSSL 3';
const isOldOpensmtpd = (binary: string) => /OpenSMTPD [0-6]\./.test(spawnSync(binary, ['-h']).stderr?.toString() ?? '');

export const MTAS: Mta[] = [
  defineMta('Postfix', 'postfix', 'PENNYPOST_POSTFIX', '/usr/sbin/postfix', startOwnPostfix),
  defineMta('Exim', 'exim4-daemon-light', 'PENNYPOST_EXIM', '/usr/sbin/exim4', startExim),
  defineMta('OpenSMTPD', 'opensmtpd', 'PENNYPOST_OPENSMTPD', '/usr/sbin/smtpd', startOpensmtpd),
];

/** @param variable names another place of the program: Debian installs one of these servers at a time */
function defineMta(name: string, pack: string, variable: string, path: string, start: Start): Mta {
  const binary = process.env[variable] ?? path;
  return {
    ...(existsSync(binary) && name === 'OpenSMTPD' && isOldOpensmtpd(binary) ? { brokenTls: OLD_OPENSMTPD } : {}),
    name,
    package: pack,
    missing: () => {
      if (!existsSync(binary)) return `Debian package ${pack} is not installed`;
      if (!existsSync('/usr/bin/openssl')) return 'Debian package openssl is not installed';
      if (process.getuid?.() !== 0) return 'it needs root';
      return undefined;
    },
    start: async () => {
      const place = await makePlace();
      const stop = await start(place, binary);
      const end = async () => {
        await stop();
        rmSync(place.folder, { recursive: true, force: true });
      };
      try {
        await greeted(place.port);
      } catch (error) {
        await end();
        throw error;
      }
      return {
        port: place.port,
        host: HOST,
        regrow: () => writeFileSync(place.flag, ''),
        mailboxes: () => readMaildirs(place.mail),
        stop: end,
      };
    },
  };
}

async function makePlace(): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), 'pennypost-mta-'));
  // The servers' own users go in and out here.
  chmodSync(folder, 0o755);
  const mail = join(folder, 'mail');
  mkdirSync(mail);
  chmodSync(mail, 0o777);
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const subject = ['-subj', `/CN=${HOST}`, '-addext', `subjectAltName=DNS:${HOST}`];
  await run('openssl', [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '2',
    ...subject,
    '-keyout',
    key,
    '-out',
    cert,
  ]);
  return { folder, mail, cert, key, flag: join(folder, 'regrown'), port: await freePort() };
}

async function greeted(port: number): Promise<void> {
  for (let n = 0; n < 100; n++) {
    const banner = await new Promise<boolean>((told) => {
      const socket = connect(port, '127.0.0.1');
      socket.setTimeout(3_000, () => socket.destroy());
      socket.once('data', (data) => {
        told(data.toString().startsWith('220'));
        socket.end('QUIT\r\n');
      });
      socket.once('error', () => told(false));
      socket.once('close', () => told(false));
    });
    if (banner) return;
    await sleep(100);
  }
  throw new Error(`no mail server greets on port ${port}`);
}

function readMaildirs(mail: string): Buffer[] {
  return readdirSync(mail, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /(^|\/)new$/.test(entry.parentPath))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name)));
}

async function startOwnPostfix({ folder, port, mail, cert, key, flag }: Place, binary: string) {
  execFileSync('chown', ['nobody:nogroup', mail]);
  await preparePostfix(folder);
  const users = join(etcOf(folder), 'users');
  writeFileSync(users, `bob@${DOMAIN} bob/\ngrey@${DOMAIN} grey/\n`);
  // Greylisting as its users do it: a policy service (postfix: SMTPD_POLICY_README).
  const policy = createServer((socket) => {
    let request = '';
    socket.on('error', () => {});
    socket.on('data', (data) => {
      request += data.toString();
      if (!request.includes('\n\n')) return;
      const grey = /^recipient=grey@/m.test(request) && !existsSync(flag);
      request = '';
      socket.write(`action=${grey ? 'DEFER_IF_PERMIT 4.2.0 Greylisted, see you in five minutes' : 'DUNNO'}\n\n`);
    });
  });
  await new Promise<void>((listening) => policy.listen(0, '127.0.0.1', listening));
  const policyPort = (policy.address() as { port: number }).port;
  const main = `mynetworks =
local_recipient_maps =
virtual_mailbox_domains = ${DOMAIN}
virtual_mailbox_base = ${mail}
virtual_mailbox_maps = texthash:${users}
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
message_size_limit = ${SIZE_LIMIT}
smtpd_tls_security_level = encrypt
smtpd_tls_cert_file = ${cert}
smtpd_tls_key_file = ${key}
smtpd_recipient_restrictions = reject_unauth_destination, check_policy_service inet:127.0.0.1:${policyPort}
`;
  const transports = ['virtual unix - n n - - virtual'];
  const running = await startPostfix({ folder, port, hostName: HOST, main, transports, binary });
  return async () => {
    await running.stop();
    await new Promise((closed) => policy.close(closed));
  };
}

async function startExim({ folder, port, mail, cert, key, flag }: Place, binary: string) {
  for (const name of ['spool', 'log']) {
    mkdirSync(join(folder, name));
    chmodSync(join(folder, name), 0o777);
  }
  // Exim reads them as its own user; the key is of this test alone.
  chmodSync(key, 0o644);
  const config = join(folder, 'exim.conf');
  writeFileSync(
    config,
    `primary_hostname = ${HOST}
spool_directory = ${join(folder, 'spool')}
log_file_path = ${join(folder, 'log')}/%slog
pid_file_path = ${join(folder, 'log')}/exim.pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = ${port}
host_lookup =
deliver_drop_privilege = true
tls_advertise_hosts = *
tls_certificate = ${cert}
tls_privatekey = ${key}
message_size_limit = ${SIZE_LIMIT}
acl_smtp_mail = check_mail
acl_smtp_rcpt = check_rcpt
acl_smtp_data = check_data
begin acl
check_mail:
  deny message = 530 5.7.0 Must issue a STARTTLS command first
       condition = \${if def:tls_in_cipher {no}{yes}}
  accept
check_rcpt:
  deny message = relay not permitted
       !domains = ${DOMAIN}
  deny message = 5.1.1 Unknown user
       !local_parts = bob : grey
  defer message = 4.7.1 Greylisted, see you in five minutes
       local_parts = grey
       condition = \${if exists{${flag}}{no}{yes}}
  accept
check_data:
  accept
begin routers
readers:
  driver = accept
  domains = ${DOMAIN}
  local_parts = bob : grey
  transport = maildir
begin transports
maildir:
  driver = appendfile
  directory = ${mail}/$local_part_data
  maildir_format
  mode = 0644
  directory_mode = 0755
begin retry
* * F,1h,10m
`,
  );
  return startForeground(binary, ['-C', config, '-bdf', '-q10s']);
}

/** Its spool and socket have fixed places, so it gets a view of the file system in which these are its own. */
async function startOpensmtpd({ folder, port, mail, cert, key, flag }: Place, binary: string) {
  const filter = join(folder, 'grey.sh');
  // smtpd-filters(7): lines of fields divided by `|`; a recipient is the eighth.
  writeFileSync(
    filter,
    `#!/bin/sh
while IFS='|' read -r kind version time system phase session token rest; do
  case "$kind" in
    config) [ "$version" = ready ] && printf 'register|filter|smtp-in|rcpt-to\\nregister|ready\\n' ;;
    filter)
      case "$rest" in
        grey@*) [ -e '${flag}' ] && verdict=proceed || verdict='reject|451 4.7.1 Greylisted, see you in five minutes' ;;
        *) verdict=proceed ;;
      esac
      printf 'filter-result|%s|%s|%s\\n' "$session" "$token" "$verdict" ;;
  esac
done
`,
    { mode: 0o755 },
  );
  const config = join(folder, 'smtpd.conf');
  writeFileSync(
    config,
    `pki reader cert "${cert}"
pki reader key "${key}"
smtp max-message-size "${SIZE_LIMIT}"
table readers { "bob@${DOMAIN}" = "nobody", "grey@${DOMAIN}" = "nobody" }
table known { "bob@${DOMAIN}", "grey@${DOMAIN}" }
filter "grey" proc-exec "${filter}"
listen on 127.0.0.1 port ${port} ${isOldOpensmtpd(binary) ? 'tls' : 'tls-require'} pki reader hostname ${HOST} filter "grey"
action "in" maildir "${mail}" virtual <readers>
match from any for domain "${DOMAIN}" rcpt-to <known> action "in"
`,
    { mode: 0o644 },
  );
  const apart = 'mount -t tmpfs tmpfs /var/spool && mount -t tmpfs tmpfs /run && "$0" "$@"; exit $?';
  const view = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc', 'sh', '-c', apart];
  // With its first process the whole view ends.
  return startForeground('unshare', [...view, binary, '-d', '-f', config], 'SIGKILL');
}

async function startForeground(command: string, args: string[], signal: NodeJS.Signals = 'SIGTERM') {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data) => {
      said = (said + data).slice(-4_000);
    });
  const gone = new Promise<void>((left) => child.once('close', () => left()));
  // A wrong configuration ends it at once.
  await Promise.race([gone, sleep(500)]);
  if (child.exitCode !== null) throw new Error(`${command} ${args.join(' ')}: ${said}`);
  return async () => {
    child.kill(signal);
    await Promise.race([gone, sleep(3_000).then(() => child.kill('SIGKILL'))]);
  };
}
