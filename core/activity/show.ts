/** One message as the activity routes show it (SendGrid: `GET /v3/messages/{msg_id}`), made from the items of its copy alone. */
import { isSampleCopy, toldCopies } from '../copies.ts';
import type { About } from '../event/about.ts';
import type { EngagementRecord } from '../event/engagement.ts';
import { addressOf, type News, readNews } from '../event/item.ts';
import { requestIdTime, sgMessageId } from '../ids.ts';
import { isErased } from '../records/erasure.ts';
import { addressIn, copyIndexOf, isRequestRecord } from '../records/message-key.ts';
import type { AttemptRecord, OutcomeRecord, RequestRecord } from '../records/messages.ts';

/** A copy's items, in the order in which they happened, and its request. */
export type CopyHistory = { request?: RequestRecord; news: News[]; about?: About };

/** The request and the copy that an id names: `sg_message_id`, or an X-Message-Id, which is the first copy. */
export function readMessageId(text: string): { requestId: string; index: number } | undefined {
  const [, requestId, index = '0'] = /^([A-Za-z0-9_-]{22})(?:\..*?(\d{1,5}))?$/.exec(text) ?? [];
  return requestId === undefined ? undefined : { requestId, index: Number(index) };
}

/**
 * What a server said of a copy comes before what was heard of it later and what its reader did, whatever the clocks say: each of
 * these is another machine's, and a record is written a moment after its reply.
 * @param items of the whole request, as the table has them
 */
export function historyOf(items: readonly Record<string, unknown>[], index: number): CopyHistory | undefined {
  if (isSampleCopy({ index })) return undefined;
  const record = items.find(isRequestRecord) as RequestRecord | undefined;
  // Its one reader has the first copy; the account's own Bcc of it is somebody else's.
  const request = index > 0 && record?.recipient !== undefined ? { ...record, recipient: undefined } : record;
  // Whose reader's data were erased is not shown any more.
  if (items.some((item) => isErased(item) && copyIndexOf(item) === index)) return undefined;
  const news = items
    .flatMap((item) => readNews(item, 'INSERT') ?? [])
    .filter((one) => one.index === index)
    .sort((a, b) => Number(isLater(a)) - Number(isLater(b)) || a.item.at - b.item.at);
  if (news.length === 0 && (!request || index >= toldCopies(request))) return undefined;
  const about = news.flatMap((one) => (one.kind === 'engagement' ? [] : (one.item.about ?? []))).at(-1);
  return { ...(request ? { request } : {}), news, ...(about ? { about } : {}) };
}

const isLater = ({ kind }: News): boolean => kind === 'late' || kind === 'engagement';

export const iso = (at: number) => new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');

export const outcomeOf = ({ news }: CopyHistory) =>
  news.find(({ kind }) => kind === 'outcome')?.item as OutcomeRecord | undefined;
export const attemptsOf = ({ news }: CopyHistory) =>
  news.flatMap((one) => (one.kind === 'attempt' ? [one.item] : [])) satisfies AttemptRecord[];

/** A bounce that comes after the mail was taken says that it did not arrive. */
export function statusOf(history: CopyHistory): 'processed' | 'delivered' | 'not_delivered' {
  const event = outcomeOf(history)?.event;
  if (history.news.some(({ kind, item }) => kind === 'late' && item.event === 'bounced')) return 'not_delivered';
  if (event === 'delivered') return 'delivered';
  return event === undefined || event === 'relayed' ? 'processed' : 'not_delivered';
}

/** Whose copy it is; undefined: it waits, with others of its request, and has no record of its own yet. */
export function readerOf({ request, news: [first] }: CopyHistory): string | undefined {
  return first ? addressOf(first) : request?.recipient && addressIn(request.recipient);
}

export function showMessage(requestId: string, index: number, history: CopyHistory) {
  const { request, about } = history;
  return {
    from_email: about?.from ?? request?.from ?? '',
    msg_id: sgMessageId(requestId, index),
    subject: request?.subject ?? '',
    to_email: readerOf(history) ?? '',
    status: statusOf(history),
    template_id: about?.templateId ?? '',
    ...(about?.asmGroupId === undefined ? {} : { asm_group_id: about.asmGroupId }),
    teammate: '',
    api_key_id: request?.keyId ?? '',
    events: showEvents(requestId, history).map(({ shown }) => shown),
    originating_ip: request?.received?.ip ?? '',
    categories: about?.categories ?? [],
    unique_args: JSON.stringify(about?.customArgs ?? {}),
    outbound_ip: about?.ip ?? '',
    outbound_ip_type: about?.ip === undefined ? '' : 'dedicated',
  };
}

export type ShownEvent = { event_name: string; processed: string; [field: string]: unknown };

/** Its events in order, each with the piece of news that it is made of; `processed` is made of none. */
export function showEvents(requestId: string, history: CopyHistory): { shown: ShownEvent; of?: News }[] {
  const processedAt = Math.max(requestIdTime(requestId), (history.about?.sendAt ?? 0) * 1_000);
  return [
    ...(wasProcessed(history) ? [{ shown: { event_name: 'processed', processed: iso(processedAt) } }] : []),
    ...history.news.flatMap((one) => showEvent(one).map((shown) => ({ shown, of: one }))),
  ];
}

/** The kinds of events that it has, each once. */
export function eventNamesOf({ news }: Pick<CopyHistory, 'news'>): string[] {
  const names = news.flatMap(showEvent).map(({ event_name }) => event_name);
  return [...new Set(wasProcessed({ news }) ? ['processed', ...names] : names)];
}

/** A copy that is dropped at once never was (SendGrid: processed *or* dropped). */
const wasProcessed = ({ news: [first] }: Pick<CopyHistory, 'news'>): boolean =>
  first !== undefined && !(first.kind === 'outcome' && first.item.event === 'dropped');

const ENGAGED: Readonly<Record<EngagementRecord['event'], string>> = {
  open: 'opened',
  click: 'clicked',
  spamreport: 'spam_report',
  unsubscribe: 'unsubscribe',
  group_unsubscribe: 'group_unsubscribe',
  group_resubscribe: 'group_resubscribe',
};

function showEvent({ kind, item }: News): ShownEvent[] {
  const processed = iso(item.at);
  if (kind === 'engagement') {
    const { event, url, userAgent } = item;
    return [
      {
        event_name: ENGAGED[event],
        processed,
        ...(url === undefined ? {} : { url }),
        ...(userAgent === undefined ? {} : { http_user_agent: userAgent }),
      },
    ];
  }
  if (item.event === 'relayed') return [];
  const mx = item.mx === undefined ? {} : { mx_server: item.mx };
  if (kind === 'attempt')
    return [{ event_name: 'deferred', processed, reason: item.reply, attempt_num: item.attempt + 1, ...mx }];
  if (item.event === 'complained') return [{ event_name: item.optOut ? 'unsubscribe' : 'spam_report', processed }];
  if (item.event === 'delivered') return [{ event_name: 'delivered', processed, reason: item.reply, ...mx }];
  if (item.event === 'dropped') return [{ event_name: 'dropped', processed, reason: item.reply }];
  return [
    {
      event_name: 'bounced',
      processed,
      reason: item.reply,
      bounce_type: item.type === 'bounce' ? 'hard' : 'soft',
      ...mx,
    },
  ];
}
