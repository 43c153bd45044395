/**
 * What the demo and the benchmarks share: a stack of their own in a temporary folder, mail to post, a progress bar, the
 * wait until nothing is on its way. Load stays on loopback, is bounded, and ends by itself.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { defineSettings, type SettingsInput } from '../lib/settings.ts';
import { type Launched, type LaunchOptions, launch } from '../local/launch.ts';
import { countMail, type Ledger } from '../local/ledger.ts';

/** Starts a stack that leaves nothing behind, whatever ends the process. */
export async function launchForBench(
  settings: SettingsInput,
  options: Partial<Omit<LaunchOptions, 'settings' | 'folder'>> = {},
): Promise<Launched & { end(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'pennypost-bench-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  const launched = await launch({
    onLog: (line) => process.stderr.write(`${line}\n`),
    ...options,
    folder,
    settings: defineSettings(settings),
  });
  const end = async () => {
    await launched.stop();
    remove();
  };
  process.once('SIGINT', () => void end().then(() => process.exit(130)));
  return { ...launched, end };
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 });

/** Posts a mail. @returns its X-Message-Id. @throws Error with the answer when it is not 202 */
export function post({ apiUrl, apiKey }: Launched['local'], body: object): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const bytes = Buffer.from(JSON.stringify(body));
  const outgoing = request(`${apiUrl}/v3/mail/send`, {
    agent,
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json', 'content-length': bytes.length },
  });
  outgoing.on('error', reject);
  outgoing.on('response', async (answer) => {
    const chunks: Buffer[] = [];
    for await (const chunk of answer) chunks.push(chunk as Buffer);
    if (answer.statusCode === 202) resolve(String(answer.headers['x-message-id']));
    else reject(new Error(`${answer.statusCode}: ${Buffer.concat(chunks).toString().slice(0, 500)}`));
  });
  outgoing.end(bytes);
  return promise;
}

/** Posts mail at a steady rate. @param perSecond requests; Infinity: as fast as 16 at a time go */
export async function postAll(
  local: Launched['local'],
  bodies: readonly object[],
  perSecond: number,
  onProgress: (posted: number) => void = () => {},
): Promise<string[]> {
  const ids: string[] = [];
  const begin = performance.now();
  let next = 0;
  const one = async () => {
    while (next < bodies.length) {
      const mine = next++;
      const early = begin + (mine / perSecond) * 1_000 - performance.now();
      if (early > 0) await sleep(early);
      ids.push(await post(local, bodies[mine]!));
      onProgress(ids.length);
    }
  };
  await Promise.all(Array.from({ length: Math.min(16, bodies.length) }, one));
  return ids;
}

/** Waits until no copy is queued, or as `isSettled` says, for at most so many seconds, and returns the last count. */
export async function settle(
  { stack }: Launched,
  ids: string[],
  seconds: number,
  onProgress: (ledger: Ledger) => void = () => {},
  isSettled: (ledger: Ledger) => boolean = ({ queued }) => queued === 0,
): Promise<Ledger> {
  const until = Date.now() + seconds * 1_000;
  for (;;) {
    const ledger = await countMail(stack, ids);
    onProgress(ledger);
    if (isSettled(ledger) || Date.now() > until) return ledger;
    await sleep(250);
  }
}

/** A progress bar on standard error, where somebody looks at it. */
export function showProgress(label: string, done: number, of: number): void {
  if (!process.stderr.isTTY) return;
  const width = 30;
  const full = Math.round((Math.min(done, of) / of) * width);
  process.stderr.write(`\r\x1b[2K${label.padEnd(12)} ${'█'.repeat(full)}${'░'.repeat(width - full)} ${done}/${of}`);
  if (done >= of) process.stderr.write('\n');
}

/** The value below which `share` of sorted numbers lie; NaN when there are none. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
