/**
 * The relay under load: messages a second, CPU of a thousand messages, and whether its memory stays where it is. As Postfix's
 * smtp-source loads a server: fifty sessions at a time, twenty thousand messages and more. smtp-source itself can neither log in nor
 * speak TLS, so it loads port 25 (where it is installed), and clients of our own the submission ports. Stores answer at once.
 *
 *   npm run bench:relay [-- --json] [--quick] [--markdown]
 *   npm run bench:relay -- --stack [--rounds 3]   smtp-source through the whole local stack: relay-stack.ts
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { formatTable, show } from './figures.ts';
import { describeMachine, findProgram, onCore } from './machine.ts';
import { makeRaw } from './mail.ts';
import { floodStack } from './relay-stack.ts';
import type { RelayPorts, RelayUse } from './relay-worker.ts';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    markdown: { type: 'boolean', default: false },
    stack: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '3' },
  },
});

const WORKER = fileURLToPath(new URL('./relay-worker.ts', import.meta.url));
const SESSIONS = 50;
const SMALL = 10_240;
const share = options.quick ? 0.1 : 1;
const say = (line: string) => process.stderr.write(`${line}\n`);
const run = promisify(execFile);

type Load = {
  name: string;
  messages: number;
  /** Sends them all; throws when one was not taken. */
  send: (ports: RelayPorts, messages: number) => Promise<void>;
};
type Row = {
  name: string;
  messages: number;
  perSecond: number;
  cpuPerThousand: number;
  /** Resident memory, in MB: after a quarter of the messages, at the end, and the most of all. */
  rssEarly: number;
  rssLate: number;
  rssMost: number;
};

const LOADS: Load[] = [
  { name: '10 KB, TLS, sessions kept', messages: 80_000, send: submit({ tls: true, keep: true, bytes: 10_240 }) },
  { name: '10 KB, TLS, one each', messages: 5_000, send: submit({ tls: true, keep: false, bytes: 10_240 }) },
  { name: '10 KB, in clear, one each', messages: 20_000, send: submit({ tls: false, keep: false, bytes: 10_240 }) },
  { name: '1 MB, TLS, sessions kept', messages: 1_000, send: submit({ tls: true, keep: true, bytes: 1_048_576 }) },
  { name: '25 MB, TLS, sessions kept', messages: 100, send: submit({ tls: true, keep: true, bytes: 26_214_400 }) },
];
if (findProgram('smtp-source')) LOADS.push({ name: '10 KB, smtp-source to port 25', messages: 20_000, send: flood });

/** Fifty clients that log in; each message on a session of its own, or as many as there are on one. */
function submit({ tls, keep, bytes }: { tls: boolean; keep: boolean; bytes: number }): Load['send'] {
  const small = makeRaw({ bytes: Math.min(bytes, SMALL), distinct: false, domains: 1 }, Date.now());
  const message = Buffer.concat([stuff(small), filler(bytes - SMALL), Buffer.from('.\r\n')]);
  return async (ports, messages) => {
    let left = messages;
    const client = async (): Promise<void> => {
      while (left > 0) {
        const session = await openSession(ports, tls);
        do {
          if (left-- <= 0) break;
          await session.send(message);
        } while (keep);
        session.end();
      }
    };
    await Promise.all(Array.from({ length: SESSIONS }, client));
  };
}

function stuff(raw: string): Buffer {
  return Buffer.from(raw.replaceAll('\n', '\r\n').replaceAll('\r\n.', '\r\n..'), 'latin1');
}

/** Lines of text, so many octets in all. */
function filler(bytes: number): Buffer {
  const line = 'An order of socks, warm and grey, and of nothing else.\r\n';
  return Buffer.from(line.repeat(Math.max(0, bytes / line.length)));
}

async function openSession({ clear, tls, password }: RelayPorts, secure: boolean) {
  const socket: Socket = secure
    ? connectTls({ host: '127.0.0.1', port: tls, rejectUnauthorized: false })
    : connectTcp(clear, '127.0.0.1');
  socket.setNoDelay(true);
  let heard = '';
  let wake: (() => void) | undefined;
  let broken: Error | undefined;
  socket.on('data', (chunk) => {
    heard += chunk;
    wake?.();
  });
  socket.on('error', (error) => {
    broken = error;
    wake?.();
  });
  /** Waits for so many replies, the last with this code. */
  const hear = async (replies: number, code: string): Promise<void> => {
    for (let n = 0; n < replies; n++) {
      let match = /^\d{3} [^\n]*\n/m.exec(heard);
      while (!match) {
        if (broken) throw broken;
        await new Promise<void>((done) => {
          wake = done;
        });
        match = /^\d{3} [^\n]*\n/m.exec(heard);
      }
      heard = heard.slice(match.index + match[0].length);
      if (n === replies - 1 && !match[0].startsWith(code)) throw new Error(match[0]);
    }
  };
  const plain = Buffer.from(`\0apikey\0${password}`).toString('base64');
  await hear(1, '220');
  socket.write('EHLO bench.example\r\n');
  await hear(1, '250');
  socket.write(`AUTH PLAIN ${plain}\r\n`);
  await hear(1, '235');
  return {
    send: async (message: Buffer): Promise<void> => {
      socket.write('MAIL FROM:<shop@example.com>\r\nRCPT TO:<reader@example.net>\r\nDATA\r\n');
      await hear(3, '354');
      socket.write(message);
      await hear(1, '250');
    },
    end: () => void socket.end('QUIT\r\n'),
  };
}

/** Postfix's own load generator: a session for every message. */
async function flood({ inbound }: RelayPorts, messages: number): Promise<void> {
  const [command, ...args] = onCore(1, [
    'smtp-source',
    ...['-s', String(SESSIONS), '-m', String(messages), '-l', '10240'],
    ...['-f', 'a@example.org', '-t', 'x@parse.example.com', `127.0.0.1:${inbound}`],
  ]);
  await run(command!, args);
}

const ask = async (worker: ChildProcess): Promise<RelayUse> => {
  const answered = once(worker, 'message');
  worker.send('use');
  return (await answered)[0] as RelayUse;
};

async function measure({ name, messages: all, send }: Load): Promise<Row> {
  const messages = Math.max(SESSIONS, Math.round(all * share));
  const [command, ...args] = onCore(0, [process.execPath, WORKER]);
  const worker = spawn(command!, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const [ports] = (await once(worker, 'message')) as [RelayPorts];
  await send(ports, SESSIONS);
  const before = await ask(worker);
  const samples: RelayUse[] = [];
  let over = false;
  const watching = (async () => {
    while (!over) {
      await sleep(200);
      samples.push(await ask(worker));
    }
  })();
  const begun = performance.now();
  await send(ports, messages);
  const seconds = (performance.now() - begun) / 1_000;
  over = true;
  await watching;
  const after = await ask(worker);
  worker.disconnect();
  const taken = after.taken - before.taken;
  if (taken !== messages) throw new Error(`${name}: ${taken} of ${messages} messages were taken`);
  const early = samples.find((sample) => sample.taken - before.taken >= messages / 4) ?? after;
  return {
    name,
    messages,
    perSecond: messages / seconds,
    cpuPerThousand: ((after.cpuSeconds - before.cpuSeconds) * 1_000) / messages,
    rssEarly: early.rssMb,
    rssLate: after.rssMb,
    rssMost: Math.max(...samples.map(({ rssMb }) => rssMb), after.rssMb),
  };
}

async function loadRelay(): Promise<void> {
  const rows: Row[] = [];
  for (const load of LOADS) {
    say(load.name);
    rows.push(await measure(load));
  }
  const heading = ['load ', 'messages', 'messages/s', 'CPU-s per 1,000', 'MB after a quarter', 'at the end', 'at most'];
  const cells = rows.map(({ name, messages, perSecond, cpuPerThousand, rssEarly, rssLate, rssMost }) => [
    name,
    ...[show(messages), show(perSecond), show(cpuPerThousand, 2), show(rssEarly), show(rssLate), show(rssMost)],
  ]);
  if (options.json) process.stdout.write(`${JSON.stringify({ machine: describeMachine(new Date()), rows })}\n`);
  else process.stdout.write(`${describeMachine(new Date())}\n\n${formatTable(heading, cells, options.markdown)}\n`);
}

if (options.stack) {
  const { json, markdown } = options;
  await floodStack({ messages: 20_000 * share, rounds: Number(options.rounds), json, markdown });
} else await loadRelay();
