/**
 * Alerts (SendGrid: `/v3/alerts`): a mail to an address that says how an account does. `stats_notification` comes after each day, week or month
 * (UTC; weeks begin on Monday); `usage_limit` once in each period of what limits the account, when so much of the limit is used. Each alert has
 * one time at which it is looked at next; whoever looks moves it on, so nothing is told twice.
 */
import { asciiAddress, readMailbox } from '../address.ts';
import type { ApiError } from '../errors.ts';
import { type Fields, fieldsOf } from '../fields.ts';
import { type Hold, holdKey } from '../records/holds.ts';

export const ALERT_TYPES = ['usage_limit', 'stats_notification'] as const;
export const FREQUENCIES = ['daily', 'weekly', 'monthly'] as const;
export type Frequency = (typeof FREQUENCIES)[number];

export type AlertRecord = {
  /** `account#alerts`. */
  pk: string;
  sk: string;
  id: number;
  /** '': the account's own address, whichever it is when there is something to tell. */
  emailTo: string;
  /** Unix seconds. */
  createdAt: number;
  updatedAt: number;
  /** Milliseconds since the epoch: when it is looked at next. What comes for another time is passed over. */
  nextAt: number;
} & (
  | { type: 'stats_notification'; frequency: Frequency }
  | {
      type: 'usage_limit';
      percentage: number;
      /** The period of the limit in which it was told last. */
      told?: string;
    }
);

/** Alerts of one account. */
export const ALERTS = 20;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Milliseconds after a period's end at which its statistics are whole: tally is a minute behind, and more after a bad hour. */
const SETTLED = HOUR;

export const alertsKey = (account: string) => `${account}#alerts`;
export const alertKey = (account: string, id: number) => ({
  pk: alertsKey(account),
  sk: String(id).padStart(10, '0'),
});
export const accountOfAlert = ({ pk }: Pick<AlertRecord, 'pk'>) => pk.slice(0, pk.indexOf('#'));

type Asked = { type: 'stats_notification'; frequency: Frequency } | { type: 'usage_limit'; percentage: number };
export type ReadAlert = { ok: true; alert: { emailTo: string } & Asked } | { ok: false; errors: ApiError[] };

/** Reads a new alert, or a change of one: then every field may be absent, and its type stays. */
export function readAlert(body: unknown, before?: AlertRecord): ReadAlert {
  const fields = fieldsOf(body);
  const type = before?.type ?? fields.oneOf('type', ALERT_TYPES);
  const emailTo = before && !fields.has('email_to') ? before.emailTo : readAddressee(body, fields);
  const [own, other] =
    type === 'usage_limit' ? (['percentage', 'frequency'] as const) : (['frequency', 'percentage'] as const);
  if (fields.has(other)) fields.refuse(other, `${other} must not be set where type is ${type}`);
  const kept = before && !fields.has(own);
  let asked: Asked;
  if (type === 'usage_limit') {
    const former = before?.type === 'usage_limit' ? before.percentage : 0;
    asked = { type, percentage: kept ? former : fields.whole('percentage', 1, 100) };
  } else {
    const former = before?.type === 'stats_notification' ? before.frequency : 'daily';
    asked = { type, frequency: kept ? former : fields.oneOf('frequency', FREQUENCIES) };
  }
  if (fields.errors.length > 0) return { ok: false, errors: fields.errors };
  return { ok: true, alert: { emailTo, ...asked } };
}

/** An address as mail goes to it; null (SendGrid's document has it) is the account's own. */
function readAddressee(body: unknown, fields: Fields): string {
  if ((body as { email_to?: unknown } | null | undefined)?.email_to === null) return '';
  const given = fields.text('email_to', { most: 320 });
  const address = mailableAddress(given);
  if (address === undefined && given !== '') fields.refuse('email_to', 'email_to must be an address');
  return address ?? '';
}

/** Undefined: it is none. */
export function mailableAddress(text: string): string | undefined {
  const mailbox = readMailbox(text);
  return mailbox && asciiAddress(mailbox);
}

export function showAlert(alert: AlertRecord) {
  return {
    created_at: alert.createdAt,
    email_to: alert.emailTo === '' ? null : alert.emailTo,
    id: alert.id,
    ...(alert.type === 'usage_limit' ? { percentage: alert.percentage } : { frequency: alert.frequency }),
    type: alert.type,
    updated_at: alert.updatedAt,
  };
}

/** When an alert is looked at next, after a time. Both in milliseconds since the epoch. */
export function nextLook(alert: Asked, now: number): number {
  if (alert.type === 'usage_limit') return (Math.floor(now / HOUR) + 1) * HOUR;
  return endOf(alert.frequency, now - SETTLED) + SETTLED;
}

const firstOf = (frequency: Frequency, at: number): number => {
  const today = Math.floor(at / DAY) * DAY;
  if (frequency === 'daily') return today;
  if (frequency === 'weekly') return today - ((new Date(today).getUTCDay() + 6) % 7) * DAY;
  const day = new Date(today);
  return Date.UTC(day.getUTCFullYear(), day.getUTCMonth(), 1);
};

/** The end of the period that a time is in: the beginning of the next. */
function endOf(frequency: Frequency, at: number): number {
  const first = firstOf(frequency, at);
  if (frequency === 'monthly') {
    const day = new Date(first);
    return Date.UTC(day.getUTCFullYear(), day.getUTCMonth() + 1, 1);
  }
  return first + (frequency === 'weekly' ? 7 : 1) * DAY;
}

/** The last whole period before a look, by its days, both included (`YYYY-MM-DD`). @param due milliseconds since the epoch */
export function periodBefore(frequency: Frequency, due: number): { from: string; to: string } {
  const end = firstOf(frequency, due - SETTLED);
  const day = (at: number) => new Date(at).toISOString().slice(0, 10);
  return { from: day(firstOf(frequency, end - DAY)), to: day(end - DAY) };
}

/** What limits an account, and how much of it is used. `period` names the time in which that counts. */
export type Usage = { used: number; limit: number; period: string; what: 'credits' | 'daily cap' };

export const isReached = ({ used, limit }: Usage, percentage: number): boolean =>
  limit > 0 ? used * 100 >= limit * percentage : used > 0;

/** A look at an alert at its time, as a hold: release hands it to notify. */
export function lookHold(account: string, id: number, due: number): Hold {
  const key = holdKey(`notify.alert.${account}.${id}`, due);
  return { ...key, due, account, copies: 0, kind: 'notify', notify: { v: 1, account, kind: 'alert', alert: id, due } };
}
