/**
 * What a message costs in CPU from the API call to the final dot, beside other mail servers in the same run. The row that
 * counts are the real functions on the local stack: their own processes, with the AWS SDK, middy and the Runtime API client,
 * from the 10 KB request to the outcome's record; what stands for AWS itself is not counted, as AWS's own is not. All rows
 * sign with RSA-2048 and speak SMTP without TLS to the same sink.
 *
 *   npm run bench:end-to-end [-- --json] [--quick] [--markdown] [--no-peers] [--haraka DIR]
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Launched } from '../local/launch.ts';
import type { UseCaseMeasured, UseCaseRow } from './end-to-end-worker.ts';
import { formatTable, show } from './figures.ts';
import { launchForBench, postAll, settle, showProgress } from './load.ts';
import { cpuSecondsOf, describeMachine, onCore } from './machine.ts';
import { makeBody, makeRaw } from './mail.ts';
import { measurePeers, type PeerFigures } from './peers.ts';
import { type BenchSink, startBenchSink } from './sinks.ts';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    markdown: { type: 'boolean', default: false },
    'no-peers': { type: 'boolean', default: false },
    haraka: { type: 'string' },
  },
});

const KB = 1_024;
/** Sites of their own, as in bench:deliver. The other mail servers have one, so that they need fewer sessions. */
const DOMAINS = 10;
const WORKER = fileURLToPath(new URL('./end-to-end-worker.ts', import.meta.url));
const say = (line: string) => process.stderr.write(`${line}\n`);

type Row = {
  name: string;
  bytes: number;
  recipients: number;
  durable: string;
  /** CPU seconds of a thousand messages, by function. */
  cpu: Record<string, number>;
  total: number;
};

/** The row that counts comes first: jobs of a hundred copies. Then jobs of one. */
const LOADS = [
  { recipients: 1_000, requests: 6, what: '1,000 personalizations per request' },
  { recipients: 1, requests: 3_000, what: 'one recipient per request' },
];
/** Messages that are sent before anything is measured. */
const WARM = 3_000;
const RECORDED = 'request record, job in SQS; each outcome';

/** CPU of the functions' processes by function: those that run now. */
function cpuByFunction({ stack }: Launched): Map<string, number> {
  const cpu = new Map<string, number>();
  for (const { function: name, pid } of stack.environments())
    if (pid) cpu.set(name, (cpu.get(name) ?? 0) + cpuSecondsOf([pid]));
  return cpu;
}

async function measureStack(
  launched: Launched,
  bytes: number,
  { recipients, requests, what }: (typeof LOADS)[number],
): Promise<Row> {
  const shape = { bytes, distinct: true, domains: DOMAINS };
  const bodies = Array.from({ length: requests }, (_, n) => makeBody(shape, recipients, n * recipients));
  // Environments start, keys are read and decrypted, code is compiled, by and by: none of it happens once per message.
  const warm = bodies.slice(0, Math.ceil(WARM / recipients));
  await settle(launched, await postAll(launched.local, warm, Number.POSITIVE_INFINITY), 60);
  const before = cpuByFunction(launched);
  const ids = await postAll(launched.local, bodies, Number.POSITIVE_INFINITY, (posted) =>
    showProgress(what, posted, requests),
  );
  const ledger = await settle(launched, ids, 120);
  // A run still says QUIT, and releases what it has, when its last outcome is written.
  for (let n = 0; n < 100 && launched.stack.environments().some(({ busy }) => busy); n++) await sleep(50);
  const messages = requests * recipients;
  if (ledger.delivered !== messages)
    throw new Error(`${what}: ${ledger.delivered} of ${messages} were delivered: ${JSON.stringify(ledger)}`);
  const cpu: Row['cpu'] = {};
  for (const [name, seconds] of cpuByFunction(launched)) {
    const used = ((seconds - (before.get(name) ?? 0)) / messages) * 1_000;
    cpu[name] = used;
  }
  const total = Object.values(cpu).reduce((sum, seconds) => sum + seconds, 0);
  return { name: `real functions, ${what}`, bytes, recipients, durable: RECORDED, cpu, total };
}

async function measureUseCases(row: UseCaseRow, what: string): Promise<Row> {
  const [program, ...given] = onCore(0, [process.execPath, WORKER, JSON.stringify(row)]);
  const child = spawn(program!, given, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`the worker ended with ${code}`);
  const { acceptCpu: accept, deliverCpu: deliver } = JSON.parse(text) as UseCaseMeasured;
  const { bytes, recipients } = row;
  const name = `use cases alone, ${what}`;
  return { name, bytes, recipients, durable: 'nothing (stubs)', cpu: { accept, deliver }, total: accept + deliver };
}

/** The synthesized functions deliver to the benchmark's sink instead of the local stack's. */
function sendTo(port: number): (directory: string) => void {
  return (directory) => {
    let changed = 0;
    for (const name of readdirSync(directory).filter((file) => file.endsWith('.template.json'))) {
      const file = join(directory, name);
      const text = readFileSync(file, 'utf8').replace(/("SMTP_PORT":\s*)"\d+"/g, (_, field: string) => {
        changed++;
        return `${field}"${port}"`;
      });
      writeFileSync(file, text);
    }
    if (changed === 0) throw new Error('no function of the template has SMTP_PORT');
  };
}

async function measureAll(sink: BenchSink): Promise<Row[]> {
  const rows: Row[] = [];
  const sizes = options.quick ? [10 * KB] : [10 * KB, 2 * KB];
  const loads = LOADS.map((load) => ({ ...load, requests: Math.ceil(load.requests * (options.quick ? 0.5 : 1)) }));
  const launched = await launchForBench({}, { edit: sendTo(sink.port), maxEnvironments: 2 });
  for (let i = 0; i < DOMAINS; i++)
    launched.dns.setRecord(`domain-${i}.example`, 'MX', [{ preference: 10, exchange: `mx.domain-${i}.example` }]);
  try {
    for (const bytes of sizes) for (const load of loads) rows.push(await measureStack(launched, bytes, load));
  } finally {
    await launched.end();
  }
  for (const bytes of sizes)
    for (const { recipients, requests, what } of loads) {
      // accept queues up to 1,000 copies itself; more go through expand, which is no part of this row.
      const row = { port: sink.port, bytes, recipients: Math.min(recipients, 500), requests };
      rows.push(await measureUseCases(row, what.replace('1,000', '500')));
    }
  return rows;
}

function print(rows: Row[], peers: PeerFigures[]): void {
  console.log(`${describeMachine(new Date())}\n`);
  const heading = [
    '',
    'message',
    'CPU-s per 1,000',
    'of which ',
    'durable when accepted ',
    ...peers.map(({ name }) => `${name}: x as much`),
  ];
  const ratios = (cpu: number) => peers.map(({ cpuPerThousand }) => `${show(cpuPerThousand / cpu, 1)}`);
  const ours = rows.map(({ name, bytes, total, cpu, durable }) => [
    name,
    `${bytes / KB} KB`,
    show(total, 2),
    Object.entries(cpu)
      .filter(([, seconds]) => seconds >= 0.005)
      .map(([part, seconds]) => `${part.split(':')[0]} ${show(seconds, 2)}`)
      .join(', '),
    durable,
    ...ratios(total),
  ]);
  const others = peers.map(({ name, cpuPerThousand, durable }) => [
    name,
    '10 KB',
    show(cpuPerThousand, 2),
    '',
    durable,
    ...ratios(cpuPerThousand),
  ]);
  console.log(formatTable(heading, [...ours, ...others], options.markdown));
}

async function main(): Promise<void> {
  const sink = await startBenchSink();
  const rows = await measureAll(sink).finally(sink.stop);
  const raw = makeRaw({ bytes: 10 * KB, distinct: true, domains: 1 }, Date.now());
  const haraka = options.haraka === undefined ? {} : { haraka: options.haraka };
  const peers = options['no-peers']
    ? []
    : await measurePeers({ messages: options.quick ? 500 : 2_000, rounds: 3, raw, say, ...haraka });
  if (!options.json) return print(rows, peers);
  const ratios = (total: number) =>
    Object.fromEntries(peers.map(({ name, cpuPerThousand }) => [name, cpuPerThousand / total]));
  console.log(JSON.stringify({ rows: rows.map((row) => ({ ...row, ratios: ratios(row.total) })), peers }));
}

await main();
