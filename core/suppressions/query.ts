/**
 * How the API pages through a list: limit and offset, a range of time, a part of the address; and the Link header that tells
 * the other pages (SendGrid's form of RFC 8288). Lists run from the oldest entry on, so pages stay where they are while
 * addresses are added. It refuses, naming the parameter, what is no number or no range.
 */
import type { ApiError } from '../errors.ts';

export type Query = Partial<Record<string, string | undefined>>;

export type ListQuery = {
  /** Undefined: as many as an answer holds. */
  limit: number | undefined;
  offset: number;
  /** Unix seconds, both ends included. */
  since: number;
  until: number;
  /** Whether an address is asked for. */
  fits: ((email: string) => boolean) | undefined;
};

export type Read<T> = { ok: true; query: T } | { ok: false; errors: ApiError[] };

/** Entries of one page (SendGrid: the default, and the most). */
const PAGE = 500;
/** The last second that a list's keys can hold. */
const FOREVER = 99_999_999_999;

/** @param page entries of a page where the call does not say; undefined: as many as an answer holds */
export function readListQuery(query: Query, page: number | undefined = PAGE): Read<ListQuery> {
  const errors: ApiError[] = [];
  const whole = <T>(name: string, absent: T, least: number, most: number): number | T => {
    const text = query[name];
    if (text === undefined || text === '') return absent;
    const value = /^\d{1,11}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    const upTo = most === FOREVER ? `${least} or more` : `from ${least} to ${most}`;
    errors.push({ message: `${name} must be a whole number, ${upTo}`, field: name, help: null });
    return absent;
  };
  const limit = whole('limit', page, 1, PAGE);
  const offset = whole('offset', 0, 0, FOREVER);
  const since = whole('start_time', 0, 0, FOREVER);
  const until = whole('end_time', FOREVER, 0, FOREVER);
  if (since > until) errors.push({ message: 'start_time must not be after end_time', field: 'start_time', help: null });
  if (errors.length > 0) return { ok: false, errors };
  return { ok: true, query: { limit, offset, since, until, fits: query.email ? fitting(query.email) : undefined } };
}

/** The beginning of an address; `%` stands for anything. In linear time for whatever is asked. */
export function fitting(wanted: string): (email: string) => boolean {
  const [first = '', ...parts] = wanted.toLowerCase().split('%');
  return (email) => {
    const text = email.toLowerCase();
    if (!text.startsWith(first)) return false;
    let from = first.length;
    for (const part of parts) {
      const at = text.indexOf(part, from);
      if (at < 0) return false;
      from = at + part.length;
    }
    return true;
  };
}

export type Page = {
  /** Entries of a page. */
  limit: number;
  offset: number;
  /** Entries that are here. */
  shown: number;
  /** Whether there are more. */
  more: boolean;
  /** How many there are in all; undefined: nobody has counted them. */
  total?: number | undefined;
};

/** @param url without its query */
export function linkHeader(url: string, query: Query, { limit, offset, shown, more, total }: Page): string {
  const link = (rel: string, at: number) => {
    const others = Object.entries(query).filter(
      ([name, value]) => value !== undefined && !/^(limit|offset)$/.test(name),
    );
    const parameters = new URLSearchParams([
      ...(others as [string, string][]),
      ['limit', `${limit}`],
      ['offset', `${at}`],
    ]);
    return `<${url}?${parameters}>; rel="${rel}"; title="${Math.floor(at / limit) + 1}"`;
  };
  const all = total ?? (more ? undefined : offset + shown);
  // Pages are counted from where this one begins, so that the last is one that `next` leads to.
  const last = all === undefined ? undefined : offset + Math.max(0, Math.ceil((all - offset) / limit) - 1) * limit;
  return [
    ...(more ? [link('next', offset + (shown || limit))] : []),
    ...(offset > 0 ? [link('prev', Math.max(0, offset - limit))] : []),
    ...(last === undefined ? [] : [link('last', last)]),
    link('first', 0),
  ].join(', ');
}
