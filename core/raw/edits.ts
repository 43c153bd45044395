/** Changes to a text of octets, by place: what lies between them is copied. */
export type Edit = {
  /** `[from, to)` is replaced; equal: something is put in. */
  from: number;
  to: number;
  /** Octets, or a text with one latin1 character an octet. */
  by: Buffer | string;
};

/**
 * The stretch `[from, to)` of a text with the edits that lie in it; itself where there is none. Edits do not
 * overlap; of two for the same stretch the later one holds, so what was mended may be changed.
 */
export function applyEdits(octets: Buffer, from: number, to: number, edits: readonly Edit[]): Buffer {
  const inside = edits.filter((edit) => edit.from >= from && edit.to <= to).sort((a, b) => a.from - b.from);
  if (inside.length === 0) return octets.subarray(from, to);
  const pieces: Buffer[] = [];
  let at = from;
  for (const [n, edit] of inside.entries()) {
    const next = inside[n + 1];
    if (next && edit.to > edit.from && next.from === edit.from && next.to === edit.to) continue;
    pieces.push(octets.subarray(at, edit.from), typeof edit.by === 'string' ? Buffer.from(edit.by, 'latin1') : edit.by);
    at = edit.to;
  }
  pieces.push(octets.subarray(at, to));
  return Buffer.concat(pieces);
}
