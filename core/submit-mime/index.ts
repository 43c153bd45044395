/**
 * A message submitted by SMTP (RFC 6409) as a request: what its header and its envelope say, and X-SMTPAPI. Only the header is
 * read; the message itself is carried as it came, and composed by deliver (core/raw).
 *
 * It refuses, with a reply, what cannot go out in anyone's name: no From, several of them or of To (as SendGrid does), lines that
 * are no fields, loops, no recipient. A broken X-SMTPAPI is not refused but dropped, as SendGrid does. Never throws.
 */
import { isAscii, type Mailbox, readMailbox } from '../address.ts';
import { NEVER_PASSED } from '../headers.ts';
import type { Address, Content, MailRequest, RawMime } from '../mail.ts';
import { sameAddress } from '../mail-send/addresses.ts';
import { type Faults, noFaults } from '../mail-send/faults.ts';
import type { MailSendContext } from '../mail-send/index.ts';
import { applyEdits } from '../raw/edits.ts';
import {
  type Field,
  fieldsNamed,
  firstNamed,
  type Header,
  isMboxLine,
  readHeader,
  textOf,
  toText,
  unfold,
} from '../raw/header.ts';
import { readMailboxes } from '../raw/mailboxes.ts';
import { normaliseLines } from '../wire.ts';
import { FIELDS, FIELDS_BYTES, HEADER_BYTES, HOPS, SUBJECT_CHARACTERS } from './limits.ts';
import { makeNotice } from './notice.ts';
import { applySmtpApi, type Shown, shareCopies } from './recipients.ts';
import { type NamedInField, namedInField, readSmtpApi } from './smtpapi.ts';
import type { Refusal, Submitted, SubmittedMail } from './submitted.ts';

export { HEADER_BYTES } from './limits.ts';
export type { Refusal, Submitted, SubmittedMail } from './submitted.ts';

const REASON = 'Invalid SMTPAPI header';
/** RFC 5322 3.6.4, as far as events can tell it. */
const MESSAGE_ID = /^<[!-;=?-~]{1,900}>$/;

/** Reads a submitted message's header (and X-SMTPAPI) and its envelope into a MailRequest. */
export function readSubmitted(submitted: Submitted, context: MailSendContext): SubmittedMail {
  const octets = normaliseLines(submitted.header);
  const header = readHeader(octets);
  const refusal = refuseHeader(octets, header);
  if (refusal) return { ok: false, reply: refusal };
  const from = readFrom(octets, header);
  if ('text' in from) return { ok: false, reply: from };
  const rcpts = readRcpts(submitted.rcptTo, submitted.smtpUtf8);
  if ('text' in rcpts) return { ok: false, reply: rcpts };

  const messageId = messageIdOf(octets, header);
  const content = {
    ...makeContent(octets, header, from, submitted.mime),
    ...(messageId !== undefined && MESSAGE_ID.test(messageId) ? { messageId } : {}),
  };
  const key = firstNamed(header, 'idempotency-key');
  const idempotency = key === undefined ? {} : { idempotencyKey: unfold(octets, key) };
  const shown = readShown(octets, header);
  const plain = { content, ...shareCopies(rcpts, shown), sandbox: false };
  const field = firstNamed(header, 'x-smtpapi');
  if (!field) return { ok: true, request: plain, ...idempotency };

  const faults = noFaults();
  const api = readSmtpApi(faults, unfold(octets, field), rcpts.length, context);
  const recipients = faults.errors.length > 0 ? plain : applySmtpApi(faults, api, rcpts, shown);
  if (faults.errors.length > 0)
    return { ...drop(plain, faults, submitted.mailFrom, messageId, context), ...idempotency };
  return {
    ok: true,
    request: { ...recipients, content: { ...content, ...api.content }, sandbox: false },
    ...idempotency,
  };
}

/** What a header's X-SMTPAPI names that has to be looked up before the message is read. Never throws. */
export function namedInHeader(header: Buffer): NamedInField {
  const octets = normaliseLines(header);
  const field = firstNamed(readHeader(octets), 'x-smtpapi');
  return field ? namedInField(unfold(octets, field)) : {};
}

/** As SendGrid: the message is taken, sent to nobody, and MAIL FROM is told why. */
function drop(
  request: MailRequest,
  { errors }: Faults,
  mailFrom: string,
  messageId: string | undefined,
  context: MailSendContext,
): Extract<SubmittedMail, { ok: 'dropped' }> {
  const { content, copies } = request;
  const faults = errors.map(({ field, message }) => (field ? `${field}: ${message}` : message));
  const { subject } = content;
  const told = { mailFrom, from: content.from.email, subject, messageId, recipients: copies.length, faults };
  const notice = makeNotice(told, context);
  return {
    ok: 'dropped',
    reason: REASON,
    detail: faults.join('; '),
    request: { ...request, content: { ...withoutMime(content), dropped: REASON } },
    ...(notice ? { notice } : {}),
  };
}

function messageIdOf(octets: Buffer, header: Header): string | undefined {
  const field = firstNamed(header, 'message-id');
  return field && unfold(octets, field).trim();
}

/** What is sent to nobody need not be carried. */
function withoutMime({ mime: _, ...content }: Content): Content {
  return content;
}

function refuse(code: number, enhanced: string, text: string): Refusal {
  return { code, enhanced, text };
}

function refuseHeader(octets: Buffer, header: Header): Refusal | undefined {
  const { fields, junk } = header;
  if (octets.length > HEADER_BYTES) return refuse(552, '5.3.4', `The header is longer than ${HEADER_BYTES} octets`);
  if (fields.length > FIELDS) return refuse(552, '5.3.4', `The header has more than ${FIELDS} fields`);
  let bytes = 0;
  for (const { name, from, to } of fields) if (name !== 'x-smtpapi') bytes += to - from;
  if (bytes > FIELDS_BYTES)
    return refuse(552, '5.3.4', `The header is longer than ${FIELDS_BYTES} octets, X-SMTPAPI not counted`);
  const line = junk.find((one) => one.from > 0 || !isMboxLine(octets, one));
  if (line) return refuse(550, '5.6.0', `The header has a line that is no field: ${shown(octets, line)}`);
  if (fieldsNamed(header, 'received').length >= HOPS)
    return refuse(554, '5.4.6', `The message has passed ${HOPS} servers: it is in a loop`);
  for (const name of ['From', 'To'])
    if (fieldsNamed(header, name.toLowerCase()).length > 1)
      return refuse(550, '5.6.0', `The message has more than one ${name} header`);
  return undefined;
}

/** The start of a line, as far as a reply may repeat it. */
function shown(octets: Buffer, { from, to }: { from: number; to: number }): string {
  return JSON.stringify(octets.toString('latin1', from, Math.min(to, from + 40)).replace(/[^ -~]+/g, '?'));
}

/** One address, that can be a domain's of the account: ASCII, as in mail/send. */
function readFrom(octets: Buffer, header: Header): Address | Refusal {
  const field = firstNamed(header, 'from');
  if (!field) return refuse(550, '5.6.0', 'The message has no From header');
  const { mailboxes } = readMailboxes(toText(unfold(octets, field)));
  const [address] = mailboxes;
  if (!address || !readMailbox(address.email) || !isAscii(address.email))
    return refuse(550, '5.1.7', 'The From header has no valid address');
  if (mailboxes.length > 1) return refuse(550, '5.1.7', 'The From header has more than one address');
  return address;
}

function readRcpts(rcptTo: readonly string[], smtpUtf8: boolean): Mailbox[] | Refusal {
  const rcpts: Mailbox[] = [];
  for (const address of rcptTo) {
    const mailbox = readMailbox(address, smtpUtf8);
    if (!mailbox) return refuse(550, '5.1.3', `${JSON.stringify(address.slice(0, 100))} is not a valid address`);
    rcpts.push(mailbox);
  }
  return rcpts.length > 0 ? rcpts : refuse(554, '5.5.1', 'No valid recipients');
}

/** What the header shows of its recipients. */
function readShown(octets: Buffer, header: Header): Shown {
  const all = new Map<string, 'to' | 'cc'>();
  for (const role of ['cc', 'to'] as const)
    for (const field of fieldsNamed(header, role))
      for (const { email } of readMailboxes(toText(unfold(octets, field))).mailboxes) {
        const mailbox = readMailbox(email, true);
        if (mailbox) all.set(sameAddress(mailbox), role);
      }
  return all;
}

function makeContent(octets: Buffer, header: Header, from: Address, mime: RawMime): Content {
  const field = firstNamed(header, 'subject');
  const subject =
    field &&
    textOf(octets, field)
      .replace(/[\r\n\0]+/g, ' ')
      .slice(0, SUBJECT_CHARACTERS);
  return {
    from,
    replyTo: [],
    ...(subject ? { subject } : {}),
    parts: [],
    attachments: [],
    headers: {},
    sections: {},
    categories: [],
    customArgs: {},
    mime: 'octets' in mime ? { octets: withoutOwn(mime.octets) } : mime,
  };
}

/** What travels in every job does not carry what was said to us alone: X-SMTPAPI may name ten thousand others. */
function withoutOwn(text: string): string {
  const octets = normaliseLines(Buffer.from(text, 'latin1'));
  const { fields } = readHeader(octets);
  const own = fields.filter(({ name }: Field) => NEVER_PASSED.test(name));
  const edits = own.map(({ from, to }) => ({ from, to, by: '' }));
  return applyEdits(octets, 0, octets.length, edits).toString('latin1');
}
