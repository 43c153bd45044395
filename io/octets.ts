/**
 * Memory for the octets of short messages, used again and again: a buffer of its own for each of thousands a second keeps
 * the garbage collector busy with marking everything that lives, and the kernel with clearing pages (a sixth of deliver's
 * CPU, measured). A slow host keeps a message for minutes, and with it its place alone: what lies beside it is not kept.
 * It refuses nothing: what is long gets a buffer of its own.
 */

/** Places have a size of so many octets, or twice, three times … as many. */
const STEP = 1_024;
/** Octets up to which a message has such a place. */
export const SHORT = 16 * STEP;
/** Octets of places that are kept though nothing is in them. */
const SPARE = 4_194_304;

/** Free places by their size in steps. */
const free: Buffer[][] = Array.from({ length: SHORT / STEP + 1 }, () => []);
let spare = 0;

export type Taken = {
  octets: Buffer;
  /** Ends the use of the octets; others will lie in their place. Called once, when nobody reads them any more. */
  giveBack: () => void;
};

/** Puts pieces together. */
export function takeOctets(pieces: readonly Buffer[]): Taken {
  let length = 0;
  for (const piece of pieces) length += piece.length;
  if (length > SHORT) return { octets: Buffer.concat(pieces, length), giveBack: () => {} };
  const ofSize = free[Math.ceil(length / STEP)]!;
  const place = ofSize.pop();
  if (place) spare -= place.length;
  const taken = place ?? Buffer.allocUnsafeSlow(Math.ceil(length / STEP) * STEP);
  let to = 0;
  for (const piece of pieces) to += piece.copy(taken, to);
  const giveBack = () => {
    if (spare + taken.length > SPARE) return;
    spare += taken.length;
    ofSize.push(taken);
  };
  return { octets: taken.subarray(0, length), giveBack };
}
