/** The routes of event webhooks and statistics, as clients call them. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { makeApiKey } from '../../../core/api-key.ts';
import type { KeyRecord } from '../../../core/records/accounts.ts';
import { SWITCHES } from '../../../core/webhook/setting.ts';
import { type ManageDeps, manage } from '../../../lambdas/manage/manage.ts';
import { ROUTES } from '../../../lambdas/manage/routes.ts';
import { inMemory } from './webhooks.ts';

const NOW = Date.UTC(2026, 10, 25, 12);
const SETTINGS = '/v3/user/webhooks/event/settings';
const OAI = '../shared/oai';

function setUp() {
  const memory = inMemory();
  let now = NOW;
  const keys = new Map<string, KeyRecord>();
  const deps = {
    ...memory.deps,
    now: () => now++,
    anyPort: false,
    windows: new Map(),
    readKey: async ({ id }: { id: string }) => keys.get(id),
    report: (problem: string) => {
      throw new Error(problem);
    },
  } as unknown as ManageDeps;
  const keyOf = (account: string) => {
    const { key, id, secretHash } = makeApiKey(account, Buffer.alloc(43, keys.size + 1));
    keys.set(id, {
      pk: account,
      sk: `key#${id}`,
      name: 'x',
      secretHash,
      scopes: ROUTES.map(({ scope }) => scope),
      createdAt: NOW,
    });
    return key;
  };
  const own = keyOf('shopshop');
  const call = async (method: string, path: string, body?: unknown, key = own) => {
    const [pathname = '', rawQuery = ''] = path.split('?');
    const answer = await manage(
      {
        method,
        path: pathname,
        query: Object.fromEntries(new URLSearchParams(rawQuery)),
        rawQuery,
        headers: { authorization: `Bearer ${key}` },
        body: Buffer.from(body === undefined ? '' : JSON.stringify(body)),
      },
      deps,
    );
    return { status: answer.status, body: answer.body === '' ? undefined : JSON.parse(answer.body) };
  };
  return { ...memory, call, keyOf };
}

const HOOK = { enabled: true, url: 'https://hooks.example.com/a', delivered: true, bounce: true, friendly_name: 'One' };

describe('event webhooks', () => {
  test('made, read, changed, listed, removed; what is not said is off, and stays as it was', async () => {
    const { call } = setUp();
    const made = await call('POST', SETTINGS, HOOK);
    const { id } = made.body;
    expect(made).toMatchObject({
      status: 201,
      body: {
        ...HOOK,
        open: false,
        account_status_change: false,
        created_date: expect.stringMatching(/^2026-11-25T12:00:00Z$/),
      },
    });
    expect(await call('PATCH', `${SETTINGS}/${id}`, { open: true })).toMatchObject({
      status: 200,
      body: { ...HOOK, open: true },
    });
    expect((await call('GET', `${SETTINGS}/${id}`)).body).toMatchObject({ id, open: true });
    expect((await call('GET', `${SETTINGS}/all`)).body).toMatchObject({ max_allowed: 20, webhooks: [{ id }] });
    expect((await call('GET', SETTINGS)).body).toMatchObject({ id });
    expect((await call('DELETE', `${SETTINGS}/${id}`)).status).toBe(204);
    expect(await call('GET', `${SETTINGS}/${id}`)).toEqual({
      status: 404,
      body: { errors: [{ message: 'Invalid id provided.' }] },
    });
  });

  test.each([
    ['url', { ...HOOK, url: undefined }],
    ['url', { ...HOOK, url: 'ftp://hooks.example.com/' }],
    ['url', { ...HOOK, url: 'https://hooks.example.com:22/' }],
    ['enabled', { ...HOOK, enabled: 'yes' }],
    ['open', { ...HOOK, open: 1 }],
    ['friendly_name', { ...HOOK, friendly_name: 'x'.repeat(256) }],
    ['oauth_token_url', { ...HOOK, oauth_client_id: 'id' }],
    ['oauth_client_id', { ...HOOK, oauth_token_url: 'https://t.example.com/' }],
    ['oauth_client_secret', { ...HOOK, oauth_client_secret: 'x' }],
    ['oauth_token_url', { ...HOOK, oauth_client_id: 'id', oauth_token_url: 'file:///etc/passwd' }],
  ])('refused, naming %s', async (field, body) => {
    const { call, webhooks } = setUp();
    expect(await call('POST', SETTINGS, body)).toMatchObject({ status: 400, body: { errors: [{ field }] } });
    expect(webhooks.size).toBe(0);
  });

  // Attack: whoever may read settings learns secrets by them.
  test('secrets are sealed, and shown by no route; the HMAC secret once, when signing begins', async () => {
    const { call, webhooks } = setUp();
    const oauth = {
      oauth_client_id: 'id',
      oauth_client_secret: 'tops3cret',
      oauth_token_url: 'https://t.example.com/',
    };
    const { id } = (await call('POST', SETTINGS, { ...HOOK, ...oauth })).body;
    const signed = await call('PATCH', `${SETTINGS}/signed/${id}`, { enabled: true });
    expect(signed.body).toMatchObject({
      id,
      public_key: expect.stringMatching(/^MFkw/),
      hmac_secret: expect.any(String),
    });
    expect((await call('PATCH', `${SETTINGS}/signed/${id}`, { enabled: true })).body).toEqual({
      id,
      public_key: signed.body.public_key,
    });
    const shown = JSON.stringify([
      await call('GET', `${SETTINGS}/all`),
      await call('GET', `${SETTINGS}/${id}`),
      await call('GET', `${SETTINGS}/signed/${id}`),
      await call('GET', `${SETTINGS}/${id}/log`),
    ]);
    expect(shown).not.toContain('tops3cret');
    expect(shown).not.toContain(signed.body.hmac_secret);
    expect(shown).not.toContain('privateKey');
    expect(JSON.stringify([...webhooks.values()])).not.toContain('tops3cret');
    // The secret stays while the id changes; signing that begins anew has another key.
    const before = [...webhooks.values()][0]!.oauth!.secret;
    await call('PATCH', SETTINGS, { oauth_client_id: 'other' });
    expect([...webhooks.values()][0]!.oauth).toMatchObject({ clientId: 'other', secret: before });
    expect((await call('PATCH', `${SETTINGS}/signed`, { enabled: false })).body.public_key).toBe('');
    expect((await call('PATCH', `${SETTINGS}/signed`, { enabled: true })).body.public_key).not.toBe(
      signed.body.public_key,
    );
  });

  // Attack: another account's id in the path (N1).
  test('another account’s webhook is not there, whatever is asked of it', async () => {
    const { call, keyOf, webhooks } = setUp();
    const { id } = (await call('POST', SETTINGS, HOOK)).body;
    const other = keyOf('otherone');
    const before = JSON.stringify([...webhooks.values()]);
    for (const [method, path, body] of [
      ['GET', `/${id}`],
      ['PATCH', `/${id}`, { enabled: false }],
      ['DELETE', `/${id}`],
      ['GET', `/signed/${id}`],
      ['PATCH', `/signed/${id}`, { enabled: true }],
      ['GET', `/${id}/log`],
      ['POST', `/${id}/replay`, { start_time: 1_700_000_000 }],
    ] as const)
      expect(await call(method, `${SETTINGS}${path}`, body, other)).toMatchObject({ status: 404 });
    expect(await call('POST', '/v3/user/webhooks/event/test', { id, url: HOOK.url }, other)).toMatchObject({
      status: 404,
    });
    expect(JSON.stringify([...webhooks.values()])).toBe(before);
  });

  test('what happened while it was off is not told: `since` moves when it is switched on', async () => {
    const { call, webhooks } = setUp();
    await call('POST', SETTINGS, { ...HOOK, enabled: false });
    const [made] = webhooks.values();
    await call('PATCH', SETTINGS, { enabled: true });
    expect([...webhooks.values()][0]!.since).toBeGreaterThan(made!.since);
    const { since } = [...webhooks.values()][0]!;
    await call('PATCH', SETTINGS, { open: true });
    expect([...webhooks.values()][0]!.since).toBe(since);
  });

  test('replays and trials are queued, and refused where they could not work', async () => {
    const { call, sent } = setUp();
    const { id } = (await call('POST', SETTINGS, HOOK)).body;
    expect(await call('POST', `${SETTINGS}/${id}/replay`, { start_time: 'now' })).toMatchObject({ status: 400 });
    expect(await call('POST', `${SETTINGS}/${id}/replay`, { start_time: 1_700_000_000, end_time: 1 })).toMatchObject({
      status: 400,
    });
    expect(
      await call('POST', `${SETTINGS}/${id}/replay`, { start_time: 1_764_000_000, end_time: 1_764_003_600 }),
    ).toMatchObject({ status: 202 });
    expect(await call('POST', '/v3/user/webhooks/event/test', {})).toMatchObject({ status: 400 });
    expect(await call('POST', '/v3/user/webhooks/event/test', { url: 'http://169.254.169.254:1/' })).toMatchObject({
      status: 400,
    });
    expect((await call('POST', '/v3/user/webhooks/event/test', { url: 'https://hooks.example.com/x' })).status).toBe(
      204,
    );
    expect(sent).toMatchObject([
      { kind: 'replay', webhook: id, from: 1_764_000_000, to: 1_764_003_600 },
      { kind: 'trial', account: 'shopshop', url: 'https://hooks.example.com/x' },
    ]);
  });
});

describe('statistics', () => {
  const counted = (counts: Record<string, number>, hour: string, more: object = {}) => ({
    account: 'shopshop',
    kind: 'all',
    name: '',
    hour,
    counts,
    ...more,
  });

  test('days, weeks and months, also where nothing was counted; another account’s are not in it', async () => {
    const { call, hours } = setUp();
    hours.push(counted({ delivered: 2, requests: 3, 'provider|google|delivered': 2 }, '2026-11-23T10'));
    hours.push(counted({ delivered: 1, requests: 1 }, '2026-11-25T01'));
    hours.push({ ...counted({ delivered: 9 }, '2026-11-25T01'), account: 'otherone' });
    const days = (await call('GET', '/v3/stats?start_date=2026-11-23&end_date=2026-11-25')).body;
    expect(
      days.map(({ date, stats }: { date: string; stats: { metrics: { delivered: number } }[] }) => [
        date,
        stats[0]!.metrics.delivered,
      ]),
    ).toEqual([
      ['2026-11-23', 2],
      ['2026-11-24', 0],
      ['2026-11-25', 1],
    ]);
    expect(Object.keys(days[0].stats[0].metrics)).toHaveLength(16);
    expect(
      (await call('GET', '/v3/stats?start_date=2026-11-23&end_date=2026-11-25&aggregated_by=month')).body,
    ).toMatchObject([{ date: '2026-11-01', stats: [{ metrics: { delivered: 3, requests: 4 } }] }]);
    expect(
      (await call('GET', '/v3/stats?start_date=2026-11-23&end_date=2026-11-23&aggregated_by=hour')).body[10],
    ).toMatchObject({
      date: '2026-11-23T10',
      stats: [{ metrics: { delivered: 2 } }],
    });
    expect(await call('GET', '/v3/stats')).toMatchObject({ status: 400, body: { errors: [{ field: 'start_date' }] } });
  });

  test('in the account’s time zone', async () => {
    const { call, hours } = setUp();
    hours.push(counted({ delivered: 1 }, '2026-11-25T03'));
    expect(await call('PATCH', '/v3/user/timezone', { timezone: 'Mars/Olympus' })).toMatchObject({ status: 400 });
    expect((await call('PATCH', '/v3/user/timezone', { timezone: 'America/Chicago' })).status).toBe(200);
    const [day] = (await call('GET', '/v3/stats?start_date=2026-11-24&end_date=2026-11-24')).body;
    expect(day.stats[0].metrics.delivered).toBe(1);
  });

  test('by provider, place, device, client, browser, pool, address, category and template; people alone where asked', async () => {
    const { call, hours, withoutMachines } = setUp();
    const hour = '2026-11-25T10';
    hours.push(
      counted(
        {
          'provider|google|delivered': 2,
          'provider|other|bounces': 1,
          'country|US|opens': 3,
          'province|US-TX|opens': 3,
          'province|CA-ON|opens': 1,
          'device|Phone|unique_opens': 2,
          'client|Phone/Apple Mail|opens': 2,
          'client|Desktop/Apple Mail|opens': 4,
          'browser|Chrome|clicks': 5,
          'browser|Chrome|machine_clicks': 4,
          'pool|bulk|requests': 7,
          'ip|192.0.2.1|deferred': 6,
        },
        hour,
      ),
      counted({ delivered: 5, opens: 2 }, hour, { kind: 'category', name: 'news' }),
      counted({ delivered: 8 }, hour, { kind: 'category', name: 'orders, paid' }),
      counted({ delivered: 4 }, hour, { kind: 'template', name: 'd-1' }),
    );
    const get = async (path: string) =>
      (await call('GET', `${path}${path.includes('?') ? '&' : '?'}start_date=2026-11-25`)).body;
    const one = async (path: string) => (await get(path))[0].stats;
    expect(await one('/v3/mailbox_providers/stats')).toMatchObject([
      { type: 'mailbox_provider', name: 'Gmail', metrics: { delivered: 2 } },
      { name: 'Other', metrics: { bounces: 1, delivered: 0 } },
    ]);
    expect(await one('/v3/mailbox_providers/stats?mailbox_providers=Gmail')).toHaveLength(1);
    expect(await one('/v3/geo/stats')).toMatchObject([{ type: 'country', name: 'US', metrics: { opens: 3 } }]);
    expect(await one('/v3/geo/stats?country=US')).toMatchObject([{ type: 'province', name: 'TX' }]);
    expect(await one('/v3/devices/stats')).toMatchObject([
      { type: 'device', name: 'Phone', metrics: { unique_opens: 2 } },
    ]);
    expect(await one('/v3/clients/stats')).toMatchObject([
      { type: 'client', name: 'Apple Mail', metrics: { opens: 6 } },
    ]);
    expect(await one('/v3/clients/phone/stats')).toMatchObject([{ name: 'Apple Mail', metrics: { opens: 2 } }]);
    expect(await one('/v3/browsers/stats')).toMatchObject([{ name: 'Chrome', metrics: { clicks: 5 } }]);
    expect(await one('/v3/browsers/stats?machine=exclude')).toMatchObject([{ name: 'Chrome', metrics: { clicks: 1 } }]);
    // The account's setting, unless the call says otherwise.
    withoutMachines.add('shopshop');
    expect(await one('/v3/browsers/stats')).toMatchObject([{ metrics: { clicks: 1 } }]);
    expect(await one('/v3/browsers/stats?machine=include')).toMatchObject([{ metrics: { clicks: 5 } }]);
    expect(await one('/v3/stats/ip_pools')).toMatchObject([{ name: 'bulk', metrics: { requests: 7 } }]);
    expect(await one('/v3/stats/source_ips')).toMatchObject([{ name: '192.0.2.1', metrics: { deferred: 6 } }]);
    expect(await one('/v3/stats/templates')).toMatchObject([{ name: 'd-1', metrics: { delivered: 4 } }]);
    expect(await one('/v3/categories/stats?categories=orders%2C%20paid&categories=news')).toMatchObject([
      { type: 'category', name: 'orders, paid', metrics: { delivered: 8 } },
      { name: 'news', metrics: { delivered: 5 } },
    ]);
    expect((await call('GET', '/v3/categories/stats?start_date=2026-11-25')).body.errors[0].field).toBe('categories');
    expect(await get('/v3/categories/stats/sums')).toMatchObject({
      date: '2026-11-25',
      stats: [{ name: 'orders, paid' }, { name: 'news' }],
    });
    expect((await get('/v3/categories/stats/sums?sort_by_metric=opens')).stats[0].name).toBe('news');
    expect(await call('GET', '/v3/categories')).toMatchObject({
      body: [{ category: 'news' }, { category: 'orders, paid' }],
    });
    expect(await call('GET', '/v3/clients/fridge/stats?start_date=2026-11-25')).toMatchObject({ status: 400 });
  });
});

describe.skipIf(!existsSync(OAI))('the OpenAPI documents', () => {
  const read = (file: string) => JSON.parse(readFileSync(`${OAI}/${file}`, 'utf8'));
  const built = new Set(ROUTES.map(({ method, path }) => `${method} ${path.replace(/\{\w+\}/g, '{}')}`));
  const missing = (file: string) =>
    Object.entries<Record<string, unknown>>(read(file).paths).flatMap(([path, operations]) =>
      Object.keys(operations)
        .filter((method) => ['get', 'post', 'put', 'patch', 'delete'].includes(method))
        .map((method) => `${method.toUpperCase()} ${path.replace(/\{\w+\}/g, '{}')}`)
        .filter((route) => !built.has(route)),
    );

  test('every route of statistics is built', () => expect(missing('tsg_stats_v3.json')).toEqual([]));
  test('every route of webhooks is built', () => expect(missing('tsg_webhooks_v3.json')).toEqual([]));
  test('a webhook is shown with the properties of its schema', async () => {
    const { call } = setUp();
    const { body } = await call('POST', SETTINGS, HOOK);
    const { properties } = read('tsg_webhooks_v3.json').components.schemas.EventWebhookRequest;
    const shown = Object.keys(properties).filter((name) => !name.startsWith('oauth'));
    expect(Object.keys(body)).toEqual(expect.arrayContaining(shown));
    // The document has it among the properties of some of its objects only.
    expect(Object.keys(SWITCHES).filter((name) => !(name in properties))).toEqual(['account_status_change']);
  });
});
