/**
 * Fields of a message that came as MIME, as they may go out. One that obeys the rules of the wire is copied octet for octet,
 * so that the sender's own signature still holds. Else it is mended, and only as far as it must be:
 *   octets above 127       → encoded words, RFC 2231 parameters or A-labels: not every host takes SMTPUTF8
 *   a line over 998        → folded: at white space, else behind a comma or a semicolon, else where it must (as Postfix does)
 *   a blank continuation   → left out: to some it is the empty line that ends the header
 *   white space before `:` → left out (RFC 5322 4.5.8 reads it, not every reader does)
 */
import { buildHeaderParam, parseHeaderValue } from 'nodemailer/lib/mime-funcs';
import { mailboxField, textField } from '../compose.ts';
import { FIELD_NAME } from '../headers.ts';
import { MESSAGE_LINE_BYTES } from '../smtp/limits.ts';
import { type Field, toText, unfold } from './header.ts';
import { readMailboxes } from './mailboxes.ts';
import { decodeWords } from './words.ts';

const MAILBOXES = /^(resent-)?(from|sender|to|cc|reply-to)$/;
const PARAMETERS = /^content-(type|disposition)$/;
/** Structured fields in which there is no place for an encoded word. */
const STRUCTURED =
  /^(message-id|in-reply-to|references|date|mime-version|content-transfer-encoding|content-id|received|dkim-signature|list-.*|resent-(date|message-id)|arc-.*|authentication-results)$/;
/** Where a long line is cut, at the latest: room for the white space that follows. */
const CUT = MESSAGE_LINE_BYTES - 2;

/** The field as it goes out, latin1, each line with its CRLF; '' where nothing of it can. */
export function cleanField(octets: Buffer, field: Field): string {
  const whole = octets.toString('latin1', field.from, field.to);
  if (isClean(whole)) return whole;
  const name = octets.toString('latin1', field.from, field.value - 1).trimEnd();
  const ascii = /[\x80-\xff]/.test(whole) ? toAscii(name, toText(unfold(octets, field))) : toWhole(name, whole);
  return foldLong(ascii);
}

function isClean(whole: string): boolean {
  if (!/^[!-9;-~]+:[^\x80-\xff]*\r\n$/.test(whole) || /^[ \t]*\r\n/m.test(whole)) return false;
  if (whole.length <= CUT) return true;
  return whole.split('\r\n').every((line) => line.length <= CUT);
}

/** The same with its name joined to the colon, and no blank continuation. */
function toWhole(name: string, whole: string): string {
  const value = whole.slice(whole.indexOf(':') + 1).replace(/\r\n$/, '');
  const lines = value.split('\r\n').filter((line, n) => n === 0 || line.trim() !== '');
  return `${name}:${lines.join('\r\n')}\r\n`;
}

function toAscii(name: string, text: string): string {
  const lower = name.toLowerCase();
  if (MAILBOXES.test(lower)) {
    const { mailboxes } = readMailboxes(text);
    if (mailboxes.length > 0) return latin1Of(mailboxField(name, mailboxes));
  } else if (PARAMETERS.test(lower)) return `${name}: ${withParameters(text)}\r\n`;
  else if (!STRUCTURED.test(lower) && FIELD_NAME.test(name)) return textField(name, decodeWords(text));
  return `${name}: ${onlyAscii(text)}\r\n`;
}

/** A Content-Type field with its charset changed, its other parameters as they are. */
export function withCharset(text: string, charset: string): string {
  const { value, params } = parseHeaderValue(text);
  return foldLong(`Content-Type: ${joinParameters(value || 'text/plain', { ...params, charset })}\r\n`);
}

/** `type; name=value`, values beyond ASCII in the way of RFC 2231. */
function withParameters(text: string): string {
  const { value, params } = parseHeaderValue(text);
  return joinParameters(value, params);
}

function joinParameters(value: string, params: Record<string, string>): string {
  const pieces = Object.entries(params).flatMap(([key, param]) => {
    if (/^[\x20-\x7e]*$/.test(param)) return [`${key}="${param.replace(/["\\]/g, '\\$&')}"`];
    return buildHeaderParam(key, param, 50).map((one) => `${one.key}=${one.value}`);
  });
  return [onlyAscii(value), ...pieces.map(onlyAscii)].join(';\r\n\t');
}

/** The text as octets: an address whose local part is beyond ASCII stays so, and needs SMTPUTF8. */
function latin1Of(text: string): string {
  return /[^\x00-\xff]|[\x80-\xff]/.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text;
}

function onlyAscii(text: string): string {
  return text.replace(/[^\x00-\x7f]/gu, '?');
}

/** Folds lines that are longer than a line may be (RFC 5322 2.1.1). */
export function foldLong(field: string): string {
  if (field.length <= CUT) return field;
  return `${field
    .slice(0, -2)
    .split('\r\n')
    .flatMap((line) => cutLine(line))
    .join('\r\n')}\r\n`;
}

function cutLine(line: string): string[] {
  const lines: string[] = [];
  // A run so long could fill a line, and a blank line ends the header for some.
  let rest = line.replace(/[ \t]{200,}/g, ' ');
  while (rest.length > CUT) {
    const cut = placeToCut(rest);
    lines.push(rest.slice(0, cut));
    const next = rest.slice(cut);
    rest = /^[ \t]/.test(next) ? next : ` ${next}`;
  }
  if (rest.trim() !== '') lines.push(rest);
  return lines;
}

/** Never so that only white space is left on one side. */
function placeToCut(line: string): number {
  const window = line.slice(0, CUT);
  const colon = line.indexOf(':');
  const least = Math.max(window.search(/[^ \t]/), colon < 200 ? colon : 0) + 1;
  const space = Math.max(window.lastIndexOf(' '), window.lastIndexOf('\t'));
  if (space > least && /[^ \t]/.test(line.slice(space))) return space;
  const comma = Math.max(window.lastIndexOf(','), window.lastIndexOf(';'));
  return comma > least ? comma + 1 : CUT;
}
