/**
 * The tokens of tracking: what a pixel, a link or an unsubscribe link says, and a MAC over it. Nothing of it is kept anywhere, and
 * nothing of it can be changed: whose mail, which copy, where a link leads, which group; nor the host name that it is asked for at,
 * so that no account's link answers at another's host (an open redirect for phishers, else).
 *
 * Two keys can be live (the secret's current and previous version): the first makes, both read. An unsubscribe token names its
 * reader's address, for it must work long after the copy's records are gone; so it is encrypted as well (the MAC is the
 * initialization vector: RFC 5297's construction), and nobody who sees a link in a log learns an address.
 * It refuses every spelling but the one it makes.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  type KeyObject,
  timingSafeEqual,
} from 'node:crypto';
import { COPY_BYTES, nameCopy, readCopyName } from '../address-token.ts';
import type { ReturnPath } from '../return-path.ts';
import { readDestination } from './destination.ts';

/** Made ready once from a secret: see `makeTrackingKey`. */
export type TrackingKey = { mac: KeyObject; cipher: KeyObject };

/** A link of a copy. `index`: which of the part's links, from 0 (SendGrid: `url_offset.index`). */
export type Click = ReturnPath & { url: string; index: number; part: 'html' | 'text' };

/** `list`: no mail of the group, or of the account where there is no group; `all`: none of the account; `preferences`: asks. */
export type UnsubscribeAction = 'list' | 'all' | 'preferences';
export type UnsubscribeLink = ReturnPath & {
  action: UnsubscribeAction;
  address: string;
  groupId?: number;
  /** Groups that the preferences page shows. */
  shown: readonly number[];
};

const MAC_BYTES = 10;
/** Of an unsubscribe token, where it is the initialization vector too. */
const TAG_BYTES = 16;
const TEXT = /^[A-Za-z0-9_-]+$/;
/** Characters of a token that are looked at: more is no request that API Gateway lets through. */
const TOKEN_CHARACTERS = 8_192;
const PARTS = ['html', 'text'] as const;
const ACTIONS = ['list', 'all', 'preferences'] as const;
/** Groups on a preferences page (SendGrid: `groups_to_display`). */
const SHOWN = 25;

/** @param secret as the secret store has it; at least 32 octets of it are random */
export function makeTrackingKey(secret: Buffer): TrackingKey {
  if (secret.length < 32) throw new Error('the tracking secret has fewer than 32 octets');
  const derive = (what: string) =>
    createSecretKey(createHmac('sha256', secret).update(`pennypost tracking ${what}`).digest());
  return { mac: derive('mac'), cipher: derive('cipher') };
}

/** @param host as a reader's browser names it: lower case, with its port where that is not 443 */
export function makeOpenToken({ account, requestId, index }: ReturnPath, host: string, key: TrackingKey): string {
  return sign('open', nameCopy(account, requestId, index), host, key);
}

export function readOpenToken(token: string, host: string, keys: readonly TrackingKey[]): ReturnPath | undefined {
  const named = verify('open', token, host, keys);
  return named?.length === COPY_BYTES ? readCopyName(named) : undefined;
}

/** @param copy `nameCopy`, which the links of a copy share */
export function makeClickToken(
  copy: Buffer,
  { url, index, part }: Pick<Click, 'url' | 'index' | 'part'>,
  host: string,
  key: TrackingKey,
): string {
  const octets = Buffer.byteLength(url);
  const named = Buffer.allocUnsafe(COPY_BYTES + 3 + octets);
  copy.copy(named);
  named.writeUInt16BE(index, COPY_BYTES);
  named[COPY_BYTES + 2] = PARTS.indexOf(part);
  named.write(url, COPY_BYTES + 3, 'utf8');
  return sign('click', named, host, key);
}

/** @returns undefined too where the destination is none that we would have put there */
export function readClickToken(token: string, host: string, keys: readonly TrackingKey[]): Click | undefined {
  const named = verify('click', token, host, keys);
  if (!named || named.length <= COPY_BYTES + 3) return undefined;
  const part = PARTS[named[COPY_BYTES + 2]!];
  const url = named.toString('utf8', COPY_BYTES + 3);
  if (!part || readDestination(url) !== url) return undefined;
  return { ...readCopyName(named), url, index: named.readUInt16BE(COPY_BYTES), part };
}

export function makeUnsubscribeToken(link: UnsubscribeLink, host: string, key: TrackingKey): string {
  const { account, requestId, index, action, address, groupId = 0, shown } = link;
  const numbers = Buffer.alloc(2 + 4 + 4 * shown.length);
  numbers[0] = ACTIONS.indexOf(action);
  numbers.writeUInt32BE(groupId, 1);
  numbers[5] = shown.length;
  for (const [n, id] of shown.entries()) numbers.writeUInt32BE(id, 6 + 4 * n);
  const named = Buffer.concat([nameCopy(account, requestId, index), numbers, Buffer.from(address)]);
  const tag = macOf('unsubscribe', named, host, key).subarray(0, TAG_BYTES);
  const cipher = createCipheriv('aes-256-ctr', key.cipher, tag);
  return Buffer.concat([tag, cipher.update(named), cipher.final()]).toString('base64url');
}

export function readUnsubscribeToken(
  token: string,
  host: string,
  keys: readonly TrackingKey[],
): UnsubscribeLink | undefined {
  const bytes = decode(token);
  if (!bytes || bytes.length <= TAG_BYTES + COPY_BYTES + 6) return undefined;
  const tag = bytes.subarray(0, TAG_BYTES);
  for (const key of keys) {
    const decipher = createDecipheriv('aes-256-ctr', key.cipher, tag);
    const named = Buffer.concat([decipher.update(bytes.subarray(TAG_BYTES)), decipher.final()]);
    const own = macOf('unsubscribe', named, host, key).subarray(0, TAG_BYTES);
    if (timingSafeEqual(own, tag)) return readUnsubscribeName(named);
  }
  return undefined;
}

function readUnsubscribeName(named: Buffer): UnsubscribeLink | undefined {
  const action = ACTIONS[named[COPY_BYTES]!];
  const groupId = named.readUInt32BE(COPY_BYTES + 1);
  const count = named[COPY_BYTES + 5]!;
  const from = COPY_BYTES + 6;
  if (!action || count > SHOWN || named.length <= from + 4 * count) return undefined;
  const shown = Array.from({ length: count }, (_, n) => named.readUInt32BE(from + 4 * n));
  const address = named.toString('utf8', from + 4 * count);
  return { ...readCopyName(named), action, address, shown, ...(groupId > 0 && { groupId }) };
}

function sign(purpose: string, named: Buffer, host: string, key: TrackingKey): string {
  const mac = macOf(purpose, named, host, key).subarray(0, MAC_BYTES);
  return Buffer.concat([named, mac]).toString('base64url');
}

/** What a token names. The MAC is compared in constant time, under every key. */
function verify(purpose: string, token: string, host: string, keys: readonly TrackingKey[]): Buffer | undefined {
  const bytes = decode(token);
  if (!bytes || bytes.length < COPY_BYTES + MAC_BYTES) return undefined;
  const named = bytes.subarray(0, -MAC_BYTES);
  const mac = bytes.subarray(-MAC_BYTES);
  let isOurs = false;
  for (const key of keys)
    if (timingSafeEqual(macOf(purpose, named, host, key).subarray(0, MAC_BYTES), mac)) isOurs = true;
  return isOurs ? named : undefined;
}

/** Purpose and host end in a zero, which neither has within: nothing can be moved from one to the other. */
function macOf(purpose: string, named: Buffer, host: string, { mac }: TrackingKey): Buffer {
  return createHmac('sha256', mac).update(`${purpose}\0${host}\0`).update(named).digest();
}

/** Only base64url without padding, and of that only the spelling that encoding gives (RFC 4648 3.5). */
function decode(token: string): Buffer | undefined {
  if (token.length > TOKEN_CHARACTERS || !TEXT.test(token)) return undefined;
  const bytes = Buffer.from(token, 'base64url');
  return bytes.toString('base64url') === token ? bytes : undefined;
}
