/** Names of the metrics, once: handlers publish them, the dashboard and the alarms read them. */

export const METRICS_NAMESPACE = 'Pennypost';

export const METRIC = {
  accepted: 'Accepted',
  delivered: 'Delivered',
  deferred: 'Deferred',
  bounced: 'Bounced',
  dropped: 'Dropped',
  unknown: 'Unknown',
  relayed: 'Relayed',
  /** Readers who called it spam, by SES's word. */
  complained: 'Complained',
  /** The link was lost after the final dot: whoever gets it again may have it twice. */
  possibleDuplicates: 'InDoubt',
  /** A refusal paused a lane at a site, and somebody must look at it. */
  sitePaused: 'SitePaused',
  /** Transactional mail sent beyond the warm-up budget, for want of a warm lane. */
  warmUpExceeded: 'WarmUpExceeded',
  /** Seconds from the 202 to the recipient's 250. */
  latency: 'AcceptToDeliveredSeconds',
} as const;
