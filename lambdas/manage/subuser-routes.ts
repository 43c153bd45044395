/**
 * `/v3/subusers`: accounts with a parent, as the parent makes, stops, limits and watches them. Only an account without a parent has any;
 * another's subusers do not exist for it. What a subuser owns (keys, suppressions, senders, webhooks) it is asked for with its own
 * key, or with `on-behalf-of` and the parent's.
 */

import type { CreditsRecord } from '../../core/brakes/brakes.ts';
import { apiErrors } from '../../core/errors.ts';
import { fieldsOf } from '../../core/fields.ts';
import type { AccountRecord } from '../../core/records/subusers.ts';
import { type Credits, makeAccountId, type SubuserRecord, subuserKey } from '../../core/records/subusers.ts';
import { adjustCredits, counterOf, type ReadCredits, readCredits, showCredits } from '../../core/subusers/credits.ts';
import { MOST_SUBUSERS, readIps, readNewSubuser, showNewSubuser, showSubuser } from '../../core/subusers/setting.ts';
import type { SubuserChange } from '../../io/subusers.ts';
import { type RemovalDeps, removeWithRecords } from './domain-keys.ts';
import type { Answer, Call } from './manage.ts';
import { NOT_FOUND, refused } from './recipients.ts';
import type { Route } from './routes.ts';
import type { StatsRouteDeps } from './stats-routes.ts';
import { SUBUSER_STATS } from './subuser-stats.ts';

/** A source address, and the lane whose mail goes out by it. */
export type Source = { ip: string; lane: string };

export type SubuserRouteDeps = StatsRouteDeps & {
  /** Source addresses of the stack. */
  sources: readonly Source[];
  randomBytes: (count: number) => Buffer;
  /** Undefined: the account has no parent. */
  readAccount: (account: string) => Promise<AccountRecord | undefined>;
  readUser: (account: string) => Promise<{ username: string }>;
  readSubuser: (parent: string, username: string) => Promise<SubuserRecord | undefined>;
  listSubusers: (parent: string) => Promise<SubuserRecord[]>;
  /** False: the parent has one of that name. */
  addSubuser: (record: SubuserRecord) => Promise<boolean>;
  /** False: it is not as it was read. */
  changeSubuser: (before: SubuserRecord, change: SubuserChange) => Promise<boolean>;
  removeSubuser: (before: SubuserRecord) => Promise<boolean>;
  forgetAccount: (account: string) => Promise<void>;
  /** What was claimed of its credits (core/subusers/credits.ts), by their counter. */
  readCredits: (account: string, counter: string) => Promise<Pick<CreditsRecord, 'claimed'> | undefined>;
} & RemovalDeps;

/** Changes of one subuser at once: each costs the others one more try. */
const TRIES = 4;
/** Entries of a page where the call does not say, and the most (SendGrid). */
const PAGE = 500;

const ipsOf = ({ sources }: Pick<SubuserRouteDeps, 'sources'>) => sources.map(({ ip }) => ip);
export const lanesOf = (ips: readonly string[], { sources }: Pick<SubuserRouteDeps, 'sources'>) =>
  sources.filter(({ ip }) => ips.includes(ip)).map(({ lane }) => lane);

type Handle = (call: Call, deps: SubuserRouteDeps) => Promise<Answer>;

/** SendGrid's words. */
const NO_PARENT = 'you dont have permission to access this resource';

/** For accounts without a parent alone: a subuser has no subusers. */
export const forParents =
  <Deps extends SubuserRouteDeps>(handle: (call: Call, deps: Deps) => Promise<Answer>) =>
  async (call: Call, deps: Deps): Promise<Answer> =>
    (await deps.readAccount(call.account)) ? refused(null, NO_PARENT, 403) : handle(call, deps);

async function createSubuser({ account: parent, body }: Call, deps: SubuserRouteDeps): Promise<Answer> {
  const read = readNewSubuser(body, ipsOf(deps));
  if (!read.ok) return { status: 400, errors: read.errors };
  if ((await deps.listSubusers(parent)).length >= MOST_SUBUSERS)
    return refused(null, `an account has ${MOST_SUBUSERS} subusers at most`, 403);
  const { subuser } = read;
  const record: SubuserRecord = {
    ...subuserKey(parent, subuser.username),
    ...subuser,
    lanes: lanesOf(subuser.ips, deps),
    account: makeAccountId(deps.randomBytes(5)),
    disabled: false,
    websiteDisabled: false,
    credits: { type: 'unlimited' },
    createdAt: deps.now(),
    version: 1,
  };
  const { username } = await deps.readUser(parent);
  const isOwn = username.toLowerCase() === record.username.toLowerCase();
  if (isOwn || !(await deps.addSubuser(record))) return refused('username', 'username exists');
  return { status: 200, body: showNewSubuser(record) };
}

async function listSubusers({ account, query }: Call, deps: SubuserRouteDeps): Promise<Answer> {
  const limit = wholeIn(query.limit, PAGE, 1, PAGE);
  if (limit === undefined) return refused('limit', `limit must be a whole number, from 1 to ${PAGE}`);
  const offset = wholeIn(query.offset, 0, 0, 1_000_000);
  if (offset === undefined) return refused('offset', 'offset must be a whole number, 0 or more');
  const wanted = query.username?.toLowerCase() ?? '';
  const found = (await deps.listSubusers(account)).filter(({ username }) => username.toLowerCase().startsWith(wanted));
  return { status: 200, body: found.slice(offset, offset + limit).map(showSubuser) };
}

/** Changes a subuser as it is at that moment, however many others do. */
export async function changeSubuserBy(
  { account, params }: Call,
  deps: SubuserRouteDeps,
  read: (before: SubuserRecord) => Promise<{ ok: true; change: SubuserChange } | { ok: false; answer: Answer }>,
  show: (after: SubuserRecord) => Promise<Answer>,
): Promise<Answer> {
  for (let tries = 1; tries <= TRIES; tries++) {
    const before = await deps.readSubuser(account, params.subuser_name!);
    if (!before) return NOT_FOUND;
    const wanted = await read(before);
    if (!wanted.ok) return wanted.answer;
    if (await deps.changeSubuser(before, wanted.change)) return show({ ...before, ...wanted.change });
  }
  return { status: 429, errors: [apiErrors.tooManyRequests] };
}

const settingFlag =
  (field: 'disabled' | 'websiteDisabled'): Handle =>
  (call, deps) =>
    changeSubuserBy(
      call,
      deps,
      async () => {
        const fields = fieldsOf(call.body);
        if (fields.errors.length === 0 && !fields.has('disabled')) fields.refuse('disabled', 'no fields provided');
        else fields.flag('disabled');
        if (fields.errors.length > 0) return { ok: false, answer: { status: 400, errors: fields.errors } };
        return { ok: true, change: { [field]: (call.body as { disabled: boolean }).disabled } };
      },
      async () => ({ status: 204 }),
    );

const changeIps: Handle = (call, deps) =>
  changeSubuserBy(
    call,
    deps,
    async () => {
      const read = readIps(call.body, ipsOf(deps));
      return read.ok
        ? { ok: true, change: { ips: read.ips, lanes: lanesOf(read.ips, deps) } }
        : { ok: false, answer: { status: 400, errors: read.errors } };
    },
    async ({ ips }) => ({ status: 200, body: { ips } }),
  );

/**
 * A subuser by its account, which stays what it is under whatever name. `gone`: for good; undefined: it was renamed between the two reads,
 * and is there at the next call.
 */
export async function readByAccount(
  account: string,
  { readAccount, readSubuser }: Pick<SubuserRouteDeps, 'readAccount' | 'readSubuser'>,
): Promise<SubuserRecord | 'gone' | undefined> {
  const own = await readAccount(account);
  if (!own || own.deleted) return 'gone';
  const found = await readSubuser(own.parent, own.username);
  return found?.account === account ? found : undefined;
}

async function deleteSubuser({ account: parent, params }: Call, deps: SubuserRouteDeps): Promise<Answer> {
  const named = await deps.readSubuser(parent, params.subuser_name!);
  if (!named) return NOT_FOUND;
  const { account } = named;
  for (let tries = 1; tries <= TRIES; tries++) {
    const found = tries === 1 ? named : await readByAccount(account, deps);
    if (found === 'gone') return { status: 204 };
    if (!found || !(found.disabled || (await deps.changeSubuser(found, { disabled: true })))) continue;
    // The name goes last: whatever ends this half-way, the same call again ends it.
    for (const domain of await deps.listOwnDomains(account)) await removeWithRecords(domain, deps);
    await deps.forgetAccount(account);
    const bare = await readByAccount(account, deps);
    if (bare === 'gone' || (bare && (await deps.removeSubuser(bare)))) return { status: 204 };
  }
  return { status: 429, errors: [apiErrors.tooManyRequests] };
}

// credits -------------------------------------------------------------------------------------------------------------

async function usedCredits(account: string, credits: Credits, deps: SubuserRouteDeps): Promise<number> {
  const counter = counterOf(credits, deps.now());
  return (counter && (await deps.readCredits(account, counter.name))?.claimed) ?? 0;
}

async function getCredits({ account, params }: Call, deps: SubuserRouteDeps): Promise<Answer> {
  const found = await deps.readSubuser(account, params.subuser_name!);
  if (!found) return NOT_FOUND;
  const used = await usedCredits(found.account, found.credits, deps);
  return { status: 200, body: showCredits(found.credits, used, deps.now()) };
}

const writingCredits =
  (read: (call: Call, before: SubuserRecord, deps: SubuserRouteDeps) => Promise<ReadCredits>): Handle =>
  (call, deps) =>
    changeSubuserBy(
      call,
      deps,
      async (before) => {
        const wanted = await read(call, before, deps);
        return wanted.ok
          ? { ok: true, change: { credits: wanted.credits } }
          : { ok: false, answer: { status: 400, errors: wanted.errors } };
      },
      async ({ account, credits }) => ({
        status: 200,
        body: showCredits(credits, await usedCredits(account, credits, deps), deps.now()),
      }),
    );

const setCredits = writingCredits(async ({ body }, _, deps) => readCredits(body, deps.now()));
const adjustRemaining = writingCredits(async ({ body }, { account, credits }, deps) =>
  adjustCredits(credits, body, await usedCredits(account, credits, deps), deps.now()),
);

function wholeIn(text: string | undefined, absent: number, least: number, most: number): number | undefined {
  if (text === undefined || text === '') return absent;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  return value >= least && value <= most ? value : undefined;
}

const PATH = '/v3/subusers';
const ONE = `${PATH}/{subuser_name}`;

const ALL: [Route['method'], string, string, Handle][] = [
  ['GET', PATH, 'subusers.read', listSubusers],
  ['POST', PATH, 'subusers.create', createSubuser],
  ...SUBUSER_STATS,
  ['PATCH', ONE, 'subusers.update', settingFlag('disabled')],
  ['DELETE', ONE, 'subusers.delete', deleteSubuser],
  ['PATCH', `${ONE}/website_access`, 'subusers.update', settingFlag('websiteDisabled')],
  ['PUT', `${ONE}/ips`, 'subusers.update', changeIps],
  ['GET', `${ONE}/credits`, 'subusers.credits.read', getCredits],
  ['PUT', `${ONE}/credits`, 'subusers.credits.update', setCredits],
  ['PATCH', `${ONE}/credits/remaining`, 'subusers.credits.remaining.update', adjustRemaining],
];

export const SUBUSER_ROUTES: readonly Route[] = ALL.map(([method, path, scope, handle]) => ({
  method,
  path,
  scope,
  nullFields: true,
  handle: forParents(handle),
}));
