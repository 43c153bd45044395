/**
 * The sessions of one site. A few workers share its queue: each opens a session, sends message after message over it, and
 * opens the next when that one is used up. The next host is tried only while none could be greeted; when no session can
 * be had, what is left of the queue is deferred with that reason. What there is no time for is postponed, not attempted.
 */

import type { Copy } from '../../core/mail.ts';
import type { Failure } from '../../core/outcome.ts';
import { makeReturnPath } from '../../core/return-path.ts';
import { COPIES_PER_SESSION, ENVIRONMENTS_PER_LANE } from '../../core/smtp/limits.ts';
import type { Sent, Session } from '../../io/smtp.ts';
import type { Run } from './deliver.ts';
import { type Letter, letterOf } from './letter.ts';
import { fail, postpone, settle } from './settle.ts';
import type { Task } from './take.ts';

/** One copy on its way. `retried`: its session was found dead before it could be named; it has one more try. */
export type Item = { task: Task; copy: Copy; retried?: true };
export type Site = { name: string; provider: string; hosts: string[]; queue: Item[] };

/** What the workers of a site know together. */
type State = { opening: number; live: number; barren: number; down: Map<string, Failure> };

/** Addresses of one host that are tried. */
const ADDRESSES = 2;
/** Sessions in a row that break without taking one message: then the site is not in a state to take any. */
const BARREN_SESSIONS = 5;

export async function deliverToSite(site: Site, run: Run): Promise<void> {
  const limit = Math.max(1, Math.floor(run.deps.settings.connectionsPerSite / ENVIRONMENTS_PER_LANE));
  const workers = Math.min(limit, Math.ceil(site.queue.length / COPIES_PER_SESSION));
  const state: State = { opening: 0, live: 0, barren: 0, down: new Map() };
  await Promise.all(Array.from({ length: workers }, () => work(site, state, run)));
}

async function work(site: Site, state: State, run: Run): Promise<void> {
  while (site.queue.length > 0) {
    await run.sessions.enter();
    try {
      if (site.queue.length === 0) return;
      if (!run.hasTime()) return postponeAll(site, run);
      state.opening++;
      const opened = await open(site, state, run).finally(() => state.opening--);
      if (!opened.ok) {
        // Another worker may still have, or get, a session: the host may only have had enough of them.
        if (state.live + state.opening === 0) await deferAll(site, opened, run);
        return;
      }
      state.live++;
      const failure = await serve(opened.session, site, state, run).finally(() => state.live--);
      await opened.session.quit();
      if (failure && opened.session.accepted() === 0) state.barren++;
      if (failure && state.barren >= BARREN_SESSIONS) return deferAll(site, failure, run);
    } finally {
      run.sessions.leave();
    }
  }
}

/** A session with the first host that greets us. */
async function open(site: Site, state: State, run: Run): Promise<{ ok: true; session: Session } | Failure> {
  const { deps, waits, remaining } = run;
  const { smtpPort: port, ehloName, localAddress } = deps.settings;
  let failure: Failure = { ok: false, stage: 'dns', error: 'no host', afterDot: false };
  for (const host of site.hosts) {
    const { addresses, error } = await deps.resolveHost(host);
    if (addresses.length === 0) failure = { ok: false, stage: 'dns', error: `${host}: ${error}`, afterDot: false };
    for (const address of addresses.slice(0, ADDRESSES)) {
      const known = state.down.get(address);
      if (known) {
        failure = known;
        continue;
      }
      if (!run.hasTime()) return failure;
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
      if (state.live === 0) state.down.set(address, opened);
    }
  }
  return failure;
}

/** Sends over one session until it is used up. Returns the failure that ended it, if one did. */
async function serve(session: Session, site: Site, state: State, run: Run): Promise<Failure | undefined> {
  const { settings, returnPathSecret: secret } = run.deps;
  for (let n = 0; n < settings.messagesPerConnection && session.usable(); n++) {
    const item = site.queue.shift();
    if (!item) return undefined;
    const { task, copy } = item;
    const letter = makeLetter(item, run);
    if (!letter) continue;
    if (letter.dropped !== undefined) {
      await settle(item, { dropped: letter.dropped, site }, run);
      continue;
    }
    const { requestId } = task.job;
    const from = makeReturnPath({ requestId, index: copy.index, secret, domain: letter.returnPathDomain });
    const { octets, eightBit } = letter;
    const sent = await session.send({ from, to: copy.address, octets, eightBit });
    if (sent.ok) state.barren = 0;
    if (sent.ok || !('postponed' in sent)) {
      if (isStale(sent, n) && !item.retried) {
        site.queue.unshift({ ...item, retried: true });
        return undefined;
      }
      await settle(item, { attempt: sent, site, session }, run);
      if (!session.usable() && !sent.ok) return sent;
    } else postpone(item, site, run);
  }
  return undefined;
}

/** The message of a copy. One that cannot be made must not stop the others of the batch. */
function makeLetter(item: Item, run: Run): Letter | undefined {
  try {
    return letterOf(item.task, item.copy.personalization, run.deps.settings.pool);
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

async function deferAll(site: Site, failure: Failure, run: Run): Promise<void> {
  if (!run.hasTime() && failure.error === 'no host') return postponeAll(site, run);
  for (const item of site.queue.splice(0)) await settle(item, { attempt: failure, site }, run);
}

function postponeAll(site: Site, run: Run): void {
  for (const item of site.queue.splice(0)) postpone(item, site, run);
}
