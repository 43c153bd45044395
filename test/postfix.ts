/**
 * A Postfix of its own in a folder (Debian's package): its own spool, log and processes, on loopback only, with nothing of the
 * machine's configuration. For tests that send by it, and for those that deliver to it. It needs root.
 */
import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export type PostfixOptions = {
  /** An empty folder that exists; its owner removes it. */
  folder: string;
  port: number;
  hostName: string;
  /** Lines of main.cf beside those of the place. */
  main: string;
  /** Lines of master.cf for how it delivers (`smtp unix - - n - - smtp`). */
  transports: string[];
  binary?: string;
};

const SERVICES = [
  'pickup unix n - n 60 1 pickup',
  'cleanup unix n - n - 0 cleanup',
  'qmgr unix n - n 300 1 qmgr',
  'tlsmgr unix - - n 1000? 1 tlsmgr',
  'anvil unix - - n - 1 anvil',
  'scache unix - - n - 1 scache',
  'flush unix n - n 1000? 0 flush',
  'proxymap unix - - n - - proxymap',
  'postlog unix-dgram n - n - 1 postlogd',
  'rewrite unix - - n - 0 trivial-rewrite',
  ...['bounce bounce', 'defer bounce', 'trace bounce', 'error error', 'retry error'].map((pair) => {
    const [name, command] = pair.split(' ');
    return `${name} unix - - n - 0 ${command}`;
  }),
];

/** Where its configuration is, for files that `main` names. */
export const etcOf = (folder: string): string => join(folder, 'etc');

/** Makes the folder ready for `startPostfix`, so that files may be put into `etcOf` first. */
export async function preparePostfix(folder: string): Promise<void> {
  // Its own users go in and out here.
  chmodSync(folder, 0o755);
  for (const name of ['etc', 'spool', 'data']) mkdirSync(join(folder, name));
  await run('chown', ['postfix', join(folder, 'data')]);
}

export async function startPostfix(options: PostfixOptions) {
  const { folder, port, hostName, main, transports, binary = '/usr/sbin/postfix' } = options;
  const etc = etcOf(folder);
  const log = join(folder, 'log');
  const place = `compatibility_level = 3.6
queue_directory = ${join(folder, 'spool')}
data_directory = ${join(folder, 'data')}
maillog_file = ${log}
maillog_file_prefixes = ${folder}
myhostname = ${hostName}
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
smtpd_peername_lookup = no
`;
  writeFileSync(join(etc, 'main.cf'), place + main);
  const services = [`127.0.0.1:${port} inet n - n - - smtpd`, ...SERVICES, ...transports];
  writeFileSync(join(etc, 'master.cf'), `${services.join('\n')}\n`);
  await run(binary, ['-c', etc, 'start']);
  return {
    log: () => (existsSync(log) ? readFileSync(log, 'utf8') : ''),
    stop: async (): Promise<void> => {
      await run(binary, ['-c', etc, 'stop']).catch(() => {});
    },
  };
}
