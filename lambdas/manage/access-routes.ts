/**
 * `/v3/access_settings/…`: from which addresses an account's keys may be used, and who tried lately. Every door knows a change within a
 * minute. It refuses a change after which the very call that asks for it would be refused: SendGrid carries such a one out, and then
 * nobody gets in to take it back.
 */
import { addRules, allowsOf, removeRules } from '../../core/access/list.ts';
import { readRange, writeRange } from '../../core/access/range.ts';
import { apiErrors } from '../../core/errors.ts';
import { type AccessRecord, type AccessRule, type AttemptRecord, MOST_RULES } from '../../core/records/access.ts';
import type { Answer, Call } from './manage.ts';
import { NOT_FOUND, refused } from './recipients.ts';
import type { Route } from './routes.ts';

export type AccessRouteDeps = {
  /** Milliseconds since the epoch. */
  now: () => number;
  /** As it is now. */
  readAccess: (account: string) => Promise<AccessRecord | undefined>;
  /** False: it is not as it was read. */
  writeAccess: (before: AccessRecord | undefined, after: AccessRecord) => Promise<boolean>;
  /** The latest first, as they were some seconds ago at most. */
  listAttempts: (account: string) => Promise<AttemptRecord[]>;
};

/** Changes of one list at once: each costs the others one more try. */
const TRIES = 4;
/** Rows of the activity, where nothing else is asked for, and at most. */
const ROWS = 20;
export const MOST_ROWS = 1_000;

const seconds = (at: number) => Math.floor(at / 1_000);
const show = ({ id, ip, createdAt }: AccessRule) => ({ id, ip, created_at: createdAt, updated_at: createdAt });

async function listActivity({ account, query }: Call, deps: AccessRouteDeps): Promise<Answer> {
  const { limit = String(ROWS) } = query;
  if (!/^[1-9]\d{0,3}$/.test(limit) || Number(limit) > MOST_ROWS)
    return refused('limit', `limit must be a whole number from 1 to ${MOST_ROWS}`);
  const attempts = await deps.listAttempts(account);
  const result = attempts.slice(0, Number(limit)).map(({ allowed, method, firstAt, ip, lastAt }) => ({
    allowed,
    auth_method: method,
    first_at: seconds(firstAt),
    ip,
    last_at: seconds(lastAt),
    // Nobody here knows where an address is.
    location: '',
  }));
  return { status: 200, body: { result } };
}

async function listRules({ account }: Call, deps: AccessRouteDeps): Promise<Answer> {
  return { status: 200, body: { result: ((await deps.readAccess(account))?.rules ?? []).map(show) } };
}

async function getRule({ account, params }: Call, deps: AccessRouteDeps): Promise<Answer> {
  const id = readId(params.rule_id!);
  const rule = (await deps.readAccess(account))?.rules.find((one) => one.id === id);
  return rule ? { status: 200, body: { result: [show(rule)] } } : NOT_FOUND;
}

async function addToList(call: Call, deps: AccessRouteDeps): Promise<Answer> {
  const { account, body } = call;
  const read = readIps(body);
  if (!read.ok) return read.answer;
  return change(call, 'ips', deps, (before) => {
    const added = addRules(account, before, read.ips, seconds(deps.now()));
    if (!added) return refused('ips', `a list has ${MOST_RULES} rules at most; a range is one`);
    return { after: added.after, answer: { status: 201, body: { result: added.asked.map(show) } } };
  });
}

async function removeFromList(call: Call, deps: AccessRouteDeps): Promise<Answer> {
  const ids = (call.body as { ids?: unknown } | null | undefined)?.ids;
  if (!Array.isArray(ids) || ids.length === 0 || ids.length > MOST_RULES || !ids.every(Number.isSafeInteger))
    return refused('ids', `ids must be an array of 1 to ${MOST_RULES} ids of rules`);
  return remove(call, 'ids', ids as number[], deps);
}

async function removeRule(call: Call, deps: AccessRouteDeps): Promise<Answer> {
  return remove(call, 'rule_id', [readId(call.params.rule_id!)], deps);
}

const remove = (call: Call, field: string, ids: readonly number[], deps: AccessRouteDeps): Promise<Answer> =>
  change(call, field, deps, (before) => {
    const after = removeRules(before, ids);
    return after ? { after, answer: { status: 204 } } : NOT_FOUND;
  });

/** What becomes of the list, with its answer; or the answer that refuses. */
type Change = { after: AccessRecord; answer: Answer } | Answer;

async function change(
  { account, caller, ip }: Call,
  field: string,
  deps: AccessRouteDeps,
  make: (before: AccessRecord | undefined) => Change,
): Promise<Answer> {
  for (let tries = 1; tries <= TRIES; tries++) {
    const before = await deps.readAccess(account);
    const made = make(before);
    if (!('after' in made)) return made;
    const allows = allowsOf(made.after.rules);
    // A parent's calls for a subuser are with his own key, for which this list does not hold.
    if (account === caller.account && allows && !allows(ip))
      return refused(
        field,
        `this would lock out ${ip ?? 'the address'}, from where this call comes: have a rule for it in the list first`,
      );
    if (await deps.writeAccess(before, made.after)) return made.answer;
  }
  return { status: 429, errors: [apiErrors.tooManyRequests] };
}

function readIps(body: unknown): { ok: true; ips: string[] } | { ok: false; answer: Answer } {
  const no = (field: string, message: string) => ({ ok: false as const, answer: refused(field, message) });
  const given = (body as { ips?: unknown } | null | undefined)?.ips;
  if (!Array.isArray(given) || given.length === 0 || given.length > MOST_RULES)
    return no('ips', `ips must be an array of 1 to ${MOST_RULES} objects with an ip`);
  const ips: string[] = [];
  for (const [n, one] of given.entries()) {
    const ip = (one as { ip?: unknown } | null | undefined)?.ip;
    const range = typeof ip === 'string' ? readRange(ip.trim()) : undefined;
    if (!range)
      return no(
        `ips.${n}.ip`,
        'ip must be an IPv4 or IPv6 address, a range (192.0.2.0/24), or IPv4 with * for its last parts (192.0.2.*)',
      );
    ips.push(writeRange(range));
  }
  return { ok: true, ips };
}

/** NaN: no rule has it. */
const readId = (text: string): number => (/^[1-9]\d{0,14}$/.test(text) ? Number(text) : Number.NaN);

const PATH = '/v3/access_settings';
const LIST = `${PATH}/whitelist`;
const ONE = `${LIST}/{rule_id}`;

const ALL: [Route['method'], string, string, Route['handle']][] = [
  ['GET', `${PATH}/activity`, 'access_settings.activity.read', listActivity],
  ['GET', LIST, 'access_settings.whitelist.read', listRules],
  ['POST', LIST, 'access_settings.whitelist.create', addToList],
  ['DELETE', LIST, 'access_settings.whitelist.delete', removeFromList],
  ['GET', ONE, 'access_settings.whitelist.read', getRule],
  ['DELETE', ONE, 'access_settings.whitelist.delete', removeRule],
];

export const ACCESS_ROUTES: readonly Route[] = ALL.map(([method, path, scope, handle]) => ({
  method,
  path,
  scope,
  nullFields: true,
  handle,
}));
