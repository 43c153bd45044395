/**
 * Every limit, with its unit and where it comes from. Code names a limit; it never writes the number.
 */

/** Copies in one job. DESIGN: "up to 100 copies". */
export const JOB_COPIES = 100;
/** Bytes of one job's JSON: one SQS billing chunk is 64 KiB, and the entry has attributes too. */
export const JOB_BYTES = 60_000;
/** Bytes of content that travel inside a job; more goes to the content bucket once. Leaves room for copies in one chunk. */
export const INLINE_CONTENT_BYTES = 24_000;
/** Octets of a message that came as MIME and travel inside its jobs. As JSON they are some more: `INLINE_CONTENT_BYTES` decides in the end. */
export const INLINE_MIME_BYTES = 20_000;
/** Bytes of content kept inside a hold item: DynamoDB bills a write per KB, so more goes to the bucket. */
export const HELD_CONTENT_BYTES = 2_000;
/** Bytes of one personalization kept inside a job; a longer one (a thousand visible recipients) is read from the stored request. */
export const INLINE_PERSONALIZATION_BYTES = 30_000;
/** Jobs that accept queues itself: one SendMessageBatch (SQS API: 10 entries, 1 MiB together). */
export const DIRECT_JOBS = 10;
/** Bytes of a decoded request body. Lambda's synchronous payload is 6 MB with the body base64-encoded: 4.5 MB of it. */
export const REQUEST_BYTES = 4_500_000;
/** Bytes of a request body at the relay's HTTPS door, and of a message by SMTP: SendGrid's 30 MB, its `SIZE 31457280`. */
export const BIG_REQUEST_BYTES = 31_457_280;
/** Seconds that SQS can delay a message (SQS: DelaySeconds at most 900). */
export const QUEUE_DELAY_SECONDS = 900;
/** Hours that a deferred copy is tried for, from its first attempt (SendGrid: 72 h, then a `blocked` bounce). */
export const RETRY_HOURS = 72;
/** Shards of the holds table: each is one partition of at most 1,000 writes/s (DynamoDB quotas). */
export const HOLD_SHARDS = 8;
/**
 * Times a job has passed a lane or a hold, two for each wait, beyond which it is not tried once more when its time is over. Mail ends by time, not
 * by this: it is for what goes round by a fault of ours. Pauses of five minutes, one after the other, make 2,300 of their 96 hours.
 */
export const JOB_HOPS = 3_000;
/** Hours for which an Idempotency-Key answers with the first answer. */
export const IDEMPOTENCY_HOURS = 24;
/** More attempts after the link broke behind the final dot; then the outcome is `unknown` (DESIGN 4.7). */
export const DOUBT_ATTEMPTS = 2;
/** Seconds of a day: TTLs count seconds, settings days. */
export const DAY_SECONDS = 86_400;
