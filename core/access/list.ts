/**
 * What an IP access list says, and how it changes. A list without rules says nothing: everybody may. A list with rules lets in what they
 * contain, and nobody whose address is not known.
 */
import { type AccessRecord, type AccessRule, accessKey, MOST_RULES } from '../records/access.ts';
import { contains, type Range, readAddress, readRange } from './range.ts';

/** Whether a call may come from an address; undefined: from one that nobody knows. */
export type Allows = (ip: string | undefined) => boolean;

/** @returns undefined where there is no list */
export function allowsOf(rules: readonly Pick<AccessRule, 'ip'>[] | undefined): Allows | undefined {
  if (!rules || rules.length === 0) return undefined;
  const ranges = rules.map(({ ip }) => readRange(ip)).filter((range): range is Range => range !== undefined);
  return (ip) => {
    const address = ip === undefined ? undefined : readAddress(ip);
    return address !== undefined && ranges.some((range) => contains(range, address));
  };
}

/**
 * @param ips each as `writeRange` writes it; one that is there already stays as it is
 * @param at unix seconds
 * @returns the list as it would be, and the rules that were asked for; undefined: too many
 */
export function addRules(
  account: string,
  before: AccessRecord | undefined,
  ips: readonly string[],
  at: number,
): { after: AccessRecord; asked: AccessRule[] } | undefined {
  const { rules = [], nextId = 1, version = 0 } = before ?? {};
  const known = new Map(rules.map((rule) => [rule.ip, rule]));
  let id = nextId;
  for (const ip of ips) if (!known.has(ip)) known.set(ip, { id: id++, ip, createdAt: at });
  if (known.size > MOST_RULES) return undefined;
  const after = { ...accessKey(account), rules: [...known.values()], nextId: id, version: version + 1 };
  return { after, asked: [...new Set(ips)].map((ip) => known.get(ip)!) };
}

/** @returns the list as it would be; undefined: one of the ids is none of its rules' */
export function removeRules(before: AccessRecord | undefined, ids: readonly number[]): AccessRecord | undefined {
  const gone = new Set(ids);
  if (!before || ![...gone].every((id) => before.rules.some((rule) => rule.id === id))) return undefined;
  return { ...before, rules: before.rules.filter(({ id }) => !gone.has(id)), version: before.version + 1 };
}
