/**
 * erase: a pass of a job of recipients' data erasure (docs/erasure.md). It goes through everything that an account has of some addresses, step by
 * step, and writes down how far it is; a run that dies, or has no time left, is gone on with from there, and whatever it does again
 * changes nothing. What is written later, because mail was under way, is found by a later pass. It never touches mail that was accepted
 * after the job, nor another account's.
 */
import {
  ERASURE_STEPS,
  type EraseMessage,
  type ErasureKind,
  type ErasureRecord,
  type ErasureStep,
  eraseHold,
  PASSES,
  passDue,
  reportedUntil,
  staleAt,
} from '../../core/records/erasure.ts';
import type { Hold } from '../../core/records/holds.ts';
import type { ErasureClaim } from '../../io/erasures.ts';
import { forgetLists, type ListDeps } from './lists.ts';
import { eraseDownloads, eraseOutbox, erasePages, type LogDeps } from './logs.ts';
import { eraseHolds, eraseLate, eraseRecords, type MailDeps } from './mail.ts';

export type EraseDeps = MailDeps &
  ListDeps &
  LogDeps & {
    /** Milliseconds left of this run. */
    remainingMs: () => number;
    /** Random, another at each call. */
    makeFence: () => string;
    claimErasure: (account: string, id: string, claim: ErasureClaim) => Promise<ErasureRecord | 'busy' | undefined>;
    saveErasure: (job: ErasureRecord) => Promise<void>;
    hold: (hold: Hold) => Promise<void>;
  };

/** What a step works with. It sets `job.from` as it goes on, and saves. */
export type Work = {
  job: ErasureRecord;
  account: string;
  addresses: readonly string[];
  isReader: (address: string) => boolean;
  /** Requests whose stored content this run has seen to. */
  seen: Set<string>;
  count: (kind: ErasureKind, more: number) => void;
  /** Whether there is time for the next piece. */
  mayGoOn: () => boolean;
  save: () => Promise<void>;
};

/** True: it is through; false: its time is up, and `job.from` says where it goes on. */
export type Step<Deps> = (work: Work, deps: Deps) => Promise<boolean>;

/** Time kept for the piece that is under way, and for writing down how far it came. */
const RESERVE_MS = 60_000;

const STEPS: Readonly<Record<ErasureStep, Step<EraseDeps>>> = {
  holds: eraseHolds,
  records: eraseRecords,
  late: eraseLate,
  lists: forgetLists,
  outbox: eraseOutbox,
  pages: erasePages,
  downloads: eraseDownloads,
};

/** @throws Error when the job is at work elsewhere, or something could not be read or written: the message comes again */
export async function erase({ account, id, pass }: EraseMessage, deps: EraseDeps): Promise<void> {
  const now = deps.now();
  const claim = { fence: deps.makeFence(), until: now + deps.remainingMs(), now };
  const job = await deps.claimErasure(account, id, claim);
  if (job === 'busy') throw new Error(`erasure ${id} is at work elsewhere`);
  if (!job) return;
  if (job.doneAt !== undefined || job.pass !== pass) return deps.saveErasure(released(job));
  if (job.begun.length === pass) {
    Object.assign(job, { begun: [...job.begun, now], left: 0, kept: {}, step: ERASURE_STEPS[0] });
    delete job.from;
    await deps.saveErasure(job);
  }
  const through = await takeSteps(job, account, deps);
  if (through) return endPass(job, account, deps);
  await deps.saveErasure(released(job));
  await deps.hold(eraseHold({ v: 1, account, id, pass }, deps.now()));
}

async function takeSteps(job: ErasureRecord, account: string, deps: EraseDeps): Promise<boolean> {
  const addresses = job.addresses ?? [];
  const readers = new Set(addresses);
  const work: Work = {
    job,
    account,
    addresses,
    isReader: (address) => readers.has(address),
    seen: new Set(),
    count: (kind, more) => {
      if (more > 0) job.erased[kind] = (job.erased[kind] ?? 0) + more;
    },
    mayGoOn: () => deps.remainingMs() > RESERVE_MS,
    save: () => deps.saveErasure(Object.assign(job, { expiresAt: staleAt(deps.now()) })),
  };
  for (const step of ERASURE_STEPS.slice(ERASURE_STEPS.indexOf(job.step))) {
    job.step = step;
    if (!(await STEPS[step](work, deps))) return false;
    delete job.from;
    const next = ERASURE_STEPS[ERASURE_STEPS.indexOf(step) + 1];
    if (next === undefined) break;
    job.step = next;
    await work.save();
    if (!work.mayGoOn()) return false;
  }
  return true;
}

/** The next pass is held before this one is said to be over: a run that dies between them ends it once more. */
async function endPass(job: ErasureRecord, account: string, deps: EraseDeps): Promise<void> {
  const now = deps.now();
  const pass = job.pass + 1;
  if (pass >= PASSES && job.left === 0) {
    const { addresses: _, from: __, ...report } = released(job);
    return deps.saveErasure({ ...report, pass, doneAt: now, expiresAt: reportedUntil(now) });
  }
  const due = passDue(job, pass, now);
  await deps.hold(eraseHold({ v: 1, account, id: job.id, pass }, due));
  await deps.saveErasure({ ...released(job), pass, due, step: ERASURE_STEPS[0], expiresAt: staleAt(now) });
}

function released({ until: _, ...job }: ErasureRecord): ErasureRecord {
  return job;
}
