/**
 * `/v3/messages` (SendGrid: Email Activity) and `/v3/logs` (Email Logs): what became of an account's mail, searched, one by one, and as a
 * file; `/why` is ours. A search costs at most its budget (core/activity/search.ts); where that ends before the time does, the answer has
 * `searched_until`, from which the next may go on.
 */
import { activityHeader, activityLines } from '../../core/activity/csv.ts';
import { logValues, parseLogsQuery, showLog, showLogRow, toldLogValues } from '../../core/activity/logs.ts';
import { messageValues, showRow } from '../../core/activity/message.ts';
import { MESSAGE_FIELDS } from '../../core/activity/query/fields.ts';
import { parseQuery, type Query, QueryError } from '../../core/activity/query/parse.ts';
import { SEARCH_BUDGET, type SearchDeps, search } from '../../core/activity/search.ts';
import { historyOf, readMessageId, showMessage } from '../../core/activity/show.ts';
import { isTranscripts, TRANSCRIPTS, type TranscriptsRecord } from '../../core/activity/transcripts.ts';
import { explainMessage } from '../../core/activity/why.ts';
import { apiErrors } from '../../core/errors.ts';
import type { Answer, Call } from './manage.ts';
import type { Route } from './routes.ts';

export type ActivityRouteDeps = SearchDeps & {
  randomId: () => string;
  readTimeZone: (account: string) => Promise<string>;
  readTranscripts: (account: string) => Promise<TranscriptsRecord['keep']>;
  writeTranscripts: (account: string, keep: TranscriptsRecord['keep']) => Promise<void>;
  putDownload: (account: string, id: string, csv: string) => Promise<void>;
  /** A link to it that works for some minutes; undefined: there is none, or no longer. */
  linkDownload: (account: string, id: string) => Promise<string | undefined>;
};

const NOT_FOUND: Answer = { status: 404, errors: [apiErrors.notFound] };
const DEFAULT_LIMIT = 10;
const MOST = 1_000;
/** Messages of a file. */
const MOST_IN_FILE = 10_000;
/** A file is made while its caller waits: what API Gateway and the function's timeout leave. */
const FILE_BUDGET = { ...SEARCH_BUDGET, messages: 2 * MOST_IN_FILE, milliseconds: 13_000 };
/** Bytes of a file, in memory. */
const FILE_BYTES = 30_000_000;

const refuse = (message: string): Answer => ({ status: 400, errors: [{ message, field: null, help: null }] });

/** Undefined where none was asked: everything. */
function readQuery(text: unknown, parse: (text: string) => Query): { query: Query | undefined } | { answer: Answer } {
  if (text === undefined || text === null) return { query: undefined };
  if (typeof text !== 'string') return { answer: refuse('query must be a string') };
  if (text.trim() === '') return { query: undefined };
  try {
    return { query: parse(text) };
  } catch (error) {
    if (error instanceof QueryError) return { answer: refuse(error.message) };
    throw error;
  }
}

function readLimit(given: unknown): number | undefined {
  if (given === undefined) return DEFAULT_LIMIT;
  const limit = typeof given === 'string' && /^\d{1,4}$/.test(given) ? Number(given) : given;
  return Number.isInteger(limit) && Number(limit) >= 1 && Number(limit) <= MOST ? Number(limit) : undefined;
}

const LIMIT_REFUSED = `limit must be a whole number from 1 to ${MOST}`;
/** `{}` where everything was looked at. */
const untilOf = (at: number | undefined) => (at === undefined ? {} : { searched_until: new Date(at).toISOString() });

async function listMessages({ account, query: given }: Call, deps: ActivityRouteDeps): Promise<Answer> {
  const read = readQuery(given.query, (text) => parseQuery(text, MESSAGE_FIELDS, deps.now()));
  if ('answer' in read) return read.answer;
  const limit = readLimit(given.limit);
  if (limit === undefined) return refuse(LIMIT_REFUSED);
  const asked = { account, query: read.query, limit, valuesOf: messageValues };
  const { found, searchedUntil } = await search(asked, SEARCH_BUDGET, deps);
  return { status: 200, body: { messages: found.map(showRow), ...untilOf(searchedUntil) } };
}

/** An account's own: the key of its messages begins with it. */
async function readMessage(account: string, given: string | undefined, deps: ActivityRouteDeps) {
  const id = readMessageId(given ?? '');
  if (!id) return undefined;
  const { items } = await deps.readItems(account, id.requestId, id.index, MOST);
  const history = historyOf(items, id.index);
  return history && { ...id, history };
}

async function getMessage({ account, params }: Call, deps: ActivityRouteDeps): Promise<Answer> {
  const found = await readMessage(account, params.msg_id, deps);
  return found ? { status: 200, body: showMessage(found.requestId, found.index, found.history) } : NOT_FOUND;
}

async function explain({ account, params }: Call, deps: ActivityRouteDeps): Promise<Answer> {
  const found = await readMessage(account, params.msg_id, deps);
  if (!found) return NOT_FOUND;
  return { status: 200, body: explainMessage(found.requestId, found.index, found.history, deps.now()) };
}

// files ---------------------------------------------------------------------------------------------------------------

/** SendGrid mails the id to the account's owner; here it is in the answer, and the file is there by then. */
async function makeDownload({ account, query: given }: Call, deps: ActivityRouteDeps): Promise<Answer> {
  const read = readQuery(given.query, (text) => parseQuery(text, MESSAGE_FIELDS, deps.now()));
  if ('answer' in read) return read.answer;
  const asked = { account, query: read.query, limit: MOST_IN_FILE, valuesOf: messageValues };
  const { found, searchedUntil } = await search(asked, FILE_BUDGET, deps);
  const lines = [activityHeader()];
  let bytes = 0;
  let written = 0;
  for (const one of found) {
    const text = activityLines(one);
    bytes += Buffer.byteLength(text);
    if (bytes > FILE_BYTES) break;
    lines.push(text);
    written++;
  }
  const id = deps.randomId();
  await deps.putDownload(account, id, lines.join(''));
  const isWhole = searchedUntil === undefined && written === found.length && written < MOST_IN_FILE;
  const message = `${written} messages${isWhole ? '' : ', the newest of those that match: there are more'}. GET /v3/messages/download/${id} has a link to the file for three days.`;
  return { status: 202, body: { status: 'pending', message, download_uuid: id, ...untilOf(searchedUntil) } };
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

async function getDownload({ account, params }: Call, deps: ActivityRouteDeps): Promise<Answer> {
  const id = (params.download_uuid ?? '').toLowerCase();
  const url = UUID.test(id) ? await deps.linkDownload(account, id) : undefined;
  return url === undefined ? NOT_FOUND : { status: 200, body: { presigned_url: url } };
}

// logs ----------------------------------------------------------------------------------------------------------------

/** A call for a subuser's logs, by a parent. */
const FORBIDDEN: Answer = { status: 403, errors: [apiErrors.forbidden] };

async function listLogs({ account, body }: Call, deps: ActivityRouteDeps): Promise<Answer> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return refuse('the body must be a JSON object');
  const given = body as { query?: unknown; limit?: unknown; subusers?: unknown };
  if (given.subusers !== undefined && !(Array.isArray(given.subusers) && given.subusers.length === 0)) return FORBIDDEN;
  const read = readQuery(given.query, (text) => parseLogsQuery(text, deps.now()));
  if ('answer' in read) return read.answer;
  const limit = typeof given.limit === 'string' ? undefined : readLimit(given.limit);
  if (limit === undefined) return refuse(LIMIT_REFUSED);
  const asked = { account, query: read.query, limit, valuesOf: logValues, toldOf: toldLogValues };
  const { found, searchedUntil } = await search(asked, SEARCH_BUDGET, deps);
  return { status: 200, body: { messages: found.map(showLogRow), ...untilOf(searchedUntil) } };
}

async function getLog({ account, params, query }: Call, deps: ActivityRouteDeps): Promise<Answer> {
  if (query.subuser !== undefined) return FORBIDDEN;
  const found = await readMessage(account, params.sg_message_id, deps);
  return found ? { status: 200, body: showLog(account, found, await deps.readTimeZone(account)) } : NOT_FOUND;
}

// transcripts ---------------------------------------------------------------------------------------------------------

async function getTranscripts({ account }: Call, deps: ActivityRouteDeps): Promise<Answer> {
  return { status: 200, body: { keep: await deps.readTranscripts(account) } };
}

/** deliver knows it within a minute; what was delivered before has none. */
async function changeTranscripts({ account, body }: Call, deps: ActivityRouteDeps): Promise<Answer> {
  const keep = (body as { keep?: unknown } | null | undefined)?.keep;
  if (!isTranscripts(keep))
    return {
      status: 400,
      errors: [{ message: `keep must be one of ${TRANSCRIPTS.join(', ')}`, field: 'keep', help: null }],
    };
  await deps.writeTranscripts(account, keep);
  return { status: 200, body: { keep } };
}

const SCOPE = 'email_activity.read';
const SETTINGS = '/v3/user/settings/transcripts';

/** Literal segments stand before `{names}` of the same place. */
export const ACTIVITY_ROUTES: readonly Route[] = [
  { method: 'GET', path: '/v3/messages', scope: SCOPE, handle: listMessages },
  { method: 'POST', path: '/v3/messages/download', scope: SCOPE, handle: makeDownload },
  { method: 'GET', path: '/v3/messages/download/{download_uuid}', scope: SCOPE, handle: getDownload },
  { method: 'GET', path: '/v3/messages/{msg_id}', scope: SCOPE, handle: getMessage },
  { method: 'GET', path: '/v3/messages/{msg_id}/why', scope: SCOPE, handle: explain },
  { method: 'POST', path: '/v3/logs', scope: SCOPE, handle: listLogs },
  { method: 'GET', path: '/v3/logs/{sg_message_id}', scope: SCOPE, handle: getLog },
  // Ours: of which mail `/why` has what was said.
  { method: 'GET', path: SETTINGS, scope: 'user.settings.transcripts.read', handle: getTranscripts },
  { method: 'PATCH', path: SETTINGS, scope: 'user.settings.transcripts.update', handle: changeTranscripts },
];
