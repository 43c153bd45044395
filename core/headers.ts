/**
 * Which custom headers a message can have. One list for the two who need it: mail/send refuses by it (core/mail-send/headers.ts),
 * the composer leaves out by it (core/compose.ts); a test holds them together, so nothing is accepted and then left out.
 *
 * Refused beyond SendGrid's own list, because they say what only the one who sends can say: Sender (an identity nobody
 * verified), Return-Path and Feedback-ID (bounces and complaints come back by them), MIME-Version and Content-* (they
 * describe the body), Resent-* (trace fields, RFC 5322 3.6.6), X-SES-* (SES takes orders by them: the configuration set, tags, the
 * ARN of another's identity), X-Pennypost-* (what comes back is matched by them). Date and Message-ID stay the sender's to set.
 */

/** Names in lower case. */
export const OURS =
  /^(from|sender|to|cc|bcc|reply-to|subject|mime-version|dkim-signature|received|return-path|feedback-id|content-.*|resent-.*|x-ses-.*|x-sg-id|x-sg-eid|x-pennypost-.*|otp-token)$/;

/**
 * ftext (RFC 5322 3.6.8), as long as a line of 78 has room for with its colon. Not with a dot before it: whoever forgets to
 * stuff it, or to take the stuffing away, makes another field of it (`.from`).
 */
export const FIELD_NAME = /^(?!\.)[!-9;-~]{1,76}$/;

/** Characters of a value without white space: longer ones cannot be folded into lines of 998 (RFC 5322 2.1.1). */
export const WORD_CHARACTERS = 900;

/** msg-ids of one In-Reply-To or References. */
export const MESSAGE_IDS = 100;
