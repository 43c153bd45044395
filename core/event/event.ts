/**
 * The events of a piece of news, field by field as SendGrid's event webhook tells them (docs/events.md). It is a pure function of the
 * item: told again, however often and by whom, an event is the same to the last octet, its `sg_event_id` included. Custom
 * arguments are flattened into it; where one has the name of a field, the field stands.
 */
import { createHash } from 'node:crypto';
import { domainOf } from '../domain.ts';
import { requestIdTime, sgMessageId } from '../ids.ts';
import type { AttemptRecord, LateRecord, OutcomeRecord } from '../records/messages.ts';
import type { About } from './about.ts';
import { addressOf, type Change, isFirstNews, type News } from './item.ts';

/** The types of SendGrid's event webhook. */
export const EVENT_TYPES = [
  'processed',
  'dropped',
  'deferred',
  'delivered',
  'bounce',
  'open',
  'click',
  'spamreport',
  'unsubscribe',
  'group_unsubscribe',
  'group_resubscribe',
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** What every event has; the others by type. Custom arguments stand beside them, so any name may be there. */
export type SendGridEvent = {
  email: string;
  /** Unix seconds. */
  timestamp: number;
  event: EventType;
  sg_event_id: string;
  sg_message_id: string;
  [field: string]: unknown;
};

/**
 * @param about what the copy's outcome knows of it, for items that do not have it themselves (engagements)
 * @returns in the order in which they happened
 */
export function toEvents(news: News, change: Change, about: About | undefined = aboutOf(news)): SendGridEvent[] {
  const events: SendGridEvent[] = [];
  if (isFirstNews(news, change)) events.push(processed(news, about));
  const own = ownEvent(news, about);
  if (own) events.push(own);
  return events;
}

/** What an item knows of its copy itself. */
export function aboutOf(news: News): About | undefined {
  return news.kind === 'engagement' ? undefined : news.item.about;
}

function ownEvent(news: News, about: About | undefined): SendGridEvent | undefined {
  const { kind, item } = news;
  if (kind === 'engagement') return engaged(news, about);
  if (kind === 'attempt') return deferred(news, item, about);
  if (kind === 'late')
    return item.event === 'bounced' ? bounced(news, item, 'late', about) : complained(news, item, about);
  if (item.event === 'delivered') return delivered(news, item, about);
  if (item.event === 'dropped') return dropped(news, item, about);
  // SES has it: its word follows.
  if (item.event === 'relayed') return undefined;
  return bounced(news, item, String(item.attempt), about);
}

function processed(news: News, about: About | undefined): SendGridEvent {
  const sendAt = about?.sendAt ?? 0;
  const accepted = Math.floor(requestIdTime(news.requestId) / 1_000);
  return make(news, 'processed', 'processed', Math.max(accepted, sendAt), about, {
    send_at: sendAt,
    ...poolOf(about),
  });
}

function delivered(news: News, item: OutcomeRecord, about: About | undefined): SendGridEvent {
  return make(news, 'delivered', `delivered-${item.attempt}`, seconds(item), about, {
    response: item.reply,
    ...sessionOf(item, about),
  });
}

function deferred(news: News, item: AttemptRecord, about: About | undefined): SendGridEvent {
  const id = item.event === 'doubted' ? `deferred-doubted-${item.attempt}` : `deferred-${item.attempt}`;
  return make(news, 'deferred', id, seconds(item), about, {
    response: item.reply,
    attempt: String(item.attempt),
    domain: domainOf(item.address),
    ...(about ? { from: about.from } : {}),
    ...sessionOf(item, about),
  });
}

/** Also of a copy whose link broke behind the final dot until nobody tried again: it ends as a block that says so. */
function bounced(news: News, item: OutcomeRecord | LateRecord, which: string, about: About | undefined): SendGridEvent {
  const isUnknown = item.event !== 'bounced';
  return make(news, 'bounce', `bounce-${which}`, seconds(item), about, {
    reason: isUnknown ? `unknown, it may have arrived: ${item.reply}` : item.reply,
    status: item.status ?? (isUnknown ? '4.4.2' : '5.0.0'),
    type: item.type === 'bounce' ? 'bounce' : 'blocked',
    bounce_classification: item.classification ?? (isUnknown ? 'Technical Failure' : 'Unclassified'),
    ...sessionOf(item, about),
  });
}

function dropped(news: News, item: OutcomeRecord, about: About | undefined): SendGridEvent {
  return make(news, 'dropped', 'drop', seconds(item), about, {
    reason: item.reply,
    status: item.status ?? '5.0.0',
    ...poolOf(about),
  });
}

function complained(news: News, item: LateRecord, about: About | undefined): SendGridEvent {
  const type = item.optOut ? 'unsubscribe' : 'spamreport';
  return make(news, type, `${type}-late`, seconds(item), about, {});
}

function engaged(news: News & { kind: 'engagement' }, about: About | undefined): SendGridEvent {
  const { item, eventId } = news;
  const { event, machine, ip, userAgent, url, urlOffset, contentType, asmGroupId } = item;
  return make(news, event, `${event}-${eventId}`, seconds(item), about, {
    ...(ip === undefined ? {} : { ip }),
    ...(userAgent === undefined ? {} : { useragent: userAgent }),
    ...(url === undefined ? {} : { url }),
    ...(urlOffset === undefined ? {} : { url_offset: urlOffset }),
    ...(contentType === undefined ? {} : { sg_content_type: contentType }),
    ...(event === 'open' ? { sg_machine_open: machine === true } : {}),
    // SendGrid has no word for it: a scanner's click.
    ...(event === 'click' ? { sg_machine_click: machine === true } : {}),
    ...(asmGroupId === undefined ? {} : { asm_group_id: asmGroupId }),
  });
}

function make(
  news: News,
  event: EventType,
  id: string,
  timestamp: number,
  about: About | undefined,
  fields: Record<string, unknown>,
): SendGridEvent {
  const { account, requestId, index } = news;
  const isDelivery = !['open', 'click', 'unsubscribe', 'group_unsubscribe', 'group_resubscribe'].includes(event);
  return {
    ...about?.customArgs,
    email: addressOf(news),
    timestamp,
    event,
    sg_event_id: eventId(`${id}-${account}-${requestId}-${index}`),
    sg_message_id: sgMessageId(requestId, index),
    ...(about && isDelivery ? { 'smtp-id': about.smtpId } : {}),
    ...(about?.categories ? { category: about.categories } : {}),
    ...(about?.asmGroupId === undefined ? {} : { asm_group_id: about.asmGroupId }),
    ...fields,
  };
}

/** At most 100 characters (SendGrid); what would be longer is named by its hash. */
function eventId(text: string): string {
  const id = Buffer.from(text).toString('base64url');
  return id.length <= 100 ? id : createHash('sha256').update(text).digest('base64url');
}

const seconds = ({ at }: { at: number }) => Math.floor(at / 1_000);

/** What the session tells, where there was one: one that never got as far has no host. */
function sessionOf({ mx, tls, certError }: Pick<OutcomeRecord, 'mx' | 'tls' | 'certError'>, about: About | undefined) {
  if (mx === undefined) return {};
  return {
    ...(about?.ip === undefined ? {} : { ip: about.ip }),
    ...(tls?.startsWith('TLS') ? { tls: 1 } : {}),
    ...(certError === undefined ? {} : { cert_err: '1' }),
  };
}

/** SendGrid gives pools a number, as text; that of a pool of the settings is made of its name, so that it stays the same. */
function poolOf(about: About | undefined) {
  if (!about) return {};
  const { pool: name, poolId } = about;
  const id = poolId ?? String(createHash('sha256').update(name).digest().readUInt32BE(0) >>> 1);
  return { pool: { name, id } };
}
