/** Whose brakes hold the bulk of an account, as deliver asks: on a real table. */
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { brakesKey, type Pause } from '../../core/brakes/brakes.ts';
import { accountKey } from '../../core/records/subusers.ts';
import { whoPausesIn } from '../../io/brakes.ts';
import { startDynamodb } from './dynamodb.ts';

let dynamodb: Awaited<ReturnType<typeof startDynamodb>>;
beforeAll(async () => {
  dynamodb = await startDynamodb(['Accounts']);
});
afterAll(() => dynamodb.stop());

// Attack: whoever has the key of an account that the operator paused makes a subuser, and sends as that.
it.each<[string, Partial<Record<'own' | 'parent', Pause['cause']>>, string | undefined]>([
  ['nobody', {}, undefined],
  ['its own', { own: 'bounces' }, 'own'],
  ["its own, before its parent's", { own: 'complaints', parent: 'operator' }, 'own'],
  ['those of a parent whom the operator paused', { parent: 'operator' }, 'parent'],
  ["not those of a parent's own bad rates", { parent: 'bounces' }, undefined],
])('%s', async (name, paused, expected) => {
  // Prepare
  const id = Buffer.from(name).toString('hex').slice(-6);
  const accounts = { own: `br${id}`, parent: `pa${id}` };
  const put = (Item: object) => dynamodb.client.send(new PutCommand({ TableName: 'Accounts', Item }));
  await put({ ...accountKey(accounts.own), parent: accounts.parent });
  for (const [who, cause] of Object.entries(paused))
    await put({ ...brakesKey(accounts[who as 'own' | 'parent']), paused: { at: 1, cause, why: 'told so' } });
  // Act
  const by = await whoPausesIn('Accounts', dynamodb.client)(accounts.own);
  // Assess
  expect(by).toBe(expected && accounts[expected as 'own' | 'parent']);
});
