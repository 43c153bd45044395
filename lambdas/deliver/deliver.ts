/**
 * deliver: one run over a batch of jobs of one lane. Copies are grouped by site and sent over a few sessions each, all
 * sites at once. Every copy ends the run in exactly one way: final (its outcome is written), held (deferred, or not begun
 * in time), or handed back with its job, whose records say what is done.
 *
 * What is not known to have happened is failed: a job is only reported done when every record and hold of it was written.
 * Nothing is begun that could outlast the run, and every session is closed before it ends.
 */
import type { KeyObject } from 'node:crypto';
import { domainOf } from '../../core/domain.ts';
import { type Job, parseJob, type StoredRequest } from '../../core/job.ts';
import type { AttemptRecord, ClaimRecord, Hold, OutcomeRecord } from '../../core/records.ts';
import { SESSIONS, WAITS, WAITS_LIFE, type Waits } from '../../core/smtp/limits.ts';
import type { Tally } from '../../io/metrics.ts';
import type { HostAddresses, Route } from '../../io/mx.ts';
import type { openSession } from '../../io/smtp.ts';
import { createLetters, type Letters } from './letter.ts';
import { deliverToSite, type Item, openSite, type Site } from './sessions.ts';
import { settle } from './settle.ts';
import { type LaneMessage, type Task, takeJob } from './take.ts';
import { createTallies } from './tally.ts';

export type DeliverSettings = {
  /** The lane (source IP) that this function serves, and its pool. */
  lane: string;
  pool: string;
  ehloName: string;
  smtpPort: number;
  /** Sessions to one site at once, both environments of the lane together. */
  connectionsPerSite: number;
  messagesPerConnection: number;
  /** Bytes of stored content read at once: a batch of long mails is sent in turns, not all held in memory. */
  contentBytes: number;
  /** Bytes of messages that are in memory at once, made and on their way. */
  letterBytes: number;
  /** Days that records are kept. */
  messagesDays: number;
  /** The address to connect from; absent: the system's choice. */
  localAddress?: string;
};

export type DeliverDeps = {
  settings: DeliverSettings;
  /** Milliseconds since the epoch. */
  now: () => number;
  /** 0 ≤ x < 1. */
  random: () => number;
  /** Milliseconds left of this run. */
  remainingMs: () => number;
  /** HMAC key of return paths. */
  returnPathSecret: Buffer;
  readContent: (key: string) => Promise<StoredRequest>;
  storeContent: (key: string, request: StoredRequest) => Promise<void>;
  /** Which of these copies have an outcome: strongly consistent. */
  readOutcomes: (account: string, requestId: string, indexes: number[]) => Promise<Set<number>>;
  /** False: another worker holds the job. The same fence may claim again, so also end its claim. */
  claim: (claim: ClaimRecord) => Promise<boolean>;
  recordOutcome: (record: OutcomeRecord) => Promise<'recorded' | 'already-final'>;
  recordAttempt: (record: AttemptRecord) => Promise<void>;
  hold: (hold: Hold) => Promise<void>;
  readDomain: (
    account: string,
    domain: string,
  ) => Promise<{ selector: string; key: KeyObject; returnPath: string } | undefined>;
  resolveSite: (domain: string) => Promise<Route>;
  resolveHost: (host: string) => Promise<HostAddresses>;
  openSession: typeof openSession;
  /** What this run did, by provider. */
  publish: (tallies: ReadonlyMap<string, Tally>) => void;
  /** A job that cannot be delivered, for the log: at most one line for each job. */
  report: (problem: string) => void;
};

/** What the parts of one run share. */
export type Run = {
  deps: DeliverDeps;
  waits: Waits;
  /** Milliseconds that sessions may still take: what is left, less the time to write records and say QUIT. */
  remaining: () => number;
  /** Whether another message may be begun. */
  hasTime: () => boolean;
  /** Milliseconds since the run began. */
  elapsed: () => number;
  /** Whether the run has lasted so long that it is not prolonged for slow sites alone. */
  isLate: () => boolean;
  startedAt: number;
  /** The sites of this turn. */
  sites: () => Site[];
  letters: Letters;
  tallies: ReturnType<typeof createTallies>;
  /** Limits writes to the tables that are under way at once. */
  writes: Gate;
  /** Limits sessions that are open at once. */
  sessions: Gate;
};

/** Milliseconds at the end of a run of WAITS_LIFE for the last records, holds and QUITs. */
const FINISH = 10_000;
/** Outcomes under way at once: the records are at most this far behind the replies. */
const WRITES = 25;
/** Milliseconds of a run of WAITS_LIFE after which slow sites alone do not keep it: the lane's other mail waits. */
const LATE = 20_000;

/** Delivers a batch. Returns the ids of the messages to hand back. */
export async function deliver(messages: LaneMessage[], deps: DeliverDeps): Promise<string[]> {
  const run = beginRun(deps);
  const handedBack: string[] = [];
  const handBack = ({ messageId }: LaneMessage, problem: string) => {
    deps.report(`message ${messageId}: ${problem}`);
    handedBack.push(messageId);
  };
  const parsed: Parsed[] = [];
  for (const message of messages)
    try {
      parsed.push({ message, job: parseJob(message.body) });
    } catch (error) {
      handBack(message, (error as Error).message);
    }
  const seen = new Set<string>();
  for (const turn of cutTurns(parsed, deps.settings.contentBytes)) {
    const tasks: Task[] = [];
    const readContent = readOnce(deps.readContent);
    await Promise.all(
      turn.map(async ({ message, job }) => {
        const task = await takeJob(message, job, seen, { ...run, deps: { ...deps, readContent } }).catch(
          (error: Error) => error.message,
        );
        if (task === 'done') return;
        if (typeof task === 'string') handBack(message, task);
        else tasks.push(task);
      }),
    );
    await deliverTurn(tasks, run);
    await Promise.all(
      tasks.map(async (task) => {
        if (!(await task.ended)) handedBack.push(task.message.messageId);
      }),
    );
  }
  try {
    deps.publish(run.tallies.all());
  } catch (error) {
    // Figures are not worth sending a batch again.
    deps.report(`metrics: ${(error as Error).message}`);
  }
  return handedBack;
}

type Parsed = { message: LaneMessage; job: Job };

/** Jobs that may be in memory together: at least one, however long its content. One object that several name counts once. */
function cutTurns(parsed: Parsed[], contentBytes: number): Parsed[][] {
  const turns: Parsed[][] = [];
  let bytes = 0;
  let read = new Set<string>();
  for (const one of parsed) {
    const { contentKey = '', contentBytes: own = 0 } = one.job;
    let turn = turns.at(-1);
    const cost = read.has(contentKey) ? 0 : own;
    if (!turn || bytes + cost > contentBytes) {
      turn = [];
      turns.push(turn);
      bytes = 0;
      read = new Set();
    }
    turn.push(one);
    bytes += read.has(contentKey) ? 0 : own;
    read.add(contentKey);
  }
  return turns;
}

/** Jobs of one request share its content, in memory as in the bucket. */
function readOnce(read: DeliverDeps['readContent']): DeliverDeps['readContent'] {
  const known = new Map<string, Promise<StoredRequest>>();
  return (key) => {
    let content = known.get(key);
    if (!content) {
      content = read(key);
      known.set(key, content);
    }
    return content;
  };
}

function beginRun(deps: DeliverDeps): Run {
  const life = deps.remainingMs();
  const share = Math.min(1, life / WAITS_LIFE);
  const scaled = Object.entries(WAITS).map(([name, wait]) => [name, Math.ceil(wait * share)]);
  const waits = Object.fromEntries(scaled) as Waits;
  const remaining = () => deps.remainingMs() - FINISH * share;
  const elapsed = () => life - deps.remainingMs();
  return {
    deps,
    waits,
    remaining,
    hasTime: () => remaining() >= waits.body + waits.dot,
    elapsed,
    isLate: () => elapsed() >= LATE * share,
    startedAt: deps.now(),
    sites: () => [],
    letters: createLetters(deps.settings.letterBytes, deps.settings.pool),
    tallies: createTallies(),
    writes: createGate(WRITES),
    sessions: createGate(SESSIONS),
  };
}

/** Finds each domain's site and begins on it at once: nobody waits for another domain's DNS. */
async function deliverTurn(tasks: Task[], base: Run): Promise<void> {
  const sites = new Map<string, Site>();
  const run: Run = { ...base, sites: () => [...sites.values()] };
  const items = tasks.flatMap((task) => task.copies.map((copy): Item => ({ task, copy })));
  const byDomain = Map.groupBy(items, ({ copy }) => domainOf(copy.address));
  await Promise.all(
    [...byDomain].map(async ([domain, ofDomain]) => {
      const route = await run.deps.resolveSite(domain);
      if (route.kind !== 'site') {
        for (const item of ofDomain) await settle(item, { route, domain }, run);
        return;
      }
      const site = sites.get(route.site) ?? openSite(route);
      sites.set(route.site, site);
      await deliverToSite(site, ofDomain, run);
    }),
  );
}

/** Lets so many in at once, in the order in which they came. */
export type Gate = { enter: () => Promise<void>; leave: () => void };

export function createGate(places: number): Gate {
  let free = places;
  const waiting: (() => void)[] = [];
  return {
    enter: async () => {
      if (free > 0) free--;
      else await new Promise<void>((enter) => waiting.push(enter));
    },
    leave: () => {
      const next = waiting.shift();
      if (next) next();
      else free++;
    },
  };
}
