/**
 * deliver's own queue, beside Lambda's poller: a run that lasts takes further jobs by itself. What it takes stays hidden
 * from others a little longer than the run can last, so that a run that dies gives it back soon. What failed is seen again soon, too.
 */
import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';

export type Received = { messageId: string; body: string; receiveCount: number; receipt: string };

/** Seconds beyond a run's end until its messages are seen again. */
const MARGIN = 30;
/** SQS: ReceiveMessage and DeleteMessageBatch take at most 10. */
const BATCH = 10;
const TRIES = 3;
/** Seconds until a job that failed so often is seen again; after that as long as the queue hides it by itself. */
const SEEN_AGAIN = [30, 60, 120, 300, 900];

export function laneOf(queues: SQSClient, url: string) {
  return {
    /** At most `count` messages that are there now. @param remainingMs of the run */
    receive: async (count: number, remainingMs: number): Promise<Received[]> => {
      const { Messages = [] } = await queues.send(
        new ReceiveMessageCommand({
          QueueUrl: url,
          MaxNumberOfMessages: Math.min(BATCH, count),
          VisibilityTimeout: Math.ceil(Math.max(0, remainingMs) / 1_000) + MARGIN,
          MessageSystemAttributeNames: ['ApproximateReceiveCount'],
        }),
      );
      return Messages.map(({ MessageId = '', Body = '', ReceiptHandle = '', Attributes }) => ({
        messageId: MessageId,
        body: Body,
        receiveCount: Number(Attributes?.ApproximateReceiveCount ?? 1),
        receipt: ReceiptHandle,
      }));
    },

    /**
     * Has messages that failed come back soon, and later each time: left alone they would be hidden for six timeouts of the function.
     * @param share of the default timeout that the function's is, and all its waits with it
     * @throws Error when some were not; they come back all the same, later
     */
    comeBack: async (messages: readonly { receipt?: string; receiveCount: number }[], share: number): Promise<void> => {
      const entries = messages.flatMap(({ receipt, receiveCount }, n) => {
        const seconds = SEEN_AGAIN[receiveCount - 1];
        if (receipt === undefined || seconds === undefined) return [];
        return [{ Id: String(n), ReceiptHandle: receipt, VisibilityTimeout: Math.ceil(seconds * share) }];
      });
      for (let at = 0; at < entries.length; at += BATCH) {
        const Entries = entries.slice(at, at + BATCH);
        const { Failed = [] } = await queues.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: url, Entries }));
        if (Failed.length > 0) throw new Error(`${Failed.length} of ${Entries.length}: ${Failed[0]?.Code}`);
      }
    },

    /** @throws Error when some were not removed: they come back, and their records say that they are done */
    remove: async (messages: readonly { receipt?: string }[]): Promise<void> => {
      const Entries = messages.map(({ receipt }, index) => ({ Id: String(index), ReceiptHandle: receipt }));
      for (let tries = 1; ; tries++)
        try {
          // To remove what is removed does nothing: unlike a send, it can be said again.
          const { Failed = [] } = await queues.send(new DeleteMessageBatchCommand({ QueueUrl: url, Entries }));
          if (Failed.length > 0) throw new Error(`${Failed.length} of ${Entries.length}: ${Failed[0]?.Code}`);
          return;
        } catch (error) {
          if (tries >= TRIES) throw error;
        }
    },
  };
}
