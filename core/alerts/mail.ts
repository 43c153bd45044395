/** What alerts say, in plain text. */
import type { Metrics } from '../stats/show.ts';
import type { Frequency, Usage } from './alert.ts';

type Words = { subject: string; text: string };

const NAMES: Record<Frequency, string> = { daily: 'day', weekly: 'week', monthly: 'month' };
const LINES: [string, string][] = [
  ['requests', 'Requests'],
  ['processed', 'Processed'],
  ['delivered', 'Delivered'],
  ['unique_opens', 'Opened, by copy'],
  ['unique_clicks', 'Clicked, by copy'],
  ['bounces', 'Bounced'],
  ['blocks', 'Blocked'],
  ['deferred', 'Put off, attempts'],
  ['bounce_drops', 'Dropped: bounced before'],
  ['spam_report_drops', 'Dropped: called it spam before'],
  ['unsubscribe_drops', 'Dropped: unsubscribed'],
  ['invalid_emails', 'Dropped: no address'],
  ['spam_reports', 'Called spam'],
  ['unsubscribes', 'Unsubscribed'],
];

/** @param days both included */
export function statsWords(frequency: Frequency, { from, to }: { from: string; to: string }, sums: Metrics): Words {
  const range = from === to ? from : `${from} to ${to}`;
  const width = Math.max(...LINES.map(([, name]) => name.length));
  const lines = LINES.map(([metric, name]) => `${name.padEnd(width)}  ${String(sums[metric] ?? 0).padStart(10)}`);
  return {
    subject: `Your mail of the ${NAMES[frequency]}: ${range}`,
    text: `What became of your mail, ${range} (UTC):\n\n${lines.join('\n')}\n\nThis is an alert of your account (stats_notification, ${frequency}).\n`,
  };
}

export function usageWords(percentage: number, { used, limit, period, what }: Usage): Words {
  return {
    subject: `${percentage} % of your ${what} are used`,
    text: `${used} of ${limit} messages of your ${what} are used (${period}).\n\nThis is an alert of your account (usage_limit, ${percentage} %).\n`,
  };
}
