/** What a server's answer to EHLO offers (RFC 5321 4.1.1.1), as far as we use it. What is not understood is not offered. */

export type Extensions = {
  starttls: boolean;
  pipelining: boolean;
  eightBitMime: boolean;
  smtpUtf8: boolean;
  /** RFC 1870: undefined when not offered, 0 when there is no fixed limit. Octets. */
  size?: number;
  /** SASL mechanisms, upper case. */
  auth: string[];
};

/** Of a server that only knows HELO. */
export const NO_EXTENSIONS: Extensions = {
  starttls: false,
  pipelining: false,
  eightBitMime: false,
  smtpUtf8: false,
  auth: [],
};

/** @param lines of the 250 to EHLO, without code; the first is a greeting */
export function readExtensions(lines: readonly string[]): Extensions {
  const found: Extensions = { ...NO_EXTENSIONS, auth: [] };
  for (const line of lines.slice(1)) {
    // `AUTH=PLAIN` is how servers said it before RFC 2554, and some still do.
    const [keyword, ...rest] = line.trim().toUpperCase().split(/[ =]+/);
    if (keyword === 'STARTTLS') found.starttls = true;
    else if (keyword === 'PIPELINING') found.pipelining = true;
    else if (keyword === '8BITMIME') found.eightBitMime = true;
    else if (keyword === 'SMTPUTF8') found.smtpUtf8 = true;
    else if (keyword === 'SIZE') found.size = /^\d{1,15}$/.test(rest[0] ?? '') ? Number(rest[0]) : 0;
    else if (keyword === 'AUTH') found.auth.push(...rest);
  }
  return found;
}
