/**
 * Email Logs (SendGrid: `/v3/logs`): the same messages in the words of the event webhook. Its queries are conditions joined by `AND`,
 * each of the operators that its document allows; its events have custom arguments apart, and begin with the request's own, `received`.
 */
import { toldCopies } from '../copies.ts';
import type { SendGridEvent } from '../event/event.ts';
import { toEvents } from '../event/event.ts';
import { requestIdTime, sgMessageId } from '../ids.ts';
import { isTimeZone } from '../stats/show.ts';
import type { Found, Told } from './message.ts';
import { toldValues } from './message.ts';
import { LOG_FIELDS, type Values } from './query/fields.ts';
import { parseQuery, type Query, QueryError } from './query/parse.ts';
import { attemptsOf, type CopyHistory, outcomeOf, readerOf } from './show.ts';

/** By field: what may compare it. */
const OPERATORS: Readonly<Record<keyof typeof LOG_FIELDS, readonly string[]>> = {
  sg_message_id: ['='],
  subject: ['='],
  to_email: ['='],
  reason: ['='],
  status: ['IN'],
  categories: ['IN'],
  sg_message_id_created_at: ['>', '<', '>=', '<='],
};
const KINDS: Partial<Record<Query['kind'], string>> = {
  in: 'IN',
  like: 'LIKE',
  between: 'BETWEEN',
  contains: 'CONTAINS',
  null: 'IS NULL',
};

/**
 * @param now milliseconds since the epoch
 * @throws QueryError
 */
export function parseLogsQuery(text: string, now: number): Query {
  const query = parseQuery(text, LOG_FIELDS, now);
  for (const one of query.kind === 'and' ? query.all : [query]) {
    if ('all' in one || one.kind === 'not')
      throw new QueryError('invalid syntax: conditions are joined by AND, and nesting is not allowed');
    const { field } = one.subject;
    const by = one.kind === 'compare' ? one.by : (KINDS[one.kind] ?? one.kind);
    const allowed = OPERATORS[field as keyof typeof OPERATORS];
    if (!allowed.includes(by))
      throw new QueryError(`invalid syntax: '${field}' is compared by ${allowed.join(', ')}, not by ${by}`);
  }
  return query;
}

export type LogStatus = 'processed' | 'delivered' | 'deferred' | 'dropped' | 'bounced' | 'blocked';

function logStatusOf(history: CopyHistory): LogStatus {
  const late = history.news.find(({ kind, item }) => kind === 'late' && item.event === 'bounced');
  const outcome = outcomeOf(history);
  if (late) return late.kind === 'late' && late.item.type === 'bounce' ? 'bounced' : 'blocked';
  if (!outcome) return attemptsOf(history).length > 0 ? 'deferred' : 'processed';
  if (outcome.event === 'relayed') return 'processed';
  if (outcome.event === 'delivered' || outcome.event === 'dropped') return outcome.event;
  return outcome.type === 'bounce' ? 'bounced' : 'blocked';
}

/** What was last said of it. */
const reasonOf = ({ news }: CopyHistory): string | null =>
  news.flatMap((one) => (one.kind === 'engagement' ? [] : [one.item.reply])).at(-1) ?? null;

export function logValues({ requestId, index, history }: Found): Values {
  return {
    sg_message_id: sgMessageId(requestId, index),
    subject: history.request?.subject ?? null,
    to_email: readerOf(history) ?? null,
    reason: reasonOf(history),
    status: logStatusOf(history),
    categories: history.about?.categories ?? [],
    sg_message_id_created_at: requestIdTime(requestId),
  };
}

export function toldLogValues(told: Told, complete: boolean): Values {
  const { msg_id: id, to_email, categories } = toldValues(told, complete);
  return { sg_message_id: id, to_email, categories, sg_message_id_created_at: requestIdTime(told.requestId) };
}

/** A row of the list: "EmailLogsMessage" of the OpenAPI document. */
export function showLogRow(found: Found) {
  const values = logValues(found);
  const text = (name: string) => String(values[name] ?? '');
  return {
    from_email: found.history.about?.from ?? found.history.request?.from ?? '',
    sg_message_id: text('sg_message_id'),
    subject: text('subject'),
    to_email: text('to_email'),
    ...(values.reason === null ? {} : { reason: text('reason') }),
    status: text('status'),
    sg_message_id_created_at: new Date(requestIdTime(found.requestId)).toISOString(),
  };
}

/** Events that an answer has: the newest. */
const MOST_EVENTS = 100;

/** @param timeZone of the account, for the day of an unsubscription */
export function showLog(account: string, found: Found, timeZone: string) {
  const { requestId, history } = found;
  const { request, about } = history;
  const events = [...receivedEvents(account, found), ...eventsOf(found, timeZone)];
  return {
    ...showLogRow(found),
    ...(about?.templateId === undefined ? {} : { template_id: about.templateId }),
    ...(about?.asmGroupId === undefined ? {} : { asm_group_id: about.asmGroupId }),
    teammate: '',
    // The part of a key's id that has no dots, as the document wants it.
    api_key_id: (request?.keyId ?? '').replace(/^SG\./, ''),
    events: events.slice(-MOST_EVENTS),
    client_ip: request?.received?.ip ?? '',
    category: about?.categories ?? [],
    custom_args: about?.customArgs ?? {},
    ...(about?.ip === undefined ? {} : { outbound_ip: about.ip, outbound_ip_type: 'dedicated' }),
    sg_message_id_created_at: new Date(requestIdTime(requestId)).toISOString(),
  };
}

/** As the webhook has them, but custom arguments beside each other in a field of their own, so that they hide nothing. */
function eventsOf({ history: { news, about } }: Found, timeZone: string): object[] {
  const { customArgs, ...plain } = about ?? {};
  return news.flatMap((one) => {
    const told =
      one.kind === 'engagement' ? one : { ...one, item: { ...one.item, ...(about ? { about: plain } : {}) } };
    return toEvents(told as typeof one, 'INSERT', about ? (plain as typeof about) : undefined).map((event) => ({
      ...inLogsWords(event, timeZone),
      ...(customArgs ? { custom_args: customArgs } : {}),
    }));
  });
}

/** What the document of Email Logs says otherwise than that of the webhook. */
function inLogsWords(event: SendGridEvent, timeZone: string): object {
  const { status, sg_machine_open: machine, bounce_classification: classification, ...rest } = event;
  return {
    ...rest,
    ...(typeof status === 'string' && /^(?:[245]\.[0-7]\.[0-7]|[1-5]\d\d)$/.test(status) ? { status } : {}),
    ...(machine === true ? { sg_machine_open: true } : {}),
    ...(classification === undefined
      ? {}
      : { bounce_classification: classification === 'Technical Failure' ? 'Technical' : classification }),
    ...(event.event === 'unsubscribe' ? { date: dayOf(event.timestamp * 1_000, timeZone) } : {}),
  };
}

/** `YYYY-MM-DD` where the account is. */
function dayOf(at: number, timeZone: string): string {
  return new Intl.DateTimeFormat('en-CA', {
    timeZone: isTimeZone(timeZone) ? timeZone : 'UTC',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  }).format(at);
}

function receivedEvents(account: string, { requestId, history }: Found): object[] {
  const { request } = history;
  if (!request?.received) return [];
  const { protocol, bytes, ip = '', agent } = request.received;
  return [
    {
      event: 'received',
      email: readerOf(history) ?? '',
      recv_msgid: requestId,
      sg_event_id: Buffer.from(`received-${account}-${requestId}`).toString('base64url'),
      timestamp: Math.floor(request.acceptedAt / 1_000),
      api_key_id: request.keyId.replace(/^SG\./, ''),
      ...(protocol === 'HTTP' ? { api_version: '3' } : {}),
      client_ip: ip,
      protocol,
      recipient_count: toldCopies(request),
      size: bytes,
      ...(agent === undefined ? {} : { useragent: agent }),
    },
  ];
}
