/**
 * What a query must find at the least: the messages or the recipients that it names, and the stretch of time. Where it names some, they
 * are looked up; otherwise the log is read back from the end of the stretch. What a plan leads to is a superset of the answer: each
 * message is held against the whole query.
 */
import { isRequestId } from '../../ids.ts';
import { readMessageId } from '../show.ts';
import type { Query } from './parse.ts';

/** A request, or one copy of it. */
export type Pin = { requestId: string; index?: number };
export type Plan = {
  messages?: readonly Pin[];
  /** Lower case. */
  recipients?: readonly string[];
  /** Milliseconds since the epoch, included: of the last event. */
  from?: number;
  to?: number;
  /** The same of when the message was accepted, which nothing of it can precede. */
  createdFrom?: number;
  createdTo?: number;
};

/** More than these, and the log is read instead. */
const MOST_MESSAGES = 50;
const MOST_RECIPIENTS = 20;

const BOUNDS = ['from', 'to', 'createdFrom', 'createdTo'] as const;

export function planOf(query: Query): Plan {
  const plan = narrow(query);
  const { messages, recipients, ...times } = plan;
  return {
    ...times,
    ...(messages && messages.length <= MOST_MESSAGES ? { messages } : {}),
    ...(recipients && recipients.length <= MOST_RECIPIENTS ? { recipients } : {}),
  };
}

function narrow(query: Query): Plan {
  if (query.kind === 'and') return query.all.map(narrow).reduce(both);
  if (query.kind === 'or') return query.all.map(narrow).reduce(either);
  if (query.kind === 'compare') return comparing(query);
  if (query.kind === 'between') return between(query);
  if (query.kind === 'in' && isId(query.subject.field))
    return pinned(query.values.map((value) => pinOf(String(value))));
  if (query.kind === 'in' && query.subject.field === 'to_email')
    return { recipients: [...new Set(query.values.map((value) => String(value).toLowerCase()))] };
  if (query.kind === 'like' && isId(query.subject.field)) return pinned([pinOfPattern(query.parts)]);
  return {};
}

const isId = (field: string) => field === 'msg_id' || field === 'sg_message_id';

function comparing({ subject: { field }, by, value }: Query & { kind: 'compare' }): Plan {
  if (isId(field) && by === '=') return pinned([pinOf(String(value))]);
  if (field === 'to_email' && by === '=') return { recipients: [String(value).toLowerCase()] };
  if (typeof value !== 'number') return {};
  const [from, to] = [by === '=' || by[0] === '>' ? value : undefined, by === '=' || by[0] === '<' ? value : undefined];
  return by === '!=' ? {} : timesOf(field, from, to);
}

function between({ subject: { field }, from, to }: Query & { kind: 'between' }): Plan {
  return typeof from === 'number' && typeof to === 'number' ? timesOf(field, from, to) : {};
}

function timesOf(field: string, from: number | undefined, to: number | undefined): Plan {
  const [first, last] =
    field === 'last_event_time'
      ? (['from', 'to'] as const)
      : field === 'sg_message_id_created_at'
        ? (['createdFrom', 'createdTo'] as const)
        : [];
  if (!first || !last) return {};
  return { ...(from === undefined ? {} : { [first]: from }), ...(to === undefined ? {} : { [last]: to }) };
}

/** An id that is none of ours: nothing has it. */
const pinned = (pins: readonly (Pin | undefined | 'none')[]): Plan =>
  pins.includes('none') ? {} : { messages: pins.filter((pin): pin is Pin => pin !== undefined && pin !== 'none') };

function pinOf(id: string): Pin | undefined {
  if (isRequestId(id)) return { requestId: id };
  return readMessageId(id);
}

/** `<X-Message-Id>%`, or more of the id. `none`: too little is given to find it by. */
function pinOfPattern(parts: readonly string[]): Pin | 'none' | undefined {
  const [first = ''] = parts;
  if (parts.length === 1) return pinOf(first);
  const requestId = first.slice(0, 22);
  if (first.length < 22) return 'none';
  return isRequestId(requestId) ? { requestId } : undefined;
}

/** Both hold: whichever names fewer, and the stretch that they share. */
function both(a: Plan, b: Plan): Plan {
  const fewer = <T>(one?: readonly T[], other?: readonly T[]) =>
    one && other ? (one.length <= other.length ? one : other) : (one ?? other);
  const [messages, recipients] = [fewer(a.messages, b.messages), fewer(a.recipients, b.recipients)];
  const plan: Plan = { ...(messages ? { messages } : {}), ...(recipients ? { recipients } : {}) };
  for (const bound of BOUNDS) {
    const known = [a[bound], b[bound]].filter((time) => time !== undefined);
    if (known.length > 0) plan[bound] = /from/i.test(bound) ? Math.max(...known) : Math.min(...known);
  }
  return plan;
}

/** One of them holds: only what both name, and the stretch that covers both. */
function either(a: Plan, b: Plan): Plan {
  const plan: Plan = {
    ...(a.messages && b.messages ? { messages: [...a.messages, ...b.messages] } : {}),
    ...(a.recipients && b.recipients ? { recipients: [...new Set([...a.recipients, ...b.recipients])] } : {}),
  };
  for (const bound of BOUNDS) {
    const [one, other] = [a[bound], b[bound]];
    if (one === undefined || other === undefined) continue;
    plan[bound] = /from/i.test(bound) ? Math.min(one, other) : Math.max(one, other);
  }
  return plan;
}
