/**
 * What an account may say of itself (SendGrid: `/v3/user/profile`, `/v3/user/email`). Nothing of it is looked into but the address, which must be
 * one that mail can go to; it refuses, naming the field, what is no text, is long, or has control characters in it.
 */
import { ADDRESS_CHARACTERS, readMailbox } from '../address.ts';
import type { ApiError } from '../errors.ts';
import { fieldsOf } from '../fields.ts';
import { PROFILE_FIELDS, type ProfileField, type ProfileRecord } from '../records/profile.ts';

/** Characters of a field. */
const LONGEST = 255;

export type Profile = Record<ProfileField, string>;
type Read<T> = ({ ok: true } & T) | { ok: false; errors: ApiError[] };

/** What a call changes of a profile: one field at least (SendGrid). `''` empties one. */
export function readProfileChange(body: unknown): Read<{ change: Partial<Profile> }> {
  const fields = fieldsOf(body);
  const change: Partial<Profile> = {};
  for (const field of PROFILE_FIELDS) {
    if (!fields.has(field)) continue;
    const value = (body as Record<string, unknown>)[field];
    if (typeof value !== 'string') fields.refuse(field, `${field} must be text`);
    else change[field] = value.trim() === '' ? '' : fields.text(field, { most: LONGEST });
  }
  if (fields.errors.length === 0 && Object.keys(change).length === 0)
    fields.refuse(null, `one field at least is required: ${PROFILE_FIELDS.join(', ')}`);
  return fields.errors.length > 0 ? { ok: false, errors: fields.errors } : { ok: true, change };
}

/** All fields, as SendGrid shows them: what was not said is empty. */
export const showProfile = (record: ProfileRecord | undefined): Profile =>
  Object.fromEntries(PROFILE_FIELDS.map((field) => [field, record?.[field] ?? ''])) as Profile;

/** The address of a call, as it was written. */
export function readEmail(body: unknown): Read<{ email: string }> {
  const fields = fieldsOf(body);
  const email = fields.text('email', { most: ADDRESS_CHARACTERS });
  if (fields.errors.length === 0 && !readMailbox(email)) fields.refuse('email', 'email must be an email address');
  return fields.errors.length > 0 ? { ok: false, errors: fields.errors } : { ok: true, email };
}
