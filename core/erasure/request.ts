/** `POST /v3/recipients/erasejob`: whose data are to be erased. It refuses a list with an entry that is no address, and names each. */
import { asciiAddress, readMailbox } from '../address.ts';
import type { ApiError } from '../errors.ts';

/** SendGrid: 5,000 addresses of one request. */
export const MOST_ADDRESSES = 5_000;
/** Faults that are told at once. */
const MOST_FAULTS = 100;
const FIELD = 'email_addresses';

export type ErasureRequest = { ok: true; addresses: string[] } | { ok: false; errors: ApiError[] };

/** An address as records of mail have it, in lower case; undefined: it is none. */
export function readErased(text: string): string | undefined {
  const mailbox = readMailbox(text.trim(), true);
  return mailbox && asciiAddress(mailbox).toLowerCase();
}

export function readErasure(body: unknown): ErasureRequest {
  const no = (...messages: string[]): ErasureRequest => ({
    ok: false,
    errors: messages.map((message) => ({ message, field: FIELD, help: null })),
  });
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return no('the body must be a JSON object');
  const given = (body as { email_addresses?: unknown }).email_addresses;
  if (!Array.isArray(given) || given.some((one) => typeof one !== 'string'))
    return no('email_addresses must be an array of addresses');
  if (given.length === 0) return no('email_addresses must have at least one address');
  if (given.length > MOST_ADDRESSES) return no(`email_addresses must not have more than ${MOST_ADDRESSES} addresses`);
  const addresses = new Set<string>();
  const faults: string[] = [];
  for (const text of given as string[]) {
    const address = readErased(text);
    if (address !== undefined) addresses.add(address);
    else if (faults.length < MOST_FAULTS) faults.push(`Email_address ${text.slice(0, 320)} is not valid`);
  }
  return faults.length > 0 ? no(...faults) : { ok: true, addresses: [...addresses] };
}
