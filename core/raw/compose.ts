/**
 * A message that came as MIME, as it goes out. It is kept octet for octet but for what RFC 5321 forces (fields.ts, body.ts), the
 * fields we own, and what X-SMTPAPI changes (To, tags, footer). The sender's Message-ID, Date and DKIM-Signature stay; what
 * RFC 5322 3.6 and RFC 2045 4 ask for and is not there is added.
 *
 * The From that goes out is the address that was verified: where the field could be read in two ways, it is written anew.
 * The same arguments give the same octets.
 */
import { feedbackId, mailboxField, textField, toDate } from '../compose.ts';
import { domainOf } from '../domain.ts';
import { NEVER_PASSED, ONCE } from '../headers.ts';
import { messageIdHeader } from '../ids.ts';
import type { Address } from '../mail.ts';
import { MESSAGE_LINE_BYTES } from '../smtp/limits.ts';
import { type Lines, measureLines, normaliseLines } from '../wire.ts';
import { type Rewrite, rewriteParts } from './body.ts';
import { applyEdits, type Edit } from './edits.ts';
import { cleanField } from './fields.ts';
import { type Field, type Header, readHeader, textOf, toText, unfold } from './header.ts';
import { readMailboxes } from './mailboxes.ts';
import type { Fill } from './tags.ts';
import { readTree } from './tree.ts';

/** A message as it came, lines normalised, its header read. `lines`: of its body. */
export type RawMessage = { octets: Buffer; header: Header; lines: Lines };

/** What is said of a message beside itself. */
export type RawContext = {
  requestId: string;
  personalization: number;
  account: string;
  pool: string;
  categories: string[];
  /** Milliseconds since the epoch: its Date, where it has none. */
  acceptedAt: number;
  /** The address that was verified. */
  from: Address;
  /** Who stands in To instead; empty: the field stays. */
  to: Address[];
  /** Tags of the subject. */
  fill?: Fill;
  /** Fields that the message has not, and gets: List-Unsubscribe. */
  added?: Readonly<Record<string, string>>;
};

/** `eightBit`: octets above 127 that could not be taken out; the host must offer 8BITMIME. */
export type RawBody = { body: Buffer; eightBit: boolean; edits: Edit[] };

/** What cannot be sent, and why, with its enhanced status (RFC 3463). */
export type Dropped = { dropped: string };

const known = new WeakMap<Buffer, RawMessage>();

/** Reads a message; once for each buffer. */
export function readRaw(octets: Buffer): RawMessage {
  let raw = known.get(octets);
  if (!raw) {
    let normal = normaliseLines(octets);
    let header = readHeader(normal);
    if (header.end === header.body) {
      // All header: a body can only be told from it by the empty line.
      normal = Buffer.concat([normal, Buffer.from('\r\n')]);
      header = readHeader(normal);
    }
    raw = { octets: normal, header, lines: measureLines(normal.subarray(header.body)) };
    known.set(octets, raw);
  }
  return raw;
}

/** The body, which personalizations share as long as their texts are equal. */
export function composeRawBody(raw: RawMessage, rewrite: Rewrite): RawBody | Dropped {
  const { octets, header, lines } = raw;
  const isFit = lines.longest <= MESSAGE_LINE_BYTES && !(rewrite.sevenBit && lines.eightBit);
  if (isFit && !rewrite.edit) return { body: octets.subarray(header.body), eightBit: lines.eightBit, edits: [] };
  const { edits, problem } = rewriteParts(octets, readTree(octets), rewrite);
  if (problem !== undefined) return { dropped: problem };
  const body = normaliseLines(applyEdits(octets, header.body, octets.length, edits));
  const { longest, eightBit } = measureLines(body);
  if (longest > MESSAGE_LINE_BYTES)
    return { dropped: `5.6.2 a signed or encrypted part has lines of more than ${MESSAGE_LINE_BYTES} octets` };
  return { body, eightBit, edits: edits.filter(({ from }) => from <= header.end) };
}

/** The header block, every line ending in CRLF, without the empty line; undefined where the subject's tags make it too long. */
export function composeRawHeader(
  raw: RawMessage,
  context: RawContext,
  edits: readonly Edit[] = [],
): Buffer | undefined {
  const { octets, header } = raw;
  const seen = new Set<string>();
  let text = `Feedback-ID: ${feedbackId(context)}\r\n`;
  for (const field of header.fields) {
    const { name } = field;
    if (NEVER_PASSED.test(name) || (ONCE.has(name) && seen.has(name))) continue;
    const edit = edits.findLast(({ from, to }) => from === field.from && to === field.to);
    const written = edit ? String(edit.by) : writeField(octets, field, context);
    if (written === undefined) return undefined;
    if (written === '') continue;
    seen.add(name);
    text += written;
  }
  for (const { from, to, by } of edits) if (from === to && from === header.end) text += String(by);
  for (const [name, value] of Object.entries(context.added ?? {})) text += textField(name, value);
  return Buffer.from(text + missingFields(seen, context), 'latin1');
}

function writeField(octets: Buffer, field: Field, { from, to, fill }: RawContext): string | undefined {
  const { name } = field;
  if (name === 'from')
    return isPlainly(from, octets, field) ? cleanField(octets, field) : asOctets(mailboxField('From', [from]));
  if (name === 'to' && to.length > 0) return asOctets(mailboxField('To', to));
  if (name === 'subject' && fill) {
    const subject = textOf(octets, field);
    const filled = fill(subject);
    if (filled !== subject) return filled === undefined ? undefined : textField('Subject', filled);
  }
  // An empty one says nothing, and some servers refuse it.
  if (/^(date|message-id|mime-version)$/.test(name) && unfold(octets, field) === '') return '';
  return cleanField(octets, field);
}

function missingFields(
  seen: ReadonlySet<string>,
  { from, to, requestId, personalization, acceptedAt }: RawContext,
): string {
  let text = '';
  if (!seen.has('from')) text += asOctets(mailboxField('From', [from]));
  if (!seen.has('to') && to.length > 0) text += asOctets(mailboxField('To', to));
  if (!seen.has('date')) text += `Date: ${toDate(acceptedAt)}\r\n`;
  if (!seen.has('message-id'))
    text += `Message-ID: ${messageIdHeader(requestId, personalization, domainOf(from.email))}\r\n`;
  if (!seen.has('mime-version')) text += 'MIME-Version: 1.0\r\n';
  return text;
}

/** Whether every reader finds this one address in the field. */
function isPlainly({ email }: Address, octets: Buffer, field: Field): boolean {
  const { mailboxes, strict } = readMailboxes(toText(unfold(octets, field)));
  return strict && mailboxes.length === 1 && mailboxes[0]?.email === email;
}

/** One latin1 character an octet: what is beyond ASCII is UTF-8 on the wire (RFC 6532). */
function asOctets(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
