/** Domains that an account lends its subusers (SendGrid: "associate an authenticated domain with a subuser"): they send by it, and cannot change it. */
import { apiErrors } from '../../core/errors.ts';
import type { DomainRecord } from '../../core/records/domains.ts';
import type { Borrower } from '../../core/records/senders.ts';
import { showDomain } from '../../core/senders/authentication.ts';
import { authenticationOf, isProven } from '../../core/senders/kept.ts';
import type { Answer, Call } from './manage.ts';
import type { Route } from './routes.ts';
import { findDomain, refused, type SenderDeps } from './sender-deps.ts';

const NOT_FOUND: Answer = { status: 404, errors: [apiErrors.notFound] };
/** Domains that one subuser may borrow (SendGrid: five). */
const BORROWED = 5;

/** Lends one domain instead of those that the subuser had of this account. */
const associate = (call: Call, deps: SenderDeps) => lend(call, deps, 'instead');
/** Lends one more. */
const associateOneMore = (call: Call, deps: SenderDeps) => lend(call, deps, 'more');

async function lend(call: Call, deps: SenderDeps, how: 'instead' | 'more'): Promise<Answer> {
  const record = await findDomain(call, call.params.domain_id, deps);
  if (!record) return NOT_FOUND;
  const username = (call.body as { username?: unknown } | null | undefined)?.username;
  const subuser =
    typeof username === 'string' && username !== '' ? await deps.findSubuser(call.account, username) : undefined;
  if (!subuser) return refused('username', 'username must be the name of a subuser of this account');
  if (!isProven(record)) return refused(null, 'validate the domain before a subuser sends by it');
  const lent = (await lentTo(call.account, subuser.account, deps)).filter(({ domain }) => domain !== record.domain);
  if (how === 'more' && lent.length >= BORROWED)
    return refused(null, `a subuser has ${BORROWED} domains of its parent at most`);
  if (how === 'instead') for (const other of lent) await takeBack(other, subuser.account, deps);
  const after = await changeBorrowers(record, deps, (before) => [
    ...before.filter(({ account }) => account !== subuser.account),
    subuser,
  ]);
  if (!after) return NOT_FOUND;
  await deps.lendDomain(subuser.account, record);
  return { status: 201, body: await shownBy(after, deps) };
}

/** What an account has lent to one of its subusers, as its own domains say. */
async function lentTo(parent: string, to: string, deps: Pick<SenderDeps, 'listOwnDomains'>): Promise<DomainRecord[]> {
  const own = await deps.listOwnDomains(parent);
  return own.filter((record) => authenticationOf(record).subusers.some(({ account }) => account === to));
}

async function takeBack(record: DomainRecord, from: string, deps: SenderDeps): Promise<void> {
  await deps.takeBackDomain(from, record.domain);
  await changeBorrowers(record, deps, (before) => before.filter(({ account }) => account !== from));
}

/** Tries again when somebody else changed the domain; undefined: it is gone. */
async function changeBorrowers(
  record: DomainRecord,
  deps: Pick<SenderDeps, 'changeDomain' | 'readOwnDomain'>,
  change: (before: Borrower[]) => Borrower[],
): Promise<DomainRecord | undefined> {
  for (let before: DomainRecord | undefined = record; before; ) {
    const kept = authenticationOf(before);
    const subusers = change(kept.subusers);
    const after: DomainRecord = {
      ...before,
      authentication: { ...kept, subusers, revision: kept.revision + 1 },
    };
    if (await deps.changeDomain(before, after)) return after;
    before = await deps.readOwnDomain(record.pk, record.domain);
  }
  return undefined;
}

/** A subuser is called something else from now on: its parent's domains say so where they name it. */
export async function renameBorrower(
  parent: string,
  { account, username }: Pick<Borrower, 'account' | 'username'>,
  deps: Pick<SenderDeps, 'listOwnDomains' | 'readOwnDomain' | 'changeDomain'>,
): Promise<void> {
  const isStale = (one: Borrower) => one.account === account && one.username !== username;
  for (const record of await lentTo(parent, account, deps))
    if (authenticationOf(record).subusers.some(isStale))
      await changeBorrowers(record, deps, (before) => before.map((one) => (isStale(one) ? { ...one, username } : one)));
}

async function disassociate(call: Call, deps: SenderDeps): Promise<Answer> {
  const record = await findDomain(call, call.params.domain_id, deps);
  const subuser = record && (await subuserNamed(call, deps));
  const lent = subuser && authenticationOf(record).subusers.some(({ account }) => account === subuser.account);
  if (!record || !lent) return NOT_FOUND;
  await takeBack(record, subuser.account, deps);
  return { status: 204 };
}

/** Of a subuser that has one domain; which of several is for the call that names it. */
async function disassociateOnly(call: Call, deps: SenderDeps): Promise<Answer> {
  const subuser = await subuserNamed(call, deps);
  const lent = subuser ? await lentTo(call.account, subuser.account, deps) : [];
  const [only] = lent;
  if (!subuser || !only) return NOT_FOUND;
  if (lent.length > 1)
    return refused(
      null,
      'the subuser has several domains: name one, DELETE /v3/whitelabel/domains/{domain_id}/subuser',
    );
  await takeBack(only, subuser.account, deps);
  return { status: 204 };
}

async function getLent(call: Call, deps: SenderDeps): Promise<Answer> {
  const subuser = await subuserNamed(call, deps);
  const [first] = subuser ? await lentTo(call.account, subuser.account, deps) : [];
  return first ? { status: 200, body: await shownBy(first, deps) } : NOT_FOUND;
}

async function listLent(call: Call, deps: SenderDeps): Promise<Answer> {
  const subuser = await subuserNamed(call, deps);
  if (!subuser) return NOT_FOUND;
  const lent = await lentTo(call.account, subuser.account, deps);
  return { status: 200, body: await Promise.all(lent.map((record) => shownBy(record, deps))) };
}

async function subuserNamed({ account, query }: Call, deps: SenderDeps) {
  return query.username ? deps.findSubuser(account, query.username) : undefined;
}

async function shownBy(record: DomainRecord, { readUser, readDefaultDomain, sending }: SenderDeps) {
  const [user, isDefault] = await Promise.all([readUser(record.pk), readDefaultDomain(record.pk)]);
  return showDomain(record, { user, isDefault: record.domain === isDefault, sending });
}

const PATH = '/v3/whitelabel/domains';
const [READ, UPDATE] = ['whitelabel.read', 'whitelabel.update'];

export const DOMAIN_SUBUSER_ROUTES: readonly Route[] = [
  { method: 'GET', path: `${PATH}/subuser`, scope: READ, handle: getLent },
  { method: 'DELETE', path: `${PATH}/subuser`, scope: UPDATE, handle: disassociateOnly },
  { method: 'GET', path: `${PATH}/subuser/all`, scope: READ, handle: listLent },
  { method: 'POST', path: `${PATH}/{domain_id}/subuser`, scope: UPDATE, handle: associate },
  { method: 'DELETE', path: `${PATH}/{domain_id}/subuser`, scope: UPDATE, handle: disassociate },
  { method: 'POST', path: `${PATH}/{domain_id}/subuser:add`, scope: UPDATE, handle: associateOneMore },
];
