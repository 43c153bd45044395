/**
 * What this environment knows of the allowances of its lane (core/shaping/allowance.ts): read in one query, kept between
 * runs for some seconds, changed here at once and in the table as soon as it goes. Where the table cannot be read or
 * written, mail goes on with what is known: a limit lost costs a deferral, mail held back costs more.
 */
import { randomUUID } from 'node:crypto';
import {
  type Allowance,
  type Allowed,
  allow,
  type Complaint,
  cut,
  growOrRemove,
  reserve,
} from '../../core/shaping/allowance.ts';
import type { Act, SiteLimits } from '../../core/shaping/rule.ts';

export type AllowanceDeps = {
  lane: string;
  /** Milliseconds since the epoch. */
  now: () => number;
  /** All of the lane that differ from their provider's limits. */
  readAllowances: (lane: string) => Promise<Map<string, Allowance>>;
  /** Reads one strongly, changes it, writes it on the condition that nobody else has; returns what is in the table then. */
  changeAllowance: (
    lane: string,
    scope: string,
    change: (known: Allowance | undefined) => Allowance | 'remove' | undefined,
  ) => Promise<Allowance | undefined>;
  takeLease: (lane: string, scope: string, fence: string, until: number, now: number) => Promise<boolean>;
  endLease: (lane: string, scope: string, fence: string) => Promise<void>;
  report: (problem: string) => void;
};

export type Allowances = {
  /** Reads what others have changed, unless that was done a moment ago. Never throws. */
  refresh: () => Promise<void>;
  allowed: (scope: string, limits: SiteLimits) => Allowed;
  of: (scope: string) => Allowance | undefined;
  /** The scopes that some quota of this scope's has: `google#dkim#example.com`. */
  governed: (scope: string) => string[];
  /** A complaint. True: it changes what may be done. */
  cut: (scope: string, limits: SiteLimits, act: Act, told: Told) => boolean;
  /** Messages that went well since the last change. True: the limit has grown. */
  grow: (scope: string, limits: SiteLimits, successes: number) => boolean;
  /** Turns for so many copies, one after the other: from when (milliseconds since the epoch), and for how many. */
  reserve: (scope: string, limits: SiteLimits, copies: number, perMinute: number) => Promise<Turn[]>;
  /** Whether one more connection may be opened within this minute of `perMinute`; it is counted if so. */
  open: (scope: string, perMinute: number) => boolean;
  /** Messages a minute that one connection took lately, by scope: what a run begins with. */
  paces: Map<string, number>;
  /** The only session that a limit of one leaves to both environments. */
  lease: (scope: string, until: number) => Promise<boolean>;
  endLease: (scope: string) => Promise<void>;
  /** Waits until all that was changed is in the table, or was given up. */
  flush: () => Promise<void>;
};

export type Turn = { from: number; copies: number };
export type Told = Omit<Complaint, 'now'>;

/** Milliseconds for which the other environment's changes may go unseen. */
const FRESH = 10_000;
/** What is waited for when a turn could not be reserved: a minute. */
const NO_TURN = 60_000;
/** Milliseconds for which the table is left alone after it did not answer: many writes that each wait would outlast a run. */
const BROKEN = 10_000;
const MINUTE = 60_000;

/** One for the life of an environment. */
export function openAllowances(deps: AllowanceDeps): Allowances {
  const { lane, now } = deps;
  // Of the environment, not of a run: one that ended badly takes its own lease again.
  const fence = randomUUID();
  let known = new Map<string, Allowance>();
  let readAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;
  /** Scopes that were learnt of while a read was under way: it may have been too early for them. */
  let learnt = new Set<string>();
  let brokenUntil = Number.NEGATIVE_INFINITY;
  /** Governed keys by scope, as long as none comes or goes: asked for every copy. */
  const governed = new Map<string, string[]>();
  /** When connections were opened in the last minute. */
  const opened = new Map<string, number[]>();
  /** Changes of one scope go one after the other; a read must not undo what is still on its way. */
  const writing = new Map<string, Promise<void>>();

  const read = async () => {
    learnt = new Set();
    try {
      const fresh = await deps.readAllowances(lane);
      for (const scope of [...writing.keys(), ...learnt]) {
        const own = known.get(scope);
        if (own) fresh.set(scope, own);
        else fresh.delete(scope);
      }
      known = fresh;
      governed.clear();
    } catch (error) {
      deps.report(`the lane's limits cannot be read: ${(error as Error).message}`);
    }
    readAt = now();
  };
  const learn = (scope: string, allowance: Allowance | undefined) => {
    learnt.add(scope);
    if (known.has(scope) !== (allowance !== undefined)) governed.clear();
    if (allowance) known.set(scope, allowance);
    else known.delete(scope);
  };
  /** @param change makes the new state from the table's; undefined: there is nothing to write */
  const write = <T>(scope: string, change: () => Promise<T>, otherwise: T): Promise<T> => {
    const once = () => (now() < brokenUntil ? otherwise : change());
    const turn = (writing.get(scope) ?? Promise.resolve()).then(once).catch((error: Error) => {
      brokenUntil = now() + BROKEN;
      deps.report(`the limits of ${scope} cannot be written: ${error.message}`);
      return otherwise;
    });
    const ended = turn.then(() => {
      if (writing.get(scope) === ended) writing.delete(scope);
    });
    writing.set(scope, ended);
    return turn;
  };
  const changeBoth = (scope: string, change: (state: Allowance | undefined) => Allowance | undefined): boolean => {
    const before = known.get(scope);
    const after = change(before);
    if (after === before) return false;
    learn(scope, after);
    void write(
      scope,
      async () =>
        learn(
          scope,
          await deps.changeAllowance(lane, scope, (state) => {
            const changed = change(state);
            return changed === state ? undefined : (changed ?? 'remove');
          }),
        ),
      undefined,
    );
    return true;
  };
  return {
    refresh: async () => {
      if (now() - readAt < FRESH) return;
      reading ??= read().finally(() => {
        reading = undefined;
      });
      await reading;
    },
    allowed: (scope, limits) => allow(limits, known.get(scope), now()),
    of: (scope) => known.get(scope),
    governed: (scope) => {
      if (known.size === 0) return [];
      let keys = governed.get(scope);
      if (!keys) {
        keys = [...known.keys()].filter((key) => key.startsWith(`${scope}#`));
        governed.set(scope, keys);
      }
      return keys;
    },
    cut: (scope, limits, act, told) => {
      const at = now();
      return changeBoth(scope, (state) => cut(state, limits, act, { ...told, now: at }));
    },
    grow: (scope, limits, successes) => {
      const at = now();
      return changeBoth(scope, (state) => {
        const grown = growOrRemove(state, limits, successes, at);
        return grown === 'remove' ? undefined : (grown ?? state);
      });
    },
    reserve: (scope, limits, copies, perMinute) => {
      const at = now();
      let turns: Turn[] = [{ from: at + NO_TURN, copies }];
      return write(
        scope,
        async () => {
          const after = await deps.changeAllowance(lane, scope, (state) => {
            const reserved = reserve(state, limits, copies, perMinute, at);
            turns = reserved.turns;
            return reserved.allowance;
          });
          learn(scope, after);
          return turns;
        },
        turns,
      );
    },
    paces: new Map(),
    open: (scope, perMinute) => {
      const recent = (opened.get(scope) ?? []).filter((at) => at > now() - MINUTE);
      opened.set(scope, recent);
      if (recent.length >= perMinute) return false;
      recent.push(now());
      return true;
    },
    lease: (scope, until) =>
      deps.takeLease(lane, scope, fence, until, now()).catch((error: Error) => {
        // Nobody refused it: one connection too many, for a while, costs less than none.
        deps.report(`the lease of ${scope} cannot be taken: ${error.message}`);
        return true;
      }),
    endLease: (scope) =>
      deps
        .endLease(lane, scope, fence)
        .catch((error: Error) => deps.report(`the lease of ${scope} is left to its end: ${error.message}`)),
    flush: async () => {
      while (writing.size > 0) await Promise.all(writing.values());
    },
  };
}
