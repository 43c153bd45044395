/**
 * SES's word on what became of the mail that went through it: configuration set → topic → queue → hear. Only in a stack
 * with a pool that may go by SES. A queue stands between topic and function so that an event that hear cannot take is a
 * dead letter with an alarm, not a copy that stays `relayed` for ever.
 */
import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { CfnConfigurationSet, CfnConfigurationSetEventDestination } from 'aws-cdk-lib/aws-ses';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { SqsSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';
import type { Settings } from './settings.ts';
import { type CodeOf, Stage } from './stage.ts';
import type { Storage } from './storage.ts';
import { sesArn } from './via.ts';
import { WorkQueue, workOff } from './work-queue.ts';

const TIMEOUT_SECONDS = 30;
const MEMORY_MB = 256;
const BATCH_SIZE = 100;
/** Events come one by one; nobody waits for them by the second. */
const BATCHING_WINDOW_SECONDS = 10;
const MAXIMUM_CONCURRENCY = 5;
/** As CloudFormation spells them. Opens and clicks are ours to count, not SES's. */
const EVENTS = ['delivery', 'bounce', 'complaint', 'deliveryDelay', 'reject', 'renderingFailure'];

export type HearProps = { settings: Settings; storage: Storage; code: CodeOf };

export class Hear extends Construct {
  readonly stage: Stage;
  readonly work: WorkQueue;
  readonly topic: Topic;
  readonly key: Key;
  /** What deliver names in each call to SES. */
  readonly configurationSet: string;

  constructor(scope: Construct, id: string, { settings, storage, code }: HearProps) {
    super(scope, id);
    const set = new CfnConfigurationSet(this, 'ConfigurationSet', {
      sendingOptions: { sendingEnabled: true },
      reputationOptions: { reputationMetricsEnabled: true },
    });
    this.configurationSet = set.ref;
    const onlySes = { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } };
    // A key of our own: SES may not use the one that AWS manages for SNS.
    this.key = new Key(this, 'Key', {
      description: 'Events of SES on their way to hear',
      enableKeyRotation: true,
      // Nothing is kept under it: it goes with the stack, and costs nothing from then on.
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.key.addToResourcePolicy(
      new PolicyStatement({
        sid: 'SesEncrypts',
        principals: [new ServicePrincipal('ses.amazonaws.com')],
        actions: ['kms:GenerateDataKey', 'kms:Decrypt'],
        resources: ['*'],
        conditions: onlySes,
      }),
    );
    this.topic = new Topic(this, 'Topic', { masterKey: this.key, enforceSSL: true });
    const published = this.topic.addToResourcePolicy(
      new PolicyStatement({
        sid: 'SesPublishes',
        principals: [new ServicePrincipal('ses.amazonaws.com')],
        actions: ['sns:Publish'],
        resources: [this.topic.topicArn],
        conditions: {
          StringEquals: {
            'aws:SourceAccount': Stack.of(this).account,
            'aws:SourceArn': sesArn(this, 'configuration-set', set.ref),
          },
        },
      }),
    );
    const events = new CfnConfigurationSetEventDestination(this, 'Events', {
      configurationSetName: set.ref,
      eventDestination: {
        enabled: true,
        matchingEventTypes: EVENTS,
        snsDestination: { topicArn: this.topic.topicArn },
      },
    });
    // SES tries the topic when the destination is made.
    if (published.policyDependable) events.node.addDependency(published.policyDependable);

    this.work = new WorkQueue(this, 'Work', {
      timeoutSeconds: TIMEOUT_SECONDS,
      batchingWindowSeconds: BATCHING_WINDOW_SECONDS,
    });
    this.topic.addSubscription(
      new SqsSubscription(this.work.queue, { rawMessageDelivery: true, deadLetterQueue: this.work.dead }),
    );
    this.stage = new Stage(this, 'Hear', {
      name: 'hear',
      settings,
      code,
      memoryMb: MEMORY_MB,
      timeoutSeconds: TIMEOUT_SECONDS,
      environment: {
        MESSAGES_TABLE: storage.messages.tableName,
        SUPPRESSIONS_TABLE: storage.suppressions.tableName,
        MESSAGES_DAYS: String(settings.retention.messagesDays),
      },
      targets: {
        messages: [storage.messages.tableArn],
        suppressions: [storage.suppressions.tableArn],
        ownQueue: [this.work.queue.queueArn],
      },
    });
    workOff({
      work: this.work,
      stage: this.stage,
      batchSize: BATCH_SIZE,
      batchingWindowSeconds: BATCHING_WINDOW_SECONDS,
      maximumConcurrency: MAXIMUM_CONCURRENCY,
    });
  }
}
