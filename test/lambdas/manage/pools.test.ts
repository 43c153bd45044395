/** Pools over the API, on real tables: made, filled, renamed and removed, by both of SendGrid's sets of routes; those of the settings and of others stay as they are. */
import { randomBytes } from 'node:crypto';
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accountKey, makeAccountId } from '../../../core/records/subusers.ts';
import { POOL_ROUTES } from '../../../lambdas/manage/pool-routes.ts';
import { startSenders } from './senders.ts';

const [IP, OTHER] = ['192.0.2.1', '192.0.2.2'];
const OLD = '/v3/ips/pools';
const NEW = '/v3/send_ips/pools';

let world: Awaited<ReturnType<typeof startSenders>>;
beforeAll(async () => {
  world = await startSenders();
});
afterAll(() => world.stop());

type Call = ReturnType<typeof world.callBy>;
const newAccount = () => makeAccountId(randomBytes(5));
const newCall = (): Call => world.callBy(newAccount());
const wrong = async (answer: ReturnType<Call>) => {
  const { status, json } = await answer;
  return [status, json.errors?.[0].field, json.errors?.[0].message ?? json.error];
};
/** A pool of both addresses. */
async function madeBy(call: Call, name = 'mixed') {
  const { status, json } = await call('POST', NEW, { name, ips: [IP, OTHER] });
  expect([status, json]).toEqual([201, { name, id: expect.stringMatching(/^[1-9]\d{0,9}$/), ips: [IP, OTHER] }]);
  return json as { id: string };
}

describe('a pool', () => {
  it('is made, filled, renamed, emptied and removed by /v3/ips/pools', async () => {
    const call = newCall();
    expect(await call('POST', OLD, { name: 'marketing' })).toMatchObject({ status: 200, json: { name: 'marketing' } });
    const one = `${OLD}/marketing`;
    expect((await call('GET', one)).json).toEqual({ pool_name: 'marketing', ips: [] });
    expect(await call('POST', `${one}/ips`, { ip: OTHER })).toMatchObject({
      status: 201,
      json: { ip: OTHER, pools: ['bulk', 'marketing'], warmup: false, start_date: 0 },
    });
    expect(await call('POST', `${one}/ips`, { ip: IP })).toMatchObject({ status: 201, json: { warmup: true } });
    expect((await call('POST', `${one}/ips`, { ip: IP })).status).toBe(201);
    expect((await call('GET', one)).json.ips).toEqual([IP, OTHER]);
    expect(await call('PUT', one, { name: 'with space' })).toMatchObject({ status: 200, json: { name: 'with space' } });
    expect((await call('GET', one)).status).toBe(404);
    expect((await call('GET', OLD)).json.map(({ name }: { name: string }) => name)).toEqual([
      ...['default', 'bulk', 'ses'],
      'with space',
    ]);
    expect((await call('DELETE', `${OLD}/with%20space/ips/${IP}`)).status).toBe(204);
    expect((await call('GET', `${OLD}/with%20space`)).json.ips).toEqual([OTHER]);
    expect((await call('DELETE', `${OLD}/with%20space`)).status).toBe(204);
    expect((await call('GET', OLD)).json).toHaveLength(3);
  });

  it('keeps its id under another name, and by /v3/send_ips/pools takes and gives addresses in batches', async () => {
    const call = newCall();
    const { id } = await madeBy(call);
    const one = `${NEW}/${id}`;
    expect(await call('PUT', one, { name: 'renamed' })).toMatchObject({ status: 200, json: { name: 'renamed', id } });
    expect((await call('PUT', one, { name: 'renamed' })).status).toBe(200);
    expect((await call('POST', `${one}/ips:batchDelete`, { ips: [IP, IP] })).status).toBe(204);
    expect((await call('GET', one)).json).toEqual({ name: 'renamed', id, ips_preview: [OTHER], total_ip_count: 1 });
    const both = { name: 'renamed', id, ips: [IP, OTHER] };
    expect(await call('POST', `${one}/ips:batchAdd`, { ips: [IP] })).toMatchObject({ status: 200, json: both });
    expect((await call('GET', `${one}/ips?limit=1`)).json).toEqual({
      result: [
        {
          ip: IP,
          pools: [
            { id: 'default', name: 'default' },
            { id, name: 'renamed' },
          ],
        },
      ],
      _metadata: { next_params: { after_key: '1', limit: '1' } },
    });
    expect((await call('GET', `${NEW}?ip=${IP}`)).json.result.map((pool: { id: string }) => pool.id)).toEqual([
      ...['default', id],
    ]);
    expect((await call('DELETE', one)).status).toBe(204);
    expect((await call('GET', one)).status).toBe(404);
  });

  it('is shown with each of its addresses, everywhere', async () => {
    const call = newCall();
    const { id } = await madeBy(call);
    for (const path of ['/v3/ips', '/v3/ips/assigned'])
      expect((await call('GET', path)).json.map(({ pools }: { pools: string[] }) => pools)).toEqual([
        ['default', 'mixed'],
        ['bulk', 'mixed'],
      ]);
    expect((await call('GET', `/v3/ips/${IP}`)).json.pools).toEqual(['default', 'mixed']);
    const pools = [
      { id: 'bulk', name: 'bulk' },
      { id, name: 'mixed' },
    ];
    expect((await call('GET', `/v3/send_ips/ips/${OTHER}`)).json.pools).toEqual(pools);
    expect((await call('GET', `/v3/send_ips/ips?pool=${id}`)).json.result).toHaveLength(2);
    expect((await call('GET', '/v3/send_ips/ips?pool=bulk')).json.result).toMatchObject([{ ip: OTHER, pools }]);
  });

  it.each<[string, unknown, string, string]>([
    ['no name', {}, 'name', 'not found in the request body'],
    ['no object', ['x'], 'name', 'not found in the request body'],
    ['a number', { name: 7 }, 'name', 'must be a string'],
    ['one character', { name: 'p' }, 'name', 'needs to be between 2 to 64 characters long'],
    ['65', { name: 'p'.repeat(65) }, 'name', 'needs to be between 2 to 64 characters long'],
    ['a dot', { name: '.pool' }, 'name', 'cannot start with a dot or a space'],
    ['a space', { name: ' pool' }, 'name', 'cannot start with a dot or a space'],
    ['a line', { name: 'po\nol' }, 'name', 'must not contain control characters'],
    ['a deployed pool', { name: 'ses' }, 'name', 'already exists'],
    ['its own', { name: 'mixed' }, 'name', 'already exists'],
  ])('has no name with %s', async (_, body, field, message) => {
    const call = newCall();
    await madeBy(call);
    await madeBy(call, 'other');
    const before = await call('GET', NEW);
    for (const [method, path] of [
      ['POST', OLD],
      ['POST', NEW],
      ['PUT', `${OLD}/other`],
      ['PUT', `${NEW}/${before.json.result.at(-1).id}`],
    ] as const)
      expect(await wrong(call(method, path, body))).toEqual([400, field, message]);
    expect((await call('GET', NEW)).json).toEqual(before.json);
  });

  it.each<[string, unknown, string]>([
    ['none', {}, 'not found in the request body'],
    ['no list', { ips: IP }, 'must be an array of IP addresses'],
    ['numbers', { ips: [7] }, 'must be an array of IP addresses'],
    ['an empty list', { ips: [] }, 'the number of IPs must be between 1 and 100'],
    ['too many', { ips: Array.from({ length: 101 }, () => IP) }, 'the number of IPs must be between 1 and 100'],
  ])('takes and gives no batch of %s', async (_, body, message) => {
    const call = newCall();
    const { id } = await madeBy(call);
    for (const what of ['batchAdd', 'batchDelete'])
      expect(await wrong(call('POST', `${NEW}/${id}/ips:${what}`, body))).toEqual([400, 'ips', message]);
    expect((await call('GET', `${NEW}/${id}`)).json.total_ip_count).toBe(2);
  });

  it('takes deployed addresses alone, all or none, and gives none that it has not', async () => {
    const call = newCall();
    const assignable = 'unable to verify IPs assignability: 203.0.113.9';
    const bad = [IP, '203.0.113.9'];
    expect(await wrong(call('POST', NEW, { name: 'mixed', ips: bad }))).toEqual([400, 'ips', assignable]);
    const { id } = (await call('POST', NEW, { name: 'mixed' })).json;
    const one = `${NEW}/${id}/ips`;
    expect(await wrong(call('POST', `${one}:batchAdd`, { ips: bad }))).toEqual([400, 'ips', assignable]);
    expect((await call('GET', `${NEW}/${id}`)).json.total_ip_count).toBe(0);
    await call('POST', `${one}:batchAdd`, { ips: [IP] });
    const notIn = `not found in pool ‘mixed’: ${OTHER}`;
    expect(await wrong(call('POST', `${one}:batchDelete`, { ips: [IP, OTHER] }))).toEqual([400, 'ips', notIn]);
    expect(await wrong(call('DELETE', `${OLD}/mixed/ips/${OTHER}`))).toEqual([404, undefined, `the IP is ${notIn}`]);
    expect(await wrong(call('POST', `${OLD}/mixed/ips`, { ip: '203.0.113.9' }))).toEqual([
      ...[404, null, 'resource not found'],
    ]);
    expect((await wrong(call('POST', `${OLD}/mixed/ips`, {}))).slice(0, 2)).toEqual([400, 'ip']);
    expect((await call('GET', `${NEW}/${id}`)).json.ips_preview).toEqual([IP]);
  });

  it('is one of 100, those of the settings included', async () => {
    const call = newCall();
    for (let n = 3; n < 100; n++) expect((await call('POST', OLD, { name: `pool-${n}` })).status).toBe(200);
    const full = [400, '', '100 pools limit has been reached'];
    expect(await wrong(call('POST', OLD, { name: 'one-more' }))).toEqual(full);
    expect(await wrong(call('POST', NEW, { name: 'one-more' }))).toEqual(full);
    const { result } = (await call('GET', `${NEW}?limit=100`)).json;
    expect(new Set(result.map(({ id }: { id: string }) => id)).size).toBe(100);
  });

  it('of many made at once is lost by nobody', async () => {
    const call = newCall();
    const made = await Promise.all(['aa', 'bb', 'cc', 'dd'].map((name) => call('POST', OLD, { name })));
    expect(made.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect((await call('GET', OLD)).json).toHaveLength(7);
    const contested = world.callBy('contest2', { changePools: async () => false });
    expect((await contested('POST', OLD, { name: 'aa' })).status).toBe(429);
  });
});

it.each(
  POOL_ROUTES.filter(({ method, path }) => method !== 'GET' && path.includes('{')).map(
    (route) => [`${route.method} ${route.path}`, route] as const,
  ),
)('%s of a pool of the settings is refused with the setting that does it; of none, it is 404', async (_, route) => {
  const call = newCall();
  const at = (name: string) => route.path.replace(/\{pool_name\}|\{poolid\}/, name).replace('{ip}', OTHER);
  const body = { ip: IP, name: 'other', ips: [IP] };
  const [status, , message] = await wrong(call(route.method, at('bulk'), body));
  expect([status, message]).toEqual([400, expect.stringMatching(/pools(\[\]\.sourceIps)? in pennypost\.config\.ts/)]);
  expect((await call(route.method, at('4711'), body)).status).toBe(404);
  expect((await call('GET', OLD)).json).toHaveLength(3);
});

// Attack: a subuser fills or removes its parent's pools, and a stranger looks for them.
it('is its account’s: a subuser sees its parent’s and changes none, a stranger sees nothing', async () => {
  const parent = world.callBy('parentp2');
  const { id } = await madeBy(parent);
  await world.client.send(
    new PutCommand({ TableName: 'Accounts', Item: { ...accountKey('subuserp'), parent: 'parentp2', username: 'sub' } }),
  );
  const [sub, stranger] = [world.callBy('subuserp'), world.callBy('strangep')];
  expect((await sub('GET', `${NEW}/${id}`)).json).toMatchObject({ name: 'mixed', total_ip_count: 2 });
  expect((await sub('GET', `/v3/ips/${IP}`)).json.pools).toEqual(['default', 'mixed']);
  for (const { method, path } of POOL_ROUTES.filter((route) => route.method !== 'GET')) {
    const url = path.replace('{pool_name}', 'mixed').replace('{poolid}', id).replace('{ip}', IP);
    const body = { ip: IP, name: 'other', ips: [IP] };
    expect((await sub(method, url, body)).status).toBe(403);
    if (path.includes('{')) expect((await stranger(method, url, body)).status).toBe(404);
  }
  expect((await stranger('GET', `${NEW}/${id}`)).status).toBe(404);
  expect((await stranger('GET', OLD)).json).toHaveLength(3);
  expect((await parent('GET', `${NEW}/${id}`)).json).toMatchObject({ name: 'mixed', total_ip_count: 2 });
});

it('that a deployment makes too is the deployed one by name, and one’s own by its id, to be renamed', async () => {
  const account = newAccount();
  const { id } = await madeBy(world.callBy(account), 'ses-2');
  const sourceIps = [{ ehloName: 'ses', name: 'ses-2', pool: 'ses-2' }];
  const after = world.callBy(account, { sourceIps });
  expect((await after('GET', OLD)).json).toEqual([{ name: 'ses-2' }]);
  expect((await after('DELETE', `${OLD}/ses-2`)).status).toBe(400);
  // Its addresses are gone with the deployment.
  expect((await after('GET', `${NEW}/${id}`)).json).toMatchObject({ name: 'ses-2', total_ip_count: 0 });
  expect((await after('PUT', `${NEW}/${id}`, { name: 'mine' })).status).toBe(200);
  expect((await after('GET', OLD)).json).toEqual([{ name: 'ses-2' }, { name: 'mine' }]);
});
