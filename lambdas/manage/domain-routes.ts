/**
 * `/v3/whitelabel/domains`: sending domains, in the shapes of SendGrid's OpenAPI document. A domain that is made here sends nothing until
 * DNS has proved that it is the account's. Beyond SendGrid: `/compliance` says what receivers would find wrong, `/rotate`
 * brings the next DKIM key in.
 */
import { apiErrors } from '../../core/errors.ts';
import { OPERATOR } from '../../core/records/accounts.ts';
import { type DomainRecord, domainKey } from '../../core/records/domains.ts';
import {
  type AskedDomain,
  DOMAINS,
  hasSource,
  readDomainChange,
  readDomainRequest,
  showDomain,
  zoneIsFull,
} from '../../core/senders/authentication.ts';
import { judgeSender, questionsOf, senderDns } from '../../core/senders/dns.ts';
import { authenticationOf } from '../../core/senders/kept.ts';
import { introduceKeys } from '../../core/senders/keys.ts';
import { freeNumber } from '../../core/senders/names.ts';
import { checkCompliance } from './domain-compliance.ts';
import {
  CHANGED_MEANWHILE,
  changeTargets,
  dropTargets,
  publishTargets,
  removeWithRecords,
  rotateDomain,
} from './domain-keys.ts';
import { DOMAIN_SUBUSER_ROUTES } from './domain-subuser-routes.ts';
import type { Answer, Call } from './manage.ts';
import type { Route } from './routes.ts';
import { findDomain, page, refused, type SenderDeps } from './sender-deps.ts';

const NOT_FOUND: Answer = { status: 404, errors: [apiErrors.notFound] };
/** SendGrid's words. */
const EXISTS = refused('domain', 'A domain authentication already exists for this URL.');

async function create(call: Call, deps: SenderDeps): Promise<Answer> {
  const { body, account } = call;
  const username = (body as { username?: unknown } | null | undefined)?.username;
  const subuser = typeof username === 'string' ? await ownerNamed(account, username, deps) : undefined;
  const owner = subuser?.account ?? account;
  const before = await deps.listOwnDomains(owner);
  const taken = new Set(before.map((one) => authenticationOf(one).id));
  const id = (domain: string) => freeNumber(taken, 'domain', owner, domain);
  const read = readDomainRequest(body, { account: owner, id, sending: deps.sending });
  if (!read.ok) return { status: 400, errors: read.errors };
  const { asked } = read;
  if (asked.username !== undefined && !subuser) return refused('username', 'username is no subuser of this account');
  if (before.length >= DOMAINS) return refused(null, `an account has ${DOMAINS} domains at most`);
  if (before.some(({ domain }) => domain === asked.domain)) return EXISTS;
  const { automatic } = asked.authentication;
  const full = automatic ? zoneIsFull(owner, before) : undefined;
  if (full !== undefined) return refused('automatic_security', full);
  const record = await makeRecord(owner, asked, deps);
  if (!(await deps.createDomain(record))) return EXISTS;
  const late = automatic ? await lateRefusal(record, deps) : undefined;
  if (late !== undefined) return refused('automatic_security', late);
  if (asked.isDefault) await deps.writeDefaultDomain(owner, record.domain);
  const published = await publish(record, deps);
  const user = subuser ?? (await deps.readUser(account));
  return { status: 201, body: showDomain(published, { user, isDefault: asked.isDefault, sending: deps.sending }) };
}

/** Counted once more behind the write: of many calls at once none may be too many. What was one too many is gone again. */
async function lateRefusal(record: DomainRecord, deps: SenderDeps): Promise<string | undefined> {
  const all = await deps.listOwnDomains(record.pk);
  const others = all.filter(({ sk }) => sk !== record.sk);
  const full = zoneIsFull(record.pk, others);
  // With what a validation has written for it meanwhile.
  if (full !== undefined) await removeWithRecords(record, deps);
  return full;
}

/** An account, named by itself or by its parent. */
async function ownerNamed(account: string, username: string, deps: SenderDeps) {
  const self = await deps.readUser(account);
  return self.username === username ? { ...self, account } : deps.findSubuser(account, username);
}

/** With automatic security the second key waits beside the first: changing over is then one step. */
async function makeRecord(owner: string, asked: AskedDomain, deps: SenderDeps): Promise<DomainRecord> {
  const { domain, authentication, selectors } = asked;
  const createdAt = deps.now();
  const [selector, second] = selectors;
  const first = await deps.makeDkimKey(owner, domain, 'rsa');
  const record: DomainRecord = {
    ...domainKey(owner, domain),
    domain,
    selector,
    returnPath: `${authentication.subdomain}.${domain}`,
    ...first,
    createdAt,
    authentication,
  };
  if (!authentication.automatic) return record;
  const waiting = await deps.makeDkimKey(owner, domain, 'rsa');
  const common = { algorithm: 'rsa', createdAt } as const;
  return {
    ...record,
    keys: [
      { ...common, ...first, selector, state: 'active' },
      { ...common, ...waiting, selector: second, state: 'pending' },
    ],
  };
}

/**
 * Our own records for CNAMEs, and the domain's where its zone is in the settings. The second for the operator's account alone: whoever else
 * could have records written into his zones would prove by them that his domains were theirs.
 */
async function publish(record: DomainRecord, deps: SenderDeps): Promise<DomainRecord> {
  const targets = await publishTargets(record, deps);
  const own = senderDns(record, deps.sending)
    .filter(({ field }) => field !== 'domain_spf')
    .map(({ name, type, value }) => ({ name, type, value }));
  const theirs = record.pk === OPERATOR ? await deps.writeRecords(own, { replace: false }) : [];
  const written = [...targets, ...theirs];
  if (written.length === 0) return record;
  const kept = authenticationOf(record);
  const after = { ...record, authentication: { ...kept, written, revision: kept.revision + 1 } };
  if (await deps.changeDomain(record, after)) return after;
  await dropTargets(record, written, deps);
  return record;
}

async function list(call: Call, deps: SenderDeps): Promise<Answer> {
  const { account, query } = call;
  const owner = query.username ? await ownerNamed(account, query.username, deps) : { account };
  if (!owner) return page(call, [], () => undefined);
  const [own, isDefault, user] = await Promise.all([
    deps.listOwnDomains(owner.account),
    deps.readDefaultDomain(owner.account),
    deps.readUser(owner.account),
  ]);
  const wanted = own.filter(({ domain }) => !query.domain || domain.includes(query.domain.toLowerCase()));
  return page(call, wanted, (record) =>
    showDomain(record, { user, isDefault: record.domain === isDefault, sending: deps.sending, subusers: true }),
  );
}

/** In the shape of one domain, or of a list of one, as SendGrid's document has it for each call. */
async function shown(
  record: DomainRecord,
  deps: SenderDeps,
  status: number,
  subusers = false,
): Promise<{ status: number; body: object }> {
  const [user, isDefault] = await Promise.all([deps.readUser(record.pk), deps.readDefaultDomain(record.pk)]);
  const body = showDomain(record, { user, isDefault: record.domain === isDefault, sending: deps.sending, subusers });
  return { status, body };
}

async function get(call: Call, deps: SenderDeps): Promise<Answer> {
  const record = await findDomain(call, call.params.domain_id, deps);
  return record ? shown(record, deps, 200) : NOT_FOUND;
}

async function update(call: Call, deps: SenderDeps): Promise<Answer> {
  const record = await findDomain(call, call.params.domain_id, deps);
  if (!record) return NOT_FOUND;
  const read = readDomainChange(call.body);
  if (!read.ok) return { status: 400, errors: read.errors };
  const { isDefault, customSpf } = read.asked;
  let after = record;
  if (customSpf !== undefined) {
    const kept = authenticationOf(record);
    after = { ...record, authentication: { ...kept, customSpf, revision: kept.revision + 1 } };
    if (!(await deps.changeDomain(record, after))) return CHANGED_MEANWHILE;
  }
  if (isDefault) await deps.writeDefaultDomain(record.pk, record.domain);
  else if (isDefault === false && (await deps.readDefaultDomain(record.pk)) === record.domain)
    await deps.removeDefaultDomain(record.pk);
  const { status, body } = await shown(after, deps, 200, true);
  return { status, body: [body] };
}

async function remove(call: Call, deps: SenderDeps): Promise<Answer> {
  const record = await findDomain(call, call.params.domain_id, deps);
  const removed = record && (await removeWithRecords(record, deps));
  if (!removed) return NOT_FOUND;
  for (const { account } of authenticationOf(removed).subusers) await deps.takeBackDomain(account, record.domain);
  if ((await deps.readDefaultDomain(record.pk)) === record.domain) await deps.removeDefaultDomain(record.pk);
  return { status: 204 };
}

/** The domain that mail of an address's domain is signed by; without `domain`, the default. */
async function getDefault(call: Call, deps: SenderDeps): Promise<Answer> {
  const { account, query } = call;
  const name = query.domain ? query.domain.toLowerCase() : await deps.readDefaultDomain(account);
  const record = name === undefined ? undefined : await deps.readOwnDomain(account, name);
  const fallback = record ?? (query.domain ? await readDefault(account, deps) : undefined);
  if (!fallback) return { status: 200, body: [] };
  const { status, body } = await shown(fallback, deps, 200, true);
  return { status, body: [body] };
}

async function readDefault(account: string, deps: SenderDeps): Promise<DomainRecord | undefined> {
  const name = await deps.readDefaultDomain(account);
  return name === undefined ? undefined : deps.readOwnDomain(account, name);
}

async function validate(call: Call, deps: SenderDeps): Promise<Answer> {
  const record = await findDomain(call, call.params.id, deps);
  if (!record) return NOT_FOUND;
  const kept = authenticationOf(record);
  const written = [
    ...kept.written.filter(({ name }) => kept.target === undefined || !name.endsWith(kept.target)),
    ...(await publishTargets(record, deps)),
  ];
  const judged = await look(record, deps);
  const taken = judged.valid && !(await claims(record, deps));
  const valid = judged.valid && !taken;
  const results = taken ? { ...judged.results, ...TAKEN(record) } : judged.results;
  const found = Object.entries(results).flatMap(([field, one]) => (one.valid ? [field] : []));
  const now = deps.now();
  // What nobody could tell takes nothing away that was known.
  const validAt = valid ? now : judged.unsure ? record.validAt : undefined;
  const authentication = { ...kept, found, written, triedAt: now, revision: kept.revision + 1 };
  const introduced = await introduceKeys(record, deps.lookUp, now);
  const { validAt: _, ...rest } = introduced;
  const after = { ...rest, authentication, ...(validAt === undefined ? {} : { validAt }) };
  if (!(await deps.changeDomain(record, after))) {
    await dropTargets(record, written, deps);
    return CHANGED_MEANWHILE;
  }
  const shownResults = Object.fromEntries(
    Object.entries(results).map(([field, one]) => [field, { valid: one.valid, reason: one.reason }]),
  );
  return { status: 200, body: { id: kept.id, valid, validation_results: shownResults } };
}

async function look(record: DomainRecord, { sending, lookUp }: SenderDeps) {
  const questions = questionsOf(record, sending);
  const answers = await Promise.all(questions.map(({ name, type }) => lookUp(name, type)));
  return judgeSender(
    record,
    sending,
    new Map(questions.map(({ name, type }, n) => [`${type} ${name}`, answers[n]!] as const)),
  );
}

/** Whether what comes back to the return path is ours to take: only now, when DNS says that the name is the account's. */
async function claims(record: DomainRecord, deps: SenderDeps): Promise<boolean> {
  try {
    await deps.claimReturnPath(record.pk, record.returnPath);
    return true;
  } catch (error) {
    if ((error as Error).name !== 'HostTakenError') throw error;
    return false;
  }
}

const TAKEN = (record: DomainRecord) => ({
  [authenticationOf(record).automatic ? 'mail_cname' : 'mail_server']: {
    valid: false,
    reason: `${record.returnPath} is a host of inbound parse: choose another subdomain`,
  },
});

async function addIp(call: Call, deps: SenderDeps): Promise<Answer> {
  const record = await findDomain(call, call.params.id, deps);
  if (!record) return NOT_FOUND;
  const ip = (call.body as { ip?: unknown } | null | undefined)?.ip;
  if (typeof ip !== 'string' || !hasSource(ip, deps.sending)) return refused('ip', 'ip is no address of this stack');
  const { ips } = authenticationOf(record);
  return setIps(record, [...new Set([...ips, ip])], deps);
}

async function removeIp(call: Call, deps: SenderDeps): Promise<Answer> {
  const record = await findDomain(call, call.params.id, deps);
  const { ips } = record ? authenticationOf(record) : { ips: [] as string[] };
  if (!record || !ips.includes(call.params.ip!)) return NOT_FOUND;
  return setIps(
    record,
    ips.filter((ip) => ip !== call.params.ip),
    deps,
  );
}

async function setIps(record: DomainRecord, ips: string[], deps: SenderDeps): Promise<Answer> {
  const authentication = { ...authenticationOf(record), ips };
  const after = await changeTargets(record, { ...record, authentication }, deps);
  return after ? shown(after, deps, 200) : CHANGED_MEANWHILE;
}

const DOMAINS_PATH = '/v3/whitelabel/domains';
const SCOPE = 'whitelabel';

/** Literal segments stand before `{names}` of the same place. */
export const DOMAIN_ROUTES: readonly Route[] = [
  { method: 'POST', path: DOMAINS_PATH, scope: `${SCOPE}.create`, handle: create },
  { method: 'GET', path: DOMAINS_PATH, scope: `${SCOPE}.read`, handle: list },
  { method: 'GET', path: `${DOMAINS_PATH}/default`, scope: `${SCOPE}.read`, handle: getDefault },
  ...DOMAIN_SUBUSER_ROUTES,
  { method: 'GET', path: `${DOMAINS_PATH}/{domain_id}`, scope: `${SCOPE}.read`, handle: get },
  { method: 'PATCH', path: `${DOMAINS_PATH}/{domain_id}`, scope: `${SCOPE}.update`, handle: update },
  { method: 'DELETE', path: `${DOMAINS_PATH}/{domain_id}`, scope: `${SCOPE}.delete`, handle: remove },
  { method: 'POST', path: `${DOMAINS_PATH}/{id}/ips`, scope: `${SCOPE}.update`, handle: addIp },
  { method: 'DELETE', path: `${DOMAINS_PATH}/{id}/ips/{ip}`, scope: `${SCOPE}.update`, handle: removeIp },
  { method: 'POST', path: `${DOMAINS_PATH}/{id}/validate`, scope: `${SCOPE}.update`, handle: validate },
  { method: 'POST', path: `${DOMAINS_PATH}/{id}/rotate`, scope: `${SCOPE}.update`, handle: rotateDomain },
  { method: 'GET', path: `${DOMAINS_PATH}/{id}/compliance`, scope: `${SCOPE}.read`, handle: checkCompliance },
];
