/** `/v3/asm/groups` and the suppressions of groups, in the shapes of SendGrid's OpenAPI document. */
import type { GroupRecord } from '../../core/records/groups.ts';
import { GROUPS, type Group, readGroup, showGroup } from '../../core/suppressions/group.ts';
import { readListQuery } from '../../core/suppressions/query.ts';
import type { GroupRefusal } from '../../io/groups.ts';
import { answerPage } from './listing.ts';
import type { Answer, Call } from './manage.ts';
import { ALWAYS, addRecipients, asAddress, NOT_FOUND, readRecipients, refused } from './recipients.ts';
import type { Route } from './routes.ts';
import type { ListRouteDeps } from './suppression-routes.ts';

export type GroupRouteDeps = ListRouteDeps & {
  listGroups: (account: string) => Promise<GroupRecord[]>;
  readGroup: (account: string, id: number) => Promise<GroupRecord | undefined>;
  createGroup: (account: string, group: Group, createdAt: number) => Promise<GroupRecord | GroupRefusal>;
  changeGroup: (
    account: string,
    id: number,
    read: (before: GroupRecord) => Group,
  ) => Promise<GroupRecord | GroupRefusal>;
  removeGroup: (account: string, id: number) => Promise<boolean>;
};

/** Milliseconds that a group's readers are taken off for; who is left is on the list of a group that does not exist. */
const CLEARING = 12_000;

const listOf = (id: number) => `group#${id}` as const;

// groups --------------------------------------------------------------------------------------------------------------

async function createGroup({ account, body }: Call, deps: GroupRouteDeps): Promise<Answer> {
  const read = readGroup(body);
  if (!read.ok) return { status: 400, errors: read.errors };
  const made = await deps.createGroup(account, read.group, deps.now());
  return typeof made === 'string' ? refuseGroup(made) : { status: 201, body: showGroup(made) };
}

async function listGroups({ account, query }: Call, deps: GroupRouteDeps): Promise<Answer> {
  // Where a parameter is there several times, API Gateway puts commas between.
  const wanted = query.id === undefined ? undefined : query.id.split(',').map(idOf);
  if (wanted?.includes(undefined)) return refused('id', 'id must be the id of a group');
  const groups = (await deps.listGroups(account)).filter(({ id }) => !wanted || wanted.includes(id));
  return { status: 200, body: await Promise.all(groups.map((group) => showCounted(account, group, deps))) };
}

async function getGroup({ account, params }: Call, deps: GroupRouteDeps): Promise<Answer> {
  const group = await findGroup(account, params.group_id!, deps);
  return group ? { status: 200, body: await showCounted(account, group, deps) } : NOT_FOUND;
}

async function updateGroup({ account, params, body }: Call, deps: GroupRouteDeps): Promise<Answer> {
  const before = await findGroup(account, params.group_id!, deps);
  if (!before) return NOT_FOUND;
  const read = readGroup(body, before);
  if (!read.ok) return { status: 400, errors: read.errors };
  // What somebody else changes at this moment stays as he wants it, but for what this call says.
  const changed = await deps.changeGroup(account, before.id, (now) => {
    const again = readGroup(body, now);
    return again.ok ? again.group : now;
  });
  return typeof changed === 'string' ? refuseGroup(changed) : { status: 201, body: showGroup(changed) };
}

async function deleteGroup({ account, params }: Call, deps: GroupRouteDeps): Promise<Answer> {
  const id = idOf(params.group_id!);
  if (id === undefined || !(await deps.removeGroup(account, id))) return NOT_FOUND;
  const until = deps.now() + CLEARING;
  await deps.clearList(account, listOf(id), ALWAYS, () => deps.now() < until);
  return { status: 204 };
}

function refuseGroup(refusal: GroupRefusal): Answer {
  if (refusal === 'none') return NOT_FOUND;
  if (refusal === 'name') return refused('name', 'name is that of another group: each has its own');
  return refused(null, `an account has ${GROUPS} groups at most`);
}

async function showCounted(account: string, group: GroupRecord, { countList }: GroupRouteDeps) {
  return showGroup(group, await countList(account, listOf(group.id), ALWAYS));
}

// their suppressions --------------------------------------------------------------------------------------------------

/** Who leaves a group that is gone has left it all (SendGrid: "will be added to the global suppressions list"). */
async function addToGroup({ account, params, body }: Call, deps: GroupRouteDeps): Promise<Answer> {
  const group = await findGroup(account, params.group_id!, deps);
  return addRecipients(account, group ? listOf(group.id) : 'unsubscribes', body, deps);
}

async function listGroup(call: Call, deps: GroupRouteDeps): Promise<Answer> {
  const group = await findGroup(call.account, call.params.group_id!, deps);
  if (!group) return NOT_FOUND;
  const read = readListQuery(call.query, undefined);
  if (!read.ok) return { status: 400, errors: read.errors };
  const list = listOf(group.id);
  return answerPage(call, [{ list, range: read.query }], read.query, ({ email }) => email, deps, list);
}

async function deleteFromGroup({ account, params }: Call, deps: GroupRouteDeps): Promise<Answer> {
  const group = await findGroup(account, params.group_id!, deps);
  if (!group) return NOT_FOUND;
  const removed = await deps.removeMany(account, listOf(group.id), [asAddress(params.email!)]);
  return removed > 0 ? { status: 204 } : NOT_FOUND;
}

async function searchGroup({ account, params, body }: Call, deps: GroupRouteDeps): Promise<Answer> {
  const group = await findGroup(account, params.group_id!, deps);
  if (!group) return NOT_FOUND;
  const read = readRecipients(body);
  if (!read.ok) return read.answer;
  const records = await deps.readSuppressions(account, read.emails.map(asAddress));
  const isIn = (email: string) => records.get(asAddress(email).toLowerCase())?.groups?.[group.id] !== undefined;
  return { status: 200, body: read.emails.filter(isIn) };
}

async function listAll(call: Call, deps: GroupRouteDeps): Promise<Answer> {
  const read = readListQuery(call.query, undefined);
  if (!read.ok) return { status: 400, errors: read.errors };
  const groups = await deps.listGroups(call.account);
  const byList = new Map(groups.map((group) => [listOf(group.id) as string, group]));
  const wanted = groups.map(({ id }) => ({ list: listOf(id), range: read.query }));
  return answerPage(
    call,
    wanted,
    read.query,
    ({ email, created }, list) => {
      const { id, name } = byList.get(list)!;
      return { email, group_id: id, group_name: name, created_at: created };
    },
    deps,
  );
}

async function getAddress({ account, params }: Call, deps: GroupRouteDeps): Promise<Answer> {
  const [groups, record] = await Promise.all([
    deps.listGroups(account),
    deps.readSuppression(account, asAddress(params.email!)),
  ]);
  const suppressions = groups.map((group) => ({
    ...showGroup(group),
    suppressed: record?.groups?.[group.id] !== undefined,
  }));
  return { status: 200, body: { suppressions } };
}

async function findGroup(account: string, text: string, deps: GroupRouteDeps): Promise<GroupRecord | undefined> {
  const id = idOf(text);
  return id === undefined ? undefined : deps.readGroup(account, id);
}

function idOf(text: string): number | undefined {
  return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined;
}

// routes --------------------------------------------------------------------------------------------------------------

const GROUPS_PATH = '/v3/asm/groups';
const ONE = `${GROUPS_PATH}/{group_id}`;
const GROUP_SCOPE = 'asm.groups';
const LISTED_SCOPE = 'asm.groups.suppressions';

export const GROUP_ROUTES: readonly Route[] = (
  [
    ['POST', GROUPS_PATH, `${GROUP_SCOPE}.create`, createGroup],
    ['GET', GROUPS_PATH, `${GROUP_SCOPE}.read`, listGroups],
    ['GET', ONE, `${GROUP_SCOPE}.read`, getGroup],
    ['PATCH', ONE, `${GROUP_SCOPE}.update`, updateGroup],
    ['DELETE', ONE, `${GROUP_SCOPE}.delete`, deleteGroup],
    ['POST', `${ONE}/suppressions`, `${LISTED_SCOPE}.create`, addToGroup],
    ['GET', `${ONE}/suppressions`, `${LISTED_SCOPE}.read`, listGroup],
    ['POST', `${ONE}/suppressions/search`, `${LISTED_SCOPE}.read`, searchGroup],
    ['DELETE', `${ONE}/suppressions/{email}`, `${LISTED_SCOPE}.delete`, deleteFromGroup],
    ['GET', '/v3/asm/suppressions', `${LISTED_SCOPE}.read`, listAll],
    ['GET', '/v3/asm/suppressions/{email}', `${LISTED_SCOPE}.read`, getAddress],
  ] as const
).map(([method, path, scope, handle]) => ({ method, path, scope, nullFields: true, handle }));
