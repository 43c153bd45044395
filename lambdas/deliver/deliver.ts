/**
 * deliver: one run over jobs of one lane. Copies are grouped by site and sent over a few sessions each, all sites at once.
 * While slow sessions last, the run takes further jobs from its lane, so that nobody's mail waits for them. Every copy
 * ends the run in exactly one way: final (its outcome is written), held (deferred, or its turn is later), or handed back
 * with its job, whose records say what is done.
 *
 * What is not known to have happened is failed: a job is only reported done when every record and hold of it was written.
 * Nothing is begun that could outlast the run, and every session is closed before it ends.
 */
import type { Job, StoredRequest } from '../../core/job.ts';
import type { Hold } from '../../core/records/holds.ts';
import type { AttemptRecord, OutcomeRecord } from '../../core/records/messages.ts';
import type { ReturnPathSecret } from '../../core/return-path.ts';
import type { Shaping } from '../../core/shaping/compile.ts';
import type { Act } from '../../core/shaping/rule.ts';
import { SESSIONS, WAITS, WAITS_LIFE, type Waits } from '../../core/smtp/limits.ts';
import type { Bounce } from '../../core/suppression.ts';
import type { TrackingSettings } from '../../core/tracking/settings.ts';
import type { TrackingKey } from '../../core/tracking/token.ts';
import type { Via } from '../../core/via.ts';
import type { SigningDomain } from '../../io/domains.ts';
import type { Tally } from '../../io/metrics.ts';
import type { HostAddresses, Route } from '../../io/mx.ts';
import type { Sent } from '../../io/queue.ts';
import type { openSession } from '../../io/smtp.ts';
import type { openVia } from '../../io/via.ts';
import type { Allowances } from './allowances.ts';
import { type ClaimDeps, type Claims, openClaims } from './claims.ts';
import { createGate, type Gate } from './gate.ts';
import { openIntake } from './intake.ts';
import { createLetters, type Letters } from './letter.ts';
import type { PausedDeps } from './paused.ts';
import { HORIZON, openSites, type Sites } from './sites.ts';
import type { SuppressedDeps } from './suppressed.ts';
import type { LaneMessage, ReadMessage } from './take.ts';
import { createTallies } from './tally.ts';
import type { ReadTemplate } from './templates.ts';
import type { TlsCounts } from './tls-counts.ts';
import type { WarmUp } from './warm-up.ts';

export type DeliverSettings = {
  /** The lane (source IP) that this function serves, and its pool. */
  lane: string;
  pool: string;
  ehloName: string;
  smtpPort: number;
  /** Bytes of stored content read at once: long mails are sent in turns, not all held in memory. */
  contentBytes: number;
  /** Bytes of messages that are in memory at once, made and on their way. */
  letterBytes: number;
  /** Days that records are kept. */
  messagesDays: number;
  /** Mail to unsubscribe comes in: List-Unsubscribe names an address. */
  unsubscribeByMail?: boolean;
  /** The address to connect from; absent: the system's choice. */
  localAddress?: string;
  /** The address that others see, for events; absent: the lane has none of its own. */
  sourceIp?: string;
};

export type DeliverDeps = SuppressedDeps &
  ClaimDeps &
  PausedDeps & {
    settings: DeliverSettings;
    /** What providers take, and what their replies mean. */
    shaping: Shaping;
    /** What they take at present: kept by the environment from run to run. */
    allowances: Allowances;
    /** What this source IP may send while it is warming up. */
    warmUp: WarmUp;
    /** The warm lane that takes a job beyond that, one of `only` where they are named; undefined: there is none. */
    overflowLane: (jobId: string, only?: readonly string[]) => Promise<{ name: string; url: string } | undefined>;
    /** Puts a job on another lane's queue. `unanswered`: it may be there. */
    sendJob: (url: string, job: Job) => Promise<Sent>;
    /** Milliseconds since the epoch. */
    now: () => number;
    /** 0 ≤ x < 1. */
    random: () => number;
    /** Milliseconds left of this run. */
    remainingMs: () => number;
    /** HMAC key of return paths. */
    returnPathSecret: ReturnPathSecret;
    /** Up to so many further messages of the lane, at once; they stay hidden from others until this run is over. */
    receive: (count: number) => Promise<LaneMessage[]>;
    /** Takes received messages from the lane for good. */
    remove: (messages: ReadMessage[]) => Promise<void>;
    /** Has messages of the batch that failed come back soon. @param share of `WAITS_LIFE` that this run could last */
    comeBack: (messages: readonly LaneMessage[], share: number) => Promise<void>;
    readContent: (key: string) => Promise<StoredRequest>;
    /** A message that came as MIME and is too long to travel. */
    readMime: (key: string) => Promise<Buffer>;
    storeContent: (key: string, request: StoredRequest) => Promise<void>;
    /** What a content's template says; undefined: it has none. @throws where it cannot be read */
    readTemplate: ReadTemplate;
    /** Which of these copies have an outcome: strongly consistent. */
    readOutcomes: (account: string, requestId: string, indexes: number[]) => Promise<Set<number>>;
    /** Which of these copies have the record of a first attempt: strongly consistent. */
    readPickedUp: (account: string, requestId: string, indexes: number[]) => Promise<Set<number>>;
    /** @param more whether further outcomes are to come, for which it may wait to be written together */
    recordOutcome: (record: OutcomeRecord, more?: boolean) => Promise<'recorded' | 'already-final'>;
    recordAttempt: (record: AttemptRecord) => Promise<void>;
    /** Puts an address whose mail bounced on its list; the same bounce again changes nothing. */
    suppressBounce: (bounce: Bounce) => Promise<unknown>;
    hold: (hold: Hold) => Promise<void>;
    readDomain: (account: string, domain: string, address: string) => Promise<SigningDomain | undefined>;
    /** What the account asks of tracking; undefined: nothing of its own. */
    readTracking: (account: string) => Promise<TrackingSettings | undefined>;
    /** The validated host for links of mail from a domain. */
    readLinkHost: (account: string, domain: string) => Promise<string | undefined>;
    /** The key that makes tokens. */
    trackingKey: () => Promise<TrackingKey>;
    /** What the account asks of TLS (SendGrid's enforced TLS); undefined: nothing. */
    readEnforcedTls: (account: string) => Promise<EnforcedTls | undefined>;
    /** Whether the account wants what was said on record also of mail that was delivered; absent: nobody does. */
    keepsTranscripts?: (account: string) => Promise<boolean>;
    resolveSite: (domain: string) => Promise<Route>;
    resolveHost: (host: string) => Promise<HostAddresses>;
    openSession: typeof openSession;
    /** Where mail goes that does not go to its own MX. */
    via: ReturnType<typeof openVia>;
    /** The way of a copy's next attempt that is refused because of our address; undefined: the same again. */
    failOver: (told: { via: Via; code: number; act?: Act | undefined }) => string | undefined;
    /** For TLS reports; absent in stacks that send none. */
    tlsCounts?: TlsCounts;
    /** What this run did, by provider. */
    publish: (tallies: ReadonlyMap<string, Tally>) => void;
    /** A job that cannot be delivered, for the log: at most one line for each job. */
    report: (problem: string) => void;
  };

export type EnforcedTls = { requireTls: boolean; requireValidCert: boolean };

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
  /** Milliseconds that the run could last when it began. */
  life: number;
  sites: Sites;
  letters: Letters;
  tallies: ReturnType<typeof createTallies>;
  /** Copies that are not accounted for, and those of them whose outcome is being written. */
  copies: { open: number; recording: number };
  /** Limits writes to the tables that are under way at once. */
  writes: Gate;
  claims: Claims;
  /** Of jobs, as many as it has begun. */
  visits: { begun: number };
  /** Limits sessions that are open at once. */
  sessions: Gate;
};

/** Milliseconds at the end of a run of WAITS_LIFE for the last records, holds and QUITs. */
const FINISH = 10_000;
/** Outcomes under way at once: the records are at most this far behind the replies. */
const WRITES = 25;
/** Milliseconds of a run of WAITS_LIFE after which slow sites alone do not keep it. */
const LATE = 20_000;
/** Milliseconds after which a run takes further jobs: one that ends sooner leaves them to Lambda's poller. */
const RECEIVE_AFTER = 2_000;
/** Jobs in memory at once, beyond which none is taken. */
const OPEN_JOBS = 1_000;
/** ReceiveMessage gives at most 10 (SQS API). */
const RECEIVED = 10;
/** Milliseconds after which a run looks at the lane's limits again. */
const REFRESH = 10_000;
/** Milliseconds from one empty answer to the next question: twice as long each time, up to the last. */
const EMPTY_WAIT = 500;
const LONGEST_WAIT = 5_000;

/** Delivers a batch, and what else it takes. Returns the ids of the batch's messages to hand back. */
export async function deliver(messages: LaneMessage[], deps: DeliverDeps): Promise<string[]> {
  const run = beginRun(deps);
  const intake = openIntake(run);
  await deps.allowances.refresh();
  const handedBack = messages.map(async (message) => ((await intake.take(message)) ? [] : [message]));
  await receiveWhile(run, intake);
  await run.sites.close();
  await deps.allowances.flush();
  await endWarmUp(deps);
  try {
    deps.publish(run.tallies.all());
  } catch (error) {
    // Figures are not worth sending a batch again.
    deps.report(`metrics: ${(error as Error).message}`);
  }
  await deps.tlsCounts?.end().catch((error: Error) => deps.report(`TLS reports: ${error.message}`));
  const failed = (await Promise.all(handedBack)).flat();
  // Mail that a table's bad minute caught need not wait for Lambda's rule of six timeouts.
  const share = Math.min(1, run.life / WAITS_LIFE);
  await deps
    .comeBack(failed, share)
    .catch((error: Error) => deps.report(`what failed comes back late: ${error.message}`));
  return failed.map(({ messageId }) => messageId);
}

/** Tells the table how mail of a warming lane was answered. */
async function endWarmUp({ warmUp, settings, report }: DeliverDeps): Promise<void> {
  try {
    if (await warmUp.end()) report(`${settings.lane}: too many complaints, its warm-up is set back by a day`);
  } catch (error) {
    report(`warm-up: ${(error as Error).message}`);
  }
}

/** Returns when all jobs have ended; takes further ones while some last, and time and room are left. */
async function receiveWhile(run: Run, intake: ReturnType<typeof openIntake>): Promise<void> {
  const { deps } = run;
  const share = Math.min(1, run.waits.dot / WAITS.dot);
  // What is taken now is to be begun before no message may be.
  const mayTake = () => run.remaining() >= run.waits.body + run.waits.dot + HORIZON * share;
  let wait = RECEIVE_AFTER * share;
  const received: Promise<void>[] = [];
  while (intake.open() > 0) {
    const what = await intake.endedWithin(mayTake() ? Math.min(wait, REFRESH) : REFRESH);
    if (what === 'ended') break;
    // What the other environment was told holds for this one too.
    await deps.allowances.refresh();
    run.sites.staffAll();
    if (!mayTake()) continue;
    wait = EMPTY_WAIT * share;
    const room = Math.min(RECEIVED, OPEN_JOBS - intake.open());
    if (room <= 0 || intake.openBytes() > deps.settings.contentBytes / 2) continue;
    const messages = await deps.receive(room).catch((error: Error) => {
      deps.report(`no further messages: ${error.message}`);
      return [];
    });
    received.push(...messages.map((message) => intake.takeOwn(message)));
    wait = messages.length > 0 ? 0 : Math.min(LONGEST_WAIT, wait * 2);
  }
  await Promise.all(received);
  await intake.close();
}

function beginRun(deps: DeliverDeps): Run {
  const { lane, pool, letterBytes } = deps.settings;
  const life = deps.remainingMs();
  const share = Math.min(1, life / WAITS_LIFE);
  const scaled = Object.entries(WAITS).map(([name, wait]) => [name, Math.ceil(wait * share)]);
  const waits = Object.fromEntries(scaled) as Waits;
  const remaining = () => deps.remainingMs() - FINISH * share;
  const elapsed = () => life - deps.remainingMs();
  const run: Omit<Run, 'sites'> = {
    deps,
    waits,
    remaining,
    hasTime: () => remaining() >= waits.body + waits.dot,
    elapsed,
    isLate: () => elapsed() >= LATE * share,
    startedAt: deps.now(),
    life,
    letters: createLetters(letterBytes, { name: lane, pool }),
    tallies: createTallies(),
    copies: { open: 0, recording: 0 },
    writes: createGate(WRITES),
    claims: openClaims(deps),
    visits: { begun: 0 },
    sessions: createGate(SESSIONS),
  };
  return Object.assign(run, { sites: openSites(run) });
}
