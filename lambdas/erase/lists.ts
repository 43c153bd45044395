/** Lists of whom not to mail: who is on one stays on it, and nothing else is kept of him (core/erasure/lists.ts). */
import { forgetDetails, listsOf } from '../../core/erasure/lists.ts';
import type { SuppressionRecord } from '../../core/records/suppressions.ts';
import type { SuppressionChange } from '../../core/suppression.ts';
import type { Work } from './erase.ts';

export type ListDeps = {
  /** Those of these addresses that are on any list, by address in lower case. */
  readSuppressions: (account: string, addresses: readonly string[]) => Promise<Map<string, SuppressionRecord>>;
  readSuppression: (account: string, address: string) => Promise<SuppressionRecord | undefined>;
  /** False: nothing was to be changed. */
  changeSuppression: (
    whose: { account: string; address: string },
    decide: (before: SuppressionRecord | undefined) => SuppressionChange | undefined,
  ) => Promise<boolean>;
};

const AT_ONCE = 100;

export async function forgetLists(work: Work, deps: ListDeps): Promise<boolean> {
  const { job, account, addresses } = work;
  const until = Math.floor(job.createdAt / 1_000);
  for (let n = Number(job.from ?? 0); n < addresses.length; n += AT_ONCE) {
    const listed = await deps.readSuppressions(account, addresses.slice(n, n + AT_ONCE));
    for (const address of listed.keys()) {
      const decide = (before: SuppressionRecord | undefined) => forgetDetails(before, account, address, until);
      while (await deps.changeSuppression({ account, address }, decide)) work.count('suppression_details', 1);
      const record = await deps.readSuppression(account, address);
      for (const list of record ? listsOf(record) : []) job.kept[list] = (job.kept[list] ?? 0) + 1;
    }
    job.from = String(n + AT_ONCE);
    await work.save();
    if (!work.mayGoOn()) return false;
  }
  return true;
}
