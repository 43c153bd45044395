/**
 * What an erasure leaves of suppressions. Whoever must not be mailed stays on his lists, for otherwise the next import of the sender's would
 * bring him back (GDPR Art. 17(3)(b) and 21(3), CAN-SPAM 16 CFR 316): his address and the time, and nothing that a server or he himself said.
 * Blocks suppress nobody, and go.
 */
import {
  type ListEntry,
  type ListName,
  listedKey,
  SUPPRESSION_LISTS,
  type SuppressionRecord,
} from '../records/suppressions.ts';
import { entryOf, removeFromList, type SuppressionChange, withEntry } from '../suppression.ts';

export const listsOf = (record: SuppressionRecord): ListName[] => [
  ...SUPPRESSION_LISTS.filter((list) => record[list] !== undefined),
  ...Object.keys(record.groups ?? {}).map((id): ListName => `group#${Number(id)}`),
];

const isBare = (entry: ListEntry) => Object.keys(entry).length === 1;

/**
 * The next change that an address's item needs; undefined: none.
 * @param until unix seconds: what was listed later is not the job's
 */
export function forgetDetails(
  before: SuppressionRecord | undefined,
  account: string,
  address: string,
  until: number,
): SuppressionChange | undefined {
  if (!before) return undefined;
  for (const list of listsOf(before)) {
    const entry = entryOf(before, list)!;
    if (entry.created > until) continue;
    if (list === 'blocks') return withLowerCase(removeFromList(before, { account, address, list })!, address);
    if (isBare(entry) && before.email === address) continue;
    const bare = { created: entry.created };
    return {
      record: { ...withEntry(before, list, bare), email: address },
      listed: { ...listedKey(account, list, entry.created, address), email: address, ...bare },
    };
  }
  return undefined;
}

const withLowerCase = (change: SuppressionChange, email: string): SuppressionChange => ({
  ...change,
  record: { ...change.record, email },
});
