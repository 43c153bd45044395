/**
 * Metrics, as embedded metric format in the log: one line per invocation and provider, never one per message. A value that
 * occurs several times in a line is an array, from which CloudWatch makes percentiles.
 */
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { METRIC, METRICS_NAMESPACE } from '../core/metrics.ts';

/** What one run of deliver did with the copies of one provider, or one run of hear heard of those that SES had taken. */
export type Tally = {
  /** Copies picked up for the first time: accepted, and now known to the lane. */
  accepted: number;
  delivered: number;
  deferred: number;
  bounced: number;
  dropped: number;
  unknown: number;
  /** Copies that SES has taken; its word is awaited. */
  relayed?: number;
  /** Complaints that SES passed on. */
  complained?: number;
  /** Copies whose link was lost after the final dot, in this run. */
  doubted?: number;
  /** Pauses of a site that the operator must look at. */
  paused?: number;
  /** Copies of transactional mail beyond the warm-up budget. */
  warmUpExceeded?: number;
  /** Seconds from the 202 to the recipient's 250, one for each delivered copy. */
  latencies: number[];
};

/** Each count and the metric it is published as. */
const COUNTED = [
  ['accepted', METRIC.accepted],
  ['delivered', METRIC.delivered],
  ['deferred', METRIC.deferred],
  ['bounced', METRIC.bounced],
  ['dropped', METRIC.dropped],
  ['unknown', METRIC.unknown],
  ['relayed', METRIC.relayed],
  ['complained', METRIC.complained],
  ['doubted', METRIC.possibleDuplicates],
  ['paused', METRIC.sitePaused],
  ['warmUpExceeded', METRIC.warmUpExceeded],
] as const;

/** Publishes what became of a lane's copies, by provider. hear's word counts under `deliver` too: the totals are of all mail. */
export function publishDeliveries(lane: string, tallies: ReadonlyMap<string, Tally>): void {
  for (const [provider, tally] of tallies) {
    const metrics = new Metrics({ namespace: METRICS_NAMESPACE, serviceName: 'deliver' });
    // Two sets: in all, for alarms and percentiles (which cannot be summed up from parts), and by provider.
    metrics.addDimensions({});
    metrics.addDimension('provider', provider);
    metrics.addMetadata('lane', lane);
    for (const [counted, metric] of COUNTED) {
      const count = tally[counted] ?? 0;
      if (count > 0) metrics.addMetric(metric, MetricUnit.Count, count);
    }
    for (const seconds of tally.latencies) metrics.addMetric(METRIC.latency, MetricUnit.Seconds, seconds);
    metrics.publishStoredMetrics();
  }
}

/** Publishes counts of what came in by mail, under `deliver` too: they are about the same copies. */
export function publishCounts(counts: Partial<Record<keyof typeof METRIC, number>>): void {
  const found = Object.entries(counts) as [keyof typeof METRIC, number][];
  if (found.length === 0) return;
  const metrics = new Metrics({ namespace: METRICS_NAMESPACE, serviceName: 'deliver' });
  for (const [name, count] of found) metrics.addMetric(METRIC[name], MetricUnit.Count, count);
  metrics.publishStoredMetrics();
}

/** What a task of the relay counted in a minute. */
export type RelayCounts = Partial<
  Record<
    'relayAccepted' | 'relayRefused' | 'relayDeferred' | 'authFailures' | 'relayConnections' | 'certificateEnding',
    number
  >
>;

/** Publishes them, over all tasks; a count that is absent or 0 is left out. */
export function publishRelay(counts: RelayCounts): void {
  const metrics = new Metrics({ namespace: METRICS_NAMESPACE, serviceName: 'relay' });
  for (const [name, count] of Object.entries(counts) as [keyof RelayCounts, number][])
    if (count > 0) metrics.addMetric(METRIC[name], MetricUnit.Count, count);
  metrics.publishStoredMetrics();
}
