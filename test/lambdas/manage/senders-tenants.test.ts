/**
 * Attack: an account with every scope names another's domains, links, addresses and senders by their numbers in every route of senders. It
 * must find nothing and change nothing. And whatever a body or a path holds, no answer is a 5xx.
 */
import { inspect } from 'node:util';
import { ScanCommand } from '@aws-sdk/lib-dynamodb';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { DNS_EMAIL_ROUTES } from '../../../lambdas/manage/dns-email-routes.ts';
import { DOMAIN_ROUTES } from '../../../lambdas/manage/domain-routes.ts';
import { LINK_ROUTES } from '../../../lambdas/manage/link-routes.ts';
import { REVERSE_DNS_ROUTES } from '../../../lambdas/manage/reverse-dns-routes.ts';
import { VERIFIED_SENDER_ROUTES } from '../../../lambdas/manage/verified-sender-routes.ts';
import { startSenders } from './senders.ts';

const VICTIM = 'victim44';
const routes = [
  ...DOMAIN_ROUTES,
  ...LINK_ROUTES,
  ...REVERSE_DNS_ROUTES,
  ...VERIFIED_SENDER_ROUTES,
  ...DNS_EMAIL_ROUTES,
];

let world: Awaited<ReturnType<typeof startSenders>>;
const ids: Record<string, number> = {};
beforeAll(async () => {
  world = await startSenders();
  const operator = world.callBy('operator');
  const { json } = await operator('POST', '/v3/whitelabel/domains', { domain: 'own.example' });
  await operator('POST', `/v3/whitelabel/domains/${json.id}/validate`);
  await world.addSubuser(VICTIM, 'secretshop', 'victimsu');
  const victim = world.callBy(VICTIM);
  const make = async (name: string, path: string, body: object) => {
    const made = await victim('POST', path, body);
    if (made.json.dns) world.publish(made.json);
    ids[name] = made.json.id;
  };
  await make('domains', '/v3/whitelabel/domains', { domain: 'secret.example', default: true });
  await victim('POST', `/v3/whitelabel/domains/${ids.domains}/validate`);
  await victim('POST', `/v3/whitelabel/domains/${ids.domains}/subuser`, { username: 'secretshop' });
  await make('links', '/v3/whitelabel/links', { domain: 'secret.example', default: true });
  await make('ips', '/v3/whitelabel/ips', { ip: '192.0.2.1', domain: 'example.net' });
  const sender = { nickname: 'secret', from_email: 'secret@gmail.example', reply_to: 'secret@gmail.example' };
  await make('verified_senders', '/v3/verified_senders', sender);
});
afterAll(() => world.stop());

/** All that the table holds of the victim, its subuser and the operator, but for how much mail was sent. */
async function everything(): Promise<string> {
  const { Items = [] } = await world.client.send(new ScanCommand({ TableName: 'Accounts', ConsistentRead: true }));
  return Items.filter(({ pk }) => /^(victim|operator|host#.*secret)/.test(String(pk)))
    .map((item) => inspect(item, { sorted: true, depth: 9 }))
    .sort()
    .join('\n');
}

const bodies = () => [
  undefined,
  { username: 'secretshop' },
  { default: true, custom_spf: true },
  { ip: '192.0.2.2' },
  { nickname: 'mine', from_email: 'mine@gmail.example' },
  { domain_id: ids.domains, link_id: ids.links, email: 'thief@example.com' },
];

it.each(routes.map((route) => [`${route.method} ${route.path}`, route] as const))('%s', async (_, { method, path }) => {
  const before = await everything();
  const holds = world.holds.length;
  const attack = world.callBy('attack44');
  const [, group = ''] = /\/v3\/(?:whitelabel\/)?(\w+)/.exec(path) ?? [];
  const url = path
    .replaceAll(/\{(id|domain_id|link_id)\}/g, String(ids[group]))
    .replace('{ip}', '192.0.2.1')
    .replace('{token}', `${VICTIM}.${ids.verified_senders}.${'A'.repeat(32)}`);
  const named = path.includes('{');
  const asked = /subuser(\/all)?$/.test(path) && !named ? `${url}?username=secretshop` : url;
  for (const body of method === 'GET' ? [undefined] : bodies()) {
    const answer = await attack(method, asked, body);
    expect(answer.status).toBeLessThan(500);
    if (named) expect(answer.status).toBe(404);
    expect(answer.body).not.toMatch(/secret/);
  }
  expect(await everything()).toBe(before);
  expect(world.holds.length).toBe(holds);
  expect(world.problems).toEqual([]);
});

it('bodies and paths of any kind: no 5xx, nothing of another account changes (1,000 of them)', async () => {
  const attack = world.callBy('fuzzer44');
  const before = await everything();
  const text = fc.oneof(
    fc.string({ maxLength: 30 }),
    fc.constantFrom(
      'a.example',
      'b@a.example',
      '192.0.2.1',
      'shop',
      '\u0000',
      '__proto__',
      'münchen.example',
      '..',
      '-',
      'x'.repeat(300),
    ),
  );
  const value = fc.oneof(
    text,
    fc.integer(),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    fc.array(text, { maxLength: 3 }),
    fc.object({ maxDepth: 1 }),
  );
  const field = fc.constantFrom(
    'domain',
    'subdomain',
    'username',
    'ips',
    'custom_spf',
    'default',
    'automatic_security',
    'custom_dkim_selector',
    'region',
    'ip',
    'nickname',
    'from_email',
    'reply_to',
    'domain_id',
    'link_id',
    'email',
    'message',
  );
  const body = fc.oneof(fc.dictionary(field, value, { maxKeys: 6 }), value);
  const writing = routes.filter(({ method }) => method !== 'GET');
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...routes, ...writing), text, body, async ({ method, path }, word, one) => {
      const filled = path.replaceAll(/\{\w+\}/g, encodeURIComponent(word.isWellFormed() ? word || '1' : '1'));
      const answer = await attack(method, filled.replaceAll('/..', '/1'), method === 'GET' ? undefined : one);
      expect(answer.status).toBeLessThan(500);
    }),
    { numRuns: 1_000 },
  );
  expect(world.problems).toEqual([]);
  expect(await everything()).toBe(before);
}, 120_000);
