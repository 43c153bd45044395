/**
 * The header section of a message or part, as it may come from anywhere: read in one pass, bounded, whatever is in it.
 * Names in lower case, values unfolded (RFC 5322 2.2.3) and undecoded, in their order. What is no field is left out; a line that
 * can be neither a field nor the continuation of one ends the section.
 */
import { FIELD_CHARACTERS, HEADER_BYTES, HEADER_FIELDS } from './limits.ts';

export type Header = ReadonlyMap<string, readonly string[]>;

const NAME = /^([!-9;-~]{1,100})[ \t]*:/;
/** mbox: a line that an old mailbox begins with. */
const MBOX = /^>?From /;

/**
 * @param text lines end in LF
 * @param start where the section begins; at an empty line there is none
 * @returns `end`: where the body begins
 */
export function readHeader(text: string, start = 0): { header: Header; end: number } {
  const header = new Map<string, string[]>();
  let at = start;
  let last: { values: string[]; parts: string[]; length: number } | undefined;
  const finish = () => {
    if (last) last.values[last.values.length - 1] = last.parts.join(' ').trim();
  };
  let fields = 0;
  while (at < text.length) {
    const newline = text.indexOf('\n', at);
    const next = newline < 0 ? text.length : newline + 1;
    const line = text.slice(at, Math.min(newline < 0 ? text.length : newline, at + FIELD_CHARACTERS));
    if (line === '') {
      at = next;
      break;
    }
    const name = NAME.exec(line);
    if (line.startsWith(' ') || line.startsWith('\t')) {
      if (last && last.length < FIELD_CHARACTERS) {
        last.parts.push(line.trim());
        last.length += line.length;
      }
    } else if (name) {
      finish();
      last = undefined;
      if (++fields <= HEADER_FIELDS && at - start < HEADER_BYTES) {
        const key = name[1]!.toLowerCase();
        const values = header.get(key) ?? [];
        values.push('');
        header.set(key, values);
        const value = line.slice(name[0].length).trim();
        last = { values, parts: value === '' ? [] : [value], length: value.length };
      }
    } else if (!MBOX.test(line)) break;
    at = next;
  }
  finish();
  return { header, end: at };
}

/** The first value, or an empty string. */
export function first(header: Header, name: string): string {
  return header.get(name)?.[0] ?? '';
}
