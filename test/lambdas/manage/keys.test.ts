/** API keys, scopes and settings of an account, as clients call them; and what a key may do once its account is stopped. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readAuthorization, secretMatches } from '../../../core/api-key.ts';
import { SCOPES } from '../../../core/scopes.ts';
import { accountsIn } from '../../../io/accounts.ts';
import { creditsIn } from '../../../io/brakes.ts';
import { createCredits } from '../../../submission/credits.ts';
import { NOW, startManage } from './account.ts';

const KEYS = '/v3/api_keys';
const RANDOM = { sources: [{ ip: '192.0.2.1', lane: 'default-1' }], randomBytes: (count: number) => randomOf(count) };
let seed = 0;
/** Another each time. */
const randomOf = (count: number) => Buffer.alloc(count, `${++seed}-random-`);

let world: Awaited<ReturnType<typeof startManage>>;
beforeAll(async () => {
  world = await startManage();
});
afterAll(() => world?.stop());

const callBy = (account: string, scopes: readonly string[] = SCOPES) => world.callBy(account, RANDOM, [...scopes]);
const tableKey = (text: string) => {
  const key = readAuthorization(`Bearer ${text}`)!;
  return accountsIn('Accounts', world.client).readKey(key.account, key.id);
};

describe('API keys', () => {
  it('are made, listed, renamed, changed and removed; a secret is shown once, and is nowhere', async () => {
    const call = callBy('keysaaaa');
    const made = await call('POST', KEYS, { name: 'Shop', scopes: ['mail.send', 'alerts.read'] });
    expect(made).toMatchObject({ status: 201, json: { name: 'Shop', scopes: ['mail.send', 'alerts.read'] } });
    const { api_key: key, api_key_id: id } = made.json;
    const secret = key.split('.')[2];
    const shown = { api_key_id: id, name: 'Shop' };
    expect((await call('GET', KEYS)).json).toEqual({ result: [shown] });
    const one = await call('GET', `${KEYS}/${id}`);
    expect(one.json).toMatchObject({ ...shown, scopes: ['mail.send', 'alerts.read'], result: [shown] });
    expect(await call('PATCH', `${KEYS}/${id}`, { name: 'Till', scopes: ['api_keys.read'] })).toMatchObject({
      status: 200,
      json: { api_key_id: id, name: 'Till' },
    });
    expect((await call('GET', `${KEYS}/${id}`)).json.scopes).toEqual(['mail.send', 'alerts.read']);
    expect(await call('PUT', `${KEYS}/${id}`, { name: 'Till 2', scopes: ['mail.send'] })).toMatchObject({
      status: 200,
      json: { api_key_id: id, name: 'Till 2', scopes: ['mail.send'] },
    });
    const kept = await tableKey(key);
    expect(secretMatches(secret, kept?.secretHash)).toBe(true);
    for (const seen of [one.body, JSON.stringify(kept), (await call('GET', KEYS)).body])
      expect(seen).not.toContain(secret);
    expect((await call('DELETE', `${KEYS}/${id}`)).status).toBe(204);
    expect(await tableKey(key)).toBeUndefined();
    for (const [method, body] of [['GET'], ['PATCH', { name: 'x' }], ['PUT', { name: 'x' }], ['DELETE']] as const)
      expect((await call(method, `${KEYS}/${id}`, body)).status).toBe(404);
  });

  // Attack: a key that may make keys makes one that may do more, or makes another, or itself, mightier.
  it('are given nothing that their maker has not', async () => {
    const own = ['api_keys.create', 'api_keys.update', 'api_keys.read', 'mail.send'];
    const call = callBy('keysbbbb', own);
    const refusal = {
      status: 400,
      json: { errors: [{ field: 'scopes', message: 'invalid or unassignable scopes were given' }] },
    };
    for (const scopes of [
      ['templates.read'],
      ['mail.send', 'subusers.create'],
      ['no.scope'],
      ['any key'],
      ['__proto__'],
      ['*'],
    ])
      expect(await call('POST', KEYS, { name: 'x', scopes })).toMatchObject(refusal);
    const made = await call('POST', KEYS, { name: 'all of mine' });
    expect(made.json.scopes.sort()).toEqual([...own].sort());
    expect(await call('PUT', `${KEYS}/${made.json.api_key_id}`, { name: 'x', scopes: ['billing.read'] })).toMatchObject(
      refusal,
    );
    expect((await call('GET', '/v3/scopes')).json.scopes.sort()).toEqual([...own].sort());
  });

  it.each<[unknown, string | null]>([
    [undefined, null],
    [[], null],
    [{}, 'name'],
    [{ name: '' }, 'name'],
    [{ name: 7 }, 'name'],
    [{ name: 'x'.repeat(101) }, 'name'],
    [{ name: 'a\u0000b' }, 'name'],
    [{ name: 'x', scopes: [] }, 'scopes'],
    [{ name: 'x', scopes: 'mail.send' }, 'scopes'],
    [{ name: 'x', scopes: [1] }, 'scopes'],
  ])('are not made of %j', async (body, field) => {
    expect(await callBy('keyscccc')('POST', KEYS, body)).toMatchObject({ status: 400, json: { errors: [{ field }] } });
  });

  it('are 100 of an account; the next is refused with 403', async () => {
    const call = callBy('keysdddd');
    for (let n = 0; n < 100; n++)
      expect((await call('POST', KEYS, { name: `k${n}`, scopes: ['mail.send'] })).status).toBe(201);
    expect(await call('POST', KEYS, { name: 'one more' })).toMatchObject({ status: 403 });
    expect((await call('GET', `${KEYS}?limit=7`)).json.result).toHaveLength(7);
  });

  it('changed by two at once end as one of them said, whole', async () => {
    const call = callBy('keyseeee');
    const { json } = await call('POST', KEYS, { name: 'x', scopes: ['mail.send'] });
    const path = `${KEYS}/${json.api_key_id}`;
    await Promise.all([
      call('PUT', path, { name: 'a', scopes: ['alerts.read'] }),
      call('PATCH', path, { name: 'b' }),
      call('PUT', path, { name: 'c', scopes: ['alerts.create'] }),
    ]);
    const { scopes } = (await call('GET', path)).json;
    expect([['alerts.read'], ['alerts.create']]).toContainEqual(scopes);
  });
});

describe('subusers', () => {
  const SUBUSER = { username: 'Branch', email: 'b@example.com', password: 'p', ips: ['192.0.2.1'] };

  it('have keys that work until they are disabled, and again when they are enabled; once removed, never again', async () => {
    const call = callBy('subsaaaa');
    expect(await call('POST', '/v3/subusers', SUBUSER)).toMatchObject({ status: 200, json: { username: 'Branch' } });
    expect(await call('POST', '/v3/subusers', { ...SUBUSER, username: 'BRANCH' })).toMatchObject({
      status: 400,
      json: { errors: [{ field: 'username', message: 'username exists' }] },
    });
    const made = await call('POST', KEYS, { name: 'x' }, { 'on-behalf-of': 'branch' });
    const key = made.json.api_key;
    // Its mail goes out by the addresses that it was given.
    expect(await tableKey(key)).toMatchObject({ lanes: ['default-1'] });
    expect((await call('PATCH', '/v3/subusers/branch', { disabled: true })).status).toBe(204);
    expect(await tableKey(key)).toBeUndefined();
    expect((await call('PATCH', '/v3/subusers/branch', { disabled: false })).status).toBe(204);
    expect(await tableKey(key)).toBeDefined();
    // Website access is not the right to send.
    expect((await call('PATCH', '/v3/subusers/branch/website_access', { disabled: true })).status).toBe(204);
    expect(await tableKey(key)).toBeDefined();
    expect(await call('PUT', '/v3/subusers/branch/ips', ['198.51.100.1'])).toMatchObject({ status: 400 });
    expect((await call('PUT', '/v3/subusers/branch/ips', [])).json).toEqual({ ips: [] });
    expect((await tableKey(key))?.lanes).toEqual([]);
    expect((await call('DELETE', '/v3/subusers/branch')).status).toBe(204);
    expect(await tableKey(key)).toBeUndefined();
    expect((await call('GET', '/v3/subusers')).json).toEqual([]);
    for (const path of ['', '/credits', '/website_access'])
      expect(
        (await call(path === '/credits' ? 'GET' : 'PATCH', `/v3/subusers/branch${path}`, { disabled: false })).status,
      ).toBe(404);
  });

  it('have credits: what remains is what they may still send, whoever counts it', async () => {
    const call = callBy('subscccc');
    const path = '/v3/subusers/branch/credits';
    await call('POST', '/v3/subusers', SUBUSER);
    const key = (await call('POST', KEYS, { name: 'x' }, { 'on-behalf-of': 'branch' })).json.api_key;
    const send = async (copies: number) => {
      const record = (await tableKey(key))!;
      const dependence = { parent: record.parent, credits: record.credits };
      const process = createCredits({
        ...creditsIn('Messages', world.client),
        ...{ now: () => world.clock.now, readBrakes: async () => undefined, publishReached: () => {} },
      });
      return (await process.takeCredits(record.pk, copies, dependence)) !== undefined;
    };
    world.clock.now = Date.parse('2026-11-29T22:00:00Z');
    expect((await call('GET', path)).json).toMatchObject({ type: 'unlimited', remain: null });
    const weekly = { type: 'recurring', reset_frequency: 'weekly', total: 100 };
    expect((await call('PUT', path, weekly)).json).toEqual({ ...weekly, remain: 100, used: 0 });
    expect([await send(60), await send(41), await send(30)]).toEqual([true, false, true]);
    expect((await call('GET', path)).json).toMatchObject({ remain: 10, used: 90 });
    expect((await call('PATCH', `${path}/remaining`, { allocation_update: 5 })).json).toMatchObject({ remain: 15 });
    expect([await send(16), await send(15), await send(1)]).toEqual([false, true, false]);
    // Monday: a new week, and what was added was for the last one.
    world.clock.now = Date.parse('2026-11-30T00:00:00Z');
    expect((await call('GET', path)).json).toMatchObject({ remain: 100, used: 0 });
    expect([await send(100), await send(1)]).toEqual([true, false]);
    world.clock.now = NOW;
  });

  it.each<[object, string]>([
    [{ username: 'stats' }, 'username'],
    [{ username: 'a/b' }, 'username'],
    [{ username: undefined }, 'username'],
    [{ email: 'nobody' }, 'email'],
    [{ password: undefined }, 'password'],
    [{ ips: ['203.0.113.9'] }, 'ips'],
    [{ ips: 'x' }, 'ips'],
  ])('are not made with %j', async (wrong, field) => {
    expect(await callBy('subsbbbb')('POST', '/v3/subusers', { ...SUBUSER, ...wrong })).toMatchObject({
      status: 400,
      json: { errors: [{ field }] },
    });
  });
});

it('enforced TLS is read, changed in part, and says what TLS there is at least', async () => {
  const call = callBy('tlsaaaaa');
  const path = '/v3/user/settings/enforced_tls';
  expect((await call('GET', path)).json).toEqual({ require_tls: false, require_valid_cert: false, version: 1.2 });
  expect((await call('PATCH', path, { require_tls: true })).json).toMatchObject({ require_tls: true });
  expect((await call('PATCH', path, { require_valid_cert: true, version: 1.1 })).json).toMatchObject({
    require_tls: true,
  });
  expect((await call('GET', path)).json).toEqual({ require_tls: true, require_valid_cert: true, version: 1.2 });
  for (const wrong of [{ version: 1.3 }, { version: 2 }, { require_tls: 'yes' }, []])
    expect((await call('PATCH', path, wrong)).status).toBe(400);
});

it('HEAD is GET without a body, OPTIONS tells the methods, and neither lets an origin in', async () => {
  const call = callBy('headaaaa');
  expect(await call('HEAD', KEYS)).toMatchObject({ status: 200, body: '' });
  expect(await call('HEAD', '/v3/nowhere')).toMatchObject({ status: 404 });
  const told = await call('OPTIONS', KEYS);
  expect(told).toMatchObject({ status: 204, headers: { Allow: 'POST, GET, HEAD, OPTIONS' } });
  expect(Object.keys(told.headers).join()).not.toMatch(/access-control/i);
  expect(await call('PUT', KEYS)).toMatchObject({ status: 405, headers: { Allow: 'POST, GET, HEAD, OPTIONS' } });
});
