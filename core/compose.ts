/**
 * Composes the message of a personalization. nodemailer's nodes encode and fold the fields; they are only ever
 * given text, never a path, a URL, a stream or a prepared header, so no input can make them read anything.
 *
 * The same arguments always give the same octets: Date is the time of acceptance (or its send_at), Message-ID and boundaries are made from
 * ids, so that every copy and every attempt is one message to threading and to duplicate filters.
 * Bcc is no argument: it cannot reach the wire. Names and values of headers cannot begin another field.
 */
import { encodeWord } from 'nodemailer/lib/mime-funcs';
import MimeNode from 'nodemailer/lib/mime-node';
import { ADDRESS_CHARACTERS } from './address.ts';
import { domainOf } from './domain.ts';
import { FIELD_NAME, OURS, WORD_CHARACTERS } from './headers.ts';
import { messageIdHeader } from './ids.ts';
import type { Address, Attachment, Part } from './mail.ts';
import { composeEntity, type Entity } from './mime.ts';
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

/** Characters of a display name that are shown; more may not fit a line. */
const NAME_CHARACTERS = 256;

/** The body of a message, which personalizations share as long as rendering leaves them equal. */
export function composeBody(parts: Part[], attachments: Attachment[], requestId: string): Entity {
  return composeEntity(parts, attachments, `pp-${requestId}`);
}

/** The header block of a message, every line ending in CRLF, without the empty line. */
export function composeHeader(message: Message, entity: Entity): Buffer {
  const node = new MimeNode('', { baseBoundary: 'none' });
  const { from, to, cc, replyTo, subject, requestId, personalization } = message;
  if (from.email.length > ADDRESS_CHARACTERS) throw new Error('the from address is too long');
  node.setHeader('From', [toMailbox(from)]);
  const set = (name: string, addresses: Address[]) => {
    const fitting = addresses.filter(({ email }) => email.length <= ADDRESS_CHARACTERS);
    if (fitting.length > 0) node.setHeader(name, fitting.map(toMailbox));
  };
  set('To', to);
  set('Cc', cc);
  set(
    'Reply-To',
    replyTo.filter(({ email }) => /^[^\s@]+@[^\s@]+$/.test(email)),
  );
  node.setHeader('Subject', toText(subject));
  node.setHeader('Date', toDate(message.acceptedAt));
  node.setHeader('Message-ID', messageIdHeader(requestId, personalization, domainOf(from.email)));
  for (const [name, value] of Object.entries(message.headers)) addCustom(node, name, value);
  node.setHeader('Feedback-ID', feedbackId(message));
  return normaliseLines(Buffer.from(`${node.buildHeaders()}\r\n${entity.header}`));
}

/** Gmail's Feedback-ID: four fields, the sender's last. Only what many mails share: a value of its own would say nothing. */
function feedbackId({ categories, pool, account }: Message): string {
  const clean = (text: string) => text.replace(/[^A-Za-z0-9_.-]+/g, '-').slice(0, 64) || '-';
  return `${clean(categories[0] ?? 'mail')}:${clean(pool)}:${clean(account)}:pennypost`;
}

function addCustom(node: MimeNode, name: string, value: string): void {
  const lower = name.toLowerCase();
  if (!FIELD_NAME.test(name) || OURS.test(lower)) return;
  if (lower === 'date') {
    const time = Date.parse(value);
    if (!Number.isNaN(time)) node.setHeader('Date', toDate(time));
  } else if (lower === 'message-id') {
    const id = toMessageIds(value)[0];
    if (id) node.setHeader('Message-ID', id);
  } else if (lower === 'in-reply-to' || lower === 'references') {
    const ids = toMessageIds(value);
    if (ids.length > 0) node.setHeader(name, ids.join(' '));
  } else {
    const text = toText(value);
    if (text) node.addHeader(name, text);
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

function toMailbox({ email, name }: Address): { address: string; name: string } {
  return { address: oneLine(email), name: [...oneLine(name ?? '')].slice(0, NAME_CHARACTERS).join('') };
}

function toDate(time: number): string {
  return new Date(time).toUTCString().replace('GMT', '+0000');
}

/** Without control characters and line separators of any kind; each run of white space is one space. */
function oneLine(text: string): string {
  return text
    .replace(/[\x00-\x20\x7f-\xa0\u1680\u180e\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]+/g, ' ')
    .trim();
}
