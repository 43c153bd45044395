/**
 * Reads a mail that came back into what it says (`report.ts`): a bounce, a delay, a delivery, a complaint, an answering machine,
 * or nothing of that kind. It promises an answer to any octets, in time linear in at most REPORT_BYTES of them, and the same
 * one for CRLF, LF and CR. It refuses to guess: ordinary mail that speaks of failures is `other`; a failure whose reason is not
 * plainly the address is `blocked`, which suppresses nobody.
 */
import { compileShaping, type Shaping } from '../shaping/compile.ts';
import { addressesIn, addressOf } from './addresses.ts';
import { readDelivery, type Seen, supposeRecipient } from './delivery.ts';
import { readComplaint } from './feedback.ts';
import { first, type Header } from './header.ts';
import { readNotice } from './notice.ts';
import { originalOf, RETURNED } from './original.ts';
import { type Mail, type Part, readMail, readText } from './parts.ts';
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
  const seen = look(mail, shaping, mailFrom);
  const base = { to: cameTo(mail.header), original: seen.original };
  const { ses, signs } = seen;
  if (ses?.kind === 'complaint') return { ...base, ...complaintOfSes(ses) };
  const complaint = readComplaint(mail, seen.original);
  if (complaint) return { ...base, kind: 'complaint', ...complaint };
  const delivery = readDelivery(seen);
  const namesNobody = delivery?.recipients.every(({ address }) => address === '') ?? true;
  const inner = namesNobody && signs.isFromSystem ? readInner(seen) : undefined;
  if (inner) return { ...base, ...inner };
  if (delivery) return { ...base, ...(namesNobody ? supposeRecipient(delivery, seen) : delivery) };
  if (!signs.isAutoReply) return { ...base, kind: 'other' };
  const address = addressOf(first(mail.header, 'from'));
  return { ...base, kind: 'auto-reply', ...(address === undefined ? {} : { address }) };
}

function look(mail: Mail, shaping: Shaping, mailFrom?: string): Seen {
  const notice = readNotice(noticeText(mail.parts));
  const original = originalOf(mail.parts, notice.returned);
  const ses = readSesNotification(mail.parts[0]?.text ?? '');
  return { mail, notice, original, signs: signsOf(mail.header, mailFrom), shaping, ...(ses ? { ses } : {}) };
}

/** A report that a mail system passes on inside one of its own, which names nobody: gateways and list servers do so. Once. */
function readInner({ mail, notice, shaping }: Seen) {
  const parts = mail.parts.filter(({ type }) => type === 'message/rfc822').map(({ text }) => text);
  for (const text of [...parts, notice.returned].slice(0, 3)) {
    const seen = look(readText(text), shaping);
    const delivery = seen.signs.isFromSystem ? readDelivery(seen) : undefined;
    if (delivery?.recipients.some(({ address }) => address !== '')) return { ...delivery, original: seen.original };
  }
  return undefined;
}

function complaintOfSes({ feedbackType, groups, source }: SesNotification) {
  const originalRcptTo = groups.flatMap(({ final }) => final ?? []);
  return { kind: 'complaint' as const, feedbackType, originalRcptTo, ...(source ? { originalMailFrom: source } : {}) };
}

/** The texts that a person reads first: plain where there is a choice, up to the one that names somebody. */
function noticeText(parts: readonly Part[]): string {
  const end = parts.findIndex((part) => RETURNED.test(part.type));
  const before = end < 0 ? parts : parts.slice(0, Math.max(1, end));
  const plain = before.filter(({ type }) => type.startsWith('text/') && type !== 'text/html' && !RETURNED.test(type));
  const chosen = plain.some((part) => part.text.trim() !== '')
    ? plain
    : before.filter(({ type }) => type === 'text/html');
  const texts = chosen.map((part) => part.text.trim());
  // What follows may be the returned message's own text. Its header, when it is text, is found in it.
  const named = texts.findIndex((text) => text.includes('@'));
  const rest = named < 0 ? [] : texts.slice(named + 1).filter((text) => /^[\w-]{1,60}: /.test(text));
  return [...texts.slice(0, named < 0 ? texts.length : named + 1), ...rest].join('\n\n');
}

/** Addresses that the mail says it came to, the surest first. */
function cameTo(header: Header): string[] {
  const names = ['delivered-to', 'x-original-to', 'envelope-to', 'x-envelope-to', 'x-rcpt-to', 'to'];
  return [...new Set(names.flatMap((name) => (header.get(name) ?? []).flatMap((value) => addressesIn(value, 20))))];
}
