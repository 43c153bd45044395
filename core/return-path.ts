/**
 * The return path of a copy (VERP): who bounced is told by the address that the bounce comes to. The local part is `b` and
 * a token (core/address-token.ts) that names account, request and copy. The same copy has the same return path at every attempt.
 * It refuses what it did not make: a stranger can neither forge a bounce nor learn of one.
 */
import { COPY_BYTES, makeToken, nameCopy, readCopyName, readToken, type TokenSecret } from './address-token.ts';

export type ReturnPathSecret = TokenSecret;

export type ReturnPath = { account: string; requestId: string; index: number };

/** `b` and 53 characters: 54 of the 64 octets that a local part may have (RFC 5321 4.5.3.1.1). */
const KIND = { letter: 'b', purpose: 'return-path', bytes: COPY_BYTES };

/**
 * @param index the copy's index, at most 65,535
 * @param domain the return-path domain of the sender: `em.<domain>`
 */
export function makeReturnPath({
  account,
  requestId,
  index,
  secret,
  domain,
}: ReturnPath & { secret: ReturnPathSecret; domain: string }): string {
  return `${makeToken(KIND, nameCopy(account, requestId, index), domain, secret)}@${domain}`;
}

/** What a return path of ours says, or undefined when it is none. */
export function readReturnPath(address: string, secret: ReturnPathSecret): ReturnPath | undefined {
  const named = readToken(KIND, address, secret);
  return named && readCopyName(named);
}
