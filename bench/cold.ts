/**
 * `npm run bench:cold [-- --rounds N] [--markdown]`: what a cold start costs beyond Node's own, of the functions that somebody waits for. A process is started
 * with a function's bundle and variables, asked once, and timed until its answer is out; an empty process that says one word is timed beside it, in
 * turns. The table is a server on loopback that knows one API key, so what is measured is our code and the AWS client's, not a store.
 */
import { execFile } from 'node:child_process';
import { statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeApiKey } from '../core/api-key.ts';
import { bundle } from '../lib/bundle.ts';
import { formatTable, showSpread, spreadOf } from './figures.ts';
import { describeMachine, onCore } from './machine.ts';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '25' }, markdown: { type: 'boolean', default: false } },
});
const ROUNDS = Number(values.rounds);
/** Milliseconds above an empty start (docs/performance.md): of accept until its bundle is loaded, of manage until it has answered. */
const GOALS = { accept: { loaded: 75, answered: undefined }, manage: { loaded: undefined, answered: 120 } } as const;
type Measured = keyof typeof GOALS;
const STAGES = ['loaded', 'answered'] as const;

const { key, secretHash } = makeApiKey('operator', Buffer.alloc(43, 5));
const record = {
  Item: { pk: { S: 'operator' }, secretHash: { S: secretHash }, scopes: { L: [{ S: 'mail.send' }] }, name: { S: 'x' } },
};
const table = createServer((incoming, outgoing) => {
  incoming.resume().on('end', () => {
    outgoing.setHeader('content-type', 'application/x-amz-json-1.0');
    outgoing.end(JSON.stringify(record));
  });
});
await new Promise<void>((done) => table.listen(0, '127.0.0.1', done));
const url = `http://127.0.0.1:${(table.address() as AddressInfo).port}`;

/** More than any of them reads: a name too many does no harm, one too few stops the start. */
const environment = {
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'bench',
  AWS_SECRET_ACCESS_KEY: 'bench',
  AWS_LAMBDA_FUNCTION_NAME: 'bench',
  AWS_ENDPOINT_URL: url,
  LANES: JSON.stringify([{ name: 'default-1', pool: 'default', weight: 1, url: `${url}/q` }]),
  SOURCES: '[]',
  SENDING: JSON.stringify({ sources: [] }),
  LINK_TARGET: 'track.example.com',
  MESSAGES_DAYS: '30',
  DELIVER_TIMEOUT_SECONDS: '180',
  ...Object.fromEntries(
    ['ACCOUNTS', 'SUPPRESSIONS', 'MESSAGES', 'STATS', 'OUTBOX', 'HOLDS', 'SITES'].map((noun) => [
      `${noun}_TABLE`,
      noun,
    ]),
  ),
  ...Object.fromEntries(['CONTENT', 'EVENTS', 'PAGES'].map((noun) => [`${noun}_BUCKET`, noun.toLowerCase()])),
  ...Object.fromEntries(['NOTIFY', 'EXPAND', 'VALIDATE'].map((noun) => [`${noun}_QUEUE_URL`, `${url}/q`])),
  ...Object.fromEntries(
    ['SECRETS', 'DKIM'].map((noun) => [`${noun}_KEY_ARN`, 'arn:aws:kms:us-east-1:000000000000:key/x']),
  ),
};

const ask = (method: string, path: string, body: string) => ({
  rawPath: path,
  rawQueryString: '',
  requestContext: { http: { method, path } },
  headers: { host: 'x', authorization: `Bearer ${key}`, 'content-type': 'application/json' },
  ...(body === '' ? {} : { body }),
  isBase64Encoded: false,
});
/** Calls that read the key and nothing else. */
const CALLS: Record<Measured, { event: object; status: number }> = {
  accept: { event: ask('POST', '/v3/mail/send', '{}'), status: 400 },
  manage: { event: ask('GET', '/v3/scopes', ''), status: 200 },
};

const names = Object.keys(GOALS) as Measured[];
const folders = bundle(names);

/** Milliseconds from the start of a process to the first word it says, which must be the one that is awaited. */
function start(script: string, awaited: string): Promise<number> {
  const [command = '', ...args] = onCore(1, [process.execPath, '-e', script]);
  return new Promise((done, fail) => {
    const begun = performance.now();
    const child = execFile(
      command,
      args,
      { env: { ...environment, PATH: process.env.PATH } },
      (error, _out, stderr) => {
        if (error) fail(new Error(`${error.message}\n${stderr}`));
      },
    );
    child.stdout!.once('data', (said: string) => {
      const took = performance.now() - begun;
      if (String(said).trim() === awaited) done(took);
      else fail(new Error(`said ${said}, not ${awaited}`));
    });
  });
}

const EMPTY = `process.stdout.write('200\\n')`;
const scriptOf = (name: Measured, stage: (typeof STAGES)[number]) => {
  const required = `require(${JSON.stringify(join(folders[name], 'index.cjs'))})`;
  if (stage === 'loaded') return `${required}.handler; process.stdout.write('200\\n', () => process.exit())`;
  return `${required}.handler(${JSON.stringify(CALLS[name].event)}, {}).then((a) => process.stdout.write(a.statusCode + '\\n', () => process.exit()))`;
};

type Way = { name: Measured; stage: (typeof STAGES)[number]; took: number[] };
const ways: Way[] = names.flatMap((name) => STAGES.map((stage): Way => ({ name, stage, took: [] })));
const empties: number[] = [];
for (let round = -2; round < ROUNDS; round++) {
  // The first two fill the disk's caches.
  const keep = (all: number[], ms: number) => void (round >= 0 && all.push(ms));
  keep(empties, await start(EMPTY, '200'));
  for (const { name, stage, took } of ways)
    keep(took, await start(scriptOf(name, stage), stage === 'loaded' ? '200' : String(CALLS[name].status)));
}
table.close();

const empty = spreadOf(empties);
const rows = ways.map(({ name, stage, took }) => {
  const all = spreadOf(took);
  const above = all.median - empty.median;
  const goal = GOALS[name][stage];
  const bytes = statSync(join(folders[name], 'index.cjs')).size;
  const kept = goal === undefined ? '' : above <= goal ? 'yes' : 'NO';
  return [`${name} ${stage}`, showSpread(all), above.toFixed(0), String(goal ?? ''), (bytes / 1_024).toFixed(0), kept];
});
console.log(
  `Cold starts: ${describeMachine(new Date())}; ${ROUNDS} rounds, one core; an empty start takes ${showSpread(empty)} ms.\n`,
);
console.log(
  formatTable(
    ['function', 'from the start, ms', 'above empty, ms', 'goal, ms', 'bundle, KB', 'kept'],
    rows,
    values.markdown,
  ),
);
process.exitCode = rows.some((row) => row.at(-1) === 'NO') ? 1 : 0;
