/**
 * MAIL's and RCPT's lines (RFC 5321 4.1.1.2 and .3, RFC 6531 3.4), or our own refusal where the server could not take the
 * message. An address is judged in the form in which it is written: what could end its command early is never written.
 */
import { toEnvelopeAddress } from '../domain.ts';
import type { Failure, Stage } from '../outcome.ts';
import type { Extensions } from './extensions.ts';
import { makeReply } from './reply.ts';

export type Envelope = {
  /** The return path; '' is the null sender. */
  from: string;
  to: string;
  /** The message's octets, the final dot included. */
  size: number;
  /** Header octets above 127: needs SMTPUTF8. */
  eightBit?: boolean;
  /** Body octets above 127, in parts that may not be converted: needs 8BITMIME. */
  eightBitBody?: boolean;
};

/** `MAIL FROM:<…> …` and `RCPT TO:<…>`, each with its CRLF. `ascii`: no octet of them is above 127. */
export type EnvelopeCommands = { mail: string; rcpt: string; ascii: boolean };

/** @param host whom the refusal is about */
export function makeEnvelope(
  { from, to, size, eightBit = false, eightBitBody = false }: Envelope,
  offered: Extensions,
  host: string,
): EnvelopeCommands | Failure {
  const sender = from === '' ? '' : toEnvelopeAddress(from);
  const recipient = toEnvelopeAddress(to);
  if (sender !== '' && !isSafe(sender)) return refuse('rcpt', 501, `5.1.3 ${JSON.stringify(from)} is no address`);
  if (!isSafe(recipient)) return refuse('rcpt', 501, `5.1.3 ${JSON.stringify(to)} is no address`);
  const ascii = isAscii(sender) && isAscii(recipient);
  const utf8 = eightBit || !ascii;
  if (utf8 && !offered.smtpUtf8) {
    const what = ascii ? "the message's header" : `the address ${isAscii(recipient) ? from : to}`;
    return refuse('mail', 553, `5.6.7 ${what} is not ASCII, and ${host} does not offer SMTPUTF8`);
  }
  if (eightBitBody && !offered.eightBitMime)
    return refuse('mail', 554, `5.6.3 a signed part has octets above 127, and ${host} does not offer 8BITMIME`);
  if (offered.size && size > offered.size)
    return refuse('mail', 552, `5.3.4 message of ${size} octets, ${host} takes ${offered.size}`);
  const sized = offered.size === undefined ? '' : ` SIZE=${size}`;
  const body = (eightBit || eightBitBody) && offered.eightBitMime ? ' BODY=8BITMIME' : '';
  return {
    mail: `MAIL FROM:<${sender}>${sized}${body}${utf8 ? ' SMTPUTF8' : ''}\r\n`,
    rcpt: `RCPT TO:<${recipient}>\r\n`,
    ascii,
  };
}

/** Neither a line end nor anything that would end the path early; white space only inside a quoted local part. */
const SAFE =
  /^("(?:[^"\\\x00-\x1f\x7f-\x9f\u2028\u2029]|\\[\x20-\x7e])*"|[^\s"<>@\\\x00-\x1f\x7f-\x9f]+)@[^\s<>@"\\\x00-\x1f\x7f-\x9f]+$/;
const isSafe = (address: string): boolean => SAFE.test(address);
const isAscii = (text: string): boolean => !/[^\x00-\x7f]/.test(text);

function refuse(stage: Stage, code: number, text: string): Failure {
  return { ok: false, stage, reply: makeReply(code, [text]), afterDot: false };
}
