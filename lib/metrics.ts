/** The metrics that the dashboard and the alarms read, under the names that the functions publish (core/metrics.ts). */
import { Duration } from 'aws-cdk-lib';
import { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { METRIC, METRICS_NAMESPACE } from '../core/metrics.ts';

export const FIVE_MINUTES = Duration.minutes(5);

/** A function or queue under the name the operator knows it by. */
export type Named<T> = { label: string; of: T };

/**
 * One of our own metrics over all providers: with the dimension `service` alone (deliver publishes all of them). An alarm
 * can't search, and percentiles of several metrics can't be put together, so the totals are published beside each provider's.
 */
export function mailMetric(name: keyof typeof METRIC, statistic = 'Sum', period = FIVE_MINUTES): Metric {
  return new Metric({
    namespace: METRICS_NAMESPACE,
    metricName: METRIC[name],
    dimensionsMap: { service: 'deliver' },
    statistic,
    period,
    label: statistic === 'Sum' ? METRIC[name] : statistic,
  });
}

/** One of the relay's metrics, over all its tasks. */
export function relayMetric(name: keyof typeof METRIC, statistic = 'Sum', period = FIVE_MINUTES): Metric {
  return new Metric({
    namespace: METRICS_NAMESPACE,
    metricName: METRIC[name],
    dimensionsMap: { service: 'relay' },
    statistic,
    period,
    label: METRIC[name],
  });
}
