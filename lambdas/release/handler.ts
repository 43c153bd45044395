/** release's handler: runs every minute. */
import middy from '@middy/core';
import type { Context, ScheduledEvent } from 'aws-lambda';
import { openQueues, openTables } from '../../io/aws.ts';
import { batchesIn } from '../../io/batches.ts';
import { requireLanes, requireVariable } from '../../io/environment.ts';
import { holdsIn } from '../../io/holds.ts';
import { sendEntries } from '../../io/queue.ts';
import { release } from './release.ts';

const [queues, tables] = [openQueues(), openTables()];
const deps = {
  readBatchStates: batchesIn(requireVariable('ACCOUNTS_TABLE'), tables).readBatchStates,
  ...holdsIn(requireVariable('HOLDS_TABLE'), tables),
  sendEntries: (url: string, entries: Parameters<typeof sendEntries>[2]) => sendEntries(queues, url, entries),
  lanes: requireLanes(),
  expandQueueUrl: requireVariable('EXPAND_QUEUE_URL'),
  parseQueueUrl: process.env.PARSE_QUEUE_URL,
  notifyQueueUrl: requireVariable('NOTIFY_QUEUE_URL'),
  validateQueueUrl: requireVariable('VALIDATE_QUEUE_URL'),
  eraseQueueUrl: requireVariable('ERASE_QUEUE_URL'),
  now: Date.now,
};

export const handler = middy<ScheduledEvent, void>().handler(async (_event, context: Context) => {
  const { released, stayed } = await release({ ...deps, remainingMs: () => context.getRemainingTimeInMillis() });
  if (stayed > 0) throw new Error(`${stayed} holds stayed: their queue did not take them (${released} were released)`);
});
