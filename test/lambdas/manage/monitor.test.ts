/** Who has samples of a subuser's mail: by its parent alone, on real tables, and known where accept reads the subuser's key. */
import { afterAll, beforeAll, expect, it, test } from 'vitest';
import { makeApiKey } from '../../../core/api-key.ts';
import { keyKey } from '../../../core/records/accounts.ts';
import { accountsIn } from '../../../io/accounts.ts';
import { NOW, startManage } from './account.ts';

const PATH = '/v3/subusers/Branch/monitor';
const MONITOR = { email: 'samples@parent.example', frequency: 500 };
let world: Awaited<ReturnType<typeof startManage>>;
let call: ReturnType<(typeof world)['callBy']>;
beforeAll(async () => {
  world = await startManage();
  for (const parent of ['parent22', 'parent33']) {
    const made = { username: parent === 'parent22' ? 'branch' : 'theirs', email: 'a@example.com', password: 'x' };
    await world.callBy(parent, { sources: [] })('POST', '/v3/subusers', { ...made, ips: [] });
  }
  call = world.callBy('parent22');
});
afterAll(() => world.stop());

/** As accept reads it, by a key of its own. */
let keys = 0;
async function monitorOfKey() {
  const { account } = (await world.readSubuser('parent22', 'branch'))!;
  const { id, secretHash } = makeApiKey(account, Buffer.alloc(43, ++keys));
  await world.addKey({ ...keyKey(account, id), name: 'x', scopes: [], secretHash, createdAt: NOW });
  return (await accountsIn('Accounts', world.client).readKey(account, id))!.monitor;
}

it('is made, shown, changed and removed; what its keys depend on says the same', async () => {
  expect((await call('GET', PATH)).status).toBe(404);
  expect([(await call('PUT', PATH, MONITOR)).status, (await call('DELETE', PATH)).status]).toEqual([404, 404]);
  expect(await call('POST', PATH, MONITOR)).toMatchObject({ status: 200, json: MONITOR });
  expect([(await call('GET', PATH)).json, await monitorOfKey()]).toEqual([MONITOR, MONITOR]);
  expect((await call('POST', PATH, { ...MONITOR, frequency: 1 })).status).toBe(400);
  const other = { email: 'others@parent.example', frequency: 7 };
  expect(await call('PUT', PATH, other)).toMatchObject({ status: 200, json: other });
  // Another change of the subuser leaves it.
  await call('PATCH', '/v3/subusers/branch/website_access', { disabled: true });
  expect([(await call('GET', PATH)).json, await monitorOfKey()]).toEqual([other, other]);
  expect((await call('DELETE', PATH)).status).toBe(204);
  expect([(await call('GET', PATH)).status, await monitorOfKey()]).toEqual([404, undefined]);
  expect(world.problems).toEqual([]);
});

it('a subuser sees nothing of it, and another parent’s subuser is nobody', async () => {
  await call('POST', PATH, MONITOR);
  const { account } = (await world.readSubuser('parent22', 'branch'))!;
  for (const method of ['GET', 'POST', 'PUT', 'DELETE']) {
    expect((await world.callBy(account)(method, PATH, MONITOR)).status).toBe(403);
    expect((await call(method, '/v3/subusers/theirs/monitor', MONITOR)).status).toBe(404);
    expect((await world.callBy('parent33')(method, PATH, MONITOR)).status).toBe(404);
  }
  expect((await call('GET', PATH)).json).toEqual(MONITOR);
});

test.each([
  [[], null],
  [{ email: 'nobody', frequency: 1 }, 'email'],
  [{ frequency: 1 }, 'email'],
  [{ email: 'a@example.com' }, 'frequency'],
  [{ email: 'a@example.com', frequency: 0 }, 'frequency'],
  [{ email: 'a@example.com', frequency: 1.5 }, 'frequency'],
  [{ email: 'a@example.com', frequency: '500' }, 'frequency'],
])('refuses %j: %s', async (body, field) => {
  const answer = await call('PUT', PATH, body);
  expect([answer.status, answer.json.errors[0].field]).toEqual([400, field]);
});
