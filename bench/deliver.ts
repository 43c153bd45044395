/**
 * How fast deliver is, and at what cost: the real path from a job to the final dot (read, render, compose, sign, SMTP), on
 * one core, with everything but SMTP stubbed at no cost, to a sink on the other core. Beside it, in the same run, what no
 * signer can exceed (RSA-2048 signatures per second of the same process) and other mail servers.
 *
 *   npm run bench:deliver [-- --json] [--quick] [--markdown] [--no-peers] [--haraka DIR] [--remote]
 *
 * `--remote`: the sink is a far one, and what counts are GB-seconds (remote.ts).
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Measured, Row } from './deliver-worker.ts';
import { formatTable, show, showSpread, spreadOf } from './figures.ts';
import { describeMachine, onCore } from './machine.ts';
import { makeRaw } from './mail.ts';
import { measurePeers, type PeerFigures } from './peers.ts';
import { benchRemote } from './remote.ts';
import { startBenchSink } from './sinks.ts';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    markdown: { type: 'boolean', default: false },
    remote: { type: 'boolean', default: false },
    'no-peers': { type: 'boolean', default: false },
    haraka: { type: 'string' },
  },
});

const WORKER = fileURLToPath(new URL('./deliver-worker.ts', import.meta.url));
const KB = 1_024;
const say = (line: string) => process.stderr.write(`${line}\n`);

/** The row that counts comes first: each copy a message of its own, and so a signature. */
const ROWS = [10, 2].flatMap((kilobytes) =>
  [true, false].flatMap((distinct) =>
    [100, 1].map((copiesPerJob) => ({ bytes: kilobytes * KB, copiesPerJob, distinct })),
  ),
);

type Shown = Omit<Row, 'port' | 'messages' | 'rounds'> & ReturnType<typeof summarize>;

function summarize({ rounds, wireBytes, sessions }: Measured) {
  return {
    wireBytes: Math.round(wireBytes),
    sessions,
    shareOfRsaLimit: spreadOf(rounds.map(({ cpuPerThousand, rsaPerSecond }) => 1_000 / rsaPerSecond / cpuPerThousand)),
    perSecond: spreadOf(rounds.map(({ perSecond }) => perSecond)),
    cpuPerThousand: spreadOf(rounds.map(({ cpuPerThousand }) => cpuPerThousand)),
    rsaPerSecond: spreadOf(rounds.map(({ rsaPerSecond }) => rsaPerSecond)),
  };
}

async function measure(row: Row): Promise<Measured> {
  const [program, ...given] = onCore(0, [process.execPath, WORKER, JSON.stringify(row)]);
  const child = spawn(program!, given, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`the worker ended with ${code}`);
  return JSON.parse(text) as Measured;
}

function print(rows: Shown[], peers: PeerFigures[], sink: string): void {
  const { markdown } = options;
  console.log(`${describeMachine(new Date())}; to ${sink}, one core\n`);
  const heading = [
    'message ',
    'copies per job',
    'share of the RSA limit',
    'messages/s',
    'CPU-s per 1,000',
    'RSA-2048/s',
  ];
  const cells = rows.map((row) => [
    `${row.bytes / KB} KB, ${row.distinct ? 'each its own' : 'one body for all'}`,
    String(row.copiesPerJob),
    showSpread(row.shareOfRsaLimit, 2),
    showSpread(row.perSecond),
    showSpread(row.cpuPerThousand, 2),
    show(row.rsaPerSecond.median),
  ]);
  console.log(formatTable(heading, cells, markdown));
  if (peers.length === 0) return;
  const ours = rows[0]!;
  console.log(
    '\nReady messages of 10 KB, accepted, signed and delivered, beside our deliver alone (bench:end-to-end has ours with accept):\n',
  );
  const ratio = ({ cpuPerThousand }: PeerFigures) => `${show(cpuPerThousand / ours.cpuPerThousand.median, 1)} x`;
  const others = peers.map((peer) => [peer.name, show(peer.perSecond), show(peer.cpuPerThousand, 2), ratio(peer)]);
  console.log(formatTable(['', 'messages/s', 'CPU-s per 1,000', 'of our deliver'], others, markdown));
}

async function main(): Promise<void> {
  const messages = options.quick ? 1_500 : 5_000;
  const rounds = options.quick ? 3 : 5;
  const sink = await startBenchSink();
  const rows: Shown[] = [];
  try {
    for (const row of ROWS) {
      rows.push({ ...row, ...summarize(await measure({ ...row, port: sink.port, messages, rounds })) });
      if (options.quick && rows.length === 2) break;
    }
  } finally {
    await sink.stop();
  }
  const raw = makeRaw({ bytes: 10 * KB, distinct: true, domains: 1 }, Date.now());
  const haraka = options.haraka === undefined ? {} : { haraka: options.haraka };
  const peers = options['no-peers']
    ? []
    : await measurePeers({ messages: options.quick ? 500 : 2_000, rounds: 3, raw, say, ...haraka });
  if (!options.json) return print(rows, peers, sink.name);
  const { shareOfRsaLimit, perSecond, cpuPerThousand } = rows[0]!;
  console.log(
    JSON.stringify({
      shareOfRsaLimit: shareOfRsaLimit.median,
      perSecond: perSecond.median,
      cpuPerThousand: cpuPerThousand.median,
      peers,
      rows,
    }),
  );
}

await (options.remote ? benchRemote(options) : main());
