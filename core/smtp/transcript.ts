/**
 * What was said on a connection: the last TRANSCRIPT_LINES entries, oldest first. Few are ever read, so noting one costs a
 * reference, and lines are made when somebody asks. Secrets are not noted: who writes one notes what it was instead.
 */
import { TRANSCRIPT_LINES } from './limits.ts';

/** Ours: commands as written, CRLF and all, or a message's octets (their number). The server's: a reply's text. `# …`: a remark. */
export type Entry = string | number;

export type Transcript = {
  note: (entry: Entry) => void;
  /** `C: …`, `S: …` and `# …`. */
  lines: () => string[];
};

export function createTranscript(): Transcript {
  const entries: Entry[] = [];
  let next = 0;
  return {
    note: (entry) => {
      entries[next] = entry;
      next = next === TRANSCRIPT_LINES - 1 ? 0 : next + 1;
    },
    lines: () => {
      const inOrder = entries.length < TRANSCRIPT_LINES ? entries : [...entries.slice(next), ...entries.slice(0, next)];
      return inOrder.flatMap(toLines).slice(-TRANSCRIPT_LINES);
    },
  };
}

/** No command begins with a digit, and every reply does. */
function toLines(entry: Entry): string | string[] {
  if (typeof entry === 'number') return `C: (${entry} octets)`;
  if (entry.startsWith('#')) return entry;
  if (/^\d/.test(entry)) return `S: ${entry}`;
  return entry
    .split('\r\n')
    .filter(Boolean)
    .map((line) => `C: ${line}`);
}
