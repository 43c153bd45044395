/** The routes of tracking's settings as clients call them, on a real table: SendGrid's shapes, an account's own settings, no 5xx. */
import { existsSync, readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import formats from 'ajv-formats';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TRACKING_ROUTES } from '../../../lambdas/manage/tracking-routes.ts';
import { startManage } from './account.ts';

const OAI = '../shared/oai/tsg_tracking_settings_v3.json';
const PATH = '/v3/tracking_settings';
let world: Awaited<ReturnType<typeof startManage>>;
beforeAll(async () => {
  world = await startManage();
});
afterAll(() => world?.stop());

const CHANGES: Readonly<Record<string, object>> = {
  click: { enabled: true },
  google_analytics: { enabled: true, utm_source: 'mail' },
  machines: { enabled: false },
  open: { enabled: true },
  subscription: { enabled: true, plain_content: 'Leave: <% %>', html_content: '<% Leave %>' },
};

describe.skipIf(!existsSync(OAI))('the tracking settings of SendGrid’s OpenAPI document', () => {
  const document = existsSync(OAI) ? JSON.parse(readFileSync(OAI, 'utf8')) : { paths: {} };
  const operations = Object.entries<object>(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods)
      .filter((method) => /^(get|patch)$/.test(method))
      .map((method) => [method, path] as const),
  );
  const ajv = new Ajv({ strict: false, allErrors: true });
  (formats as unknown as (ajv: Ajv) => void)(ajv);
  ajv.addSchema(document, 'oai');
  const part = (text: string) => encodeURIComponent(text.replaceAll('~', '~0').replaceAll('/', '~1'));

  it('are all routes', () => {
    expect(operations).toHaveLength(9);
    const known = TRACKING_ROUTES.map(({ method, path }) => `${method} ${path}`);
    for (const [method, path] of operations) expect(known).toContain(`${method.toUpperCase()} ${path}`);
  });

  it.each(operations)('%s %s', async (method, path) => {
    const call = world.callBy('contract');
    const change = CHANGES[path.split('/').at(-1)!];
    const answer = await call(method.toUpperCase(), path, method === 'patch' ? change : undefined);
    expect([answer.status, world.problems]).toEqual([200, []]);
    if (method === 'patch') expect(answer.json).toMatchObject(change!);
    const pointer = ['paths', path, method, 'responses', '200', 'content', 'application/json', 'schema'];
    const validate = ajv.compile({ $ref: `oai#/${pointer.map(part).join('/')}` });
    expect(validate(answer.json) ? [] : validate.errors).toEqual([]);
  });
});

it('an account changes its own settings, and no other sees or changes them', async () => {
  // Prepare
  const mine = world.callBy('accountm');
  const theirs = world.callBy('accountt');
  // Act
  for (const [name, change] of Object.entries(CHANGES)) {
    expect(await mine('PATCH', `${PATH}/${name}`, change)).toMatchObject({ status: 200, json: change });
    expect(await mine('GET', `${PATH}/${name}`)).toMatchObject({ status: 200, json: change });
  }
  // Assess
  const all = async (call: typeof mine) =>
    (await call('GET', PATH)).json.result.map(({ name, enabled }: { name: string; enabled: boolean }) => [
      name,
      enabled,
    ]);
  expect(Object.fromEntries(await all(mine))).toEqual({
    click: true,
    google_analytics: true,
    machines: false,
    open: true,
    subscription: true,
  });
  expect(Object.fromEntries(await all(theirs))).toEqual({
    click: false,
    google_analytics: false,
    machines: true,
    open: false,
    subscription: false,
  });
  await theirs('PATCH', `${PATH}/open`, { enabled: false });
  expect((await mine('GET', `${PATH}/open`)).json).toEqual({ enabled: true });
});

it('says no to who lacks the scope', async () => {
  const call = world.callBy('accounts', {}, ['tracking_settings.open.read']);
  expect((await call('GET', `${PATH}/open`)).status).toBe(200);
  expect((await call('PATCH', `${PATH}/open`, { enabled: true })).status).toBe(403);
  expect((await call('GET', PATH)).status).toBe(403);
});

it('any body is taken or refused with the field named, and nothing is half done', async () => {
  const call = world.callBy('accountf');
  const name = fc.constantFrom(...Object.keys(CHANGES));
  const field = fc.constantFrom('enabled', 'enable_text', 'url', 'utm_source', 'landing', 'html_content', '__proto__');
  const body = fc.oneof(
    fc.json().map((text) => JSON.parse(text)),
    fc.dictionary(field, fc.jsonValue()),
  );
  await fc.assert(
    fc.asyncProperty(name, body, async (name, body) => {
      const before = (await call('GET', `${PATH}/${name}`)).json;
      const { status, json } = await call('PATCH', `${PATH}/${name}`, body);
      expect([200, 400]).toContain(status);
      const after = (await call('GET', `${PATH}/${name}`)).json;
      expect(after).toEqual(status === 200 ? json : before);
      const fields = (one: object) => Object.keys({ ...one, url: '' }).sort();
      expect(fields(after)).toEqual(fields(before));
    }),
    { numRuns: 150 },
  );
});
