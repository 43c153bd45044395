/** Domains of addresses in the one form that DNS, DKIM and the envelope use: ASCII (IDNA A-labels), lower case. */
import { domainToASCII } from 'node:url';

/** The ASCII form of a domain, or undefined when it has none. */
export function toAsciiDomain(domain: string): string | undefined {
  const lower = domain.toLowerCase();
  if (/^[\x21-\x7e]+$/.test(lower)) return lower;
  // Only what a host name may hold goes to the URL parser behind it, which would find ports and paths in the rest.
  if (!/^[\p{L}\p{M}\p{N}.\u3002\uff0e\uff61-]+$/u.test(lower)) return undefined;
  return domainToASCII(lower) || undefined;
}

/** The domain of an address, ASCII where it has an ASCII form, else as it stands. */
export function domainOf(address: string): string {
  const domain = address.slice(address.lastIndexOf('@') + 1);
  return toAsciiDomain(domain) ?? domain.toLowerCase();
}

/** An address as the envelope carries it: the local part as it is (case may matter), the domain in ASCII. */
export function toEnvelopeAddress(address: string): string {
  return `${address.slice(0, address.lastIndexOf('@') + 1)}${domainOf(address)}`;
}
