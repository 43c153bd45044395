/**
 * SES receiving, for stacks without a relay: a receipt rule puts every mail for a verified domain into the inbound bucket and
 * says so on a topic, from which it gets to the inbound queue. Its rule set has no effect until it is the account's active one,
 * which CloudFormation cannot make it (docs/deploying.md says how).
 */
import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import { CfnReceiptRule, CfnReceiptRuleSet } from 'aws-cdk-lib/aws-ses';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { SqsSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';
import { INBOUND_PREFIX } from '../core/inbound/message.ts';
import type { WorkQueue } from './work-queue.ts';

export type SesReceivingProps = { mail: Bucket; work: WorkQueue; requireTls: boolean };

export class SesReceiving extends Construct {
  readonly ruleSet: string;
  readonly topic: Topic;
  readonly key: Key;
  /** What MX records name. */
  readonly hostName: string;

  constructor(scope: Construct, id: string, { mail, work, requireTls }: SesReceivingProps) {
    super(scope, id);
    const { account, region, partition } = Stack.of(this);
    this.hostName = `inbound-smtp.${region}.amazonaws.com`;
    const set = new CfnReceiptRuleSet(this, 'RuleSet');
    this.ruleSet = set.ref;
    const ses = new ServicePrincipal('ses.amazonaws.com');
    const onlyRule = {
      StringEquals: { 'aws:SourceAccount': account },
      ArnLike: {
        'aws:SourceArn': `arn:${partition}:ses:${region}:${account}:receipt-rule-set/${set.ref}:receipt-rule/*`,
      },
    };
    const onlyAccount = { StringEquals: { 'aws:SourceAccount': account } };
    // A key of our own: SES may not use the one that AWS manages for SNS.
    this.key = new Key(this, 'Key', {
      description: 'Notifications of SES receiving on their way to inbound',
      enableKeyRotation: true,
      // Nothing is kept under it: it goes with the stack, and costs nothing from then on.
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.key.addToResourcePolicy(
      new PolicyStatement({
        sid: 'SesEncrypts',
        principals: [ses],
        actions: ['kms:GenerateDataKey', 'kms:Decrypt'],
        resources: ['*'],
        conditions: onlyAccount,
      }),
    );
    const stored = mail.addToResourcePolicy(
      new PolicyStatement({
        sid: 'SesStores',
        principals: [ses],
        actions: ['s3:PutObject'],
        resources: [mail.arnForObjects(`${INBOUND_PREFIX}*`)],
        conditions: onlyRule,
      }),
    );
    this.topic = new Topic(this, 'Topic', { masterKey: this.key, enforceSSL: true });
    const published = this.topic.addToResourcePolicy(
      new PolicyStatement({
        sid: 'SesPublishes',
        principals: [ses],
        actions: ['sns:Publish'],
        resources: [this.topic.topicArn],
        conditions: onlyAccount,
      }),
    );
    this.topic.addSubscription(
      new SqsSubscription(work.queue, { rawMessageDelivery: true, deadLetterQueue: work.dead }),
    );
    const rule = new CfnReceiptRule(this, 'Rule', {
      ruleSetName: set.ref,
      rule: {
        enabled: true,
        // What spam it takes them for is told with the mail; nothing is refused for it.
        scanEnabled: true,
        tlsPolicy: requireTls ? 'Require' : 'Optional',
        actions: [
          {
            s3Action: {
              bucketName: mail.bucketName,
              objectKeyPrefix: INBOUND_PREFIX,
              topicArn: this.topic.topicArn,
            },
          },
        ],
      },
    });
    // SES tries bucket and topic when the rule is made.
    for (const { policyDependable } of [stored, published])
      if (policyDependable) rule.node.addDependency(policyDependable);
  }
}
