/**
 * Sending to queues, with the one distinction that matters for duplicates: was an entry refused, or did nobody answer?
 * Refused entries are not in the queue. Unanswered ones may be: whoever sends them again must say so (`maybeSent`) and
 * wait until a first copy can no longer be at work.
 */
import { SendMessageBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';

/** `group`: a fair-queue group; undefined: a group of its own. */
export type Entry = { body: string; group: string | undefined; delaySeconds?: number };
export type Sent = 'sent' | 'refused' | 'unanswered';

/** One SendMessageBatch holds 10 entries and 1 MiB (SQS quotas); the rest of an entry is small. */
const BATCH_ENTRIES = 10;
const BATCH_BYTES = 1_000_000;

/**
 * Sends entries, ten at a time, each batch once.
 * @returns one word per entry, in order. Never throws for what the queue or the network did.
 */
export async function sendEntries(queues: SQSClient, url: string, entries: readonly Entry[]): Promise<Sent[]> {
  const results: Sent[] = [];
  for (const batch of cutBatches(entries)) results.push(...(await sendBatch(queues, url, batch)));
  return results;
}

function cutBatches(entries: readonly Entry[]): Entry[][] {
  const batches: Entry[][] = [];
  let bytes = 0;
  for (const entry of entries) {
    const size = Buffer.byteLength(entry.body);
    const batch = batches.at(-1);
    if (!batch || batch.length === BATCH_ENTRIES || bytes + size > BATCH_BYTES) {
      batches.push([entry]);
      bytes = size;
    } else {
      batch.push(entry);
      bytes += size;
    }
  }
  return batches;
}

async function sendBatch(queues: SQSClient, url: string, batch: readonly Entry[]): Promise<Sent[]> {
  const Entries = batch.map(({ body, group, delaySeconds }, index) => ({
    Id: String(index),
    MessageBody: escapeForQueue(body),
    ...(group === undefined ? {} : { MessageGroupId: group }),
    ...(delaySeconds ? { DelaySeconds: delaySeconds } : {}),
  }));
  try {
    const { Successful = [], Failed = [] } = await queues.send(new SendMessageBatchCommand({ QueueUrl: url, Entries }));
    const sent = new Set(Successful.map(({ Id }) => Id));
    // An entry that failed by the queue's own fault is as uncertain as no answer.
    const refused = new Set(
      Failed.filter(({ SenderFault, Code }) => SenderFault || isThrottle(Code)).map(({ Id }) => Id),
    );
    return Entries.map(({ Id }) => (sent.has(Id) ? 'sent' : refused.has(Id) ? 'refused' : 'unanswered'));
  } catch (error) {
    return batch.map(() => (wasRefused(error) ? 'refused' : 'unanswered'));
  }
}

/** SQS takes the characters of XML 1.0 only; these two are the ones outside it that JSON leaves as they are. */
function escapeForQueue(json: string): string {
  return json.replaceAll('\ufffe', '\\ufffe').replaceAll('\uffff', '\\uffff');
}

/**
 * Whether an error says that the call had no effect: a 4xx of the service, or no connection at all.
 * An earlier try without an answer (io/aws.ts) leaves that open, whatever the last one said.
 */
export function wasRefused(error: unknown): boolean {
  const {
    $metadata,
    name,
    code,
    message = '',
    unanswered = false,
  } = error as {
    $metadata?: { httpStatusCode?: number };
    name?: string;
    code?: string;
    message?: string;
    unanswered?: boolean;
  };
  if (unanswered) return false;
  const status = $metadata?.httpStatusCode;
  if (status !== undefined) return (status >= 400 && status < 500) || isThrottle(name);
  return (
    ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN'].includes(code ?? '') ||
    /connection timed out|did not establish/i.test(message)
  );
}

/** Whether an error's name is one of AWS's words for "slow down". */
export function isThrottle(name: string | undefined): boolean {
  return /Throttl|TooManyRequests|SlowDown|RequestLimitExceeded|ProvisionedThroughputExceeded/i.test(name ?? '');
}
