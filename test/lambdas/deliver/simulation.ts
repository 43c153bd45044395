/**
 * A lane as AWS runs it, in virtual time: a fair queue, two environments of the real deliver, holds released by the minute,
 * one table of limits, and mail hosts whose answers are real replies. Nothing of deliver is replaced but its SMTP session.
 */

import { jobId, makeRequestId } from '../../../core/ids.ts';
import { type Job, messageGroup, parseJob } from '../../../core/job.ts';
import type { Hold } from '../../../core/records/holds.ts';
import type { AttemptRecord, ClaimRecord, OutcomeRecord } from '../../../core/records/messages.ts';
import type { Allowance } from '../../../core/shaping/allowance.ts';
import { compileShaping, type Shaping } from '../../../core/shaping/compile.ts';
import { makeReply } from '../../../core/smtp/reply.ts';
import { makeTrackingKey } from '../../../core/tracking/token.ts';
import { openSession, type Sent, type Session, type SessionOptions } from '../../../io/smtp.ts';
import { openVia } from '../../../io/via.ts';
import { openAllowances } from '../../../lambdas/deliver/allowances.ts';
import { type DeliverDeps, deliver } from '../../../lambdas/deliver/deliver.ts';
import type { LaneMessage } from '../../../lambdas/deliver/take.ts';
import type { VirtualClock } from '../../virtual-clock.ts';
import { claimIn } from './claims.ts';
import { CONTENT, SECRET } from './world.ts';

/** `recent`: the most connections since somebody set it back. `times`: of what was taken in the last minute. */
export type HostStats = {
  open: number;
  most: number;
  recent: number;
  taken: number;
  refused: number;
  times: number[];
};

/** A mailbox provider: every domain of it has these hosts. */
export type MailHost = {
  hosts: string[];
  /** Milliseconds until a message is answered. */
  latency: (copy: string) => number;
  /** What it says to a message; undefined: it takes it; `lost`: it has it, and the link breaks before its reply. */
  answer?: (at: { now: number; connections: number; to: string; lastMinute: number }) => string | undefined;
};

export type Waiting = { group: string | undefined; body: string; count: number; at: number };

export type Simulation = {
  queue: Map<string, Waiting[]>;
  /** Bodies of dead letters. */
  dead: string[];
  holds: Hold[];
  outcomes: Map<string, OutcomeRecord>;
  attempts: AttemptRecord[];
  limits: Map<string, Allowance>;
  problems: string[];
  /** By host: connections that are open now, the most ever, messages taken, and milliseconds of each. */
  hosts: Map<string, HostStats>;
  /** Milliseconds that environments ran, and of those the ones with nothing in flight. */
  ran: { billed: number; idle: number; runs: number; longest: number };
  put: (jobs: Job[]) => void;
  /** Runs the lane for so long, or until nothing is left anywhere. `each` is asked every ten seconds; true: more will come. */
  run: (milliseconds: number, each?: (now: number) => boolean) => Promise<void>;
};

const LIFE = 180_000;
const BATCH = 100;
/** A lane's message is a dead letter after so many receptions. */
const RECEIVES = 13;
/** DynamoDB quotas. */
const SORT_KEY_BYTES = 1_024;
const MINUTE = 60_000;

export function simulate(
  clock: VirtualClock,
  providers: Record<string, MailHost>,
  options: { shaping?: Shaping; timeToLive?: number } = {},
): Simulation {
  const shaping = options.shaping ?? compileShaping();
  const hostOf = (domain: string) => providers[domain] ?? providers['*']!;
  const byHost = new Map(Object.values(providers).flatMap((one) => one.hosts.map((host) => [host, one] as const)));
  const simulation: Simulation = {
    queue: new Map(),
    dead: [],
    holds: [],
    outcomes: new Map(),
    attempts: [],
    limits: new Map(),
    problems: [],
    hosts: new Map(),
    ran: { billed: 0, idle: 0, runs: 0, longest: 0 },
    put: (jobs) => {
      for (const job of jobs) enqueue(JSON.stringify(job), messageGroup(job, job.copies.length), 1);
    },
    run,
  };
  const claims = new Map<string, ClaimRecord>();
  const leases = new Map<string, { fence: string; until: number }>();
  let queued = 0;
  /** Released, and waiting for its second. */
  let underway = 0;

  function enqueue(body: string, group: string | undefined, count: number): void {
    const name = group ?? `own-${queued}`;
    const line = simulation.queue.get(name) ?? [];
    line.push({ body, group, count, at: clock.now() });
    simulation.queue.set(name, line);
    queued++;
  }
  function comeBack(body: string, receiveCount: number): void {
    if (receiveCount >= RECEIVES) return void simulation.dead.push(body);
    underway++;
    void clock.sleep(MINUTE).then(() => {
      underway--;
      enqueue(body, undefined, receiveCount + 1);
    });
  }
  /** As a fair queue does: the groups take turns. */
  function receive(count: number): LaneMessage[] {
    const taken: LaneMessage[] = [];
    for (const [name, line] of simulation.queue) {
      if (taken.length === count) break;
      const one = line.shift()!;
      simulation.queue.delete(name);
      if (line.length > 0) simulation.queue.set(name, line);
      taken.push({ messageId: parseJob(one.body).id, body: one.body, receiveCount: one.count, receipt: 'r' });
      queued--;
    }
    return taken;
  }
  const statsOf = (host: string) => {
    let stats = simulation.hosts.get(host);
    if (!stats) {
      stats = { open: 0, most: 0, recent: 0, taken: 0, refused: 0, times: [] };
      simulation.hosts.set(host, stats);
    }
    return stats;
  };

  function openEnvironment() {
    let inFlight = 0;
    let busySince = 0;
    let busy = 0;
    const begin = () => {
      if (inFlight++ === 0) busySince = clock.now();
    };
    const end = () => {
      if (--inFlight === 0) busy += clock.now() - busySince;
    };
    const connect = async ({ host, address }: SessionOptions): Promise<{ ok: true; session: Session }> => {
      begin();
      const provider = byHost.get(host)!;
      const stats = statsOf(provider.hosts[0]!);
      stats.open++;
      stats.most = Math.max(stats.most, stats.open);
      stats.recent = Math.max(stats.recent, stats.open);
      await clock.sleep(150);
      end();
      let open = true;
      let accepted = 0;
      const close = () => {
        if (open) stats.open--;
        open = false;
      };
      const send: Session['send'] = async ({ to }): Promise<Sent> => {
        begin();
        await clock.sleep(provider.latency(to));
        end();
        const now = clock.now();
        while (stats.times[0] !== undefined && stats.times[0] <= now - MINUTE) stats.times.shift();
        const said = provider.answer?.({ now, connections: stats.open, to, lastMinute: stats.times.length });
        if (said === 'lost') {
          stats.taken++;
          close();
          return { ok: false, stage: 'dot', error: 'ECONNRESET', afterDot: true };
        }
        if (said === undefined) {
          accepted++;
          stats.taken++;
          stats.times.push(now);
          return { ok: true, reply: makeReply(250, ['2.0.0 OK']) };
        }
        stats.refused++;
        const reply = makeReply(Number(said.slice(0, 3)), [said.slice(4)]);
        if (reply.code === 421) close();
        return { ok: false, stage: 'dot', reply, afterDot: false };
      };
      const session: Session = {
        host,
        address,
        tlsFailures: [],
        eightBitMime: true,
        idleFor: () => 0,
        accepted: () => accepted,
        usable: () => open,
        send,
        quit: async () => close(),
        transcript: [],
      };
      return { ok: true, session };
    };
    const allowances = openAllowances({
      lane: 'lane-1',
      now: clock.now,
      readAllowances: async () => new Map(simulation.limits),
      changeAllowance: async (_lane, scope, change) => {
        await clock.sleep(5);
        const changed = change(simulation.limits.get(scope));
        if (changed === 'remove') simulation.limits.delete(scope);
        else if (changed) simulation.limits.set(scope, changed);
        return simulation.limits.get(scope);
      },
      takeLease: async (_lane, scope, fence, until, now) => {
        const known = leases.get(scope);
        if (known && known.fence !== fence && known.until > now) return false;
        leases.set(scope, { fence, until });
        return true;
      },
      endLease: async (_lane, scope, fence) => {
        if (leases.get(scope)?.fence === fence) leases.delete(scope);
      },
      report: (problem) => void simulation.problems.push(problem),
    });
    const deps = (endsAt: number): DeliverDeps => ({
      settings: {
        lane: 'lane-1',
        pool: 'default',
        ehloName: 'mta1.sender.example',
        smtpPort: 25,
        contentBytes: 25e6,
        letterBytes: 50e6,
        messagesDays: 30,
      },
      shaping,
      allowances,
      readSuppressions: async () => new Map(),
      readListSettings: async () => ({}),
      whoPauses: async () => undefined,
      suppressBounce: async () => true,
      warmUp: { take: async (copies) => copies, giveBack: () => {}, answered: () => {}, end: async () => false },
      via: openVia({
        settings: { relays: [] },
        resolveHost: async () => ({ addresses: [] }),
        openSession,
        readSecret: async () => Buffer.alloc(0),
      }),
      failOver: () => undefined,
      overflowLane: async () => undefined,
      sendJob: async () => 'refused',
      now: clock.now,
      random: () => 0.5,
      remainingMs: () => endsAt - clock.now(),
      returnPathSecret: SECRET,
      comeBack: async () => undefined,
      receive: async (count) => {
        await clock.sleep(10);
        return receive(count);
      },
      remove: async () => {},
      readEnforcedTls: async () => undefined,
      readTracking: async () => undefined,
      readLinkHost: async () => undefined,
      trackingKey: async () => makeTrackingKey(Buffer.alloc(32, 7)),
      readContent: async (key) => {
        throw new Error(`no ${key}`);
      },
      readMime: async (key) => {
        throw new Error(`no ${key}`);
      },
      storeContent: async () => {},
      readOutcomes: async (account, requestId, indexes) =>
        new Set(
          indexes.filter((index) =>
            simulation.outcomes.has(`${account}#${requestId}/${String(index).padStart(4, '0')}`),
          ),
        ),
      readPickedUp: async () => new Set(),
      claim: claimIn(claims, clock.now),
      recordOutcome: async (record) => {
        const key = `${record.pk}/${record.sk}`;
        if (simulation.outcomes.has(key)) return 'already-final';
        simulation.outcomes.set(key, record);
        return 'recorded';
      },
      recordAttempt: async (record) => void simulation.attempts.push(record),
      hold: async (hold) => {
        if (Buffer.byteLength(hold.sk) > SORT_KEY_BYTES)
          throw new Error('ValidationException: the sort key is too long');
        simulation.holds.push(hold);
      },
      readTemplate: async () => undefined,
      readDomain: async (_account, domain) => ({ keys: [], returnPath: `em.${domain}` }),
      resolveSite: async (domain) => {
        const { hosts } = hostOf(domain);
        return { kind: 'site', site: hosts.join(','), provider: shaping.providerOf(hosts) as never, hosts };
      },
      resolveHost: async () => ({ addresses: ['192.0.2.1'] }),
      openSession: connect as unknown as DeliverDeps['openSession'],
      publish: () => {},
      report: (problem) => void simulation.problems.push(problem),
    });
    return {
      invoke: async (messages: LaneMessage[]) => {
        const began = clock.now();
        busy = 0;
        const handedBack = await deliver(messages, deps(began + LIFE));
        const took = clock.now() - began;
        simulation.ran.runs++;
        simulation.ran.billed += took;
        simulation.ran.idle += took - busy;
        simulation.ran.longest = Math.max(simulation.ran.longest, took);
        for (const { body, receiveCount, messageId } of messages)
          if (handedBack.includes(messageId)) comeBack(body, receiveCount);
      },
    };
  }

  function release(): void {
    const until = clock.now() + MINUTE;
    const due = simulation.holds.filter((hold) => hold.due <= until);
    simulation.holds = simulation.holds.filter((hold) => hold.due > until);
    for (const hold of due)
      if (hold.kind === 'job') {
        const job = { ...hold.job, hop: hold.job.hop + 1 };
        underway++;
        void clock.sleep(hold.due - clock.now()).then(() => {
          underway--;
          enqueue(JSON.stringify(job), messageGroup(job, 1), 1);
        });
      }
  }

  async function run(milliseconds: number, each: (now: number) => boolean = () => false): Promise<void> {
    const until = clock.now() + milliseconds;
    let working = 0;
    let more = true;
    const isOver = () => clock.now() >= until || (!more && queued + underway + working + simulation.holds.length === 0);
    const poll = async () => {
      const environment = openEnvironment();
      while (!isOver()) {
        const messages = receive(BATCH);
        if (messages.length === 0) {
          await clock.sleep(1_000);
          continue;
        }
        working++;
        await environment.invoke(messages);
        working--;
      }
    };
    const releaseEachMinute = async () => {
      while (!isOver()) {
        release();
        await clock.sleep(MINUTE);
      }
    };
    const watch = async () => {
      while (!isOver()) {
        more = each(clock.now());
        await clock.sleep(10_000);
      }
    };
    await Promise.all([poll(), poll(), releaseEachMinute(), watch()]);
  }
  return simulation;
}

/** A job of copies to one request's recipients. */
export function makeMail(account: string, to: string[], acceptedAt: number, nth: number, from = 'sender.example'): Job {
  const requestId = makeRequestId(acceptedAt, Buffer.from(String(nth).padStart(10, '0')));
  return {
    v: 1,
    id: jobId(requestId, 0, 0),
    hop: 0,
    attempt: 0,
    account,
    requestId,
    lane: 'lane-1',
    acceptedAt,
    content: { ...CONTENT, from: { email: `news@${from}` } },
    personalizations: [{ index: 0, to: [{ email: to[0]! }], cc: [] }],
    copies: to.map((address, index) => ({ personalization: 0, role: 'to' as const, address, index })),
  };
}
