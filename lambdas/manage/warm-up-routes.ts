/**
 * `/v3/ips/warmup`, and `is_auto_warmup` of `/v3/send_ips`: warm-ups of source addresses, started, watched and stopped while the stack runs.
 * Lanes know of a change within a minute. The addresses are the stack's, so only the operator's own account may change anything.
 */
import { apiErrors } from '../../core/errors.ts';
import { fieldsOf } from '../../core/fields.ts';
import { OPERATOR } from '../../core/records/accounts.ts';
import type { WarmUpsRecord, WarmUpWord } from '../../core/records/warm-ups.ts';
import { type Address, addressesOf, type SourceIp, withStarts } from '../../core/senders/ips.ts';
import { budgetOf, dayOf, hourOf, WARM_UP } from '../../core/warm-up.ts';
import type { WarmUpOf } from '../../io/sites.ts';
import type { Answer, Call } from './manage.ts';
import { refused } from './recipients.ts';
import type { Route } from './routes.ts';

export type WarmUpRouteDeps = {
  /** Milliseconds since the epoch. */
  now: () => number;
  /** The lanes of the stack. */
  sourceIps: readonly SourceIp[];
  readWarmUps: (consistent?: boolean) => Promise<WarmUpsRecord | undefined>;
  writeWarmUp: (lane: string, word: WarmUpWord) => Promise<void>;
  /** How often bad answers set a warm-up back by a day. */
  readWarmUp: (warmUp: WarmUpOf) => Promise<{ heldDays: number }>;
  /** What was claimed of an hour's budget. */
  readWarmUpHour: (lane: string, hour: string) => Promise<number>;
};

type Handle = (call: Call, deps: WarmUpRouteDeps) => Promise<Answer>;

const NOT_FOUND: Answer = { status: 404, errors: [apiErrors.notFound] };
const OPERATORS = "source addresses are the stack's: only its operator's own account may change their warm-up";

/** The addresses as they are now. */
async function addresses({ sourceIps, readWarmUps }: WarmUpRouteDeps): Promise<Address[]> {
  return addressesOf(withStarts(sourceIps, await readWarmUps(true)));
}

const forOperators =
  (handle: Handle): Handle =>
  async (call, deps) =>
    call.account === OPERATOR ? handle(call, deps) : refused(null, OPERATORS, 403);

/** How far a warm-up is; undefined: the address is warm. What SendGrid shows are `ip` and `start_date`. */
async function progressOf({ ip, name, startedAt }: Address, deps: WarmUpRouteDeps) {
  if (startedAt === undefined) return undefined;
  const now = deps.now();
  const { heldDays } = await deps.readWarmUp({ lane: name, startedAt });
  const budget = budgetOf({ startedAt, now, heldDays });
  if (budget === undefined) return undefined;
  return {
    ip,
    start_date: Math.floor(startedAt / 1_000),
    day: dayOf({ startedAt, now, heldDays }),
    days: WARM_UP.length,
    hourly_limit: budget,
    // What was claimed beyond the budget was not given out.
    used_this_hour: Math.min(budget, await deps.readWarmUpHour(name, hourOf(now))),
    days_set_back: heldDays,
  };
}

const list: Handle = async (_, deps) => {
  const all = await Promise.all((await addresses(deps)).map((one) => progressOf(one, deps)));
  return { status: 200, body: all.filter((one) => one !== undefined) };
};

const find = async (ip: unknown, deps: WarmUpRouteDeps) => (await addresses(deps)).find((one) => one.ip === ip);

const get: Handle = async ({ params }, deps) => {
  const one = await find(params.ip_address, deps);
  const progress = one && (await progressOf(one, deps));
  return progress ? { status: 200, body: [progress] } : NOT_FOUND;
};

/** Begins now. One that is under way goes on as it is. */
async function start(one: Address, deps: WarmUpRouteDeps) {
  const under = await progressOf(one, deps);
  if (under) return under;
  const startedAt = deps.now();
  await deps.writeWarmUp(one.name, { startedAt, over: one.warmUpFrom ?? null });
  return progressOf({ ...one, startedAt }, deps);
}

const stop = ({ name, warmUpFrom }: Address, { writeWarmUp }: WarmUpRouteDeps): Promise<void> =>
  writeWarmUp(name, { over: warmUpFrom ?? null });

const startOne: Handle = async ({ body }, deps) => {
  const fields = fieldsOf(body);
  const ip = fields.text('ip');
  if (fields.errors.length > 0) return { status: 400, errors: fields.errors };
  const one = await find(ip, deps);
  return one ? { status: 200, body: [await start(one, deps)] } : NOT_FOUND;
};

const stopOne: Handle = async ({ params }, deps) => {
  const one = await find(params.ip_address, deps);
  if (!one || !(await progressOf(one, deps))) return NOT_FOUND;
  await stop(one, deps);
  return { status: 204 };
};

const SWITCHES = ['is_enabled', 'is_auto_warmup', 'is_parent_assigned'] as const;

/** SendGrid's words for a body that says nothing. Only the warm-up changes while the stack runs. */
const changeSendIp: Handle = async ({ params, body }, deps) => {
  const fields = fieldsOf(body);
  const given = SWITCHES.filter((name) => fields.has(name));
  if (fields.errors.length === 0 && given.length === 0)
    fields.refuse('', `at least one of the following is required: ${SWITCHES.join(', ')}`);
  const said = new Map(given.map((name) => [name, fields.flag(name)]));
  const deployed = 'changes with a deployment: pools[].sourceIps[].weight in pennypost.config.ts';
  if (said.get('is_enabled') === false) fields.refuse('is_enabled', `whether an address takes mail ${deployed}`);
  if (said.get('is_parent_assigned') === false)
    fields.refuse(
      'is_parent_assigned',
      'an address is always its account’s: PUT /v3/subusers/{name}/ips says which are a subuser’s',
    );
  if (fields.errors.length > 0) return { status: 400, errors: fields.errors };
  const one = await find(params.ip, deps);
  if (!one) return NOT_FOUND;
  const wanted = said.get('is_auto_warmup');
  if (wanted === true) await start(one, deps);
  else if (wanted === false && (await progressOf(one, deps))) await stop(one, deps);
  const isWarmingUp = wanted ?? (await progressOf(one, deps)) !== undefined;
  return { status: 200, body: { ip: one.ip, is_auto_warmup: isWarmingUp, is_parent_assigned: true, is_enabled: true } };
};

const WARM_UPS = '/v3/ips/warmup';

/** They stand before `/v3/ips/{ip_address}`. */
export const WARM_UP_ROUTES: readonly Route[] = (
  [
    ['GET', WARM_UPS, 'ips.warmup.read', list],
    ['POST', WARM_UPS, 'ips.warmup.create', forOperators(startOne)],
    ['GET', `${WARM_UPS}/{ip_address}`, 'ips.warmup.read', get],
    ['DELETE', `${WARM_UPS}/{ip_address}`, 'ips.warmup.delete', forOperators(stopOne)],
    ['PATCH', '/v3/send_ips/ips/{ip}', 'ips.update', forOperators(changeSendIp)],
  ] as const
).map(([method, path, scope, handle]) => ({ method, path, scope, nullFields: true, handle }));
