/**
 * Metrics of what starts cold in front of a waiting client: one line of embedded metric format, written by hand. The library that writes the
 * others (io/metrics.ts) takes longer to load than a request does.
 */
import { METRIC, METRICS_NAMESPACE } from '../core/metrics.ts';

/** Tells that an account has reached its daily cap. */
export function publishCapReached(account: string): void {
  publishPlain(METRIC.capReached, 1, { account });
}

/** One metric. Under `deliver`, where the totals of all mail are. @param more said in the log beside it */
export function publishPlain(name: string, value: number, more: Record<string, string> = {}): void {
  const CloudWatchMetrics = [
    { Namespace: METRICS_NAMESPACE, Dimensions: [['service']], Metrics: [{ Name: name, Unit: 'Count' }] },
  ];
  const line = { _aws: { Timestamp: Date.now(), CloudWatchMetrics }, service: 'deliver', [name]: value, ...more };
  console.log(JSON.stringify(line));
}
