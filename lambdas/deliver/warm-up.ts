/**
 * The warm-up of this lane's source IP, as one environment sees it. It claims sends of the hour's budget in blocks and gives
 * them out; what it refuses is beyond the budget. For a warm address everything is allowed, and nothing is claimed or written.
 *
 * It never gives out more than was claimed: where the table does not answer, `take` rejects, and nothing may be sent on the
 * strength of it. A block belongs to its hour and is lost with it.
 */
import { blockOf, budgetOf, hourOf } from '../../core/warm-up.ts';
import type { WarmUpOf } from '../../io/sites.ts';

export type WarmUpDeps = {
  lane: string;
  /** When its warm-up began, milliseconds since the epoch; undefined: it is warm. Known within a minute of a change. */
  startedAt: () => Promise<number | undefined>;
  /** Milliseconds since the epoch. */
  now: () => number;
  claimWarmUp: (lane: string, hour: string, budget: number, block: number) => Promise<number>;
  countWarmUp: (warmUp: WarmUpOf, counts: { good: number; bad: number }, now: number) => Promise<boolean>;
  readWarmUp: (warmUp: WarmUpOf) => Promise<{ heldDays: number }>;
};

export type WarmUp = {
  /** How many of these copies may be sent now. */
  take: (copies: number) => Promise<number>;
  /** Gives back what was taken and not sent. */
  giveBack: (copies: number) => void;
  /** A reply of a mailbox provider. `bad`: throttled, or blocked for Reputation or Frequency. */
  answered: (bad: boolean) => void;
  /** Writes the answers of this run. True: they were so bad that the schedule was set back by a day. */
  end: () => Promise<boolean>;
};

/** One for the life of an environment. */
export function createWarmUp({ lane, startedAt, now, claimWarmUp, countWarmUp, readWarmUp }: WarmUpDeps): WarmUp {
  /** The warm-up that is known. */
  let begun: number | undefined;
  /** The hour that is known: its budget (undefined: warm), what is left of our blocks, and whether there is more. */
  let hour = '';
  let budget: number | undefined;
  let left = 0;
  let spent = false;
  let [good, bad] = [0, 0];
  /** One at a time: two that find nothing left would claim twice. */
  let turn: Promise<unknown> = Promise.resolve();

  const take = async (copies: number): Promise<number> => {
    const started = await startedAt();
    const at = now();
    if (started !== begun || hourOf(at) !== hour) {
      const heldDays = started === undefined ? 0 : (await readWarmUp({ lane, startedAt: started })).heldDays;
      budget = started === undefined ? undefined : budgetOf({ startedAt: started, now: at, heldDays });
      [begun, hour, left, spent] = [started, hourOf(at), 0, false];
    }
    if (budget === undefined) return copies;
    if (left < copies && !spent) {
      const wanted = Math.max(blockOf(budget), copies - left);
      const granted = await claimWarmUp(lane, hour, budget, wanted);
      left += granted;
      spent = granted < wanted;
    }
    const taken = Math.min(copies, left);
    left -= taken;
    return taken;
  };
  return {
    take: (copies) => {
      const taken = turn.then(() => take(copies));
      turn = taken.catch(() => {});
      return taken;
    },
    giveBack: (copies) => {
      if (hourOf(now()) === hour && budget !== undefined) left += copies;
    },
    answered: (isBad) => {
      if (budget === undefined) return;
      if (isBad) bad++;
      else good++;
    },
    end: async () => {
      if (good + bad === 0 || begun === undefined) return false;
      const counts = { good, bad };
      [good, bad] = [0, 0];
      const heldBack = await countWarmUp({ lane, startedAt: begun }, counts, now()).catch((error: unknown) => {
        good += counts.good;
        bad += counts.bad;
        throw error;
      });
      // The next run reads the smaller budget.
      if (heldBack) hour = '';
      return heldBack;
    },
  };
}
