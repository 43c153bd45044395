/**
 * Installs the dependencies when they are missing or older than the lockfile, so that `npm start` and `npm test` are each
 * the only command after `git clone`. Plain JavaScript for whatever Node the machine has: Node 24 comes with the install.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync } from 'node:fs';

const wanted = 'package-lock.json';
const installed = 'node_modules/.pennypost-lock.json';

if (!existsSync(installed) || readFileSync(installed, 'utf8') !== readFileSync(wanted, 'utf8')) {
  process.stderr.write('Installing the dependencies (once)…\n');
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const { status, error } = spawnSync(npm, ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) {
    process.stderr.write(
      `npm ci did not succeed${error ? `: ${error.message}` : ''}. Its messages above say why; nothing was started.\n`,
    );
    process.exit(status ?? 1);
  }
  copyFileSync(wanted, installed);
}
