/**
 * A mail that came in, as the inbound queue carries it: where its octets lie, and what its session said of it. Written by the
 * relay after the octets are stored; SES receiving tells the same in its own words (core/inbound/ses-received.ts).
 * It refuses a body that is no such message of a version it knows.
 */

export type InboundMessage = {
  v: 1;
  /** Names the mail, and its object. A mail whose 250 was lost comes again under another id. */
  id: string;
  /** The key in the inbound bucket. */
  key: string;
  /** Milliseconds since the epoch. */
  receivedAt: number;
  /** MAIL FROM; '' is the null reverse-path (RFC 5321 4.5.5). */
  mailFrom: string;
  rcptTo: string[];
  /** Address of the client. */
  remoteAddress?: string;
  /** What it said in EHLO. */
  helo?: string;
  /** Protocol of its TLS (`TLSv1.3`); absent: in clear, or not known. */
  tls?: string;
  /** SES's word on spam: `PASS`, `FAIL`, `GRAY`, `PROCESSING_FAILED`. */
  spamVerdict?: string;
};

const ID = /^[A-Za-z0-9_-]{1,128}$/;

/** Where the mails lie in the inbound bucket. */
export const INBOUND_PREFIX = 'inbound/';

/** The key of a mail's object. */
export function inboundKey(id: string): string {
  return `${INBOUND_PREFIX}${id}.eml`;
}

/**
 * Reads a queue message's body.
 * @throws Error naming what is wrong; such a message can never succeed
 */
export function parseInboundMessage(body: string): InboundMessage {
  const message = JSON.parse(body) as Partial<InboundMessage> | null;
  if (typeof message !== 'object' || message === null || message.v !== 1)
    throw new Error('not an inbound message of version 1');
  const { id, key, receivedAt, mailFrom, rcptTo } = message;
  if (typeof id !== 'string' || !ID.test(id)) throw new Error('inbound message without an id');
  if (typeof key !== 'string' || !key.startsWith(INBOUND_PREFIX))
    throw new Error(`inbound message ${id} without a key`);
  if (typeof receivedAt !== 'number') throw new Error(`inbound message ${id} without a time`);
  if (typeof mailFrom !== 'string') throw new Error(`inbound message ${id} without a sender`);
  if (!Array.isArray(rcptTo) || rcptTo.length === 0 || rcptTo.some((one) => typeof one !== 'string'))
    throw new Error(`inbound message ${id} without recipients`);
  return message as InboundMessage;
}
