/**
 * A batch of the messages table's stream as Lambda hands it over. The shard is named only where the mapping has a tumbling window
 * (Lambda Developer Guide, "Implementing stateful DynamoDB stream processing"), which is what ours have one for: nothing is kept in
 * its state, which would be lost with a batch that is given up.
 */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { type Change, type News, readNews } from '../core/event/item.ts';
import { padSequence } from '../core/event/page.ts';

/** What we read of Lambda's event. The last one of a window has no records. */
export type StreamEvent = {
  shardId: string;
  Records: {
    eventName?: string;
    dynamodb?: {
      SequenceNumber?: string;
      /** Unix seconds. */
      ApproximateCreationDateTime?: number;
      NewImage?: Record<string, unknown>;
    };
  }[];
};

/** Lambda takes an answer without a state for a failure. */
export const STREAM_ANSWER = { state: {} } as const;

export type StreamNews = {
  /** Padded, so that it sorts. */
  sequence: string;
  /** Milliseconds since the epoch, to the second. */
  writtenAt: number;
  change: Change;
  news: News;
};

/** The news of a batch, in order. What is none, or cannot be read, is left out: it would be none the next time either. */
export function readStream({ Records }: StreamEvent, report: (problem: string) => void): StreamNews[] {
  return Records.flatMap(({ eventName, dynamodb = {} }) => {
    const { SequenceNumber, ApproximateCreationDateTime = 0, NewImage } = dynamodb;
    if ((eventName !== 'INSERT' && eventName !== 'MODIFY') || !NewImage || !SequenceNumber) return [];
    try {
      const news = readNews(unmarshall(NewImage as Record<string, AttributeValue>), eventName);
      if (!news) return [];
      const writtenAt = ApproximateCreationDateTime * 1_000;
      return [{ sequence: padSequence(SequenceNumber), writtenAt, change: eventName, news }];
    } catch (error) {
      report(`record ${SequenceNumber} of the stream: ${(error as Error).message}`);
      return [];
    }
  });
}
