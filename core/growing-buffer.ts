/**
 * Octets that come in pieces, kept in one: a million pieces of one octet cost a million octets, not a million objects. It grows by
 * doubling, so copying stays linear.
 */
export type GrowingBuffer = {
  append: (piece: Buffer) => void;
  length: () => number;
  /** All of it; a view, good until the next `append`. */
  octets: () => Buffer;
};

const FIRST = 1_024;

export function createGrowingBuffer(): GrowingBuffer {
  let buffer: Buffer = Buffer.alloc(0);
  let length = 0;
  return {
    append: (piece) => {
      const needed = length + piece.length;
      if (needed > buffer.length) {
        const next = Buffer.allocUnsafeSlow(Math.max(FIRST, needed, 2 * buffer.length));
        buffer.copy(next, 0, 0, length);
        buffer = next;
      }
      piece.copy(buffer, length);
      length = needed;
    },
    length: () => length,
    octets: () => buffer.subarray(0, length),
  };
}
