/**
 * The arguments of MAIL FROM and RCPT TO (RFC 5321 4.1.1.2, 4.1.1.3): the path and the parameters of the extensions
 * that the sink offers (SIZE, 8BITMIME, SMTPUTF8). Strict, so that a sloppy sender is found here and not in production.
 */
import { MESSAGE_BYTES } from './data.ts';

export type Path = { address: string; utf8: boolean };
/** A path, or the reply that refuses it. */
export type Parsed = Path | { refusal: string };

/** RFC 5321 4.5.3.1: octets of a local part, of a domain, of a path with its brackets. */
const LOCAL_PART_BYTES = 64;
const DOMAIN_BYTES = 255;
const PATH_BYTES = 256;
const QUOTED = '"(?:[^"\\\\]|\\\\.)*"';
const PATH = new RegExp(`^ ?<((?:${QUOTED}|[^"<>\\s])*)>(?: (.*))?$`);
const MAILBOX = new RegExp(
  `^(${QUOTED}|[^\\s"()<>\\[\\]:;,@\\\\.]+(?:\\.[^\\s"()<>\\[\\]:;,@\\\\.]+)*)@(\\[[^\\]\\s]+\\]|[^\\s@\\[\\]"(),:;<>\\\\]+)$`,
);

export function parseMailFrom(argument: string): Parsed {
  const path = /^FROM:/i.test(argument) ? PATH.exec(argument.slice(5)) : null;
  if (!path) return { refusal: '501 5.5.4 Syntax: MAIL FROM:<address>' };
  const parameters = (path[2] ?? '').split(' ').filter(Boolean);
  for (const parameter of parameters) {
    const size = /^SIZE=(\d{1,20})$/i.exec(parameter);
    if (size && Number(size[1]) > MESSAGE_BYTES) return { refusal: '552 5.3.4 Message size exceeds fixed limit' };
    if (!size && !/^(?:BODY=(?:7BIT|8BITMIME)|SMTPUTF8)$/i.test(parameter))
      return { refusal: `555 5.5.4 Unsupported parameter: ${parameter.slice(0, 80)}` };
  }
  const utf8 = parameters.some((parameter) => /^SMTPUTF8$/i.test(parameter));
  if (path[1] === '') return { address: '', utf8 };
  return checkMailbox(path[1]!, utf8);
}

/** @param utf8 whether MAIL FROM asked for SMTPUTF8 (RFC 6531 3.4) */
export function parseRcptTo(argument: string, utf8: boolean): Parsed {
  const path = /^TO:/i.test(argument) ? PATH.exec(argument.slice(3)) : null;
  if (!path) return { refusal: '501 5.5.4 Syntax: RCPT TO:<address>' };
  if (path[2]) return { refusal: `555 5.5.4 Unsupported parameter: ${path[2].slice(0, 80)}` };
  if (/^postmaster$/i.test(path[1]!)) return { address: path[1]!, utf8 };
  return checkMailbox(path[1]!, utf8);
}

function checkMailbox(address: string, utf8: boolean): Parsed {
  const mailbox = MAILBOX.exec(address);
  if (!mailbox) return { refusal: '501 5.1.3 Bad address syntax' };
  if (Buffer.byteLength(mailbox[1]!) > LOCAL_PART_BYTES)
    return { refusal: `501 5.1.3 Local part longer than ${LOCAL_PART_BYTES} octets` };
  if (Buffer.byteLength(mailbox[2]!) > DOMAIN_BYTES || Buffer.byteLength(address) > PATH_BYTES - 2)
    return { refusal: '501 5.1.3 Path too long' };
  if (!utf8 && /[^\x20-\x7e]/.test(address)) return { refusal: '553 5.6.7 Address needs SMTPUTF8' };
  return { address, utf8 };
}
