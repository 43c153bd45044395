/** hear's handler: a batch of SES's events in, the ids of what is handed back out. */
import middy from '@middy/core';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { openTables } from '../../io/aws.ts';
import { requireNumber, requireVariable } from '../../io/environment.ts';
import { messagesIn } from '../../io/messages.ts';
import { publishDeliveries } from '../../io/metrics.ts';
import { shapingOfBundle } from '../../io/shaping.ts';
import { suppressionsIn } from '../../io/suppressions.ts';
import { type HearDeps, hear } from './hear.ts';

const tables = openTables();
const deps: HearDeps = {
  ...messagesIn(requireVariable('MESSAGES_TABLE'), tables),
  ...suppressionsIn(requireVariable('SUPPRESSIONS_TABLE'), tables),
  shaping: shapingOfBundle(),
  now: Date.now,
  messagesDays: requireNumber('MESSAGES_DAYS'),
  publish: publishDeliveries,
  report: (problem) => console.error(JSON.stringify({ level: 'ERROR', stage: 'hear', problem })),
};

export const handler = middy<SQSEvent, SQSBatchResponse>().handler(async ({ Records }) => {
  const handedBack = await hear(Records, deps);
  return { batchItemFailures: handedBack.map((itemIdentifier) => ({ itemIdentifier })) };
});
