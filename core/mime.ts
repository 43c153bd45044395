/**
 * The MIME entity of a message: its parts and attachments, encoded, in one pass and without streams. nodemailer writes the
 * fields of attachments, whose names need RFC 2231; it never sees content, so nothing in a part or an attachment can be
 * taken for a path, a URL or a raw message.
 * Types and file names are the sender's: what is not a plain `type/subtype` becomes application/octet-stream.
 */
import { isUtf8 } from 'node:buffer';
import MimeNode from 'nodemailer/lib/mime-node';
import type { Attachment, Part } from './mail.ts';
import { encodeQuotedPrintable } from './quoted-printable.ts';
import type { FilledPart } from './render.ts';
import type { Template } from './replace.ts';
import { MESSAGE_LINE_BYTES } from './smtp/limits.ts';
import { cutStencil, emptyRoom, type Stencil } from './stencil.ts';
import { TLS_REPORT_TYPE } from './tls-report.ts';
import { measureLines, normaliseLines, normaliseText, PLAIN_LINE } from './wire.ts';

/**
 * `header`: the Content-* fields, each line with its CRLF. `body`: lines normalised, ending in CRLF. `relaxed`: the body is
 * known to be in DKIM's relaxed form already (RFC 6376 3.4.4).
 */
export type Entity = { header: string; body: Buffer; relaxed?: boolean };

type Leaf = {
  type: string;
  encoding: '7bit' | 'quoted-printable' | 'base64';
  body: Buffer;
  relaxed?: boolean;
  disposition?: 'inline' | 'attachment';
  filename?: string;
  cid?: string;
};
type Branch = { type: string; children: (Leaf | Branch)[] };

const TYPE = /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$/;
/** In which order alternatives stand: the last one that a reader knows is shown (RFC 2046 5.1.4). */
const ORDER = ['text/plain', 'text/x-amp-html', 'text/html'];
const FILENAME_CHARACTERS = 200;

/** Puts the pieces of a body together. */
export type Join = (pieces: readonly Buffer[]) => Buffer;

/**
 * @param baseBoundary part of every boundary; the same parts with the same one give the same octets
 * @param join whose result is the body
 */
export function composeEntity(
  parts: FilledPart[],
  attachments: Attachment[],
  baseBoundary: string,
  join: Join = Buffer.concat,
): Entity {
  const chunks: Buffer[] = [];
  let boundaries = 0;
  /** Writes a node's body into `chunks`; returns its Content-* fields. */
  const write = (tree: Leaf | Branch, into: Buffer[]): string => {
    if ('body' in tree) {
      into.push(tree.body);
      return leafFields(tree);
    }
    // `=_` cannot occur in quoted-printable or base64 (RFC 2045 6.7).
    const boundary = `=_${baseBoundary}-${++boundaries}`;
    tree.children.forEach((child, n) => {
      const inner: Buffer[] = [];
      const fields = write(child, inner);
      into.push(Buffer.from(`${n > 0 ? '\r\n' : ''}--${boundary}\r\n${fields}\r\n`), ...inner);
    });
    into.push(Buffer.from(`\r\n--${boundary}--\r\n`));
    return `Content-Type: ${tree.type};\r\n boundary="${boundary}"\r\n`;
  };
  const tree = makeTree(parts, attachments);
  const header = write(tree, chunks);
  // Every leaf is normal already, but for a last line end where there is no boundary behind it.
  const last = chunks.at(-1);
  if (last && last.length > 0 && last[last.length - 1] !== 0x0a) chunks.push(Buffer.from('\r\n'));
  const body = join(chunks);
  emptyRoom();
  const relaxed = leavesOf(tree).every((leaf) => leaf.relaxed === true) && endsOnce(body);
  return { header, body, relaxed };
}

function leavesOf(tree: Leaf | Branch): Leaf[] {
  return 'body' in tree ? [tree] : tree.children.flatMap(leavesOf);
}

/** Whether there is a last line, and it is not empty. */
function endsOnce(body: Buffer): boolean {
  return body.length > 2 && body[body.length - 3] !== 0x0a;
}

function leafFields({ type, encoding, disposition, filename, cid }: Leaf): string {
  if (!disposition) return `Content-Type: ${type}\r\nContent-Transfer-Encoding: ${encoding}\r\n`;
  const node = new MimeNode(type, { baseBoundary: 'none', ...(filename ? { filename } : {}) });
  if (cid) node.setHeader('Content-Id', `<${cid}>`);
  node.setHeader('Content-Transfer-Encoding', encoding);
  node.setHeader('Content-Disposition', disposition);
  const fields = node.buildHeaders().split(/\r\n(?![ \t])/);
  return `${fields.filter((field) => /^content-/i.test(field)).join('\r\n')}\r\n`;
}

/** mixed( alternative( text, amp, related( html, inline… ), … ), attachment… ), each only where it has two children. */
function makeTree(parts: FilledPart[], attachments: Attachment[]): Leaf | Branch {
  const files = attachments.map(toAttachment);
  const hasHtml = parts.some(({ type }) => type.toLowerCase() === 'text/html');
  const related = hasHtml ? files.filter(({ cid }) => cid) : [];
  const attached = files.filter((file) => !related.includes(file));
  const alternatives = [...parts]
    .sort((a, b) => rank(a) - rank(b))
    .map((part): Leaf | Branch => {
      const leaf = toAlternative(part);
      if (related.length === 0 || !leaf.type.startsWith('text/html')) return leaf;
      return { type: 'multipart/related; type="text/html"', children: [leaf, ...related.splice(0)] };
    });
  const shown = nest('multipart/alternative', alternatives);
  return (
    nest(typeOfMixed(shown, attached), [...(shown ? [shown] : []), ...attached]) ??
    toAlternative({ type: 'text/plain', value: '' })
  );
}

/** A text with one TLS report is a report (RFC 8460 5.3); its readers know it by that. */
function typeOfMixed(shown: Leaf | Branch | undefined, attached: Leaf[]): string {
  const isReport = shown && 'body' in shown && attached.length === 1 && attached[0]?.type === TLS_REPORT_TYPE;
  return isReport ? 'multipart/report; report-type="tlsrpt"' : 'multipart/mixed';
}

function nest(type: string, children: (Leaf | Branch)[]): Leaf | Branch | undefined {
  return children.length > 1 ? { type, children } : children[0];
}

function rank({ type }: Part): number {
  const place = ORDER.indexOf(type.toLowerCase());
  return place < 0 ? ORDER.length : place;
}

function toAlternative(part: FilledPart): Leaf {
  const { type, value } = part;
  const known = TYPE.test(type) && !/^(multipart|message)\//i.test(type) ? type.toLowerCase() : 'text/plain';
  const stencilled = known === 'text/calendar' ? undefined : fillStencil(part);
  if (stencilled) return { type: `${known}; charset=utf-8`, ...stencilled };
  const text = normaliseText(String(value));
  return {
    type: `${known}; charset=utf-8${known === 'text/calendar' ? calendarMethod(text) : ''}`,
    ...encodeText(text),
  };
}

/** Stencils of templates that were seen before: one that is filled once is not worth cutting. */
const stencils = new WeakMap<Template, { stencil?: Stencil | undefined }>();

function fillStencil({ filled }: FilledPart): ReturnType<Stencil> {
  if (!filled) return undefined;
  const seen = stencils.get(filled.template);
  if (!seen) {
    stencils.set(filled.template, {});
    return undefined;
  }
  if (!('stencil' in seen)) seen.stencil = cutStencil(filled.template);
  return seen.stencil?.(filled.values);
}

/** RFC 6047 2.4: the method must be repeated in the type, or readers show a file instead of an invitation. */
function calendarMethod(text: string): string {
  const method = /^METHOD:([A-Z]{1,20})[ \t]*\r?$/im.exec(text)?.[1];
  return method ? `; method=${method.toUpperCase()}` : '';
}

/** A line and what it takes to send it. `encoded`: quoted-printable. `runs`: white space that DKIM's relaxed form has not. */
type Line = { encoded: string; plain: boolean; octets: number; high: number; runs: boolean };

/**
 * Lines that were encoded before: those of a newsletter come back for every reader, but for the few with his name. They are
 * learnt from one in LEARNT of the texts that are not known, so that texts which never come back cost little; and take some
 * megabytes at most.
 */
const known = new Map<string, Line>();
const KNOWN_LINES = 2_000;
const KNOWN_CHARACTERS = 500;
const LEARNT = 8;
let unknownTexts = 0;

function encodeLine(line: string): Line {
  const octets = Buffer.from(line, 'utf8');
  const { eightBit, controls, high } = measureLines(octets);
  const plain = !eightBit && !controls && octets.length <= PLAIN_LINE;
  const encoded = encodeQuotedPrintable(octets).toString('latin1');
  const runs = /[ \t]{2}|\t|[ \t](?=\r|$)/.test(plain ? line : encoded);
  return { encoded, plain, octets: octets.length, high, runs };
}

/** As it is where that is safe; quoted-printable where most of it stays readable; else base64. @param text normal */
function encodeText(text: string): Pick<Leaf, 'encoding' | 'body' | 'relaxed'> {
  const lines = text.split('\r\n');
  let found = 0;
  for (const line of lines) if (known.has(line)) found++;
  if (found * 2 >= lines.length) return encodeLines(text, lines);
  if (unknownTexts++ % LEARNT === 0) learn(lines);

  const octets = Buffer.from(text, 'utf8');
  const { longest, eightBit, controls, high } = measureLines(octets);
  if (!eightBit && !controls && longest <= PLAIN_LINE) return { encoding: '7bit', body: octets };
  if (high * 3 > octets.length) return { encoding: 'base64', body: encodeBase64(octets) };
  return { encoding: 'quoted-printable', body: encodeQuotedPrintable(octets) };
}

function learn(lines: readonly string[]): void {
  if (lines.length > KNOWN_LINES) return;
  if (known.size + lines.length > KNOWN_LINES) known.clear();
  for (const line of lines) if (line.length <= KNOWN_CHARACTERS) known.set(line, encodeLine(line));
}

/** The same, line by line: what a line becomes does not depend on those around it. */
function encodeLines(text: string, lines: readonly string[]): Pick<Leaf, 'encoding' | 'body' | 'relaxed'> {
  let octets = 2 * (lines.length - 1);
  let high = 0;
  let plain = true;
  let runs = false;
  const encoded: string[] = [];
  for (const line of lines) {
    const one = known.get(line) ?? encodeLine(line);
    octets += one.octets;
    high += one.high;
    plain &&= one.plain;
    runs ||= one.runs;
    encoded.push(one.encoded);
  }
  if (plain) return { encoding: '7bit', body: Buffer.from(text, 'latin1'), relaxed: !runs };
  if (high * 3 > octets) return { encoding: 'base64', body: encodeBase64(Buffer.from(text, 'utf8')) };
  return { encoding: 'quoted-printable', body: Buffer.from(encoded.join('\r\n'), 'latin1'), relaxed: !runs };
}

function toAttachment({ content, filename, type, disposition, contentId }: Attachment): Leaf {
  const octets = Buffer.from(String(content), 'base64');
  const known = attachmentType(type, octets);
  const cid = disposition === 'inline' ? (contentId ?? '').replace(/[^!-;=?-~]/g, '').slice(0, 200) : '';
  return {
    type: known,
    ...(known.startsWith('message/')
      ? { encoding: '7bit' as const, body: normaliseLines(octets) }
      : { encoding: 'base64' as const, body: encodeBase64(octets) }),
    disposition: disposition === 'inline' ? 'inline' : 'attachment',
    filename: cleanName(filename) || 'attachment',
    ...(cid ? { cid } : {}),
  };
}

function attachmentType(type: string | undefined, octets: Buffer): string {
  const lower = (type ?? '').toLowerCase();
  if (!TYPE.test(lower) || lower.startsWith('multipart/')) return 'application/octet-stream';
  if (lower.startsWith('message/')) {
    // It may not be encoded (RFC 2046 5.2.1), so only what is plain anyway keeps the type.
    const { longest, eightBit } = measureLines(normaliseLines(octets));
    return longest <= MESSAGE_LINE_BYTES && !eightBit ? lower : 'application/octet-stream';
  }
  const { eightBit } = lower.startsWith('text/') ? measureLines(octets) : { eightBit: false };
  return eightBit && isUtf8(octets) ? `${lower}; charset=utf-8` : lower;
}

function cleanName(filename: string): string {
  const name = String(filename).replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g, '_');
  return [...name.trim()].slice(0, FILENAME_CHARACTERS).join('');
}

/** RFC 2045 6.8, lines of 76, without a last line end. */
export function encodeBase64(octets: Buffer): Buffer {
  const LINE = 57;
  const out = Buffer.allocUnsafe(Math.ceil(octets.length / LINE) * 78);
  let to = 0;
  for (let at = 0; at < octets.length; at += LINE) {
    to += out.write(octets.toString('base64', at, Math.min(at + LINE, octets.length)), to, 'latin1');
    to += out.write('\r\n', to, 'latin1');
  }
  return out.subarray(0, Math.max(0, to - 2));
}
