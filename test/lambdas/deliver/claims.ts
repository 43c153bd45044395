/** Claims of jobs as the messages table keeps them (`claimJob` in io/messages.ts), in memory. */
import type { ClaimRecord } from '../../../core/records/messages.ts';

/** @param claims by `pk/sk` */
export const claimIn =
  (claims: Map<string, ClaimRecord>, now: () => number) =>
  async (claim: ClaimRecord): Promise<'taken' | 'shared' | false> => {
    const key = `${claim.pk}/${claim.sk}`;
    const known = claims.get(key);
    const isStale = claim.part === undefined && (known?.hop ?? 0) > (claim.hop ?? 0);
    if (!known || known.fence === claim.fence || (known.until < now() && !isStale)) {
      claims.set(key, claim);
      return 'taken';
    }
    if (claim.part === undefined || known.part !== claim.part || claim.until <= now()) return false;
    claims.set(key, { ...claim, until: Math.max(claim.until, known.until) });
    return 'shared';
  };
