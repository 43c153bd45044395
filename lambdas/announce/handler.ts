/** announce's handler: a batch of one shard of the messages table's stream. An error hands all of it back. */
import { setTimeout as wait } from 'node:timers/promises';
import middy from '@middy/core';
import { openQueues, openTables } from '../../io/aws.ts';
import { cached } from '../../io/cached.ts';
import { requireVariable } from '../../io/environment.ts';
import { messagesIn } from '../../io/messages.ts';
import { outboxIn } from '../../io/outbox.ts';
import { sendEntries } from '../../io/queue.ts';
import { readStream, STREAM_ANSWER, type StreamEvent } from '../../io/stream.ts';
import { webhooksIn } from '../../io/webhooks.ts';
import { type AnnounceDeps, announce } from './announce.ts';

/** Milliseconds after which a new webhook is told at the latest. */
const LISTENERS_LIFE = 15_000;

const [tables, queues] = [openTables(), openQueues()];
const queueUrl = requireVariable('NOTIFY_QUEUE_URL');
const { listWebhooks } = webhooksIn(requireVariable('ACCOUNTS_TABLE'), tables);
const report = (problem: string) => console.error(JSON.stringify({ level: 'ERROR', stage: 'announce', problem }));

const deps: AnnounceDeps = {
  now: Date.now,
  hasWebhooks: cached(
    async (account: string) => (await listWebhooks(account)).some(({ enabled }) => enabled),
    LISTENERS_LIFE,
    Date.now,
  ),
  readOutcomeRecords: messagesIn(requireVariable('MESSAGES_TABLE'), tables).readOutcomeRecords,
  wait,
  putOutboxPage: outboxIn(requireVariable('OUTBOX_TABLE'), tables).putOutboxPage,
  sendEntries: (entries) => sendEntries(queues, queueUrl, entries),
  report,
};

export const handler = middy<StreamEvent, typeof STREAM_ANSWER>().handler(async (event) => {
  await announce(event.shardId, readStream(event, report), deps);
  return STREAM_ANSWER;
});
