/** `npm start`, whole: the real template, the real functions, as one process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { LocalFile } from '../../local/local-file.ts';
import { until } from './small-stack.ts';

const folder = mkdtempSync(join(tmpdir(), 'pennypost-'));
const file = join(folder, 'local.json');
const started: ChildProcess[] = [];
afterAll(() => {
  for (const child of started) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

function start() {
  const ports = ['api', 'inbox', 'smtp', 'inbound'].flatMap((name) => [`--${name}-port`, '0']);
  const child = spawn(process.execPath, ['local/start.ts', '--folder', folder, '--timings', ...ports]);
  started.push(child);
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      said += chunk;
    });
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
  return { child, ended, said: () => said };
}
/** The processes of this data folder: its DynamoDB has the folder in its arguments, its functions in their variables. */
function children(): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return (
        /^\d+$/.test(pid) &&
        ['cmdline', 'environ'].some((file) => readFileSync(`/proc/${pid}/${file}`).includes(folder))
      );
    } catch {
      return false;
    }
  });
}
const read = () => JSON.parse(readFileSync(file, 'utf8')) as LocalFile;

it('starts, delivers, refuses a second start, gets over a power cut with the same key, ends its children on Ctrl-C', async () => {
  // Act: the first start
  const first = start();
  const local = await until(`local.json: ${first.said()}`, () => existsSync(file) && read(), 60_000);
  expect(statSync(file).mode & 0o077).toBe(0);
  const answer = await fetch(`${local.apiUrl}/v3/mail/send`, {
    method: 'POST',
    headers: { authorization: `Bearer ${local.apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      personalizations: [{ to: [{ email: 'reader@example.net' }] }],
      from: { email: local.from },
      subject: 'Hello',
      content: [{ type: 'text/plain', value: 'It works.' }],
    }),
  });
  expect(answer.status, first.said()).toBe(202);
  const listed = async () =>
    (await (await fetch(`${local.inboxUrl}/messages?to=reader@example.net`)).json()) as { id: string }[];
  const [message] = await until('the mail in the inbox', async () =>
    (await listed()).length > 0 ? listed() : undefined,
  );
  const { dkim } = (await (await fetch(`${local.inboxUrl}/messages/${message!.id}`)).json()) as { dkim: object };
  expect(JSON.stringify(dkim)).toContain('pass');
  expect(first.said()).toContain('synthesis');

  // Act: a second one beside it
  const second = start();
  expect(await second.ended).toBe(1);
  expect(second.said().trim()).toBe(
    `A local stack runs already on ${folder} (process ${local.pid}, API at ${local.apiUrl}). Stop it first, or start this one with another --folder.`,
  );

  // Act: a power cut; what is left over must not be in the way of the next start
  expect(children().length).toBeGreaterThanOrEqual(4);
  first.child.kill('SIGKILL');
  await first.ended;
  await until('the children to be gone', () => children().length === 0, 5_000);
  const third = start();
  const again = await until(
    `local.json: ${third.said()}`,
    () => existsSync(file) && read().pid === third.child.pid && read(),
    25_000,
  );
  expect(again.apiKey).toBe(local.apiKey);

  // Act: Ctrl-C
  const begin = performance.now();
  third.child.kill('SIGINT');
  expect(await third.ended).toBe(0);
  expect(performance.now() - begin).toBeLessThan(10_000);
  expect(children()).toEqual([]);
  expect(existsSync(file)).toBe(false);
}, 90_000);
