/**
 * Addresses: the Mailbox of RFC 5321 4.1.2, read in one pass over the text, so in linear time.
 * It accepts dot-strings and quoted strings as local part, and host names, also internationalised ones (RFC 5890),
 * which it gives in their ASCII form too. It refuses what cannot or must not be delivered to from a public service:
 * address literals and whatever a resolver reads as an IP address, names without a dot, comments and white space (RFC 5322
 * only), everything over the length limits, and, unless it is asked for, local parts beyond ASCII: only a host with SMTPUTF8
 * takes them (RFC 6531).
 */

/** `domain` as it was written; `asciiDomain` in lower case with A-labels, as DNS and SMTP take it. */
export type Mailbox = { local: string; domain: string; asciiDomain: string };

/** Octets (RFC 5321 4.5.3.1.1). */
const LOCAL_OCTETS = 64;
/** Octets (RFC 5321 4.5.3.1.2). */
const DOMAIN_OCTETS = 255;
/** Octets of one label (RFC 1035 2.3.4). */
const LABEL_OCTETS = 63;
/** Characters: SendGrid's limit, the sum of the two above with the at sign. */
export const ADDRESS_CHARACTERS = 320;

const ATEXT = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]$/;
const LABEL = /^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?$/;
/** Letters, marks, digits and hyphens; IDNA says the rest. Nothing that it would map to a dot, an at sign or nothing. */
const U_LABEL = /^[\p{L}\p{M}\p{N}-]+$/u;
/** Atoms with dots between (RFC 6531 3.3); beyond ASCII only letters, marks, digits and symbols: nothing that is not seen. */
const INTERNATIONAL =
  /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~\p{L}\p{M}\p{N}\p{S}-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~\p{L}\p{M}\p{N}\p{S}-]+)*$/u;
/** A last label that makes a resolver read the whole as an IPv4 address (URL Standard, "ends in a number"). */
const NUMERIC = /^(?:[0-9]+|0x[0-9a-f]*)$/i;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const AT = 0x40;
const DOT = 0x2e;

const isAtext = Array.from({ length: 128 }, (_, code) => ATEXT.test(String.fromCharCode(code)));

/**
 * Reads an address, or gives undefined where it is none.
 * @param smtpUtf8 a local part beyond ASCII is one, too, where it is a Dot-string (RFC 6531 3.3)
 */
export function readMailbox(text: string, smtpUtf8 = false): Mailbox | undefined {
  if (text.length > ADDRESS_CHARACTERS) return undefined;
  const isQuoted = text.charCodeAt(0) === QUOTE;
  if (smtpUtf8 && !isQuoted && !isAscii(text)) return readInternational(text);
  const at = isQuoted ? endOfQuotedString(text) : endOfDotString(text);
  if (at < 1 || at > LOCAL_OCTETS || text.charCodeAt(at) !== AT) return undefined;
  const domain = text.slice(at + 1);
  const asciiDomain = readDomain(domain);
  return asciiDomain === undefined ? undefined : { local: text.slice(0, at), domain, asciiDomain };
}

function readInternational(text: string): Mailbox | undefined {
  const at = text.indexOf('@');
  const [local, domain] = [text.slice(0, at), text.slice(at + 1)];
  const asciiDomain = readDomain(domain);
  if (at < 1 || asciiDomain === undefined || Buffer.byteLength(local) > LOCAL_OCTETS) return undefined;
  // RFC 6532 3.1: one spelling, so that who is suppressed in one is in the other.
  if (local.normalize('NFC') !== local || !INTERNATIONAL.test(local)) return undefined;
  return { local, domain, asciiDomain };
}

/**
 * The address as SMTP takes it: the local part untouched, an internationalised domain as A-labels. So SMTPUTF8 is needed only
 * where the local part is beyond ASCII.
 */
export function asciiAddress(mailbox: Mailbox): string {
  return isAscii(mailbox.domain) ? `${mailbox.local}@${mailbox.domain}` : `${mailbox.local}@${mailbox.asciiDomain}`;
}

/**
 * The ASCII form of a public host name in lower case, or undefined where it is none.
 * Refuses single labels, IP addresses and a trailing dot.
 */
export function readDomain(domain: string): string | undefined {
  if (domain.length > DOMAIN_OCTETS) return undefined;
  const ascii = isAscii(domain) ? domain.toLowerCase() : toALabels(domain);
  if (ascii === undefined || ascii.length > DOMAIN_OCTETS) return undefined;
  const labels = ascii.split('.');
  if (labels.length < 2 || NUMERIC.test(labels.at(-1)!)) return undefined;
  return labels.every((label) => label.length <= LABEL_OCTETS && LABEL.test(label)) ? ascii : undefined;
}

export function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}

/** The index behind a Dot-string (RFC 5321 4.1.2), or -1. */
function endOfDotString(text: string): number {
  let inAtom = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (isAtext[code]) inAtom = true;
    else if (!inAtom) return -1;
    else if (code === DOT) inAtom = false;
    else return i;
  }
  return -1;
}

/** The index behind a Quoted-string with qtextSMTP and quoted-pairSMTP only (RFC 5321 4.1.2), or -1. */
function endOfQuotedString(text: string): number {
  for (let i = 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) return i + 1;
    const character = code === BACKSLASH ? text.charCodeAt(++i) : code;
    if (!(character >= 0x20 && character <= 0x7e)) return -1;
  }
  return -1;
}

/** UTS 46 as the URL Standard applies it. A name must already be in its normal form, so that it has one spelling. */
function toALabels(domain: string): string | undefined {
  if (domain.normalize('NFKC') !== domain) return undefined;
  if (!domain.split('.').every((label) => U_LABEL.test(label))) return undefined;
  try {
    return new URL(`http://${domain}`).hostname;
  } catch {
    return undefined;
  }
}
