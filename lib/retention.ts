/** How long what failed is kept: other retentions are counted from it. */

/** SQS keeps a dead letter at most this long, in days (SQS: MessageRetentionPeriod); every dead-letter queue of ours uses it all. */
export const DEAD_LETTER_DAYS = 14;
