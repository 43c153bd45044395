/**
 * What a mail says of the delivery of another: recipient by recipient, from its delivery status (RFC 3464) and the words beside
 * it, or from the words alone. Words alone count only when the mail looks like a mail system's and speaks of a failure.
 */
import type { Shaping } from '../shaping/compile.ts';
import { addressesIn, isSame } from './addresses.ts';
import { classify, type Judged } from './classify.ts';
import { decodeWords } from './decode.ts';
import { type DeliveryStatus, readDeliveryStatus, type StatusGroup } from './delivery-status.ts';
import { first, type Header } from './header.ts';
import { type Named, type Notice, namedIn, onlyNamed, sentTo } from './notice.ts';
import type { Mail } from './parts.ts';
import { findReply } from './reply.ts';
import type { DeliveryReport, OriginalMessage, ReportedRecipient } from './report.ts';
import type { SesNotification } from './ses-notification.ts';
import { hasFailedWords, isDelayed, type Signs } from './signs.ts';

/** A mail, taken apart. */
export type Seen = {
  mail: Mail;
  notice: Notice;
  original: OriginalMessage;
  signs: Signs;
  shaping: Shaping;
  ses?: SesNotification;
};
type Delivery = { kind: 'bounce' | 'delayed' | 'delivered' } & DeliveryReport;

const STATUS = /^message\/(?:global-)?delivery-status$/;
const FIRST_FIELD = /^(?:reporting-mta|final-recipient|original-recipient)[ \t]{0,5}:/im;

export function readDelivery(seen: Seen): Delivery | undefined {
  const status = statusOf(seen);
  const recipients = status.groups.length > 0 ? fromStatus(seen, status) : fromWords(seen);
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

function statusOf({ mail, notice, ses }: Seen): DeliveryStatus {
  if (ses) return { groups: ses.groups, envelopeId: '', reportingMta: ses.reportingMta, arrivalDate: '' };
  const parts = mail.parts.filter((part) => STATUS.test(part.type));
  const text = parts.map((part) => part.text).join('\n\n');
  if (/^(?:final|original)-recipient|^action|^status/im.test(text)) return readDeliveryStatus(text);
  // One that has lost its part: in the text, behind a boundary that is none.
  const inText = notice.lines.join('\n');
  const at = inText.search(FIRST_FIELD);
  return readDeliveryStatus(at < 0 ? '' : inText.slice(at));
}

function fromStatus(seen: Seen, { groups }: DeliveryStatus): ReportedRecipient[] {
  const words = seen.notice.lines.join('\n');
  const named = namedIn(seen.notice.lines, strangers(seen), []);
  const failed = failedRecipients(seen.mail.header);
  const isOne = groups.length === 1;
  return groups.map((group, n) => {
    const told = [group.final, group.original, group.actual].filter((address) => address !== undefined);
    const guess = isOne ? (named[0]?.address ?? onlyOne(seen.original.to)) : undefined;
    const address = told[0] ?? failed[n] ?? guess ?? group.name;
    const own = named.find((one) => told.some((it) => isSame(it, one.address)));
    const judged = classify(
      {
        diagnostic: group.diagnosticType === 'x-unix' ? `x-unix; ${group.diagnostic}` : group.diagnostic,
        around: [own?.section ?? '', ...(isOne ? [words] : [])],
        status: group.status,
        mta: group.mta,
        domain: domainOf(address),
      },
      seen.shaping,
    );
    return toRecipient(address, actionOf(group), judged, group);
  });
}

function fromWords(seen: Seen): ReportedRecipient[] {
  const { notice, signs, shaping } = seen;
  const words = notice.lines.join('\n');
  const failed = failedRecipients(seen.mail.header);
  const signsSeen = [signs.isFromSystem, signs.hasFailedSubject, hasFailedWords(words)].filter(Boolean).length;
  if (failed.length === 0 && !looksLikeOne(signs, signsSeen, words)) return [];
  const named = namedIn(notice.lines, strangers(seen), failed);
  // Whom a report names that names nobody is told by the token.
  const found = named.length > 0 ? named : signsSeen === 3 ? meant(seen) : [];
  const isLate = isDelayed(decodeWords(first(seen.mail.header, 'subject')), words);
  return found.map(({ address, section }) => {
    const around = found.length === 1 || section === '' ? [words] : [];
    const judged = classify({ diagnostic: section, around, status: '', mta: '', domain: domainOf(address) }, shaping);
    return toRecipient(address, isLate ? 'delayed' : 'failed', judged, {});
  });
}

function meant({ notice, original, mail }: Seen): Named[] {
  const only = onlyNamed(notice.lines, strangers({ original, mail }), original.to);
  return (only.length > 0 ? only : ['']).map((address) => ({ address, section: '' }));
}

/** A report that names nobody is about the only one whom the message was to, where that is to be seen. */
export function supposeRecipient<D extends DeliveryReport>(delivery: D, seen: Seen): D {
  const no = strangers(seen);
  const known = (address: string) => !no.some((one) => isSame(one, address));
  const address = onlyOne(seen.original.to.filter(known)) ?? onlyOne(sentTo(seen.notice.lines).filter(known));
  if (address === undefined) return delivery;
  return { ...delivery, recipients: delivery.recipients.map((one) => ({ ...one, address })) };
}

/** Two signs of three; a person who answers or forwards a bounce shows two of them as well. */
function looksLikeOne(signs: Signs, seen: number, words: string): boolean {
  if (seen < 2 || (!signs.isFromSystem && signs.isAnswered)) return false;
  return !signs.isAutoReply || (signs.isFromSystem && (hasFailedWords(words) || findReply(words) !== undefined));
}

/** Exim's and Google's field. */
function failedRecipients(header: Header): string[] {
  return (header.get('x-failed-recipients') ?? []).flatMap((value) => addressesIn(value));
}

/** Whom a notice names without meaning a recipient: whom it came to, who reports, who sent the original. */
function strangers({ mail, original }: Pick<Seen, 'mail' | 'original'>): string[] {
  const given = ['to', 'from', 'return-path', 'reply-to'].flatMap((name) => addressesIn(first(mail.header, name)));
  return [...given, original.from ?? '', original.returnPath ?? ''].filter((address) => address !== '');
}

function toRecipient(
  address: string,
  action: ReportedRecipient['action'],
  judged: Judged,
  { original, mta }: Pick<Partial<StatusGroup>, 'original' | 'mta'>,
): ReportedRecipient {
  const { type, status, classification, ...told } = judged;
  const event = action === 'failed' ? 'bounced' : action === 'delayed' ? 'deferred' : 'delivered';
  return {
    address,
    ...(original === undefined ? {} : { originalAddress: original }),
    action,
    status: event === 'bounced' ? status : `${event === 'deferred' ? 4 : 2}${status.slice(1)}`,
    // What a server still tries is held up by something; nobody has judged anything.
    classification: event === 'deferred' && classification === 'Unclassified' ? 'Technical Failure' : classification,
    ...told,
    ...(mta ? { mta } : {}),
    event,
    type: event === 'bounced' ? type : 'blocked',
  };
}

/** What is not in the list of RFC 3464 2.3.3 says that it failed, as `expired` does. */
function actionOf({ action, status }: StatusGroup): ReportedRecipient['action'] {
  if (action === 'delayed' || action === 'delivered' || action === 'relayed' || action === 'expanded') return action;
  return action === '' && status.startsWith('2') ? 'delivered' : 'failed';
}

function onlyOne(addresses: readonly string[]): string | undefined {
  return addresses.length === 1 ? addresses[0] : undefined;
}

function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1).toLowerCase();
}
