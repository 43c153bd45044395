/**
 * What a mail that came back says: which of our recipients it speaks of, what became of them, and what it gives back of the
 * message it is about. Types only; `index.ts` reads a mail into them.
 *
 * What a report says is a stranger's word. It proves nothing of whom it names: the copy that it is about is told by the
 * address it came to (the VERP token), or by what only we can have written into the message (`original`).
 */
import type { Classification } from '../shaping/rule.ts';

export type Report = {
  /**
   * Addresses that the mail itself says it came to (To, Delivered-To, X-Original-To, Envelope-To …), without repetition. The
   * envelope's recipient is better; this helps where a mail was forwarded to a feedback address.
   */
  to: string[];
  /** What is given back of the message that this is about. Without any header field when nothing is. */
  original: OriginalMessage;
} & (
  | ({ kind: 'bounce' | 'delayed' | 'delivered' } & DeliveryReport)
  | ({ kind: 'complaint' } & Complaint)
  /** A reader's answering machine; `address`: who answers, where From says so. Says nothing about delivery. */
  | { kind: 'auto-reply'; address?: string }
  /** Ordinary mail, or what is no mail at all. */
  | { kind: 'other' }
);

/**
 * `bounce`: at least one recipient failed. `delayed`: none failed, at least one is still tried by the server that reports.
 * `delivered`: every recipient was delivered, relayed or expanded (RFC 3464 2.3.3).
 */
export type DeliveryReport = {
  recipients: ReportedRecipient[];
  /** RFC 3464 2.2.1: ENVID, as we gave it. */
  envelopeId?: string;
  /** RFC 3464 2.2.2: host name of the server that reports. */
  reportingMta?: string;
  /** RFC 3464 2.2.5, as written. */
  arrivalDate?: string;
};

export type ReportedRecipient = {
  /**
   * As the report names it, without angle brackets: not always an address that we know (it may have been forwarded), nor an
   * address at all (`nair_s`). When it names nobody, the only one whom the returned message was to, else empty. The copy is
   * told by the token, not by this.
   */
  address: string;
  /** RFC 3464 2.3.1: as it was when we sent the message, where the report says so. */
  originalAddress?: string;
  /** RFC 3464 2.3.3; of a report that has no such field, what its words mean. */
  action: 'failed' | 'delayed' | 'delivered' | 'relayed' | 'expanded';
  /** RFC 3463, as reported, else what the SMTP reply or the words mean: `5.0.0` is no more than "failed". */
  status: string;
  /** The server's reply (`550 5.1.1 …`) or the report's words: one line, at most REPLY_RECORDED characters. */
  diagnostic: string;
  /** Host that refused, where it is named. */
  mta?: string;
  /** `deferred`: another server still tries it; nothing is final. */
  event: 'bounced' | 'deferred' | 'delivered';
  /**
   * Of a bounce. `bounce`: the address is bad, by words or codes that can mean nothing else; **only these may be suppressed**.
   * `blocked`: everything else, also a full mailbox, a domain that DNS does not know, a server that was out of reach.
   */
  type: 'bounce' | 'blocked';
  classification: Classification;
  /** The rule that knew it: of `shaping/rules/` or `report/rules/`. */
  rule?: string;
};

/** RFC 5965. Recipients are mostly redacted. */
export type Complaint = {
  /** `abuse`, `fraud`, `not-spam`, `opt-out`, `auth-failure`, `virus`, `other` …, in lower case. */
  feedbackType: string;
  /** Original-Mail-From without angle brackets: our VERP address. */
  originalMailFrom?: string;
  originalRcptTo: string[];
  /** ENVID, as we gave it. */
  originalEnvelopeId?: string;
  sourceIp?: string;
  arrivalDate?: string;
  reportedDomain?: string;
  userAgent?: string;
};

export type OriginalMessage = {
  /** Lower-case names; values unfolded, undecoded, in their order. Bounded: see `limits.ts`. */
  headers: ReadonlyMap<string, readonly string[]>;
  /** With its angle brackets. */
  messageId?: string;
  /** Without angle brackets. */
  returnPath?: string;
  from?: string;
  /** Addresses of To, in lower case domain or not as they were written. */
  to: string[];
};
