/**
 * A command line of a client (RFC 5321 4.1.1), its CRLF taken off: the verb and what follows it. It refuses control
 * characters, bare CR and LF among them, and octets that are no UTF-8: none of them ever reaches a log, a reply or a record.
 */

export const VERBS = [
  'EHLO',
  'HELO',
  'STARTTLS',
  'AUTH',
  'MAIL',
  'RCPT',
  'DATA',
  'BDAT',
  'RSET',
  'NOOP',
  'QUIT',
  'VRFY',
  'EXPN',
  'HELP',
] as const;
export type Verb = (typeof VERBS)[number];

/** `unknown`: a verb we do not have; `malformed`: no command at all. */
export type Command = { verb: Verb; argument: string } | { verb: 'unknown' } | { verb: 'malformed' };

const CONTROL = /[\x00-\x1f\x7f]/;
const utf8 = new TextDecoder('utf-8', { fatal: true });
const known = new Set<string>(VERBS);

export function readCommand(line: Buffer): Command {
  const text = readText(line);
  if (text === undefined) return { verb: 'malformed' };
  const space = text.indexOf(' ');
  const verb = (space === -1 ? text : text.slice(0, space)).toUpperCase();
  if (!known.has(verb)) return { verb: 'unknown' };
  // White space at the end means nothing (RFC 5321 4.1.1: "SHOULD tolerate trailing white space").
  return { verb: verb as Verb, argument: space === -1 ? '' : text.slice(space + 1).trim() };
}

/** A line as text; undefined where it holds what no line may. */
export function readText(line: Buffer): string | undefined {
  try {
    const text = utf8.decode(line);
    return CONTROL.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

/** What EHLO names (RFC 5321 4.1.1.1), as it may stand in a Received field: a host name, an address literal, or what people write there. */
export function readHelo(argument: string): string | undefined {
  const [name = ''] = argument.split(' ');
  return /^[\x21-\x7e]{1,255}$/.test(name) && !/[()<>;\\"]/.test(name) ? name : undefined;
}

/** `BDAT <octets> [LAST]` (RFC 3030 2). */
export function readBdat(argument: string): { octets: number; last: boolean } | undefined {
  const match = /^(\d{1,10})(?: +(LAST))?$/i.exec(argument);
  return match ? { octets: Number(match[1]), last: match[2] !== undefined } : undefined;
}
