/**
 * Complaints: ARF (RFC 5965), and two providers' forms that are a returned message with fields of its own. Recipients are
 * mostly redacted, so what matters is what only we can have written: Original-Mail-From, and the returned message.
 */
import { addressesIn, addressOf } from './addresses.ts';
import { first, type Header, readHeader } from './header.ts';
import type { Mail } from './parts.ts';
import type { Complaint, OriginalMessage } from './report.ts';

/** Field names of feedback-report that only such a report has; for reports whose part has lost its type. */
const FIELDS = ['feedback-type', 'user-agent', 'version'];

/** What the mail complains of, or undefined when it is no complaint. */
export function readComplaint(mail: Mail, original: OriginalMessage): Complaint | undefined {
  const report = reportOf(mail);
  if (report) return toComplaint(report, original);
  return ofMicrosoft(mail, original) ?? ofApple(mail, original);
}

function reportOf({ parts, header }: Mail): Header | undefined {
  for (const part of parts) {
    if (part.type === 'message/feedback-report') return readHeader(part.text.replace(/^\n{1,20}/, '')).header;
    if (part.type !== 'text/plain' || !/^feedback-type[ \t]{0,5}:/im.test(part.text)) continue;
    const at = part.text.search(/^feedback-type[ \t]{0,5}:/im);
    const read = readHeader(part.text, at).header;
    if (FIELDS.every((name) => read.has(name))) return read;
  }
  const isReport = /report-type="?feedback-report/i.test(first(header, 'content-type'));
  return isReport ? new Map() : undefined;
}

function toComplaint(report: Header, original: OriginalMessage): Complaint {
  const text = (name: string) => first(report, name).trim();
  const originalMailFrom = addressOf(text('original-mail-from')) ?? original.returnPath;
  const optional = {
    originalMailFrom,
    originalEnvelopeId: text('original-envelope-id'),
    sourceIp: /[\da-f.:]{3,45}/i.exec(text('source-ip'))?.[0],
    arrivalDate: text('arrival-date') || text('received-date'),
    reportedDomain: text('reported-domain').toLowerCase(),
    userAgent: text('user-agent'),
  };
  const rcptTo = ['original-rcpt-to', 'removal-recipient', 'redacted-address']
    .flatMap((name) => report.get(name) ?? [])
    .map((value) => addressOf(value))
    .filter((address) => address !== undefined);
  return {
    feedbackType: /^[\w-]{1,40}/.exec(text('feedback-type').toLowerCase())?.[0] ?? 'abuse',
    originalRcptTo: [...new Set(rcptTo)],
    ...present(optional),
  };
}

/** Junk Mail Reporting Program: the returned message names its reader in a field of its own. */
function ofMicrosoft({ header }: Mail, original: OriginalMessage): Complaint | undefined {
  const reader = first(original.headers, 'x-hmxmroriginalrecipient');
  const isTheirs = /\bstaff@hotmail\.com\b/i.test(first(header, 'from'));
  if (reader === '' && !isTheirs) return undefined;
  const sourceIp = /[\d.]{7,15}/.exec(first(header, 'subject'))?.[0];
  return {
    feedbackType: 'abuse',
    originalRcptTo: addressesIn(reader, 1),
    ...present({ originalMailFrom: original.returnPath, sourceIp }),
  };
}

/** iCloud: an ordinary message whose field tells that a reader wants no more. */
function ofApple({ header }: Mail, original: OriginalMessage): Complaint | undefined {
  if (!/^true$/i.test(first(header, 'x-apple-unsubscribe').trim())) return undefined;
  return {
    feedbackType: 'opt-out',
    originalRcptTo: addressesIn(first(header, 'from'), 1),
    ...present({ originalMailFrom: original.returnPath }),
  };
}

function present<Fields extends Record<string, string | undefined>>(
  fields: Fields,
): { [Name in keyof Fields]?: string } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value)) as { [Name in keyof Fields]?: string };
}
