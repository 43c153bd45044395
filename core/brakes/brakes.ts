/**
 * The brakes of an account, as they are kept: how many copies it may send in a day, and whether its bulk is paused. One item says
 * both; what was done to it, and why, is told by items of their own. Keys begin with the account, and are the only ones of the accounts
 * table that tally may write.
 */
import type { Seen } from './judge.ts';

/** Copies in one job, or one request, added ones apart (core/copies.ts), beyond which it is bulk: nobody waits for it at a screen. */
export const TRANSACTIONAL_COPIES = 10;

/** Why bulk is paused: a rate of the window, or a word of the operator's. */
export type PauseCause = 'bounces' | 'complaints' | 'operator';

export type Pause = {
  /** Milliseconds since the epoch. */
  at: number;
  cause: PauseCause;
  /** For people: which rate, of how many. */
  why: string;
};

export type Resume = {
  /** Milliseconds since the epoch. */
  at: number;
  by: 'account' | 'operator';
  /** What the window held then, by hour: it is not held against the account twice. */
  seen: Seen;
};

export type BrakesRecord = {
  /** `account#brakes`. */
  pk: string;
  sk: 'state';
  /** The operator's word on the daily cap, in the place of the settings'; null: none. */
  operatorCap?: number | null;
  /** The account's own, which only lowers it. */
  ownCap?: number;
  /** There while bulk is paused. */
  paused?: Pause;
  /** The last one. */
  resumed?: Resume;
};

/** What was done to an account's brakes. */
export type BrakeEvent = {
  event: 'bulk_paused' | 'bulk_resumed' | 'daily_cap_changed';
  /** Milliseconds since the epoch. */
  at: number;
  by: 'account' | 'operator' | 'pennypost';
  why: string;
};
export type BrakeEventRecord = BrakeEvent & { pk: string; sk: string };

/** Copies that were claimed of a day's cap, or of a subuser's credits; in the messages table. */
export type CreditsRecord = {
  /** `account#sent`. */
  pk: string;
  /** `YYYY-MM-DD`, UTC; or the counter of credits (core/subusers/credits.ts). */
  sk: string;
  claimed: number;
  /** Milliseconds since the epoch of the first request that was refused. */
  reachedAt?: number;
  /** Unix seconds; absent: it counts for good. */
  expiresAt?: number;
};

export const brakesKey = (account: string) => ({ pk: `${account}#brakes`, sk: 'state' as const });
/** Sorts by time as text. */
export const brakeEventKey = (account: string, { at, event }: Pick<BrakeEvent, 'at' | 'event'>) => ({
  pk: `${account}#brakes`,
  sk: `event#${String(at).padStart(15, '0')}#${event}`,
});
/** @param counter `YYYY-MM-DD`, UTC, or that of credits */
export const creditsKey = (account: string, counter: string) => ({ pk: `${account}#sent`, sk: counter });

/**
 * Where bulk of a paused account is held (holds table): under the account, and not by its time, so that it costs nothing while it waits.
 * A sweep, a hold like others, takes it out again.
 */
export const parkedPlace = (account: string) => `${account}#parked`;
export const parkedKey = (account: string, id: string, at: number) => ({
  pk: parkedPlace(account),
  sk: `${String(at).padStart(15, '0')}#${id}`,
});

/**
 * How many copies an account may send on a UTC day; undefined: as many as it likes.
 * @param byDefault of the settings
 */
export function capOf(brakes: Pick<BrakesRecord, 'operatorCap' | 'ownCap'> | undefined, byDefault?: number) {
  const { operatorCap = byDefault, ownCap } = brakes ?? {};
  const caps = [operatorCap ?? undefined, ownCap].filter((cap) => cap !== undefined);
  return caps.length === 0 ? undefined : Math.min(...caps);
}

export const pausedEvent = ({ at, cause, why }: Pause): BrakeEvent => ({
  event: 'bulk_paused',
  at,
  by: cause === 'operator' ? 'operator' : 'pennypost',
  why,
});

export const resumedEvent = ({ why }: Pause, { at, by }: Pick<Resume, 'at' | 'by'>): BrakeEvent => ({
  event: 'bulk_resumed',
  at,
  by,
  why: `paused because: ${why}`,
});
