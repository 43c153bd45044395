/**
 * What every way in needs of the outside, made once per process from the variables that `lib/` writes. It refuses to start
 * without one of them, by name.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { accountsIn } from '../io/accounts.ts';
import { openBucket, openQueues, openTables } from '../io/aws.ts';
import { cached } from '../io/cached.ts';
import { contentIn } from '../io/content.ts';
import { requireLanes, requireNumber, requireVariable } from '../io/environment.ts';
import { groupIdsIn } from '../io/groups.ts';
import { holdsIn } from '../io/holds.ts';
import { messagesIn } from '../io/messages.ts';
import { sendEntries } from '../io/queue.ts';
import type { AcceptDeps } from './accept.ts';

/** Milliseconds for which a deleted key, or a removed domain, may still be taken. */
const ACCOUNT_LIFE = 60_000;

/** All of it but what differs from door to door: how much a request may hold, and who takes more. */
export type SubmissionDeps = Omit<AcceptDeps, 'requestBytes' | 'bigDoorUrl'>;

/** @throws Error naming the variable that is missing or malformed */
export function openSubmission(): SubmissionDeps {
  const tables = openTables();
  const queues = openQueues();
  const accounts = accountsIn(requireVariable('ACCOUNTS_TABLE'), tables);
  const readKey = cached((id) => accounts.readKey(id.slice(0, 8), id), ACCOUNT_LIFE, Date.now);
  const readSender = cached(
    (name) => accounts.readSender(...(name.split('#') as [string, string])),
    ACCOUNT_LIFE,
    Date.now,
  );
  return {
    ...messagesIn(requireVariable('MESSAGES_TABLE'), tables),
    ...holdsIn(requireVariable('HOLDS_TABLE'), tables),
    ...contentIn(requireVariable('CONTENT_BUCKET'), openBucket()),
    readKey: ({ id }) => readKey(id),
    readSender: (account, domain) => readSender(`${account}#${domain}`),
    readTemplate: accounts.readTemplate,
    readBatch: accounts.readBatch,
    readGroupIds: groupIdsIn(requireVariable('ACCOUNTS_TABLE'), tables, Date.now),
    sendEntries: (url, entries) => sendEntries(queues, url, entries),
    lanes: requireLanes(),
    expandQueueUrl: requireVariable('EXPAND_QUEUE_URL'),
    messagesDays: requireNumber('MESSAGES_DAYS'),
    deliverTimeoutSeconds: requireNumber('DELIVER_TIMEOUT_SECONDS'),
    now: Date.now,
    wait,
    randomBytes,
  };
}
