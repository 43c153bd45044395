/** Events, and files of messages, of a reader. */
import { gunzipSync, gzipSync } from 'node:zlib';
import type { SendGridEvent } from '../event/event.ts';
import { isRequestId, requestIdTime } from '../ids.ts';
import type { OutboxPage } from '../webhook/outbox.ts';
import type { IsReader } from './stored.ts';

/** @param until milliseconds since the epoch: events of mail that was accepted later are not his who asked before */
export function isEventOf(
  { email, sg_message_id }: Partial<SendGridEvent>,
  isReader: IsReader,
  until: number,
): boolean {
  if (typeof email !== 'string' || !isReader(email.toLowerCase())) return false;
  const requestId = String(sg_message_id ?? '').slice(0, 22);
  return !isRequestId(requestId) || requestIdTime(requestId) <= until;
}

/** An outbox page without what is his; undefined: nothing of it is. */
export function withoutEvents<Page extends Pick<OutboxPage, 'lines'>>(
  page: Page,
  isReader: IsReader,
  until: number,
): { page: Page; erased: number } | undefined {
  const lines = gunzipSync(page.lines)
    .toString()
    .split('\n')
    .filter((line) => line !== '');
  const others = lines.filter((line) => {
    const event = readEvent(line.slice(line.indexOf('\t', line.indexOf('\t') + 1) + 1));
    return !event || !isEventOf(event, isReader, until);
  });
  if (others.length === lines.length) return undefined;
  return { page: { ...page, lines: gzipSync(others.join('\n')) }, erased: lines.length - others.length };
}

function readEvent(json: string): Partial<SendGridEvent> | undefined {
  try {
    return JSON.parse(json) as Partial<SendGridEvent>;
  } catch {
    return undefined;
  }
}

/** Whether a CSV file names one of them. Addresses stand in fields of their own. */
export function fileNames(csv: string, isReader: IsReader): boolean {
  return csv.split(/[",;\r\n]/).some((field) => field.includes('@') && isReader(field.trim().toLowerCase()));
}
