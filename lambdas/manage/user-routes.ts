/**
 * `/v3/user/{account,credits,email,username,profile}`: what an account is told of itself, and says of itself. Many clients try a key by one of
 * them, so each reads an item or two, and statistics that are a minute old at most. What a parent knows of a subuser (its name, its address)
 * stays one thing with what the subuser says: both change in one write.
 */
import { type BrakesRecord, capOf } from '../../core/brakes/brakes.ts';
import { apiErrors } from '../../core/errors.ts';
import { OPERATOR } from '../../core/records/accounts.ts';
import type { ProfileRecord } from '../../core/records/profile.ts';
import type { AccountRecord } from '../../core/records/subusers.ts';
import { REPUTATION_DAYS, reputationOf } from '../../core/subusers/reputation.ts';
import { readUsername } from '../../core/subusers/setting.ts';
import { balanceOf, type Counted } from '../../core/user/balance.ts';
import { readEmail, readProfileChange, showProfile } from '../../core/user/profile.ts';
import type { ProfileChange } from '../../io/profiles.ts';
import type { Sums } from '../../io/stats.ts';
import type { SubuserChange } from '../../io/subusers.ts';
import { renameBorrower } from './domain-subuser-routes.ts';
import type { Answer, Call } from './manage.ts';
import { NOT_FOUND, refused } from './recipients.ts';
import type { Route } from './routes.ts';
import type { SenderDeps } from './sender-deps.ts';
import { readByAccount, type SubuserRouteDeps } from './subuser-routes.ts';

export type UserRouteDeps = Pick<
  SubuserRouteDeps,
  'now' | 'readAccount' | 'readSubuser' | 'changeSubuser' | 'readCredits'
> &
  Pick<SenderDeps, 'readUser' | 'listOwnDomains' | 'readOwnDomain' | 'changeDomain'> & {
    /** Its address; undefined: it has not said. */
    readContact: (account: string) => Promise<string | undefined>;
    readProfile: (account: string) => Promise<ProfileRecord | undefined>;
    /** @returns all of it */
    changeProfile: (account: string, change: ProfileChange) => Promise<ProfileRecord>;
    readBrakes: (account: string) => Promise<BrakesRecord | undefined>;
    /** Copies a day where nobody has said otherwise; undefined: no cap. */
    defaultCap?: number | undefined;
    /** What was counted of all its mail from one hour to another, both included (`YYYY-MM-DDTHH`); a minute old at most. */
    readSums: (account: string, from: string, to: string) => Promise<Sums>;
  };

/** Changes of one subuser at once: each costs the others one more try. */
const TRIES = 4;
const TAKEN = refused('username', 'username exists');
const hourOf = (at: number) => new Date(at).toISOString().slice(0, 13);

/** The account as its parent has it; undefined: it has none. The operator's costs no read. */
const readParented = async (account: string, { readAccount }: UserRouteDeps): Promise<AccountRecord | undefined> =>
  account === OPERATOR ? undefined : readAccount(account);

// account and credits -------------------------------------------------------------------------------------------------

/** Whoever runs the stack pays for it, and no plan of it is another's: the type is always `paid`. */
async function getAccount({ account }: Call, deps: UserRouteDeps): Promise<Answer> {
  const now = deps.now();
  const sums = await deps.readSums(account, hourOf(now - REPUTATION_DAYS * 86_400_000), hourOf(now));
  const { delivered = 0, bounces = 0, spam_reports: complaints = 0 } = sums;
  return { status: 200, body: { type: 'paid', reputation: reputationOf({ delivered, bounces, complaints }) } };
}

async function getCredits({ account }: Call, deps: UserRouteDeps): Promise<Answer> {
  const [brakes, parented] = await Promise.all([deps.readBrakes(account), readParented(account, deps)]);
  const limits = { credits: parented?.credits, cap: capOf(brakes, deps.defaultCap) };
  const { by, show } = balanceOf(limits, deps.now());
  return { status: 200, body: show(await usedBy(account, by, deps)) };
}

async function usedBy(account: string, by: Counted, deps: UserRouteDeps): Promise<number> {
  if ('counter' in by) return (await deps.readCredits(account, by.counter))?.claimed ?? 0;
  return (await deps.readSums(account, by.month.from, by.month.to)).requests ?? 0;
}

// email and username --------------------------------------------------------------------------------------------------

async function getEmail({ account }: Call, deps: UserRouteDeps): Promise<Answer> {
  return { status: 200, body: { email: (await deps.readContact(account)) ?? '' } };
}

async function changeEmail(call: Call, deps: UserRouteDeps): Promise<Answer> {
  const { account, body } = call;
  const read = readEmail(body);
  if (!read.ok) return { status: 400, errors: read.errors };
  const { email } = read;
  const parented = await readParented(account, deps);
  if (parented) return changeParented(call, { email }, { email }, deps);
  await deps.changeProfile(account, { email });
  return { status: 200, body: { email } };
}

async function getUsername({ account }: Call, deps: UserRouteDeps): Promise<Answer> {
  const { username, userId } = await deps.readUser(account);
  return { status: 200, body: { username, user_id: userId } };
}

async function changeUsername(call: Call, deps: UserRouteDeps): Promise<Answer> {
  const { account, body } = call;
  const read = readUsername(body);
  if (!read.ok) return { status: 400, errors: read.errors };
  const { username } = read;
  const parented = await readParented(account, deps);
  if (!parented) {
    // A call may name an account or a subuser of it by one word.
    if (await deps.readSubuser(account, username)) return TAKEN;
    await deps.changeProfile(account, { username });
    return { status: 200, body: { username } };
  }
  const { parent } = parented;
  const isOf = (other: string) => other.toLowerCase() === username.toLowerCase();
  const namesake = await deps.readSubuser(parent, username);
  if ((namesake && namesake.account !== account) || isOf((await deps.readUser(parent)).username)) return TAKEN;
  const answer = await changeParented(call, { username }, { username }, deps);
  // Behind the name, and also where that was it already: whatever ends this half-way, the same call again ends it.
  if (answer.status === 200) await renameBorrower(parent, { account, username }, deps);
  return answer;
}

/** Its own key may be taken for a minute behind the moment at which its parent stops it, or takes it away: it changes nothing any more. */
const isStopped = ({ account, caller }: Call, { disabled }: Pick<AccountRecord, 'disabled'>): boolean =>
  disabled && account === caller.account;

/** Changes what the parent knows of a subuser and what it is to itself, as they are at that moment, however many others do. */
async function changeParented(call: Call, change: SubuserChange, body: unknown, deps: UserRouteDeps): Promise<Answer> {
  const { account } = call;
  for (let tries = 1; tries <= TRIES; tries++) {
    const before = await readByAccount(account, deps);
    if (before === 'gone' || (before && isStopped(call, before))) return NOT_FOUND;
    if (!before) continue;
    if (await deps.changeSubuser(before, change)) return { status: 200, body };
    const { username } = change;
    const namesake = username === undefined ? undefined : await deps.readSubuser(before.pk, username);
    if (namesake && namesake.account !== account) return TAKEN;
  }
  return { status: 429, errors: [apiErrors.tooManyRequests] };
}

// profile -------------------------------------------------------------------------------------------------------------

async function getProfile({ account }: Call, deps: UserRouteDeps): Promise<Answer> {
  return { status: 200, body: showProfile(await deps.readProfile(account)) };
}

async function changeProfile(call: Call, deps: UserRouteDeps): Promise<Answer> {
  const { account, body } = call;
  const read = readProfileChange(body);
  if (!read.ok) return { status: 400, errors: read.errors };
  // Nothing about a person is written for who is gone.
  const parented = await readParented(account, deps);
  if (parented && (parented.deleted || isStopped(call, parented))) return NOT_FOUND;
  return { status: 200, body: showProfile(await deps.changeProfile(account, read.change)) };
}

const ALL: [Route['method'], string, string, (call: Call, deps: UserRouteDeps) => Promise<Answer>][] = [
  ['GET', 'account', 'read', getAccount],
  ['GET', 'credits', 'read', getCredits],
  ['GET', 'email', 'read', getEmail],
  ['PUT', 'email', 'update', changeEmail],
  ['GET', 'username', 'read', getUsername],
  ['PUT', 'username', 'update', changeUsername],
  ['GET', 'profile', 'read', getProfile],
  ['PATCH', 'profile', 'update', changeProfile],
];

export const USER_ROUTES: readonly Route[] = ALL.map(([method, name, action, handle]) => ({
  method,
  path: `/v3/user/${name}`,
  scope: `user.${name}.${action}`,
  nullFields: true,
  handle,
}));
