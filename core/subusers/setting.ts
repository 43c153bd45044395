/**
 * Subusers as the API makes and shows them (SendGrid: `/v3/subusers`). It refuses, naming the field, a name that another path of the API
 * has, an address that is none, an IP that the stack has not. There are no web pages to log in to, so a password is asked for as
 * SendGrid does, and kept nowhere.
 */
import { readMailbox } from '../address.ts';
import type { ApiError } from '../errors.ts';
import { type Fields, fieldsOf } from '../fields.ts';
import { type SubuserRecord, userIdOf } from '../records/subusers.ts';

/** Subusers of an account. */
export const MOST_SUBUSERS = 5_000;
/** Source addresses of a subuser. */
const IPS = 100;
const USERNAME = /^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$/;
/** What stands in a subuser's place in other paths. */
const TAKEN: ReadonlySet<string> = new Set(['stats', 'reputations']);

export type NewSubuser = Pick<SubuserRecord, 'username' | 'email' | 'ips'>;

/** @param stackIps the source addresses that there are */
export function readNewSubuser(
  body: unknown,
  stackIps: readonly string[],
): { ok: true; subuser: NewSubuser } | { ok: false; errors: ApiError[] } {
  const fields = fieldsOf(body);
  const username = usernameIn(fields);
  const email = fields.text('email', { most: 320 });
  if (email !== '' && !readMailbox(email)) fields.refuse('email', 'email must be an email address');
  fields.text('password', { most: 1_024 });
  const ips = fields.texts('ips', { most: IPS, each: 'IP address of this stack', fits: (ip) => stackIps.includes(ip) });
  if (fields.errors.length > 0) return { ok: false, errors: fields.errors };
  return { ok: true, subuser: { username, email, ips } };
}

/** What an account is to be called from now on: a subuser as one that is made, and its parent the same way. */
export function readUsername(body: unknown): { ok: true; username: string } | { ok: false; errors: ApiError[] } {
  const fields = fieldsOf(body);
  const username = usernameIn(fields);
  return fields.errors.length > 0 ? { ok: false, errors: fields.errors } : { ok: true, username };
}

function usernameIn(fields: Fields): string {
  const username = fields.text('username', { most: 64 });
  if (username !== '' && (!USERNAME.test(username) || TAKEN.has(username.toLowerCase())))
    fields.refuse('username', 'username must be letters, digits and . _ @ + -, and no word of the API');
  return username;
}

/** @param body an array (SendGrid) */
export function readIps(
  body: unknown,
  stackIps: readonly string[],
): { ok: true; ips: string[] } | { ok: false; errors: ApiError[] } {
  const fields = fieldsOf({ ips: body });
  const ips = fields.texts('ips', { most: IPS, each: 'IP address of this stack', fits: (ip) => stackIps.includes(ip) });
  return fields.errors.length > 0 ? { ok: false, errors: fields.errors } : { ok: true, ips };
}

export const showSubuser = ({ account, username, email, disabled }: SubuserRecord) => ({
  id: userIdOf(account),
  username,
  email,
  disabled,
});

export const showNewSubuser = ({ account, username, email, credits }: SubuserRecord) => ({
  username,
  user_id: userIdOf(account),
  email,
  credit_allocation: { type: credits.type },
});
