/**
 * The octets of a message as they come after DATA (RFC 5321 4.5.2) or BDAT (RFC 3030), piece by piece: dots unstuffed, every
 * line end looked at. Only CRLF.CRLF ends DATA, and only CRLF ends a line.
 * What is refused (a bare CR or LF, which is how messages are smuggled: CVE-2023-51764 and kin; NUL; a line that is too long)
 * is read on to its true end, so that the session stays in step, but nothing of it is handed on from there.
 */
import { isAscii } from 'node:buffer';

/** Why a message is refused; the first fault stands. */
export type OctetFault = 'bare-line-end' | 'nul' | 'line-too-long';

export type OctetReader = {
  /**
   * Takes a chunk of a message, gives its pieces to `emit` in order, without copying.
   * @returns of DATA, what came behind the end (mostly nothing); undefined: the end has not come
   */
  push: (chunk: Buffer, emit: (piece: Buffer) => void) => Buffer | undefined;
  fault: () => OctetFault | undefined;
  /** Whether the message is at the start of a line: BDAT's last octets should be CRLF. */
  atLineStart: () => boolean;
  /** Whether any octet was above 127. */
  eightBit: () => boolean;
};

const CR = 13;
const LF = 10;
const DOT = 46;

/** At a line's start; behind its first dot; behind dot and CR; in a line; behind a CR in it. */
type Place = 'start' | 'dot' | 'dot-cr' | 'line' | 'cr';

/**
 * @param stuffed DATA's octets; else BDAT's, whose length says where they end
 * @param lineBytes octets that a line may have without its CRLF
 */
export function createOctetReader(stuffed: boolean, lineBytes: number): OctetReader {
  let place: Place = 'start';
  let inLine = 0;
  let fault: OctetFault | undefined;
  let ascii = true;

  const push = (chunk: Buffer, emit: (piece: Buffer) => void): Buffer | undefined => {
    const next = createFinder(chunk);
    let from = 0;
    let at = 0;
    const give = (to: number) => {
      if (to === from || fault !== undefined) return;
      const piece = chunk.subarray(from, to);
      ascii &&= isAscii(piece);
      if (piece.includes(0)) fault = 'nul';
      else emit(piece);
    };
    while (at < chunk.length) {
      switch (place) {
        case 'start':
          inLine = 0;
          if (stuffed && chunk[at] === DOT) {
            give(at);
            from = ++at;
            place = 'dot';
          } else place = 'line';
          break;
        case 'dot':
          if (chunk[at] === CR) {
            place = 'dot-cr';
            // Half of the end, or a bare CR: in neither case a part of the message.
            from = ++at;
          } else place = 'line';
          break;
        case 'dot-cr':
          if (chunk[at] === LF) return chunk.subarray(at + 1);
          fault ??= 'bare-line-end';
          place = 'line';
          break;
        case 'line': {
          const { cr, lf } = next(at);
          const end = Math.min(cr, lf);
          inLine += end - at;
          if (inLine > lineBytes) fault ??= 'line-too-long';
          if (lf < cr) fault ??= 'bare-line-end';
          else if (cr < chunk.length) place = 'cr';
          at = Math.min(end + 1, chunk.length);
          break;
        }
        case 'cr':
          if (chunk[at] === LF) {
            at++;
            place = 'start';
          } else {
            fault ??= 'bare-line-end';
            place = 'line';
          }
      }
    }
    give(chunk.length);
    return undefined;
  };
  return {
    push,
    fault: () => (fault === undefined && !stuffed && place === 'cr' ? 'bare-line-end' : fault),
    atLineStart: () => place === 'start',
    eightBit: () => !ascii,
  };
}

/** Where the next CR and LF are; none: the chunk's length. Each octet is searched once, whatever stands in it. */
function createFinder(chunk: Buffer): (at: number) => { cr: number; lf: number } {
  const found = { cr: -1, lf: -1 };
  const seek = (octet: number, at: number) => {
    const index = chunk.indexOf(octet, at);
    return index === -1 ? chunk.length : index;
  };
  return (at) => {
    if (found.cr < at) found.cr = seek(CR, at);
    if (found.lf < at) found.lf = seek(LF, at);
    return found;
  };
}
