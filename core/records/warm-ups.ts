/**
 * What the operator said of warm-ups by the API, over the settings' `warmUpFrom`: one item of the operator's in the accounts table, with an
 * attribute for each lane, so that one read tells a lane of all of its pool.
 */
import { OPERATOR } from './accounts.ts';

/** The last word on a lane's warm-up. */
export type WarmUpWord = {
  /** Milliseconds since the epoch at which it was started; absent: it was stopped. */
  startedAt?: number;
  /** The settings' `warmUpFrom` that it is said over. Once that is another, the settings are the last word. */
  over: string | null;
};

export type WarmUpsRecord = { pk: string; sk: 'warm-ups' } & Record<`lane#${string}`, WarmUpWord>;

export const warmUpsKey = () => ({ pk: OPERATOR, sk: 'warm-ups' as const });
export const warmUpAttribute = (lane: string) => `lane#${lane}` as const;
