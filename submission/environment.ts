/**
 * What every way in needs of the outside, made once per process from the variables that `lib/` writes. It refuses to start
 * without one of them, by name.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { attemptNotesIn } from '../io/access.ts';
import { accountsIn } from '../io/accounts.ts';
import { openBucket, openQueues, openTables } from '../io/aws.ts';
import { creditsIn, readBrakesIn } from '../io/brakes.ts';
import { cached } from '../io/cached.ts';
import { contentIn } from '../io/content.ts';
import { optionalNumber, requireLanes, requireNumber, requireVariable } from '../io/environment.ts';
import { groupIdsIn } from '../io/groups.ts';
import { holdsIn } from '../io/holds.ts';
import { mailDefaultsIn } from '../io/mail-defaults.ts';
import { messagesIn } from '../io/messages.ts';
import { publishCapReached } from '../io/plain-metrics.ts';
import { cachedPoolsIn } from '../io/pools.ts';
import { sendEntries } from '../io/queue.ts';
import { sendersIn } from '../io/senders.ts';
import type { AcceptDeps } from './accept.ts';
import { createNotes } from './access.ts';
import { createCredits } from './credits.ts';

/** Milliseconds for which a deleted key, or a removed domain, may still be taken, and a cap or an access list be the one of before. */
const ACCOUNT_LIFE = 60_000;

/** All of it but what differs from door to door: how much a request may hold, and who takes more. */
export type SubmissionDeps = Omit<AcceptDeps, 'requestBytes' | 'bigDoorUrl'>;

/**
 * @param report told of what fails beside a request, and fails nothing of it
 * @throws Error naming the variable that is missing or malformed
 */
export function openSubmission(report: (problem: string, error: unknown) => void): SubmissionDeps {
  const tables = openTables();
  const queues = openQueues();
  const accounts = accountsIn(requireVariable('ACCOUNTS_TABLE'), tables);
  const readKey = cached((id) => accounts.readKey(id.slice(0, 8), id), ACCOUNT_LIFE, Date.now);
  const senders = sendersIn(requireVariable('ACCOUNTS_TABLE'), tables);
  const readDomain = cached(
    (name) => senders.readSendingDomain(...(name.split('#') as [string, string])),
    ACCOUNT_LIFE,
    Date.now,
  );
  // An account id is 8 characters, so that a `#` in an address parts nothing.
  const readAddress = cached(
    (name) => senders.readVerifiedSender(name.slice(0, name.indexOf('#')), name.slice(name.indexOf('#') + 1)),
    ACCOUNT_LIFE,
    Date.now,
  );
  const defaults = mailDefaultsIn(requireVariable('ACCOUNTS_TABLE'), tables, Date.now);
  const messages = requireVariable('MESSAGES_TABLE');
  const readBrakes = readBrakesIn(requireVariable('ACCOUNTS_TABLE'), tables);
  return {
    ...createCredits({
      ...creditsIn(messages, tables),
      readBrakes: cached((account) => readBrakes(account), ACCOUNT_LIFE, Date.now),
      publishReached: publishCapReached,
      now: Date.now,
      defaultCap: optionalNumber('DAILY_CAP'),
    }),
    noteAttempt: createNotes({ ...attemptNotesIn(messages, tables), now: Date.now, report }),
    ...messagesIn(messages, tables),
    ...holdsIn(requireVariable('HOLDS_TABLE'), tables),
    ...contentIn(requireVariable('CONTENT_BUCKET'), openBucket()),
    readKey: ({ id }) => readKey(id),
    readSender: async (account, domain, address) =>
      (await readDomain(`${account}#${domain}`)) ?? readAddress(`${account}#${address.toLowerCase()}`),
    readMailDefaults: cached(defaults.readMailDefaults, ACCOUNT_LIFE, Date.now),
    readFormerMailDefaults: defaults.readFormerMailDefaults,
    readTemplate: accounts.readTemplate,
    readBatch: accounts.readBatch,
    ...cachedPoolsIn(requireVariable('ACCOUNTS_TABLE'), tables, Date.now),
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
