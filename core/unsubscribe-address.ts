/**
 * The address of a copy's List-Unsubscribe mailto (RFC 2369 3.2): who writes to it gets no more such mail. The local part is
 * `u` and a token (core/address-token.ts) that names account, request, copy and group. A return path is no such address, nor the
 * other way round: bounces come to the one by themselves.
 */
import { COPY_BYTES, makeToken, nameCopy, readCopyName, readToken, type TokenSecret } from './address-token.ts';
import type { ReturnPath } from './return-path.ts';

/** `groupId`: the unsubscribe group (SendGrid: `asm.group_id`); absent: no mail of the account any more. */
export type Unsubscription = ReturnPath & { groupId?: number };

const GROUP_BYTES = 4;
/** `u` and 60 characters: 61 of the 64 octets that a local part may have (RFC 5321 4.5.3.1.1). */
const KIND = { letter: 'u', purpose: 'unsubscribe', bytes: COPY_BYTES + GROUP_BYTES };

/** @param domain the return-path domain of the sender: `em.<domain>` */
export function makeUnsubscribeAddress({
  account,
  requestId,
  index,
  groupId = 0,
  secret,
  domain,
}: Unsubscription & { secret: TokenSecret; domain: string }): string {
  const group = Buffer.alloc(GROUP_BYTES);
  group.writeUInt32BE(groupId);
  return `${makeToken(KIND, Buffer.concat([nameCopy(account, requestId, index), group]), domain, secret)}@${domain}`;
}

/** What an unsubscribe address of ours says, or undefined when it is none. */
export function readUnsubscribeAddress(address: string, secret: TokenSecret): Unsubscription | undefined {
  const named = readToken(KIND, address, secret);
  if (!named) return undefined;
  const groupId = named.readUInt32BE(COPY_BYTES);
  return { ...readCopyName(named), ...(groupId > 0 && { groupId }) };
}
