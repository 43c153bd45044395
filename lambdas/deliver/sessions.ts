/**
 * The sessions of one site. A few workers share its queue: each opens a session, sends message after message over it, and
 * opens the next when that one is used up. The next host is tried only while none could be greeted; when no session can
 * be had, what is left of the queue is deferred with that reason. What there is no time for is postponed, not attempted.
 * What one recipient was told is never passed on to another: a copy has its own reply, or the site's failure in our words.
 */

import type { Copy } from '../../core/mail.ts';
import type { Failure } from '../../core/outcome.ts';
import { makeReturnPath } from '../../core/return-path.ts';
import { COPIES_PER_SESSION, ENVIRONMENTS_PER_LANE } from '../../core/smtp/limits.ts';
import type { Route } from '../../io/mx.ts';
import type { Sent, Session } from '../../io/smtp.ts';
import type { Run } from './deliver.ts';
import type { Letter } from './letter.ts';
import { fail, postpone, settle } from './settle.ts';
import type { Task } from './take.ts';

/** One copy on its way. `retried`: its session was found dead before it could be named; it has one more try. */
export type Item = { task: Task; copy: Copy; retried?: true };

/** A site, and what its workers know together. */
export type Site = {
  name: string;
  provider: string;
  hosts: string[];
  queue: Item[];
  workers: number;
  /** Milliseconds of the run at which its first session was begun. */
  startedAt?: number;
  /** Messages that had their answer, or never will. */
  sent: number;
  opening: number;
  live: number;
  /** Sessions in a row that broke without an answer to any message. */
  barren: number;
  down: Map<string, Failure>;
};

/** Addresses of one host that are tried. */
const ADDRESSES = 2;
/** Sessions in a row that break without answering one message: then the site is not in a state to take any. */
const BARREN_SESSIONS = 5;
const BROKEN: Failure = { ok: false, stage: 'connect', error: 'it breaks off session after session', afterDot: false };
const SILENT: Failure = {
  ok: false,
  stage: 'connect',
  error: 'it keeps us waiting and then breaks off',
  afterDot: false,
};
/** Milliseconds that one message takes of a session, on average, at a site that others do not wait for. */
const SLOW_MESSAGE = 5_000;

export function openSite({ site: name, provider, hosts }: Extract<Route, { kind: 'site' }>): Site {
  const counts = { workers: 0, sent: 0, opening: 0, live: 0, barren: 0 };
  return { name, provider, hosts, queue: [], ...counts, down: new Map() };
}

/** Adds copies to a site's queue, with the workers they are worth. Resolves when those have nothing left to do. */
export async function deliverToSite(site: Site, items: Item[], run: Run): Promise<void> {
  site.queue.push(...items);
  const limit = Math.max(1, Math.floor(run.deps.settings.connectionsPerSite / ENVIRONMENTS_PER_LANE));
  const wanted = Math.min(limit, Math.ceil(site.queue.length / COPIES_PER_SESSION));
  await Promise.all(Array.from({ length: Math.max(0, wanted - site.workers) }, () => employ(site, run)));
}

async function employ(site: Site, run: Run): Promise<void> {
  site.workers++;
  try {
    // The last one also takes what was added while it was ending.
    do await work(site, run);
    while (site.workers === 1 && site.queue.length > 0);
  } finally {
    site.workers--;
  }
}

async function work(site: Site, run: Run): Promise<void> {
  while (site.queue.length > 0) {
    await run.sessions.enter();
    try {
      if (site.queue.length === 0) return;
      if (!mayBegin(site, run)) return putOffAll(site, run);
      site.startedAt ??= run.elapsed();
      site.opening++;
      const opened = await open(site, run).finally(() => site.opening--);
      if (!opened.ok) {
        // Another worker may still have, or get, a session: the host may only have had enough of them.
        if (site.live + site.opening === 0) await deferAll(site, opened, run);
        return;
      }
      site.live++;
      const broken = await serve(opened.session, site, run).finally(() => site.live--);
      await opened.session.quit();
      if (broken && opened.session.accepted() === 0) site.barren++;
      if (broken && site.barren >= BARREN_SESSIONS) return deferAll(site, BROKEN, run);
    } finally {
      run.sessions.leave();
    }
  }
}

/** Whether there is time for another message to this site: not when only slow sites keep the run, and with it the lane. */
function mayBegin(site: Site, run: Run): boolean {
  if (!run.hasTime()) return false;
  if (!run.isLate() || !isSlow(site, run)) return true;
  // A site that has not begun waits for a session: one of ours, perhaps.
  return run.sites().some((other) => other.workers > 0 && other.startedAt !== undefined && !isSlow(other, run));
}

/** Counts what is under way as done: a session has had its fair time only after one message more. */
function isSlow({ startedAt, workers, sent }: Site, { elapsed }: Run): boolean {
  return startedAt !== undefined && (elapsed() - startedAt) * workers > SLOW_MESSAGE * (sent + workers);
}

/** A session with the first host that greets us. */
async function open(site: Site, run: Run): Promise<{ ok: true; session: Session } | Failure> {
  const { deps, waits, remaining } = run;
  const { smtpPort: port, ehloName, localAddress } = deps.settings;
  let failure: Failure = { ok: false, stage: 'dns', error: 'no host', afterDot: false };
  for (const host of site.hosts) {
    if (!mayBegin(site, run)) return failure;
    const { addresses, error } = await deps.resolveHost(host);
    if (addresses.length === 0) failure = { ok: false, stage: 'dns', error: `${host}: ${error}`, afterDot: false };
    for (const address of addresses.slice(0, ADDRESSES)) {
      const known = site.down.get(address);
      if (known) {
        failure = known;
        continue;
      }
      if (!mayBegin(site, run)) return failure;
      const opened = await deps.openSession({
        host,
        address,
        port,
        ehloName,
        waits,
        remaining,
        ...(localAddress === undefined ? {} : { localAddress }),
      });
      if (opened.ok) return opened;
      failure = opened;
      if (site.live === 0) site.down.set(address, opened);
    }
  }
  return failure;
}

/** Sends over one session until it is used up. True: it broke, and not because of a recipient. */
async function serve(session: Session, site: Site, run: Run): Promise<boolean> {
  const { settings, returnPathSecret: secret } = run.deps;
  for (let n = 0; n < settings.messagesPerConnection && session.usable(); n++) {
    if (!mayBegin(site, run)) {
      await putOffAll(site, run);
      return false;
    }
    const item = site.queue.shift();
    if (!item) return false;
    const { task, copy } = item;
    const loan = await borrowLetter(item, run);
    if (!loan) continue;
    const { letter, giveBack } = loan;
    if (letter.dropped !== undefined) {
      giveBack();
      await settle(item, { dropped: letter.dropped, site }, run);
      continue;
    }
    if (!session.usable() && !item.retried) {
      // It went while the message waited for room.
      giveBack();
      site.queue.unshift({ ...item, retried: true });
      return false;
    }
    const { requestId } = task.job;
    const from = makeReturnPath({ requestId, index: copy.index, secret, domain: letter.returnPathDomain });
    const { octets, eightBit } = letter;
    const sent = await session.send({ from, to: copy.address, octets, eightBit }).finally(giveBack);
    if (!sent.ok && 'postponed' in sent) {
      postpone(item, site, run);
      continue;
    }
    if (isStale(sent, n) && !item.retried) {
      site.queue.unshift({ ...item, retried: true });
      return false;
    }
    site.sent++;
    const answered = sent.reply !== undefined && sent.reply.code !== 421;
    if (answered) site.barren = 0;
    await settle(item, { attempt: sent, site, session }, run);
    if (!session.usable()) return !answered;
  }
  return false;
}

/** The message of a copy. One that cannot be made must not stop the others of the batch. */
async function borrowLetter(item: Item, run: Run): Promise<{ letter: Letter; giveBack: () => void } | undefined> {
  try {
    return await run.letters.borrow(item.task, item.copy);
  } catch (error) {
    fail(item, `its message cannot be made: ${(error as Error).message}`, run);
    return undefined;
  }
}

/** A session that was open a while may be gone, or full, before the next message is named: no fault of that message. */
function isStale(sent: Exclude<Sent, { postponed: true }>, before: number): boolean {
  if (sent.ok || before === 0 || sent.afterDot || sent.stage !== 'mail') return false;
  return sent.reply === undefined || sent.reply.code === 421;
}

/** @param failure of the site: no reply to a message, which says nothing of the others */
async function deferAll(site: Site, failure: Failure, run: Run): Promise<void> {
  if (failure.error === 'no host' && !mayBegin(site, run)) return postponeAll(site, run);
  for (const item of site.queue.splice(0)) await settle(item, { attempt: failure, site }, run);
}

/** What there is no time for is not attempted; but a site that let us wait for nothing has had its attempt. */
async function putOffAll(site: Site, run: Run): Promise<void> {
  if (site.barren > 0 && run.hasTime()) await deferAll(site, SILENT, run);
  else postponeAll(site, run);
}

function postponeAll(site: Site, run: Run): void {
  for (const item of site.queue.splice(0)) postpone(item, site, run);
}
