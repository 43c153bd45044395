/** What `npm start` says to whoever asks it how it is used, or mistypes. Nothing is started. */
import { execFile } from 'node:child_process';
import { expect, it } from 'vitest';

const START = new URL('../../local/start.ts', import.meta.url).pathname;

function start(...options: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [START, ...options], { timeout: 20_000 }, (error, out, err) =>
      resolve({ code: error ? Number(error.code) : 0, out, err }),
    );
  });
}

it.each(['--help', '-h'])('%s: how it is used, every option with its default', async (option) => {
  const { code, out, err } = await start(option);
  expect([code, err]).toEqual([0, '']);
  expect(out).toMatch(/^Usage: npm start/);
  expect(out.match(/^ {2}--[a-z-]+/gm)).toHaveLength(12);
  for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
});

it.each([
  [['--retry-fast'], "'--retry-fast'"],
  [['--api-port', 'http'], '--api-port is "http"'],
  [['--api-port', '99999'], '--api-port is "99999"'],
  [['--api-port'], '--api-port'],
  [['now'], "'now'"],
])('%j: one line, and 2', async (options, said) => {
  const { code, out, err } = await start(...options);
  expect([code, out]).toEqual([2, '']);
  expect(err).toContain(said);
  expect(err).toMatch(/^npm start: [^\n]+ npm start -- --help shows the options\.\n$/);
});
