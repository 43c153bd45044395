/**
 * The boundaries that are open at a place in a mail (RFC 2046 5.1.1), and where the next line stands that is one of them. A
 * line is looked up, not compared with each, so a hundred open boundaries cost no more than one.
 */
import { BOUNDARY_CHARACTERS, MIME_DEPTH } from './limits.ts';

export type Delimiter = {
  at: number;
  /** Where the line behind it begins. */
  next: number;
  /** Which of the open multiparts it belongs to, 0 the outermost. */
  level: number;
  closes: boolean;
};

export type Delimiters = {
  /** False when there are too many already. */
  open: (type: string, boundary: string) => boolean;
  closeTo: (depth: number) => void;
  depth: () => number;
  /** Types of the open multiparts, outermost first. */
  types: () => string[];
  next: (from: number) => Delimiter | undefined;
};

/** @param text lines end in LF */
export function trackDelimiters(text: string): Delimiters {
  const stack: { type: string; line: string }[] = [];
  /** Of each delimiter line, the levels at which it is open; the innermost is meant. */
  const levels = new Map<string, number[]>();
  const levelOf = (line: string) => levels.get(line)?.at(-1);

  return {
    open: (type, boundary) => {
      if (stack.length >= MIME_DEPTH) return false;
      const line = `--${boundary}`;
      levels.set(line, [...(levels.get(line) ?? []), stack.length]);
      stack.push({ type, line });
      return true;
    },
    closeTo: (depth) => {
      while (stack.length > depth) levels.get(stack.pop()!.line)!.pop();
    },
    depth: () => stack.length,
    types: () => stack.map(({ type }) => type),
    next: (from) => {
      for (let at = from; at < text.length; ) {
        const newline = text.indexOf('\n', at);
        const end = newline < 0 ? text.length : newline;
        if (text.startsWith('--', at) && end - at <= BOUNDARY_CHARACTERS + 100) {
          const line = text.slice(at, end).trimEnd();
          const level = levelOf(line);
          if (level !== undefined) return { at, next: end + 1, level, closes: false };
          const closed = line.endsWith('--') ? levelOf(line.slice(0, -2)) : undefined;
          if (closed !== undefined) return { at, next: end + 1, level: closed, closes: true };
        }
        at = end + 1;
      }
      return undefined;
    },
  };
}
