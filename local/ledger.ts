/**
 * The conservation check: where every accepted copy is. Nothing may be lost:
 * accepted = delivered + bounced + dropped + unknown + held + queued + dead.
 * A copy in several places (a duplicated job, a job behind its own outcome) is counted once: final before held before
 * queued before dead. It only reads.
 */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, ScanCommand } from '@aws-sdk/lib-dynamodb';
import type { Job } from '../core/job.ts';
import type { Expansion, Hold } from '../core/records/holds.ts';
import { messageName } from '../core/records/message-key.ts';
import type { Outcome } from '../core/records/messages.ts';
import { OPERATOR_KEY } from './proxy.ts';
import { type LocalStack, tableNamed } from './stack.ts';

export type Ledger = Record<Outcome, number> & {
  accepted: number;
  held: number;
  queued: number;
  /** In a dead-letter queue. */
  dead: number;
  /** Nowhere. Must be 0. */
  lost: number;
};

type Place = Outcome | 'held' | 'queued' | 'dead';
const PLACES: Place[] = ['delivered', 'bounced', 'dropped', 'unknown', 'held', 'queued', 'dead'];
const OUTCOMES = new Set<string>(['delivered', 'bounced', 'dropped', 'unknown']);

type Item = Record<string, unknown> & { pk: string; sk: string };
/** Where copies are, by `account#requestId` and index; and the requests of which some copies are still to be made. */
type Book = {
  copies: Map<string, Map<number, Place>>;
  unexpanded: { request: string; copies: number; place: Place }[];
};

/**
 * Counts the copies of all requests, or of some.
 * @param requestIds X-Message-Ids; absent: all. Name those that were answered 202 when accept itself was made to fail:
 *   a request record whose answer was an error promises nothing
 */
export async function countMail(
  stack: Pick<LocalStack, 'awsUrl' | 'region' | 'tables' | 'queues'>,
  requestIds?: Iterable<string>,
): Promise<Ledger> {
  const credentials = { accessKeyId: OPERATOR_KEY, secretAccessKey: 'local' };
  const client = new DynamoDBClient({ endpoint: stack.awsUrl, region: stack.region, credentials });
  const tables = DynamoDBDocumentClient.from(client);
  try {
    const messages = tableNamed(stack, 'messages');
    const wanted = requestIds && new Set(requestIds);
    // Mail moves while it is counted. This order sees each copy at least once: what is accepted before where it is,
    // its ways (queue, hold, and the queue again that a hold goes to) before its end.
    const accepted = new Map<string, number>();
    for await (const item of scan(tables, messages)) {
      const name = messageName(item);
      if (name?.part === 'request' && !item.refused && (!wanted || wanted.has(name.requestId)))
        accepted.set(requestOf(name), Number(item.copies));
    }
    const book: Book = { copies: new Map(), unexpanded: [] };
    readQueues(stack, book);
    for await (const item of scan(tables, tableNamed(stack, 'holds'))) readHold(item as unknown as Hold, book);
    readQueues(stack, book);
    // What was erased says as what it is final.
    for await (const item of scan(tables, messages)) {
      const name = messageName(item);
      const outcome = String(item.event ?? item.was);
      if (name && /^\d{4,}$/.test(name.part) && OUTCOMES.has(outcome))
        enter(book, requestOf(name), Number(name.part), outcome as Outcome);
    }
    return total(accepted, book);
  } finally {
    client.destroy();
  }
}

/** Every item of a table, read strongly. */
async function* scan(tables: DynamoDBDocumentClient, TableName: string): AsyncGenerator<Item> {
  let from: Record<string, unknown> | undefined;
  do {
    const page = await tables.send(
      new ScanCommand({ TableName, ConsistentRead: true, ...(from ? { ExclusiveStartKey: from } : {}) }),
    );
    yield* (page.Items ?? []) as Item[];
    from = page.LastEvaluatedKey;
  } while (from);
}

function readQueues(stack: Pick<LocalStack, 'queues'>, book: Book): void {
  for (const { dead, messages } of stack.queues.inspect())
    for (const { body } of messages) {
      const carried = readBody(body);
      if (!carried) continue;
      const place = dead ? 'dead' : 'queued';
      if (isJob(carried)) enterJob(book, carried, place);
      else book.unexpanded.push({ request: requestOf(carried), copies: Number.POSITIVE_INFINITY, place });
    }
}

function readHold(hold: Hold, book: Book): void {
  if (hold.kind === 'job') enterJob(book, hold.job, 'held');
  else if (hold.kind === 'request')
    book.unexpanded.push({ request: requestOf(hold.expansion), copies: hold.copies, place: 'held' });
}

/** Undefined: poison that names no request. Its request's copies are then lost, and the count says so. */
function readBody(body: string): Job | Expansion | undefined {
  try {
    const carried = JSON.parse(body) as Partial<Job> | null;
    return typeof carried?.account === 'string' && typeof carried.requestId === 'string' ? (carried as Job) : undefined;
  } catch {
    return undefined;
  }
}

const isJob = (carried: Job | Expansion): carried is Job => 'copies' in carried;
const requestOf = ({ account, requestId }: { account: string; requestId: string }) => `${account}#${requestId}`;

function enterJob(book: Book, job: Job, place: Place): void {
  for (const { index } of job.copies) enter(book, requestOf(job), index, place);
}

function enter(book: Book, request: string, index: number, place: Place): void {
  let copies = book.copies.get(request);
  if (!copies) {
    copies = new Map();
    book.copies.set(request, copies);
  }
  const had = copies.get(index);
  if (had === undefined || PLACES.indexOf(place) < PLACES.indexOf(had)) copies.set(index, place);
}

function total(accepted: Map<string, number>, book: Book): Ledger {
  const ledger: Ledger = {
    accepted: 0,
    delivered: 0,
    bounced: 0,
    dropped: 0,
    unknown: 0,
    held: 0,
    queued: 0,
    dead: 0,
    lost: 0,
  };
  const waiting = Map.groupBy(book.unexpanded, ({ request }) => request);
  for (const [request, copies] of accepted) {
    ledger.accepted += copies;
    const places = book.copies.get(request) ?? new Map<number, Place>();
    for (const place of places.values()) ledger[place]++;
    let missing = copies - places.size;
    const expansions = waiting.get(request) ?? [];
    for (const one of expansions.sort((a, b) => PLACES.indexOf(a.place) - PLACES.indexOf(b.place))) {
      const covered = Math.max(0, Math.min(missing, one.copies));
      ledger[one.place] += covered;
      missing -= covered;
    }
    ledger.lost += missing;
  }
  return ledger;
}
