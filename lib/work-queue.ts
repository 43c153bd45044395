/**
 * A queue that a function works off, and the dead-letter queue behind it. Both are encrypted, take TLS only, and outlive
 * the stack: what is in them has been accepted.
 */
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { EventSourceMapping } from 'aws-cdk-lib/aws-lambda';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { DEAD_LETTER_DAYS } from './retention.ts';
import type { Stage } from './stage.ts';

/**
 * Receptions before a message is a dead letter (AWS asks for at least 5: throttled pollers use up receptions too).
 * A run that was killed costs its whole batch one each. With six timeouts of three minutes between them: after 2.4 hours.
 */
const MAX_RECEIVE_COUNT = 8;
/** The same of a queue whose first five come sooner, within 24 minutes (io/lane.ts): as long until it gives up. */
export const SOONER_RECEIVE_COUNT = 13;
/** A dead letter keeps the time of its first sending, so this must stay below the dead-letter queue's own retention. */
const QUEUE_DAYS = 10;

export type WorkQueueProps = {
  /** Timeout of the function that works it off, in seconds. */
  timeoutSeconds: number;
  batchingWindowSeconds: number;
  /** Receptions until a message is a dead letter; default 8. */
  maxReceiveCount?: number;
};

export class WorkQueue extends Construct {
  readonly queue: Queue;
  readonly dead: Queue;

  constructor(
    scope: Construct,
    id: string,
    { timeoutSeconds, batchingWindowSeconds, maxReceiveCount = MAX_RECEIVE_COUNT }: WorkQueueProps,
  ) {
    super(scope, id);
    const safe = { encryption: QueueEncryption.SQS_MANAGED, enforceSSL: true, removalPolicy: RemovalPolicy.RETAIN };
    this.dead = new Queue(this, 'Dead', { ...safe, retentionPeriod: Duration.days(DEAD_LETTER_DAYS) });
    this.queue = new Queue(this, 'Queue', {
      ...safe,
      retentionPeriod: Duration.days(QUEUE_DAYS),
      // AWS: six times the function's timeout and the batching window, so that throttling can't hand a job out twice.
      visibilityTimeout: Duration.seconds(6 * timeoutSeconds + batchingWindowSeconds),
      deadLetterQueue: { queue: this.dead, maxReceiveCount },
    });
  }
}

export type MappingProps = {
  work: WorkQueue;
  stage: Stage;
  /** Messages that start one run. */
  batchSize: number;
  batchingWindowSeconds: number;
  /** Runs at a time. */
  maximumConcurrency: number;
};

/** Lets a stage work a queue off: it answers with the messages that failed, the others are done. */
export function workOff(props: MappingProps): EventSourceMapping {
  const { work, stage } = props;
  return new EventSourceMapping(work, 'Mapping', {
    target: stage.fn,
    eventSourceArn: work.queue.queueArn,
    batchSize: props.batchSize,
    maxBatchingWindow: Duration.seconds(props.batchingWindowSeconds),
    maxConcurrency: props.maximumConcurrency,
    reportBatchItemFailures: true,
  });
}
