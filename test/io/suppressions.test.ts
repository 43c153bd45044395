import { QueryCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ListName, listKey } from '../../core/records/suppressions.ts';
import { suppressionsIn } from '../../io/suppressions.ts';
import { startDynamodb } from './dynamodb.ts';

const NOW = 1_790_000_000;
let dynamodb: Awaited<ReturnType<typeof startDynamodb>>;
let table: ReturnType<typeof suppressionsIn>;

beforeAll(async () => {
  dynamodb = await startDynamodb(['Suppressions']);
  table = suppressionsIn('Suppressions', dynamodb.client);
});
afterAll(() => dynamodb.stop());

const listed = async (account: string, list: ListName) => {
  const { Items } = await dynamodb.client.send(
    new QueryCommand({
      TableName: 'Suppressions',
      KeyConditionExpression: 'pk = :list',
      ExpressionAttributeValues: { ':list': listKey(account, list) },
    }),
  );
  return Items?.map(({ email, created }) => [email, created]);
};

describe('suppressions', () => {
  it('are found by address in any case, and listed by time', async () => {
    for (const [n, address] of ['B@x.example', 'a@x.example'].entries())
      expect(await table.suppress({ account: 'lister22', address, list: 'bounces', entry: { created: NOW + n } })).toBe(
        true,
      );
    expect(await listed('lister22', 'bounces')).toEqual([
      ['B@x.example', NOW],
      ['a@x.example', NOW + 1],
    ]);
    const found = await table.readSuppressions('lister22', ['A@X.example', 'b@x.example', 'c@x.example']);
    expect([...found.keys()].sort()).toEqual(['a@x.example', 'b@x.example']);
    expect((await table.readSuppressions('another2', ['a@x.example'])).size).toBe(0);
  });

  it('of more than one call’s worth of addresses are all found', async () => {
    const addresses = Array.from({ length: 230 }, (_, n) => `reader-${n}@many.example`);
    for (const address of [addresses[0]!, addresses[150]!, addresses[229]!])
      await table.suppress({ account: 'manymany', address, list: 'unsubscribes', entry: { created: NOW } });
    const found = await table.readSuppressions('manymany', [...addresses, ...addresses]);
    expect([...found.keys()]).toHaveLength(3);
  });

  it('of one address, written by many at once, are all there', async () => {
    const lists: ListName[] = ['bounces', 'spam_reports', 'unsubscribes', 'group#1', 'group#2'];
    const one = { account: 'racers22', address: 'x@x.example', entry: { created: NOW } };
    await Promise.all([...lists, ...lists].map((list) => table.suppress({ ...one, list })));
    const record = await table.readSuppression('racers22', 'x@x.example');
    expect(record).toMatchObject({
      bounces: {},
      spam_reports: {},
      unsubscribes: {},
      groups: { 1: {}, 2: {} },
      version: 5,
    });
    for (const list of lists) expect(await listed('racers22', list)).toEqual([['x@x.example', NOW]]);
  });

  it('end when they are taken back, without a trace', async () => {
    const one = { account: 'remove22', address: 'x@x.example', list: 'bounces' as const };
    await table.suppress({ ...one, entry: { created: NOW } });
    expect(await table.unsuppress(one)).toBe(true);
    expect(await table.unsuppress(one)).toBe(false);
    expect(await table.readSuppression('remove22', 'x@x.example')).toBeUndefined();
    expect(await listed('remove22', 'bounces')).toEqual([]);
  });
});
