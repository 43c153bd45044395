/**
 * A header section as octets (RFC 5322 2.2): where each field stands, so that what is not changed is copied as it came. One
 * pass, linear. Obsolete forms are read (white space before the colon, 4.5.8; continuations of white space only, 4.2); what is no
 * field at all is `junk`, for the caller to refuse or to leave out. Lines must be normal (core/wire.ts).
 */
import { isUtf8 } from 'node:buffer';
import { decodeWords } from './words.ts';

/** `[from, to)`: the whole field, its last CRLF included. `value`: where it begins, behind the colon. */
export type Field = { name: string; from: number; value: number; to: number };

export type Header = {
  fields: Field[];
  /** Lines that are neither a field nor a part of one. */
  junk: { from: number; to: number }[];
  /** Where the fields end: at the empty line, or at the end of the text. */
  end: number;
  /** Where the body begins. */
  body: number;
};

const [CR, LF, SPACE, TAB, COLON] = [0x0d, 0x0a, 0x20, 0x09, 0x3a];
/** ftext (RFC 5322 3.6.8), as long as a line can hold with something behind it. */
const NAME = /^[!-9;-~]{1,200}$/;

/** Reads the header section that begins at `from`. Never throws. */
export function readHeader(octets: Buffer, from = 0, until = octets.length): Header {
  const header: Header = { fields: [], junk: [], end: until, body: until };
  let open: { from: number; to: number } | undefined;
  for (let at = from; at < until; ) {
    const lf = octets.indexOf(LF, at);
    const to = lf < 0 || lf >= until ? until : lf + 1;
    const first = octets[at]!;
    if (first === CR && to - at === 2) {
      header.end = at;
      header.body = to;
      break;
    }
    if ((first === SPACE || first === TAB) && open) open.to = to;
    else {
      const field = readName(octets, at, to);
      open = field ?? { from: at, to };
      if (field) header.fields.push(field);
      else header.junk.push(open);
    }
    at = to;
  }
  return header;
}

function readName(octets: Buffer, from: number, to: number): Field | undefined {
  const colon = octets.indexOf(COLON, from);
  if (colon < 0 || colon >= to) return undefined;
  let end = colon;
  while (end > from && (octets[end - 1] === SPACE || octets[end - 1] === TAB)) end--;
  const name = octets.toString('latin1', from, end);
  return NAME.test(name) ? { name: name.toLowerCase(), from, value: colon + 1, to } : undefined;
}

/** Whether a line is mbox's `From ` line, which some programs leave above a message. */
export function isMboxLine(octets: Buffer, { from, to }: { from: number; to: number }): boolean {
  return /^>?From /.test(octets.toString('latin1', from, Math.min(to, from + 6)));
}

/** A field's value as octets on one line, one latin1 character each, without white space around it. */
export function unfold(octets: Buffer, { value, to }: Field): string {
  return octets
    .toString('latin1', value, to)
    .replace(/\r\n(?=[ \t])|\r\n$/g, '')
    .replace(/^[ \t]+|[ \t]+$/g, '');
}

/** Octets as text: UTF-8 where they are (RFC 6532), else what most senders of other octets mean. */
export function toText(latin1: string): string {
  if (!/[\x80-\xff]/.test(latin1)) return latin1;
  const octets = Buffer.from(latin1, 'latin1');
  return isUtf8(octets) ? octets.toString('utf8') : new TextDecoder('windows-1252').decode(octets);
}

/** An unstructured field as its reader reads it: encoded words decoded (RFC 2047). */
export function textOf(octets: Buffer, field: Field): string {
  return decodeWords(toText(unfold(octets, field)));
}

export function fieldsNamed({ fields }: Header, name: string): Field[] {
  return fields.filter((field) => field.name === name);
}

export function firstNamed({ fields }: Header, name: string): Field | undefined {
  return fields.find((field) => field.name === name);
}
