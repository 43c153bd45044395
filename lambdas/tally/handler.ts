/** tally's handler: a batch of one shard of the messages table's stream. An error hands all of it back. */
import { setTimeout as wait } from 'node:timers/promises';
import middy from '@middy/core';
import { tellAccountBy } from '../../io/account-events.ts';
import { openBucket, openQueues, openTables } from '../../io/aws.ts';
import { brakesIn } from '../../io/brakes.ts';
import { requireNumber, requireVariable } from '../../io/environment.ts';
import { messagesIn } from '../../io/messages.ts';
import { publishCounts } from '../../io/metrics.ts';
import { outboxIn } from '../../io/outbox.ts';
import { pagesIn } from '../../io/pages.ts';
import { sendEntries } from '../../io/queue.ts';
import { statsIn } from '../../io/stats.ts';
import { readStream, STREAM_ANSWER, type StreamEvent } from '../../io/stream.ts';
import { type TallyDeps, tally } from './tally.ts';

const [tables, queues] = [openTables(), openQueues()];
const notifyQueue = requireVariable('NOTIFY_QUEUE_URL');
const brakes = brakesIn(requireVariable('ACCOUNTS_TABLE'), tables);
const report = (problem: string) => console.error(JSON.stringify({ level: 'ERROR', stage: 'tally', problem }));

const deps: TallyDeps = {
  readOutcomeRecords: messagesIn(requireVariable('MESSAGES_TABLE'), tables).readOutcomeRecords,
  wait,
  ...statsIn(requireVariable('STATS_TABLE'), tables),
  ...pagesIn(requireVariable('EVENTS_BUCKET'), openBucket()),
  readBrakes: (account) => brakes.readBrakes(account, true),
  pauseBulk: brakes.pauseBulk,
  tellAccount: tellAccountBy({
    putOutboxPage: outboxIn(requireVariable('OUTBOX_TABLE'), tables).putOutboxPage,
    sendEntries: (entries) => sendEntries(queues, notifyQueue, entries),
    now: Date.now,
    report,
  }),
  thresholds: {
    bouncePercent: Number(requireVariable('BRAKE_BOUNCE_PERCENT')),
    complaintPercent: Number(requireVariable('BRAKE_COMPLAINT_PERCENT')),
  },
  now: Date.now,
  publish: publishCounts,
  statsDays: requireNumber('STATS_DAYS'),
  known: new Map(),
  report,
};

export const handler = middy<StreamEvent, typeof STREAM_ANSWER>().handler(async (event) => {
  await tally(event.shardId, readStream(event, report), deps);
  return STREAM_ANSWER;
});
