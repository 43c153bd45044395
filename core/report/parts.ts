/**
 * The parts of a mail (RFC 2046), flat, in their order, in one pass over its lines. It promises an answer to every input in time
 * linear in what it reads (limits.ts), and the same answer for CRLF, LF and CR as line ends.
 * A message within the message is one part; nothing looks into it here. A multipart whose boundary never comes is text, and
 * text that holds delimiters nobody announced (a header that was cut on the way) is taken apart once.
 */
import { decodeCharset, decodeTransfer, textOfHtml } from './decode.ts';
import { trackDelimiters } from './delimiters.ts';
import { first, type Header, readHeader } from './header.ts';
import { BOUNDARY_CHARACTERS, DECODED_BYTES, MIME_PARTS, PART_BYTES, REPORT_BYTES } from './limits.ts';

export type Part = {
  header: Header;
  /** `type/subtype` in lower case; `text/plain` where none is given. */
  type: string;
  /** The part's own text, decoded; HTML as words. Bounded. */
  text: string;
  /** Types of the multiparts that it stands in, outermost first. */
  within: readonly string[];
};

export type Mail = { header: Header; type: string; parts: Part[] };

export function readMail(raw: Buffer): Mail {
  return readText(normalise(raw.toString('latin1', 0, REPORT_BYTES)));
}

/** A message as text: one latin1 character an octet, or decoded already. */
export function readText(text: string): Mail {
  const given = text.slice(0, REPORT_BYTES);
  const { header, end } = readHeader(given, given.length - given.trimStart().length);
  const parts = readParts(given, { header, start: end }).flatMap(takeApart);
  return { header, type: typeOf(header).type, parts: parts.slice(0, MIME_PARTS) };
}

type Entity = { header: Header; start: number };

function readParts(text: string, whole: Entity): Part[] {
  const delimiters = trackDelimiters(text);
  const parts: Part[] = [];
  let budget = DECODED_BYTES;
  const add = ({ header, start }: Entity, to = text.length) => {
    const kept = text.slice(start, Math.min(to, start + Math.min(PART_BYTES, budget)));
    budget -= kept.length;
    const { type } = typeOf(header);
    const own = type.startsWith('multipart/') ? 'text/plain' : type;
    parts.push({ header, type: own, text: decodePart(header, kept, own), within: delimiters.types() });
  };

  for (let entity: Entity | undefined = whole, at = whole.start; at <= text.length; ) {
    const opened = entity && openIfMultipart(entity, delimiters);
    // What would be one part too many takes all that follows.
    const isLast = parts.length + 1 >= MIME_PARTS;
    const next = isLast && !opened ? undefined : delimiters.next(at);
    const isAnswered = opened && next !== undefined && next.level === delimiters.depth() - 1;
    if (entity && !isAnswered) add(entity, next?.at);
    if (!next) break;
    delimiters.closeTo(next.closes ? next.level : next.level + 1);
    at = next.next;
    entity = undefined;
    if (!next.closes) {
      const { header, end } = readHeader(text, at);
      entity = { header, start: end };
      at = end;
    }
  }
  return parts;
}

function openIfMultipart({ header }: Entity, delimiters: ReturnType<typeof trackDelimiters>): boolean {
  const { type, boundary } = typeOf(header);
  return type.startsWith('multipart/') && boundary !== '' && delimiters.open(type, boundary);
}

/** A delimiter whose boundary no header names: fields of a part follow it. */
const STRAY =
  /(?:^|\n) ?--([^\s-][^\n]{0,200})\n(?:content-[a-z-]{2,40}:[^\n]{0,500}\n(?:[ \t][^\n]{0,500}\n){0,5}){1,6}\n/i;

function takeApart(part: Part): Part[] {
  if (part.type !== 'text/plain' || part.within.length > 3) return [part];
  const stray = STRAY.exec(part.text);
  // Behind a header section it is the returned message's own.
  if (!stray || /^(?:received|return-path) ?:/im.test(part.text.slice(0, stray.index))) return [part];
  const header = new Map([
    ['content-type', [`multipart/mixed; boundary="${stray[1]!.trimEnd().replaceAll('"', '')}"`]],
  ]);
  const preamble: Part = { ...part, text: part.text.slice(0, stray.index).replace(/^boundary=\S{1,200}\s{0,10}/i, '') };
  const inner = readParts(part.text.replaceAll(`\n --${stray[1]}`, `\n--${stray[1]}`), { header, start: 0 });
  return preamble.text.trim() === '' ? inner : [preamble, ...inner];
}

/** `multipart/report; report-type=delivery-status; boundary="x"` (RFC 2045 5.1) in what is needed of it. */
export function typeOf(header: Header): { type: string; boundary: string; charset: string } {
  const value = first(header, 'content-type');
  const type = /^[\w.+-]{1,60}\/[\w.+-]{1,100}/.exec(value)?.[0].toLowerCase() ?? 'text/plain';
  return {
    type,
    boundary: parameter(value, 'boundary').slice(0, BOUNDARY_CHARACTERS).trimEnd(),
    charset: parameter(value, 'charset'),
  };
}

const PARAMETERS = {
  boundary: /;[ \t]{0,20}boundary[ \t]{0,20}=[ \t]{0,20}(?:"([^"]{0,4000})"|([^\s;"]{1,4000}))/i,
  charset: /;[ \t]{0,20}charset[ \t]{0,20}=[ \t]{0,20}(?:"([^"]{0,100})"|([^\s;"]{1,100}))/i,
};

function parameter(value: string, name: keyof typeof PARAMETERS): string {
  const match = PARAMETERS[name].exec(value);
  return match?.[1] ?? match?.[2] ?? '';
}

function decodePart(header: Header, octets: string, type: string): string {
  if (!type.startsWith('text/') && !type.startsWith('message/')) return '';
  const { charset } = typeOf(header);
  const text = decodeCharset(decodeTransfer(octets, first(header, 'content-transfer-encoding')), charset);
  return type === 'text/html' ? textOfHtml(text) : normalise(text);
}

/** CRLF, LF and CR alike end a line here. */
function normalise(text: string): string {
  return text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text;
}
