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
  /** Readers who called it spam, by the word of SES or of a feedback loop. */
  complained: 'Complained',
  /** Bounces that came back by mail, after the copy's outcome. */
  bouncedLater: 'BouncedLater',
  /** Readers who unsubscribed by mail. */
  unsubscribed: 'Unsubscribed',
  /** Bounces and complaints that name no copy of ours, or whose records are gone. */
  unmatchedReports: 'UnmatchedReports',
  /** Mails received for parse hosts, those their URL has taken, and those that were given up. */
  parseReceived: 'ParseReceived',
  parsePosted: 'ParsePosted',
  parseDropped: 'ParseDropped',
  /** Loads of pixels and of tracked links, those of them by machines, and those that the table did not take. */
  opened: 'Opened',
  clicked: 'Clicked',
  machines: 'MachineLoads',
  notRecorded: 'LoadsNotRecorded',
  /** Events that webhooks took, attempts that failed, and events that were let go after a day. */
  webhookPosted: 'WebhookPosted',
  webhookFailed: 'WebhookFailed',
  webhookDropped: 'WebhookDropped',
  /** The link was lost after the final dot: whoever gets it again may have it twice. */
  possibleDuplicates: 'InDoubt',
  /** A refusal paused a lane at a site, and somebody must look at it. */
  sitePaused: 'SitePaused',
  /** Transactional mail sent beyond the warm-up budget, for want of a warm lane. */
  warmUpExceeded: 'WarmUpExceeded',
  /** Accounts whose bulk has paused by itself. */
  bulkPaused: 'BulkPaused',
  /** Accounts that have reached their daily cap, once a day for each process that accepts. */
  capReached: 'CapReached',
  /** Domains whose next DKIM key should have begun to sign a week ago and more, and is not in DNS. */
  rotationsOverdue: 'KeyRotationsOverdue',
  /** Messages that the relay took: it said 250. */
  relayAccepted: 'RelayAccepted',
  /** Messages that the relay refused for good (5xx), for what they are or who sends them. */
  relayRefused: 'RelayRefused',
  /** Messages that the relay could not take just now (4xx): a store that does not answer, a limit, a drain. */
  relayDeferred: 'RelayDeferred',
  /** AUTH with a wrong key. */
  authFailures: 'AuthFailures',
  /** Open connections of a task of the relay, as its minute ended. */
  relayConnections: 'RelayConnections',
  /** A task's certificate ends soon, and was not renewed. */
  certificateEnding: 'CertificateEnding',
  /** Seconds from the 202 to the recipient's 250. */
  latency: 'AcceptToDeliveredSeconds',
} as const;
