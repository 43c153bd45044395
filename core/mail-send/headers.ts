/**
 * Custom headers. A name is a field name of RFC 5322 2.2 (printable ASCII, no space, no colon) and none that Pennypost
 * writes itself; a value cannot end its line. So neither can begin a header or a body of its own. What the composer would
 * leave out or could only write spoilt (a date that is none, ids that are none, a URL too long for a line) is refused.
 */
import { FIELD_NAME, MESSAGE_IDS, OURS, WORD_CHARACTERS } from '../headers.ts';
import { addFault, type Faults, hasLineBreak, isFull, quoted, readStrings, under } from './faults.ts';

const PRINTABLE_ASCII = /^[!-~]*$/;
/** One msg-id, with or without its angle brackets, or several without white space between (RFC 5322 3.6.4). */
const MESSAGE_ID = /^(?:[!-;=?-~]+|(?:<[!-;=?-~]+>)+)$/;
/** A URL of RFC 2369 with characters that only an encoded word could hold. */
const UNWRITABLE_URL = /<[^<>]*[^\x20-\x7e<>]/;

export function readHeaders(faults: Faults, value: unknown, field: string): Record<string, string> | undefined {
  const headers = readStrings(faults, value, field);
  if (!headers) return undefined;
  const topic = field.startsWith('personalizations') ? 'personalizations.headers' : 'headers';
  const seen = new Set<string>();
  for (const name of Object.keys(headers)) {
    if (isFull(faults)) break;
    const lower = name.toLowerCase();
    const fault = faultOf(name, lower, headers[name]!, seen);
    if (fault) addFault(faults, under(field, name), fault, topic);
    seen.add(lower);
  }
  return headers;
}

/** How the root spells its header names, by the name in lower case. Made once per request: a root may have many. */
export function spellingOf(root: Record<string, string>): ReadonlyMap<string, string> {
  return new Map(Object.keys(root).map((name) => [name.toLowerCase(), name]));
}

/**
 * The headers of a personalization, spelt as the root spells them where it has the same (names have no case, RFC 5322
 * 1.2.2): so a merge by key lets the personalization win, however each is written.
 */
export function spellAsRoot(
  headers: Record<string, string>,
  spelling: ReadonlyMap<string, string>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, text]) => [spelling.get(name.toLowerCase()) ?? name, text]),
  );
}

function faultOf(name: string, lower: string, text: string, seen: Set<string>): string | undefined {
  if (name === '' || !(PRINTABLE_ASCII.test(name) && !name.includes(':')))
    return 'The header keys must be printable ASCII characters without spaces and colons, at least one.';
  if (!FIELD_NAME.test(name)) return 'The header keys must not be longer than 76 characters.';
  if (OURS.test(lower)) return `The header ${name} is reserved and must not be set.`;
  if (seen.has(lower))
    return `The headers must not contain duplicate keys, ${name} is there twice (case does not count).`;
  if (hasLineBreak(text)) return `The value of the header ${name} must not contain CR, LF or NUL characters.`;
  return faultOfValue(name, lower, text);
}

/** Values with a syntax of their own. An empty one is no fault: there is nothing in it to lose. */
function faultOfValue(name: string, lower: string, text: string): string | undefined {
  if (text.trim() === '') return undefined;
  if (lower === 'date' && Number.isNaN(Date.parse(text)))
    return `The header ${name} must be a date and time, for example "Thu, 15 Jan 2026 12:00:00 +0000", you provided "${quoted(text)}".`;
  if (lower === 'message-id' && countMessageIds(text) !== 1)
    return `The header ${name} must be one message id of at most ${WORD_CHARACTERS} printable ASCII characters, for example "<1234@example.com>".`;
  if (lower === 'in-reply-to' || lower === 'references') {
    const count = countMessageIds(text);
    if (count < 1 || count > MESSAGE_IDS)
      return `The header ${name} must be 1 to ${MESSAGE_IDS} message ids with spaces between, each of at most ${WORD_CHARACTERS} printable ASCII characters.`;
  }
  if (lower.startsWith('list-')) return faultOfList(name, text);
  return undefined;
}

/** How many, or 0 where something else is among them. */
function countMessageIds(text: string): number {
  let count = 0;
  for (const word of text.trim().split(/\s+/)) {
    if (!MESSAGE_ID.test(word)) return 0;
    for (const id of word.split(/[<>]+/)) {
      if (id.length > WORD_CHARACTERS) return 0;
      if (id !== '') count++;
    }
  }
  return count;
}

/** List-* hold URLs (RFC 2369, 2919, 8058). One that must be encoded to fit a line is no URL any more. */
function faultOfList(name: string, text: string): string | undefined {
  if (text.split(/\s+/).some((word) => word.length > WORD_CHARACTERS))
    return `The value of the header ${name} must not contain more than ${WORD_CHARACTERS} characters without a space: it would not fit a line. Use a shorter URL, and a space behind each comma.`;
  if (UNWRITABLE_URL.test(text))
    return `The URLs of the header ${name} must be printable ASCII: percent-encode other characters.`;
  return undefined;
}
