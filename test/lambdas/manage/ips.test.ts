/** Source addresses over the API, and the pools that the settings have, by SendGrid's documents; what changes an address is refused with the setting. */
import { existsSync, readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import formats from 'ajv-formats';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { OPERATOR } from '../../../core/records/accounts.ts';
import { startOf } from '../../../core/warm-up.ts';
import { IP_ROUTES } from '../../../lambdas/manage/ip-routes.ts';
import { POOL_ROUTES } from '../../../lambdas/manage/pool-routes.ts';
import { WARM_UP_ROUTES } from '../../../lambdas/manage/warm-up-routes.ts';
import { startSenders } from './senders.ts';

const OAI = new URL('../../../../shared/oai/', import.meta.url);
let world: Awaited<ReturnType<typeof startSenders>>;
let call: ReturnType<typeof world.callBy>;
beforeAll(async () => {
  world = await startSenders();
  call = world.callBy('ipsipsi2');
  await world.addSubuser('ipsipsi2', 'all', 'suball22');
  await world.addSubuser('ipsipsi2', 'one', 'subone22', ['192.0.2.2']);
  await world.addSubuser('strange4', 'secret', 'subsecre');
});
afterAll(() => world.stop());

test('an address has its pool, its name, its warm-up and the subusers that go out by it', async () => {
  const first = {
    ip: '192.0.2.1',
    subusers: ['all'],
    rdns: 'mta1.example.net',
    pools: ['default'],
    warmup: true,
    start_date: Date.parse('2026-11-20T00:00:00Z') / 1_000,
    whitelabeled: false,
    assigned_at: null,
  };
  expect((await call('GET', '/v3/ips/192.0.2.1')).json).toEqual(first);
  const all = await call('GET', '/v3/ips?sort_by_direction=desc&limit=1');
  expect(all.json).toMatchObject([{ ip: '192.0.2.2', subusers: ['all', 'one'], warmup: false, start_date: null }]);
  expect(all.headers.Link).toContain('rel="next"');
  expect((await call('GET', '/v3/ips?subuser=one')).json).toHaveLength(1);
  expect((await call('GET', '/v3/ips?sort_by_direction=up')).status).toBe(400);
  expect((await call('GET', '/v3/ips/203.0.113.1')).status).toBe(404);
  expect((await call('GET', '/v3/ips/warmup')).json.map(({ ip }: { ip: string }) => ip)).toEqual(['192.0.2.1']);
  expect((await call('GET', '/v3/ips/warmup/192.0.2.2')).status).toBe(404);
  const start = world.clock.now;
  world.clock.now = start + 40 * 86_400_000;
  expect((await call('GET', '/v3/ips/warmup')).json).toEqual([]);
  world.clock.now = start;
});

describe('a warm-up', () => {
  const at = (time: string) => Date.parse(time);
  const path = '/v3/ips/warmup';
  it('is started, watched and stopped by the operator, for lanes to know', async () => {
    const ask = world.callBy(OPERATOR);
    const start = world.clock.now;
    world.clock.now = at('2026-11-25T12:34:56Z');
    const ip = '192.0.2.2';
    const begun = { ip, start_date: at('2026-11-25T12:34:56Z') / 1_000 };
    const fresh = { ...begun, day: 1, days: 36, hourly_limit: 20, used_this_hour: 0, days_set_back: 0 };
    expect(await ask('POST', path, { ip })).toMatchObject({ status: 200, json: [fresh] });
    expect(startOf({ name: 'b-1' }, await world.readWarmUps())).toBe(at('2026-11-25T12:34:56Z'));
    expect(await world.sites.claimWarmUp('b-1', '2026-11-25T12', 20, 7)).toBe(7);
    expect((await ask('GET', `${path}/${ip}`)).json).toEqual([{ ...fresh, used_this_hour: 7 }]);
    // Under way: it goes on as it is.
    world.clock.now = at('2026-11-27T12:34:55Z');
    expect((await ask('POST', path, { ip })).json).toEqual([{ ...fresh, day: 2, hourly_limit: 28 }]);
    await world.sites.countWarmUp(
      { lane: 'b-1', startedAt: begun.start_date * 1_000 },
      { good: 0, bad: 60 },
      world.clock.now,
    );
    expect((await ask('GET', path)).json[1]).toMatchObject({ day: 1, hourly_limit: 20, days_set_back: 1 });
    expect((await ask('GET', `/v3/ips/${ip}`)).json).toMatchObject({ warmup: true, start_date: begun.start_date });
    expect((await ask('DELETE', `${path}/${ip}`)).status).toBe(204);
    expect(startOf({ name: 'b-1' }, await world.readWarmUps())).toBeUndefined();
    for (const [method, url] of [
      ['GET', `${path}/${ip}`],
      ['DELETE', `${path}/${ip}`],
    ] as const)
      expect((await ask(method, url)).status).toBe(404);
    // Once more: its days that were set back are past.
    expect((await ask('POST', path, { ip })).json).toMatchObject([{ day: 1, days_set_back: 0 }]);
    expect((await ask('PATCH', `/v3/send_ips/ips/${ip}`, { is_auto_warmup: false })).json).toEqual({
      ...{ ip, is_auto_warmup: false, is_parent_assigned: true, is_enabled: true },
    });
    expect((await ask('GET', path)).json).toHaveLength(1);
    world.clock.now = start;
  });

  it('of the settings is stopped, and is over', async () => {
    const ask = world.callBy(OPERATOR);
    const lane = { name: 'a-1', warmUpFrom: '2026-11-20' };
    expect((await ask('PATCH', '/v3/send_ips/ips/192.0.2.1', { is_auto_warmup: false })).status).toBe(200);
    expect(startOf(lane, await world.readWarmUps())).toBeUndefined();
    expect((await ask('GET', path)).json).toEqual([]);
    expect((await ask('GET', '/v3/send_ips/ips/192.0.2.1')).json).toMatchObject({ is_auto_warmup: false });
    // A deployment with another day is the last word.
    expect(startOf({ ...lane, warmUpFrom: '2026-12-01' }, await world.readWarmUps())).toBe(at('2026-12-01T00:00:00Z'));
    expect((await ask('PATCH', '/v3/send_ips/ips/192.0.2.1', { is_auto_warmup: true })).status).toBe(200);
    expect((await ask('GET', path)).json).toHaveLength(1);
  });

  it.each<[string, string, unknown, number, string | null]>([
    ['POST', path, {}, 400, 'ip'],
    ['POST', path, { ip: 7 }, 400, 'ip'],
    ['POST', path, [], 400, null],
    ['POST', path, { ip: '203.0.113.9' }, 404, null],
    ['DELETE', `${path}/203.0.113.9`, undefined, 404, null],
    ['PATCH', '/v3/send_ips/ips/203.0.113.9', { is_auto_warmup: true }, 404, null],
    ['PATCH', '/v3/send_ips/ips/192.0.2.2', {}, 400, ''],
    ['PATCH', '/v3/send_ips/ips/192.0.2.2', { is_auto_warmup: 'yes' }, 400, 'is_auto_warmup'],
    ['PATCH', '/v3/send_ips/ips/192.0.2.2', { is_enabled: false }, 400, 'is_enabled'],
    ['PATCH', '/v3/send_ips/ips/192.0.2.2', { is_parent_assigned: false }, 400, 'is_parent_assigned'],
  ])('%s %s %j: %i', async (method, url, body, status, field) => {
    const answer = await world.callBy(OPERATOR)(method, url, body);
    expect([answer.status, answer.json.errors[0].field]).toEqual([status, field]);
  });

  // Attack: a subuser, or another account of the stack, takes the brake off an address that all share.
  it('is nobody else’s to change', async () => {
    const before = await world.readWarmUps();
    for (const [method, url, body] of [
      ['POST', path, { ip: '192.0.2.2' }],
      ['DELETE', `${path}/192.0.2.1`, undefined],
      ['PATCH', '/v3/send_ips/ips/192.0.2.1', { is_auto_warmup: false }],
    ] as const)
      expect((await call(method, url, body)).status).toBe(403);
    expect(await world.readWarmUps()).toEqual(before);
  });
});

test('pools are those of the settings, also one without an address; keys of pages lead on', async () => {
  expect((await call('GET', '/v3/ips/pools')).json).toEqual([{ name: 'default' }, { name: 'bulk' }, { name: 'ses' }]);
  expect((await call('GET', '/v3/ips/pools/bulk')).json).toEqual({ pool_name: 'bulk', ips: ['192.0.2.2'] });
  expect((await call('GET', '/v3/ips/pools/none')).status).toBe(404);
  const first = (await call('GET', '/v3/send_ips/pools?limit=2')).json;
  expect(first._metadata.next_params.after_key).toBe('2');
  const second = (await call('GET', '/v3/send_ips/pools?limit=2&after_key=2')).json;
  expect(second).toEqual({
    result: [{ name: 'ses', id: 'ses', ips_preview: [], total_ip_count: 0 }],
    _metadata: { next_params: {} },
  });
  expect((await call('GET', '/v3/send_ips/ips/192.0.2.2/subusers')).json.result).toEqual(['all', 'one']);
  expect((await call('GET', '/v3/send_ips/pools/none/ips')).status).toBe(404);
});

test.each(IP_ROUTES.filter(({ method }) => method !== 'GET').map((one) => [`${one.method} ${one.path}`, one] as const))(
  '%s is refused with the setting that does it',
  async (_, { method, path }) => {
    const url = path.replaceAll(/\{(ip|ip_address)\}/g, '192.0.2.1').replaceAll(/\{\w+\}/g, 'default');
    const answer = await call(method, url, { ip: '192.0.2.1', name: 'x', count: 1, ips: ['192.0.2.1'] });
    expect([answer.status, answer.json.errors[0].message]).toEqual([
      400,
      expect.stringMatching(/pools.* in pennypost\.config/),
    ]);
  },
);

const GROUPS = ['ips', 'ip_warmup', 'ip_address_management'];
describe.skipIf(!existsSync(OAI))('SendGrid’s documents', () => {
  it.each(
    [...WARM_UP_ROUTES, ...POOL_ROUTES, ...IP_ROUTES].filter(({ method }) => method === 'GET').map(({ path }) => path),
  )('GET %s', async (path) => {
    const [document] = GROUPS.map((group) =>
      JSON.parse(readFileSync(new URL(`tsg_${group}_v3.json`, OAI), 'utf8')),
    ).filter(({ paths }) => paths[path]?.get);
    const url = path.replaceAll(/\{(ip|ip_address)\}/g, '192.0.2.1').replaceAll(/\{\w+\}/g, 'default');
    const answer = await call('GET', url);
    const ajv = new Ajv({ strict: false, allErrors: true });
    (formats as unknown as (ajv: Ajv) => void)(ajv);
    ajv.addSchema(document, 'oai');
    const pointer = ['paths', path, 'get', 'responses', '200', 'content', 'application/json', 'schema']
      .map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')))
      .join('/');
    const validate = ajv.compile({ $ref: `oai#/${pointer}` });
    expect(answer.status).toBe(200);
    expect({ errors: validate(answer.json) ? [] : validate.errors, body: answer.json }).toMatchObject({ errors: [] });
    expect(answer.body).not.toContain('secret');
  });
});
