/**
 * The findings of cdk-nag that stay, each on the one construct it is about, each with its reason. Whatever is found and
 * is not here stops the synthesis; whatever is here and is not found fails a test.
 */

import type { CfnElement } from 'aws-cdk-lib';
import { Names, Stack, Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { usesSes } from '../core/via.ts';
import type { Events } from './events.ts';
import type { Inbound } from './inbound.ts';
import type { Parts } from './pennypost-stack.ts';
import type { Settings } from './settings.ts';
import type { Stage } from './stage.ts';
import type { Front } from './track.ts';
import { poolViaOf } from './ways.ts';
import type { WorkQueue } from './work-queue.ts';

type Acknowledgement = { on: IConstruct; id: string; reason: string };

export function acknowledgeFindings(parts: Parts, settings: Settings): void {
  for (const { on, id, reason } of acknowledgements(parts, settings)) Validations.of(on).acknowledge({ id, reason });
}

function acknowledgements(parts: Parts, settings: Settings): Acknowledgement[] {
  const { storage, pools, accept, expand, events, validate, erase, release, manage, track, hear, inbound } = parts;
  const lanes = pools.flatMap((pool) => pool.lanes);
  const heard = hear ? [hear] : [];
  const stages = [
    accept.stage,
    expand.stage,
    release.stage,
    manage.stage,
    track.stage,
    events.tally.stage,
    events.announce.stage,
    events.notify,
    validate.stage,
    erase.stage,
    ...(inbound ? [inbound.stage, inbound.parse] : []),
    ...heard.map(({ stage }) => stage),
    ...lanes.map(({ deliver }) => deliver),
  ];
  const inVpc = lanes.filter(({ privateSubnet }) => privateSubnet !== undefined);
  const bySesPools = settings.pools.filter((pool) => usesSes(poolViaOf(pool))).map(({ name }) => name);
  const bySes = lanes.filter(({ entry }) => bySesPools.includes(entry.pool));
  const readers = [accept.stage, expand.stage, erase.stage, ...lanes.map(({ deliver }) => deliver)];
  return [
    ...ofStorage(parts),
    ...ofWaysIn(parts, settings),
    ...(track.front ? ofFront(track.front) : []),
    ...ofRelay(parts),
    ...[
      expand.work,
      events.work,
      validate.work,
      erase.work,
      ...heard.map(({ work }) => work),
      ...(inbound ? [inbound.work, inbound.parseWork] : []),
      ...lanes.map(({ work }) => work),
    ].flatMap(ofQueue),
    ...ofEvents(events, parts, settings),
    ...ofValidation(parts),
    ...(inbound ? ofInbound(inbound, parts) : []),
    ...stages.flatMap((stage) =>
      ofStage(
        stage,
        settings,
        inVpc.some(({ deliver }) => deliver === stage),
      ),
    ),
    ...readers.flatMap((stage) =>
      ['requests', 'scheduled'].map((prefix) => ({
        on: policyOf(stage),
        id: `AwsSolutions-IAM5[Resource::<${arnIn(stage, storage.content)}>/${prefix}/*]`,
        reason:
          'Stored requests are objects under two prefixes, named when mail arrives; the statement names these and no more.',
      })),
    ),
    ...bySes.map(({ deliver }) => ({
      on: policyOf(deliver),
      id: 'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:ses:<AWS::Region>:<AWS::AccountId>:identity/*]',
      reason:
        'Sending domains are added while the stack runs, and each is an identity of SES; one named action, under one configuration set.',
    })),
    ...inVpc.map(({ deliver }) => ({
      on: policyOf(deliver),
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason:
        'Lambda needs these six named EC2 actions to put a function into a VPC, and EC2 knows no resource for most of them.',
    })),
  ];
}

function ofStorage({ storage, network }: Parts): Acknowledgement[] {
  return [
    {
      on: storage.messages,
      id: 'AwsSolutions-DDB3',
      reason:
        'A log that expires after some weeks: backups of every write would cost as much as the writes themselves.',
    },
    {
      on: storage.sites,
      id: 'AwsSolutions-DDB3',
      reason: 'What is known about other mail servers right now; it is learnt again within minutes of being lost.',
    },
    {
      on: storage.content,
      id: 'AwsSolutions-S1',
      reason:
        'Four functions of this stack use the bucket, three of them on record in messages; an access log would add an object per stored request.',
    },
    {
      on: storage.returnPathSecret,
      id: 'AwsSolutions-SMG4',
      reason:
        'The secret signs return paths of mail in flight; rotating it would orphan the bounces that are still to come.',
    },
    {
      on: storage.trackingSecret,
      id: 'AwsSolutions-SMG4',
      reason:
        'Its tokens are in mail that was sent, and must work for a year; the operator rotates it when he means to (docs/tracking.md).',
    },
    {
      on: network.vpc,
      id: 'AwsSolutions-VPC7',
      reason:
        'Only deliver is in the VPC and nothing can connect to it; what it connects to is recorded with each outcome.',
    },
  ];
}

function ofEvents(
  { tally, announce, notify }: Events,
  { storage, manage, erase }: Parts,
  { tracing }: Settings,
): Acknowledgement[] {
  return [
    ...[tally, announce].flatMap(({ dead, stage }) => [
      {
        on: dead,
        id: 'AwsSolutions-SQS3',
        reason:
          'It holds where batches stood that were given up; nothing works it off, people read it after its alarm.',
      },
      {
        on: dead,
        id: 'Serverless-SQSRedrivePolicy',
        reason:
          'It holds where batches stood that were given up; nothing works it off, people read it after its alarm.',
      },
      // With tracing on the same finding is acknowledged with the stage.
      ...(tracing
        ? []
        : [
            {
              on: policyOf(stage),
              id: 'AwsSolutions-IAM5[Resource::*]',
              reason: 'Lambda asks for dynamodb:ListStreams to follow a stream, and DynamoDB knows no resource for it.',
            },
          ]),
    ]),
    ...[tally.stage, notify, manage.stage, erase.stage].map((stage) => ({
      on: policyOf(stage),
      id: `AwsSolutions-IAM5[Resource::<${arnIn(stage, storage.events)}>/events/*]`,
      reason:
        'Event pages are objects under one prefix, named by what is in them; the statement names the prefix alone.',
    })),
    ...[manage.stage, erase.stage].map((stage) => ({
      on: policyOf(stage),
      id: `AwsSolutions-IAM5[Resource::<${arnIn(stage, storage.events)}>/downloads/*]`,
      reason: 'Files that accounts ask for are objects under one prefix, named when they are made; gone in three days.',
    })),
    {
      on: storage.events,
      id: 'AwsSolutions-S1',
      reason:
        'Four functions of this stack use the bucket; an access log would add an object for each page that is read.',
    },
    {
      on: storage.outbox,
      id: 'AwsSolutions-DDB3',
      reason: 'Some days of what the event pages have too; a cursor that is lost is made up for by a replay.',
    },
  ];
}

function ofValidation({ storage, manage, validate }: Parts): Acknowledgement[] {
  const objects = (stage: Stage, names: readonly string[]) =>
    names.map((name) => ({
      on: policyOf(stage),
      id: `AwsSolutions-IAM5[Resource::<${arnIn(stage, storage.events)}>/validations/*/${name}]`,
      reason:
        "A job's files lie in a folder of its account and its own, named when it is made; the statement names which of them.",
    }));
  return [
    ...objects(manage.stage, ['upload', 'result.csv']),
    ...objects(validate.stage, ['upload', 'parts/*', 'result.csv']),
  ];
}

function ofInbound({ mail, stage, parse }: Inbound, { erase }: Parts): Acknowledgement[] {
  return [
    {
      on: mail,
      id: 'AwsSolutions-S1',
      reason: 'Two functions of this stack read the bucket; an access log would add an object for each mail.',
    },
    ...[stage, parse, erase.stage].map((one) => ({
      on: policyOf(one),
      id: `AwsSolutions-IAM5[Resource::<${arnIn(one, mail)}>/inbound/*]`,
      reason: 'Mails are objects under one prefix, named when they arrive; the statement names the prefix and no more.',
    })),
  ];
}

function ofFront({ distribution }: Front): Acknowledgement[] {
  return [
    { id: 'AwsSolutions-CFR1', reason: 'Mail is read anywhere: readers of no country are kept from unsubscribing.' },
    {
      id: 'AwsSolutions-CFR2',
      reason:
        'Behind it a function takes signed tokens and nothing else, throttled by its API; a firewall would cost more than what it protects.',
    },
    {
      id: 'AwsSolutions-CFR3',
      reason:
        'A log of who read what, for no purpose of ours: opens and clicks are on record where the sender asks for them.',
    },
    {
      id: 'AwsSolutions-CFR4',
      reason:
        'A multi-tenant distribution has no certificate of its own: each tenant brings one, and CloudFront serves tenants with TLS 1.2 or later.',
    },
  ].map((one) => ({ on: distribution, ...one }));
}

function ofWaysIn(
  { accept, track, release, monitoring }: Parts,
  { alarms, accept: { accessLogs } }: Settings,
): Acknowledgement[] {
  return [
    {
      on: accept.api,
      id: 'AwsSolutions-APIG4',
      reason: "accept checks the API key itself, so that a refusal has SendGrid's status and error shape.",
    },
    {
      on: track.api,
      id: 'AwsSolutions-APIG4',
      reason: 'Readers have no key: what they hold is a signed token, and track believes nothing else.',
    },
    {
      on: release.stage.fn,
      id: 'Serverless-LambdaAsyncFailureDestination',
      reason:
        'A failed run leaves its holds where they are, and the next minute reads them again; an alarm counts the failures.',
    },
    {
      on: release.clock.rule,
      id: 'Serverless-EventBusDLQ',
      reason: 'The event is a tick of the clock without content: a lost one is made up by the next, a minute later.',
    },
    ...(accessLogs
      ? []
      : ['AwsSolutions-APIG1', 'Serverless-APIGWAccessLogging'].flatMap((id) =>
          [accept.httpStage, track.httpStage].map((on) => ({
            on,
            id,
            reason:
              'A line per request costs more than storing the message; request records are the log, and `accept.accessLogs` turns this on.',
          })),
        )),
    ...(alarms.email === undefined
      ? []
      : [
          {
            on: monitoring.topic,
            id: 'Serverless-SNSRedrivePolicy',
            reason:
              'An e-mail subscription has no redrive: SNS retries e-mail itself, and alarms stay visible in CloudWatch.',
          },
        ]),
  ];
}

function ofRelay({ relay, inbound, storage }: Parts): Acknowledgement[] {
  if (!relay) return [];
  const { relayNetwork, cluster, task } = relay;
  const objects = (bucket: IConstruct, prefix: string) =>
    `AwsSolutions-IAM5[Resource::<${logicalIdOf(bucket)}.Arn>/${prefix}/*]`;
  return [
    {
      on: relayNetwork.balancerGroup,
      id: 'AwsSolutions-EC23',
      reason:
        'Clients and mail servers come from anywhere: this group is the door, and only the ports of SMTP and the API are open.',
    },
    {
      on: relayNetwork.balancer,
      id: 'AwsSolutions-ELB2',
      reason:
        'Access logs of a Network Load Balancer are of TLS listeners only, and these are TCP: the tasks hold the certificate.',
    },
    {
      on: cluster,
      id: 'AwsSolutions-ECS4',
      reason:
        'Container Insights costs more than the tasks; CPU, memory, health and connections have metrics without it.',
    },
    {
      on: task,
      id: 'AwsSolutions-ECS2',
      reason:
        'Its variables are names of tables, queues and secrets, none of them secret; secrets are read by their ARN.',
    },
    ...['requests', 'scheduled'].map((prefix) => ({
      on: task.taskRole.node.findChild('DefaultPolicy'),
      id: objects(storage.content, prefix),
      reason:
        'Stored requests are objects under two prefixes, named when mail arrives; the statement names these and no more.',
    })),
    {
      on: task.executionRole!.node.findChild('DefaultPolicy'),
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason: 'ECS signs in to the image registry with one named action, and ECR knows no resource for it.',
    },
    ...(inbound
      ? [
          {
            on: task.taskRole.node.findChild('DefaultPolicy'),
            id: objects(inbound.mail, 'inbound'),
            reason:
              'Mail that comes in is an object under one prefix, named when it arrives; the statement names no more.',
          },
          {
            on: inbound.mail,
            id: 'AwsSolutions-S1',
            reason:
              'Only the relay writes to the bucket and only inbound reads it; an access log would add an object per mail.',
          },
          {
            on: inbound.work.dead,
            id: 'Serverless-SQSRedrivePolicy',
            reason: 'This is the dead-letter queue itself; an alarm says when it is not empty, and people redrive it.',
          },
        ]
      : []),
  ];
}

function ofQueue(work: WorkQueue): Acknowledgement[] {
  return [
    {
      on: work.dead,
      id: 'Serverless-SQSRedrivePolicy',
      reason: 'This is the dead-letter queue itself; an alarm says when it is not empty, and people redrive it.',
    },
    {
      on: work.node.findChild('Mapping'),
      id: 'Serverless-LambdaEventSourceMappingDestination',
      reason:
        "Lambda takes no failure destination for SQS sources: the queue's own redrive policy is what catches failures.",
    },
  ];
}

/** @param joinsVpc its policy has an acknowledgement of `Resource::*` already, which covers X-Ray's actions too */
function ofStage({ fn, stageName }: Stage, { tracing }: Settings, joinsVpc: boolean): Acknowledgement[] {
  const invokedBy = {
    accept:
      'API Gateway waits for the answer, so there is no event to keep: the client sees the failure and tries again.',
    expand:
      'Its event source is a queue, which has a dead-letter queue; this setting is for asynchronous invocations only.',
    deliver:
      'Its event source is a queue, which has a dead-letter queue; this setting is for asynchronous invocations only.',
    inbound:
      'Its event source is a queue, which has a dead-letter queue; this setting is for asynchronous invocations only.',
    parse:
      'Its event source is a queue, which has a dead-letter queue; this setting is for asynchronous invocations only.',
    track:
      'API Gateway waits for the answer, so there is no event to keep: the reader is answered, and his program tries again.',
    manage:
      'API Gateway waits for the answer, so there is no event to keep: the client sees the failure and tries again.',
    hear: 'Its event source is a queue, which has a dead-letter queue; this setting is for asynchronous invocations only.',
    report: 'Its event is a tick of the clock without content; the next hour sends what is left.',
    tally:
      'Its event source is a stream, whose mapping has a queue for what fails; this setting is for asynchronous invocations.',
    announce:
      'Its event source is a stream, whose mapping has a queue for what fails; this setting is for asynchronous invocations.',
    notify:
      'Its event source is a queue, which has a dead-letter queue; this setting is for asynchronous invocations only.',
    validate:
      'Its event source is a queue, which has a dead-letter queue; this setting is for asynchronous invocations only.',
    rotate: 'Its event is a tick of the clock without content; the next day takes the steps that are left.',
    erase:
      'Its event source is a queue, which has a dead-letter queue; this setting is for asynchronous invocations only.',
    certify: 'Its event is a tick of the clock without content; the next hour looks again.',
    release: 'Its event is a tick of the clock without content; the next minute reads the same holds again.',
  };
  const dead = { on: fn, id: 'Serverless-LambdaDLQ', reason: invokedBy[stageName] };
  if (!tracing)
    return [
      dead,
      {
        on: fn,
        id: 'Serverless-LambdaTracing',
        reason: 'Traces cost more per message than sending it; the setting `tracing` turns them on for a while.',
      },
    ];
  if (joinsVpc) return [dead];
  return [
    dead,
    {
      on: fn.role!,
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason: 'With tracing on, two named X-Ray actions are allowed, and X-Ray knows no resource for them.',
    },
  ];
}

const policyOf = ({ fn }: Stage): IConstruct => fn.role!.node.findChild('DefaultPolicy');

/** How a stage's template names the ARN of something in the main stack: a nested stack gets it as a parameter. */
function arnIn(stage: Stage, construct: IConstruct): string {
  const resource = construct.node.defaultChild as CfnElement;
  const here = Stack.of(stage) === Stack.of(construct);
  return here ? `${logicalIdOf(construct)}.Arn` : `referenceto${Names.nodeUniqueId(resource.node)}Arn`;
}

const logicalIdOf = (construct: IConstruct): string =>
  Stack.of(construct).getLogicalId(construct.node.defaultChild as CfnElement);
