/**
 * Every reply of the relay: its code, its enhanced status (RFC 3463) and its words, in one table. The words are SendGrid's
 * where SendGrid has such a reply. docs/relay.md says what a person does next; a test holds the two together.
 * `{}` is filled in; what is filled in is made fit for one line.
 */
import { apiErrors } from '../errors.ts';
import { BIG_REQUEST_BYTES } from '../limits.ts';

export type SmtpReply = { code: number; enhanced?: string; text: string };

export const smtpReplies = {
  ready: { code: 220, text: '{} ESMTP Pennypost service ready' },
  ok: { code: 250, enhanced: '2.0.0', text: 'OK' },
  senderAccepted: { code: 250, enhanced: '2.1.0', text: 'Sender address accepted' },
  recipientAccepted: { code: 250, enhanced: '2.1.5', text: 'Recipient address accepted' },
  continue: { code: 354, text: 'Continue' },
  chunk: { code: 250, enhanced: '2.0.0', text: '{} octets received' },
  queued: { code: 250, enhanced: '2.0.0', text: 'Ok: queued as {}' },
  bye: { code: 221, enhanced: '2.0.0', text: 'See you later' },
  startTls: { code: 220, enhanced: '2.0.0', text: 'Ready to start TLS' },
  authenticated: { code: 235, enhanced: '2.7.0', text: 'Authentication successful' },
  cannotVerify: { code: 252, enhanced: '2.1.5', text: 'Addresses are not verified here; send to it, and see' },
  help: { code: 214, enhanced: '2.0.0', text: 'User: apikey. Password: your API key. Everything else: docs/relay.md' },

  connectionsOfAddress: {
    code: 421,
    enhanced: '4.7.0',
    text: 'Too many connections from your address; close some first',
  },
  connectionsOfKey: { code: 421, enhanced: '4.7.0', text: 'Too many connections with this API key; close some first' },
  full: { code: 421, enhanced: '4.3.2', text: 'Too many connections at this moment; try again in a minute' },
  restarting: { code: 421, enhanced: '4.3.2', text: 'The service is restarting; connect again' },
  idle: { code: 421, enhanced: '4.4.2', text: 'Nothing came for {} seconds; connect again' },
  tooSlow: { code: 421, enhanced: '4.4.2', text: 'That came too slowly; connect again' },
  errors: { code: 421, enhanced: '4.7.0', text: 'Too many errors; connect again when they are corrected' },
  commands: { code: 421, enhanced: '4.7.0', text: 'Too many commands without a message; connect again' },
  messages: { code: 421, enhanced: '4.7.0', text: '{} messages were sent on this connection; open another one' },
  loginsOfAddress: { code: 421, enhanced: '4.7.0', text: 'Too many failed logins from your address; wait {} seconds' },
  authUnavailable: { code: 454, enhanced: '4.7.0', text: 'Temporary authentication failure; try again' },
  busy: { code: 452, enhanced: '4.3.1', text: 'Too much mail at this moment; try again in a minute' },
  recipients: { code: 452, enhanced: '4.5.3', text: 'Too many recipients; send to the others in another message' },
  messageRate: { code: 451, enhanced: '4.7.1', text: 'Too many messages in a minute; wait {} seconds' },
  creditsExceeded: { code: 451, enhanced: '4.7.1', text: 'Authentication failed: Maximum credits exceeded' },
  lookUpFailed: { code: 451, enhanced: '4.3.0', text: 'Temporarily unable to look up that address; try again' },
  unavailable: {
    code: 451,
    enhanced: '4.3.0',
    text: 'Temporarily unavailable: the message was not taken; send it again',
  },
  uncertain: {
    code: 451,
    enhanced: '4.3.0',
    text: 'The message may have been taken: send it again with an Idempotency-Key, or look whether it arrived',
  },
  idempotencyInProgress: {
    code: 451,
    enhanced: '4.3.0',
    text: 'A message with this Idempotency-Key is being accepted at this moment; send it again in a few seconds',
  },

  lineTooLong: { code: 500, enhanced: '5.5.2', text: 'Command line too long' },
  malformed: {
    code: 500,
    enhanced: '5.5.2',
    text: 'Not a command: lines are UTF-8 without control characters, and end with CRLF',
  },
  unknown: { code: 500, enhanced: '5.5.1', text: 'Command not recognized' },
  syntax: { code: 501, enhanced: '5.5.4', text: 'Syntax: {}' },
  badRecipient: { code: 501, enhanced: '5.1.3', text: 'Bad recipient address syntax' },
  authCancelled: { code: 501, enhanced: '5.7.0', text: 'Authentication cancelled' },
  badBase64: { code: 501, enhanced: '5.5.2', text: 'That is not base64' },
  notImplemented: { code: 502, enhanced: '5.5.1', text: 'Command not implemented' },
  sequence: { code: 503, enhanced: '5.5.1', text: 'Bad sequence of commands: {}' },
  mechanism: { code: 504, enhanced: '5.5.4', text: 'Mechanisms are PLAIN and LOGIN' },
  tlsFirst: { code: 530, enhanced: '5.7.0', text: 'Must issue a STARTTLS command first' },
  authFailed: { code: 535, enhanced: '5.7.8', text: 'Authentication failed: Bad username / password' },
  authScope: { code: 535, enhanced: '5.7.8', text: 'Authentication failed: this API key has no mail.send scope' },
  authAddress: {
    code: 535,
    enhanced: '5.7.8',
    text: 'Authentication failed: Your IP address {} is not whitelisted in the IP access list of the account',
  },
  authTls: { code: 538, enhanced: '5.7.11', text: 'Authentication needs TLS: issue a STARTTLS command first' },
  unauthenticated: { code: 550, enhanced: '5.7.1', text: 'Unauthenticated Senders Not Allowed' },
  addressNotAllowed: {
    code: 550,
    enhanced: '5.7.1',
    text: 'Your IP address {} is not whitelisted in the IP access list of the account',
  },
  senderNotVerified: { code: 550, enhanced: '5.7.1', text: apiErrors.senderNotVerified.message },
  badIdempotencyKey: { code: 550, enhanced: '5.6.0', text: apiErrors.badIdempotencyKey.message },
  idempotencyMismatch: {
    code: 550,
    enhanced: '5.6.0',
    text: 'This Idempotency-Key was used within the last 24 hours with another message',
  },
  noMailbox: { code: 550, enhanced: '5.1.1', text: 'No such mailbox here' },
  relaying: { code: 550, enhanced: '5.7.1', text: 'Relaying denied' },
  tooBig: {
    code: 552,
    enhanced: '5.3.4',
    text: `Message size exceeds fixed maximum message size of ${BIG_REQUEST_BYTES} octets`,
  },
  headerTooBig: { code: 552, enhanced: '5.3.4', text: 'Header section exceeds fixed maximum size of {} octets' },
  needsUtf8: { code: 553, enhanced: '5.6.7', text: 'The address is not ASCII: it needs SMTPUTF8 at MAIL' },
  bareLineEnd: {
    code: 554,
    enhanced: '5.6.0',
    text: 'Bare CR or LF in the message: lines end with CRLF (RFC 5321 2.3.8)',
  },
  nul: { code: 554, enhanced: '5.6.0', text: 'NUL in the message' },
  messageLine: { code: 554, enhanced: '5.6.0', text: 'A line of the message is longer than {} octets' },
  noRecipients: { code: 554, enhanced: '5.5.1', text: 'No valid recipients' },
  loop: { code: 554, enhanced: '5.4.6', text: 'Too many Received fields: the message is in a loop' },
  parameter: { code: 555, enhanced: '5.5.4', text: 'Parameter not known, or not like this: {}' },
} as const satisfies Record<string, SmtpReply>;

/** Fills in a reply's `{}`. */
export function fill(reply: SmtpReply, value: string | number): SmtpReply {
  return { ...reply, text: reply.text.replace('{}', () => String(value)) };
}

/** A reply as it goes over the wire, CRLF and all. Whatever is in its text, it is one line of printable characters. */
export function writeReply({ code, enhanced, text }: SmtpReply): string {
  const line = text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/g, ' ');
  return `${code} ${enhanced === undefined ? '' : `${enhanced} `}${line}\r\n`;
}
