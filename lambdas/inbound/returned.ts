/**
 * What came back about a copy: a bounce or a complaint goes to the copy's record and to the account's lists. A delay, a receipt
 * and an answering machine say nothing about an address, so nothing is written of them.
 */
import type { TokenSecret } from '../../core/address-token.ts';
import { isSampleCopy } from '../../core/copies.ts';
import { domainOf } from '../../core/domain.ts';
import { requestIdTime } from '../../core/ids.ts';
import { type Forwarding, forwardHold } from '../../core/inbound/forward.ts';
import { matchReport } from '../../core/inbound/match.ts';
import type { InboundMessage } from '../../core/inbound/message.ts';
import type { InboundRecipient } from '../../core/inbound/recipient.ts';
import { DAY_SECONDS } from '../../core/limits.ts';
import type { ReturnedMailRecord } from '../../core/records/erasure.ts';
import type { Hold } from '../../core/records/holds.ts';
import type { ForwardRecord } from '../../core/records/inbound.ts';
import { type LateRecord, lateKey, returnedMailKey } from '../../core/records/messages.ts';
import type { ListName } from '../../core/records/suppressions.ts';
import type { Complaint, DeliveryReport, Report, ReportedRecipient } from '../../core/report/report.ts';
import { type ReturnPath, readReturnPath } from '../../core/return-path.ts';
import { listOfBounce, type Suppressing } from '../../core/suppression.ts';
import type { KnownCopy } from '../../io/messages.ts';

export type CopyDeps = {
  /** Milliseconds since the epoch. */
  now: () => number;
  /** Days that records are kept. */
  messagesDays: number;
  readCopy: (account: string, requestId: string, index: number) => Promise<KnownCopy | 'erased' | undefined>;
  /** Writes where a mail lies that came back about a copy. */
  recordReturnedMail: (record: ReturnedMailRecord) => Promise<void>;
  /** Puts an address on a list; false: it was there. */
  suppress: (one: Suppressing) => Promise<boolean>;
};

export type ReturnedDeps = CopyDeps & {
  readReport: (raw: Buffer, mailFrom: string) => Report;
  /** Writes what came after a copy's outcome; false: it stood there. */
  recordLate: (record: LateRecord) => Promise<boolean>;
  readForward: (account: string, which: 'forward_bounce' | 'forward_spam') => Promise<ForwardRecord | undefined>;
  hold: (hold: Hold) => Promise<void>;
};

/** What there is to write of a copy. */
type Word = {
  event: LateRecord['event'];
  reply: string;
  list: ListName | undefined;
  ip?: string;
} & Partial<Pick<LateRecord, 'status' | 'type' | 'classification' | 'rule' | 'mx'>>;

/** A copy whose outcome is still to be written: a bounce can be faster than our own record. */
export class NoRecordYet extends Error {}

/** @returns what is counted; undefined: it is no news, or says nothing */
export async function recordReturned(
  mail: InboundMessage,
  raw: Buffer,
  recipient: InboundRecipient & { kind: 'bounce' | 'feedback' },
  secret: TokenSecret,
  deps: ReturnedDeps,
): Promise<'bouncedLater' | 'complained' | 'unmatchedReports' | undefined> {
  const report = deps.readReport(raw, mail.mailFrom);
  if (report.kind !== 'bounce' && report.kind !== 'complaint') return undefined;
  const copy = matchReport(report, recipient.kind === 'bounce' ? recipient : undefined, secret);
  const known = copy && (await readKnown(copy, mail, deps));
  if (!copy || !known) return 'unmatchedReports';
  const word = report.kind === 'complaint' ? complaintOf(report) : bounceOf(report, known);
  if (!word) return undefined;

  if (word.list !== undefined) await deps.suppress(listing(copy.account, known, word.list, word, mail));
  const news = await deps.recordLate(lateRecord(copy, known, word, mail, deps));
  await forward({ mail, raw, copy, known, word, secret }, deps);
  if (!news) return undefined;
  return word.event === 'bounced' ? 'bouncedLater' : 'complained';
}

/**
 * What is known of a copy, to which the mail is noted as well; undefined: its records are gone, after so many days or by an erasure.
 * @throws NoRecordYet while it may be that its outcome is still to be written
 */
export async function readKnown(
  { account, requestId, index }: ReturnPath,
  { id, key, receivedAt }: InboundMessage,
  { now, messagesDays, readCopy, recordReturnedMail }: CopyDeps,
): Promise<KnownCopy | undefined> {
  const known = await readCopy(account, requestId, index);
  if (known) {
    // Whoever erases its reader's data finds the mail by it.
    const expiresAt = Math.floor(now() / 1_000) + messagesDays * DAY_SECONDS;
    const place = returnedMailKey(account, requestId, index, id);
    await recordReturnedMail({ ...place, mailKey: key, at: receivedAt, expiresAt });
    return known === 'erased' ? undefined : known;
  }
  if (now() - requestIdTime(requestId) > messagesDays * DAY_SECONDS * 1_000) return undefined;
  throw new NoRecordYet(`copy ${index} of ${requestId} has no record yet`);
}

/** A list's entry, from what was said of a copy. */
function listing(
  account: string,
  { address }: KnownCopy,
  list: ListName,
  { event, reply, status, ip, classification }: Word,
  { receivedAt }: InboundMessage,
): Suppressing {
  const entry = {
    created: Math.floor(receivedAt / 1_000),
    ...(event === 'bounced' ? { reason: reply, ...(status === undefined ? {} : { status }) } : {}),
    ...(classification === undefined ? {} : { classification }),
    ...(ip === undefined ? {} : { ip }),
  };
  return { account, address, list, entry };
}

function lateRecord(
  { account, requestId, index }: ReturnPath,
  { address, site, lane, email = address, about }: KnownCopy,
  { list, ip, ...word }: Word,
  { receivedAt }: InboundMessage,
  deps: CopyDeps,
): LateRecord {
  const expiresAt = Math.floor(deps.now() / 1_000) + deps.messagesDays * DAY_SECONDS;
  return {
    ...lateKey(account, requestId, index, word.event),
    ...word,
    address: email,
    at: receivedAt,
    site,
    lane,
    ...(ip === undefined ? {} : { ip }),
    ...(list === 'unsubscribes' ? { optOut: true as const } : {}),
    ...(about === undefined ? {} : { about }),
    expiresAt,
  };
}

/**
 * The one recipient of the copy: by its address where the report names it, else the first that failed, since a forwarder reports
 * the address that it forwarded to. Only `bounce` is the address's own fault (core/report/report.ts); the rest is a block.
 */
function bounceOf({ recipients }: DeliveryReport, { address }: KnownCopy): Word | undefined {
  const failed = recipients.filter(({ event }) => event === 'bounced');
  const isHim = (one: ReportedRecipient) =>
    [one.address, one.originalAddress].some((named) => named?.toLowerCase() === address);
  const found = failed.find(isHim) ?? failed[0];
  if (!found) return undefined;
  const { diagnostic, status, type, classification, rule, mta } = found;
  return {
    event: 'bounced',
    reply: diagnostic,
    status,
    type,
    classification,
    ...(rule === undefined ? {} : { rule }),
    ...(mta === undefined ? {} : { mx: mta }),
    list: listOfBounce(type, status),
  };
}

/** Reports on authentication, and readers who take their word back, are no complaints (RFC 5965 7.3, RFC 6591, RFC 6430). */
const NO_COMPLAINT = new Set(['auth-failure', 'dmarc', 'not-spam']);

function complaintOf({ feedbackType, sourceIp }: Complaint): Word | undefined {
  if (NO_COMPLAINT.has(feedbackType)) return undefined;
  return {
    event: 'complained',
    reply: `feedback report: ${feedbackType}`,
    // Whoever wants no more such mail did not call it spam (RFC 5965 7.3: opt-out).
    list: feedbackType === 'opt-out' ? 'unsubscribes' : 'spam_reports',
    ...(sourceIp === undefined ? {} : { ip: sourceIp }),
  };
}

type Told = {
  mail: InboundMessage;
  raw: Buffer;
  copy: ReturnPath;
  known: KnownCopy;
  word: Word;
  secret: TokenSecret;
};

/** Tells the account's people, if it wants that; the same hold again is the same mail. */
async function forward({ mail, raw, copy, known, word, secret }: Told, deps: ReturnedDeps): Promise<void> {
  // What an account is told by mail is no more than what it is told by events.
  if (isSampleCopy(copy)) return;
  const which = word.event === 'bounced' ? 'forward_bounce' : 'forward_spam';
  const setting = await deps.readForward(copy.account, which);
  // What comes back of a forwarded mail is not forwarded: it would go round for ever.
  if (!setting?.enabled || setting.email.toLowerCase() === known.address) return;
  const host = mail.rcptTo.find((address) => readReturnPath(address, secret)) ?? mail.rcptTo[0]!;
  const forwarding: Forwarding = {
    email: setting.email,
    what: word.event === 'bounced' ? 'bounce' : 'complaint',
    copy,
    address: known.address,
    returnPathDomain: domainOf(host),
    reason: word.reply,
    inboundId: mail.id,
    receivedAt: mail.receivedAt,
    raw,
  };
  await deps.hold(forwardHold(forwarding));
}
