/** What an account is told of itself and says of itself, and that its parent knows the same: on real tables. */
import { PutCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { brakesKey, creditsKey } from '../../../core/brakes/brakes.ts';
import { OPERATOR } from '../../../core/records/accounts.ts';
import { domainKey } from '../../../core/records/domains.ts';
import { PROFILE_FIELDS } from '../../../core/records/profile.ts';
import { userIdOf } from '../../../core/records/subusers.ts';
import { SCOPES } from '../../../core/scopes.ts';
import { authenticationOf } from '../../../core/senders/kept.ts';
import { statsKey } from '../../../core/stats/record.ts';
import { startManage } from './account.ts';

const PROFILE = '/v3/user/profile';
const USERNAME = '/v3/user/username';
const EMAIL = '/v3/user/email';
const EXISTS = { status: 400, json: { errors: [{ field: 'username', message: 'username exists' }] } };

let world: Awaited<ReturnType<typeof startManage>>;
beforeAll(async () => {
  world = await startManage();
});
afterAll(() => world?.stop());

let seed = 0;
const randomBytes = (count: number) => Buffer.alloc(count, `${++seed}-random-`);
const callBy = (account: string) => world.callBy(account, { sources: [], randomBytes }, [...SCOPES]);
const as = (name: string) => ({ 'on-behalf-of': name });
const put = (TableName: string, Item: object) => world.client.send(new PutCommand({ TableName, Item }));
const count = (account: string, hour: string, counts: object) =>
  put('Stats', { pk: statsKey(account, 'all'), sk: `${hour}#shard-0`, counts });

/** A parent with a subuser of a name, and the subuser's account. */
async function family(parent: string, username: string) {
  const call = callBy(parent);
  await call('POST', '/v3/subusers', { username, email: 'b@example.com', password: 'p', ips: [] });
  const { account } = (await world.readSubuser(parent, username))!;
  return { call, account, own: callBy(account) };
}

it('account: the type of whoever runs the stack, and the reputation of its own mail of the last 30 days', async () => {
  await count('useraaaa', '2026-11-25T11', { delivered: 950, bounces: 50, spam_reports: 1 });
  await count('useraaaa', '2026-10-25T11', { delivered: 0, bounces: 5_000 });
  // 5 % of bounces are ten points, 0.105 % of complaints five.
  expect(await callBy('useraaaa')('GET', '/v3/user/account')).toMatchObject({
    status: 200,
    json: { type: 'paid', reputation: 84.7 },
  });
  expect((await callBy('userbbbb')('GET', '/v3/user/account')).json).toEqual({ type: 'paid', reputation: 100 });
});

describe('credits', () => {
  it('of nobody’s are the month’s requests, of the most that there can be', async () => {
    await count('usercccc', '2026-11-01T00', { requests: 3 });
    await count('usercccc', '2026-11-25T12', { requests: 4 });
    await count('usercccc', '2026-10-31T23', { requests: 100 });
    const dates = { last_reset: '2026-11-01', next_reset: '2026-12-01', reset_frequency: 'monthly' };
    expect((await callBy('usercccc')('GET', '/v3/user/credits')).json).toEqual({
      ...{ remain: 999_999_993, total: 1_000_000_000, overage: 0, used: 7 },
      ...dates,
    });
  });

  it('of the daily cap, as it is claimed', async () => {
    await put('Accounts', { ...brakesKey('userdddd'), ownCap: 100 });
    await put('Messages', { ...creditsKey('userdddd', '2026-11-25'), claimed: 40 });
    expect((await callBy('userdddd')('GET', '/v3/user/credits')).json).toMatchObject({
      remain: 60,
      total: 100,
      used: 40,
    });
  });

  it('of a subuser are those that its parent gave it', async () => {
    const { call, account, own } = await family('usereeee', 'Branch');
    await call('PUT', '/v3/subusers/branch/credits', { type: 'recurring', reset_frequency: 'daily', total: 50 });
    const { since } = (await world.readAccount(account))!.credits as { since: number };
    await put('Messages', { ...creditsKey(account, `credits#${since}#2026-11-25`), claimed: 8 });
    const shown = { remain: 42, total: 50, overage: 0, used: 8, reset_frequency: 'daily', next_reset: '2026-11-26' };
    expect((await own('GET', '/v3/user/credits')).json).toMatchObject(shown);
    expect((await call('GET', '/v3/user/credits', undefined, as('branch'))).json).toMatchObject(shown);
    expect((await call('GET', '/v3/subusers/branch/credits')).json).toMatchObject({ remain: 42, used: 8 });
  });
});

describe('email', () => {
  it('is kept of an account without a parent, the operator’s too', async () => {
    for (const account of [OPERATOR, 'userffff']) {
      const call = callBy(account);
      expect(await call('GET', EMAIL)).toMatchObject({ status: 200, json: { email: '' } });
      expect(await call('PUT', EMAIL, { email: 'Ada@Example.com' })).toMatchObject({
        status: 200,
        json: { email: 'Ada@Example.com' },
      });
      expect((await call('GET', EMAIL)).json).toEqual({ email: 'Ada@Example.com' });
    }
  });

  it('of a subuser is what its parent knows', async () => {
    const { call, account, own } = await family('usergggg', 'Branch');
    expect((await own('GET', EMAIL)).json).toEqual({ email: 'b@example.com' });
    expect((await own('PUT', EMAIL, { email: 'new@example.com' })).json).toEqual({ email: 'new@example.com' });
    expect((await call('GET', '/v3/subusers')).json).toMatchObject([{ username: 'Branch', email: 'new@example.com' }]);
    expect(await world.readAccount(account)).toMatchObject({ email: 'new@example.com', parent: 'usergggg' });
  });

  it.each([
    {},
    { email: '' },
    { email: null },
    { email: 'nobody' },
    { email: 'a@[192.0.2.1]' },
    { email: ['a@b.example'] },
  ])('is not changed to %j', async (body) => {
    const call = callBy('userhhhh');
    expect(await call('PUT', EMAIL, body)).toMatchObject({ status: 400, json: { errors: [{ field: 'email' }] } });
    expect((await call('GET', EMAIL)).json).toEqual({ email: '' });
  });
});

describe('username', () => {
  it('is the account’s id until it has another', async () => {
    const call = callBy('useriiii');
    expect((await call('GET', USERNAME)).json).toEqual({ username: 'useriiii', user_id: userIdOf('useriiii') });
    expect((await call('PUT', USERNAME, { username: 'Acme' })).json).toEqual({ username: 'Acme' });
    expect((await call('GET', USERNAME)).json).toEqual({ username: 'Acme', user_id: userIdOf('useriiii') });
    expect(await world.readUser('useriiii')).toEqual({ username: 'Acme', userId: userIdOf('useriiii') });
  });

  it('of a subuser is its key under its parent: whatever names it, names it anew, and it stays who it is', async () => {
    const { call, account, own } = await family('userjjjj', 'Branch');
    const authentication = {
      id: 7,
      subusers: [{ account, username: 'Branch', userId: userIdOf(account) }],
      revision: 1,
    };
    const key = { selector: 's1', publicKey: 'AA', privateKey: 'AA', returnPath: 'em.lent.example', createdAt: 1 };
    await put('Accounts', { ...domainKey('userjjjj', 'lent.example'), domain: 'lent.example', ...key, authentication });
    await call('PUT', '/v3/subusers/branch/credits', { type: 'recurring', reset_frequency: 'daily', total: 50 });
    await count(account, '2026-11-25T11', { requests: 9, delivered: 9 });
    expect(await own('PUT', USERNAME, { username: 'Twig' })).toMatchObject({ status: 200, json: { username: 'Twig' } });
    const twig = { username: 'Twig', id: userIdOf(account), email: 'b@example.com', disabled: false };
    expect((await call('GET', '/v3/subusers')).json).toEqual([twig]);
    expect(await world.readSubuser('userjjjj', 'branch')).toBeUndefined();
    expect(await world.readAccount(account)).toMatchObject({ username: 'Twig', credits: { total: 50 } });
    // By its new name alone.
    expect((await call('GET', USERNAME, undefined, as('twig'))).json).toMatchObject({ user_id: userIdOf(account) });
    expect((await call('GET', USERNAME, undefined, as('branch'))).status).toBe(403);
    expect((await call('GET', '/v3/subusers/twig/credits')).json).toMatchObject({ total: 50 });
    expect((await call('GET', '/v3/subusers/branch/credits')).status).toBe(404);
    const month = await call('GET', '/v3/subusers/twig/stats/monthly?date=2026-11-01', undefined);
    expect(month.json.stats).toMatchObject([{ name: 'Twig', metrics: { requests: 9 } }]);
    const lent = (await world.readOwnDomain('userjjjj', 'lent.example'))!;
    expect(authenticationOf(lent).subusers).toEqual([{ account, username: 'Twig', userId: userIdOf(account) }]);
    // Other capitals are the same name.
    expect((await own('PUT', USERNAME, { username: 'TWIG' })).json).toEqual({ username: 'TWIG' });
    expect((await call('GET', '/v3/subusers')).json).toEqual([{ ...twig, username: 'TWIG' }]);
    expect((await call('DELETE', '/v3/subusers/Twig')).status).toBe(204);
    expect((await call('GET', '/v3/subusers')).json).toEqual([]);
  });

  it('is nobody else’s: not a sister’s, not the parent’s, and the parent takes none of its subusers’', async () => {
    const { call, account, own } = await family('userkkkk', 'Branch');
    await family('userkkkk', 'Twig');
    await call('PUT', USERNAME, { username: 'Acme' });
    expect(await own('PUT', USERNAME, { username: 'twig' })).toMatchObject(EXISTS);
    expect(await own('PUT', USERNAME, { username: 'acme' })).toMatchObject(EXISTS);
    expect(await call('PUT', USERNAME, { username: 'BRANCH' })).toMatchObject(EXISTS);
    const made = { username: 'acme', email: 'b@example.com', password: 'p', ips: [] };
    expect(await call('POST', '/v3/subusers', made)).toMatchObject(EXISTS);
    expect((await call('GET', '/v3/subusers')).json).toHaveLength(2);
    expect(await world.readAccount(account)).toMatchObject({ username: 'Branch' });
    // Another parent's are his own.
    await family('userllll', 'Branch');
  });

  it('of many at once goes to one, and none is lost', async () => {
    const { call } = await family('usermmmm', 'a0');
    const owns = [callBy((await world.readSubuser('usermmmm', 'a0'))!.account)];
    for (const name of ['a1', 'a2']) owns.push((await family('usermmmm', name)).own);
    const answers = await Promise.all(owns.map((own) => own('PUT', USERNAME, { username: 'wanted' })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400, 400]);
    const names = (await call('GET', '/v3/subusers')).json.map(({ username }: { username: string }) => username);
    expect(names).toHaveLength(3);
    expect(names).toContain('wanted');
  });

  // Attack: a subuser that is being deleted is renamed behind its parent's back, so that it is not there to be taken away.
  it('of one that is being deleted does not save it', async () => {
    const { account, own } = await family('usernnnn', 'Branch');
    const deleting = world.callBy('usernnnn', {
      forgetAccount: async (gone) => {
        await own('PUT', USERNAME, { username: 'Escaped' });
        await world.forgetAccount(gone);
      },
    });
    expect((await deleting('DELETE', '/v3/subusers/branch')).status).toBe(204);
    expect((await deleting('GET', '/v3/subusers')).json).toEqual([]);
    expect(await world.readAccount(account)).toMatchObject({ deleted: true });
  });

  // Attack: the same, and the name changes between the two reads of who is to be taken away; and then each time that it is looked at.
  it('of one that is being deleted does not save it at any moment', async () => {
    const { account } = await family('userrrrr', 'Branch');
    let moves = 0;
    const deleting = world.callBy('userrrrr', {
      readAccount: async (asked) => {
        const own = await world.readAccount(asked);
        if (asked === account && own && !own.deleted && moves++ < 2) {
          const before = (await world.readSubuser('userrrrr', own.username))!;
          expect(await world.changeSubuser(before, { username: `Escaped${moves}` })).toBe(true);
        }
        return own;
      },
    });
    expect((await deleting('DELETE', '/v3/subusers/branch')).status).toBe(204);
    expect((await deleting('GET', '/v3/subusers')).json).toEqual([]);
    expect(await world.readAccount(account)).toMatchObject({ deleted: true });
  });

  it('and address and profile of one that its parent has stopped are the parent’s to change alone', async () => {
    const { call, account, own } = await family('userssss', 'Branch');
    await call('PATCH', '/v3/subusers/branch', { disabled: true });
    // Its key may be known for a minute.
    expect((await own('PUT', USERNAME, { username: 'Twig' })).status).toBe(404);
    expect((await own('PUT', EMAIL, { email: 'new@example.com' })).status).toBe(404);
    expect((await own('PATCH', PROFILE, { city: 'London' })).status).toBe(404);
    expect(await world.readAccount(account)).toMatchObject({ username: 'Branch', email: 'b@example.com' });
    expect((await call('PUT', USERNAME, { username: 'Twig' }, as('branch'))).status).toBe(200);
    expect((await call('PATCH', PROFILE, { city: 'London' }, as('twig'))).status).toBe(200);
    expect(await world.readAccount(account)).toMatchObject({ username: 'Twig', disabled: true });
  });

  it.each([
    {},
    { username: '' },
    { username: 7 },
    { username: 'stats' },
    { username: 'a/b' },
    { username: 'x'.repeat(65) },
  ])('is not changed to %j', async (body) => {
    expect(await callBy('useroooo')('PUT', USERNAME, body)).toMatchObject({
      status: 400,
      json: { errors: [{ field: 'username' }] },
    });
  });
});

describe('profile', () => {
  it('has every field of SendGrid’s, is changed in part, and goes with its account', async () => {
    const { call, account, own } = await family('userpppp', 'Branch');
    const empty = Object.fromEntries(PROFILE_FIELDS.map((field) => [field, '']));
    expect(await own('GET', PROFILE)).toMatchObject({ status: 200, json: empty });
    const ada = { first_name: 'Ada', last_name: ' Lovelace ', website: 'https://example.com' };
    const named = { ...empty, first_name: 'Ada', last_name: 'Lovelace', website: 'https://example.com' };
    expect(await own('PATCH', PROFILE, { ...ada, unknown: 1 })).toMatchObject({ status: 200 });
    expect((await own('PATCH', PROFILE, { city: 'London', website: '' })).json).toEqual({
      ...named,
      city: 'London',
      website: '',
    });
    expect((await own('GET', PROFILE)).json).toEqual({ ...named, city: 'London', website: '' });
    // Its parent's is another.
    expect((await call('GET', PROFILE)).json).toEqual(empty);
    await call('DELETE', '/v3/subusers/branch');
    expect((await own('PATCH', PROFILE, { city: 'Paris' })).status).toBe(404);
    const { Items } = await world.client.send(
      new QueryCommand({
        TableName: 'Accounts',
        KeyConditionExpression: 'pk = :pk',
        ExpressionAttributeValues: { ':pk': account },
      }),
    );
    expect(Items).toMatchObject([{ sk: 'account', username: '', email: '', deleted: true }]);
  });

  it.each<[unknown, string | null]>([
    [{}, null],
    [[], null],
    [{ nickname: 'x' }, null],
    [{ username: 'x' }, null],
    [{ city: 7 }, 'city'],
    [{ city: null }, 'city'],
    [{ zip: 'x'.repeat(256) }, 'zip'],
    [{ phone: 'a\u0000b' }, 'phone'],
  ])('is not changed to %j', async (body, field) => {
    const call = callBy('userqqqq');
    expect(await call('PATCH', PROFILE, body)).toMatchObject({ status: 400, json: { errors: [{ field }] } });
    expect(Object.values((await call('GET', PROFILE)).json).join('')).toBe('');
  });
});

it('nothing of all this was a failure of ours', () => expect(world.problems).toEqual([]));
