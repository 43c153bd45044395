/**
 * Composes the message of a personalization. What is plain ASCII is written as it is; nodemailer encodes the rest and folds
 * long fields. It is only ever given text, never a path, a URL, a stream or a prepared header, so no input can make it read
 * anything.
 *
 * The same arguments always give the same octets: Date is the time of acceptance (or its send_at), Message-ID and boundaries are made from
 * ids, so that every copy and every attempt is one message to threading and to duplicate filters.
 * Bcc is no argument: it cannot reach the wire. Names and values of headers cannot begin another field.
 */
import { encodeWord, foldLines } from 'nodemailer/lib/mime-funcs';
import MimeNode from 'nodemailer/lib/mime-node';
import { ADDRESS_CHARACTERS } from './address.ts';
import { domainOf } from './domain.ts';
import { FIELD_NAME, OURS, WORD_CHARACTERS } from './headers.ts';
import { messageIdHeader } from './ids.ts';
import type { Address, Attachment } from './mail.ts';
import { composeEntity, type Entity, type Join } from './mime.ts';
import type { FilledPart } from './render.ts';
import { normaliseLines } from './wire.ts';

export type Message = {
  requestId: string;
  personalization: number;
  account: string;
  pool: string;
  /** Milliseconds since the epoch: the Date. Of scheduled mail, its time. */
  acceptedAt: number;
  from: Address;
  to: Address[];
  cc: Address[];
  replyTo: Address[];
  subject: string;
  /** Root and personalization merged. */
  headers: Record<string, string>;
  categories: string[];
};

/** Characters after which a line is folded, where it can be (RFC 5322 2.1.1). */
const FOLD = 76;
/** Characters of a display name that are shown; more may not fit a line. */
const NAME_CHARACTERS = 256;

/** The body of a message, which personalizations share as long as rendering leaves them equal. @param join as `composeEntity` */
export function composeBody(parts: FilledPart[], attachments: Attachment[], requestId: string, join?: Join): Entity {
  return composeEntity(parts, attachments, `pp-${requestId}`, join);
}

/** The header block of a message, every line ending in CRLF, without the empty line. */
export function composeHeader(message: Message, entity: Entity): Buffer {
  const { from, to, cc, replyTo, subject, requestId, personalization } = message;
  if (from.email.length > ADDRESS_CHARACTERS) throw new Error('the from address is too long');
  const fields: Fields = new Map();
  setField(fields, 'From', toMailbox(from));
  const setMailboxes = (name: string, addresses: Address[]) => {
    const fitting = addresses.filter(({ email }) => email.length <= ADDRESS_CHARACTERS);
    setField(fields, name, fitting.map(toMailbox).filter(Boolean).join(', '));
  };
  setMailboxes('To', to);
  setMailboxes('Cc', cc);
  setMailboxes(
    'Reply-To',
    replyTo.filter(({ email }) => /^[^\s@]+@[^\s@]+$/.test(email)),
  );
  setField(fields, 'Subject', encodeText('Subject', toText(subject)));
  setField(fields, 'Date', toDate(message.acceptedAt));
  setField(fields, 'Message-ID', messageIdHeader(requestId, personalization, domainOf(from.email)));
  for (const [name, value] of Object.entries(message.headers)) addCustom(fields, name, value);
  setField(fields, 'Feedback-ID', feedbackId(message));
  setField(fields, 'MIME-Version', '1.0');
  let header = '';
  for (const values of fields.values()) for (const field of values) header += field;
  return normaliseLines(Buffer.from(header + entity.header));
}

/** Fields by their name in lower case, each whole and ending in CRLF, in the order in which they stand. */
type Fields = Map<string, string[]>;

/** A field that is there once at most; an empty one is left out. */
function setField(fields: Fields, name: string, value: string): void {
  if (value.trim()) fields.set(name.toLowerCase(), [foldField(name, value)]);
}

function foldField(name: string, value: string): string {
  const field = `${name}: ${value}`;
  return `${field.length < FOLD ? field : foldLines(field, FOLD)}\r\n`;
}

/** Encodes values; it is never given a header, a content or a child. */
const encoder = new MimeNode('', { baseBoundary: 'none' });

/** A field of mailboxes, whole and ending in CRLF: for messages whose other fields came as they are (core/raw). */
export function mailboxField(name: string, addresses: readonly Address[]): string {
  return foldField(name, addresses.map(toMailbox).filter(Boolean).join(', '));
}

/** An unstructured field, whole and ending in CRLF. */
export function textField(name: string, value: string): string {
  return foldField(name, encodeText(name, toText(value)));
}

/** An unstructured value: as it is when it is printable ASCII that nobody takes for an encoded word. */
function encodeText(name: string, value: string): string {
  return /^[ -~]*$/.test(value) && !value.includes('=?') ? value : encoder.encodeHeaderValue(name, value);
}

/** Gmail's Feedback-ID: four fields, the sender's last. Only what many mails share: a value of its own would say nothing. */
export function feedbackId({ categories, pool, account }: Pick<Message, 'categories' | 'pool' | 'account'>): string {
  const clean = (text: string) => text.replace(/[^A-Za-z0-9_.-]+/g, '-').slice(0, 64) || '-';
  return `${clean(categories[0] ?? 'mail')}:${clean(pool)}:${clean(account)}:pennypost`;
}

function addCustom(fields: Fields, name: string, value: string): void {
  const lower = name.toLowerCase();
  if (!FIELD_NAME.test(name) || OURS.test(lower)) return;
  if (lower === 'date') {
    const time = Date.parse(value);
    if (!Number.isNaN(time)) setField(fields, 'Date', toDate(time));
  } else if (lower === 'message-id') {
    setField(fields, 'Message-ID', toMessageIds(value)[0] ?? '');
  } else if (lower === 'in-reply-to' || lower === 'references') {
    setField(fields, name, toMessageIds(value).join(' '));
  } else {
    const text = encodeText(name, toText(value));
    if (text.trim()) fields.set(lower, [...(fields.get(lower) ?? []), foldField(name, text)]);
  }
}

/** An unstructured value on one line. A word too long to fold goes into encoded words, which can be. */
function toText(value: string): string {
  const line = oneLine(value);
  return line.split(' ').some((word) => word.length > WORD_CHARACTERS) ? encodeWord(line, 'Q', 52) : line;
}

/** msg-ids are structured: printable ASCII only, each in its angle brackets. */
function toMessageIds(value: string): string[] {
  return (oneLine(value).match(/[!-;=?-~]+/g) ?? [])
    .filter((id) => id.length <= WORD_CHARACTERS)
    .slice(0, 100)
    .map((id) => `<${id}>`);
}

/** What stands for itself: a dot-atom at a host name in lower case, and a name of words. */
const PLAIN_EMAIL =
  /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@([a-z0-9-]+\.)+[a-z][a-z0-9]*$/;
const PLAIN_NAME = /^[\w ]*$/;
const ALABEL = /(^|[@.])xn--/;

function toMailbox({ email, name }: Address): string {
  const address = oneLine(email);
  const shown = oneLine(name ?? '').slice(0, 2 * NAME_CHARACTERS);
  const cut = shown.length > NAME_CHARACTERS ? [...shown].slice(0, NAME_CHARACTERS).join('') : shown;
  if (PLAIN_EMAIL.test(address) && !ALABEL.test(address) && PLAIN_NAME.test(cut))
    return cut ? `${cut} <${address}>` : address;
  return encoder.encodeHeaderValue('To', [{ address, name: cut }]);
}

/** The date that was asked for last: the messages of one request have the same. */
let dated = { time: 0, text: '' };

export function toDate(time: number): string {
  if (dated.text === '' || dated.time !== time)
    dated = { time, text: new Date(time).toUTCString().replace('GMT', '+0000') };
  return dated.text;
}

const SPACES = /[\x00-\x20\x7f-\xa0\u1680\u180e\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]+/g;

/** Without control characters and line separators of any kind; each run of white space is one space. */
function oneLine(text: string): string {
  if (/^[!-~]+( [!-~]+)*$/.test(text)) return text;
  return text.replace(SPACES, ' ').trim();
}
