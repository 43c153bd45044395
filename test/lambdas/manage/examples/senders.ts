/** Examples of senders: domains, branded links, reverse DNS, single addresses; and of source addresses, which the settings have, and pools of them. */

import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { OPERATOR } from '../../../../core/records/accounts.ts';
import { makeLink, makeSender } from '../../../../core/senders/verified.ts';
import { oneSubuser, SUBUSER } from './account.ts';
import { and, type Examples, type Given, type Make, type Path, plainly } from './example.ts';

type Shown = { dns: Record<string, { type: string; host: string; data: string }> };
const ofSubuser = `username=${SUBUSER.username}`;
const lendTo = { username: SUBUSER.username };

/** Puts what the API has shown into the DNS of this machine, as the domain's owner would. */
function publish({ here }: Given, { dns }: Shown): void {
  for (const { type, host, data } of Object.values(dns))
    if (type === 'mx') here.dns.setRecord(host, 'MX', [{ preference: 10, exchange: data }]);
    else here.dns.setRecord(host, type.toUpperCase() as 'TXT', [data]);
}

// domains -------------------------------------------------------------------------------------------------------------

const domainWith =
  (automatic: boolean) =>
  async (given: Given): Promise<Path> => {
    const { here, account, ask } = given;
    const asked = { domain: `${account}.example`, default: true, automatic_security: automatic, ips: here.sourceIps };
    const { json } = await ask('POST', '/v3/whitelabel/domains', asked);
    publish(given, json);
    const id = String(json.id);
    return { path: { domain_id: id, id, ip: here.sourceIps[0]! } };
  };
export const oneDomain = domainWith(true);
/** The documents know a domain of a subuser, and one that names its addresses, without automatic security alone. */
const domainByHand = domainWith(false);

const proven =
  (make: typeof oneDomain) =>
  async (given: Given): Promise<Path> => {
    const made = await make(given);
    const { json } = await given.ask('POST', `/v3/whitelabel/domains/${made.path.id}/validate`);
    if (!json.valid) throw new Error(`the domain is not valid: ${JSON.stringify(json)}`);
    await oneSubuser(given);
    return made;
  };

const lent =
  (make: typeof oneDomain) =>
  async (given: Given): Promise<Path> => {
    const made = await proven(make)(given);
    await given.ask('POST', `/v3/whitelabel/domains/${made.path.id}/subuser`, lendTo);
    return made;
  };

// links ---------------------------------------------------------------------------------------------------------------

async function oneLink(given: Given): Promise<Path> {
  const asked = { domain: `${given.account}.example`, default: true };
  const { json } = await given.ask('POST', '/v3/whitelabel/links', asked);
  publish(given, json);
  return { path: { id: String(json.id), link_id: String(json.id) } };
}

/** Valid: that is written down, because its host would have to answer by HTTPS, with a certificate. */
async function validLink(given: Given): Promise<Path> {
  const made = await oneLink(given);
  const { listLinks, replaceLink } = given.here.links;
  for (const link of await listLinks(given.account)) await replaceLink({ ...link, validAt: Date.now() });
  await oneSubuser(given);
  return made;
}

async function lentLink(given: Given): Promise<Path> {
  const made = await validLink(given);
  await given.ask('POST', `/v3/whitelabel/links/${made.path.id}/subuser`, lendTo);
  return made;
}

// reverse DNS, single addresses ---------------------------------------------------------------------------------------

/** The first address of the stack, by the name that it has in the settings. */
function reverseDns({ here }: Given) {
  const { ip, ehloName } = here.sources[0]!;
  return { ip, domain: ehloName.slice(ehloName.indexOf('.') + 1) };
}

async function oneReverseDns(given: Given): Promise<Path> {
  const { json } = await given.ask('POST', '/v3/whitelabel/ips', reverseDns(given));
  return { path: { id: String(json.id) } };
}

const senderOf = (account: string) => ({
  nickname: 'Orders',
  from_email: `orders-${account}@gmail.example`,
  reply_to: `orders-${account}@gmail.example`,
});

async function oneSender({ account, ask }: Given): Promise<Path> {
  const { json } = await ask('POST', '/v3/verified_senders', senderOf(account));
  return { path: { id: String(json.id) } };
}

/** The token is in a mail alone, and what is kept of it is its hash: here a sender is written down whose token is known. */
async function mailedToken({ here, account }: Given): Promise<Path> {
  const email = `orders-${account}@gmail.example`;
  const fields = { nickname: 'Orders', fromEmail: email, replyTo: email };
  const rest = { fromName: '', replyToName: '', address: '', address2: '', state: '', city: '', zip: '', country: '' };
  const sender = makeSender(account, 17, { ...fields, ...rest }, Date.now());
  const { token, link } = makeLink(sender, Buffer.alloc(24, 7), Date.now());
  await here.tables.send(new PutCommand({ TableName: here.tableOf('accounts'), Item: { ...sender, link } }));
  return { path: { token } };
}

// source addresses ----------------------------------------------------------------------------------------------------

const ofStack: Make = async ({ here }) => {
  const ip = here.sourceIps[0]!;
  return { path: { ip, ip_address: ip } };
};

/** One that is warming up, whatever was tried before. */
const warming: Make = async (given) => {
  const ask = await given.here.call(OPERATOR);
  await ask('POST', '/v3/ips/warmup', { ip: given.here.sourceIps[0] });
  return ofStack(given);
};

/** A pool of the account's own. @param count of addresses in it */
const poolOf =
  (count: number) =>
  async ({ here, ask }: Given): Promise<Path> => {
    const ips = here.sourceIps.slice(0, count);
    const { json } = await ask('POST', '/v3/send_ips/pools', { name: 'newsletters', ips });
    return { path: { pool_name: 'newsletters', poolid: json.id, ip: here.sourceIps[0]! } };
  };
const onePool = poolOf(2);
const emptyPool = poolOf(0);
const byIps =
  (make: Make): Make =>
  async (given) => ({ ...(await make(given)), body: { ips: given.here.sourceIps } });

/** With a subuser, that there is one to show. */
const ofStackWithSubuser: Make = async (given) => {
  await oneSubuser(given);
  return ofStack(given);
};

export const SENDERS: Examples = {
  domain_authentication: {
    EmailDnsRecord: async (given) => {
      const [domain, link] = [await oneDomain(given), await oneLink(given)];
      const ids = { domain_id: Number(domain.path.id), link_id: Number(link.path.id) };
      return { body: { ...ids, email: `dns-${given.account}@colleague.example`, message: 'Please' } };
    },
    ListAuthenticatedDomain: oneDomain,
    AuthenticateDomain: async ({ here, account }) => ({
      body: { domain: `${account}.example`, subdomain: 'news', custom_spf: true, ips: here.sourceIps },
    }),
    GetAuthenticatedDomain: oneDomain,
    UpdateAuthenticatedDomain: and(oneDomain, { body: { default: true, custom_spf: true } }),
    DeleteAuthenticatedDomain: oneDomain,
    AssociateSubuserWithDomain: and(proven(domainByHand), { body: lendTo }),
    DisassociateSubuserFromDomain: and(lent(domainByHand), { query: ofSubuser }),
    AssociateSubuserWithDomainMultiple: and(proven(domainByHand), { body: lendTo }),
    AddIpToAuthenticatedDomain: async (given) => ({
      ...(await domainByHand(given)),
      body: { ip: given.here.sourceIps[0] },
    }),
    DeleteIpFromAuthenticatedDomain: domainByHand,
    ValidateAuthenticatedDomain: oneDomain,
    ListDefaultAuthenticatedDomain: oneDomain,
    ListAuthenticatedDomainWithUser: and(lent(domainByHand), { query: ofSubuser }),
    DisassociateAuthenticatedDomainFromUser: and(lent(domainByHand), { query: ofSubuser }),
    ListAllAuthenticatedDomainWithUser: and(lent(oneDomain), { query: ofSubuser }),
  },
  link_branding: {
    CreateBrandedLink: async ({ account }) => ({
      body: { domain: `${account}.example`, subdomain: 'links', default: true },
    }),
    ListBrandedLink: oneLink,
    GetBrandedLink: oneLink,
    UpdateBrandedLink: and(oneLink, { body: { default: true } }),
    DeleteBrandedLink: oneLink,
    ValidateBrandedLink: oneLink,
    AssociateBrandedLinkWithSubuser: and(validLink, { body: lendTo }),
    ListDefaultBrandedLink: oneLink,
    ListSubuserBrandedLink: and(lentLink, { query: ofSubuser }),
    DisassociateBrandedLinkFromSubuser: and(lentLink, { query: ofSubuser }),
  },
  reverse_dns: {
    SetUpReverseDns: async (given) => ({ body: reverseDns(given) }),
    ListReverseDns: oneReverseDns,
    GetReverseDns: oneReverseDns,
    DeleteReverseDns: oneReverseDns,
    ValidateReverseDns: oneReverseDns,
  },
  verified_senders: {
    CreateVerifiedSender: async ({ account }) => ({ body: { ...senderOf(account), city: 'Denver' } }),
    ListVerifiedSender: oneSender,
    UpdateVerifiedSender: and(oneSender, { body: { nickname: 'Renamed' } }),
    DeleteVerifiedSender: oneSender,
    ResendVerifiedSender: oneSender,
    ListVerifiedSenderStepsCompleted: oneSender,
    VerifySenderToken: mailedToken,
  },
  ips: {
    ListIp: ofStackWithSubuser,
    GetIp: ofStackWithSubuser,
    GetIpPool: onePool,
    AddIp: plainly({ body: { count: 1, subusers: [], warmup: true } }),
    CreateIpPool: plainly({ body: { name: 'marketing' } }),
    UpdateIpPool: and(onePool, { body: { name: 'marketing' } }),
    DeleteIpPool: onePool,
    AddIpToIpPool: async (given) => ({ ...(await emptyPool(given)), body: { ip: given.here.sourceIps[0] } }),
    DeleteIpFromIpPool: onePool,
  },
  ip_warmup: {
    ListWarmUpIp: warming,
    GetWarmUpIp: warming,
    WarmUpIp: async ({ here }) => ({ body: { ip: here.sourceIps[0] } }),
    StopIpWarmUp: warming,
  },
  ip_address_management: {
    GetIp: ofStack,
    UpdateIp: async (given) => ({ ...(await ofStack(given)), body: { is_auto_warmup: true } }),
    ListSubUserAssignedToIp: ofStackWithSubuser,
    AddSubUsersToIp: async (given) => ({
      ...(await ofStackWithSubuser(given)),
      body: { subusers: [SUBUSER.username] },
    }),
    DeleteSubUsersFromIp: async (given) => ({
      ...(await ofStackWithSubuser(given)),
      body: { subusers: [SUBUSER.username] },
    }),
    AddIp: plainly({ body: { is_auto_warmup: true, is_parent_assigned: true } }),
    CreateIpPool: async ({ here }) => ({ body: { name: 'marketing', ips: here.sourceIps } }),
    GetIpPool: onePool,
    UpdateIpPool: and(onePool, { body: { name: 'marketing' } }),
    DeleteIpPool: onePool,
    ListIpAssignedToIpPool: onePool,
    AddIpsToIpPool: byIps(emptyPool),
    DeleteIpsFromIpPool: byIps(onePool),
  },
};
