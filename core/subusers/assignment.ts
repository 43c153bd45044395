/**
 * One source address of many subusers at once (SendGrid: `/v3/send_ips/ips/{ip}/subusers:batchAdd`, `:batchDelete`). It refuses the whole
 * call, in SendGrid's words, where one of them is no subuser of the caller's; and to take the last address from anybody, because an
 * empty list means every address.
 */
import type { ApiError } from '../errors.ts';
import { type SubuserRecord, userIdOf } from '../records/subusers.ts';

/** Subusers of a call (SendGrid). */
const MOST = 1_000;

export type ReadAssignment = { ok: true; named: string[]; subusers: SubuserRecord[] } | { ok: false; error: ApiError };

/**
 * @param body `{subusers: […]}`: names, or the numbers that `GET /v3/subusers` shows; where a name looks like a number it is the name
 * @param caller the account that asks
 * @param all its subusers
 * @returns who is meant, each once, and the words that named them
 */
export function readAssignment(body: unknown, caller: string, all: readonly SubuserRecord[]): ReadAssignment {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    return refuse('failed to parse the request body as a JSON payload', null);
  const given = (body as { subusers?: unknown }).subusers;
  if (!Array.isArray(given) || given.length === 0) return refuse('must not be empty');
  if (given.length > MOST) return refuse(`cannot assign more than ${MOST} subusers per call`);
  if (!given.every((one): one is string => typeof one === 'string')) return refuse('must be an array of strings');
  const byName = new Map(all.map((one) => [one.username.toLowerCase(), one]));
  const byNumber = new Map(all.map((one) => [String(userIdOf(one.account)), one]));
  const find = (name: string) => byName.get(name.toLowerCase()) ?? byNumber.get(name);
  const named = [...new Set(given)];
  const unknown = named.filter((name) => !find(name));
  if (unknown.includes(String(userIdOf(caller))) || unknown.includes(caller))
    return refuse('cannot contain caller’s userID');
  if (unknown.length > 0) return refuse(`unverified subusers: ${shown(unknown)}`);
  return { ok: true, named, subusers: [...new Set(named.map((name) => find(name)!))] };
}

/** Whether a text is an address as source addresses are. */
export const isIpv4 = (text: string): boolean =>
  /^\d{1,3}(?:\.\d{1,3}){3}$/.test(text) && text.split('.').every((part) => Number(part) <= 255);

/** With it; one that may send by any address already may send by this one. */
export const withIp = ({ ips }: Pick<SubuserRecord, 'ips'>, ip: string): string[] =>
  ips.length === 0 || ips.includes(ip) ? ips : [...ips, ip];

/**
 * Without it; one that may send by any address may then send by all others. Undefined: none would be left.
 * @param stackIps the source addresses that there are
 */
export function withoutIp(
  { ips }: Pick<SubuserRecord, 'ips'>,
  ip: string,
  stackIps: readonly string[],
): string[] | undefined {
  // One that the stack has no more is none to send by.
  const left = stackIps.filter((one) => one !== ip && (ips.length === 0 || ips.includes(one)));
  return left.length === 0 ? undefined : left;
}

/** Some of the names, for a message: what a caller wrote is not given back by the megabyte. */
export const shown = (names: readonly string[]): string =>
  `${names
    .slice(0, 20)
    .map((name) => name.slice(0, 64))
    .join(', ')}${names.length > 20 ? ' …' : ''}`;

function refuse(message: string, field: string | null = 'subusers'): { ok: false; error: ApiError } {
  return { ok: false, error: { message, field, help: null } };
}
