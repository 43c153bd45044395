/** erase's handler: passes of erasures in, the ids of what is handed back out. */
import { randomUUID } from 'node:crypto';
import middy from '@middy/core';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { parseEraseMessage } from '../../core/records/erasure.ts';
import { openBucket, openTables } from '../../io/aws.ts';
import { requireNumber, requireVariable } from '../../io/environment.ts';
import { erasedItemsIn } from '../../io/erased-items.ts';
import { erasedObjectsIn } from '../../io/erased-objects.ts';
import { erasedRecordsIn } from '../../io/erased-records.ts';
import { erasuresIn } from '../../io/erasures.ts';
import { holdsIn } from '../../io/holds.ts';
import { pagesIn } from '../../io/pages.ts';
import { suppressionsIn } from '../../io/suppressions.ts';
import { type EraseDeps, erase } from './erase.ts';

const [tables, objects] = [openTables(), openBucket()];
const messages = requireVariable('MESSAGES_TABLE');
const holds = requireVariable('HOLDS_TABLE');
const events = requireVariable('EVENTS_BUCKET');
const buckets = { content: requireVariable('CONTENT_BUCKET'), events, inbound: process.env.INBOUND_BUCKET };

const shared: Omit<EraseDeps, 'remainingMs'> = {
  ...erasuresIn({ messages, holds }, tables),
  ...erasedRecordsIn(messages, tables, requireNumber('MESSAGES_DAYS')),
  ...erasedItemsIn({ holds, outbox: requireVariable('OUTBOX_TABLE') }, tables),
  ...erasedObjectsIn(buckets, objects),
  ...suppressionsIn(requireVariable('SUPPRESSIONS_TABLE'), tables),
  hold: holdsIn(holds, tables).hold,
  putPage: pagesIn(events, objects).putPage,
  contentDays: requireNumber('CONTENT_DAYS'),
  makeFence: randomUUID,
  now: Date.now,
};

export const handler = middy<SQSEvent, SQSBatchResponse>().handler(async ({ Records }, context: Context) => {
  const deps = { ...shared, remainingMs: () => context.getRemainingTimeInMillis() };
  const batchItemFailures: SQSBatchResponse['batchItemFailures'] = [];
  for (const { messageId, body } of Records)
    try {
      await erase(parseEraseMessage(body), deps);
    } catch (error) {
      console.error(JSON.stringify({ level: 'ERROR', stage: 'erase', problem: `${messageId}: ${String(error)}` }));
      batchItemFailures.push({ itemIdentifier: messageId });
    }
  return { batchItemFailures };
});
