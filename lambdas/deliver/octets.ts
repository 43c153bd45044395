/**
 * Memory for the octets of short messages, used again and again: a buffer of its own for each of thousands a second keeps
 * the garbage collector busy with marking everything that lives, and the kernel with clearing pages (a sixth of deliver's
 * CPU, measured). Messages lie one behind the other in blocks; a block is used again when the last of its messages was
 * given back.
 * It refuses nothing: what is long gets a buffer of its own.
 */

/** A slow host keeps a message for minutes, and with it its block: so blocks are small. */
const BLOCK = 65_536;
/** Octets of a message up to which it shares a block. */
const SHORT = BLOCK / 4;
/** Blocks that are kept though nothing is in them. */
const SPARE = 64;

type Block = { octets: Buffer; at: number; users: number };

let current: Block | undefined;
const spare: Block[] = [];

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
  const block = blockWith(length);
  const from = block.at;
  for (const piece of pieces) block.at += piece.copy(block.octets, block.at);
  block.users++;
  const giveBack = () => {
    if (--block.users > 0) return;
    block.at = 0;
    if (block !== current && spare.length < SPARE) spare.push(block);
  };
  return { octets: block.octets.subarray(from, block.at), giveBack };
}

function blockWith(length: number): Block {
  if (current && current.at + length <= BLOCK) return current;
  current = spare.pop() ?? { octets: Buffer.allocUnsafeSlow(BLOCK), at: 0, users: 0 };
  return current;
}
