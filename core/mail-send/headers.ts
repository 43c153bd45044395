/**
 * Custom headers. A name is a field name of RFC 5322 2.2 (printable ASCII, no space, no colon) and none that Pennypost
 * writes itself; a value cannot end its line. So neither can begin a header or a body of its own.
 */
import { addFault, type Faults, hasLineBreak, isFull, quoted, readStrings, under } from './faults.ts';

const RESERVED = new Set([
  'x-sg-id',
  'x-sg-eid',
  'received',
  'dkim-signature',
  'content-type',
  'content-transfer-encoding',
  'to',
  'from',
  'subject',
  'reply-to',
  'cc',
  'bcc',
]);

/** ftext (RFC 5322 3.6.8). */
const NAME = /^[\x21-\x39\x3b-\x7e]+$/;

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
  if (!NAME.test(name))
    return 'The header keys must be printable ASCII characters without spaces and colons, at least one.';
  if (RESERVED.has(lower)) return `The header ${quoted(name)} is reserved and must not be set.`;
  if (seen.has(lower))
    return `The headers must not contain duplicate keys, ${quoted(name)} is there twice (case does not count).`;
  if (hasLineBreak(text)) return `The value of the header ${quoted(name)} must not contain CR, LF or NUL characters.`;
  return undefined;
}
