/** What an account says of itself, one item of the accounts table: who is behind it, and, where no parent has them, its name and its address. */

/** SendGrid's fields of a profile (`/v3/user/profile`), by the names that it has for them. */
export const PROFILE_FIELDS = [
  'address',
  'address2',
  'city',
  'company',
  'country',
  'first_name',
  'last_name',
  'phone',
  'state',
  'website',
  'zip',
] as const;
export type ProfileField = (typeof PROFILE_FIELDS)[number];

/**
 * `username` and `email` are an account's without a parent: a subuser's are what its parent knows it by (core/records/subusers.ts), and never
 * here. What was not said is absent.
 */
export type ProfileRecord = { pk: string; sk: 'profile' } & Partial<
  Record<ProfileField | 'username' | 'email', string>
>;

export const profileKey = (account: string) => ({ pk: account, sk: 'profile' as const });
