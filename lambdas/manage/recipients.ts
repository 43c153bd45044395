/** What the routes of suppressions share: addresses as calls name them, and how a call is refused. */
import { asciiAddress, readMailbox } from '../../core/address.ts';
import { type ApiError, apiErrors } from '../../core/errors.ts';
import type { ListEntry, ListName } from '../../core/records/suppressions.ts';
import type { Range } from '../../io/suppression-lists.ts';
import type { Answer } from './manage.ts';

export type AddDeps = {
  /** Milliseconds since the epoch. */
  now: () => number;
  /** @returns how many were not on it */
  addMany: (
    account: string,
    list: ListName,
    entries: readonly { address: string; entry: ListEntry }[],
  ) => Promise<number>;
};

export const NOT_FOUND: Answer = { status: 404, errors: [apiErrors.notFound] };
/** Unix seconds, both ends included: all that a list holds. */
export const ALWAYS: Range = { since: 0, until: 99_999_999_999 };
export function refused(field: string | null, message: string, status = 400): Answer {
  const error: ApiError = { message, field, help: null };
  return { status, errors: [error] };
}

/** Puts the call's `recipient_emails` on a list, all or none. */
export async function addRecipients(
  account: string,
  list: ListName,
  body: unknown,
  { now, addMany }: AddDeps,
): Promise<Answer> {
  const read = readRecipients(body);
  if (!read.ok) return read.answer;
  const entry = { created: Math.floor(now() / 1_000) };
  await addMany(
    account,
    list,
    read.emails.map((email) => ({ address: asAddress(email), entry })),
  );
  return { status: 201, body: { recipient_emails: read.emails } };
}

export function readRecipients(body: unknown): { ok: true; emails: string[] } | { ok: false; answer: Answer } {
  const emails = (body as { recipient_emails?: unknown } | null | undefined)?.recipient_emails;
  if (!areStrings(emails))
    return { ok: false, answer: refused('recipient_emails', 'recipient_emails must be an array of addresses') };
  const wrong = emails.findIndex((email) => !readMailbox(email));
  if (wrong >= 0)
    return { ok: false, answer: refused(`recipient_emails.${wrong}`, 'each of recipient_emails must be an address') };
  return { ok: true, emails };
}

/** An address as lists have it: what is none is on no list. */
export function asAddress(email: string): string {
  const mailbox = readMailbox(email);
  return mailbox ? asciiAddress(mailbox) : email;
}

export function areStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}
