/**
 * The sessions of a site. Each worker opens one, sends message after message over it, and opens the next when that one is
 * used up. The next host is tried only while none could be greeted; when no session can be had, what is left of the queue
 * is deferred with that reason. What there is no time for is put off, not attempted.
 * What one recipient was told is never passed on to another: a copy has its own reply, or the site's failure in our words.
 */

import { copyField } from '../../core/copy-header.ts';
import { domainOf } from '../../core/domain.ts';
import type { Failure } from '../../core/outcome.ts';
import { makeReturnPath } from '../../core/return-path.ts';
import type { About } from '../../core/ses.ts';
import { shareOf } from '../../core/shaping/allowance.ts';
import { ENVIRONMENTS_PER_LANE } from '../../core/smtp/limits.ts';
import { type Taken, takeOctets } from '../../io/octets.ts';
import type { Relayed, ViaSession } from '../../io/ses.ts';
import type { Sent, Session } from '../../io/smtp.ts';
import type { Run } from './deliver.ts';
import { governedBy, governorOf } from './governor.ts';
import type { Letter } from './letter.ts';
import { fail, type Judged, judgeSite, postpone, settle } from './settle.ts';
import { type Item, PACED, pushBack, putOffAll, type Scope, type Site, spentBy } from './sites.ts';

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
const NO_HOST: Failure = { ok: false, stage: 'dns', error: 'no host', afterDot: false };
/** Milliseconds that one message takes of a session, on average, at a site that others do not wait for. */
const SLOW_MESSAGE = 5_000;
const MINUTE = 60_000;
/** Messages of one session after which another site of the same scope may have its place. */
const FAIR_SHARE = 20;
/** Milliseconds for which an address that could not be greeted is left alone. */
const DOWN = 15_000;

/** Works a site's queue off, session after session, as long as it has a place. */
export async function serveSite(site: Site, run: Run): Promise<void> {
  while (site.queue.size > 0 && hasPlace(site.scope, run)) {
    await run.sessions.enter();
    spentBy(site, run);
    site.active++;
    try {
      if (site.queue.size === 0) return;
      if (!mayBegin(site, run)) return await putOffQueue(site, run);
      // A run's first connection is always let through: mail must not wait a minute for one that others had.
      if (!mayOpen(site.scope, run) && site.live + site.opening > 0) return stayAt(site);
      site.begun = true;
      site.opening++;
      const begun = beginAt(site.scope, run);
      const opened = await open(site, run).finally(() => site.opening--);
      if (!opened.ok) {
        const verdict = judgeSite(opened, site, run);
        heed(verdict, site, undefined, begun, run);
        // Another worker may still have, or get, a session: the host may only have had enough of them.
        if (site.live + site.opening > 0) stayAt(site);
        else if (verdict.act) await deferFirst(site, opened, run);
        else await deferAll(site, opened, run);
        return;
      }
      site.live++;
      const broken = await serve(opened.session, site, run).finally(() => site.live--);
      await opened.session.quit();
      if (broken && opened.session.accepted() === 0) site.barren++;
      if (broken && site.barren >= BARREN_SESSIONS) return await deferAll(site, BROKEN, run);
      if (othersWait(site)) return;
    } finally {
      spentBy(site, run);
      site.active--;
      run.sessions.leave();
    }
  }
}

/** The host lets us have no more sessions than these. */
function stayAt(site: Site): void {
  site.most = Math.max(1, site.live + site.opening);
}

/** Whether another site of the scope has mail and no session: they take turns. */
function othersWait(site: Site): boolean {
  for (const other of site.scope.sites) if (other !== site && other.workers === 0 && other.queue.size > 0) return true;
  return false;
}

/** Whether this worker is still within its scope's limit, itself counted. */
function hasPlace(scope: Scope, run: Run): boolean {
  const { connections } = run.deps.allowances.allowed(scope.name, scope.limits);
  const share = shareOf(connections, ENVIRONMENTS_PER_LANE);
  if (share > 0) return scope.workers <= share;
  return connections > 0 && scope.lease === 'taken' && scope.workers <= 1;
}

/** Whether another connection may be opened within this minute. */
function mayOpen({ name, limits }: Scope, run: Run): boolean {
  const { connectionsPerMinute } = limits;
  if (connectionsPerMinute === undefined) return true;
  return run.deps.allowances.open(name, Math.max(1, shareOf(connectionsPerMinute, ENVIRONMENTS_PER_LANE)));
}

/** Whether there is time for another message to this site: not when only slow sites keep the run. */
function mayBegin(site: Site, run: Run): boolean {
  if (!run.hasTime()) return false;
  if (!run.isLate() || !isSlow(site, run)) return true;
  // A site that has not begun waits for a session: one of ours, perhaps.
  for (const other of run.sites.all()) if (other.workers > 0 && other.begun && !isSlow(other, run)) return true;
  return false;
}

/** Counts what is under way as done: a session has had its fair time only after one message more. */
function isSlow(site: Site, run: Run): boolean {
  return site.begun && spentBy(site, run) > SLOW_MESSAGE * (site.sent + site.active);
}

/** A session with the first host that greets us. */
async function open(site: Site, run: Run): Promise<{ ok: true; session: Session | ViaSession } | Failure> {
  const { deps, waits, remaining } = run;
  const { smtpPort: port, ehloName, localAddress } = deps.settings;
  const from = localAddress === undefined ? {} : { localAddress };
  if ('via' in site.route) return deps.via.open(site.route, { ehloName, waits, remaining, ...from });
  let failure = NO_HOST;
  for (const host of site.hosts) {
    if (!mayBegin(site, run)) return failure;
    const { addresses, error } = await deps.resolveHost(host);
    if (addresses.length === 0) failure = { ok: false, stage: 'dns', error: `${host}: ${error}`, afterDot: false };
    for (const address of addresses.slice(0, ADDRESSES)) {
      const known = site.down.get(address);
      if (known && run.elapsed() - known.at < DOWN) {
        failure = known.failure;
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
        tls: site.tls,
        ...from,
      });
      if (opened.ok) return opened;
      failure = opened;
      if (site.live === 0) site.down.set(address, { failure: opened, at: run.elapsed() });
    }
  }
  return failure;
}

/** Sends over one session until it is used up. True: it broke, and not because of a recipient. */
async function serve(session: Session | ViaSession, site: Site, run: Run): Promise<boolean> {
  const { scope } = site;
  const told = new Set<string>();
  for (let n = 0; n < scope.limits.messagesPerConnection && session.usable() && hasPlace(scope, run); n++) {
    if (!mayBegin(site, run)) {
      await putOffQueue(site, run);
      return false;
    }
    if (n >= FAIR_SHARE && othersWait(site)) return false;
    await keepPace(scope, run);
    const item = site.queue.shift();
    if (!item) return false;
    if (item.closed) continue;
    if (!item.governed && governorOf(item, scope, run)) {
      await run.sites.add(site.route, [item]);
      continue;
    }
    countTls(item, session, told, run);
    try {
      const ended = await sendOne(item, n, session, site, run);
      if (ended !== undefined) return ended;
    } catch (error) {
      // A mistake of ours, in which the session was left who knows where: nobody else's mail goes over it.
      fail(item, (error as Error).message, run);
      return false;
    }
  }
  return false;
}

/** Sends one copy. Undefined: go on; else the session is over, and whether it broke. */
async function sendOne(
  item: Item,
  before: number,
  session: Session | ViaSession,
  site: Site,
  run: Run,
): Promise<boolean | undefined> {
  const { task, copy } = item;
  const loan = await borrowLetter(item, site, session, run);
  if (!loan) return undefined;
  const { letter, giveBack } = loan;
  if (letter.dropped !== undefined) {
    giveBack();
    await settle(item, { dropped: letter.dropped, site }, run);
    return undefined;
  }
  if (!session.usable() && !item.retried) {
    // It went while the message waited for room.
    giveBack();
    pushBack(site, { ...item, retried: true });
    return false;
  }
  const secret = run.deps.returnPathSecret;
  const from = makeReturnPath({
    account: task.job.account,
    requestId: task.job.requestId,
    index: copy.index,
    secret,
    domain: letter.returnPathDomain,
  });
  const { eightBit } = letter;
  const field = fieldOf(from);
  const octets = [field.octets, ...letter.octets];
  const begun = beginAt(site.scope, run);
  const outgoing = { from, to: copy.address, octets, eightBit, about: aboutOf(item, run), ...eightBitBodyOf(letter) };
  const sent = await session.send(outgoing).finally(() => {
    giveBack();
    field.giveBack();
  });
  if (!sent.ok && 'postponed' in sent) {
    postpone(item, undefined, run);
    return undefined;
  }
  if (isStale(sent, before) && !item.retried) {
    pushBack(site, { ...item, retried: true });
    return false;
  }
  site.sent++;
  const answered = sent.reply !== undefined && sent.reply.code !== 421;
  if (sent.reply !== undefined) site.scope.answered++;
  if (answered) site.barren = 0;
  if (sent.ok) growBy(site.scope, item, run);
  const verdict = await settle(item, { attempt: sent, site, session }, run);
  const isOver = heed(verdict, site, item, begun, run);
  if (isOver || !session.usable()) return !answered;
  return undefined;
}

/** In a place of its own: a small buffer of Node's own lies in 64 KB with others, and a slow host would keep them all. */
function fieldOf(from: string): Taken {
  return takeOctets([Buffer.from(copyField(from))]);
}

/** Counts a session once for each domain that has mail on it, for the reports that the domain asks for (RFC 8460). */
function countTls(
  { copy, route }: Item,
  { tls, tlsFailures }: Pick<Session, 'tls' | 'tlsFailures'>,
  told: Set<string>,
  { deps }: Run,
): void {
  if (!deps.tlsCounts || !route || 'via' in route) return;
  const domain = domainOf(copy.address);
  if (told.has(domain)) return;
  told.add(domain);
  const policy = route.sts?.policy;
  const failures = [...(route.tlsFailures ?? []), ...tlsFailures];
  deps.tlsCounts.count(domain, {
    ok: policy ? tls?.verified === true : !!tls,
    failures,
    ...(policy ? { policy } : {}),
  });
}

/** What a way that is not SMTP takes with a message, to tell of it later. */
function aboutOf({ task, copy }: Item, { deps }: Run): About {
  const { account, requestId, attempt } = task.job;
  const possibleDuplicate = task.possibleDuplicates || (copy.doubts ?? 0) > 0;
  return { account, requestId, index: copy.index, attempt, lane: deps.settings.lane, possibleDuplicate };
}

/** A rate that is not slow is kept by a moment between messages: each environment takes half of it. */
async function keepPace(scope: Scope, run: Run): Promise<void> {
  const { perMinute } = run.deps.allowances.allowed(scope.name, scope.limits);
  if (perMinute === undefined || perMinute < PACED) return;
  const now = run.elapsed();
  const at = Math.max(now, scope.nextAt);
  scope.nextAt = at + (MINUTE * ENVIRONMENTS_PER_LANE) / perMinute;
  if (at > now) await new Promise((resolve) => setTimeout(resolve, at - now));
}

/** One message more that went well: limits that were cut grow back by it, its own quota's too. */
function growBy(scope: Scope, item: Item, run: Run): void {
  const { allowances } = run.deps;
  scope.successes++;
  if (allowances.of(scope.name) && allowances.grow(scope.name, scope.limits, scope.successes)) {
    scope.successes = 0;
    run.sites.staff(scope);
  }
  const governor = governorOf(item, scope, run);
  if (governor === undefined) return;
  const successes = (scope.successesOf.get(governor) ?? 0) + 1;
  scope.successesOf.set(governor, allowances.grow(governor, scope.limits, successes) ? 0 : successes);
}

/** When something was begun, and which cut of its scope was the last that it knew of: what it is told may be no news. */
type Begun = { begunAt: number; knownCutAt: number };

function beginAt({ name }: Scope, { deps }: Run): Begun {
  return { begunAt: deps.now(), knownCutAt: deps.allowances.of(name)?.cutAt ?? 0 };
}

/** Does what a reply asks for. True: this session has had its share. */
function heed(verdict: Judged, site: Site, item: Item | undefined, begun: Begun, run: Run): boolean {
  const { act, rule = '', reply } = verdict;
  if (!act) return false;
  if (act.do === 'reconnect') return true;
  const { scope } = site;
  const { allowances, settings, report } = run.deps;
  const names = act.do === 'recover' ? governedBy(scope, item, act.quotas) : [scope.name];
  let changed = false;
  for (const name of names) {
    const { begunAt, knownCutAt } = begun;
    const told = { begunAt, rule, reply, ...(name === scope.name ? { knownCutAt } : {}) };
    changed = allowances.cut(name, scope.limits, act, told) || changed;
  }
  if (!changed) return false;
  scope.successes = 0;
  if (act.do === 'pause' && act.operator) {
    run.tallies.count(site.provider, 'paused');
    report(`${settings.lane} pauses at ${scope.name} for ${act.minutes} minutes (${rule}): ${reply}`);
  }
  run.sites.staff(scope);
  return false;
}

const eightBitBodyOf = (letter: Letter) =>
  letter.dropped === undefined && letter.eightBitBody ? { eightBitBody: true } : {};

/** The message of a copy. One that cannot be made must not stop the others of the batch. */
async function borrowLetter(
  item: Item,
  { provider }: Site,
  { eightBitMime }: Pick<Session, 'eightBitMime'>,
  run: Run,
): Promise<{ letter: Letter; giveBack: () => void } | undefined> {
  try {
    return await run.letters.borrow(item.task, item.copy, provider, !eightBitMime);
  } catch (error) {
    fail(item, `its message cannot be made: ${(error as Error).message}`, run);
    return undefined;
  }
}

/** A session that was open a while may be gone, or full, before the next message is named: no fault of that message. */
function isStale(sent: Exclude<Sent, { postponed: true }> | Relayed, before: number): boolean {
  if (sent.ok || before === 0 || sent.afterDot || sent.stage !== 'mail') return false;
  return sent.reply === undefined || sent.reply.code === 421;
}

/** @param failure of the site: no reply to a message, which says nothing of the others */
async function deferAll(site: Site, failure: Failure, run: Run): Promise<void> {
  if (failure === NO_HOST && !mayBegin(site, run)) return putOffQueue(site, run);
  const told = new Set<string>();
  for (const item of site.queue.drain()) {
    if (failure.stage === 'starttls') countTls(item, { tlsFailures: failure.tlsFailures ?? [] }, told, run);
    await settle(item, { attempt: failure, site }, run);
  }
}

/** The host has had enough of us for now: one copy tells of it, the others have their turn under what was learnt. */
async function deferFirst(site: Site, failure: Failure, run: Run): Promise<void> {
  const first = site.queue.shift();
  if (first) await settle(first, { attempt: failure, site }, run);
  await putOffQueue(site, run);
}

/** What there is no time for is not attempted; but a site that let us wait for nothing has had its attempt. */
async function putOffQueue(site: Site, run: Run): Promise<void> {
  if (site.barren > 0 && run.hasTime()) return deferAll(site, SILENT, run);
  const items = site.queue.drain();
  // Where nothing was tried, nothing is known of what the site can take: only this run was short.
  if (!site.begun) for (const item of items) postpone(item, undefined, run);
  else await putOffAll(site.scope, items, run);
}
