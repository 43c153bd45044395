/**
 * The parts of a mail (RFC 2046), flat, in their order, in one pass over its lines. It promises an answer to every input in time
 * linear in what it reads (limits.ts), and the same answer for CRLF, LF and CR as line ends.
 * A message within the message is one part; nothing looks into it here. A multipart whose boundary never comes is text.
 */
import { decodeCharset, decodeTransfer, textOfHtml } from './decode.ts';
import { first, type Header, readHeader } from './header.ts';
import { BOUNDARY_CHARACTERS, DECODED_BYTES, MIME_DEPTH, MIME_PARTS, PART_BYTES, REPORT_BYTES } from './limits.ts';

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

type Multipart = { type: string; delimiter: string };

export function readMail(raw: Buffer): Mail {
  const text = normalise(raw.toString('latin1', 0, REPORT_BYTES));
  const { header, end } = readHeader(text, text.length - text.trimStart().length);
  const parts: Part[] = [];
  let budget = DECODED_BYTES;
  const open: Multipart[] = [];
  const levels = new Map<string, number[]>();

  const addPart = (partHeader: Header, from: number, to: number, type = typeOf(partHeader).type) => {
    const kept = text.slice(from, Math.min(to, from + Math.min(PART_BYTES, budget)));
    budget -= kept.length;
    parts.push({
      header: partHeader,
      type,
      text: decodePart(partHeader, kept, type),
      within: open.map((one) => one.type),
    });
  };
  const push = (type: string, boundary: string) => {
    const delimiter = `--${boundary}`;
    levels.set(delimiter, [...(levels.get(delimiter) ?? []), open.length]);
    open.push({ type, delimiter });
  };
  const popTo = (level: number) => {
    while (open.length > level) levels.get(open.pop()!.delimiter)!.pop();
  };

  /** Where the next delimiter of an open multipart stands. */
  const findDelimiter = (from: number): { at: number; next: number; level: number; closes: boolean } | undefined => {
    for (let at = from; at < text.length; ) {
      const newline = text.indexOf('\n', at);
      const lineEnd = newline < 0 ? text.length : newline;
      if (text.startsWith('--', at) && lineEnd - at <= BOUNDARY_CHARACTERS + 100) {
        const line = text.slice(at, lineEnd).trimEnd();
        const level = levels.get(line)?.at(-1);
        if (level !== undefined) return { at, next: lineEnd + 1, level, closes: false };
        const closed = line.endsWith('--') ? levels.get(line.slice(0, -2))?.at(-1) : undefined;
        if (closed !== undefined) return { at, next: lineEnd + 1, level: closed, closes: true };
      }
      at = lineEnd + 1;
    }
    return undefined;
  };

  let entity: { header: Header; start: number } | undefined = { header, start: end };
  let at = end;
  while (at <= text.length) {
    if (entity) {
      const { type, boundary } = typeOf(entity.header);
      if (type.startsWith('multipart/') && boundary && open.length < MIME_DEPTH) push(type, boundary);
      else {
        const stop = parts.length + 1 < MIME_PARTS && open.length > 0 ? findDelimiter(entity.start) : undefined;
        addPart(
          entity.header,
          entity.start,
          stop?.at ?? text.length,
          type.startsWith('multipart/') ? 'text/plain' : type,
        );
        if (!stop) break;
        at = stop.at;
      }
    }
    const delimiter = findDelimiter(at);
    const isUnanswered = entity !== undefined && at === entity.start && (delimiter?.level ?? -1) < open.length - 1;
    // A multipart whose boundary never comes: what there is is its text.
    if (isUnanswered) addPart(entity!.header, at, delimiter?.at ?? text.length, 'text/plain');
    if (!delimiter) break;
    popTo(delimiter.level + 1);
    at = delimiter.next;
    entity = undefined;
    if (delimiter.closes) popTo(delimiter.level);
    else {
      const read = readHeader(text, at);
      entity = { header: read.header, start: read.end };
      at = read.end;
    }
  }
  return { header, type: typeOf(header).type, parts };
}

/** `multipart/report; report-type=delivery-status; boundary="x"` (RFC 2045 5.1) in what is needed of it. */
export function typeOf(header: Header): { type: string; boundary: string; charset: string; reportType: string } {
  const value = first(header, 'content-type');
  const type = /^[\w.+-]{1,60}\/[\w.+-]{1,100}/.exec(value)?.[0].toLowerCase() ?? 'text/plain';
  return {
    type,
    boundary: parameter(value, 'boundary').slice(0, BOUNDARY_CHARACTERS).trimEnd(),
    charset: parameter(value, 'charset'),
    reportType: parameter(value, 'report-type').toLowerCase(),
  };
}

function parameter(value: string, name: string): string {
  const match = new RegExp(`;[ \\t]{0,20}${name}[ \\t]{0,20}=[ \\t]{0,20}(?:"([^"]*)"|([^\\s;"]+))`, 'i').exec(value);
  return match?.[1] ?? match?.[2] ?? '';
}

function decodePart(header: Header, octets: string, type: string): string {
  const { charset } = typeOf(header);
  const isText = type.startsWith('text/') || type.startsWith('message/');
  if (!isText) return '';
  const text = decodeCharset(decodeTransfer(octets, first(header, 'content-transfer-encoding')), charset);
  return type === 'text/html' ? textOfHtml(text) : normalise(text);
}

/** CRLF, LF and CR alike end a line here. */
function normalise(text: string): string {
  return text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text;
}
