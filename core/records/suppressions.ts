/** Items of the suppressions table: whom an account’s mail does not reach, by address and by list. Keys are spelt here, once. */
import type { Classification } from '../shaping/rule.ts';

/** SendGrid's lists of addresses (`/v3/suppression/…`, `/v3/asm/suppressions/global`). Those on `blocks` get mail all the same. */
export const SUPPRESSION_LISTS = ['bounces', 'blocks', 'spam_reports', 'invalid_emails', 'unsubscribes'] as const;
export type SuppressionList = (typeof SUPPRESSION_LISTS)[number];
/** One of them, or an unsubscribe group's. */
export type ListName = SuppressionList | `group#${number}`;

/** Why an address is on a list. */
export type ListEntry = {
  /** Unix seconds. */
  created: number;
  /** The reply or the report, at most 500 characters. */
  reason?: string;
  /** Enhanced status (RFC 3463) or the reply code. */
  status?: string;
  /** Where a complaint says that the mail was received from, or who unsubscribed. */
  ip?: string;
  /** Of a bounce that an attempt met: the copy (`<request id>#<index>`), so that its record can still be written after a crash. */
  copy?: string;
  /** Of blocks: how often. */
  times?: number;
  /** Of bounces and blocks: SendGrid's class of the reply. */
  classification?: Classification;
  /** Of blocks: unix seconds since when, one send after the other, DNS has not known the domain. */
  unknownSince?: number;
};

/**
 * All that an account's lists say of an address: one item, so that one strongly consistent read answers them all when mail is about
 * to be sent to it. Written together with the `ListedRecord` of each list it is on, in one transaction, each write under the
 * version that was read.
 */
export type SuppressionRecord = {
  pk: string;
  sk: 'address';
  /** As it was written when it was first listed. */
  email: string;
  /** Grows by one with each write. */
  version: number;
  /** By the group's id. */
  groups?: Record<string, ListEntry>;
} & Partial<Record<SuppressionList, ListEntry>>;

/** The same by list and time: what the API pages through. */
export type ListedRecord = ListEntry & { pk: string; sk: string; email: string };

export const suppressionKey = (account: string, address: string) => ({
  pk: `${account}#${address.toLowerCase()}`,
  sk: 'address' as const,
});
/** No address is without an at sign, so no address's key is a list's. */
export const listKey = (account: string, list: ListName) => `${account}#list#${list}`;
export const listedKey = (account: string, list: ListName, created: number, address: string) => ({
  pk: listKey(account, list),
  sk: `${String(created).padStart(11, '0')}#${address.toLowerCase()}`,
});
