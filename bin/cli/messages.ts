/** messages: what became of mail, by a query of Email Activity (docs/activity.md), the newest first. transcripts: of which mail they are kept. */
import { messageValues, showRow } from '../../core/activity/message.ts';
import { MESSAGE_FIELDS } from '../../core/activity/query/fields.ts';
import { parseQuery, type Query, QueryError } from '../../core/activity/query/parse.ts';
import { SEARCH_BUDGET, search } from '../../core/activity/search.ts';
import { isTranscripts, TRANSCRIPTS } from '../../core/activity/transcripts.ts';
import { activityIn } from '../../io/activity.ts';
import { openBucket } from '../../io/aws.ts';
import { transcriptSettingsIn } from '../../io/transcript-settings.ts';
import { CliError, type Connection, type Options } from './connect.ts';
import { formatTime, printJson, printLine, printTable } from './print.ts';

const DEFAULT_LIMIT = 20;
const MOST = 1_000;
/** Whoever sits at a terminal waits longer than a call of the API. */
const BUDGET = { ...SEARCH_BUDGET, pages: 5_000, messages: 20_000, milliseconds: 60_000 };
/** What is older has no records any more, whatever the settings say. */
const MESSAGES_DAYS = 3_650;

export async function listMessages(
  { account, tables, messagesTable, eventsBucket }: Connection,
  [text = '']: string[],
  { json, limit: given = String(DEFAULT_LIMIT) }: Options,
): Promise<number> {
  const limit = /^\d{1,4}$/.test(given) ? Number(given) : 0;
  if (limit < 1 || limit > MOST) throw new CliError(`--limit takes 1 to ${MOST}, not "${given}"`);
  const deps = activityIn({ messages: messagesTable, events: eventsBucket }, tables, openBucket());
  const { found, searchedUntil } = await search(
    { account, query: readQuery(text), limit, valuesOf: messageValues },
    BUDGET,
    { ...deps, now: Date.now, messagesDays: MESSAGES_DAYS },
  );
  const rows = found.map(showRow);
  if (json) {
    printJson({ messages: rows, ...(searchedUntil === undefined ? {} : { searched_until: new Date(searchedUntil) }) });
    return 0;
  }
  if (rows.length === 0)
    printLine('No such messages. What was sent just now is found after a minute; by to_email or msg_id at once.');
  else
    printTable(
      ['last event', 'status', 'to', 'from', 'subject', 'msg_id'],
      rows.map((row) => [row.last_event_time, row.status, row.to_email, row.from_email, row.subject, row.msg_id]),
    );
  if (searchedUntil !== undefined)
    printLine(
      `Looked at what was last heard of since ${formatTime(searchedUntil)}. Narrow the query, or go on before that.`,
    );
  return 0;
}

function readQuery(text: string): Query | undefined {
  if (text.trim() === '') return undefined;
  try {
    return parseQuery(text, MESSAGE_FIELDS, Date.now());
  } catch (error) {
    throw error instanceof QueryError ? new CliError(error.message) : error;
  }
}

export async function setTranscripts(
  { account, tables, accountsTable }: Connection,
  [keep = '']: string[],
  { json }: Options,
): Promise<number> {
  if (!isTranscripts(keep)) throw new CliError(`"${keep}" is not one of ${TRANSCRIPTS.join(', ')}`);
  await transcriptSettingsIn(accountsTable, tables, Date.now).writeTranscripts(account, keep);
  if (json) printJson({ keep });
  else printLine(`Kept of ${keep === 'all' ? 'all mail' : 'mail that did not go well'}, within a minute.`);
  return 0;
}
