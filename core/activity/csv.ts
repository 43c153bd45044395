/**
 * Messages as a CSV file: one line for each event, in the columns of SendGrid's own file, the newest message first. What strangers wrote
 * stands in it (subjects, replies, user agents), so no cell is a formula to a spreadsheet.
 */
import type { News } from '../event/item.ts';
import { sgMessageId } from '../ids.ts';
import { csvLine } from '../suppressions/rows.ts';
import type { Found } from './message.ts';
import { type ShownEvent, showEvents, showMessage } from './show.ts';

const COLUMNS = [
  'processed',
  'message_id',
  'event',
  'api_key_id',
  'recv_message_id',
  'subject',
  'from',
  'email',
  'asm_group_id',
  'template_id',
  'originating_ip',
  'reason',
  'outbound_ip',
  'outbound_ip_type',
  'mx',
  'attempt',
  'url',
  'user_agent',
  'type',
  'is_unique',
  'categories',
  'unique_args',
] as const;

/** The first line. */
export const activityHeader = (): string => csvLine(COLUMNS);

/** All lines of a message; one that waits has none. */
export function activityLines({ requestId, index, history }: Found): string {
  const message = showMessage(requestId, index, history);
  const shared: Cells = {
    message_id: sgMessageId(requestId, index),
    api_key_id: message.api_key_id,
    recv_message_id: requestId,
    subject: message.subject,
    from: message.from_email,
    email: message.to_email,
    asm_group_id: message.asm_group_id,
    template_id: message.template_id,
    originating_ip: message.originating_ip,
    outbound_ip: message.outbound_ip,
    outbound_ip_type: message.outbound_ip_type,
    categories: message.categories.length > 0 ? JSON.stringify(message.categories) : undefined,
    unique_args: message.unique_args === '{}' ? undefined : message.unique_args,
  };
  return showEvents(requestId, history)
    .map(({ shown, of }) => {
      const cells: Cells = { ...shared, ...cellsOf(shown), is_unique: of && uniqueOf(of) };
      return csvLine(COLUMNS.map((name) => String(cells[name] ?? '')));
    })
    .join('');
}

type Cells = Partial<Record<(typeof COLUMNS)[number], unknown>>;

const cellsOf = (shown: ShownEvent): Cells => ({
  processed: shown.processed,
  event: shown.event_name,
  reason: shown.reason,
  mx: shown.mx_server,
  attempt: shown.attempt_num,
  url: shown.url,
  user_agent: shown.http_user_agent,
  type: shown.bounce_type,
});

/** Of opens and clicks: whether it is the first. */
function uniqueOf({ kind, item }: News): number | undefined {
  if (kind !== 'engagement' || (item.event !== 'open' && item.event !== 'click')) return undefined;
  return item.first ? 1 : 0;
}
