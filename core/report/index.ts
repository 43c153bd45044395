/**
 * Reads a mail that came back into what it says (`report.ts`): a bounce, a delay, a delivery, a complaint, an answering machine,
 * or nothing of that kind. It promises an answer to any octets, in time linear in at most REPORT_BYTES of them, and the same
 * one for CRLF, LF and CR. It refuses to guess: ordinary mail that speaks of failures is `other`; a failure whose reason is not
 * plainly the address is `blocked`, which suppresses nobody.
 */
import { compileShaping, type Shaping } from '../shaping/compile.ts';
import { addressesIn, addressOf, isSame } from './addresses.ts';
import { classify, type Judged } from './classify.ts';
import { decodeWords } from './decode.ts';
import { type DeliveryStatus, readDeliveryStatus, type StatusGroup } from './delivery-status.ts';
import { readComplaint } from './feedback.ts';
import { first, type Header } from './header.ts';
import { type Named, type Notice, namedIn, readNotice } from './notice.ts';
import { originalOf, RETURNED } from './original.ts';
import { type Mail, type Part, readMail } from './parts.ts';
import type { DeliveryReport, OriginalMessage, Report, ReportedRecipient } from './report.ts';
import { readSesNotification } from './ses-notification.ts';
import { hasFailedWords, isDelayed, signsOf } from './signs.ts';

export type { Complaint, DeliveryReport, OriginalMessage, Report, ReportedRecipient } from './report.ts';

const OURS = compileShaping();
const STATUS = /^message\/(?:global-)?delivery-status$/;

/** @param shaping the rules that replies are read by; with the user's own where the settings have them */
export function readReport(raw: Buffer, shaping: Shaping = OURS): Report {
  const mail = readMail(raw);
  const notice = readNotice(noticeText(mail.parts));
  const original = originalOf(mail.parts, notice.returned);
  const base = { to: cameTo(mail.header), original };
  const ses = readSesNotification(mail.parts[0]?.text ?? '');
  if (ses?.kind === 'complaint')
    return {
      ...base,
      kind: 'complaint',
      feedbackType: ses.feedbackType,
      originalRcptTo: ses.groups.flatMap(({ final }) => final ?? []),
      ...(ses.source ? { originalMailFrom: ses.source } : {}),
    };
  const complaint = readComplaint(mail, original);
  if (complaint) return { ...base, kind: 'complaint', ...complaint };
  const status = ses
    ? { groups: ses.groups, envelopeId: '', reportingMta: ses.reportingMta, arrivalDate: '' }
    : statusOf(mail, notice);
  const delivery = readDelivery(mail, notice, original, status, shaping);
  if (delivery) return { ...base, ...delivery };
  if (signsOf(mail.header).isAutoReply) {
    const address = addressOf(first(mail.header, 'from'));
    return { ...base, kind: 'auto-reply', ...(address === undefined ? {} : { address }) };
  }
  return { ...base, kind: 'other' };
}

/** The texts that a person reads first: before the returned message, plain where there is a choice. */
function noticeText(parts: readonly Part[]): string {
  const end = parts.findIndex((part) => RETURNED.test(part.type));
  const before = end < 0 ? parts : parts.slice(0, Math.max(1, end));
  const plain = before.filter(
    (part) => part.type.startsWith('text/') && part.type !== 'text/html' && !RETURNED.test(part.type),
  );
  const chosen = plain.some((part) => part.text.trim() !== '')
    ? plain
    : before.filter((part) => part.type === 'text/html');
  return chosen.map((part) => part.text.trim()).join('\n\n');
}

function statusOf(mail: Mail, notice: Notice): DeliveryStatus {
  const parts = mail.parts.filter((part) => STATUS.test(part.type));
  const text = parts.map((part) => part.text).join('\n\n');
  if (/^(?:final|original)-recipient|^action|^status/im.test(text)) return readDeliveryStatus(text);
  // A delivery status that has lost its part: in the text, or behind a boundary that is none.
  const inText = notice.lines.join('\n');
  const at = inText.search(/^(?:reporting-mta|final-recipient|original-recipient)[ \t]{0,5}:/im);
  return at < 0 ? readDeliveryStatus('') : readDeliveryStatus(inText.slice(at));
}

function readDelivery(
  mail: Mail,
  notice: Notice,
  original: OriginalMessage,
  status: DeliveryStatus,
  shaping: Shaping,
): ({ kind: 'bounce' | 'delayed' | 'delivered' } & DeliveryReport) | undefined {
  const failed = failedRecipients(mail.header);
  const words = notice.lines.join('\n');
  const subject = decodeWords(first(mail.header, 'subject'));
  const named = namedIn(notice.lines, strangers(mail.header, original), []);
  const recipients =
    status.groups.length > 0
      ? fromStatus(status, named, failed, original, words, shaping)
      : fromWords(mail, notice, original, failed, isDelayed(subject, words), shaping);
  if (recipients.length === 0) return undefined;
  const has = (event: ReportedRecipient['event']) => recipients.some((one) => one.event === event);
  return {
    kind: has('bounced') ? 'bounce' : has('deferred') ? 'delayed' : 'delivered',
    recipients,
    ...(status.envelopeId ? { envelopeId: status.envelopeId } : {}),
    ...(status.reportingMta ? { reportingMta: status.reportingMta } : {}),
    ...(status.arrivalDate ? { arrivalDate: status.arrivalDate } : {}),
  };
}

/** Exim's and Google's field. */
function failedRecipients(header: Header): string[] {
  return (header.get('x-failed-recipients') ?? []).flatMap((value) => addressesIn(value));
}

/** Whom a notice names without meaning a recipient: whom it came to, who reports, who sent the original. */
function strangers(header: Header, original: OriginalMessage): string[] {
  const given = ['to', 'from', 'return-path', 'reply-to'].flatMap((name) => addressesIn(first(header, name)));
  return [...given, original.from ?? '', original.returnPath ?? ''].filter((address) => address !== '');
}

function fromStatus(
  status: DeliveryStatus,
  named: readonly Named[],
  failed: readonly string[],
  original: OriginalMessage,
  words: string,
  shaping: Shaping,
): ReportedRecipient[] {
  return status.groups.flatMap((group, n) => {
    const address =
      group.final ??
      group.original ??
      group.actual ??
      failed[n] ??
      (status.groups.length === 1
        ? (named[0]?.address ?? (original.to.length === 1 ? original.to[0] : undefined))
        : undefined);
    if (address === undefined) return [];
    const own = named.find((one) =>
      [group.final, group.original, group.actual].some((it) => it && isSame(it, one.address)),
    );
    const judged = classify(
      {
        diagnostic: group.diagnosticType === 'x-unix' ? `x-unix; ${group.diagnostic}` : group.diagnostic,
        around: [own?.section ?? '', ...(status.groups.length === 1 ? [words] : [])],
        status: group.status,
        mta: group.mta,
        domain: domainOf(address),
      },
      shaping,
    );
    return [toRecipient(address, actionOf(group), judged, group)];
  });
}

function fromWords(
  mail: Mail,
  notice: Notice,
  original: OriginalMessage,
  failed: readonly string[],
  delayed: boolean,
  shaping: Shaping,
): ReportedRecipient[] {
  const signs = signsOf(mail.header);
  const words = notice.lines.join('\n');
  const seen = [signs.isFromSystem, signs.hasFailedSubject, hasFailedWords(words)].filter(Boolean).length;
  if (failed.length === 0 && seen < 2) return [];
  if (failed.length === 0 && signs.isAutoReply && !(signs.isFromSystem && hasFailedWords(words))) return [];
  const named = namedIn(notice.lines, strangers(mail.header, original), failed);
  const found: readonly Named[] =
    named.length > 0
      ? named
      : original.to.length === 1 && seen === 3
        ? [{ address: original.to[0]!, section: '' }]
        : [];
  return found.map(({ address, section }) => {
    const judged = classify(
      {
        diagnostic: section,
        around: found.length === 1 || section === '' ? [words] : [],
        status: '',
        mta: '',
        domain: domainOf(address),
      },
      shaping,
    );
    return toRecipient(address, delayed ? 'delayed' : 'failed', judged, {});
  });
}

function toRecipient(
  address: string,
  action: ReportedRecipient['action'],
  judged: Judged,
  { original, mta }: Pick<Partial<StatusGroup>, 'original' | 'mta'>,
): ReportedRecipient {
  const { type, status, ...told } = judged;
  const event = action === 'failed' ? 'bounced' : action === 'delayed' ? 'deferred' : 'delivered';
  return {
    address,
    ...(original === undefined ? {} : { originalAddress: original }),
    action,
    status: event === 'bounced' ? status : `${event === 'deferred' ? 4 : 2}${status.slice(1)}`,
    ...told,
    ...(mta ? { mta } : {}),
    event,
    type: event === 'bounced' ? type : 'blocked',
  };
}

function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1).toLowerCase();
}

/** What is not in the list of RFC 3464 2.3.3 says that it failed, as `expired` does. */
function actionOf({ action, status }: StatusGroup): ReportedRecipient['action'] {
  if (action === 'delayed' || action === 'delivered' || action === 'relayed' || action === 'expanded') return action;
  return action === '' && status.startsWith('2') ? 'delivered' : 'failed';
}

/** Addresses that the mail says it came to, the surest first. */
function cameTo(header: Header): string[] {
  const names = ['delivered-to', 'x-original-to', 'envelope-to', 'x-envelope-to', 'x-rcpt-to', 'to'];
  return [...new Set(names.flatMap((name) => (header.get(name) ?? []).flatMap((value) => addressesIn(value, 20))))];
}
