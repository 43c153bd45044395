/**
 * A message as a search sees it: every field that a query may name, and the row that a list shows (SendGrid: `GET /v3/messages`). What a
 * page of the log tells of a message is part of it, and enough to pass over most of those that no query wants.
 */
import type { SendGridEvent } from '../event/event.ts';
import { requestIdTime, sgMessageId } from '../ids.ts';
import type { Values } from './query/fields.ts';
import { type CopyHistory, eventNamesOf, readerOf, statusOf } from './show.ts';

export type Found = { requestId: string; index: number; history: CopyHistory };

/** Milliseconds since the epoch of the last that was heard of it. */
export function lastEventTime({ requestId, history: { request, news } }: Found): number {
  if (news.length === 0) return request?.acceptedAt ?? requestIdTime(requestId);
  return Math.max(...news.map(({ item }) => item.at));
}

export function messageValues(found: Found): Values {
  const { requestId, index, history } = found;
  const { request, about } = history;
  return {
    msg_id: sgMessageId(requestId, index),
    from_email: about?.from ?? request?.from ?? null,
    subject: request?.subject ?? null,
    to_email: readerOf(history) ?? null,
    status: statusOf(history),
    template_id: about?.templateId ?? null,
    template_name: null,
    campaign_name: null,
    campaign_id: null,
    marketing_campaign_name: null,
    marketing_campaign_id: null,
    api_key_id: request?.keyId ?? null,
    events: eventNamesOf(history),
    categories: about?.categories ?? [],
    unique_args: about?.customArgs ?? {},
    originating_ip: request?.received?.ip ?? null,
    outbound_ip: about?.ip ?? null,
    last_event_time: lastEventTime(found),
    ...countsOf(history),
    asm_group_id: about?.asmGroupId ?? null,
    teammate: null,
  };
}

const countsOf = ({ news }: CopyHistory) => {
  const count = (event: string) => news.filter((one) => one.kind === 'engagement' && one.item.event === event).length;
  return { opens: count('open'), clicks: count('click') };
};

/** A row of the list: "Abbv. Message" of the OpenAPI document. */
export function showRow(found: Found) {
  const values = messageValues(found);
  const text = (name: string) => String(values[name] ?? '');
  return {
    from_email: text('from_email'),
    msg_id: text('msg_id'),
    subject: text('subject'),
    to_email: text('to_email'),
    status: text('status'),
    opens_count: Number(values.opens),
    clicks_count: Number(values.clicks),
    last_event_time: new Date(lastEventTime(found)).toISOString().replace(/\.\d+Z$/, 'Z'),
  };
}

// what the log tells ---------------------------------------------------------------------------------------------------

/** What pages have told of a message so far, read from the newest back. */
export type Told = {
  requestId: string;
  index: number;
  /** Milliseconds since the epoch, to the second: of the newest event. */
  newest: number;
  email: string;
  events: Set<string>;
  /** One that its own record made, so that it has all that is known of the message; opens may lack it. */
  whole?: SendGridEvent;
};

const ENGAGED = new Set(['open', 'click', 'unsubscribe', 'group_unsubscribe', 'group_resubscribe']);
/** Fields of events: a custom argument of such a name is hidden behind the field. */
const EVENT_FIELDS = new Set(
  'email timestamp event sg_event_id sg_message_id smtp-id category asm_group_id send_at pool response attempt domain from ip tls cert_err reason status type bounce_classification'.split(
    ' ',
  ),
);

export function tell(told: Told | undefined, event: SendGridEvent): Told | undefined {
  const [requestId = ''] = event.sg_message_id.split('.');
  const index = Number(event.sg_message_id.split('.').at(-1));
  const at = event.timestamp * 1_000;
  const known = told ?? { requestId, index, newest: at, email: event.email, events: new Set<string>() };
  known.newest = Math.max(known.newest, at);
  known.events.add(event.event);
  if (!ENGAGED.has(event.event)) known.whole ??= event;
  return known;
}

/**
 * Fields that are sure, whatever else there is of the message.
 * @param complete its newest events were among those told
 */
export function toldValues({ requestId, index, email, events, whole }: Told, complete: boolean): Values {
  const id = sgMessageId(requestId, index);
  const failed = events.has('bounce') || events.has('dropped');
  const status = failed ? 'not_delivered' : complete && events.has('delivered') ? 'delivered' : undefined;
  return {
    msg_id: id,
    to_email: email,
    status,
    ...(whole
      ? {
          categories: (whole.category as string[] | undefined) ?? [],
          asm_group_id: (whole.asm_group_id as number | undefined) ?? null,
          unique_args: argsOf(whole),
        }
      : {}),
  };
}

/** Custom arguments as they stand in an event. Of one that a field's name may hide nothing is known. */
function argsOf(event: SendGridEvent): Readonly<Record<string, string | undefined>> {
  const own = Object.entries(event).filter(([name]) => !EVENT_FIELDS.has(name));
  return Object.fromEntries([
    ...own.map(([name, value]) => [name, String(value)] as const),
    ...[...EVENT_FIELDS].map((name) => [name, undefined] as const),
  ]);
}
