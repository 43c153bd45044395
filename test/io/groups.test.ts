import { afterAll, beforeAll, expect, it } from 'vitest';
import { groupIdsIn, groupsIn } from '../../io/groups.ts';
import { startDynamodb } from './dynamodb.ts';

let dynamodb: Awaited<ReturnType<typeof startDynamodb>>;
beforeAll(async () => {
  dynamodb = await startDynamodb(['Accounts']);
});
afterAll(() => dynamodb.stop());

it('a new group can be named at once, one that is gone for a minute more, and another account’s never', async () => {
  let now = 0;
  const groups = groupsIn('Accounts', dynamodb.client);
  const read = groupIdsIn('Accounts', dynamodb.client, () => now);
  const make = (account: string, name: string) =>
    groups.createGroup(account, { name, description: name, isDefault: false }, 1);
  expect([...(await read('first222', [1]))]).toEqual([]);
  await make('first222', 'One');
  expect([...(await read('first222', [1]))]).toEqual([1]);
  expect([...(await read('second22', [1]))]).toEqual([]);
  now = 61_000;
  expect((await read('first222', [1])).has(1)).toBe(true);
  await groups.removeGroup('first222', 1);
  expect((await read('first222', [1])).has(1)).toBe(true);
  now = 122_000;
  expect((await read('first222', [1])).has(1)).toBe(false);
});

it('an account has 200 groups at most', async () => {
  const groups = groupsIn('Accounts', dynamodb.client);
  for (let n = 0; n < 200; n++)
    expect(
      await groups.createGroup('fullfull', { name: `g${n}`, description: 'x', isDefault: false }, 1),
    ).toMatchObject({ id: n + 1 });
  expect(await groups.createGroup('fullfull', { name: 'more', description: 'x', isDefault: false }, 1)).toBe('full');
}, 30_000);
