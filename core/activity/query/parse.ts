/**
 * The query language of Email Activity, read: comparisons of a field with a value, `AND`, `OR`, `NOT`, parentheses. Words are taken in either
 * case; `NOT` binds before `AND`, `AND` before `OR`.
 *
 *   status = "not_delivered" AND last_event_time BETWEEN TIMESTAMP "2026-11-01T00:00:00Z" AND TIMESTAMP "2026-11-02T00:00:00Z"
 *   to_email IN ("a@example.com", "b@example.com") OR (subject LIKE "Invoice%" AND Contains(categories, "orders"))
 *
 * It refuses a field or an operator that is not there, a value of another kind than the field's, and whatever is longer or deeper than a
 * person writes: reading and matching take time by the number of words, whatever they say.
 */
import type { Fields, Kind } from './fields.ts';
import { type Reader, readerOf, show, unexpected } from './reader.ts';
import { QueryError, readTokens } from './tokens.ts';
import { readNumber, readTime, UNITS } from './values.ts';

export { QueryError } from './tokens.ts';

/** A field, or one key of a map. */
export type Subject = { field: string; kind: Exclude<Kind, 'map'> } | { field: string; kind: 'map'; key?: string };
export type Comparison = '=' | '!=' | '<' | '<=' | '>' | '>=';
export type Condition =
  | { kind: 'compare'; subject: Subject; by: Comparison; value: string | number }
  | { kind: 'in'; subject: Subject; values: readonly (string | number)[] }
  /** What stands between the `%`: at the start, anywhere in order, at the end. */
  | { kind: 'like'; subject: Subject; parts: readonly string[] }
  | { kind: 'between'; subject: Subject; from: number | string; to: number | string }
  | { kind: 'contains'; subject: Subject; value: string }
  | { kind: 'null'; subject: Subject };
export type Query = Condition | { kind: 'and' | 'or'; all: readonly Query[] } | { kind: 'not'; of: Query };

/** Characters of a query: more does not fit into a URL that API Gateway takes. */
export const QUERY_LENGTH = 8_192;
/** Words and signs of one. */
const MOST_TOKENS = 3_000;
/** Parentheses and `NOT`s within each other. */
const DEEPEST = 32;
/** Values of an `IN`. */
const MOST_VALUES = 1_000;

const RESERVED = new Set(
  'and or not between in like contains is null timestamp interval date now'.split(' ').concat(Object.keys(UNITS)),
);

/**
 * @param now milliseconds since the epoch, for `NOW()`
 * @throws QueryError in SendGrid's words where they are known
 */
export function parseQuery(text: string, fields: Fields, now: number): Query {
  if (text.length > QUERY_LENGTH) throw new QueryError(`the query is longer than ${QUERY_LENGTH} characters`);
  const tokens = readTokens(text);
  if (tokens.length > MOST_TOKENS) throw new QueryError(`the query has more than ${MOST_TOKENS} words and signs`);
  const reader = readerOf(tokens);
  const query = readOr(reader, { fields, now }, 0);
  if (reader.peek().kind !== 'end') throw unexpected(reader.peek());
  return query;
}

type Context = { fields: Fields; now: number };

function readOr(reader: Reader, context: Context, depth: number): Query {
  const all = [readAnd(reader, context, depth)];
  while (reader.word('or')) all.push(readAnd(reader, context, depth));
  return all.length === 1 ? all[0]! : { kind: 'or', all };
}

function readAnd(reader: Reader, context: Context, depth: number): Query {
  const all = [readNot(reader, context, depth)];
  while (reader.word('and')) all.push(readNot(reader, context, depth));
  return all.length === 1 ? all[0]! : { kind: 'and', all };
}

function readNot(reader: Reader, context: Context, depth: number): Query {
  if (depth > DEEPEST) throw new QueryError(`the query is deeper than ${DEEPEST} levels`);
  if (reader.word('not')) return { kind: 'not', of: readNot(reader, context, depth + 1) };
  if (!reader.sign('(')) return readCondition(reader, context);
  const query = readOr(reader, context, depth + 1);
  reader.demandSign(')');
  return query;
}

function readCondition(reader: Reader, context: Context): Query {
  if (reader.word('contains')) {
    reader.demandSign('(');
    const subject = readSubject(reader, context);
    reader.demandSign(',');
    const condition = containing(subject, reader);
    reader.demandSign(')');
    return condition;
  }
  const subject = readSubject(reader, context);
  if (reader.word('is')) {
    const isNot = reader.word('not');
    reader.demandWord('null');
    return negateIf(isNot, { kind: 'null', subject });
  }
  const isNot = reader.word('not');
  if (reader.word('in')) return negateIf(isNot, { kind: 'in', subject, values: readValues(subject, reader, context) });
  if (reader.word('like')) return negateIf(isNot, { kind: 'like', subject, parts: readPattern(subject, reader) });
  if (reader.word('contains')) return negateIf(isNot, containing(subject, reader));
  if (reader.word('between')) {
    if (subject.kind === 'set') throw wrongOperator('BETWEEN', subject);
    const from = readValue(subject, reader, context);
    reader.demandWord('and');
    return negateIf(isNot, { kind: 'between', subject, from, to: readValue(subject, reader, context) });
  }
  if (isNot) throw unexpected(reader.peek());
  return readComparison(subject, reader, context);
}

const negateIf = (isNot: boolean, of: Query): Query => (isNot ? { kind: 'not', of } : of);

function readComparison(subject: Subject, reader: Reader, context: Context): Query {
  const token = reader.next();
  if (token.kind !== 'sign' || !/^(!=|[<>]=?|=)$/.test(token.text)) throw unexpected(token);
  const by = token.text as Comparison;
  if (subject.kind === 'set' && by !== '=' && by !== '!=') throw wrongOperator(by, subject);
  return { kind: 'compare', subject, by, value: readValue(subject, reader, context) };
}

/** A field by its name, or a key of one that is a map. */
function readSubject(reader: Reader, { fields }: Context): Subject {
  const token = reader.next();
  if (token.kind !== 'name') throw unexpected(token);
  const field = token.text.toLowerCase();
  const kind = Object.hasOwn(fields, field) ? fields[field]! : undefined;
  if (kind === undefined) {
    if (RESERVED.has(field)) throw unexpected(token);
    throw new QueryError(`invalid syntax: '${token.text}' is not a known field`);
  }
  if (kind !== 'map') return { field, kind };
  if (!reader.sign('[')) return { field, kind };
  const key = reader.next();
  if (key.kind !== 'text') throw new QueryError(`invalid syntax: expected a key in quotes, found ${show(key)}`);
  reader.demandSign(']');
  return { field, kind, key: key.value };
}

function containing(subject: Subject, reader: Reader): Query {
  const isOfMany = subject.kind === 'set' || (subject.kind === 'map' && subject.key === undefined);
  if (!isOfMany) throw new QueryError('CONTAINS expects an array or map type as the first argument');
  const token = reader.next();
  if (token.kind !== 'text')
    throw new QueryError(`CONTAINS expects a text as the second argument, found ${show(token)}`);
  return { kind: 'contains', subject, value: token.value };
}

function readPattern(subject: Subject, reader: Reader): string[] {
  if (subject.kind === 'number' || subject.kind === 'time' || subject.kind === 'set')
    throw wrongOperator('LIKE', subject);
  demandKey(subject);
  const token = reader.next();
  if (token.kind !== 'text') throw new QueryError(`LIKE expects a text, found ${show(token)}`);
  const parts = [''];
  for (let at = 0; at < token.pattern.length; at++) {
    const here = token.pattern[at]!;
    if (here === '%') parts.push('');
    else parts[parts.length - 1] += here === '\\' ? token.pattern[++at]! : here;
  }
  return parts;
}

function readValues(subject: Subject, reader: Reader, context: Context): (string | number)[] {
  reader.demandSign('(');
  const values = [readValue(subject, reader, context)];
  while (reader.sign(',')) {
    values.push(readValue(subject, reader, context));
    if (values.length > MOST_VALUES) throw new QueryError(`IN takes at most ${MOST_VALUES} values`);
  }
  reader.demandSign(')');
  return values;
}

/** A value of the field's kind; numbers and times may be sums. */
function readValue(subject: Subject, reader: Reader, context: Context): string | number {
  if (subject.kind === 'number') return readNumber(reader);
  if (subject.kind === 'time') return readTime(reader, context.now);
  demandKey(subject);
  const token = reader.next();
  if (token.kind === 'text') return token.value;
  // `unique_args['order'] = 17`: what is kept is text.
  if (token.kind === 'number' && subject.kind === 'map') return String(token.value);
  throw new QueryError(`'${subject.field}' is compared with a text in quotes, not with ${show(token)}`);
}

function demandKey(subject: Subject): void {
  if (subject.kind === 'map' && subject.key === undefined)
    throw new QueryError(`'${subject.field}' is compared by key: ${subject.field}['key']`);
}

const wrongOperator = (operator: string, { field }: Subject) =>
  new QueryError(`invalid syntax: '${field}' cannot be compared by ${operator}`);
