/**
 * Metrics of what starts cold in front of a waiting client: one line of embedded metric format, written by hand. The library that writes the
 * others (io/metrics.ts) takes longer to load than a request does.
 */
import { METRIC, METRICS_NAMESPACE } from '../core/metrics.ts';

/** Tells that an account has reached its daily cap. Under `deliver`, where the totals of all mail are. */
export function publishCapReached(account: string): void {
  const CloudWatchMetrics = [
    {
      Namespace: METRICS_NAMESPACE,
      Dimensions: [['service']],
      Metrics: [{ Name: METRIC.capReached, Unit: 'Count' }],
    },
  ];
  const line = {
    _aws: { Timestamp: Date.now(), CloudWatchMetrics },
    service: 'deliver',
    [METRIC.capReached]: 1,
    account,
  };
  console.log(JSON.stringify(line));
}
