/** Templates on real tables: SendGrid's 11 operations against its schemas, a version's life, two tenants, hostile bodies. */
import { existsSync, readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { ScanCommand } from '@aws-sdk/lib-dynamodb';
import { Ajv } from 'ajv';
import formats from 'ajv-formats';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROUTES } from '../../../lambdas/manage/routes.ts';
import { TEMPLATE_ROUTES } from '../../../lambdas/manage/template-routes.ts';
import { startManage } from './account.ts';

const OAI = new URL('../../../../shared/oai/tsg_templates_v3.json', import.meta.url);
const document = existsSync(OAI) ? JSON.parse(readFileSync(OAI, 'utf8')) : { paths: {} };
type Operation = { method: string; path: string; status: string };
const operations: Operation[] = Object.entries(document.paths as Record<string, object>).flatMap(([path, methods]) =>
  Object.entries(methods)
    .filter(([, one]) => 'responses' in one)
    .map(([method, { responses }]) => ({ method: method.toUpperCase(), path, status: Object.keys(responses)[0]! })),
);

let world: Awaited<ReturnType<typeof startManage>>;
beforeAll(async () => {
  world = await startManage();
});
afterAll(() => world?.stop());

async function seed(call: ReturnType<typeof world.callBy>, generation = 'legacy') {
  const template = (await call('POST', '/v3/templates', { name: 'Orders', generation })).json;
  const path = `/v3/templates/${template.id}`;
  const version = (
    await call('POST', `${path}/versions`, {
      name: 'First',
      subject: 'Hi',
      html_content: '<p>Dear {{name}}</p>',
      test_data: generation === 'dynamic' ? '{"name":"Ann"}' : undefined,
    })
  ).json;
  return { template, path, version, versionPath: `${path}/versions/${version.id}` };
}

describe.skipIf(operations.length === 0)('SendGrid’s operations', () => {
  it('are all routes', () => {
    expect(operations).toHaveLength(11);
    const known = ROUTES.map(({ method, path }) => `${method} ${path}`);
    for (const { method, path } of operations) expect(known).toContain(`${method} ${path}`);
  });

  it.each(operations.map((one, n) => [`${one.method} ${one.path}`, one, n] as const))('%s', async (_, one, n) => {
    const call = world.callBy(`templat${String.fromCharCode(97 + n)}`);
    const { template, version } = await seed(call);
    const bodies: Record<string, object> = {
      'POST /v3/templates': { name: 'example_name' },
      'PATCH /v3/templates/{template_id}': { name: 'new_example_name' },
      'POST /v3/templates/{template_id}': { name: 'copy' },
      'POST /v3/templates/{template_id}/versions': {
        name: 'v',
        subject: '<%subject%>',
        html_content: '<%body%>',
        active: 1,
        editor: 'design',
      },
      'PATCH /v3/templates/{template_id}/versions/{version_id}': { name: 'w', subject: '<%subject%>', active: 1 },
    };
    const path = one.path.replace('{template_id}', template.id).replace('{version_id}', version.id);
    const answer = await call(
      one.method,
      one.path === '/v3/templates' && one.method === 'GET' ? `${path}?page_size=1` : path,
      bodies[`${one.method} ${one.path}`],
    );
    expect({ status: answer.status, problems: world.problems }).toEqual({ status: Number(one.status), problems: [] });
    const { content } = document.paths[one.path][one.method.toLowerCase()].responses[one.status];
    if (!content) {
      expect(answer.body).toBe('');
      return;
    }
    const ajv = new Ajv({ strict: false, allErrors: true });
    (formats as unknown as (ajv: Ajv) => void)(ajv);
    ajv.addSchema(document, 'oai');
    const pointer = [
      'paths',
      one.path,
      one.method.toLowerCase(),
      'responses',
      one.status,
      'content',
      'application/json',
      'schema',
    ];
    const validate = ajv.compile({
      $ref: `oai#/${pointer.map((part) => encodeURIComponent(part.replaceAll('/', '~1'))).join('/')}`,
    });
    expect({ errors: validate(answer.json) ? [] : validate.errors, body: answer.json }).toMatchObject({ errors: [] });
  });
});

describe('a template’s life', () => {
  it('the first version is active, another can be, and each shows what it is', async () => {
    const call = world.callBy('lifelife');
    const { template, path, version } = await seed(call, 'dynamic');
    expect(template.id).toMatch(/^d-[0-9a-f]{32}$/);
    expect(version).toMatchObject({
      active: 1,
      plain_content: 'Dear {{name}}',
      editor: 'code',
      generate_plain_content: true,
    });
    const second = (
      await call('POST', `${path}/versions`, {
        name: 'Second',
        subject: 'Ho',
        plain_content: 'x',
        generate_plain_content: false,
      })
    ).json;
    expect(second.active).toBe(0);
    const activated = await call('POST', `${path}/versions/${second.id}/activate`);
    expect([activated.status, activated.json.active]).toEqual([200, 1]);
    const shown = (await call('GET', path)).json.versions as { name: string; active: number }[];
    expect(Object.fromEntries(shown.map(({ name, active }) => [name, active]))).toEqual({ First: 0, Second: 1 });
    expect(
      (await call('PATCH', `${path}/versions/${version.id}`, { html_content: '<p>{{#if x}}' })).json.errors,
    ).toEqual([
      {
        field: 'html_content',
        error_id: 'bad_request',
        message: expect.stringMatching(/^html_content, line 1: the text ends within/),
      },
    ]);
    expect((await call('PATCH', `${path}/versions/${version.id}`, { subject: 'New', active: 1 })).json).toMatchObject({
      subject: 'New',
      active: 1,
      html_content: '<p>Dear {{name}}</p>',
      test_data: '{"name":"Ann"}',
    });
    const copy = (await call('POST', path, {})).json;
    expect(copy).toMatchObject({ name: 'Duplicate: Orders', generation: 'dynamic' });
    expect(copy.versions.map((one: { name: string; active: number }) => [one.name, one.active]).sort()).toEqual([
      ['First', 1],
      ['Second', 0],
    ]);
    expect((await call('DELETE', `${path}/versions/${second.id}`)).status).toBe(204);
    expect((await call('DELETE', path)).status).toBe(204);
    expect((await call('GET', path)).status).toBe(404);
    expect(
      (await call('GET', `/v3/templates/${copy.id}/versions/${copy.versions[0].id}`)).json.html_content,
    ).toBeDefined();
  });

  it('renders before anything is sent: test data, data of the call, what is missing, what is wrong', async () => {
    const call = world.callBy('previews');
    const { versionPath, path } = await seed(call, 'dynamic');
    const preview = async (body?: object) => (await call('POST', `${versionPath}/render`, body)).json;
    expect(await preview()).toEqual({
      subject: 'Hi',
      html_content: '<p>Dear Ann</p>',
      plain_content: 'Dear Ann',
      missing_variables: [],
    });
    expect(await preview({ dynamic_template_data: {} })).toMatchObject({
      html_content: '<p>Dear </p>',
      missing_variables: ['name'],
    });
    expect((await preview({ dynamic_template_data: {}, strict_variables: true })).errors[0].message).toBe(
      'html_content, line 1: the data has no name',
    );
    await call('PATCH', path, { strict_variables: true });
    expect((await preview({ dynamic_template_data: {} })).errors).toHaveLength(1);
    expect((await preview({ data: 1 })).errors).toMatchObject([{ field: 'data' }]);
    const legacy = await seed(call);
    const shown = await call('POST', `${legacy.versionPath}/render`, { substitutions: { '{{name}}': 'Bo' } });
    expect(shown.json).toMatchObject({ html_content: '<p>Dear Bo</p>', plain_content: 'Dear Bo' });
  });

  it('a version of two megabytes comes back as it was, and one that no answer can hold is refused', async () => {
    const call = world.callBy('largeone');
    const { path } = await seed(call, 'dynamic');
    const noise = Array.from({ length: 1_000_000 }, (_, n) => String.fromCharCode(32 + (((n * 7_919) % 91) % 60)))
      .join('')
      .replaceAll('{', '(');
    const made = await call('POST', `${path}/versions`, {
      name: 'L',
      subject: 's',
      html_content: noise,
      plain_content: noise,
      generate_plain_content: false,
    });
    expect(made.status).toBe(201);
    expect((await call('GET', `${path}/versions/${made.json.id}`)).json.html_content).toBe(noise);
    const worst = '\u0001'.repeat(900_000);
    expect((await call('POST', `${path}/versions`, { name: 'L', subject: 's', plain_content: worst })).status).toBe(
      413,
    );
    expect(
      (await call('POST', `${path}/versions`, { name: 'L', subject: 's', html_content: 'x'.repeat(1_048_577) })).json
        .errors[0].field,
    ).toBe('html_content');
  });

  it('pages by token, the newest first, by generation; 300 templates are the most', async () => {
    const call = world.callBy('pagepage');
    for (let n = 0; n < 300; n++) {
      world.clock.now += 1_000;
      expect(
        (await call('POST', '/v3/templates', { name: `T${n}`, generation: n % 3 === 0 ? 'legacy' : 'dynamic' })).status,
      ).toBe(201);
    }
    expect((await call('POST', '/v3/templates', { name: 'T300' })).json.errors[0].message).toBe(
      'an account may have 300 templates',
    );
    const names: string[] = [];
    let next: string | undefined = '/v3/templates?generations=legacy,dynamic&page_size=70';
    let pages = 0;
    while (next) {
      const { json } = await call('GET', next);
      names.push(...json.result.map(({ name }: { name: string }) => name));
      expect(json._metadata.count).toBe(300);
      next = json._metadata.next;
      pages++;
    }
    expect([pages, names]).toEqual([5, Array.from({ length: 300 }, (_, n) => `T${299 - n}`)]);
    expect((await call('GET', '/v3/templates')).json.templates).toHaveLength(100);
    for (const query of ['page_size=0', 'page_size=201', 'page_size=x', 'page_token=%00', 'generations=old'])
      expect((await call('GET', `/v3/templates?${query}`)).status).toBe(400);
  }, 120_000);
});

describe('attacks', () => {
  it('another account’s templates and versions are 404 on every route, and nothing of them changes', async () => {
    const victim = world.callBy('victim33');
    const { template, version } = await seed(victim, 'dynamic');
    const everything = async () =>
      ((await world.client.send(new ScanCommand({ TableName: 'Accounts', ConsistentRead: true }))).Items ?? [])
        .filter(({ pk }) => pk === 'victim33')
        .map((item) => inspect(item, { sorted: true, depth: 9 }))
        .sort()
        .join('\n');
    const before = await everything();
    const attack = world.callBy('attack33');
    const { template: own } = await seed(attack, 'dynamic');
    for (const { method, path } of TEMPLATE_ROUTES.filter((one) => one.path.includes('{')))
      for (const id of path.includes('version_id') ? [template.id, own.id] : [template.id]) {
        const url = path.replace('{template_id}', id).replace('{version_id}', version.id);
        const answer = await attack(
          method,
          url,
          method === 'GET' || method === 'DELETE' ? undefined : { name: 'x', subject: 'x' },
        );
        expect([method, path, answer.status]).toEqual([method, path, 404]);
      }
    expect(await everything()).toBe(before);
  });

  it('1,000 strange bodies: never a 5xx', async () => {
    const call = world.callBy('strange3');
    const { template, version } = await seed(call, 'dynamic');
    const text = fc.oneof(
      fc.string(),
      fc.constantFrom('{{', '{{#if}}', '{{{{', '{{#each a}}', '<%body%>', '{{> x}}', '\\{{', '[[', '"'),
      fc.string({ unit: fc.constantFrom('{', '}', '#', '/', 'a', ' ', '"', '(', ')', '<', '>', '&') }),
    );
    const json = fc.oneof(fc.jsonValue(), text);
    const body = fc.oneof(
      fc.jsonValue(),
      fc.record(
        {
          name: fc.oneof(fc.constant('n'), json),
          subject: fc.oneof(text, json),
          html_content: fc.oneof(text, json),
          plain_content: json,
          test_data: json,
          active: json,
          editor: json,
          generate_plain_content: json,
          generation: json,
          dynamic_template_data: json,
          substitutions: json,
          strict_variables: json,
        },
        { requiredKeys: [] },
      ),
    );
    const routes = TEMPLATE_ROUTES.filter(({ method }) => method === 'POST' || method === 'PATCH');
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...routes), body, async ({ method, path }, given) => {
        world.clock.now += 1_000;
        const url = path.replace('{template_id}', template.id).replace('{version_id}', version.id);
        const { status } = await call(method, url, given);
        expect(status).toBeLessThan(500);
      }),
      { numRuns: 1_000, seed: 3 },
    );
    expect(world.problems).toEqual([]);
  }, 120_000);
});
