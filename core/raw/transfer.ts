/**
 * Content-Transfer-Encoding (RFC 2045 6) of parts that came as MIME: taken off as readers take it off, put on again as our own
 * parts have it.
 */
import { encodeBase64 } from '../mime.ts';
import { encodeQuotedPrintable } from '../quoted-printable.ts';
import { measureLines } from '../wire.ts';
import type { Entity } from './tree.ts';

export function decodeTransfer(octets: Buffer, encoding: Entity['encoding']): Buffer {
  if (encoding === 'base64') return Buffer.from(octets.toString('latin1'), 'base64');
  return encoding === 'quoted-printable' ? decodeQuotedPrintable(octets) : octets;
}

/** RFC 2045 6.7. What is no encoding stands for itself; white space at the end of a line is no part of it. */
export function decodeQuotedPrintable(octets: Buffer): Buffer {
  let out = '';
  const lines = octets.toString('latin1').split('\r\n');
  for (const [n, line] of lines.entries()) {
    let end = line.length;
    while (end > 0 && (line[end - 1] === ' ' || line[end - 1] === '\t')) end--;
    const soft = line[end - 1] === '=';
    const text = line.slice(0, soft ? end - 1 : end);
    out += text.replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
    if (!soft && n < lines.length - 1) out += '\r\n';
  }
  return Buffer.from(out, 'latin1');
}

/** Octets in seven bits and short lines: base64 where that is what it was, or where quoted-printable would not be readable. */
export function encodeTransfer(
  octets: Buffer,
  isText: boolean,
  was: Entity['encoding'],
): { encoding: 'quoted-printable' | 'base64'; octets: Buffer } {
  const readable = isText && measureLines(octets).high * 3 <= octets.length;
  return was === 'base64' || (was === 'identity' && !readable)
    ? { encoding: 'base64', octets: encodeBase64(octets) }
    : { encoding: 'quoted-printable', octets: encodeQuotedPrintable(octets) };
}
