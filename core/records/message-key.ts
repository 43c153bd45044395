/**
 * Where records of mail lie in the messages table. A request has a partition of its own, but for a request to one reader: its id names the
 * reader's bucket, a partition that he shares with some few others, and his records lie there in the order of time. So what one reader
 * had is found without an index, whose entries would cost as much as the records. Any other copy is found by the index.
 *
 *   account#requestId   request            0000           0000#000#deferred
 *   account#to#bucket   <id>#request       <id>#0000      <id>#0000#000#deferred      `id`: the request's, so written that it sorts by time
 */
import { createHash } from 'node:crypto';
import { requestIdBucket } from '../ids.ts';

export type MessageKey = { pk: string; sk: string };
/** `part`: `request`, or a copy's index, alone (its outcome) or with what else of it the item is. */
export type MessageName = { account: string; requestId: string; part: string };

const IN_BUCKET = 'to';
/** Six hexadecimal digits, 16.7 million buckets: ten million messages a day leave some twenty a month in each. */
const BUCKET_DIGITS = 6;
/** Hexadecimal digits of a UUID. */
const ID_DIGITS = 32;

export const recipientKey = (account: string, address: string) => `${account}#${address.toLowerCase()}`;
/** The address that a `recipientKey` is of. */
export const addressIn = (recipient: string) => recipient.slice(recipient.indexOf('#') + 1);

/** The bucket of an account's reader: what `makeRequestId` is given for a request to him alone. */
export function bucketOf(account: string, address: string): string {
  return createHash('sha256').update(recipientKey(account, address)).digest('hex').slice(0, BUCKET_DIGITS);
}

/** The bucket of whom a request is to, if that is one reader. */
export function bucketOfOne(account: string, addresses: readonly string[]): string | undefined {
  return addresses.length === 1 ? bucketOf(account, addresses[0]!) : undefined;
}

/** What the names of a copy's records begin with. */
export const copyPart = (index: number) => String(index).padStart(4, '0');

export function messageKey(account: string, requestId: string, part: string): MessageKey {
  const bucket = requestIdBucket(requestId);
  if (bucket === undefined) return { pk: `${account}#${requestId}`, sk: part };
  return { pk: bucketKey(account, bucket), sk: `${Buffer.from(requestId, 'base64url').toString('hex')}#${part}` };
}

export const bucketKey = (account: string, bucket: string) => `${account}#${IN_BUCKET}#${bucket}`;

/** Behind every key in a bucket of a request that was accepted until then. @param at milliseconds since the epoch */
export const bucketEnd = (at: number) => `${Math.max(0, Math.floor(at)).toString(16).padStart(12, '0')}g`;

/** What an item is a record of; undefined: no request's (an idempotency key, a day's credits). */
export function messageName({ pk, sk }: Readonly<Record<string, unknown>>): MessageName | undefined {
  if (typeof pk !== 'string' || typeof sk !== 'string') return undefined;
  const [account = '', place = '', bucket, ...more] = pk.split('#');
  if (account === '' || place === '' || more.length > 0) return undefined;
  if (bucket === undefined) return { account, requestId: place, part: sk };
  if (place !== IN_BUCKET || sk[ID_DIGITS] !== '#') return undefined;
  const requestId = Buffer.from(sk.slice(0, ID_DIGITS), 'hex').toString('base64url');
  return { account, requestId, part: sk.slice(ID_DIGITS + 1) };
}

/** Whether an item is a request's own record. */
export const isRequestRecord = (item: Readonly<Record<string, unknown>>): boolean =>
  messageName(item)?.part === 'request';

/** Of which copy an item is a record; undefined: of none. */
export function copyIndexOf(item: Readonly<Record<string, unknown>>): number | undefined {
  const [index] = /^\d{4,}(?=#|$)/.exec(messageName(item)?.part ?? '') ?? [];
  return index === undefined ? undefined : Number(index);
}

/** The copy that a record of one reader's is about, his request's own included, since that is of his copy, the first. */
export function copyNamed(item: Readonly<Record<string, unknown>>): { requestId: string; index: number } | undefined {
  const name = messageName(item);
  return name && { requestId: name.requestId, index: copyIndexOf(item) ?? 0 };
}

/**
 * Whose a record is. `recipient`: `account#address`, lower case. `indexedRecipient`: the same, the key of the index `byRecipient`, of what does
 * not lie in the bucket of its own reader.
 */
export type Owner = { recipient: string; indexedRecipient?: string };

export function ownerOf(account: string, requestId: string, address: string): Owner {
  const recipient = recipientKey(account, address);
  const bucket = requestIdBucket(requestId);
  const isHis = bucket !== undefined && bucket === bucketOf(account, address);
  return isHis ? { recipient } : { recipient, indexedRecipient: recipient };
}
