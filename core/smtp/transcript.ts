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
  /** What was said so far is the greeting: it belongs to every message of the session. */
  greeted: () => void;
  /** From here on it is one message's. */
  begin: () => void;
  /**
   * The greeting, and what was said of the last message that was begun. Never of another: a session carries mail of several accounts,
   * and one is not told of another's recipients.
   */
  own: () => string[];
  /** Never shown, whoever says it: a server may repeat what it was told. */
  hide: (secrets: readonly string[]) => void;
};

export function createTranscript(): Transcript {
  const entries: Entry[] = [];
  let next = 0;
  let total = 0;
  let greeting: Entry[] = [];
  let begun = 0;
  let hidden: readonly string[] = [];
  const inOrder = () =>
    entries.length < TRANSCRIPT_LINES ? entries : [...entries.slice(next), ...entries.slice(0, next)];
  const show = (some: readonly Entry[]) => some.flatMap(toLines).map((line) => hideIn(line, hidden));
  return {
    note: (entry) => {
      entries[next] = entry;
      next = next === TRANSCRIPT_LINES - 1 ? 0 : next + 1;
      total++;
    },
    lines: () => show(inOrder()).slice(-TRANSCRIPT_LINES),
    greeted: () => {
      greeting = inOrder().slice();
      begun = total;
    },
    begin: () => {
      begun = total;
    },
    own: () => {
      const count = Math.min(total - begun, entries.length);
      return [...show(greeting), ...show(count === 0 ? [] : inOrder().slice(-count))];
    },
    hide: (secrets) => {
      hidden = secrets.filter((secret) => secret !== '');
    },
  };
}

/** A text without what must not be read in it. */
export function hideIn(text: string, secrets: readonly string[]): string {
  return secrets.reduce((shown, secret) => shown.replaceAll(secret, '(hidden)'), text);
}

/** Characters of a line that a record keeps, and of all of them: an item stays within three write units more. */
const LINE_RECORDED = 300;
export const TRANSCRIPT_RECORDED = 2_500;
const LEFT_OUT = '# …';

/** Lines as a record keeps them: the last of them, where not all fit, since the end is what went wrong. */
export function cutTranscript(lines: readonly string[]): string {
  const kept: string[] = [];
  let length = 0;
  for (const whole of lines.flatMap((line) => line.split(/\r?\n/)).reverse()) {
    const line = whole.length > LINE_RECORDED ? `${whole.slice(0, LINE_RECORDED)}…` : whole;
    length += line.length + 1;
    if (length > TRANSCRIPT_RECORDED - LEFT_OUT.length) {
      kept.push(LEFT_OUT);
      break;
    }
    kept.push(line);
  }
  return kept.reverse().join('\n');
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
