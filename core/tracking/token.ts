/**
 * The tokens of tracking: what a pixel, a link or an unsubscribe link says, and a MAC over it. Nothing of it is kept anywhere, and
 * nothing of it can be changed: whose mail, which copy, where a link leads, which group; nor the host name that it is asked for at,
 * so that no account's link answers at another's host (an open redirect for phishers, else).
 *
 * Two keys can be live (the secret's current and previous version): the first makes, both read. A token names its reader's
 * address, for it must work long after the copy's records are gone, and without reading any; so it is encrypted as well (the MAC
 * is the initialization vector: RFC 5297's construction), and nobody who sees a link in a log learns an address from it.
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

/** A copy and its one reader. */
export type Opened = ReturnPath & { address: string };
/** A link of a copy. `index`: which of the part's links, from 0 (SendGrid: `url_offset.index`). */
export type Link = { url: string; index: number; part: 'html' | 'text' };
export type Click = Opened & { link: Link };

/** `list`: no mail of the group, or of the account where there is no group; `all`: none of the account; `preferences`: asks. */
export type UnsubscribeAction = 'list' | 'all' | 'preferences';
export type UnsubscribeLink = Opened & {
  action: UnsubscribeAction;
  groupId?: number;
  /** Groups that the preferences page shows. */
  shown: readonly number[];
};

/** Of the MAC, which is the initialization vector too. */
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

/**
 * What all tokens of a copy begin with.
 * @throws Error where it is none of ours
 */
export function nameReader({ account, requestId, index, address }: Opened): Buffer {
  const email = Buffer.from(address);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(email.length);
  return Buffer.concat([nameCopy(account, requestId, index), length, email]);
}

/**
 * @param reader `nameReader`
 * @param host as a reader's browser names it: lower case, with its port where that is not 443
 */
export function makeOpenToken(reader: Buffer, host: string, key: TrackingKey): string {
  return seal('open', reader, host, key);
}

export function readOpenToken(token: string, host: string, keys: readonly TrackingKey[]): Opened | undefined {
  const read = unseal('open', token, host, keys);
  return read?.rest.length === 0 ? read.opened : undefined;
}

export function makeClickToken(reader: Buffer, { url, index, part }: Link, host: string, key: TrackingKey): string {
  const named = Buffer.allocUnsafe(reader.length + 3 + Buffer.byteLength(url));
  reader.copy(named);
  named.writeUInt16BE(index, reader.length);
  named[reader.length + 2] = PARTS.indexOf(part);
  named.write(url, reader.length + 3, 'utf8');
  return seal('click', named, host, key);
}

/** @returns undefined too where the destination is none that we would have put there */
export function readClickToken(token: string, host: string, keys: readonly TrackingKey[]): Click | undefined {
  const read = unseal('click', token, host, keys);
  if (!read || read.rest.length <= 3) return undefined;
  const { opened, rest } = read;
  const part = PARTS[rest[2]!];
  const url = rest.toString('utf8', 3);
  if (!part || readDestination(url) !== url) return undefined;
  return { ...opened, link: { url, index: rest.readUInt16BE(0), part } };
}

export function makeUnsubscribeToken(
  reader: Buffer,
  { action, groupId = 0, shown }: Pick<UnsubscribeLink, 'action' | 'groupId' | 'shown'>,
  host: string,
  key: TrackingKey,
): string {
  const numbers = Buffer.alloc(5 + 4 * shown.length);
  numbers[0] = ACTIONS.indexOf(action);
  for (const [n, id] of [groupId, ...shown].entries()) numbers.writeUInt32BE(id, 1 + 4 * n);
  return seal('unsubscribe', Buffer.concat([reader, numbers]), host, key);
}

export function readUnsubscribeToken(
  token: string,
  host: string,
  keys: readonly TrackingKey[],
): UnsubscribeLink | undefined {
  const read = unseal('unsubscribe', token, host, keys);
  if (!read) return undefined;
  const { opened, rest } = read;
  const action = ACTIONS[rest[0] ?? ACTIONS.length];
  const numbers = (rest.length - 1) / 4;
  if (!action || !Number.isInteger(numbers) || numbers < 1 || numbers > SHOWN + 1) return undefined;
  const [groupId = 0, ...shown] = Array.from({ length: numbers }, (_, n) => rest.readUInt32BE(1 + 4 * n));
  return { ...opened, action, shown, ...(groupId > 0 && { groupId }) };
}

function seal(purpose: string, named: Buffer, host: string, key: TrackingKey): string {
  const tag = macOf(purpose, named, host, key);
  const cipher = createCipheriv('aes-256-ctr', key.cipher, tag);
  return Buffer.concat([tag, cipher.update(named)]).toString('base64url');
}

/** What a token names. The MAC is compared in constant time, under each key. */
function unseal(purpose: string, token: string, host: string, keys: readonly TrackingKey[]) {
  const bytes = decode(token);
  if (!bytes || bytes.length < TAG_BYTES + COPY_BYTES + 2) return undefined;
  const tag = bytes.subarray(0, TAG_BYTES);
  for (const key of keys) {
    const named = createDecipheriv('aes-256-ctr', key.cipher, tag).update(bytes.subarray(TAG_BYTES));
    if (timingSafeEqual(macOf(purpose, named, host, key), tag)) return readName(named);
  }
  return undefined;
}

function readName(named: Buffer): { opened: Opened; rest: Buffer } | undefined {
  const until = COPY_BYTES + 2 + named.readUInt16BE(COPY_BYTES);
  if (until > named.length) return undefined;
  const address = named.toString('utf8', COPY_BYTES + 2, until);
  return { opened: { ...readCopyName(named), address }, rest: named.subarray(until) };
}

/** Purpose and host end in a zero, which neither has within: nothing can be moved from one to the other. */
function macOf(purpose: string, named: Buffer, host: string, { mac }: TrackingKey): Buffer {
  return createHmac('sha256', mac).update(`${purpose}\0${host}\0`).update(named).digest().subarray(0, TAG_BYTES);
}

/** Only base64url without padding, and of that only the spelling that encoding gives (RFC 4648 3.5). */
function decode(token: string): Buffer | undefined {
  if (token.length > TOKEN_CHARACTERS || !TEXT.test(token)) return undefined;
  const bytes = Buffer.from(token, 'base64url');
  return bytes.toString('base64url') === token ? bytes : undefined;
}
