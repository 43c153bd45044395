/** Unsubscribe groups, in the accounts table; who is in one is on its list (core/records/suppressions.ts). Keys are spelt here, once. */

/** An unsubscribe group (SendGrid: `asm/groups`). Its readers are on the list `group#<id>`. */
export type GroupRecord = {
  pk: string;
  sk: string;
  /** Whole numbers from 1, in the order in which an account's groups were made; none is used twice. */
  id: number;
  name: string;
  description: string;
  isDefault: boolean;
  /** Milliseconds since the epoch. */
  createdAt: number;
};

/** Which groups an account has: one item says it, and every change of a group is written under its version. */
export type GroupsRecord = {
  pk: string;
  sk: 'groups';
  ids: number[];
  /** The last id that was given. */
  last: number;
  version: number;
};

export const groupKey = (account: string, id: number) => ({ pk: account, sk: `group#${id}` });
export const groupsKey = (account: string) => ({ pk: account, sk: 'groups' as const });
