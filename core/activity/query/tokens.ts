/**
 * The words of a query (SendGrid: Email Activity Feed, "Query reference"): names, numbers, texts in either quote, operators. One pass
 * over the text, which never looks back, so its time is the text's length. It refuses a text that does not end and a character that
 * begins nothing.
 */

export type Token =
  | { kind: 'name'; text: string }
  | { kind: 'number'; value: number }
  /** `pattern`: what `LIKE` reads, in which `\%` is still a percent sign and `%` is not. */
  | { kind: 'text'; value: string; pattern: string }
  | { kind: 'sign'; text: string }
  | { kind: 'end' };

/** What is wrong with a query, in words for whoever wrote it. */
export class QueryError extends Error {}

const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const NUMBER = /\d{1,15}(?:\.\d{1,15})?/y;
const SIGN = /!=|<>|<=|>=|[=<>()[\],+\-*/]/y;
const SPACE = /\s+/y;

/** @throws QueryError */
export function readTokens(query: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const [found] = pattern.exec(query) ?? [];
    if (found !== undefined) at += found.length;
    return found;
  };
  for (;;) {
    take(SPACE);
    if (at >= query.length) break;
    const quote = query[at]!;
    if (quote === '"' || quote === "'") {
      const read = readText(query, at + 1, quote);
      at = read.end;
      tokens.push(read.token);
      continue;
    }
    const name = take(NAME);
    if (name !== undefined) {
      tokens.push({ kind: 'name', text: name });
      continue;
    }
    const number = take(NUMBER);
    if (number !== undefined) {
      tokens.push({ kind: 'number', value: Number(number) });
      continue;
    }
    const sign = take(SIGN);
    if (sign === undefined) throw new QueryError(`invalid syntax: unexpected character '${[...query.slice(at)][0]}'`);
    tokens.push({ kind: 'sign', text: sign === '<>' ? '!=' : sign });
  }
  tokens.push({ kind: 'end' });
  return tokens;
}

/** A backslash takes its meaning from the quote, from itself and, in patterns, from `%`; before anything else it is a backslash. */
function readText(query: string, from: number, quote: string): { token: Token; end: number } {
  let value = '';
  let pattern = '';
  let at = from;
  for (; at < query.length && query[at] !== quote; at++) {
    const [here, next] = [query[at]!, query[at + 1]];
    if (here !== '\\' || (next !== quote && next !== '\\' && next !== '%')) {
      value += here;
      pattern += here;
      continue;
    }
    at++;
    value += next;
    pattern += next === quote ? next : `\\${next}`;
  }
  if (at >= query.length) throw new QueryError('invalid syntax: a text does not end');
  return { token: { kind: 'text', value, pattern }, end: at + 1 };
}
