/** `{{formatDate time format offset}}`: SendGrid's tokens, which are those of Moment, in English. */
import { FORMAT_CHARACTERS } from './limits.ts';

const MONTHS = 'January February March April May June July August September October November December'.split(' ');
const DAYS = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ');
const TOKENS = /\[[^\]]*\]|YYYY|YY|MMMM|MMM|MM|M|DD|D|dddd|ddd|hh|h|HH|H|mm|m|ss|s|A|ZZ|Z/g;
/** Seconds since the epoch have no more than ten digits until 2286; what has more is milliseconds. */
const LATEST_SECONDS = 9_999_999_999;

/**
 * @param time seconds or milliseconds since the epoch, or ISO 8601
 * @param offset `-0800`, `+05:30`; UTC without one
 * @returns undefined where the time is none
 */
export function formatDate(time: unknown, format: string, offset: unknown): string | undefined {
  const at = readTime(time);
  if (at === undefined) return undefined;
  const minutes = readOffset(offset);
  const date = new Date(at + minutes * 60_000);
  if (Number.isNaN(date.getTime())) return undefined;
  return format.slice(0, FORMAT_CHARACTERS).replace(TOKENS, (token) => tokenOf(token, date, minutes));
}

function readTime(time: unknown): number | undefined {
  if (typeof time !== 'number' && typeof time !== 'string') return undefined;
  const text = String(time).slice(0, 100).trim();
  if (text === '') return undefined;
  const number = Number(text);
  const at = Number.isFinite(number)
    ? Math.abs(number) > LATEST_SECONDS
      ? number
      : number * 1_000
    : Date.parse(withZone(text));
  return Number.isNaN(new Date(at).getTime()) ? undefined : at;
}

/** A time of day without a zone would be this machine's. */
function withZone(text: string): string {
  return /T\d{2}:\d{2}(:\d{2}(\.\d+)?)?$/.test(text) ? `${text}Z` : text;
}

function readOffset(offset: unknown): number {
  const [, sign, hours, minutes] = /^([+-])(\d{2}):?(\d{2})$/.exec(String(offset ?? '').slice(0, 10)) ?? [];
  if (hours === undefined || minutes === undefined) return 0;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
}

function tokenOf(token: string, date: Date, offset: number): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const [year, month, day, hour] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate(), date.getUTCHours()];
  const hour12 = hour % 12 || 12;
  const zone = (between: string) => {
    const minutes = Math.abs(offset);
    return `${offset < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}${between}${two(minutes % 60)}`;
  };
  const values: Record<string, () => string> = {
    YYYY: () => String(year).padStart(4, '0'),
    YY: () => two(year % 100),
    MMMM: () => MONTHS[month]!,
    MMM: () => MONTHS[month]!.slice(0, 3),
    MM: () => two(month + 1),
    M: () => String(month + 1),
    DD: () => two(day),
    D: () => String(day),
    dddd: () => DAYS[date.getUTCDay()]!,
    ddd: () => DAYS[date.getUTCDay()]!.slice(0, 3),
    hh: () => two(hour12),
    h: () => String(hour12),
    HH: () => two(hour),
    H: () => String(hour),
    mm: () => two(date.getUTCMinutes()),
    m: () => String(date.getUTCMinutes()),
    ss: () => two(date.getUTCSeconds()),
    s: () => String(date.getUTCSeconds()),
    A: () => (hour < 12 ? 'AM' : 'PM'),
    ZZ: () => zone(''),
    Z: () => zone(':'),
  };
  return values[token]?.() ?? token.slice(1, -1);
}
