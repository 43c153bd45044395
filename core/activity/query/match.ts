/**
 * Whether a message answers a query. As in SQL there is a third answer, undefined, where a field has no value (`null`) or is not known:
 * `NOT` of it is undefined too. Only `true` is a hit; `false` is sure even while some fields are not known yet, so a search may leave
 * out what is false before it reads the rest.
 */
import { isRequestId } from '../../ids.ts';
import type { Value, Values } from './fields.ts';
import type { Comparison, Condition, Query, Subject } from './parse.ts';

export function matches(query: Query, values: Values): boolean | undefined {
  if (query.kind === 'not') {
    const answer = matches(query.of, values);
    return answer === undefined ? undefined : !answer;
  }
  if (!('all' in query)) return meets(query, readField(query.subject, values));
  const decisive = query.kind === 'or';
  let isKnown = true;
  for (const one of query.all) {
    const answer = matches(one, values);
    if (answer === decisive) return decisive;
    if (answer === undefined) isKnown = false;
  }
  return isKnown ? !decisive : undefined;
}

function readField(subject: Subject, values: Values): Value {
  const value = values[subject.field];
  if (subject.kind !== 'map' || subject.key === undefined || value === null || value === undefined) return value;
  return valueAt(value, subject.key);
}

function valueAt(map: Value, key: string): Value {
  const known = map as Readonly<Record<string, string | undefined>>;
  return Object.hasOwn(known, key) ? known[key] : null;
}

function meets(condition: Condition, value: Value): boolean | undefined {
  if (value === undefined) return undefined;
  if (condition.kind === 'null') return value === null || (Array.isArray(value) && value.length === 0);
  if (value === null) return undefined;
  const { subject } = condition;
  if (condition.kind === 'contains') {
    if (subject.kind === 'map') {
      const found = valueAt(value, condition.value);
      return found === undefined ? undefined : found !== null;
    }
    return (value as readonly string[]).includes(wordOf(subject, condition.value));
  }
  if (subject.kind === 'set') return amongSet(condition, value as readonly string[]);
  const own = value as string | number;
  switch (condition.kind) {
    case 'compare':
      return compare(subject, own, condition.by, condition.value);
    case 'in':
      return condition.values.some((one) => compare(subject, own, '=', one));
    case 'between':
      return compare(subject, own, '>=', condition.from) && compare(subject, own, '<=', condition.to);
    case 'like':
      return isLike(
        folded(subject, own) as string,
        condition.parts.map((part) => folded(subject, part) as string),
      );
  }
}

/** Of several values one is enough. */
function amongSet(condition: Condition, value: readonly string[]): boolean | undefined {
  const { subject } = condition;
  if (condition.kind === 'in') return condition.values.some((one) => value.includes(wordOf(subject, String(one))));
  if (condition.kind !== 'compare') return undefined;
  return value.includes(wordOf(subject, String(condition.value))) === (condition.by === '=');
}

/** The event webhook's words for what Email Activity calls otherwise. */
const EVENT_WORDS: Readonly<Record<string, string>> = {
  bounce: 'bounced',
  open: 'opened',
  click: 'clicked',
  drop: 'dropped',
  spamreport: 'spam_report',
};

function wordOf({ field }: Subject, word: string): string {
  if (field !== 'events') return word;
  const lower = word.toLowerCase();
  return EVENT_WORDS[lower] ?? lower;
}

function compare(subject: Subject, left: string | number, by: Comparison, right: string | number): boolean {
  if (isMessageId(subject) && (by === '=' || by === '!='))
    return isSameMessage(String(left), String(right)) === (by === '=');
  const [a, b] = [folded(subject, left), folded(subject, right)];
  switch (by) {
    case '=':
      return a === b;
    case '!=':
      return a !== b;
    case '<':
      return a < b;
    case '<=':
      return a <= b;
    case '>':
      return a > b;
    case '>=':
      return a >= b;
  }
}

const folded = ({ kind }: Subject, value: string | number) =>
  kind === 'name' && typeof value === 'string' ? value.toLowerCase() : value;

const isMessageId = ({ field }: Subject) => field === 'msg_id' || field === 'sg_message_id';

/** What mail/send answers with names all messages of its request. */
function isSameMessage(id: string, wanted: string): boolean {
  return id === wanted || (isRequestId(wanted) && id.startsWith(`${wanted}.`));
}

/** One pass: each part is looked for behind the one before, the first at the start and the last at the end. */
function isLike(text: string, parts: readonly string[]): boolean {
  const [first = '', ...rest] = parts;
  const last = rest.pop();
  if (last === undefined) return text === first;
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
  const end = text.length - last.length;
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}
