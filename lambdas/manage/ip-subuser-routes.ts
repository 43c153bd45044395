/**
 * `/v3/send_ips/ips/{ip}/subusers:batchAdd` and `:batchDelete`: one source address of several subusers. Who is named is looked at before
 * anything is changed; then each subuser changes as a whole, under the version that was read. Where one could not be changed, the answer
 * names it, and the same call again does what is left.
 */
import { apiErrors } from '../../core/errors.ts';
import type { SubuserRecord } from '../../core/records/subusers.ts';
import { isIpv4, readAssignment, shown, withIp, withoutIp } from '../../core/subusers/assignment.ts';
import type { Answer, Call } from './manage.ts';
import { NOT_FOUND, refused } from './recipients.ts';
import type { Route } from './routes.ts';
import { forParents, lanesOf, readByAccount, type SubuserRouteDeps } from './subuser-routes.ts';

/** Changes of one subuser at once: each costs the others one more try. */
const TRIES = 4;
/** Subusers that are changed at a time. */
const TOGETHER = 16;

type NewIps = (before: SubuserRecord) => string[] | undefined;

/** @param wanted its addresses afterwards; undefined: it cannot be */
async function changeAll(
  { account, params, body }: Call,
  deps: SubuserRouteDeps,
  wanted: (ip: string) => NewIps,
  done: (ip: string, named: string[]) => Answer,
): Promise<Answer> {
  const ip = params.ip!;
  if (!isIpv4(ip)) return refused(null, 'invalid IP address');
  if (!deps.sources.some((one) => one.ip === ip)) return NOT_FOUND;
  const read = readAssignment(body, account, await deps.listSubusers(account));
  if (!read.ok) return { status: 400, errors: [read.error] };
  const bare = read.subusers.filter((one) => wanted(ip)(one) === undefined);
  if (bare.length > 0) return lastOf(bare);
  const left: SubuserRecord[] = [];
  for (let n = 0; n < read.subusers.length; n += TOGETHER) {
    const some = read.subusers.slice(n, n + TOGETHER);
    const changed = await Promise.all(some.map((one) => changeOne(one, wanted(ip), deps)));
    left.push(...some.filter((_, at) => !changed[at]));
  }
  if (left.length === 0) return done(ip, read.named);
  const message = `these subusers are being changed by somebody else, and are as they were: ${namesOf(left)}. Send it again.`;
  return { status: 429, errors: [{ ...apiErrors.tooManyRequests, message, field: 'subusers' }] };
}

const namesOf = (subusers: readonly SubuserRecord[]) => shown(subusers.map(({ username }) => username));
const lastOf = (bare: readonly SubuserRecord[]) =>
  refused('subusers', `these subusers would have no IP left, which means all of them: ${namesOf(bare)}`);

/** False: it is not changed. One that is gone needs no change; one that has another name now does. */
async function changeOne(first: SubuserRecord, wanted: NewIps, deps: SubuserRouteDeps): Promise<boolean> {
  let before: SubuserRecord | 'gone' | undefined = first;
  for (let tries = 1; tries <= TRIES; tries++) {
    if (before === 'gone') return true;
    if (before) {
      const known = before.ips;
      const ips = wanted(before);
      if (!ips) return false;
      if (ips.length === known.length && ips.every((ip, n) => known[n] === ip)) return true;
      if (await deps.changeSubuser(before, { ips, lanes: lanesOf(ips, deps) })) return true;
    }
    before = await readByAccount(first.account, deps);
  }
  return before === 'gone';
}

const batchAdd: Route['handle'] = (call, deps) =>
  changeAll(
    call,
    deps,
    (ip) => (before) => withIp(before, ip),
    (ip, subusers) => ({ status: 200, body: { ip, subusers } }),
  );

const batchDelete: Route['handle'] = (call, deps) =>
  changeAll(
    call,
    deps,
    (ip) => (before) =>
      withoutIp(
        before,
        ip,
        deps.sources.map((one) => one.ip),
      ),
    () => ({ status: 204 }),
  );

/** They change what `PUT /v3/subusers/{name}/ips` changes, so they ask for the same scope. */
const SCOPE = 'subusers.update';
const SUBUSERS = '/v3/send_ips/ips/{ip}/subusers';

export const IP_SUBUSER_ROUTES: readonly Route[] = [
  { method: 'POST', path: `${SUBUSERS}:batchAdd`, scope: SCOPE, nullFields: true, handle: forParents(batchAdd) },
  { method: 'POST', path: `${SUBUSERS}:batchDelete`, scope: SCOPE, nullFields: true, handle: forParents(batchDelete) },
];
