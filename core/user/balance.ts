/**
 * What an account may still send, as SendGrid tells it (`/v3/user/credits`): of a subuser with credits these; else of the daily cap where there is
 * one; else of nothing, and then the most that credits can be stands for "as many as it likes", because clients read whole numbers, and a 0 as the
 * end of all mail.
 */
import { dayOf, nextDay } from '../brakes/credits.ts';
import type { Credits } from '../records/subusers.ts';
import { counterOf, MOST_CREDITS } from '../subusers/credits.ts';

/** Of whom, by what, and where it is counted. */
export type Limits = {
  credits?: Credits | undefined;
  /** Copies of a UTC day; undefined: no cap. */
  cap?: number | undefined;
};

/** `counter`: of what was claimed (core/brakes/brakes.ts); `month`: the hours whose requests count, both included. */
export type Counted = { counter: string } | { month: { from: string; to: string } };

export type Balance = {
  remain: number;
  total: number;
  overage: number;
  used: number;
  last_reset: string;
  next_reset: string;
  reset_frequency: string;
};

/** What counts for an account at a time, and how it is shown once it is counted. @param now milliseconds since the epoch */
export function balanceOf({ credits, cap }: Limits, now: number): { by: Counted; show: (used: number) => Balance } {
  const counter = credits && counterOf(credits, now);
  if (credits && counter && credits.type !== 'unlimited') {
    const { name, since, until, limit } = counter;
    const frequency = credits.type === 'recurring' ? credits.resetFrequency : 'never';
    const resets = { last: since, next: until, frequency };
    return { by: { counter: name }, show: (used) => show({ total: credits.total, limit, used }, resets) };
  }
  if (cap !== undefined) {
    const day = dayOf(now);
    const resets = { last: now, next: nextDay(now), frequency: 'daily' };
    return { by: { counter: day }, show: (used) => show({ total: cap, limit: cap, used }, resets) };
  }
  const date = new Date(now);
  const [first, next] = [0, 1].map((more) => Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + more)) as [
    number,
    number,
  ];
  const month = { from: hourOf(first), to: hourOf(now) };
  const resets = { last: first, next, frequency: 'monthly' };
  return { by: { month }, show: (used) => show({ total: MOST_CREDITS, limit: MOST_CREDITS, used }, resets) };
}

/** @param limit the total, and what was added by hand or taken away */
function show(
  { total, limit, used }: { total: number; limit: number; used: number },
  resets: { last: number; next: number | undefined; frequency: string },
): Balance {
  return {
    remain: Math.max(0, limit - used),
    total,
    overage: Math.max(0, used - limit),
    used,
    last_reset: dayOf(resets.last),
    // What never comes again has no day on which it does.
    next_reset: resets.next === undefined ? '' : dayOf(resets.next),
    reset_frequency: resets.frequency,
  };
}

const hourOf = (at: number) => new Date(at).toISOString().slice(0, 13);
