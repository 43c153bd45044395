/**
 * What becomes of a copy after its attempt: an outcome written at once, or a place among what its job puts off. The last
 * copy of a job ends it: what was put off is held (holding.ts).
 */
import { isFirstSeen } from '../../core/job.ts';
import type { Copy } from '../../core/mail.ts';
import { type Attempt, doubtAgain, expire, type Failure, type Final, judge, type Verdict } from '../../core/outcome.ts';
import type { ListEntry } from '../../core/records/suppressions.ts';
import type { Act } from '../../core/shaping/rule.ts';
import { cutTranscript } from '../../core/smtp/transcript.ts';
import type { TlsFailureType } from '../../core/tls.ts';
import type { Route } from '../../io/mx.ts';
import type { Relayed } from '../../io/ses.ts';
import type { Session } from '../../io/smtp.ts';
import type { Run } from './deliver.ts';
import { endTask } from './holding.ts';
import { type Handed, type Place, recordFinal } from './record.ts';
import type { Item, Site } from './sites.ts';
import type { Postponed, PutOff, Task } from './take.ts';

/**
 * What is known of a copy: an attempt (with or without a session), no route, a message that cannot be made, a reader who is on a
 * list, one whose list says that this copy has bounced, the end of its time.
 */
export type Known =
  | {
      attempt: Attempt | Relayed;
      site: Site;
      session?: Pick<Session, 'host' | 'address' | 'tls' | 'tlsFailures' | 'conversation'>;
    }
  | { dropped: string; site: Site }
  | { dropped: string; domain: string }
  | { bounced: ListEntry; domain: string }
  | { expired: string; domain: string }
  | { route: Exclude<Route, { kind: 'site' }>; domain: string };

/** The `status` of SendGrid's dropped events. */
const DROPPED = '5.0.0';

/** What an attempt came to, and what it asks of its site. */
export type Judged = { event: string; reply: string; rule?: string; act?: Act };

/** TLS failures that trying again will not mend. */
const LACKS_TLS: readonly TlsFailureType[] = [
  'starttls-not-supported',
  'certificate-host-mismatch',
  'certificate-expired',
  'certificate-not-trusted',
];

/** Settles a copy. Returns when its record has its turn among the writes, not when it is written. */
export async function settle(item: Item, known: Known, run: Run): Promise<Judged> {
  const { task, copy } = item;
  const where = placeOf(known);
  countPickedUp(task, where.provider, run);
  const verdict = verdictOf(task, known, run);
  const transcript = task.keepsTranscripts || verdict.event !== 'delivered' ? transcriptOf(known) : undefined;
  const place = transcript === undefined ? where : { ...where, transcript };
  if ('attempt' in known && known.attempt.reply && !('via' in known.site.route))
    run.deps.warmUp.answered(isComplaint(verdict));
  const next = verdict.event === 'doubted' ? doubtAgain(copy.doubts ?? 0) : undefined;
  if (verdict.event === 'deferred')
    putOff(item, copy, { ...verdict, doubted: false, ...failOver(known, verdict, run) }, place, run);
  else if (verdict.event !== 'doubted') await finish(item, verdict, place, run);
  else if (next && !next.final)
    putOff(item, { ...copy, doubts: next.doubts }, { ...verdict, doubted: true }, place, run);
  else await finish(item, { event: 'unknown', reply: verdict.reply }, place, run);
  return verdict;
}

/** What was said, now: the session goes on to the next message. Nothing is made of what nobody will read. */
function transcriptOf(known: Known): string | undefined {
  if (!('attempt' in known)) return undefined;
  const { attempt, session } = known;
  const lines = session?.conversation?.() ?? ('said' in attempt ? attempt.said : undefined);
  return lines && lines.length > 0 ? cutTranscript(lines) : undefined;
}

/** Whether a reply says that we send too much, or are not trusted: what a warm-up must slow down for. */
function isComplaint(verdict: Verdict | Final | Handed): boolean {
  const classification = 'classification' in verdict ? verdict.classification : undefined;
  return classification === 'Reputation' || classification === 'Frequency or Volume Too High';
}

/** The way of the next attempt, where the pool has another for what is refused because of our address. */
function failOver(known: Known, { act }: { act?: Act }, { deps }: Run): { via?: string } {
  if (!('attempt' in known) || known.attempt.ok || !known.attempt.reply || 'via' in known.site.route) return {};
  const via = deps.failOver({ via: { kind: 'direct' }, code: known.attempt.reply.code, act });
  return via === undefined ? {} : { via };
}

/** What a site's failure asks of it, before any copy was named. */
export function judgeSite(failure: Failure, { provider }: Site, { deps }: Run): Judged {
  return judge(failure, deps.shaping, provider);
}

/**
 * Leaves a copy for a later run: it was not attempted, so nothing is recorded and no attempt is burnt.
 * @param turn when (milliseconds since the epoch), and under which cut it was given; undefined: soon, and later each time
 * @param notBefore of one that has no turn: milliseconds since the epoch
 */
export function postpone(item: Item, turn: Postponed['turn'], run: Run, notBefore = 0): void {
  const { task, copy } = item;
  if (item.closed) return;
  countPickedUp(task, 'other', run);
  // What has no turn asks the warm-up's budget again.
  if (!turn && notBefore === 0 && task.job.attempt === 0 && task.job.reserved === undefined) giveBack(item, run);
  task.postponed.push({ copy, turn, notBefore });
  close(item, run);
}

function giveBack({ route }: Item, { deps }: Run): void {
  if (route && !('via' in route)) deps.warmUp.giveBack(1);
}

/** Leaves a copy to another lane, which has it by now. */
export function leave(item: Item, run: Run): void {
  countPickedUp(item.task, 'other', run);
  close(item, run);
}

/** Hands a copy's job back: its message could not even be made, which is a fault of ours. */
export function fail(item: Item, problem: string, run: Run): void {
  const { task } = item;
  if (item.closed) return;
  if (!task.failed) run.deps.report(`job ${task.job.id}: ${problem}`);
  task.failed = true;
  close(item, run);
}

/** `accepted` counts a copy when a lane has it for the first time. */
function countPickedUp({ job, message }: Task, provider: string, run: Run): void {
  if (isFirstSeen(job) && message.receiveCount === 1) run.tallies.count(provider, 'accepted');
}

function verdictOf(task: Task, known: Known, { deps }: Run): Verdict | Final | Handed {
  if ('dropped' in known)
    return { event: 'dropped', reply: known.dropped, ...('domain' in known ? { status: DROPPED } : {}) };
  if ('attempt' in known && 'relayed' in known.attempt) {
    const { reply, relayId } = known.attempt;
    return { event: 'relayed', reply: reply.text, relayId };
  }
  if ('attempt' in known)
    return refuseWithoutTls(task, known.attempt) ?? judge(known.attempt, deps.shaping, known.site.provider);
  if ('expired' in known) return expire(known.expired);
  if ('bounced' in known) {
    const { reason = '', status, classification } = known.bounced;
    return {
      event: 'bounced',
      type: 'bounce',
      reply: reason,
      ...(status === undefined ? {} : { status }),
      ...(classification === undefined ? {} : { classification }),
    };
  }
  const { route } = known;
  if (route.kind === 'deferred') return { event: 'deferred', reply: route.reply, classification: 'Technical Failure' };
  return { event: 'bounced', type: route.type, reply: route.reply, status: route.status };
}

/** An account that enforces TLS is told at once where there is none to be had (SendGrid: "TLS required but not supported"). */
function refuseWithoutTls({ enforcedTls }: Task, attempt: Attempt): Final | undefined {
  if (!enforcedTls?.requireTls || attempt.ok || attempt.stage !== 'starttls') return undefined;
  if (!attempt.tlsFailures?.some(({ type }) => LACKS_TLS.includes(type))) return undefined;
  const reply = `TLS required but not supported: ${attempt.error ?? attempt.reply?.text ?? ''}`;
  return { event: 'bounced', type: 'blocked', reply, status: '5.7.10', classification: 'Technical Failure' };
}

function placeOf(known: Known): Place {
  if ('domain' in known) return { site: known.domain, provider: 'other' };
  const { name: site, provider } = known.site;
  const way = 'via' in known.site.route ? { via: true as const } : {};
  const session = 'session' in known ? known.session : undefined;
  if (!session) return { site, provider, ...way };
  const { host, address, tls, tlsFailures } = session;
  const failure = tlsFailures[0];
  const without = failure && failure.type !== 'starttls-not-supported' ? `none (${failure.reason})` : undefined;
  const told = tls ? `${tls.protocol} ${tls.cipher}` : without;
  return {
    site,
    provider,
    ...way,
    mx: `${host} [${address}]`,
    ...(told === undefined ? {} : { tls: told }),
    ...(tls?.certError === undefined ? {} : { certError: tls.certError }),
  };
}

function putOff(
  item: Item,
  copy: Copy,
  { reply, status, doubted, classification, rule, via }: Omit<PutOff, 'copy' | 'place'>,
  place: Place,
  run: Run,
): void {
  run.tallies.count(place.provider, doubted ? 'doubted' : 'deferred');
  item.task.deferred.push({
    copy,
    reply,
    doubted,
    place,
    ...(status === undefined ? {} : { status }),
    ...(classification === undefined ? {} : { classification }),
    ...(rule === undefined ? {} : { rule }),
    ...(via === undefined ? {} : { via }),
  });
  close(item, run);
}

/** Writes an outcome, in its turn. */
async function finish(item: Item, final: Final | Handed, place: Place, run: Run): Promise<void> {
  const { task, copy } = item;
  await run.writes.enter();
  void recordFinal(task, copy, final, place, run).finally(() => {
    run.writes.leave();
    close(item, run);
  });
}

/** One copy less is open, and once only; the last one ends the job. */
function close(item: Item, run: Run): void {
  if (item.closed) return;
  item.closed = true;
  const { task, copy } = item;
  run.letters.release(task, copy);
  task.open--;
  run.copies.open--;
  if (task.open > 0) return;
  endTask(task, run).then(task.end, (error: Error) => {
    run.deps.report(`job ${task.job.id}: ${error.message}`);
    task.end(false);
  });
}
