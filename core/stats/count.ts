/**
 * What a piece of news adds to an account's statistics (docs/events.md, "Statistics"). Requests are what was asked for: processed or
 * dropped at once. A copy that may have arrived counts as a block. Each news counts once: who reads the stream twice is told by
 * the last sequence number (core/stats/record.ts), not here.
 */
import type { About } from '../event/about.ts';
import type { EngagementRecord } from '../event/engagement.ts';
import { type Change, isFirstNews, type News } from '../event/item.ts';
import { requestIdTime } from '../ids.ts';

/** SendGrid's sixteen. */
export const GLOBAL_METRICS = [
  'blocks',
  'bounce_drops',
  'bounces',
  'clicks',
  'deferred',
  'delivered',
  'invalid_emails',
  'opens',
  'processed',
  'requests',
  'spam_report_drops',
  'spam_reports',
  'unique_clicks',
  'unique_opens',
  'unsubscribe_drops',
  'unsubscribes',
] as const;
/** And ours: `drops` of any kind, and the opens and clicks that no person made. */
export const METRICS = [
  ...GLOBAL_METRICS,
  'drops',
  'machine_opens',
  'machine_clicks',
  'unique_machine_opens',
  'unique_machine_clicks',
] as const;
export type Metric = (typeof METRICS)[number];

/** What all of an account's mail is split by, within one item; categories and templates, of which there may be thousands, have their own. */
export const DIMENSIONS = ['provider', 'pool', 'ip', 'country', 'province', 'device', 'client', 'browser'] as const;
export type Dimension = (typeof DIMENSIONS)[number];
export type Kind = 'all' | 'category' | 'template';

export type Counted = {
  kind: Kind;
  /** The category, or the template's id; '' of `all`. */
  name: string;
  /** Milliseconds since the epoch: whose hour it counts in. */
  at: number;
  /** By counter (`counterOf`). */
  counts: Record<string, number>;
};

/** Countries whose provinces are counted, since they are shown (SendGrid); the world has five thousand. */
export const WITH_PROVINCES: readonly string[] = ['US', 'CA'];

/** The name of a counter: the metric alone, or `dimension|value|metric`. */
export const counterOf = (metric: Metric, dimension?: Dimension, value?: string) =>
  dimension === undefined ? metric : `${dimension}|${value}|${metric}`;

/** @param about of the copy: its own, or what its outcome has */
export function countNews(news: News, change: Change, about: About | undefined): Counted[] {
  const asked = Math.max(requestIdTime(news.requestId), (about?.sendAt ?? 0) * 1_000);
  return [
    ...(isFirstNews(news, change) ? spread(asked, ['requests', 'processed'], news, about) : []),
    ...(isDroppedAtOnce(news) ? spread(asked, ['requests'], news, about) : []),
    ...spread(news.item.at, metricsOf(news), news, about),
  ];
}

function isDroppedAtOnce({ kind, item }: News): boolean {
  return kind === 'outcome' && item.event === 'dropped' && item.attempt === 0 && !item.pickedUp;
}

function metricsOf({ kind, item }: News): Metric[] {
  if (kind === 'engagement') return engaged(item);
  if (kind === 'attempt') return ['deferred'];
  if (kind === 'late' && item.event === 'complained') return [item.optOut ? 'unsubscribes' : 'spam_reports'];
  if (item.event === 'delivered') return ['delivered'];
  if (item.event === 'relayed') return [];
  if (item.event === 'dropped') return ['drops', ...droppedBecause(item.reply)];
  return [item.type === 'bounce' ? 'bounces' : 'blocks'];
}

/** By SendGrid's words for it (core/suppression.ts). */
function droppedBecause(reason: string): Metric[] {
  if (reason === 'Bounced Address') return ['bounce_drops'];
  if (reason === 'Spam Reporting Address') return ['spam_report_drops'];
  if (reason === 'Unsubscribed Address') return ['unsubscribe_drops'];
  return reason === 'Invalid' ? ['invalid_emails'] : [];
}

function engaged({ event, first, machine }: EngagementRecord): Metric[] {
  if (event === 'spamreport') return ['spam_reports'];
  if (event === 'unsubscribe' || event === 'group_unsubscribe') return ['unsubscribes'];
  if (event !== 'open' && event !== 'click') return [];
  const what = event === 'open' ? (['opens', 'machine_opens'] as const) : (['clicks', 'machine_clicks'] as const);
  return what
    .slice(0, machine ? 2 : 1)
    .flatMap((metric): Metric[] => (first ? [metric, `unique_${metric}`] : [metric]));
}

function spread(at: number, metrics: readonly Metric[], news: News, about: About | undefined): Counted[] {
  if (metrics.length === 0) return [];
  const own = Object.fromEntries(metrics.map((metric) => [metric, 1]));
  const counts: Record<string, number> = { ...own };
  for (const [dimension, value] of valuesOf(news, about))
    for (const metric of metrics) counts[counterOf(metric, dimension, value)] = 1;
  const named = (kind: Kind, name: string): Counted => ({ kind, name, at, counts: own });
  return [
    { kind: 'all', name: '', at, counts },
    ...[...new Set(about?.categories)].map((name) => named('category', name)),
    ...(about?.templateId === undefined ? [] : [named('template', about.templateId)]),
  ];
}

function valuesOf({ kind, item }: News, about: About | undefined): [Dimension, string][] {
  const values: [Dimension, string | undefined][] = [
    ['provider', about?.provider ?? 'other'],
    ['pool', about?.pool],
    ['ip', about?.ip],
  ];
  if (kind === 'engagement' && (item.event === 'open' || item.event === 'click')) {
    const { country, province, device, client, browser } = item;
    values.push(
      ['country', country],
      ['province', province !== undefined && WITH_PROVINCES.includes(province.slice(0, 2)) ? province : undefined],
      ['browser', browser],
    );
    if (item.event === 'open') values.push(['device', device], ['client', client && `${device ?? 'Other'}/${client}`]);
  }
  return values.filter((one): one is [Dimension, string] => one[1] !== undefined && one[1] !== '');
}
