/** deliver's handler: a batch of its lane's queue in, the ids of what is handed back out. */
import middy from '@middy/core';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { connect } from './connect.ts';
import { deliver } from './deliver.ts';

let connected: ReturnType<typeof connect> | undefined = begin();

/** Begun before the first invocation, which fails with its reason; the next tries again. */
function begin(): ReturnType<typeof connect> {
  const connecting = connect();
  connecting.catch(() => {
    connected = undefined;
  });
  return connecting;
}

export const handler = middy<SQSEvent, SQSBatchResponse>().handler(async ({ Records }, context: Context) => {
  connected ??= begin();
  const depsOf = await connected;
  const batch = Records.map(({ messageId, body, receiptHandle, attributes }) => ({
    messageId,
    body,
    receiveCount: Number(attributes.ApproximateReceiveCount),
    receipt: receiptHandle,
  }));
  const handedBack = await deliver(
    batch,
    depsOf(() => context.getRemainingTimeInMillis()),
  );
  return { batchItemFailures: handedBack.map((itemIdentifier) => ({ itemIdentifier })) };
});
