/** What comes into `readSubmitted` and what comes out of it: types only. */
import type { MailRequest, RawMime } from '../mail.ts';

/** A message as it was submitted (RFC 6409), and its envelope. */
export type Submitted = {
  /** The header section with the empty line behind it (RFC 5322 2.1): at most HEADER_BYTES. */
  header: Buffer;
  /** Octets of the whole message. */
  size: number;
  /** The message itself, which the request carries. Short ones (INLINE_MIME_BYTES) as octets, others by their key. */
  mime: RawMime;
  /** MAIL FROM; '' is the null sender. Copies leave under a return path of ours: this is who is told of a broken X-SMTPAPI. */
  mailFrom: string;
  /** RCPT TO, in order. */
  rcptTo: string[];
  /** BODY=8BITMIME was said. What the octets are is seen when they are composed, whatever was said. */
  eightBit: boolean;
  /** SMTPUTF8 was said. Likewise. */
  smtpUtf8: boolean;
};

/** An SMTP reply that refuses the message: code, enhanced status (RFC 3463) and text of one line. */
export type Refusal = { code: number; enhanced: string; text: string };

/**
 * `ok: true`: to be committed. `ok: false`: to be refused, nothing of it is kept.
 *
 * `ok: 'dropped'`: its X-SMTPAPI is broken. SendGrid says 250 and tells later, so: commit `request` as any other (its copies are
 * the RCPT list; `content.dropped` makes deliver record each as dropped with the reason, and send none), and `notice`, where
 * there is one, under a request id of its own: the mail that tells MAIL FROM what is wrong.
 */
export type SubmittedMail =
  | { ok: true; request: MailRequest; idempotencyKey?: string }
  | { ok: false; reply: Refusal }
  | {
      ok: 'dropped';
      reason: 'Invalid SMTPAPI header';
      /** What is wrong, in words. */
      detail: string;
      request: MailRequest;
      /** Absent for the null sender: a bounce is never answered (RFC 5321 6.1). */
      notice?: MailRequest;
      idempotencyKey?: string;
    };
