/** Names of the metrics, once: handlers publish them, the dashboard and the alarms read them. */

export const METRICS_NAMESPACE = 'Pennypost';

export const METRIC = {
  accepted: 'Accepted',
  delivered: 'Delivered',
  deferred: 'Deferred',
  bounced: 'Bounced',
  dropped: 'Dropped',
  unknown: 'Unknown',
  /** Seconds from the 202 to the recipient's 250. */
  latency: 'AcceptToDeliveredSeconds',
} as const;
