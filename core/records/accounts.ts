/**
 * Accounts and their API keys. Every partition key of every table begins with the account, but for holds, whose partition is a shard, sites, whose
 * partition is a lane, and hosts. All tables have the key attributes `pk` and `sk` (strings), and `expiresAt` (unix seconds) for TTL where they have
 * one. TTL is late (up to days): readers compare the time themselves.
 */

/** The account of whoever deployed the stack. Account ids are 8 characters of a-z and 2-7. */
export const OPERATOR = 'operator';

/** An API key: its id in clear, the SHA-256 of its secret. The secret itself is shown once and kept nowhere. */
export type KeyRecord = {
  pk: string;
  sk: string;
  name: string;
  /** SHA-256 of the secret, hex. */
  secretHash: string;
  scopes: string[];
  createdAt: number;
};

export const keyKey = (account: string, id: string) => ({ pk: account, sk: `key#${id}` });
