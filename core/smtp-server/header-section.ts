/**
 * The header section of a message that comes in pieces (RFC 5322 2.1): all octets up to and including the empty line, or the
 * whole message where it has none. It refuses one over its limit, and keeps nothing of it.
 */
import { createGrowingBuffer } from '../growing-buffer.ts';

export type HeaderReader = {
  push: (piece: Buffer) => void;
  /** Whether the empty line has come, so that what follows is body. */
  complete: () => boolean;
  tooLong: () => boolean;
  /** The section so far; empty when it was too long. */
  octets: () => Buffer;
};

const END = Buffer.from('\r\n\r\n');
const CRLF = END.subarray(0, 2);

/** @param limit octets of the section */
export function createHeaderReader(limit: number): HeaderReader {
  let kept = createGrowingBuffer();
  // A message that begins with an empty line has no header: as if a line had ended before it.
  let tail: Buffer = CRLF;
  let state: 'open' | 'complete' | 'too-long' = 'open';
  return {
    push: (piece) => {
      if (state !== 'open') return;
      // An end that straddles two pieces begins in the last three octets of what came.
      const seam = Buffer.concat([tail, piece.subarray(0, END.length - 1)]);
      const across = seam.indexOf(END);
      const within = across === -1 ? piece.indexOf(END) : -1;
      const end = across !== -1 ? across + END.length - tail.length : within === -1 ? -1 : within + END.length;
      const part = end === -1 ? piece : piece.subarray(0, end);
      if (kept.length() + part.length > limit) {
        kept = createGrowingBuffer();
        state = 'too-long';
        return;
      }
      kept.append(part);
      if (end !== -1) state = 'complete';
      else tail = piece.length >= 3 ? piece.subarray(-3) : Buffer.concat([tail, piece]).subarray(-3);
    },
    complete: () => state === 'complete',
    tooLong: () => state === 'too-long',
    octets: () => kept.octets(),
  };
}
