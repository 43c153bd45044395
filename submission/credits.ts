/**
 * The daily cap of an account (core/brakes/credits.ts), as one process that accepts mail counts it. Without a cap nothing is read but the
 * account's brakes, once a minute, and nothing is written. It never gives out more than was claimed: where a table does not answer,
 * `take` rejects, and nothing may be accepted on the strength of it.
 */
import { type BrakesRecord, capOf } from '../core/brakes/brakes.ts';
import { creditBlock, dayOf } from '../core/brakes/credits.ts';
import { DAY_SECONDS } from '../core/limits.ts';

export type CreditsDeps = {
  /** Copies a day of an account of which nothing else is said; undefined: as many as it likes. */
  defaultCap?: number | undefined;
  /** Milliseconds since the epoch. */
  now: () => number;
  /** Kept for a minute. */
  readBrakes: (account: string) => Promise<Pick<BrakesRecord, 'operatorCap' | 'ownCap'> | undefined>;
  claimCredits: (
    account: string,
    day: string,
    claim: { needed: number; wanted: number; cap: number; expiresAt: number },
  ) => Promise<{ granted: number; claimed: number }>;
  markReached: (account: string, day: string, at: number) => Promise<void>;
  /** Tells, once a day and process, that an account has reached its cap. */
  publishReached: (account: string) => void;
};

export type Credits = {
  /**
   * Whether so many copies may be accepted now; they are counted then, by the account and by its parent where it has one. All of them, or
   * none.
   * @returns how to give them back when they are not accepted after all; undefined: they may not be
   */
  takeCredits: (account: string, copies: number, parent?: string) => Promise<GiveBack | undefined>;
};
export type GiveBack = () => void;

/** What is known of an account's day. */
type Day = { day: string; left: number; sent: number; claimed: number; told: boolean };

/** Accounts that are remembered. */
const ACCOUNTS = 10_000;
/** Days that a count is kept. */
const KEPT_DAYS = 35;

/** One for the life of a process. */
export function createCredits(deps: CreditsDeps): Credits {
  const days = new Map<string, Day>();
  /** One at a time for each account: two that find nothing left would claim twice. */
  const turns = new Map<string, Promise<unknown>>();

  const dayIn = (account: string): Day => {
    const day = dayOf(deps.now());
    const known = days.get(account);
    const own = known?.day === day ? known : { day, left: 0, sent: 0, claimed: 0, told: false };
    days.delete(account);
    days.set(account, own);
    if (days.size > ACCOUNTS) days.delete(days.keys().next().value!);
    return own;
  };
  /** What the operator says of a parent holds for all that is under him; the settings' cap is each account's own. */
  const capOfParent = async (parent: string): Promise<number | undefined> =>
    capOf(await deps.readBrakes(parent), undefined);
  const take = async (account: string, copies: number, cap: number): Promise<Day | undefined> => {
    const own = dayIn(account);
    const needed = copies - own.left;
    if (needed > 0 && !(await claim(account, own, needed, cap))) return undefined;
    own.left -= copies;
    own.sent += copies;
    return own;
  };
  const claim = async (account: string, own: Day, needed: number, cap: number): Promise<boolean> => {
    // What was claimed only grows: who is over costs no write.
    if (own.claimed + needed <= cap) {
      const wanted = creditBlock({ needed, sent: own.sent, left: cap - own.claimed });
      const expiresAt = Math.floor(deps.now() / 1_000) + KEPT_DAYS * DAY_SECONDS;
      const { granted, claimed } = await deps.claimCredits(account, own.day, { needed, wanted, cap, expiresAt });
      own.left += granted;
      own.claimed = claimed;
      if (granted > 0) return true;
    }
    if (!own.told) {
      own.told = true;
      deps.publishReached(account);
      // A note for people: the refusal does not hang on it.
      await deps.markReached(account, own.day, deps.now()).catch(() => undefined);
    }
    return false;
  };
  const takeOf = async (account: string, copies: number, cap: number | undefined): Promise<GiveBack | undefined> => {
    if (cap === undefined) return () => {};
    const taken = (turns.get(account) ?? Promise.resolve()).then(() => take(account, copies, cap));
    const turn = taken.catch(() => {});
    turns.set(account, turn);
    void turn.then(() => {
      if (turns.get(account) === turn) turns.delete(account);
    });
    const own = await taken;
    // To the day that they were taken of: another has none of them.
    return (
      own &&
      (() => {
        own.left += copies;
        own.sent -= copies;
      })
    );
  };
  return {
    takeCredits: async (account, copies, parent) => {
      const ofParent = parent === undefined ? () => {} : await takeOf(parent, copies, await capOfParent(parent));
      if (!ofParent) return undefined;
      try {
        const own = await takeOf(account, copies, capOf(await deps.readBrakes(account), deps.defaultCap));
        if (!own) ofParent();
        return (
          own &&
          (() => {
            own();
            ofParent();
          })
        );
      } catch (error) {
        ofParent();
        throw error;
      }
    },
  };
}
