/**
 * What the operator looks at, and what wakes him: a dashboard, a topic, and alarms on it. The metrics' names are those of
 * core/metrics.ts. Totals are the metrics with the dimension `service` alone; the curves by provider are found by search.
 */
import { Duration, Stack } from 'aws-cdk-lib';
import { Dashboard, type IWidget, MathExpression, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';
import { METRIC, METRICS_NAMESPACE } from '../core/metrics.ts';
import type { Accept } from './accept.ts';
import { addAlarms, alarmsOn } from './alarms.ts';
import type { Certify } from './certify.ts';
import { costPerMillion } from './cost.ts';
import type { Erase } from './erase.ts';
import type { Events } from './events.ts';
import type { Expand } from './expand.ts';
import type { Hear } from './hear.ts';
import type { Inbound } from './inbound.ts';
import type { Lane } from './lane.ts';
import type { Manage } from './manage.ts';
import { FIVE_MINUTES, mailMetric, type Named } from './metrics.ts';
import type { Relay } from './relay.ts';
import type { OwnRelaySettings } from './relay-settings.ts';
import { addRelayAlarms, relayWidgets } from './relay-watching.ts';
import type { Release } from './release.ts';
import type { Report } from './report.ts';
import type { Rotate } from './rotate.ts';
import type { Settings } from './settings.ts';
import type { Stage } from './stage.ts';
import type { Storage } from './storage.ts';
import type { Ticking } from './tick.ts';
import type { Track } from './track.ts';
import type { Validate } from './validate.ts';
import { graph } from './widgets.ts';
import type { WorkQueue } from './work-queue.ts';

export type MonitoringProps = {
  settings: Settings;
  storage: Storage;
  accept: Accept;
  expand: Expand;
  events: Events;
  validate: Validate;
  erase: Erase;
  release: Release;
  hear: Hear | undefined;
  report: Report | undefined;
  manage: Manage;
  track: Track;
  relay?: Relay;
  inbound: Inbound | undefined;
  certify?: Certify;
  rotate: Rotate | undefined;
  lanes: Lane[];
};

export class Monitoring extends Construct {
  readonly topic: Topic;
  readonly dashboard: Dashboard;

  constructor(scope: Construct, id: string, props: MonitoringProps) {
    super(scope, id);
    const {
      settings,
      accept,
      expand,
      events,
      validate,
      erase,
      release,
      hear,
      report,
      manage,
      track,
      relay,
      inbound,
      certify,
      rotate,
      lanes,
    } = props;
    this.topic = this.#topic(settings.alarms.email);
    const functions: Named<Stage>[] = [
      { label: 'accept', of: accept.stage },
      { label: 'expand', of: expand.stage },
      { label: 'release', of: release.stage },
      { label: 'manage', of: manage.stage },
      { label: 'track', of: track.stage },
      { label: 'tally', of: events.tally.stage },
      { label: 'announce', of: events.announce.stage },
      { label: 'notify', of: events.notify },
      { label: 'validate', of: validate.stage },
      { label: 'erase', of: erase.stage },
      ...(hear ? [{ label: 'hear', of: hear.stage }] : []),
      ...(report ? [{ label: 'report', of: report.stage }] : []),
      ...(inbound
        ? [
            { label: 'inbound', of: inbound.stage },
            { label: 'parse', of: inbound.parse },
          ]
        : []),
      ...(certify ? [{ label: 'certify', of: certify.stage }] : []),
      ...(rotate ? [{ label: 'rotate', of: rotate.stage }] : []),
      ...lanes.map(({ laneName, deliver }) => ({ label: `deliver-${laneName}`, of: deliver })),
    ];
    const queues: Named<WorkQueue>[] = [
      { label: 'expand', of: expand.work },
      { label: 'notify', of: events.work },
      { label: 'validate', of: validate.work },
      { label: 'erase', of: erase.work },
      ...(hear ? [{ label: 'hear', of: hear.work }] : []),
      ...(inbound
        ? [
            { label: 'inbound', of: inbound.work },
            { label: 'parse', of: inbound.parseWork },
          ]
        : []),
      ...lanes.map(({ laneName, work }) => ({ label: `lane-${laneName}`, of: work })),
    ];
    const ticking: Named<Ticking>[] = [
      { label: 'release', of: release },
      ...(report ? [{ label: 'report', of: report }] : []),
      ...(certify ? [{ label: 'certify', of: certify }] : []),
      ...(rotate ? [{ label: 'rotate', of: rotate }] : []),
    ];
    addAlarms(this, {
      settings,
      topic: this.topic,
      functions,
      queues,
      followers: [
        { label: 'tally', of: events.tally },
        { label: 'announce', of: events.announce },
      ],
      ticking,
      accept: accept.stage,
      bySes: hear !== undefined,
      inbound: inbound !== undefined,
      rotating: rotate !== undefined,
    });
    if (relay) addRelayAlarms(alarmsOn(this, { settings, topic: this.topic }), relay);
    this.dashboard = new Dashboard(this, 'Dashboard', { defaultInterval: Duration.hours(6) });
    this.dashboard.addWidgets(...mailWidgets());
    this.dashboard.addWidgets(...providerWidgets());
    if (relay) this.dashboard.addWidgets(...relayWidgets(relay));
    this.dashboard.addWidgets(...workWidgets(functions, queues, ticking));
    this.dashboard.addWidgets(costWidget(props, functions, queues));
  }

  /** Alarms may publish; nobody may without TLS. */
  #topic(email: string | undefined): Topic {
    const topic = new Topic(this, 'Topic', { displayName: 'Pennypost alarms', enforceSSL: true });
    topic.addToResourcePolicy(
      new PolicyStatement({
        sid: 'AlarmsPublish',
        principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
        actions: ['sns:Publish'],
        resources: [topic.topicArn],
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
    );
    if (email !== undefined) topic.addSubscription(new EmailSubscription(email));
    return topic;
  }
}

function mailWidgets(): IWidget[] {
  const counted = [
    'accepted',
    'relayed',
    'delivered',
    'deferred',
    'bounced',
    'dropped',
    'unknown',
    'complained',
  ] as const;
  return [
    graph(
      'Copies',
      12,
      counted.map((name) => mailMetric(name)),
      'per 5 minutes',
    ),
    graph(
      'Accepted to delivered',
      12,
      [Stats.p(50), Stats.p(95), Stats.p(99)].map((p) => mailMetric('latency', p)),
      'seconds',
    ),
  ];
}

function providerWidgets(): IWidget[] {
  return (['delivered', 'deferred', 'bounced'] as const).map((name) => {
    const found = `{${METRICS_NAMESPACE},service,provider} MetricName="${METRIC[name]}"`;
    const byProvider = new MathExpression({
      expression: `SEARCH('${found}', 'Sum', 300)`,
      usingMetrics: {},
      label: `\${PROP('Dim.provider')}`,
      period: FIVE_MINUTES,
    });
    return graph(`${METRIC[name]} by provider`, 8, [byProvider], 'per 5 minutes');
  });
}

function workWidgets(functions: Named<Stage>[], queues: Named<WorkQueue>[], ticking: Named<Ticking>[]): IWidget[] {
  const maximum = { statistic: 'Maximum', period: FIVE_MINUTES };
  const sum = { statistic: 'Sum', period: FIVE_MINUTES };
  return [
    graph(
      'Age of the oldest message',
      6,
      queues.map(({ label, of }) => of.queue.metricApproximateAgeOfOldestMessage({ ...maximum, label })),
      'seconds',
    ),
    graph(
      'Dead letters',
      6,
      queues.map(({ label, of }) => of.dead.metricApproximateNumberOfMessagesVisible({ ...maximum, label })),
    ),
    graph(
      'Errors and throttles',
      6,
      functions.flatMap(({ label, of }) => [
        of.fn.metricErrors({ ...sum, label: `${label} errors` }),
        of.fn.metricThrottles({ ...sum, label: `${label} throttles` }),
      ]),
    ),
    graph(
      'Runs by the clock',
      6,
      ticking.flatMap(({ label, of: { stage } }) => [
        stage.fn.metricInvocations({ ...sum, label }),
        stage.fn.metric('AsyncEventsDropped', { ...sum, label: `${label} dropped` }),
      ]),
    ),
  ];
}

function tasksOf({ relayNetwork }: Relay, { cpu, memoryMb }: OwnRelaySettings, period: Duration) {
  const { metrics } = relayNetwork.targetGroups[0]!.group;
  const tasks = metrics.healthyHostCount({ statistic: 'Maximum', period });
  return { tasks, vcpu: cpu / 1024, gigabytes: memoryMb / 1024 };
}

function costWidget(
  { settings, storage, accept, relay }: MonitoringProps,
  functions: Named<Stage>[],
  queues: Named<WorkQueue>[],
): IWidget {
  const hour = Duration.hours(1);
  const { accounts, messages, holds, sites, suppressions, stats, outbox } = storage;
  const cost = costPerMillion(
    {
      api: accept.api,
      functions: functions.map(({ of }) => ({ fn: of.fn, memoryMb: of.memoryMb })),
      queues: queues.map(({ of }) => of.queue),
      tables: [accounts, messages, holds, sites, suppressions, stats, outbox],
      messages,
      delivered: mailMetric('delivered', 'Sum', hour),
      relay: relay && settings.relay ? tasksOf(relay, settings.relay, hour) : undefined,
    },
    hour,
  );
  return graph('Cost at list price, without NAT, egress and storage', 24, [cost], '$ per million delivered');
}
