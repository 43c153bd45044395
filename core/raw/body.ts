/**
 * The body of a message that came as MIME, as it may go out: as it came, but for parts whose text changes (tags, footer) and
 * parts that the wire cannot take (lines over 998 octets; octets above 127 where the host takes seven bits only, RFC 6152 3).
 * Those are decoded and encoded again, each by itself; parts that are signed or encrypted are never touched.
 */
import { isUtf8 } from 'node:buffer';
import { MESSAGE_LINE_BYTES } from '../smtp/limits.ts';
import { measureLines, normaliseText } from '../wire.ts';
import type { Edit } from './edits.ts';
import { cleanField, withCharset } from './fields.ts';
import { type Field, firstNamed, unfold } from './header.ts';
import { decodeTransfer, encodeTransfer } from './transfer.ts';
import type { Entity } from './tree.ts';
import { decodeCharset, holdsAscii } from './words.ts';

export type Rewrite = {
  /** No octet above 127 is to be left, where that can be. */
  sevenBit: boolean;
  /**
   * A text as it is to be read, or why there is none. Not asked for attachments.
   * @param body whether it is the first text of its type: the message's own
   */
  edit?: (text: string, type: string, body: boolean) => string | Refused;
};

/** Why a message cannot go out, with the enhanced status (RFC 3463). */
export type Refused = { problem: string };

/** `problem`: what cannot be done, with its enhanced status (RFC 3463). */
export type Rewritten = { edits: Edit[]; problem?: string };

/** What has to be changed in the parts of a message; edits of the outermost header among them. */
export function rewriteParts(octets: Buffer, tree: Entity, rewrite: Rewrite): Rewritten {
  const seen = new Set<string>();
  const result: Rewritten = { edits: [] };
  const visit = (entity: Entity, isRoot: boolean, inMessage: boolean) => {
    if (entity.frozen || result.problem !== undefined) return;
    if (!isRoot) cleanHeader(octets, entity, rewrite, result.edits);
    if (entity.children.length === 0) return rewriteLeaf(octets, entity, rewrite, inMessage ? undefined : seen, result);
    for (const child of entity.children) visit(child, false, inMessage || entity.type.startsWith('message/'));
    for (const gap of entity.gaps) cleanGap(octets, gap, entity.boundary, rewrite, result);
    if (rewrite.sevenBit && !hasFrozen(entity)) nameSevenBit(octets, entity, result.edits);
  };
  visit(tree, true, false);
  return result;
}

function hasFrozen(entity: Entity): boolean {
  return entity.frozen || entity.children.some(hasFrozen);
}

/** Whether the wire cannot take the stretch as it is. */
function mustChange(stretch: Buffer, { sevenBit }: Rewrite): boolean {
  const { longest, eightBit } = measureLines(stretch);
  return longest > MESSAGE_LINE_BYTES || (sevenBit && eightBit);
}

function rewriteLeaf(
  octets: Buffer,
  entity: Entity,
  rewrite: Rewrite,
  seen: Set<string> | undefined,
  result: Rewritten,
): void {
  const { type, encoding, header, from, to } = entity;
  // Without the empty line there is no body, and no place for one.
  if (header.end === header.body) return;
  const body = octets.subarray(from, to);
  const edited = seen && rewrite.edit ? editText(body, entity, rewrite.edit, seen) : 'same';
  if (typeof edited === 'object' && 'problem' in edited) {
    result.problem = edited.problem;
    return;
  }
  if (edited === 'same' && !mustChange(body, rewrite)) return;
  if (type.startsWith('multipart/')) {
    result.problem = '5.6.3 the message must be converted, and its parts cannot be told apart';
    return;
  }
  const isText = /^(text|message)\//.test(type);
  const plain = edited === 'same' ? decodeTransfer(body, encoding) : edited.octets;
  const measured = measureLines(plain);
  const { edits } = result;
  if (edited !== 'same' && edited.charset !== undefined) {
    const field = firstNamed(entity.header, 'content-type');
    const named = withCharset(field === undefined ? '' : unfold(octets, field), edited.charset);
    setField(entity, field, named, edits);
  }
  if (encoding === 'identity' && !measured.eightBit && !measured.controls && measured.longest <= MESSAGE_LINE_BYTES) {
    edits.push({ from, to, by: plain });
    return;
  }
  const encoded = encodeTransfer(plain, isText, encoding);
  edits.push({ from, to, by: encoded.octets });
  if (encoded.encoding === encoding) return;
  const line = `Content-Transfer-Encoding: ${encoded.encoding}\r\n`;
  setField(entity, firstNamed(entity.header, 'content-transfer-encoding'), line, edits);
}

type EditedText = { octets: Buffer; charset?: string };

function editText(
  body: Buffer,
  { type, charset, encoding, attached }: Entity,
  edit: NonNullable<Rewrite['edit']>,
  seen: Set<string>,
): EditedText | 'same' | Refused {
  if (!type.startsWith('text/') || attached) return 'same';
  const plain = decodeTransfer(body, encoding);
  const named = charset || (isUtf8(plain) ? 'utf-8' : 'windows-1252');
  const text = decodeCharset(plain, named);
  // What is signed within its text (RFC 4880 7) is as frozen as a part that is.
  if (text === undefined || /^-----BEGIN PGP /m.test(text)) return 'same';
  const changed = edit(text, type, !seen.has(type));
  seen.add(type);
  if (typeof changed === 'object') return changed;
  if (changed === text) return 'same';
  const octets = Buffer.from(normaliseText(changed), 'utf8');
  const ascii = octets.length === changed.length || !/[^\x00-\x7f]/.test(changed);
  if (ascii && holdsAscii(named)) return { octets };
  return /^utf-?8$/.test(charset) ? { octets } : { octets, charset: 'utf-8' };
}

/** A field of a part, changed or put behind its others. */
function setField({ header }: Entity, field: Field | undefined, line: string, edits: Edit[]): void {
  const place = field ?? { from: header.end, to: header.end };
  edits.push({ from: place.from, to: place.to, by: line });
}

function cleanHeader(octets: Buffer, { header }: Entity, rewrite: Rewrite, edits: Edit[]): void {
  const { fields, junk } = header;
  const from = fields[0]?.from ?? header.end;
  if (from >= header.end || !mustChange(octets.subarray(from, header.end), rewrite)) return;
  for (const field of fields) {
    const before = octets.subarray(field.from, field.to);
    if (mustChange(before, rewrite)) edits.push({ from: field.from, to: field.to, by: cleanField(octets, field) });
  }
  for (const line of junk) edits.push({ from: line.from, to: line.to, by: '' });
}

/** What stands around parts is read by nobody (RFC 2046 5.1.1), but for the delimiters. */
function cleanGap(
  octets: Buffer,
  { from, to }: { from: number; to: number },
  boundary: string,
  rewrite: Rewrite,
  result: Rewritten,
): void {
  const gap = octets.subarray(from, to);
  if (!mustChange(gap, rewrite)) return;
  if (boundary.length > MESSAGE_LINE_BYTES - 10 || /[^\x20-\x7e]/.test(boundary)) {
    result.problem = '5.6.3 the message must be converted, and its boundaries cannot be';
    return;
  }
  const lines = gap
    .toString('latin1')
    .replace(/[\x80-\xff]/g, '?')
    .split('\r\n')
    .map((line) => line.slice(0, MESSAGE_LINE_BYTES));
  result.edits.push({ from, to, by: lines.join('\r\n') });
}

/** What is around parts of seven bits has seven bits (RFC 2045 6.4). */
function nameSevenBit(octets: Buffer, entity: Entity, edits: Edit[]): void {
  const field = firstNamed(entity.header, 'content-transfer-encoding');
  if (field && /8bit|binary/i.test(unfold(octets, field)))
    edits.push({ from: field.from, to: field.to, by: 'Content-Transfer-Encoding: 7bit\r\n' });
}
