/**
 * Reads a mail that came back into what it says (`report.ts`): a bounce, a delay, a delivery, a complaint, an answering machine,
 * or nothing of that kind. It promises an answer to any octets, in time linear in at most REPORT_BYTES of them, and the same
 * one for CRLF, LF and CR. It refuses to guess: ordinary mail that speaks of failures is `other`; a failure whose reason is not
 * plainly the address is `blocked`, which suppresses nobody.
 */
import { compileShaping, type Shaping } from '../shaping/compile.ts';
import { addressesIn, addressOf } from './addresses.ts';
import { readDelivery } from './delivery.ts';
import { readComplaint } from './feedback.ts';
import { first, type Header } from './header.ts';
import { readNotice } from './notice.ts';
import { originalOf, RETURNED } from './original.ts';
import { type Part, readMail } from './parts.ts';
import type { Report } from './report.ts';
import { readSesNotification, type SesNotification } from './ses-notification.ts';
import { signsOf } from './signs.ts';

export type { Complaint, DeliveryReport, OriginalMessage, Report, ReportedRecipient } from './report.ts';

export type ReportOptions = {
  /** The rules that replies are read by; with the user's own where the settings have them. */
  shaping?: Shaping;
  /** MAIL FROM of the envelope; empty for `<>`, which bounces have. Absent where it is not known. */
  mailFrom?: string;
};

const OURS = compileShaping();

/** @param raw the mail as it came; a part of it is enough, from its beginning */
export function readReport(raw: Buffer, { shaping = OURS, mailFrom }: ReportOptions = {}): Report {
  const mail = readMail(raw);
  const notice = readNotice(noticeText(mail.parts));
  const original = originalOf(mail.parts, notice.returned);
  const base = { to: cameTo(mail.header), original };
  const ses = readSesNotification(mail.parts[0]?.text ?? '');
  if (ses?.kind === 'complaint') return { ...base, ...complaintOfSes(ses) };
  const complaint = readComplaint(mail, original);
  if (complaint) return { ...base, kind: 'complaint', ...complaint };
  const signs = signsOf(mail.header, mailFrom);
  const delivery = readDelivery({ mail, notice, original, signs, shaping, ...(ses ? { ses } : {}) });
  if (delivery) return { ...base, ...delivery };
  if (!signs.isAutoReply) return { ...base, kind: 'other' };
  const address = addressOf(first(mail.header, 'from'));
  return { ...base, kind: 'auto-reply', ...(address === undefined ? {} : { address }) };
}

function complaintOfSes({ feedbackType, groups, source }: SesNotification) {
  const originalRcptTo = groups.flatMap(({ final }) => final ?? []);
  return { kind: 'complaint' as const, feedbackType, originalRcptTo, ...(source ? { originalMailFrom: source } : {}) };
}

/** The texts that a person reads first: before the returned message, plain where there is a choice. */
function noticeText(parts: readonly Part[]): string {
  const end = parts.findIndex((part) => RETURNED.test(part.type));
  const before = end < 0 ? parts : parts.slice(0, Math.max(1, end));
  const plain = before.filter(({ type }) => type.startsWith('text/') && type !== 'text/html' && !RETURNED.test(type));
  const chosen = plain.some((part) => part.text.trim() !== '')
    ? plain
    : before.filter(({ type }) => type === 'text/html');
  return chosen.map((part) => part.text.trim()).join('\n\n');
}

/** Addresses that the mail says it came to, the surest first. */
function cameTo(header: Header): string[] {
  const names = ['delivered-to', 'x-original-to', 'envelope-to', 'x-envelope-to', 'x-rcpt-to', 'to'];
  return [...new Set(names.flatMap((name) => (header.get(name) ?? []).flatMap((value) => addressesIn(value, 20))))];
}
