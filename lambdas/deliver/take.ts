/**
 * Taking a job from the lane: read it, claim it where it may be at work twice, leave out the copies that are final, and get
 * what its messages are made of. Whatever fails here fails before anything was sent, and the job is handed back whole; but
 * one that must wait for its twin is held for some minutes, since the queue would show it again only much later, and count.
 */
import { domainOf } from '../../core/domain.ts';
import { ERASED } from '../../core/erased-address.ts';
import { dueOf, isLoop, type Job } from '../../core/job.ts';
import type { Content, Copy, Personalization } from '../../core/mail.ts';
import { visitName } from '../../core/parts.ts';
import { type RawMessage, readRaw } from '../../core/raw/compose.ts';
import { applyTemplate } from '../../core/raw/template.ts';
import type { ListEntry } from '../../core/records/suppressions.ts';
import type { Classification } from '../../core/shaping/rule.ts';
import type { DropReason } from '../../core/suppression.ts';
import { applyLegacy } from '../../core/template/mail.ts';
import type { SigningDomain } from '../../io/domains.ts';
import type { Claim } from './claims.ts';
import type { DeliverDeps, EnforcedTls, Run } from './deliver.ts';
import { hold, leaveForLater, NO_TURN } from './holding.ts';
import type { Kept } from './letter.ts';
import { brake } from './paused.ts';
import type { Place } from './record.ts';
import { findBounced, findSuppressed, readListed } from './suppressed.ts';
import type { LoadedTemplate } from './templates.ts';
import { readTaskTracking, type TaskTracking } from './tracking.ts';

/** A message of the lane's queue. `receipt`: what it is removed or hidden by. */
export type LaneMessage = { messageId: string; body: string; receiveCount: number; receipt?: string };
/** One whose job was read: with its body, all that waits here would be in memory twice. */
export type ReadMessage = Omit<LaneMessage, 'body'>;

type SendingDomain = SigningDomain;

/** A copy that was put off, and what is known of its attempt. */
export type PutOff = {
  copy: Copy;
  reply: string;
  status?: string;
  classification?: Classification;
  rule?: string;
  place: Place;
  doubted: boolean;
  /** The way of its next attempt, where that is another (core/via.ts). */
  via?: string;
};

/** A copy that was not begun. `turn`: when it may be, and under which cut of its site's limits that was said. */
export type Postponed = { copy: Copy; turn: { due: number; under: number } | undefined; notBefore: number };

/** A job at work. */
export type Task = {
  /** Names this visit of the job, in the ids of what it is split into. */
  visit: string;
  message: ReadMessage;
  job: Job;
  /** The copies that are not final yet. */
  copies: Copy[];
  content: Content;
  /** What its messages are rendered from, where it has a dynamic template; legacy ones are in the content, or in the message. */
  template?: Exclude<LoadedTemplate, { kind: 'legacy' }>;
  /** The message itself, where it came as MIME. */
  mime?: RawMessage;
  personalizations: Map<number, Personalization>;
  /** By the domain of the from address; undefined: the account has no such domain any more. */
  domains: Map<string, SendingDomain | undefined>;
  enforcedTls?: EnforcedTls;
  /** What was said goes on record, however it went. */
  keepsTranscripts?: true;
  /** By the copy's index: why it is dropped. */
  suppressed: ReadonlyMap<number, DropReason>;
  /** By the copy's index: the bounce that an earlier run met, and could not record. */
  bounced: ReadonlyMap<number, ListEntry>;
  /** Why none of its copies is tried any more. */
  expired?: string;
  /** What its mail is to be tracked by; absent: it is not, and copies of one personalization are the same. */
  tracking?: TaskTracking;
  /**
   * Made messages by personalization, of tracked mail by copy, while copies of it are left and there is room; in their form of
   * seven bits, where they have one (`letter.ts`), by its complement (`~0` is -1).
   */
  letters: Map<number, Kept>;
  /** Copies left by personalization. */
  uses: Map<number, number>;
  /** Copies that may have reached their reader before this run. */
  possibleDuplicates: boolean;
  /** Copies of which an item says already that they were picked up, though this is their first attempt still. */
  pickedUp: ReadonlySet<number>;
  claim?: Claim;
  /** Copies without a verdict yet, or whose outcome is still being written. */
  open: number;
  deferred: PutOff[];
  /** Copies that were not begun. */
  postponed: Postponed[];
  /** Others were given to another lane. */
  moved: boolean;
  /** A record could not be written: the job goes back whole. */
  failed: boolean;
  /** Resolves when every copy is accounted for: false hands the job back. */
  ended: Promise<boolean>;
  end: (done: boolean) => void;
};

/** accept's resend waits for the function's timeout + 30 s, so an unmarked job that is older may have a marked twin. */
const LATE_MS = 30_000;
/** Milliseconds after which a job that was never held comes from no working lane, but from the dead-letter queue. */
const REDRIVEN_MS = 15 * 60_000;
const NONE: ReadonlySet<number> = new Set();
/** Milliseconds that a job waits for its twin: longer than any run. */
export const TWIN_WAIT = 4 * 60_000;

/**
 * Takes a job. `'done'`: every copy of it is final, or held. Another text says why the job is handed back.
 * @param seen ids of the jobs that this batch has already: the same one again waits its turn
 */
export async function takeJob(
  message: ReadMessage,
  job: Job,
  seen: Set<string>,
  run: Run,
): Promise<Task | 'done' | string> {
  const { deps } = run;
  const braked = await brake(message, job, run);
  if (braked === 'parked') return 'done';
  const redelivered = job.maybeSent === true || message.receiveCount > 1;
  const waitForTwin = (problem: string): Promise<'done' | string> =>
    hold(job, job.copies, deps.now() + TWIN_WAIT, run, redelivered).then(
      () => 'done',
      (error: Error) => `${problem}; not held: ${error.message}`,
    );
  if (seen.has(job.id)) return waitForTwin(`job ${job.id} is twice in this batch`);
  seen.add(job.id);

  const isLate = deps.now() - job.acceptedAt > LATE_MS;
  const marked = redelivered || isLate || job.attempt > 0 || job.hop > 0;
  // What goes round may do so because of its claims. It is not sent, so it needs none.
  const looping = isLoop(job, deps.now());
  const mustClaim = marked && !looping;
  const claim = mustClaim ? await run.claims.take(job) : undefined;
  if (mustClaim && !claim) return waitForTwin(`job ${job.id} is at work elsewhere`);
  try {
    const known = { marked, looping, redelivered, ...(braked === 'go' ? {} : { dropped: braked }) };
    const task = await openTask(message, job, known, run);
    if (task !== 'done' && claim) return { ...task, claim };
    await claim?.end();
    return task;
  } catch (error) {
    await claim?.end();
    throw error;
  }
}

/** What is known of a job before its records are read. `marked`: they may say something. `dropped`: why it is not to be sent. */
type Marks = { marked: boolean; looping: boolean; redelivered: boolean; dropped?: string };

/** Leaves out the copies that are final, and gets what the others are made of. */
async function openTask(
  message: ReadMessage,
  job: Job,
  { marked, looping, redelivered, dropped }: Marks,
  run: Run,
): Promise<Task | 'done'> {
  const { deps } = run;
  const { copies, pickedUp } = marked ? await readLeft(job, deps) : { copies: job.copies, pickedUp: NONE };
  if (copies.length === 0) return 'done';
  const uses = new Map<number, number>();
  for (const { personalization } of copies) uses.set(personalization, (uses.get(personalization) ?? 0) + 1);
  const [made, enforcedTls, keepsTranscripts, listed] = await Promise.all([
    readContent(job, copies, deps),
    deps.readEnforcedTls(job.account),
    deps.keepsTranscripts?.(job.account),
    readListed(job.account, copies, deps).catch((error: Error) => error),
  ]);
  if (listed instanceof Error) {
    // Nobody knows who wants no mail: it waits, unsent and not dropped.
    deps.report(`job ${job.id} waits: its recipients' suppressions were not read: ${listed.message}`);
    await leaveForLater(message, job, run);
    return 'done';
  }
  const tracking = await readTaskTracking(job.account, made, deps);
  if (looping) deps.report(`job ${job.id} has been on a lane ${job.hop} times: a loop, and it ends here`);
  const { promise: ended, resolve: end } = Promise.withResolvers<boolean>();
  run.copies.open += copies.length;
  return {
    visit: visitName(run.startedAt, run.visits.begun++),
    message,
    job,
    copies,
    ...made,
    ...(dropped === undefined ? {} : { content: { ...made.content, dropped } }),
    ...(enforcedTls ? { enforcedTls } : {}),
    ...(keepsTranscripts ? { keepsTranscripts } : {}),
    suppressed: findSuppressed(copies, made.content, listed, deps),
    bounced: findBounced(job.requestId, copies, listed),
    ...(looping ? { expired: NO_TURN } : {}),
    ...(tracking ? { tracking } : {}),
    letters: new Map(),
    uses,
    pickedUp,
    possibleDuplicates: redelivered || (job.hop === 0 && deps.now() - dueOf(job) > REDRIVEN_MS),
    open: copies.length,
    deferred: [],
    postponed: [],
    moved: false,
    failed: false,
    ended,
    end,
  };
}

/** What is left of a job: its copies that are not final. */
async function readLeft(job: Job, deps: DeliverDeps): Promise<{ copies: Copy[]; pickedUp: ReadonlySet<number> }> {
  const { account, requestId, attempt } = job;
  const indexes = job.copies.map(({ index }) => index);
  const final = await deps.readOutcomes(account, requestId, indexes);
  const copies = job.copies.filter(({ index }) => !final.has(index));
  if (copies.length === 0 || attempt > 0) return { copies, pickedUp: NONE };
  // A run that died between an attempt's record and its hold: the attempt comes again, its news must not.
  const left = copies.map(({ index }) => index);
  return { copies, pickedUp: await deps.readPickedUp(account, requestId, left) };
}

async function readContent(job: Job, copies: Copy[], deps: DeliverDeps) {
  const stored = job.contentKey === undefined ? undefined : await deps.readContent(job.contentKey);
  const content = job.content ?? stored?.content;
  if (!content) throw new Error(`job ${job.id} has no content`);
  const wanted = new Set(copies.map(({ personalization }) => personalization));
  const personalizations = new Map<number, Personalization>();
  for (const one of job.personalizations) {
    const whole = 'stored' in one ? stored?.personalizations.find(({ index }) => index === one.index) : one;
    if (whole && wanted.has(one.index)) personalizations.set(one.index, whole);
  }
  const domains = new Map<string, SendingDomain | undefined>();
  for (const index of wanted) {
    const personalization = personalizations.get(index);
    if (!personalization) throw new Error(`job ${job.id} lacks personalization ${index}`);
    const { email } = personalization.from ?? content.from;
    const domain = domainOf(email);
    if (domains.has(domain)) continue;
    domains.set(domain, await deps.readDomain(job.account, domain, email));
  }
  const octets = content.mime && (await octetsOf(content.mime, deps));
  // Emptied since, with all else that there was of its readers.
  if (octets?.length === 0) return { personalizations, domains, content: { ...content, dropped: ERASED } };
  const mime = octets && readRaw(octets);
  const template = await deps.readTemplate(job.account, content);
  const made = { personalizations, domains, ...(mime ? { mime } : {}) };
  if (template?.kind !== 'legacy') return { ...made, content, ...(template ? { template } : {}) };
  if (!mime) return { ...made, content: applyLegacy(content, template.text) };
  const templated = applyTemplate(mime, template.text);
  if ('refused' in templated)
    return { ...made, content, template: { kind: 'broken' as const, reason: templated.refused } };
  return { ...made, content, mime: templated };
}

async function octetsOf(mime: NonNullable<Content['mime']>, deps: DeliverDeps): Promise<Buffer> {
  return 'key' in mime ? deps.readMime(mime.key) : Buffer.from(mime.octets, 'latin1');
}
