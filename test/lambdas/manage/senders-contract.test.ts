/** Every operation of SendGrid's domain authentication, link branding, reverse DNS and verified senders: status, body, scope and errors. */
import { existsSync, readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import formats from 'ajv-formats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROUTES } from '../../../lambdas/manage/routes.ts';
import { startSenders } from './senders.ts';

const OAI = new URL('../../../../shared/oai/', import.meta.url);
const GROUPS = ['domain_authentication', 'link_branding', 'reverse_dns', 'verified_senders'];
type Operation = { method: string; path: string; id: string; status: number; file: string };

const operations: Operation[] = existsSync(OAI)
  ? readFileSync(new URL('operations.csv', OAI), 'utf8')
      .split('\n')
      .map((line) => line.split(','))
      .filter(([, group = '']) => GROUPS.includes(group))
      .map(([, group, method = '', path = '', id = '', status = '']) => ({
        method,
        path,
        id,
        status: Number(status.split(' ')[0]),
        file: `tsg_${group}_v3.json`,
      }))
  : [];

/** Operations whose schema is of a domain without automatic security. */
const BY_HAND = /Subuser|WithUser$|IpToAuth|IpFromAuth/;
const SENDER = { nickname: 'Orders', from_email: 'orders@gmail.example', reply_to: 'orders@gmail.example' };

let world: Awaited<ReturnType<typeof startSenders>>;
beforeAll(async () => {
  world = await startSenders();
  const operator = world.callBy('operator');
  const { json } = await operator('POST', '/v3/whitelabel/domains', { domain: 'own.example' });
  await operator('POST', `/v3/whitelabel/domains/${json.id}/validate`);
});
afterAll(() => world?.stop());

const accountOf = (n: number) => `sender${String.fromCharCode(97 + Math.floor(n / 26), 97 + (n % 26))}`;

/** An account of its own for each operation, with one of everything, lent to its one subuser. */
async function seed(account: string, call: ReturnType<typeof world.callBy>, manual: boolean) {
  await world.addSubuser(account, 'shop', 'shopshop');
  const made = await call('POST', '/v3/whitelabel/domains', {
    domain: `${account}.example`,
    default: true,
    automatic_security: !manual,
    ips: ['192.0.2.1'],
  });
  world.publish(made.json);
  await call('POST', `/v3/whitelabel/domains/${made.json.id}/validate`);
  await call('POST', `/v3/whitelabel/domains/${made.json.id}/subuser`, { username: 'shop' });
  const link = await call('POST', '/v3/whitelabel/links', { domain: `${account}.example`, default: true });
  world.publish(link.json);
  world.answering.add(link.json.dns.domain_cname.host);
  await call('POST', `/v3/whitelabel/links/${link.json.id}/validate`);
  await call('POST', `/v3/whitelabel/links/${link.json.id}/subuser`, { username: 'shop' });
  const rdns = await call('POST', '/v3/whitelabel/ips', { ip: '192.0.2.1', domain: 'example.net' });
  const sender = await call('POST', '/v3/verified_senders', { ...SENDER, from_email: `${account}@gmail.example` });
  const text = (world.holds.at(-1) as { job: { content: { parts: { value: string }[] } } }).job.content.parts[0]!.value;
  const [, token = ''] = /verify\/(\S+)/.exec(text) ?? [];
  return { domain: made.json.id, link: link.json.id, rdns: rdns.json.id, sender: sender.json.id, token };
}
type Seeded = Awaited<ReturnType<typeof seed>>;

const bodyOf = (id: string, seeded: Seeded): unknown =>
  ({
    EmailDnsRecord: {
      link_id: seeded.link,
      domain_id: seeded.domain,
      email: 'dns@colleague.example',
      message: 'Please',
    },
    AuthenticateDomain: { domain: 'another.example', subdomain: 'news', default: true, custom_spf: true },
    UpdateAuthenticatedDomain: { default: true, custom_spf: true },
    AssociateSubuserWithDomain: { username: 'shop' },
    AssociateSubuserWithDomainMultiple: { username: 'shop' },
    AddIpToAuthenticatedDomain: { ip: '192.0.2.2' },
    CreateBrandedLink: { domain: 'another.example', subdomain: 'links', default: true },
    UpdateBrandedLink: { default: true },
    AssociateBrandedLinkWithSubuser: { username: 'shop' },
    SetUpReverseDns: { ip: '192.0.2.2', subdomain: 'mta2', domain: 'example.net' },
    CreateVerifiedSender: { ...SENDER, from_email: 'other@gmail.example', city: 'Denver' },
    UpdateVerifiedSender: { nickname: 'Renamed' },
  })[id];

function urlOf({ path, id }: Operation, seeded: Seeded): string {
  const own = path.includes('/links') ? seeded.link : path.includes('/whitelabel/ips') ? seeded.rdns : seeded.sender;
  const filled = path
    .replace('{domain_id}', `${seeded.domain}`)
    .replace('{link_id}', `${seeded.link}`)
    .replace('{ip}', '192.0.2.1')
    .replace('{token}', seeded.token)
    .replace('{id}', `${path.includes('/domains/') ? seeded.domain : own}`);
  return /subuser(\/all)?$/.test(path) && /^(List|Disassociate)/.test(id) ? `${filled}?username=shop` : filled;
}

describe.skipIf(operations.length === 0)('the senders of SendGrid’s OpenAPI document', () => {
  it('are all routes, each with a scope', () => {
    expect(operations).toHaveLength(39);
    const plain = (path: string) => path.replaceAll(/\{[^}]+\}/g, '{}');
    const known = ROUTES.map(({ method, path }) => `${method} ${plain(path)}`);
    for (const { method, path } of operations) expect(known).toContain(`${method} ${plain(path)}`);
  });

  it.each(operations.map((one, n) => [`${one.method} ${one.path}`, one, n] as const))('%s', async (_, one, n) => {
    // Prepare
    const account = accountOf(n);
    const call = world.callBy(account);
    const seeded = await seed(account, call, BY_HAND.test(one.id) && !one.id.startsWith('ListAll'));
    // Act
    const answer = await call(one.method, urlOf(one, seeded), bodyOf(one.id, seeded));
    // Assess
    expect({ status: answer.status, body: answer.body.slice(0, 300), problems: world.problems }).toMatchObject({
      status: one.status,
      problems: [],
    });
    const validate = schemaOf(one);
    if (!validate) expect(answer.body).toBe('');
    else
      expect({ errors: validate(answer.json) ? [] : validate.errors, body: answer.json }).toMatchObject({ errors: [] });
    // An empty answer would fit some schemas.
    if (one.method === 'GET' && validate) expect(answer.body.length).toBeGreaterThan(20);
  });

  it.each(operations.map((one) => [`${one.method} ${one.path}`, one] as const))(
    '%s with a key that lacks the scope: 403',
    async (_, { method, path }) => {
      const poor = world.callBy('strange3', {}, ['mail.send']);
      const refused = await poor(method, path.replaceAll(/\{\w+\}/g, '1'));
      expect([refused.status, refused.json]).toEqual([403, { errors: [{ message: 'access forbidden' }] }]);
    },
  );
});

/** Of the documented success; undefined: it has no body. */
function schemaOf({ file, path, method, status }: Operation) {
  const document = JSON.parse(readFileSync(new URL(file, OAI), 'utf8'));
  let response = document.paths[path][method.toLowerCase()].responses[status];
  let pointer = ['paths', path, method.toLowerCase(), 'responses', String(status)];
  if (response.$ref) {
    pointer = response.$ref.slice(2).split('/');
    response = pointer.reduce((at: Record<string, unknown>, part: string) => at[part] as never, document);
  }
  if (!response.content) return undefined;
  const ajv = new Ajv({ strict: false, allErrors: true, discriminator: false });
  (formats as unknown as (ajv: Ajv) => void)(ajv);
  ajv.addSchema(document, 'oai');
  const escaped = [...pointer, 'content', 'application/json', 'schema'].map((part) =>
    encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')),
  );
  return ajv.compile({ $ref: `oai#/${escaped.join('/')}` });
}
