/**
 * What limits how much an account sends, as one process that accepts mail counts it: the daily cap (core/brakes/credits.ts) and the credits
 * that its parent gives it (core/subusers/credits.ts). Without either nothing is read but the account's brakes, once a minute, and nothing is
 * written. It never gives out more than was claimed: where a table does not answer, `take` rejects, and nothing may be accepted on the
 * strength of it.
 */
import { type BrakesRecord, capOf } from '../core/brakes/brakes.ts';
import { creditBlock, dayOf } from '../core/brakes/credits.ts';
import { DAY_SECONDS } from '../core/limits.ts';
import type { Credits as GivenCredits } from '../core/records/subusers.ts';
import { counterOf } from '../core/subusers/credits.ts';

export type CreditsDeps = {
  /** Copies a day of an account of which nothing else is said; undefined: as many as it likes. */
  defaultCap?: number | undefined;
  /** Milliseconds since the epoch. */
  now: () => number;
  /** Kept for a minute. */
  readBrakes: (account: string) => Promise<Pick<BrakesRecord, 'operatorCap' | 'ownCap'> | undefined>;
  claimCredits: (
    account: string,
    counter: string,
    claim: { needed: number; wanted: number; cap: number; expiresAt?: number },
  ) => Promise<{ granted: number; claimed: number }>;
  markReached: (account: string, day: string, at: number) => Promise<void>;
  /** Tells, once a day and process, that an account has reached its cap. */
  publishReached: (account: string) => void;
};

/** What an account's parent says of its mail; without a parent nothing is said. */
export type Dependence = { parent?: string | undefined; credits?: GivenCredits | undefined };

export type Credits = {
  /**
   * Whether so many copies may be accepted now; they are counted then, by the account and by its parent where it has one. All of them, or
   * none.
   * @returns how to give them back when they are not accepted after all; undefined: they may not be
   */
  takeCredits: (account: string, copies: number, dependence?: Dependence) => Promise<GiveBack | undefined>;
};
export type GiveBack = () => void;

/** A limit at this moment: what counts it, and how many there are. */
type Limit = { of: 'cap' | 'credits'; account: string; counter: string; most: number; expiresAt?: number };

/** What is known of a counter. */
type Count = { counter: string; left: number; sent: number; claimed: number; told: boolean };

/** Counts that are remembered. */
const COUNTS = 10_000;
/** Days that a count is kept. */
const KEPT_DAYS = 35;

/** One for the life of a process. */
export function createCredits(deps: CreditsDeps): Credits {
  const counts = new Map<string, Count>();
  /** One at a time for each count: two that find nothing left would claim twice. */
  const turns = new Map<string, Promise<unknown>>();

  const keyOf = ({ account, of }: Limit) => `${account} ${of}`;
  const countOf = (limit: Limit): Count => {
    const { counter } = limit;
    const key = keyOf(limit);
    const known = counts.get(key);
    const own = known?.counter === counter ? known : { counter, left: 0, sent: 0, claimed: 0, told: false };
    counts.delete(key);
    counts.set(key, own);
    if (counts.size > COUNTS) counts.delete(counts.keys().next().value!);
    return own;
  };
  const take = async (copies: number, limit: Limit): Promise<Count | undefined> => {
    const own = countOf(limit);
    const needed = copies - own.left;
    if (needed > 0 && !(await claim(own, needed, limit))) return undefined;
    own.left -= copies;
    own.sent += copies;
    return own;
  };
  const claim = async (own: Count, needed: number, limit: Limit): Promise<boolean> => {
    const { of, account, most: cap, expiresAt } = limit;
    // What was claimed only grows: who is over costs no write.
    if (own.claimed + needed <= cap) {
      const wanted = creditBlock({ needed, sent: own.sent, left: cap - own.claimed }, of);
      const { granted, claimed } = await deps.claimCredits(account, own.counter, {
        ...{ needed, wanted, cap },
        ...(expiresAt === undefined ? {} : { expiresAt }),
      });
      own.left += granted;
      own.claimed = claimed;
      if (granted > 0) return true;
    }
    // Who has used up his credits has got what was agreed: that is no matter for the operator.
    if (!own.told && of === 'cap') {
      own.told = true;
      deps.publishReached(account);
      // A note for people: the refusal does not hang on it.
      await deps.markReached(account, own.counter, deps.now()).catch(() => undefined);
    }
    return false;
  };
  const takeOf = async (copies: number, limit: Limit): Promise<GiveBack | undefined> => {
    const key = keyOf(limit);
    const taken = (turns.get(key) ?? Promise.resolve()).then(() => take(copies, limit));
    const turn = taken.catch(() => {});
    turns.set(key, turn);
    void turn.then(() => {
      if (turns.get(key) === turn) turns.delete(key);
    });
    const own = await taken;
    // To the count that they were taken of: another has none of them.
    return (
      own &&
      (() => {
        own.left += copies;
        own.sent -= copies;
      })
    );
  };

  const kept = (from: number) => Math.floor(from / 1_000) + KEPT_DAYS * DAY_SECONDS;
  const capLimit = async (account: string, byDefault: number | undefined): Promise<Limit | undefined> => {
    const cap = capOf(await deps.readBrakes(account), byDefault);
    const now = deps.now();
    return cap === undefined ? undefined : { of: 'cap', account, counter: dayOf(now), most: cap, expiresAt: kept(now) };
  };
  const creditLimit = (account: string, credits: GivenCredits | undefined): Limit | undefined => {
    const counter = credits && counterOf(credits, deps.now());
    if (!counter) return undefined;
    const { name, limit: most, until } = counter;
    return { of: 'credits', account, counter: name, most, ...(until === undefined ? {} : { expiresAt: kept(until) }) };
  };

  return {
    takeCredits: async (account, copies, { parent, credits } = {}) => {
      const taken: GiveBack[] = [];
      const giveBack = () => {
        for (const one of taken) one();
      };
      const limits = [
        // What the operator says of a parent holds for all that is under him; the settings' cap is each account's own.
        async () => (parent === undefined ? undefined : capLimit(parent, undefined)),
        () => capLimit(account, deps.defaultCap),
        async () => creditLimit(account, credits),
      ];
      try {
        for (const limitOf of limits) {
          const limit = await limitOf();
          const one = limit ? await takeOf(copies, limit) : () => {};
          if (!one) {
            giveBack();
            return undefined;
          }
          taken.push(one);
        }
      } catch (error) {
        giveBack();
        throw error;
      }
      return giveBack;
    },
  };
}
