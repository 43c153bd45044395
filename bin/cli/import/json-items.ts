/**
 * The objects of a JSON array (RFC 8259), one at a time, while it arrives: of a list that is not paged a few objects are held, not all. It
 * cuts; JSON.parse reads. Anything but an array of objects is refused, and so is one that ends in its midst.
 */
import { SourceError } from './source.ts';

/** Bytes of one object: no address and reply together are as long. */
const ITEM_BYTES = 1_000_000;

const [SPACE, TAB, LINE, RETURN] = [0x20, 0x09, 0x0a, 0x0d];
const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const [OPEN, CLOSE, OPEN_ARRAY, CLOSE_ARRAY] = [0x7b, 0x7d, 0x5b, 0x5d];

/** @throws SourceError */
export async function* jsonItems(parts: AsyncIterable<Buffer>, path: string): AsyncGenerator<unknown> {
  let state: 'before' | 'between' | 'within' | 'after' = 'before';
  let depth = 0;
  let isText = false;
  let isEscaped = false;
  /** What came of the object that is being read, in earlier parts. */
  let begun: Buffer[] = [];
  let bytes = 0;
  const refuse = (why: string) => new SourceError(200, `${path}: the answer ${why}`);
  for await (const part of parts) {
    let from = 0;
    for (let at = 0; at < part.length; at++) {
      const octet = part[at]!;
      if (state === 'within') {
        if (isEscaped) isEscaped = false;
        else if (isText) {
          if (octet === BACKSLASH) isEscaped = true;
          else if (octet === QUOTE) isText = false;
        } else if (octet === QUOTE) isText = true;
        else if (octet === OPEN || octet === OPEN_ARRAY) depth++;
        else if ((octet === CLOSE || octet === CLOSE_ARRAY) && --depth === 0) {
          yield parse(Buffer.concat([...begun, part.subarray(from, at + 1)]));
          [begun, bytes] = [[], 0];
          state = 'between';
        }
      } else if (octet === SPACE || octet === TAB || octet === LINE || octet === RETURN) continue;
      else if (state === 'before' && octet === OPEN_ARRAY) state = 'between';
      else if (state === 'between' && octet === OPEN) [state, depth, from] = ['within', 1, at];
      else if (state === 'between' && octet === CLOSE_ARRAY) state = 'after';
      else if (state !== 'between' || octet !== COMMA) throw refuse('is not a list of objects');
    }
    if (state !== 'within') continue;
    begun.push(part.subarray(from));
    bytes += part.length - from;
    if (bytes > ITEM_BYTES) throw refuse(`has an entry larger than ${ITEM_BYTES} bytes`);
  }
  if (state !== 'after') throw refuse('broke off (it is no whole list)');

  function parse(text: Buffer): unknown {
    try {
      return JSON.parse(text.toString('utf8'));
    } catch {
      throw refuse('is not JSON');
    }
  }
}
