import { describe, expect, it } from 'vitest';
import { makeApiKey } from '../../../core/api-key.ts';
import type { KeyRecord } from '../../../core/records/accounts.ts';
import type { DomainRecord } from '../../../core/records/domains.ts';
import type { ParseSettingRecord } from '../../../core/records/inbound.ts';
import { ANY_KEY } from '../../../core/scopes.ts';
import { HostTakenError } from '../../../io/hosts.ts';
import { type HttpRequest, type ManageDeps, manage } from '../../../lambdas/manage/manage.ts';
import { ROUTES } from '../../../lambdas/manage/routes.ts';
import { inMemory } from './webhooks.ts';

const NOW = Date.parse('2026-11-25T12:00:00Z');
const ALL = ROUTES.map(({ scope }) => scope);
const SETTINGS = '/v3/user/webhooks/parse/settings';
const STATS = '/v3/user/webhooks/parse/stats';

function setUp(overrides: Partial<ManageDeps> = {}) {
  const keys = new Map<string, KeyRecord>();
  const settings = new Map<string, ParseSettingRecord>();
  const problems: string[] = [];
  // What these cases call; the routes of suppressions are tried on real tables (suppressions.test.ts).
  const called: Partial<ManageDeps> = {
    ...inMemory().deps,
    now: () => NOW,
    anyPort: false,
    windows: new Map(),
    readKey: async ({ id }) => keys.get(id),
    listDomains: async (account) => [
      { domain: `${account}.example`, returnPath: `em.${account}.example` } as DomainRecord,
    ],
    listParseSettings: async (account) => [...settings.values()].filter(({ pk }) => pk === account),
    readParseSetting: async (account, hostname) => settings.get(`${account} ${hostname.toLowerCase()}`),
    createParseSetting: async (account, setting) => {
      if ([...settings.values()].some(({ pk, hostname }) => pk !== account && hostname === setting.hostname))
        throw new HostTakenError('in use');
      if (settings.has(`${account} ${setting.hostname}`)) return false;
      settings.set(`${account} ${setting.hostname}`, setting);
      return true;
    },
    changeParseSetting: async (setting) => {
      settings.set(`${setting.pk} ${setting.hostname}`, setting);
      return true;
    },
    removeParseSetting: async (account, hostname) => settings.delete(`${account} ${hostname}`),
    readParseStats: async () =>
      new Map([
        ['2026-11-23', 4],
        ['2026-11-25', 2],
      ]),
    report: (problem) => void problems.push(problem),
    ...overrides,
  };
  const deps = called as ManageDeps;
  const keyOf = (account = 'shopshop', scopes: string[] = ALL) => {
    const { key, id, secretHash } = makeApiKey(account, Buffer.alloc(43, keys.size + 1));
    keys.set(id, { pk: account, sk: `key#${id}`, name: 'x', secretHash, scopes, createdAt: NOW });
    return key;
  };
  const ask = async (
    method: string,
    path: string,
    body?: unknown,
    more: Partial<HttpRequest> & { key?: string } = {},
  ) => {
    const { key = keyOf(), ...rest } = more;
    const answer = await manage(
      {
        method,
        path,
        query: {},
        headers: { authorization: `Bearer ${key}` },
        body: Buffer.from(body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body)),
        ...rest,
      },
      deps,
    );
    return { ...answer, json: answer.body === '' ? undefined : JSON.parse(answer.body) };
  };
  return { ask, keyOf, settings, problems };
}

const SETTING = {
  hostname: 'in.shopshop.example',
  url: 'https://hooks.shop.example/in',
  spam_check: true,
  send_raw: false,
};

describe('parse settings', () => {
  it('are made, read, listed, changed and removed, in the shapes of the OpenAPI document', async () => {
    const { ask } = setUp();
    expect(await ask('GET', SETTINGS)).toMatchObject({ status: 200, json: { result: [] } });
    expect(await ask('POST', SETTINGS, { ...SETTING, hostname: 'In.ShopShop.example' })).toMatchObject({
      status: 201,
      json: SETTING,
    });
    expect(await ask('GET', SETTINGS)).toMatchObject({ status: 200, json: { result: [SETTING] } });
    const one = `${SETTINGS}/in.shopshop.example`;
    expect(await ask('GET', one)).toMatchObject({ status: 200, json: SETTING });
    expect(await ask('PATCH', one, { send_raw: true })).toMatchObject({
      status: 200,
      json: { ...SETTING, send_raw: true },
    });
    expect((await ask('GET', one)).json).toEqual({ ...SETTING, send_raw: true });
    expect(await ask('DELETE', one)).toMatchObject({ status: 204, body: '' });
    expect(await ask('GET', one)).toMatchObject({ status: 404, json: { errors: [{ message: 'not found' }] } });
    expect(await ask('PATCH', one, {})).toMatchObject({ status: 404 });
    expect(await ask('DELETE', one)).toMatchObject({ status: 404 });
  });

  it.each<[unknown, string | undefined, RegExp]>([
    ['', undefined, /must be a JSON object/],
    ['[]', undefined, /must be a JSON object/],
    ['"x"', undefined, /must be a JSON object/],
    ['{', undefined, /not JSON/],
    ['\xff', undefined, /not JSON/],
    // Half of a surrogate pair: no table takes it as a key.
    ['{"name":"\\ud800"}', undefined, /not JSON/],
    ['{"\\udc00":1}', undefined, /not JSON/],
    [{ ...SETTING, hostname: undefined }, 'hostname', /required/],
    [{ ...SETTING, hostname: 7 }, 'hostname', /required/],
    [{ ...SETTING, hostname: 'localhost' }, 'hostname', /not a host name/],
    [{ ...SETTING, hostname: 'in.elsewhere.example' }, 'hostname', /sends from/],
    [{ ...SETTING, hostname: 'notshopshop.example' }, 'hostname', /sends from/],
    [{ ...SETTING, hostname: 'em.shopshop.example' }, 'hostname', /bounces/],
    [{ ...SETTING, url: undefined }, 'url', /required/],
    [{ ...SETTING, url: 'http://shop.example:22/' }, 'url', /port/],
    [{ ...SETTING, spam_check: 'yes' }, 'spam_check', /true or false/],
    [{ ...SETTING, send_raw: 1 }, 'send_raw', /true or false/],
  ])('are not made of %j', async (body, field, words) => {
    const { ask, settings } = setUp();
    const { status, json } = await ask('POST', SETTINGS, body);
    expect(status).toBe(400);
    expect(json.errors[0].message).toMatch(words);
    expect(json.errors[0].field).toBe(field);
    expect(settings.size).toBe(0);
  });

  it('of one host name are one account’s alone, and one', async () => {
    const { ask, settings } = setUp();
    await ask('POST', SETTINGS, SETTING);
    expect((await ask('POST', SETTINGS, SETTING)).json.errors[0].message).toMatch(/already/);
    const theirs = setUp({
      createParseSetting: async () => {
        throw new HostTakenError('in use');
      },
    });
    expect(await theirs.ask('POST', SETTINGS, SETTING)).toMatchObject({
      status: 400,
      json: { errors: [{ field: 'hostname' }] },
    });
    expect(settings.size).toBe(1);
    expect(await ask('PATCH', `${SETTINGS}/${SETTING.hostname}`, { hostname: 'other.shopshop.example' })).toMatchObject(
      {
        status: 400,
      },
    );
  });

  // Attack: a customer reads or changes another's settings by naming his host.
  it('of another account do not exist', async () => {
    const { ask, keyOf } = setUp();
    await ask('POST', SETTINGS, SETTING);
    const key = keyOf('another2');
    for (const [method, body] of [['GET'], ['PATCH', { url: 'https://evil.example/' }], ['DELETE']] as const)
      expect(await ask(method, `${SETTINGS}/${SETTING.hostname}`, body, { key })).toMatchObject({ status: 404 });
    expect((await ask('GET', `${SETTINGS}/${SETTING.hostname}`)).json).toEqual(SETTING);
  });
});

describe('parse statistics', () => {
  const stats = (query: Record<string, string>) => setUp().ask('GET', STATS, undefined, { query });

  it('have an entry for each day, week or month, also where nothing came', async () => {
    const received = (count: number) => [{ metrics: { received: count } }];
    expect((await stats({ start_date: '2026-11-22' })).json).toEqual([
      { date: '2026-11-22', stats: received(0) },
      { date: '2026-11-23', stats: received(4) },
      { date: '2026-11-24', stats: received(0) },
      { date: '2026-11-25', stats: received(2) },
    ]);
    expect((await stats({ start_date: '2026-11-22', limit: '2', offset: '1' })).json).toHaveLength(2);
    expect((await stats({ start_date: '2026-11-20', aggregated_by: 'week' })).json).toEqual([
      { date: '2026-11-16', stats: received(0) },
      { date: '2026-11-23', stats: received(6) },
    ]);
    expect((await stats({ start_date: '2026-10-31', aggregated_by: 'month' })).json).toEqual([
      { date: '2026-10-01', stats: received(0) },
      { date: '2026-11-01', stats: received(6) },
    ]);
  });

  it.each<[Record<string, string>, string]>([
    [{}, 'start_date'],
    [{ start_date: '2026-13-01' }, 'start_date'],
    [{ start_date: '2026-02-30' }, 'start_date'],
    [{ start_date: '25.11.2026' }, 'start_date'],
    [{ start_date: '2026-11-26' }, 'start_date'],
    [{ start_date: '1990-01-01' }, 'start_date'],
    [{ start_date: '2026-11-01', end_date: 'x' }, 'end_date'],
    [{ start_date: '2026-11-01', aggregated_by: 'year' }, 'aggregated_by'],
    [{ start_date: '2026-11-01', limit: '0' }, 'limit'],
    [{ start_date: '2026-11-01', limit: '-1' }, 'limit'],
    [{ start_date: '2026-11-01', offset: 'x' }, 'offset'],
  ])('refuse %j, naming %s', async (query, field) => {
    expect(await stats(query)).toMatchObject({
      status: 400,
      json: { errors: [{ field, message: expect.stringContaining(field) }] },
    });
  });
});

describe('the table of routes', () => {
  const scoped = ROUTES.filter(({ scope }) => scope !== ANY_KEY);
  it.each(scoped)('$method $path asks for its own scope, and no other will do', async ({ method, path, scope }) => {
    const { ask, keyOf } = setUp();
    const at = path.replace('{hostname}', 'in.shopshop.example');
    const others = [...ALL, 'mail.send', scope.replace(/\.\w+$/, '')].filter((one) => one !== scope);
    expect(await ask(method, at, undefined, { key: keyOf('shopshop', others) })).toMatchObject({
      status: 403,
      json: { errors: [{ message: 'access forbidden' }] },
    });
    // What only the operator may is refused in other words.
    const { body } = await ask(method, at, undefined, { key: keyOf('shopshop', [scope]) });
    expect(body).not.toContain('access forbidden');
  });

  it.each([
    ['GET', '/', 404],
    ['GET', '/v3/mail', 404],
    ['GET', `${SETTINGS}/`, 404],
    ['GET', `${SETTINGS}/a/b`, 404],
    ['GET', `${SETTINGS}/%`, 404],
    ['GET', '/v3/user/webhooks/parse/settings/../settings', 404],
    ['GET', SETTINGS.toUpperCase(), 404],
    ['PUT', SETTINGS, 405],
    ['POST', STATS, 405],
    ['CONNECT', SETTINGS, 405],
  ])('%s %s: %d', async (method, path, status) => {
    expect(await setUp().ask(method, path)).toMatchObject({
      status,
      json: { errors: [{ message: expect.any(String) }] },
    });
  });

  it.each([[undefined], ['Bearer x'], [`Bearer SG.${'a'.repeat(22)}.${'b'.repeat(43)}`], ['Basic YTpi']])(
    'answers nobody without a key: %s',
    async (authorization) => {
      const { ask } = setUp();
      expect(await ask('GET', SETTINGS, undefined, { headers: { authorization } })).toMatchObject({ status: 401 });
    },
  );
});

it('tells the rate limit with every answer, and refuses what is beyond it', async () => {
  const { ask } = setUp();
  const first = await ask('GET', SETTINGS);
  expect(first.headers).toMatchObject({
    'X-RateLimit-Limit': '600',
    'X-RateLimit-Remaining': '599',
    'X-RateLimit-Reset': String(NOW / 1_000 + 60),
  });
  for (let n = 1; n < 600; n++) await ask('GET', SETTINGS);
  expect(await ask('GET', SETTINGS)).toMatchObject({
    status: 429,
    json: { errors: [{ message: 'too many requests' }] },
  });
});

it('counts a route with a limit of its own by itself', async () => {
  const jobs: string[][] = [];
  const { ask } = setUp({ createErasure: async (_account, _id, addresses) => void jobs.push(addresses) });
  const erase = () =>
    ask('POST', '/v3/recipients/erasejob', { email_addresses: ['Ada@Example.net', 'ada@example.net'] });
  const first = await erase();
  expect([first.status, first.headers['X-RateLimit-Limit'], first.headers['X-RateLimit-Remaining']]).toEqual([
    202,
    '100',
    '99',
  ]);
  expect(jobs).toEqual([['ada@example.net']]);
  for (let n = 1; n < 100; n++) await erase();
  expect((await erase()).status).toBe(429);
  expect((await ask('GET', SETTINGS)).headers).toMatchObject({ 'X-RateLimit-Remaining': '599' });
  expect(jobs).toHaveLength(100);
});

it('answers 500 in SendGrid’s shape when a store is broken, and says so in the log, not to the caller', async () => {
  const { ask, problems } = setUp({
    listParseSettings: async () => {
      throw new Error('the table is gone');
    },
  });
  const { status, body } = await ask('GET', SETTINGS);
  expect([status, body.includes('table')]).toEqual([500, false]);
  expect(problems).toEqual([expect.stringContaining('the table is gone')]);
});
