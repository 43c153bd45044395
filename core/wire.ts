/**
 * A message as it stands on the wire: every line ends in CRLF, no NUL, dots stuffed (RFC 5321 4.5.2), one terminator.
 * Each bare CR and each bare LF becomes CRLF, before signing; NUL is removed, also between CR and LF. So servers that
 * disagree about line ends (SMTP smuggling, CVE-2023-51764 and kin) still see one message.
 */

const CR = 0x0d;
const LF = 0x0a;
const DOT = 0x2e;

/** Octets of the longest line of a text that goes out as it is (RFC 2045 6.7 wants 76 of encoded text). */
export const PLAIN_LINE = 76;

/** What follows a message that ends in CRLF: the final dot. */
export const FINAL_DOT = Buffer.from('.\r\n');

/**
 * The same text with CRLF as its only line end, without NUL, and ending in CRLF unless it is empty.
 * Returns the same buffer when it already is so.
 */
export function normaliseLines(text: Buffer): Buffer {
  if (isNormal(text)) return text;
  const out = Buffer.allocUnsafe(text.length * 2 + 2);
  let to = 0;
  let afterCr = false;
  for (let at = 0; at < text.length; at++) {
    const byte = text[at]!;
    if (byte === 0) continue;
    if (byte === LF && afterCr) {
      afterCr = false;
      continue;
    }
    afterCr = byte === CR;
    if (byte === CR || byte === LF) {
      out[to++] = CR;
      out[to++] = LF;
    } else out[to++] = byte;
  }
  if (to > 0 && out[to - 1] !== LF) {
    out[to++] = CR;
    out[to++] = LF;
  }
  return out.subarray(0, to);
}

/** The text of a part, as `normaliseLines` but for strings, and without adding a last line end. */
export function normaliseText(text: string): string {
  const whole = text.includes('\0') ? text.replaceAll('\0', '') : text;
  return whole.includes('\r') ? whole.replace(/\r\n|\r|\n/g, '\r\n') : whole.replaceAll('\n', '\r\n');
}

/** Doubles the dot that begins a line. `text` must be normal. Returns the same buffer when no line begins with one. */
export function stuffDots(text: Buffer): Buffer {
  let dots = text[0] === DOT ? 1 : 0;
  for (let at = text.indexOf('\n.'); at >= 0; at = text.indexOf('\n.', at + 1)) dots++;
  if (dots === 0) return text;
  const out = Buffer.allocUnsafe(text.length + dots);
  let to = 0;
  let lineStart = true;
  for (const byte of text) {
    if (lineStart && byte === DOT) out[to++] = DOT;
    out[to++] = byte;
    lineStart = byte === LF;
  }
  return out;
}

/** What a text is made of. `longest`: octets of its longest line, the CRLF not counted. */
export type Lines = { longest: number; eightBit: boolean; high: number; controls: boolean };

/** Measures lines; counts octets above 127 (`high`), and notes control characters beside TAB, CR and LF. */
export function measureLines(text: Buffer): Lines {
  let longest = 0;
  let start = 0;
  let high = 0;
  let controls = false;
  const { length: end } = text;
  for (let at = 0; at < end; at++) {
    const byte = text[at]!;
    if (byte > 0x7e) {
      if (byte === 0x7f) controls = true;
      else high++;
    } else if (byte < 0x20 && byte !== 0x09 && byte !== CR) {
      if (byte === LF) {
        const length = at - start - (at > 0 && text[at - 1] === CR ? 1 : 0);
        if (length > longest) longest = length;
        start = at + 1;
      } else controls = true;
    }
  }
  return { longest: Math.max(longest, text.length - start), eightBit: high > 0, high, controls };
}

function isNormal(text: Buffer): boolean {
  if (text.length > 0 && text[text.length - 1] !== LF) return false;
  let before = 0;
  for (let at = 0; at < text.length; at++) {
    const byte = text[at]!;
    if (byte === 0) return false;
    if (byte === LF ? before !== CR : before === CR) return false;
    before = byte;
  }
  return true;
}
