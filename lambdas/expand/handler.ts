/** expand's handler: SQS in, the ids of what failed out. */
import middy from '@middy/core';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { openBucket, openQueues, openTables } from '../../io/aws.ts';
import { contentIn } from '../../io/content.ts';
import { requireLanes, requireVariable } from '../../io/environment.ts';
import { holdsIn } from '../../io/holds.ts';
import { sendEntries } from '../../io/queue.ts';
import { type ExpandDeps, expand } from './expand.ts';

const queues = openQueues();
const deps: ExpandDeps = {
  ...contentIn(requireVariable('CONTENT_BUCKET'), openBucket()),
  ...holdsIn(requireVariable('HOLDS_TABLE'), openTables()),
  sendEntries: (url, entries) => sendEntries(queues, url, entries),
  lanes: requireLanes(),
  now: Date.now,
};

export const handler = middy<SQSEvent, SQSBatchResponse>().handler(async ({ Records }) => {
  const messages = Records.map(({ messageId, body, attributes }) => ({
    id: messageId,
    body,
    receiveCount: Number(attributes.ApproximateReceiveCount),
  }));
  const failed = await expand(messages, deps);
  return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
});
