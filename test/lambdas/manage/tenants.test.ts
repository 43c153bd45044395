/**
 * Attack: an account with every scope names another's addresses, groups and settings in every route of suppressions. It must
 * find nothing, change nothing, and learn nothing from counts.
 */
import { inspect } from 'node:util';
import { ScanCommand } from '@aws-sdk/lib-dynamodb';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SUPPRESSION_LISTS } from '../../../core/records/suppressions.ts';
import { GROUP_ROUTES } from '../../../lambdas/manage/group-routes.ts';
import { MAIL_SETTINGS_ROUTES } from '../../../lambdas/manage/mail-settings-routes.ts';
import { SUPPRESSION_ROUTES } from '../../../lambdas/manage/suppression-routes.ts';
import { AT, startManage } from './account.ts';

const VICTIM = 'victim22';
const ATTACKER = 'attacker';
const ADDRESS = 'reader@example.com';
const routes = [...SUPPRESSION_ROUTES, ...GROUP_ROUTES, ...MAIL_SETTINGS_ROUTES];

let world: Awaited<ReturnType<typeof startManage>>;
beforeAll(async () => {
  world = await startManage();
  const victim = world.callBy(VICTIM);
  for (const name of ['News', 'Offers'])
    await world.createGroup(VICTIM, { name, description: name, isDefault: false }, 1);
  for (const list of [...SUPPRESSION_LISTS, 'group#1', 'group#2'] as const)
    for (const address of [ADDRESS, 'second@example.com'])
      await world.suppress({
        account: VICTIM,
        address,
        list,
        entry: { created: AT - 5, reason: 'secret', ip: '192.0.2.9' },
      });
  await victim('PATCH', '/v3/mail_settings/address_whitelist', { enabled: true, list: ['secret.example'] });
  await victim('PATCH', '/v3/mail_settings/bounce_purge', { enabled: true, hard_bounces: 1_234 });
});
afterAll(() => world.stop());

/** All that the tables hold of the victim. */
async function everything(): Promise<string> {
  const items = [];
  for (const TableName of ['Accounts', 'Suppressions'])
    items.push(...((await world.client.send(new ScanCommand({ TableName, ConsistentRead: true }))).Items ?? []));
  const own = items
    .filter(({ pk }) => String(pk).startsWith(VICTIM))
    .map((item) => inspect(item, { sorted: true, depth: 9 }));
  return own.sort().join('\n');
}

const BODIES = [
  undefined,
  { delete_all: true },
  { emails: [ADDRESS] },
  { recipient_emails: [ADDRESS] },
  { name: 'News', description: 'mine now', is_default: true },
  { enabled: false, list: [], hard_bounces: 1, soft_bounces: 1 },
];

it.each(routes.map((route) => [`${route.method} ${route.path}`, route] as const))('%s', async (_, { method, path }) => {
  const before = await everything();
  const attack = world.callBy(ATTACKER);
  const url = path.replace('{email}', ADDRESS).replace('{group_id}', '1').replace('{classification}', 'Unclassified');
  for (const body of method === 'GET' ? [undefined] : BODIES) {
    const answer = await attack(method, url, body);
    expect(answer.status).toBeLessThan(500);
    expect(answer.body).not.toMatch(/secret|192\.0\.2\.9|1234|Offers/);
    // Whatever it may show of this address is what the attacker has written himself.
    if (method === 'GET') expect(answer.body).not.toMatch(/second@example/);
  }
  expect(await everything()).toBe(before);
  expect(world.problems).toEqual([]);
});

it('an address or an id made to look like another account’s key finds nothing (1,000 of them)', async () => {
  const attack = world.callBy('attacka2');
  const before = await everything();
  const strange = fc.oneof(
    fc.constantFrom(
      `${VICTIM}#${ADDRESS}`,
      `../${VICTIM}`,
      `list#bounces`,
      `#list#bounces`,
      ADDRESS,
      `${ADDRESS}\u0000`,
      `1#${VICTIM}`,
      '01',
      '-1',
      '1e0',
    ),
    fc.string({ minLength: 1, maxLength: 40 }).filter((text) => !/^\.{1,2}$/.test(text)),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...routes.filter(({ path }) => path.includes('{'))),
      strange,
      async (route, text) => {
        const url = route.path.replaceAll(/\{\w+\}/g, encodeURIComponent(text));
        const answer = await attack(route.method, url, route.method === 'GET' ? undefined : { name: 'x' });
        expect(answer.status).toBeLessThan(500);
        expect(answer.body).not.toMatch(/secret|second@|Offers/);
      },
    ),
    { numRuns: 1_000 },
  );
  expect(await everything()).toBe(before);
}, 60_000);
