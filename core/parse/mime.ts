/**
 * The parts of a mail (RFC 2046) for a customer's parse URL: where each lies in the octets, copied nowhere. One pass over the
 * lines that can be a boundary, whatever is nested in what. It promises an answer to every input within its limits: what lies
 * deeper, or behind the last part that counts, stays with the part it stands in.
 */
import { decodeWords } from '../report/decode.ts';
import { first, type Header, readHeader } from '../report/header.ts';

export type MimePart = {
  header: Header;
  /** `type/subtype` in lower case; `text/plain` where none is given. */
  type: string;
  charset: string;
  /** In lower case; `` where none is given. */
  encoding: string;
  /** `attachment`, `inline`, or `` where none is given. */
  disposition: string;
  filename?: string;
  /** Without angle brackets. */
  contentId?: string;
  /** Its body: octets from here to there. */
  start: number;
  end: number;
};

/** Octets of a header section that are read. */
const HEADER_BYTES = 262_144;
/** Multiparts within one another; mail of people has three or four. */
const DEPTH = 30;
/** Parts of one mail. */
const PARTS = 1_000;
/** Octets of a boundary (RFC 2046 5.1.1 says 70; Postfix takes 2,048). */
const BOUNDARY = 2_048;
/** Lines that begin as a boundary does and are none: more than these are a bomb. */
const STRAYS = 500_000;

const DASH = 0x2d;
const LF = 0x0a;
const CR = 0x0d;
const NEXT = Buffer.from('\n--');

type Multipart = { delimiter: string };

/** The header section of a mail as it stands, and where its body begins. */
export function headerSection(raw: Buffer, from = 0): { text: string; end: number } {
  if (raw[from] === LF) return { text: '', end: from + 1 };
  if (raw[from] === CR && raw[from + 1] === LF) return { text: '', end: from + 2 };
  const short = raw.subarray(from, from + HEADER_BYTES);
  const crlf = short.indexOf('\r\n\r\n');
  const lf = short.subarray(0, crlf < 0 ? short.length : crlf).indexOf('\n\n');
  const [at, width] = lf >= 0 ? [lf, 1] : crlf >= 0 ? [crlf, 2] : [short.length, 0];
  return { text: raw.toString('latin1', from, from + at + width), end: from + Math.min(short.length, at + 2 * width) };
}

/** The leaves of a mail, in their order. A message within the message is one of them. */
export function readParts(raw: Buffer): MimePart[] {
  const parts: MimePart[] = [];
  const open: Multipart[] = [];
  const scan = { strays: 0 };
  let at = 0;
  for (;;) {
    const { text, end } = headerSection(raw, at);
    const part = describe(readHeader(text.replaceAll('\r\n', '\n')).header, end);
    const boundary = part.type.startsWith('multipart/')
      ? parameter(first(part.header, 'content-type'), 'boundary')
      : '';
    const isMultipart = boundary !== '' && boundary.length <= BOUNDARY && open.length < DEPTH;
    if (isMultipart) open.push({ delimiter: `--${boundary}` });
    let found = open.length > 0 && parts.length < PARTS ? findDelimiter(raw, end, open, scan) : undefined;
    // The preamble of a multipart is for nobody (RFC 2046 5.1.1); one whose boundary never comes is text.
    if (!isMultipart) parts.push({ ...part, end: found?.at ?? raw.length });
    else if (!found || found.level < open.length - 1)
      parts.push({ ...part, type: 'text/plain', end: found?.at ?? raw.length });
    // Behind a closing delimiter is an epilogue, for nobody either.
    while (found?.closes) {
      open.length = found.level;
      found = open.length > 0 ? findDelimiter(raw, found.next, open, scan) : undefined;
    }
    if (!found) return parts;
    open.length = found.level + 1;
    at = found.next;
  }
}

type Found = { at: number; next: number; level: number; closes: boolean };

/** The next line that is a delimiter of an open multipart. `at`: behind the line break before it, which is the delimiter's own. */
function findDelimiter(
  raw: Buffer,
  from: number,
  open: readonly Multipart[],
  scan: { strays: number },
): Found | undefined {
  const levels = new Map(open.map(({ delimiter }, level) => [delimiter, level]));
  const isStart = raw[from] === DASH && raw[from + 1] === DASH && (from === 0 || raw[from - 1] === LF);
  for (let at = isStart ? from - 1 : raw.indexOf(NEXT, from); ; at = raw.indexOf(NEXT, at + 1)) {
    if (at < -1 || (at === -1 && !(isStart && from === 0))) return undefined;
    const line = at + 1;
    const newline = raw.indexOf(LF, line);
    const end = newline < 0 ? raw.length : newline;
    if (end - line <= BOUNDARY + 100) {
      const text = raw.toString('latin1', line, end).trimEnd();
      const level = levels.get(text) ?? (text.endsWith('--') ? levels.get(text.slice(0, -2)) : undefined);
      if (level !== undefined) {
        const before = at > from && raw[at - 1] === CR ? at - 1 : at;
        return { at: Math.max(from, before), next: Math.min(end + 1, raw.length), level, closes: !levels.has(text) };
      }
    }
    if (++scan.strays > STRAYS) return undefined;
  }
}

function describe(header: Header, start: number): MimePart {
  const value = first(header, 'content-type');
  const disposition = first(header, 'content-disposition');
  const filename = parameter(disposition, 'filename') || parameter(value, 'name');
  const contentId = first(header, 'content-id').replace(/^<(.*)>$/, '$1');
  return {
    header,
    type: /^[\w.+-]{1,60}\/[\w.+-]{1,100}/.exec(value)?.[0].toLowerCase() ?? 'text/plain',
    charset: parameter(value, 'charset').toLowerCase().slice(0, 60),
    encoding: first(header, 'content-transfer-encoding').trim().toLowerCase(),
    disposition: /^[\w-]{1,40}/.exec(disposition)?.[0].toLowerCase() ?? '',
    ...(filename === '' ? {} : { filename }),
    ...(contentId === '' ? {} : { contentId }),
    start,
    end: start,
  };
}

/** Continuations of one parameter (RFC 2231 3) that are put together. */
const CONTINUATIONS = 50;

/** A parameter of a structured field: plain, quoted, in encoded words (which RFC 2047 forbids and mailers write), or RFC 2231. */
export function parameter(value: string, name: string): string {
  const all = parametersOf(value);
  const plain = all.get(name);
  if (plain !== undefined) return decodeWords(plain).trim();
  const extended = all.get(`${name}*`);
  if (extended !== undefined) return decodeExtended(extended);
  let text = '';
  let isEncoded = false;
  for (let n = 0; n < CONTINUATIONS; n++) {
    const encoded = all.get(`${name}*${n}*`);
    const piece = encoded ?? all.get(`${name}*${n}`);
    if (piece === undefined) break;
    if (encoded !== undefined) isEncoded = true;
    text += encoded ?? piece.replaceAll('%', '%25');
  }
  return isEncoded ? decodeExtended(text) : text.replaceAll('%25', '%');
}

/** The first of each name counts. */
function parametersOf(value: string): Map<string, string> {
  const found = new Map<string, string>();
  const pattern = /;[ \t]*([\w!#$&+.^`{|}~*-]{1,80})[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^;"\s]*))/g;
  for (const [, name = '', quoted, token = ''] of value.matchAll(pattern)) {
    const key = name.toLowerCase();
    if (!found.has(key)) found.set(key, quoted === undefined ? token : quoted.replace(/\\(.)/g, '$1'));
  }
  return found;
}

/** `charset'language'percent-encoded` (RFC 2231 4). */
function decodeExtended(text: string): string {
  const [, charset = '', encoded = text] = /^([\w.:-]{0,40})'[\w-]{0,40}'(.*)$/s.exec(text) ?? [];
  const octets = Buffer.from(
    encoded.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  );
  try {
    return new TextDecoder(charset || 'utf-8').decode(octets);
  } catch {
    return octets.toString('utf8');
  }
}
