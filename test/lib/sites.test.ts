/** What the sites table and a warm-up need of the stack. */
import { expect, test } from 'vitest';
import { flatten, ofType } from './flatten.ts';

const flat = flatten({
  pools: [
    {
      name: 'p',
      sourceIps: [
        { name: 'p-1', ehloName: 'p1.example.com' },
        { name: 'p-2', ehloName: 'p2.example.com', warmUpFrom: '2026-11-23' },
      ],
    },
  ],
});
const environmentOf = (lane: string) =>
  ofType(flat, 'AWS::Lambda::Function').find(({ path }) => path.includes(`Lane-${lane}/Deliver`))!.properties
    .Environment.Variables;
const alarms = ofType(flat, 'AWS::CloudWatch::Alarm').map(({ properties }) => properties);
const alarmOf = (name: string) => alarms.find(({ AlarmName }) => AlarmName === `Pennypost-${name}`)!;

test('items of the sites table expire', () => {
  const [sites] = ofType(flat, 'AWS::DynamoDB::Table').filter(({ path }) => path === 'Storage/Sites');
  expect(sites?.properties.TimeToLiveSpecification).toEqual({ AttributeName: 'expiresAt', Enabled: true });
});

test('a lane knows the day its warm-up began; a warm one knows of none', () => {
  expect(environmentOf('p-2')).toMatchObject({ WARM_UP_FROM: '2026-11-23', SITES_TABLE: '<Storage/Sites>' });
  expect(environmentOf('p-1')).toHaveProperty('SITES_TABLE');
  expect(environmentOf('p-1')).not.toHaveProperty('WARM_UP_FROM');
});

test.each([
  ['site-paused', 'SitePaused'],
  ['warm-up-exceeded', 'WarmUpExceeded'],
])('the alarm %s goes off at the first %s', (name, MetricName) => {
  const { Metrics, ...rest } = alarmOf(name);
  expect(rest).toMatchObject({
    Threshold: 0,
    EvaluationPeriods: 1,
    ComparisonOperator: 'GreaterThanThreshold',
    TreatMissingData: 'notBreaching',
  });
  expect(Metrics).toHaveLength(1);
  const Dimensions = [{ Name: 'service', Value: 'deliver' }];
  expect(Metrics[0].MetricStat).toMatchObject({ Metric: { MetricName, Dimensions }, Stat: 'Sum' });
});

test('one alarm for links lost after the final dot, tried again or ended so, over 15 minutes', () => {
  const [sum, ...read] = alarmOf('in-doubt').Metrics;
  expect(sum.Expression).toBe('FILL(doubted,0)+FILL(unknown,0)');
  expect(
    read.map(({ Id, MetricStat }: { Id: string; MetricStat: { Metric: { MetricName: string }; Period: number } }) => [
      Id,
      MetricStat.Metric.MetricName,
      MetricStat.Period,
    ]),
  ).toEqual([
    ['doubted', 'InDoubt', 900],
    ['unknown', 'Unknown', 900],
  ]);
});
