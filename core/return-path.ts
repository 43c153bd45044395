/**
 * The return path of a copy (VERP): who bounced is told by the address that the bounce comes to. The local part is `b`
 * and base32 of request id, copy index and a MAC of 80 bits over them and the domain; case does not matter, because
 * servers on the way may change it. The same copy has the same return path at every attempt.
 * It refuses what it did not make: a stranger can neither forge a bounce nor learn of one.
 */
import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';
const ID_BYTES = 16;
const INDEX_BYTES = 2;
const MAC_BYTES = 10;
const BYTES = ID_BYTES + INDEX_BYTES + MAC_BYTES;
/** What the MAC is over begins with its purpose, so that the secret can have others. */
const PURPOSE = Buffer.from('return-path\0');
/** `b` and 45 characters: 46 of the 64 octets that a local part may have (RFC 5321 4.5.3.1.1). */
const LOCAL_PART = /^b[a-z2-7]{45}$/;

/** The key of the MAC. As a KeyObject it is made ready once, which costs five times what a MAC does. */
export type ReturnPathSecret = Buffer | KeyObject;

export type ReturnPath = { requestId: string; index: number };

/**
 * @param index the copy's index, at most 65,535
 * @param domain the return-path domain of the sender: `em.<domain>`
 */
export function makeReturnPath({
  requestId,
  index,
  secret,
  domain,
}: ReturnPath & { secret: ReturnPathSecret; domain: string }): string {
  const id = Buffer.from(requestId, 'base64url');
  if (id.length !== ID_BYTES) throw new Error(`request id ${requestId} is not 16 bytes`);
  const named = Buffer.alloc(ID_BYTES + INDEX_BYTES);
  id.copy(named);
  named.writeUInt16BE(index, ID_BYTES);
  return `b${toBase32(Buffer.concat([named, mac(named, domain, secret)]))}@${domain}`;
}

/** What a return path of ours says, or undefined when it is none. The MAC is compared in constant time. */
export function readReturnPath(address: string, secret: ReturnPathSecret): ReturnPath | undefined {
  const at = address.lastIndexOf('@');
  const local = address.slice(0, Math.max(0, at)).toLowerCase();
  if (!LOCAL_PART.test(local)) return undefined;
  const bytes = fromBase32(local.slice(1));
  const named = bytes.subarray(0, ID_BYTES + INDEX_BYTES);
  if (!timingSafeEqual(mac(named, address.slice(at + 1), secret), bytes.subarray(ID_BYTES + INDEX_BYTES, BYTES)))
    return undefined;
  // 45 characters carry one bit more than the bytes need; only one spelling is ours.
  if (toBase32(bytes) !== local.slice(1)) return undefined;
  return {
    requestId: named.subarray(0, ID_BYTES).toString('base64url'),
    index: named.readUInt16BE(ID_BYTES),
  };
}

function mac(named: Buffer, domain: string, secret: ReturnPathSecret): Buffer {
  return createHmac('sha256', secret)
    .update(Buffer.concat([PURPOSE, named, Buffer.from(domain.toLowerCase())]))
    .digest()
    .subarray(0, MAC_BYTES);
}

/** RFC 4648 6, lower case, without padding. */
function toBase32(bytes: Uint8Array): string {
  let text = '';
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    for (; bits >= 5; bits -= 5) text += ALPHABET[(value >>> (bits - 5)) & 31];
    value &= (1 << bits) - 1;
  }
  return bits > 0 ? text + ALPHABET[(value << (5 - bits)) & 31] : text;
}

function fromBase32(text: string): Buffer {
  const bytes = Buffer.alloc(Math.floor((text.length * 5) / 8));
  let bits = 0;
  let value = 0;
  let to = 0;
  for (const character of text) {
    value = (value << 5) | ALPHABET.indexOf(character);
    bits += 5;
    if (bits >= 8) {
      bytes[to++] = (value >>> (bits - 8)) & 255;
      bits -= 8;
    }
    value &= (1 << bits) - 1;
  }
  return bytes;
}
