import { expect, test } from 'vitest';
import { METRIC } from '../../core/metrics.ts';
import { flatten, ofType } from './flatten.ts';

const flat = flatten({
  pools: [
    {
      name: 'p',
      sourceIps: [
        { name: 'p-1', ehloName: 'p1.example.com' },
        { name: 'p-2', ehloName: 'p2.example.com' },
      ],
    },
  ],
  alarms: { email: 'ops@example.com', bounceRatePercent: 4, oldestSeconds: 600 },
});
const alarms = ofType(flat, 'AWS::CloudWatch::Alarm').map(({ properties }) => properties);
const [dashboard] = ofType(flat, 'AWS::CloudWatch::Dashboard');
const widgets: { properties: { title: string; metrics: unknown[][] } }[] = JSON.parse(
  dashboard!.properties.DashboardBody,
).widgets;
const shown = (title: string) =>
  JSON.stringify(widgets.find(({ properties }) => properties.title === title)?.properties.metrics);

test('the dashboard shows what the operator asks first', () => {
  expect(widgets.map(({ properties }) => properties.title)).toEqual([
    'Copies',
    'Accepted to delivered',
    'Delivered by provider',
    'Deferred by provider',
    'Bounced by provider',
    'Age of the oldest message',
    'Dead letters',
    'Errors and throttles',
    'Runs by the clock',
    'Cost at list price, without NAT, egress and storage',
  ]);
  for (const name of ['accepted', 'relayed', 'delivered', 'deferred', 'bounced', 'dropped', 'unknown'] as const)
    expect(shown('Copies')).toContain(METRIC[name]);
  for (const statistic of ['p50', 'p95', 'p99'])
    expect(shown('Accepted to delivered')).toContain(`"stat":"${statistic}"`);
  expect(shown('Bounced by provider')).toContain(
    `SEARCH('{Pennypost,service,provider} MetricName=\\"Bounced\\"', 'Sum', 300)`,
  );
  for (const lane of ['p-1', 'p-2'])
    for (const title of ['Age of the oldest message', 'Dead letters']) expect(shown(title)).toContain(`lane-${lane}`);
});

test('the cost is made of every function, queue and table, and each metric of it is used once', () => {
  // Prepare
  const metrics = widgets.at(-1)!.properties.metrics;
  const [{ expression }] = metrics[0] as [{ expression: string }];
  const ids = metrics.slice(1).map((row) => (row.at(-1) as { id: string }).id);

  // Assess: 1 API, 12 functions x 2 (two lanes), 6 queues x 4, 7 tables x 2, 1 index
  const terms = [...expression.matchAll(/FILL\((m\d+),0\)\*\d+\.\d+/g)].map(([, id]) => id);
  expect(terms).toHaveLength(1 + 24 + 24 + 14 + 1);
  expect([...terms, 'delivered'].sort()).toEqual(ids.sort());
  // Metric math knows no exponents
  expect(expression).not.toMatch(/\de-/);
});

test('the bounce rate is read from totals, says nothing of few outcomes, and has the threshold of the settings', () => {
  // Act
  const alarm = alarms.find(({ AlarmName }) => AlarmName === 'Pennypost-bounce-rate')!;
  const rate = (delivered: number, bounced: number) => evaluate(alarm.Metrics[0].Expression, { delivered, bounced });

  // Assess
  expect(alarm).toMatchObject({
    Threshold: 4,
    ComparisonOperator: 'GreaterThanThreshold',
    TreatMissingData: 'notBreaching',
  });
  for (const { MetricStat } of alarm.Metrics.slice(1))
    expect(MetricStat.Metric.Dimensions).toEqual([{ Name: 'service', Value: 'deliver' }]);
  expect(rate(950, 50)).toBe(5);
  expect(rate(30, 19)).toBe(0);
  expect(rate(0, 50)).toBe(100);
});

test('every function has an alarm on its errors, accept one on throttles, and all go to the topic', () => {
  const watching = (metric: string) =>
    alarms.filter(({ MetricName }) => MetricName === metric).map(({ AlarmName }) => AlarmName);
  expect(watching('Errors').sort()).toEqual(
    [
      ...[
        'accept',
        'announce',
        'deliver-p-1',
        'deliver-p-2',
        'erase',
        'expand',
        'manage',
        'notify',
        'release',
        'tally',
        'track',
      ],
      'validate',
    ].map((name) => `Pennypost-${name}-errors`),
  );
  expect(watching('Throttles')).toEqual(['Pennypost-accept-throttles']);
  for (const { AlarmActions, AlarmDescription } of alarms) {
    expect(AlarmActions).toEqual(['<Monitoring/Topic>']);
    expect(AlarmDescription.length).toBeGreaterThan(30);
  }
  expect(alarms.find(({ AlarmName }) => AlarmName === 'Pennypost-lane-p-1-oldest')).toMatchObject({ Threshold: 600 });
});

test('complaints wake the operator where SES or a feedback loop passes them on, and only there; there are as many alarms as the price list counts', () => {
  // Act
  const bySes = flatten({
    pools: [{ name: 'p', sourceIps: [{ name: 'p-1', ehloName: 'p1.example.com' }], via: { default: 'ses' } }],
    tlsReports: { from: 'tls@example.com', organization: 'Example Inc.', contact: 'postmaster@example.com' },
  });
  const ofSes = ofType(bySes, 'AWS::CloudWatch::Alarm').map(({ properties }) => properties);

  // Assess
  expect(ofSes.find(({ AlarmName }) => AlarmName === 'Pennypost-complaints')).toMatchObject({
    Metrics: [
      {
        MetricStat: {
          Metric: { MetricName: METRIC.complained, Dimensions: [{ Name: 'service', Value: 'deliver' }] },
          Stat: 'Sum',
          Period: 900,
        },
      },
    ],
    Threshold: 0,
    ComparisonOperator: 'GreaterThanThreshold',
    TreatMissingData: 'notBreaching',
  });
  expect(alarms.map(({ AlarmName }) => AlarmName)).not.toContain('Pennypost-complaints');
  // 33, 3 for each source IP, 4 with hear, 2 with report; with inbound 3 for each of its two functions, and 3 about what comes back.
  const inbound = ofType(flatten({ inbound: { by: 'ses' } }), 'AWS::CloudWatch::Alarm').map(
    ({ properties }) => properties.AlarmName as string,
  );
  expect([alarms.length, ofSes.length, inbound.length]).toEqual([33 + 2 * 3, 33 + 3 + 4 + 2, 33 + 3 + 6 + 3]);
  expect(inbound).toEqual(
    expect.arrayContaining(['complaints', 'unmatched-reports', 'parse-dropped'].map((name) => `Pennypost-${name}`)),
  );
});

test('a clock that stands still wakes the operator within a few of its ticks, and no sooner in a stack that is new', () => {
  // Prepare: all that the clock runs
  const ticking = flatten({
    relay: { hostName: 'smtp.example.com', acme: { hostedZone: 'Z0123456789ABCDEFGHIJ' } },
    senders: { zones: [{ hostedZone: 'Z0123456789ABCDEFGHIJ', name: 'example.com' }] },
    tlsReports: { from: 'tls@example.com', organization: 'Example Inc.', contact: 'postmaster@example.com' },
  });
  const every = ofType(ticking, 'AWS::Events::Rule').map(({ properties }) => properties.Targets[0].Arn.slice(1, -5));
  const silent = ofType(ticking, 'AWS::CloudWatch::Alarm').filter(
    ({ path, properties }) => path.endsWith('-silent') && properties.TreatMissingData === 'breaching',
  );
  const { Resources } = ticking.synthesized.template;
  const templateOf = (path: string) =>
    Object.values(Resources).find((one) => one.Metadata?.['aws:cdk:path'] === `Pennypost/${path}/Resource`)!;

  // Act
  const found = silent.map(({ path, properties: { EvaluationPeriods: periods, Metrics, WarmUpConfiguration } }) => {
    const [{ Expression }, { MetricStat }] = Metrics;
    return {
      name: path.replace('Monitoring/', ''),
      seconds: periods * MetricStat.Period,
      warmUp: WarmUpConfiguration.WarmUpPeriodDurationInMinutes,
      breaching: [0, 1, 2].map((ran) => evaluate(Expression, { ran })),
      // The rule, and that it may invoke.
      behind: [templateOf(path).DependsOn!].flat().map((id) => Resources[id]!.Type),
    };
  });

  // Assess: whatever a rule starts has one
  const each = { breaching: [1, 0, 0], behind: ['AWS::Lambda::Permission', 'AWS::Events::Rule'] };
  expect(found).toEqual([
    { name: 'certify-silent', seconds: 3 * 3_600, warmUp: 180, ...each },
    { name: 'release-silent', seconds: 5 * 60, warmUp: 5, ...each },
    { name: 'report-silent', seconds: 3 * 3_600, warmUp: 180, ...each },
    // CloudWatch takes no longer warm-up than two days, and looks back no further than seven.
    { name: 'rotate-silent', seconds: 2 * 86_400, warmUp: 2_880, ...each },
  ]);
  expect(silent.map(({ properties }) => properties.Metrics[1].MetricStat.Metric.Dimensions[0].Value).sort()).toEqual(
    every.map((path) => `<${path}>`).sort(),
  );
  expect(shown('Runs by the clock')).toContain('AsyncEventsDropped');
});

test('a follower that does not run while mail is delivered wakes the operator; one that has nothing to read does not', () => {
  for (const label of ['tally', 'announce']) {
    const { Metrics, ...alarm } = alarms.find(({ AlarmName }) => AlarmName === `Pennypost-${label}-silent`)!;
    const silent = (delivered: number | undefined, ran: number | undefined) =>
      evaluate(Metrics[0].Expression, { delivered, ran });
    expect(alarm).toMatchObject({ EvaluationPeriods: 2, TreatMissingData: 'notBreaching' });
    expect([silent(7, undefined), silent(7, 0), silent(7, 1), silent(undefined, undefined)]).toEqual([1, 1, 0, 0]);
  }
});

test('alarms may publish to the topic, nobody without TLS, and the operator is subscribed', () => {
  const statements = ofType(flat, 'AWS::SNS::TopicPolicy')[0]?.properties.PolicyDocument.Statement;
  expect(statements).toEqual(
    expect.arrayContaining([
      expect.objectContaining({
        Effect: 'Allow',
        Action: 'sns:Publish',
        Principal: { Service: 'cloudwatch.amazonaws.com' },
        Condition: { StringEquals: { 'aws:SourceAccount': '<AWS::AccountId>' } },
      }),
      expect.objectContaining({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
    ]),
  );
  expect(ofType(flat, 'AWS::SNS::Subscription')[0]?.properties).toMatchObject({
    Protocol: 'email',
    Endpoint: 'ops@example.com',
  });
});

/** Metric math of one data point: IF, FILL, and what JavaScript has too. */
function evaluate(expression: string, metrics: Record<string, number | undefined>): number {
  const body = `return ${expression.replaceAll('IF(', 'when(').replaceAll('FILL(', 'fill(')}`;
  const run = new Function('when', 'fill', ...Object.keys(metrics), body);
  return run(
    (condition: boolean, yes: number, no: number) => (condition ? yes : no),
    (value: number | undefined, instead: number) => value ?? instead,
    ...Object.values(metrics),
  ) as number;
}
