/**
 * Reads the bytes after DATA (RFC 5321 4.1.1.4, 4.5.2). Only CRLF.CRLF ends them; a message with a bare CR or a bare LF
 * (SMTP smuggling, CVE-2023-51764), with a line over the limit or over the size limit is read to its true end, so that the
 * session stays in step, and then refused. Nothing of it is kept beyond the size limit.
 */

/** Bytes of a message: what Gmail takes (25 MB) plus its base64. */
export const MESSAGE_BYTES = 35 * 1024 * 1024;
/** Octets of a text line with its CRLF (RFC 5321 4.5.3.1.6). */
export const LINE_BYTES = 1000;

const END = Buffer.from('\r\n.\r\n');
const CR = 13;
const LF = 10;
const DOT = 46;

/** Why a message is refused. */
export type Fault = 'too-big' | 'bare-cr' | 'bare-lf' | 'line-too-long';

export type DataReader = {
  /** Takes bytes. Returns what follows the end of data (empty, as a rule), or undefined while the end has not come. */
  push(chunk: Buffer): Buffer | undefined;
  /** After the end: the message without stuffed dots, or why it is refused. */
  finish(): { raw: Buffer } | { fault: Fault };
};

export function createDataReader(limit = MESSAGE_BYTES): DataReader {
  const chunks: Buffer[] = [];
  let kept = 0;
  let tooBig = false;
  // The CRLF of the DATA command itself: `.CRLF` straight after it is an empty message.
  let tail = END.subarray(0, 2);
  const keep = (piece: Buffer) => {
    kept += piece.length;
    if (kept > limit + 2) tooBig = true;
    if (tooBig) chunks.length = 0;
    else chunks.push(piece);
  };
  return {
    push(chunk) {
      const seen = Buffer.concat([tail, chunk]);
      const end = seen.indexOf(END);
      if (end !== -1) {
        keep(seen.subarray(0, end + 2));
        return seen.subarray(end + END.length);
      }
      const safe = Math.max(0, seen.length - END.length + 1);
      keep(seen.subarray(0, safe));
      tail = seen.subarray(safe);
      return undefined;
    },
    finish() {
      if (tooBig) return { fault: 'too-big' };
      return unstuff((chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)).subarray(2));
    },
  };
}

/** Checks every line and takes the first dot off the lines that begin with one. */
function unstuff(stuffed: Buffer): { raw: Buffer } | { fault: Fault } {
  const lines: Buffer[] = [];
  let from = 0;
  let lineStart = 0;
  while (lineStart < stuffed.length) {
    const lf = stuffed.indexOf(LF, lineStart);
    const cr = stuffed.indexOf(CR, lineStart);
    if (lf === -1 || cr === -1 || cr > lf) return { fault: lf === -1 ? 'bare-cr' : 'bare-lf' };
    if (cr !== lf - 1) return { fault: 'bare-cr' };
    const dot = stuffed[lineStart] === DOT ? 1 : 0;
    if (lf + 1 - lineStart - dot > LINE_BYTES) return { fault: 'line-too-long' };
    if (dot === 1) {
      lines.push(stuffed.subarray(from, lineStart));
      from = lineStart + 1;
    }
    lineStart = lf + 1;
  }
  return { raw: from === 0 ? stuffed : Buffer.concat([...lines, stuffed.subarray(from)]) };
}
