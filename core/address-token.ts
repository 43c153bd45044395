/**
 * Tokens in local parts of addresses of ours: a letter, and base32 of what is named and a MAC of 80 bits over it, its
 * purpose and the domain. Case does not matter, because servers on the way may change it. A token of one purpose is none of
 * another, though one secret makes them all, and who holds one cannot make a second.
 */
import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';

/** The key of the MAC. As a KeyObject it is made ready once, which costs five times what a MAC does. */
export type TokenSecret = Buffer | KeyObject;

/** What a kind of token begins with, what its MAC begins with, and how many bytes it names. */
export type TokenKind = { letter: string; purpose: string; bytes: number };

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';
const MAC_BYTES = 10;
const TEXT = /^[a-z2-7]+$/;
/** Account ids are 8 characters of base32: 5 bytes. */
const ACCOUNT = /^[a-z2-7]{8}$/;
export const ACCOUNT_BYTES = 5;
export const REQUEST_ID_BYTES = 16;

/** @returns the local part */
export function makeToken({ letter, purpose, bytes }: TokenKind, named: Buffer, domain: string, secret: TokenSecret) {
  if (named.length !== bytes) throw new Error(`a token "${letter}" names ${bytes} bytes, not ${named.length}`);
  return letter + toBase32(Buffer.concat([named, mac(purpose, named, domain, secret)]));
}

/** What the token of an address names, or undefined when it is none of this kind. The MAC is compared in constant time. */
export function readToken(kind: TokenKind, address: string, secret: TokenSecret): Buffer | undefined {
  const at = address.lastIndexOf('@');
  const local = address.slice(0, Math.max(0, at)).toLowerCase();
  const whole = kind.bytes + MAC_BYTES;
  const text = local.slice(kind.letter.length);
  if (!local.startsWith(kind.letter) || text.length !== Math.ceil((whole * 8) / 5) || !TEXT.test(text))
    return undefined;
  const bytes = fromBase32(text);
  const named = bytes.subarray(0, kind.bytes);
  if (!timingSafeEqual(mac(kind.purpose, named, address.slice(at + 1), secret), bytes.subarray(kind.bytes, whole)))
    return undefined;
  // The characters carry some bits more than the bytes need; only one spelling is ours.
  return toBase32(bytes) === text ? named : undefined;
}

/** An account, a request and a copy's index, as tokens name them. @throws Error where one is no such thing */
export function nameCopy(account: string, requestId: string, index: number): Buffer {
  if (!ACCOUNT.test(account)) throw new Error(`account ${account} is not 8 characters of base32`);
  const id = Buffer.from(requestId, 'base64url');
  if (id.length !== REQUEST_ID_BYTES) throw new Error(`request id ${requestId} is not 16 bytes`);
  const named = Buffer.alloc(COPY_BYTES);
  fromBase32(account).copy(named);
  id.copy(named, ACCOUNT_BYTES);
  named.writeUInt16BE(index, ACCOUNT_BYTES + REQUEST_ID_BYTES);
  return named;
}

/** Bytes of `nameCopy`. */
export const COPY_BYTES = ACCOUNT_BYTES + REQUEST_ID_BYTES + 2;

export function readCopyName(named: Buffer): { account: string; requestId: string; index: number } {
  return {
    account: toBase32(named.subarray(0, ACCOUNT_BYTES)),
    requestId: named.subarray(ACCOUNT_BYTES, ACCOUNT_BYTES + REQUEST_ID_BYTES).toString('base64url'),
    index: named.readUInt16BE(ACCOUNT_BYTES + REQUEST_ID_BYTES),
  };
}

function mac(purpose: string, named: Buffer, domain: string, secret: TokenSecret): Buffer {
  return createHmac('sha256', secret)
    .update(Buffer.concat([Buffer.from(`${purpose}\0`), named, Buffer.from(domain.toLowerCase())]))
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
