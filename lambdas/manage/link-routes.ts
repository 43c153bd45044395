/** `/v3/whitelabel/links`: the hosts that links in mail are at, in the shapes of SendGrid's OpenAPI document; the command line's `links` are the same. */
import { apiErrors } from '../../core/errors.ts';
import type { Borrower } from '../../core/records/senders.ts';
import type { LinkRecord } from '../../core/records/tracking.ts';
import { brandingOf, LINKS, ownerHost, readLinkRequest, showLink } from '../../core/senders/link.ts';
import { freeNumber } from '../../core/senders/names.ts';
import type { Answer, Call } from './manage.ts';
import type { Route } from './routes.ts';
import { numberIn, page, refused, type SenderDeps } from './sender-deps.ts';

export type LinkRouteDeps = SenderDeps & {
  /** What CNAMEs of link hosts lead to. */
  linkTarget: string;
  listLinks: (account: string) => Promise<LinkRecord[]>;
  createLink: (record: LinkRecord) => Promise<boolean>;
  replaceLink: (record: LinkRecord) => Promise<boolean>;
  removeLink: (account: string, domain: string) => Promise<boolean>;
  /** @throws HostTakenError */
  claimLinkHost: (account: string, host: string) => Promise<void>;
  readLinkDefault: (account: string) => Promise<string | undefined>;
  setLinkDefault: (account: string, domain: string) => Promise<void>;
  removeLinkDefault: (account: string) => Promise<boolean>;
  lendLink: (to: string, link: Pick<LinkRecord, 'pk' | 'domain'>) => Promise<void>;
  takeBackLink: (from: string) => Promise<boolean>;
  /** Asks a host by HTTPS whether it is ours. Undefined: it is; else why not. */
  probeLink: (host: string) => Promise<string | undefined>;
};

const NOT_FOUND: Answer = { status: 404, errors: [apiErrors.notFound] };

async function create(call: Call, deps: LinkRouteDeps): Promise<Answer> {
  const { account } = call;
  const all = await deps.listLinks(account);
  const taken = new Set(all.map((one) => brandingOf(one).id));
  const read = readLinkRequest(call.body, account, (domain) => freeNumber(taken, 'link', account, domain), deps.now());
  if (!read.ok) return { status: 400, errors: read.errors };
  if (all.length >= LINKS) return refused(null, `an account has ${LINKS} links at most`);
  const { record, isDefault } = read.asked;
  if (!(await deps.createLink(record))) return refused('domain', 'the domain has a link already: delete it first');
  if (isDefault) await deps.setLinkDefault(account, record.domain);
  return shown(record, deps, 201);
}

async function shown(record: LinkRecord, deps: LinkRouteDeps, status = 200): Promise<Answer> {
  const [user, fallback] = await Promise.all([deps.readUser(record.pk), deps.readLinkDefault(record.pk)]);
  return { status, body: showLink(record, { user, isDefault: fallback === record.domain, target: deps.linkTarget }) };
}

async function list(call: Call, deps: LinkRouteDeps): Promise<Answer> {
  const [all, user, fallback] = await Promise.all([
    deps.listLinks(call.account),
    deps.readUser(call.account),
    deps.readLinkDefault(call.account),
  ]);
  return page(call, all, (one) => showLink(one, { user, isDefault: fallback === one.domain, target: deps.linkTarget }));
}

async function find(account: string, text: string | undefined, deps: LinkRouteDeps): Promise<LinkRecord | undefined> {
  const id = numberIn(text);
  return id === undefined ? undefined : (await deps.listLinks(account)).find((one) => brandingOf(one).id === id);
}

async function get({ account, params }: Call, deps: LinkRouteDeps): Promise<Answer> {
  const record = await find(account, params.id, deps);
  return record ? shown(record, deps) : NOT_FOUND;
}

async function update({ account, params, body }: Call, deps: LinkRouteDeps): Promise<Answer> {
  const record = await find(account, params.id, deps);
  if (!record) return NOT_FOUND;
  const isDefault = (body as { default?: unknown } | null | undefined)?.default;
  if (isDefault !== undefined && typeof isDefault !== 'boolean')
    return refused('default', 'default must be true or false');
  if (isDefault) await deps.setLinkDefault(account, record.domain);
  else if (isDefault === false && (await deps.readLinkDefault(account)) === record.domain)
    await deps.removeLinkDefault(account);
  return shown(record, deps);
}

/** Its links in mail that went out lead on for as long as the host answers. */
async function remove({ account, params }: Call, deps: LinkRouteDeps): Promise<Answer> {
  const record = await find(account, params.id, deps);
  if (!record || !(await deps.removeLink(account, record.domain))) return NOT_FOUND;
  for (const { account: borrower } of brandingOf(record).subusers) await deps.takeBackLink(borrower);
  if ((await deps.readLinkDefault(account)) === record.domain) await deps.removeLinkDefault(account);
  return { status: 204 };
}

/** The one that mail from a domain has: its own, else the default, else the first that is valid. */
async function getDefault({ account, query }: Call, deps: LinkRouteDeps): Promise<Answer> {
  const [all, fallback] = await Promise.all([deps.listLinks(account), deps.readLinkDefault(account)]);
  const valid = all.filter(({ validAt }) => validAt !== undefined);
  const wanted = query.domain?.toLowerCase();
  const record =
    valid.find(({ domain }) => domain === wanted) ??
    valid.find(({ domain }) => domain === fallback) ??
    all.find(({ domain }) => domain === fallback) ??
    valid[0];
  return record ? shown(record, deps) : NOT_FOUND;
}

async function validate({ account, params }: Call, deps: LinkRouteDeps): Promise<Answer> {
  const record = await find(account, params.id, deps);
  if (!record) return NOT_FOUND;
  const user = await deps.readUser(account);
  const [owner, host] = await Promise.all([lookAtOwner(ownerHost(record, user), deps), deps.probeLink(record.host)]);
  // Whoever's number is not in the domain's zone cannot take its hosts, though they answer for this stack.
  const taken = owner === undefined && host === undefined ? await claims(record, deps) : undefined;
  const problem = host ?? taken;
  const valid = owner === undefined && problem === undefined;
  const branding = { ...brandingOf(record), ownerFound: owner === undefined, hostFound: problem === undefined };
  const { validAt: _, ...rest } = record;
  if (!(await deps.replaceLink({ ...rest, branding, ...(valid ? { validAt: deps.now() } : {}) }))) return NOT_FOUND;
  const result = (reason: string | undefined) => ({ valid: reason === undefined, reason: reason ?? null });
  const validation_results = { domain_cname: result(problem), owner_cname: result(owner) };
  return { status: 200, body: { id: branding.id, valid, validation_results } };
}

async function lookAtOwner(name: string, { lookUp, linkTarget }: LinkRouteDeps): Promise<string | undefined> {
  const answer = await lookUp(name, 'CNAME');
  if ('error' in answer) return `The look-up of ${name} failed (${answer.error}): try again`;
  const leads = answer.values.map((one) => one.toLowerCase().replace(/\.$/, ''));
  if (leads.includes(linkTarget.toLowerCase())) return undefined;
  const found =
    leads.length === 0 ? `There is no CNAME record at ${name}` : `The CNAME of ${name} leads to ${leads[0]}`;
  return `${found}: it must lead to ${linkTarget}`;
}

async function claims(record: LinkRecord, deps: LinkRouteDeps): Promise<string | undefined> {
  try {
    await deps.claimLinkHost(record.pk, record.host);
    return undefined;
  } catch (error) {
    if ((error as Error).name !== 'HostTakenError') throw error;
    return `${record.host} is in use: choose another subdomain`;
  }
}

// subusers ------------------------------------------------------------------------------------------------------------

async function associate({ account, params, body }: Call, deps: LinkRouteDeps): Promise<Answer> {
  const record = await find(account, params.link_id, deps);
  if (!record) return NOT_FOUND;
  const username = (body as { username?: unknown } | null | undefined)?.username;
  const subuser =
    typeof username === 'string' && username !== '' ? await deps.findSubuser(account, username) : undefined;
  if (!subuser) return refused('username', 'username must be the name of a subuser of this account');
  if (record.validAt === undefined) return refused(null, 'validate the link before a subuser has it');
  const before = await lentTo(account, subuser.account, deps);
  if (before && before.domain !== record.domain)
    await setBorrowers(before, (all) => all.filter((one) => one.account !== subuser.account), deps);
  const after = await setBorrowers(
    record,
    (all) => [...all.filter((one) => one.account !== subuser.account), subuser],
    deps,
  );
  await deps.lendLink(subuser.account, record);
  return shown(after, deps);
}

async function setBorrowers(
  record: LinkRecord,
  change: (all: Borrower[]) => Borrower[],
  deps: LinkRouteDeps,
): Promise<LinkRecord> {
  const branding = brandingOf(record);
  const after = { ...record, branding: { ...branding, subusers: change(branding.subusers) } };
  await deps.replaceLink(after);
  return after;
}

async function lentTo(account: string, to: string, deps: LinkRouteDeps): Promise<LinkRecord | undefined> {
  return (await deps.listLinks(account)).find((one) => brandingOf(one).subusers.some(({ account: of }) => of === to));
}

async function getLent({ account, query }: Call, deps: LinkRouteDeps): Promise<Answer> {
  const subuser = query.username ? await deps.findSubuser(account, query.username) : undefined;
  const record = subuser && (await lentTo(account, subuser.account, deps));
  return record ? shown(record, deps) : NOT_FOUND;
}

async function disassociate({ account, query }: Call, deps: LinkRouteDeps): Promise<Answer> {
  const subuser = query.username ? await deps.findSubuser(account, query.username) : undefined;
  const record = subuser && (await lentTo(account, subuser.account, deps));
  if (!record) return NOT_FOUND;
  await deps.takeBackLink(subuser.account);
  await setBorrowers(record, (all) => all.filter((one) => one.account !== subuser.account), deps);
  return { status: 204 };
}

const PATH = '/v3/whitelabel/links';

/** Literal segments stand before `{names}` of the same place. */
export const LINK_ROUTES: readonly Route[] = [
  { method: 'POST', path: PATH, scope: 'whitelabel.create', handle: create },
  { method: 'GET', path: PATH, scope: 'whitelabel.read', handle: list },
  { method: 'GET', path: `${PATH}/default`, scope: 'whitelabel.read', handle: getDefault },
  { method: 'GET', path: `${PATH}/subuser`, scope: 'whitelabel.read', handle: getLent },
  { method: 'DELETE', path: `${PATH}/subuser`, scope: 'whitelabel.update', handle: disassociate },
  { method: 'GET', path: `${PATH}/{id}`, scope: 'whitelabel.read', handle: get },
  { method: 'PATCH', path: `${PATH}/{id}`, scope: 'whitelabel.update', handle: update },
  { method: 'DELETE', path: `${PATH}/{id}`, scope: 'whitelabel.delete', handle: remove },
  { method: 'POST', path: `${PATH}/{id}/validate`, scope: 'whitelabel.update', handle: validate },
  { method: 'POST', path: `${PATH}/{link_id}/subuser`, scope: 'whitelabel.update', handle: associate },
];
