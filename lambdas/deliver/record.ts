/**
 * Writing what became of a copy: its outcome, once, or an attempt that was not the last. A few tries each; what still fails
 * hands the job back, and whoever has it next reads the records first.
 */
import { domainOf } from '../../core/domain.ts';
import { aboutCopy } from '../../core/event/about.ts';
import { dueOf } from '../../core/job.ts';
import { poolOf } from '../../core/lane.ts';
import { DAY_SECONDS } from '../../core/limits.ts';
import type { Copy } from '../../core/mail.ts';
import type { Final } from '../../core/outcome.ts';
import { ownerOf } from '../../core/records/message-key.ts';
import { attemptKey, copyKey, type OutcomeRecord } from '../../core/records/messages.ts';
import type { Act } from '../../core/shaping/rule.ts';
import { bouncedCopy, listOfBounce } from '../../core/suppression.ts';
import type { Run } from './deliver.ts';
import type { PutOff, Task } from './take.ts';

/** Where a copy was tried, as records tell it. `via`: not by our own address, but by SES or a relay. */
export type Place = {
  site: string;
  provider: string;
  via?: true;
  mx?: string;
  tls?: string;
  certError?: string;
  transcript?: string;
};

/** SES has a copy, and will say what became of it. */
export type Handed = { event: 'relayed'; reply: string; status?: string; relayId: string };

const TRIES = 3;

/** Writes an outcome. What cannot be written fails its job. */
export async function recordFinal(
  task: Task,
  copy: Copy,
  final: Final | Handed,
  place: Place,
  run: Run,
): Promise<void> {
  const { deps, tallies } = run;
  const at = deps.now();
  const { account, requestId, attempt } = task.job;
  const { provider, via: _, ...where } = place;
  const record: OutcomeRecord = {
    ...copyKey(account, requestId, copy.index),
    ...ownerOf(account, requestId, copy.address),
    at,
    attempt,
    ...withoutAct(final),
    ...where,
    lane: deps.settings.lane,
    ...(task.possibleDuplicates || copy.doubts ? { possibleDuplicate: true as const } : {}),
    ...(copy.address === copy.address.toLowerCase() ? {} : { email: copy.address }),
    ...tellOf(task, copy, place, run),
    expiresAt: expiry(run),
  };
  // First, so that no run finds the copy final and its list without it. The same again changes nothing.
  const isListed = final.event !== 'bounced' || task.bounced.has(copy.index);
  if (!isListed && !(await insist(() => listBounce(task, copy, final, place, at, run)))) {
    task.failed = true;
    return;
  }
  run.copies.recording++;
  const more = () => run.copies.open > run.copies.recording;
  const written = await insist(() => deps.recordOutcome(record, more())).finally(() => {
    run.copies.recording--;
  });
  if (written === undefined) task.failed = true;
  if (written !== 'recorded') return;
  tallies.count(provider, final.event);
  if (final.event === 'delivered') tallies.latency(provider, Math.max(0, at - dueOf(task.job)) / 1_000);
}

/** Puts the address of a copy that bounced on its list. Where DNS had no host to go to, the domain is at fault, not the address. */
async function listBounce(
  { job }: Task,
  { address, index }: Copy,
  { type, reply, status, classification }: Final,
  { mx, site }: Place,
  at: number,
  { deps }: Run,
): Promise<true> {
  const unrouted = mx === undefined && site === domainOf(address);
  const isAddress = listOfBounce(type, status) === 'bounces';
  const about = !isAddress ? 'other' : unrouted ? 'domain' : 'address';
  const cause = {
    ...(status === undefined ? {} : { status }),
    ...(classification === undefined ? {} : { classification }),
  };
  const entry = { created: Math.floor(at / 1_000), reason: reply, ...cause, copy: bouncedCopy(job.requestId, index) };
  await deps.suppressBounce({ account: job.account, address, about, entry });
  return true;
}

/** Writes an attempt that was not the last, and when the next is due. */
export async function recordPutOff(task: Task, put: PutOff, due: number, run: Run): Promise<void> {
  const { account, requestId, attempt } = task.job;
  const { copy, doubted, place, via: _way, ...told } = put;
  const { provider: _, via: __, ...where } = place;
  const event = doubted ? 'doubted' : 'deferred';
  await run.writes.enter();
  const written = await insist(async () => {
    await run.deps.recordAttempt({
      ...attemptKey(account, requestId, copy.index, event, attempt),
      event,
      address: copy.address,
      // In the index once: with its first attempt, and then with its outcome.
      ...(attempt === 0 ? ownerOf(account, requestId, copy.address) : {}),
      at: run.deps.now(),
      attempt,
      ...told,
      ...where,
      ...tellOf(task, copy, place, run),
      lane: run.deps.settings.lane,
      due,
      expiresAt: expiry(run),
    });
    return true;
  }).finally(run.writes.leave);
  if (!written) task.failed = true;
}

/** What the events of a record tell beside what became of the copy. */
function tellOf(
  { job, content, personalizations, pickedUp }: Task,
  copy: Copy,
  { provider, via }: Place,
  { deps: { settings } }: Run,
): Pick<OutcomeRecord, 'about' | 'pickedUp'> {
  const { lane: name, pool, sourceIp } = settings;
  const about = aboutCopy(job, copy, content, personalizations.get(copy.personalization), {
    ...poolOf(content, { name, pool }),
    ...(via || sourceIp === undefined ? {} : { ip: sourceIp }),
    ...(provider === 'other' ? {} : { provider }),
  });
  return { about, ...(pickedUp.has(copy.index) ? { pickedUp: true as const } : {}) };
}

/** What a reply made us do is no part of the copy's record. */
function withoutAct<T extends object>(cause: T): Omit<T, 'act'> {
  const { act: _, ...rest } = cause as T & { act?: Act };
  return rest;
}

/** A few tries: the client has its own, so what still fails is an outage, and the job goes back. */
export async function insist<T>(write: () => Promise<T>): Promise<T | undefined> {
  for (let tries = 1; ; tries++) {
    try {
      return await write();
    } catch {
      if (tries >= TRIES) return undefined;
    }
  }
}

function expiry({ deps }: Run): number {
  return Math.floor(deps.now() / 1_000) + deps.settings.messagesDays * DAY_SECONDS;
}
