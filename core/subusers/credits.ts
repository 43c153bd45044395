/**
 * Credits of a subuser: how many messages it may send, for good or in each day, week or month (UTC; weeks begin on Monday). One credit
 * is one recipient. What was used is what statistics counted since the period began.
 */
import type { ApiError } from '../errors.ts';
import { fieldsOf } from '../fields.ts';
import type { Credits } from '../records/subusers.ts';

const TYPES = ['unlimited', 'recurring', 'nonrecurring'] as const;
const FREQUENCIES = ['monthly', 'weekly', 'daily'] as const;
const MOST = 1_000_000_000;
const DAY = 86_400_000;

export type ReadCredits = { ok: true; credits: Credits } | { ok: false; errors: ApiError[] };

/**
 * @param now milliseconds since the epoch
 * @param before messages of this hour that were counted already
 */
export function readCredits(body: unknown, now: number, before: number): ReadCredits {
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
  const total = fields.whole('total', 1, MOST);
  if (type === 'nonrecurring') return done({ type, total, since: now, adjusted: 0, before });
  const resetFrequency = fields.oneOf('reset_frequency', FREQUENCIES);
  return done({ type, resetFrequency, total, since: now, adjusted: 0, adjustedAt: now, before });
}

/** What counts at a time: messages from a moment on (milliseconds since the epoch), but for some of its hour; undefined: none is counted. */
export function countedSince(credits: Credits, now: number): { since: number; before: number } | undefined {
  if (credits.type === 'unlimited') return undefined;
  const { since, before } = credits;
  const period = credits.type === 'recurring' ? periodOf(credits.resetFrequency, now) : since;
  return period > since ? { since: period, before: 0 } : { since, before };
}

/** The beginning of a period. */
function periodOf(frequency: (typeof FREQUENCIES)[number], now: number): number {
  const today = Math.floor(now / DAY) * DAY;
  if (frequency === 'daily') return today;
  if (frequency === 'weekly') return today - ((new Date(today).getUTCDay() + 6) % 7) * DAY;
  return Date.parse(`${new Date(now).toISOString().slice(0, 7)}-01T00:00:00Z`);
}

/** What is added by hand to what remains: of recurring credits in the period in which it was done, and no longer. */
function adjustmentOf(credits: Exclude<Credits, { type: 'unlimited' }>, now: number): number {
  if (credits.type === 'nonrecurring') return credits.adjusted;
  return credits.adjustedAt >= periodOf(credits.resetFrequency, now) ? credits.adjusted : 0;
}

/** Messages that may still be sent; undefined: as many as it likes. @param used since `countedSince` */
export function remainingCredits(credits: Credits, used: number, now: number): number | undefined {
  if (credits.type === 'unlimited') return undefined;
  return Math.max(0, credits.total + adjustmentOf(credits, now) - used);
}

/** Adds to what remains, or takes from it. SendGrid has no such call for who has no limit. */
export function adjustCredits(credits: Credits, body: unknown, used: number, now: number): ReadCredits {
  const fields = fieldsOf(body);
  const change = fields.whole('allocation_update', -MOST, MOST);
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
