/**
 * Mail to a reader: what waits, its records, and what is stored of it. Whatever others wait for goes on without him; only octets that
 * name him and that others wait for are left until they have them.
 */
import { blankJob, blankRequest, emptyRequest, mentions } from '../../core/erasure/stored.ts';
import { requestIdTime } from '../../core/ids.ts';
import { type Job, type StoredRequest, waitingFrom } from '../../core/job.ts';
import { DAY_SECONDS } from '../../core/limits.ts';
import type { ReturnedMailRecord } from '../../core/records/erasure.ts';
import type { Expansion, Hold } from '../../core/records/holds.ts';
import type { RequestRecord } from '../../core/records/messages.ts';
import type { Scanned } from '../../io/erased-items.ts';
import type { ErasedCopy, FoundCopies, NamedCopy } from '../../io/erased-records.ts';
import type { Work } from './erase.ts';

export type MailDeps = {
  /** Milliseconds since the epoch. */
  now: () => number;
  /** Days that stored requests are kept, but for those that are sent much later. */
  contentDays: number;
  scanHolds: (account: string, from: string | undefined) => Promise<Scanned<Hold>>;
  replaceHold: (hold: Hold) => Promise<void>;
  removeHold: (hold: Hold) => Promise<void>;
  findByRecipient: (account: string, address: string) => AsyncIterable<FoundCopies>;
  findErasedBy: (account: string, id: string, after?: string) => AsyncIterable<FoundCopies>;
  eraseCopy: (account: string, id: string, copy: NamedCopy, now: number) => Promise<ErasedCopy>;
  forgetMail: (mail: ReturnedMailRecord) => Promise<void>;
  readRequest: (account: string, requestId: string) => Promise<RequestRecord | undefined>;
  eraseRequest: (account: string, requestId: string, whole: boolean) => Promise<void>;
  countFinal: (account: string, requestId: string) => Promise<number>;
  listStored: (account: string, requestId: string) => Promise<string[]>;
  readStored: (key: string) => Promise<Buffer | undefined>;
  writeStored: (key: string, body: Buffer) => Promise<void>;
  removeInbound: (key: string) => Promise<void>;
};

/** Requests, or what waits, that are worked on at once. */
const AT_ONCE = 6;
/** Milliseconds for which whoever reads a mail that came in may still read it. */
const READ_MS = 3_600_000;

/** What waits: all of it is looked through, wherever it waits. */
export async function eraseHolds(work: Work, deps: MailDeps): Promise<boolean> {
  const { job, account } = work;
  do {
    const { items, from } = await deps.scanHolds(account, job.from);
    const waiting = items.filter((hold) => waitsWithMail(hold, work));
    const isThrough = await inTurns(waiting, work, (hold) =>
      hold.kind === 'job' ? eraseHeldJob(hold, work, deps) : eraseScheduled(hold, work, deps),
    );
    if (!isThrough) return false;
    if (from === undefined) return true;
    job.from = from;
    // Most of what is looked through is others', and nothing is lost with it.
    if (waiting.length > 0) await work.save();
  } while (work.mayGoOn());
  return false;
}

type HeldJob = Hold & { kind: 'job'; job: Job };
type Scheduled = Hold & { kind: 'request'; expansion: Expansion };

function waitsWithMail(hold: Hold, work: Work): hold is HeldJob | Scheduled {
  if (hold.kind === 'job') return isBefore(hold.job.requestId, work);
  return hold.kind === 'request' && isBefore(hold.expansion.requestId, work);
}

/** Mail that was accepted after the job is none of its business. */
const isBefore = (requestId: string, { job }: Work): boolean => requestIdTime(requestId) <= job.createdAt;

async function eraseHeldJob(hold: HeldJob, work: Work, deps: MailDeps): Promise<void> {
  const { job, erased } = blankJob(hold.job, work.isReader);
  if (erased.length > 0) {
    const indexes = erased.map(({ index }) => index);
    await eraseMail({ requestId: hold.job.requestId, indexes }, work, deps);
  }
  if (!job) return deps.removeHold(hold);
  if (job !== hold.job) await deps.replaceHold({ ...hold, copies: job.copies.length, job });
  // A message that came as MIME names all that it was addressed to.
  const { mime } = job.content ?? {};
  if (mime && 'octets' in mime && mentions(mime.octets, work.isReader)) work.job.left++;
}

async function eraseScheduled(hold: Scheduled, work: Work, deps: MailDeps): Promise<void> {
  const { requestId, contentKey, fromTurn = 0 } = hold.expansion;
  const body = await deps.readStored(contentKey);
  if (!body) return;
  const stored = JSON.parse(body.toString()) as StoredRequest;
  const { request, erased } = blankRequest(stored, work.isReader);
  if (erased.length > 0) {
    const indexes = erased.map(({ index }) => index);
    await eraseMail({ requestId, indexes, contentKey }, work, deps);
  }
  // Also where a run died between the two.
  const waiting = waitingFrom(request, fromTurn);
  const { copies, samples, ...rest } = hold;
  if (waiting.copies === 0) await deps.removeHold(hold);
  else if (waiting.copies !== copies || waiting.samples !== samples) await deps.replaceHold({ ...rest, ...waiting });
}

/** What became of mail, found by who it was to. */
export async function eraseRecords(work: Work, deps: MailDeps): Promise<boolean> {
  const { job, account, addresses } = work;
  for (let n = Number(job.from ?? 0); n < addresses.length; n++) {
    for await (const { copies } of deps.findByRecipient(account, addresses[n]!))
      if (!(await eraseFound(copies, work, deps))) return false;
    job.from = String(n + 1);
    // Counts that are lost with a run are the worst of it.
    if (n % 100 === 99) await work.save();
    if (!work.mayGoOn()) return false;
  }
  return true;
}

/** What was written of such mail since, and what a run that died has not come to: found by the job itself. */
export async function eraseLate(work: Work, deps: MailDeps): Promise<boolean> {
  const { account, job } = work;
  for await (const { copies, from } of deps.findErasedBy(account, job.id, job.from)) {
    if (!(await eraseFound(copies, work, deps))) return false;
    if (from === undefined) break;
    job.from = from;
    await work.save();
  }
  return true;
}

async function eraseFound(copies: readonly NamedCopy[], work: Work, deps: MailDeps): Promise<boolean> {
  const requests = [...Map.groupBy(copies, ({ requestId }) => requestId)].filter(([requestId]) =>
    isBefore(requestId, work),
  );
  return inTurns(requests, work, ([requestId, his]) =>
    eraseMail({ requestId, indexes: [...new Set(his.map(({ index }) => index))] }, work, deps),
  );
}

/** Some at once. False: time was up before all were through. */
async function inTurns<T>(all: readonly T[], { mayGoOn }: Work, act: (one: T) => Promise<void>): Promise<boolean> {
  let next = 0;
  const work = async () => {
    while (next < all.length && mayGoOn()) await act(all[next++]!);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, all.length) }, work));
  return next === all.length;
}

type Mail = { requestId: string; indexes: readonly number[]; contentKey?: string };

async function eraseMail({ requestId, indexes, contentKey }: Mail, work: Work, deps: MailDeps): Promise<void> {
  const { account, job } = work;
  const now = deps.now();
  for (const index of indexes) {
    const { erased, waited, mails } = await deps.eraseCopy(account, job.id, { requestId, index }, now);
    work.count('messages', Number(erased));
    work.count('waiting', Number(waited));
    for (const mail of mails) await eraseReturned(mail, work, deps);
  }
  const record = await deps.readRequest(account, requestId);
  const whole = record !== undefined && (record.copies <= indexes.length || (isToOne(record) && indexes.includes(0)));
  if (record) {
    // A request's record has the subject of its first message.
    const names = whole ? record.from !== '' : indexes.includes(0) && record.subject !== undefined;
    if (names) await deps.eraseRequest(account, requestId, whole);
  }
  const key = contentKey ?? record?.contentKey;
  if (work.seen.has(requestId)) return;
  work.seen.add(requestId);
  await eraseStored(requestId, { record, key, whole }, work, deps);
}

/** Whether a request is to one reader, whatever copies the account has added; also after its record was emptied. */
const isToOne = ({ copies, recipient, from }: RequestRecord): boolean =>
  copies === 1 || recipient !== undefined || from === '';

async function eraseReturned(mail: ReturnedMailRecord, work: Work, deps: MailDeps): Promise<void> {
  if (deps.now() - mail.at < READ_MS) {
    work.job.left++;
    return;
  }
  await deps.removeInbound(mail.mailKey);
  await deps.forgetMail(mail);
  work.count('inbound_mail', 1);
}

/** `key`: of the stored request, where that is not where others are. `whole`: it was to nobody else. */
type Stored = { record: RequestRecord | undefined; key: string | undefined; whole: boolean };

async function eraseStored(
  requestId: string,
  { record, key, whole }: Stored,
  work: Work,
  deps: MailDeps,
): Promise<void> {
  const { account, job } = work;
  const isOld = deps.now() - requestIdTime(requestId) > (deps.contentDays + 2) * DAY_SECONDS * 1_000;
  const listed = isOld ? [] : await deps.listStored(account, requestId);
  let final: boolean | undefined;
  /** Whether nobody waits for it any more. */
  const isFinal = async () =>
    (final ??= record === undefined || (await deps.countFinal(account, requestId)) >= record.copies);
  for (const one of new Set(key === undefined ? listed : [...listed, key])) {
    const body = await deps.readStored(one);
    if (!body || body.length === 0) continue;
    const { next, left } = one.endsWith('.json')
      ? await withoutReaders(body, isFinal, work)
      : await withoutOctets(body, whole, isFinal, work);
    if (left) job.left++;
    if (!next) continue;
    await deps.writeStored(one, next);
    work.count('stored_requests', 1);
  }
}

/** `next`: what it becomes; undefined: it stays. `left`: it names him still, and others wait for it. */
type Rewritten = { next?: Buffer; left?: true };

async function withoutReaders(body: Buffer, isFinal: () => Promise<boolean>, { isReader }: Work): Promise<Rewritten> {
  const stored = JSON.parse(body.toString()) as StoredRequest;
  const { request, changed, empty } = blankRequest(stored, isReader);
  const text = Buffer.from(JSON.stringify(request));
  if (!empty && mentions(text.toString(), isReader))
    return (await isFinal())
      ? { next: Buffer.from(JSON.stringify(emptyRequest(stored))) }
      : { left: true, ...(changed ? { next: text } : {}) };
  return changed ? { next: text } : {};
}

/** A message that came as MIME: octets that nobody can take one reader out of. */
async function withoutOctets(
  body: Buffer,
  whole: boolean,
  isFinal: () => Promise<boolean>,
  { isReader }: Work,
): Promise<Rewritten> {
  if (!whole && !mentions(body.toString('latin1'), isReader)) return {};
  return (await isFinal()) ? { next: Buffer.alloc(0) } : { left: true };
}
