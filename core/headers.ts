/**
 * Which custom headers a message can have. One list for the two who need it: mail/send refuses by it (core/mail-send/headers.ts),
 * the composer leaves out by it (core/compose.ts); a test holds them together, so nothing is accepted and then left out.
 *
 * Refused beyond SendGrid's own list, because they say what only the one who sends can say: Sender (an identity nobody
 * verified), Return-Path and Feedback-ID (bounces and complaints come back by them), MIME-Version and Content-* (they
 * describe the body), Resent-* (trace fields, RFC 5322 3.6.6), X-SES-* (SES takes orders by them: the configuration set, tags, the
 * ARN of another's identity), X-Pennypost-* (complaints are matched to mails by it). Date and Message-ID stay the sender's to set.
 */

/** Names in lower case. */
export const OURS =
  /^(from|sender|to|cc|bcc|reply-to|subject|mime-version|dkim-signature|received|return-path|feedback-id|content-.*|resent-.*|x-ses-.*|x-pennypost-.*|x-sg-id|x-sg-eid|otp-token)$/;

/**
 * What is taken out of a message that came as MIME, beside its Bcc: what only the one who sends can say, and what was said to
 * us alone. All else is kept, Sender, Received and the sender's own DKIM-Signature too. Names in lower case.
 */
export const NEVER_PASSED =
  /^(bcc|resent-bcc|return-path|x-smtpapi|idempotency-key|feedback-id|x-ses-.*|x-pennypost-.*|x-sg-id|x-sg-eid|otp-token)$/;

/** Fields that a message has once at most (RFC 5322 3.6, RFC 2045 3): of several, readers would choose differently. */
export const ONCE = new Set([
  'from',
  'sender',
  'reply-to',
  'to',
  'subject',
  'date',
  'message-id',
  'in-reply-to',
  'references',
  'mime-version',
  'content-type',
  'content-transfer-encoding',
  'content-disposition',
  'content-id',
]);

/**
 * ftext (RFC 5322 3.6.8), as long as a line of 78 has room for with its colon. Not with a dot before it: whoever forgets to
 * stuff it, or to take the stuffing away, makes another field of it (`.from`).
 */
export const FIELD_NAME = /^(?!\.)[!-9;-~]{1,76}$/;

/** Characters of a value without white space: longer ones cannot be folded into lines of 998 (RFC 5322 2.1.1). */
export const WORD_CHARACTERS = 900;

/** msg-ids of one In-Reply-To or References. */
export const MESSAGE_IDS = 100;
