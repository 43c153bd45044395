/** Source addresses and pools over the API: as the settings have them, by SendGrid's documents; what changes them is refused with the setting. */
import { existsSync, readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import formats from 'ajv-formats';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { IP_ROUTES } from '../../../lambdas/manage/ip-routes.ts';
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
  it.each(IP_ROUTES.filter(({ method }) => method === 'GET').map(({ path }) => path))('GET %s', async (path) => {
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
