/**
 * Credits of a subuser: how many messages it may send, for good or in each day, week or month (UTC; weeks begin on Monday). One credit
 * is one recipient, used when it is accepted. Each setting of credits, and each period of recurring ones, is counted by itself.
 */
import type { ApiError } from '../errors.ts';
import { fieldsOf } from '../fields.ts';
import type { Credits } from '../records/subusers.ts';

const TYPES = ['unlimited', 'recurring', 'nonrecurring'] as const;
const FREQUENCIES = ['monthly', 'weekly', 'daily'] as const;
/** The most that credits can be. */
export const MOST_CREDITS = 1_000_000_000;
const DAY = 86_400_000;

export type ReadCredits = { ok: true; credits: Credits } | { ok: false; errors: ApiError[] };

/** @param now milliseconds since the epoch */
export function readCredits(body: unknown, now: number): ReadCredits {
  const fields = fieldsOf(body);
  const done = (credits: Credits): ReadCredits =>
    fields.errors.length > 0 ? { ok: false, errors: fields.errors } : { ok: true, credits };
  const given = typeof body === 'object' && body !== null ? (body as { type?: unknown }).type : undefined;
  const type = TYPES.find((one) => one === given);
  if (!type) {
    if (fields.errors.length === 0)
      fields.refuse('type', "Type should be set to 'recurring', 'nonrecurring', or 'unlimited'");
    return done({ type: 'unlimited' });
  }
  if (type !== 'recurring' && fields.has('reset_frequency'))
    fields.refuse('reset_frequency', `reset_frequency must not be set where type is ${type}`);
  if (type === 'unlimited') {
    if (fields.has('total')) fields.refuse('total', 'total must not be set where type is unlimited');
    return done({ type });
  }
  const total = fields.whole('total', 1, MOST_CREDITS);
  if (type === 'nonrecurring') return done({ type, total, since: now, adjusted: 0 });
  const resetFrequency = fields.oneOf('reset_frequency', FREQUENCIES);
  return done({ type, resetFrequency, total, since: now, adjusted: 0, adjustedAt: now });
}

/** Where it is counted what is used, and how much that may be. */
export type Counter = {
  /** Its key, beside the days of the daily cap. */
  name: string;
  /** Milliseconds since the epoch from which it counts; and when it ends, of recurring credits. */
  since: number;
  until?: number;
  limit: number;
};

/** What counts at a time; undefined: nothing is counted. */
export function counterOf(credits: Credits, now: number): Counter | undefined {
  if (credits.type === 'unlimited') return undefined;
  const { since, total } = credits;
  const name = `credits#${since}`;
  const limit = Math.max(0, total + adjustmentOf(credits, now));
  if (credits.type === 'nonrecurring') return { name, since, limit };
  const [begins, until] = periodOf(credits.resetFrequency, now);
  const day = new Date(begins).toISOString().slice(0, 10);
  return { name: `${name}#${day}`, since: Math.max(begins, since), until, limit };
}

/** The beginning of a period, and of the next one. */
function periodOf(frequency: (typeof FREQUENCIES)[number], now: number): [begins: number, until: number] {
  const today = Math.floor(now / DAY) * DAY;
  if (frequency === 'daily') return [today, today + DAY];
  if (frequency === 'weekly') {
    const monday = today - ((new Date(today).getUTCDay() + 6) % 7) * DAY;
    return [monday, monday + 7 * DAY];
  }
  const date = new Date(now);
  const month = (more: number) => Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + more);
  return [month(0), month(1)];
}

/** What is added by hand to what remains: of recurring credits in the period in which it was done, and no longer. */
function adjustmentOf(credits: Exclude<Credits, { type: 'unlimited' }>, now: number): number {
  if (credits.type === 'nonrecurring') return credits.adjusted;
  return credits.adjustedAt >= periodOf(credits.resetFrequency, now)[0] ? credits.adjusted : 0;
}

/** Messages that may still be sent; undefined: as many as it likes. @param used of `counterOf` */
export function remainingCredits(credits: Credits, used: number, now: number): number | undefined {
  const counter = counterOf(credits, now);
  return counter && Math.max(0, counter.limit - used);
}

/** Adds to what remains, or takes from it. SendGrid has no such call for who has no limit. */
export function adjustCredits(credits: Credits, body: unknown, used: number, now: number): ReadCredits {
  const fields = fieldsOf(body);
  const change = fields.whole('allocation_update', -MOST_CREDITS, MOST_CREDITS);
  if (fields.errors.length === 0 && credits.type === 'unlimited')
    fields.refuse('allocation_update', 'credits are unlimited: set a type with a total first');
  if (fields.errors.length > 0 || credits.type === 'unlimited') return { ok: false, errors: fields.errors };
  // From nothing it goes up, however far beyond its credits it was.
  const before = remainingCredits(credits, used, now)!;
  const adjusted = Math.max(0, before + change) - (credits.total - used);
  return { ok: true, credits: { ...credits, adjusted, ...(credits.type === 'recurring' ? { adjustedAt: now } : {}) } };
}

/** As SendGrid shows them: what has no meaning for a type is null. */
export function showCredits(credits: Credits, used: number, now: number) {
  const remain = remainingCredits(credits, used, now) ?? null;
  const isRecurring = credits.type === 'recurring';
  return {
    type: credits.type,
    reset_frequency: isRecurring ? credits.resetFrequency : null,
    remain,
    total: isRecurring ? credits.total : null,
    used: isRecurring ? used : null,
  };
}
