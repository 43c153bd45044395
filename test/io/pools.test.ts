/** Pools made over the API, on a real table: of changes at once none is lost, and accept reads an account's pools a bounded number of times. */
import { GetCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Table } from '../../io/aws.ts';
import { cachedPoolsIn, poolsIn } from '../../io/pools.ts';
import { startDynamodb } from './dynamodb.ts';

let dynamodb: Awaited<ReturnType<typeof startDynamodb>>;
beforeAll(async () => {
  dynamodb = await startDynamodb(['Accounts']);
});
afterAll(() => dynamodb.stop());

const pool = (name: string, lanes: string[] = []) => ({ id: String(name.length), name, lanes });

it('writes what it read and nobody has changed since', async () => {
  const { readPools, changePools } = poolsIn('Accounts', dynamodb.client);
  expect(await readPools('acct2222')).toBeUndefined();
  const firsts = await Promise.all(['one', 'two'].map((name) => changePools('acct2222', undefined, [pool(name)])));
  expect(firsts.toSorted()).toEqual([false, true]);
  const before = (await readPools('acct2222'))!;
  const seconds = await Promise.all(
    ['b', 'c'].map((name) => changePools('acct2222', before, [...before.pools, pool(name)])),
  );
  expect(seconds.toSorted()).toEqual([false, true]);
  expect(await readPools('acct2222')).toMatchObject({ version: 2, pools: { length: 2 } });
  expect(await readPools('acct3333')).toBeUndefined();
});

// Attack: a key sends mail by a million pools that nobody has made, each a new name, to make the table read without end.
it('reads an account’s pools twice at most for any number of made-up names, and once in five seconds afterwards', async () => {
  const client = dynamodb.client;
  const { changePools } = poolsIn('Accounts', client);
  await changePools('acct4444', undefined, [pool('mine', ['a'])]);
  const clock = { now: 0 };
  let reads = 0;
  const counted = {
    send: (command: GetCommand) => {
      if (command instanceof GetCommand) reads++;
      return client.send(command);
    },
  } as unknown as Table;
  const { readPool } = cachedPoolsIn('Accounts', counted, () => clock.now);
  for (let n = 0; n < 2_000; n++) expect(await readPool('acct4444', `other-${n}`)).toBeUndefined();
  expect(reads).toBe(2);
  expect(await readPool('acct4444', 'mine')).toEqual(pool('mine', ['a']));
  expect(reads).toBe(2);
  // A new pool is there within five seconds; one that is known is asked about once a minute.
  await changePools('acct4444', { pk: 'acct4444', sk: 'pools', version: 1, pools: [] }, [pool('mine'), pool('new')]);
  clock.now = 4_999;
  expect(await readPool('acct4444', 'new')).toBeUndefined();
  clock.now = 5_000;
  expect(await readPool('acct4444', 'new')).toEqual(pool('new'));
  expect(await readPool('acct4444', 'mine')).toEqual(pool('mine', ['a']));
  expect(reads).toBe(3);
  clock.now = 60_000;
  expect(await readPool('acct4444', 'mine')).toEqual(pool('mine'));
  expect(reads).toBe(4);
});
