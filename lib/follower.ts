/**
 * A function that follows the messages table's stream: every shard in order, each record once or more. Of what it could not take after
 * many tries a queue keeps where it stood; nothing waits behind it for ever.
 */
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import {
  EventSourceMapping,
  FilterCriteria,
  FilterRule,
  type IEventSourceDlq,
  StartingPosition,
} from 'aws-cdk-lib/aws-lambda';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { DEAD_LETTER_DAYS } from './retention.ts';
import { Stage, type StageProps } from './stage.ts';
import type { Storage } from './storage.ts';

/** Lambda's limits for streams: 10,000 records and 6 MB; a record of ours has about a kilobyte. */
const BATCH_SIZE = 5_000;
/** With a batch in halves each time, the one record that nobody can take is alone after 13 of them. */
const RETRY_ATTEMPTS = 200;
/** The stream itself keeps records for 24 hours. */
const OLDEST_HOURS = 23;
/** Lambda names the shard to functions with a tumbling window alone; the longest has the fewest calls at its end. */
const TUMBLING_MINUTES = 15;

export type FollowerProps = Omit<StageProps, 'targets'> & {
  storage: Storage;
  targets: StageProps['targets'];
  batchingWindowSeconds: number;
};

export class Follower extends Construct {
  readonly stage: Stage;
  /** Where batches stood that were given up. */
  readonly dead: Queue;

  constructor(scope: Construct, id: string, { storage, targets, batchingWindowSeconds, ...props }: FollowerProps) {
    super(scope, id);
    const stream = storage.messages.tableStreamArn;
    if (stream === undefined) throw new Error('the messages table has no stream');
    this.dead = new Queue(this, 'Dead', {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      removalPolicy: RemovalPolicy.RETAIN,
      retentionPeriod: Duration.days(DEAD_LETTER_DAYS),
    });
    this.stage = new Stage(this, 'Stage', {
      ...props,
      targets: { ...targets, ownStream: [stream], ownDeadLetters: [this.dead.queueArn] },
    });
    // Not CDK's own: it would grant more than the row in lib/permissions/table.ts does.
    const onFailure: IEventSourceDlq = { bind: () => ({ destination: this.dead.queueArn }) };
    new EventSourceMapping(this, 'Mapping', {
      target: this.stage.fn,
      eventSourceArn: stream,
      startingPosition: StartingPosition.TRIM_HORIZON,
      batchSize: BATCH_SIZE,
      maxBatchingWindow: Duration.seconds(batchingWindowSeconds),
      tumblingWindow: Duration.minutes(TUMBLING_MINUTES),
      bisectBatchOnError: true,
      retryAttempts: RETRY_ATTEMPTS,
      maxRecordAge: Duration.hours(OLDEST_HOURS),
      onFailure,
      // Requests, claims and what has expired are no news: they cost no call.
      filters: [
        FilterCriteria.filter({
          eventName: FilterRule.or('INSERT', 'MODIFY'),
          dynamodb: { NewImage: { event: { S: FilterRule.exists() } } },
        }),
      ],
    });
  }
}
