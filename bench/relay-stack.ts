/**
 * `npm run bench:relay -- --stack`: smtp-source's fifty sessions and twenty thousand messages through the whole local stack, as
 * `npm start` runs it: the relay's process with its task's environment, tables and queues, deliver, the sink. Again and again before
 * the same process, so that what its memory does over time is to be seen. Every message must be accounted for.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Launched } from '../local/launch.ts';
import { countMail, type Ledger } from '../local/ledger.ts';
import { formatTable, show } from './figures.ts';
import { launchForBench } from './load.ts';
import { startLoginForwarder } from './login-forwarder.ts';
import { cpuSecondsOf, describeMachine, findProgram } from './machine.ts';

const SESSIONS = 50;
const BYTES = 10_240;
/** Times that smtp-source may be started again: it ends at the first 4xx, where a mail server would try again. */
const STARTS = 40;
/** Seconds that what was taken may be on its way. */
const PATIENCE = 1_200;
const run = promisify(execFile);

type Round = {
  accepted: number;
  delivered: number;
  lost: number;
  /** How often a 4xx ended smtp-source, which then was started again for what was left. */
  putOff: number;
  acceptSeconds: number;
  /** Until the last was delivered. */
  seconds: number;
  cpuPerThousand: number;
  /** Resident memory of the relay in MB: over the round's second half the least and the most, and the most of all. */
  rssLow: number;
  rssHigh: number;
  rssMost: number;
};

export type StackOptions = { messages: number; rounds: number; markdown: boolean; json: boolean };

/** @throws Error when a message is refused, lost, or not delivered in time */
export async function floodStack({ messages, rounds, markdown, json }: StackOptions): Promise<void> {
  if (!findProgram('smtp-source')) throw new Error('smtp-source is of the Debian package postfix: install it');
  const launched = await launchForBench({ relay: { hostName: 'smtp.example.com' } });
  const { securePort, password } = launched.local.smtp!;
  const forwarder = await startLoginForwarder(securePort!, password);
  const rows: Round[] = [];
  try {
    for (let n = 0; n < rounds; n++) {
      process.stderr.write(`round ${n + 1}: ${messages} messages\n`);
      const row = await flood(launched, forwarder.port, messages);
      rows.push(row);
      process.stderr.write(`${JSON.stringify(row)}\n`);
    }
  } finally {
    await forwarder.stop();
    await launched.end();
  }
  const machine = describeMachine(new Date());
  if (json) return void process.stdout.write(`${JSON.stringify({ machine, rounds: rows })}\n`);
  const heading = [
    ...['round ', 'accepted', 'delivered', 'put off', 'accepted/s', 'delivered/s', 'CPU-s of the relay per 1,000'],
    ...['MB, second half ', 'at most'],
  ];
  const cells = rows.map((row, n) => [
    ...[String(n + 1), show(row.accepted), show(row.delivered), show(row.putOff)],
    ...[show(row.accepted / row.acceptSeconds), show(row.delivered / row.seconds), show(row.cpuPerThousand, 2)],
    ...[`${show(row.rssLow)}..${show(row.rssHigh)}`, show(row.rssMost)],
  ]);
  process.stdout.write(`${machine}\n\n${formatTable(heading, cells, markdown)}\n`);
}

async function flood(launched: Launched, port: number, messages: number): Promise<Round> {
  const [task] = launched.stack.tasks.list();
  const pid = task!.pid!;
  const earlier = await countMail(launched.stack);
  const arrivedBefore = launched.arrivals.count();
  const cpuBefore = cpuSecondsOf([pid]);
  const samples: number[] = [];
  const sampling = setInterval(() => samples.push(residentMb(pid)), 250);
  const begun = performance.now();
  const putOff = await sendAll(launched, port, messages, earlier.accepted).finally(() => clearInterval(sampling));
  const acceptSeconds = (performance.now() - begun) / 1_000;
  const cpu = cpuSecondsOf([pid]) - cpuBefore;
  const ledger = await settled(launched, arrivedBefore + messages);
  const seconds = (performance.now() - begun) / 1_000;
  const { accepted, delivered, lost } = difference(ledger, earlier);
  if (launched.stack.tasks.list()[0]!.pid !== pid) throw new Error('the relay was started again under the load');
  // What was cut off when smtp-source ended may have been taken all the same.
  if (accepted < messages || delivered !== accepted) throw new Error(`${messages} sent: ${JSON.stringify(ledger)}`);
  const late = samples.slice(samples.length >> 1);
  return {
    ...{ accepted, delivered, lost, putOff, acceptSeconds, seconds, cpuPerThousand: (cpu * 1_000) / accepted },
    ...{ rssLow: Math.min(...late), rssHigh: Math.max(...late), rssMost: Math.max(...samples) },
  };
}

/** A session for every message, and a recipient of its own (-N). @returns how often it was put off */
async function sendAll({ stack }: Launched, port: number, messages: number, earlier: number): Promise<number> {
  const addresses = ['-f', 'shop@example.com', '-t', 'reader@example.net', `127.0.0.1:${port}`];
  for (let starts = 1, left = messages; ; starts++) {
    const load = ['-s', String(Math.min(SESSIONS, left)), '-m', String(left), '-l', String(BYTES), '-N'];
    const end = await run(findProgram('smtp-source')!, [...load, ...addresses]).catch((error: Error) => error);
    if (!(end instanceof Error)) return starts - 1;
    if (!/rejected(?: at server banner)?: 4\d\d /.test(end.message) || starts > STARTS) throw end;
    process.stderr.write(`${end.message.split('\n')[1]}\n`);
    await sleep(2_000);
    left = Math.max(1, messages - ((await countMail(stack)).accepted - earlier));
  }
}

/**
 * What became of all mail, once nothing is under way. Where mail is, is counted by reading whole tables, which the emulators do at the
 * cost of everybody's answers: so not before the sink has as much as was sent, and not often.
 */
async function settled({ stack, arrivals }: Launched, expected: number): Promise<Ledger> {
  const until = performance.now() + PATIENCE * 1_000;
  while (arrivals.count() < expected && performance.now() < until) await sleep(500);
  for (; ; await sleep(10_000)) {
    const ledger = await countMail(stack);
    const { accepted, delivered, bounced, dropped, unknown, dead } = ledger;
    if (accepted === delivered + bounced + dropped + unknown + dead) return ledger;
    if (performance.now() > until) throw new Error(`still under way: ${JSON.stringify(ledger)}`);
  }
}

function difference(now: Ledger, earlier: Ledger): Pick<Ledger, 'accepted' | 'delivered' | 'lost'> {
  return {
    accepted: now.accepted - earlier.accepted,
    delivered: now.delivered - earlier.delivered,
    lost: now.lost - earlier.lost,
  };
}

function residentMb(pid: number): number {
  const kb = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kb) / 1_024;
}
