/**
 * Quoted-printable (RFC 2045 6.7) of a text whose line ends are all CRLF. Lines are at most 76 octets and are broken after a
 * space where one is near, so that the text stays readable. A dot or `From ` at the start of a line is encoded too: some
 * servers on the way still change them.
 */

const LINE = 76;
/** How far back from the end of a line a space is looked for. */
export const NEAR = 25;
/** Octets behind one that decide with it how it is encoded. */
export const LOOK_AHEAD = 4;
const HEX = Buffer.from('0123456789ABCDEF');
const [CR, LF, SPACE, TAB, EQUALS, DOT, F] = [0x0d, 0x0a, 0x20, 0x09, 0x3d, 0x2e, 0x46];

/** What most octets of a text are, so that they pass with one look-up: stands for itself, is white space, must be encoded. */
const [LITERAL, BLANK, ENCODED] = [1, 2, 3];
const KINDS = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte === SPACE || byte === TAB) return BLANK;
  if (byte === CR || byte === LF) return 0;
  return byte > SPACE && byte < 0x7f && byte !== EQUALS ? LITERAL : ENCODED;
});

/** An encoding under way. `start`: where its last line begins in `octets`. `space`: behind that line's last space, or -1. */
export type Encoding = { octets: Buffer; to: number; start: number; space: number };

/** Octets that an encoding takes at most: three for each, and a soft break at least every 50 (LINE - NEAR). */
export function encodedBytes(octets: number): number {
  return Math.ceil(octets * 3 * 1.07) + 8;
}

export function encodeQuotedPrintable(text: Buffer): Buffer {
  const encoding = { octets: Buffer.allocUnsafe(encodedBytes(text.length)), to: 0, start: 0, space: -1 };
  encodeOn(encoding, text, 0, text.length);
  return encoding.octets.subarray(0, encoding.to);
}

/**
 * Encodes a piece of a text behind what is encoded already.
 * @param text whole, or from the piece on at least LOOK_AHEAD octets more; it is not cut between CR and LF
 */
export function encodeOn(encoding: Encoding, text: Buffer, from: number, until: number): void {
  const out = encoding.octets;
  let { to, start, space } = encoding;
  const { length: end } = text;
  for (let at = from; at < until; at++) {
    const byte = text[at]!;
    const kind = KINDS[byte];
    const length = to - start;
    // Where a soft break still fits behind it, and it is not the first of its line, an octet needs no further thought.
    if (length > 0 && length < LINE - 1) {
      if (kind === LITERAL) {
        out[to++] = byte;
        continue;
      }
      if (kind === BLANK && at + 1 < end && text[at + 1] !== CR) {
        out[to++] = byte;
        if (byte === SPACE) space = to;
        continue;
      }
      if (kind === ENCODED && length < LINE - 3) {
        out[to++] = EQUALS;
        out[to++] = HEX[byte >> 4]!;
        out[to++] = HEX[byte & 15]!;
        continue;
      }
    }
    if (byte === CR && text[at + 1] === LF) {
      out[to++] = CR;
      out[to++] = LF;
      at++;
      start = to;
      space = -1;
      continue;
    }
    const literal = isLiteral(byte, text, at, to === start);
    if (length + (literal ? 1 : 3) > LINE - 1 && !endsLine(text, at, length, literal)) {
      // A soft break: behind the last space if it is near, else here. What stood behind the space moves on.
      const cut = space >= 0 && to - space < NEAR ? space : to;
      for (let from = to - 1; from >= cut; from--) out[from + 3] = out[from]!;
      out[cut] = EQUALS;
      out[cut + 1] = CR;
      out[cut + 2] = LF;
      to += 3;
      start = cut + 3;
      space = -1;
    }
    if (literal) {
      out[to++] = byte;
      if (byte === SPACE) space = to;
    } else {
      out[to++] = EQUALS;
      out[to++] = HEX[byte >> 4]!;
      out[to++] = HEX[byte & 15]!;
    }
  }
  encoding.to = to;
  encoding.start = start;
  encoding.space = space;
}

function isLiteral(byte: number, text: Buffer, at: number, first: boolean): boolean {
  if (byte === SPACE || byte === TAB) {
    const next = text[at + 1];
    return next !== undefined && !(next === CR && text[at + 2] === LF);
  }
  if (first && (byte === DOT || (byte === F && text.toString('latin1', at, at + 5) === 'From '))) return false;
  return byte > SPACE && byte < 0x7f && byte !== EQUALS;
}

/** Whether this octet fits as the last one of its line: then it needs no room for a soft break. */
function endsLine(text: Buffer, at: number, length: number, literal: boolean): boolean {
  const last = at + 1 === text.length || (text[at + 1] === CR && text[at + 2] === LF);
  return last && length + (literal ? 1 : 3) <= LINE;
}
