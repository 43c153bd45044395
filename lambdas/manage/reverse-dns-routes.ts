/**
 * `/v3/whitelabel/ips`: names of source addresses. What an address calls itself is in the stack's settings, so a name can be looked after
 * here, and not chosen: another one is refused with what to change.
 */
import { readDomain } from '../../core/address.ts';
import { reversed } from '../../core/blocklists.ts';
import { judgePtr } from '../../core/doctor.ts';
import { apiErrors } from '../../core/errors.ts';
import { type ReverseDnsRecord, reverseDnsKey } from '../../core/records/senders.ts';
import { freeNumber } from '../../core/senders/names.ts';
import type { Answer, Call } from './manage.ts';
import type { Route } from './routes.ts';
import { numberIn, page, refused, type SenderDeps, type SenderUser } from './sender-deps.ts';

export type ReverseDnsDeps = SenderDeps & {
  listReverseDns: (account: string) => Promise<ReverseDnsRecord[]>;
  createReverseDns: (record: ReverseDnsRecord) => Promise<boolean>;
  replaceReverseDns: (record: ReverseDnsRecord) => Promise<boolean>;
  removeReverseDns: (record: ReverseDnsRecord) => Promise<boolean>;
};

const NOT_FOUND: Answer = { status: 404, errors: [apiErrors.notFound] };

async function create(call: Call, deps: ReverseDnsDeps): Promise<Answer> {
  const { ip, domain: given, subdomain } = (call.body ?? {}) as Record<string, unknown>;
  const source = typeof ip === 'string' ? deps.sending.sources.find((one) => one.ip === ip) : undefined;
  if (typeof ip !== 'string' || !source) return refused('ip', 'ip is no address of this stack');
  const domain = typeof given === 'string' ? readDomain(given) : undefined;
  if (domain === undefined) return refused('domain', 'domain must be a domain name, like example.com');
  if (subdomain !== undefined && typeof subdomain !== 'string') return refused('subdomain', 'subdomain must be a name');
  const { ehloName } = source;
  const isItsName = subdomain ? `${subdomain.toLowerCase()}.${domain}` === ehloName : ehloName.endsWith(`.${domain}`);
  if (!isItsName)
    return refused(
      'domain',
      `${ip} calls itself ${ehloName}: its name is ehloName in the stack's settings, and changes with a deployment`,
    );
  const before = await deps.listReverseDns(call.account);
  const taken = new Set(before.map(({ id }) => id));
  const record: ReverseDnsRecord = {
    ...reverseDnsKey(call.account, ip),
    id: freeNumber(taken, 'reverse-dns', call.account, ip),
    ip,
    domain,
    subdomain: ehloName.slice(0, -domain.length - 1),
    rdns: ehloName,
    createdAt: deps.now(),
  };
  if (!(await deps.createReverseDns(record))) return refused('ip', 'ip has a reverse DNS record already');
  return { status: 201, body: show(record, await deps.readUser(call.account)) };
}

function show(record: ReverseDnsRecord, { username, userId }: SenderUser) {
  const { id, ip, rdns, subdomain, domain, validAt, triedAt } = record;
  const valid = validAt !== undefined;
  return {
    id,
    ip,
    rdns,
    users: [{ username, user_id: userId }],
    subdomain,
    domain,
    valid,
    legacy: false,
    ...(triedAt === undefined ? {} : { last_validation_attempt_at: Math.floor(triedAt / 1_000) }),
    a_record: { valid, type: 'a', host: rdns, data: ip },
  };
}

async function list(call: Call, deps: ReverseDnsDeps): Promise<Answer> {
  const [all, user] = await Promise.all([deps.listReverseDns(call.account), deps.readUser(call.account)]);
  const wanted = all.filter(({ ip }) => !call.query.ip || ip.startsWith(call.query.ip));
  return page(call, wanted, (one) => show(one, user));
}

async function find({ account, params }: Call, deps: ReverseDnsDeps): Promise<ReverseDnsRecord | undefined> {
  const id = numberIn(params.id);
  return id === undefined ? undefined : (await deps.listReverseDns(account)).find((one) => one.id === id);
}

async function get(call: Call, deps: ReverseDnsDeps): Promise<Answer> {
  const record = await find(call, deps);
  return record ? { status: 200, body: show(record, await deps.readUser(call.account)) } : NOT_FOUND;
}

async function remove(call: Call, deps: ReverseDnsDeps): Promise<Answer> {
  const record = await find(call, deps);
  return record && (await deps.removeReverseDns(record)) ? { status: 204 } : NOT_FOUND;
}

/** Both ways: the name leads to the address, and the address has the name. */
async function validate(call: Call, deps: ReverseDnsDeps): Promise<Answer> {
  const record = await find(call, deps);
  if (!record) return NOT_FOUND;
  const { ip, rdns } = record;
  const [ptr, forward] = await Promise.all([
    deps.lookUp(`${reversed(ip)}.in-addr.arpa`, 'PTR'),
    deps.lookUp(rdns, 'A'),
  ]);
  const { state, found, todo } = judgePtr({ name: ip, ip, ehloName: rdns }, ptr, forward);
  const valid = state === 'ok';
  const now = deps.now();
  const { validAt: before, ...rest } = record;
  const validAt = valid ? now : state === 'unknown' ? before : undefined;
  await deps.replaceReverseDns({ ...rest, triedAt: now, ...(validAt === undefined ? {} : { validAt }) });
  const reason = valid ? null : [found, ...todo].join('. ');
  return { status: 200, body: { id: record.id, valid, validation_results: { a_record: { valid, reason } } } };
}

const PATH = '/v3/whitelabel/ips';

export const REVERSE_DNS_ROUTES: readonly Route[] = [
  { method: 'POST', path: PATH, scope: 'whitelabel.create', handle: create },
  { method: 'GET', path: PATH, scope: 'whitelabel.read', handle: list },
  { method: 'GET', path: `${PATH}/{id}`, scope: 'whitelabel.read', handle: get },
  { method: 'DELETE', path: `${PATH}/{id}`, scope: 'whitelabel.delete', handle: remove },
  { method: 'POST', path: `${PATH}/{id}/validate`, scope: 'whitelabel.update', handle: validate },
];
