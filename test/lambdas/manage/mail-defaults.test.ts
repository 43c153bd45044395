/** The settings of mail that an account's every mail has: over the API, by SendGrid's document, and two accounts apart. */
import { existsSync, readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { accountSettingsIn } from '../../../io/accounts.ts';
import { startManage } from './account.ts';

const PATH = '/v3/mail_settings';
const OAI = new URL('../../../../shared/oai/tsg_mail_settings_v3.json', import.meta.url);
let world: Awaited<ReturnType<typeof startManage>>;
beforeAll(async () => {
  world = await startManage();
});
afterAll(() => world.stop());

const CHANGES = [
  ['footer', { enabled: true, html_content: '<p>Us</p>', plain_content: 'Us' }],
  ['template', { enabled: true, html_content: '<main><% body %></main>' }],
  ['forward_bounce', { enabled: true, email: 'bounces@example.com' }],
  ['forward_spam', { enabled: true, email: 'complaints@example.com' }],
] as const;
/** SendGrid has taken it out of its document, and its clients still call it. */
const OLDER = [['bcc', { enabled: true, email: 'keep@archive.example' }]] as const;

test.each([...CHANGES, ...OLDER])(
  '%s: what is changed is shown, what is left out stays, another account sees nothing of it',
  async (name, change) => {
    const call = world.callBy('defaultz');
    expect((await call('GET', `${PATH}/${name}`)).json.enabled).toBe(false);
    expect((await call('PATCH', `${PATH}/${name}`, change)).json).toEqual(change);
    expect((await call('PATCH', `${PATH}/${name}`, { enabled: false })).json).toEqual({ ...change, enabled: false });
    expect((await call('PATCH', `${PATH}/${name}`, { enabled: true })).json).toEqual(change);
    expect((await call('GET', `${PATH}/${name}`)).json).toEqual(change);
    expect((await world.callBy('otherone')('GET', `${PATH}/${name}`)).json.enabled).toBe(false);
    const { result } = (await call('GET', PATH)).json;
    expect(result.find((one: { name: string }) => one.name === name).enabled).toBe(true);
    expect((await call('GET', `${PATH}?limit=2&offset=1`)).json.result).toHaveLength(2);
    expect(world.problems).toEqual([]);
  },
);

test('plain_content: plain text is left as it is until it is switched off', async () => {
  const call = world.callBy('plainzzz');
  const listed = async () =>
    (await call('GET', PATH)).json.result.find((one: { name: string }) => one.name === 'plain_content').enabled;
  expect([(await call('GET', `${PATH}/plain_content`)).json, await listed()]).toEqual([{ enabled: true }, true]);
  expect((await call('PATCH', `${PATH}/plain_content`, { enabled: false })).json).toEqual({ enabled: false });
  expect((await call('PATCH', `${PATH}/plain_content`, {})).json).toEqual({ enabled: false });
  expect([(await call('GET', `${PATH}/plain_content`)).json, await listed()]).toEqual([{ enabled: false }, false]);
  expect(await world.readMailDefaults('plainzzz')).toMatchObject({ version: 2, plainContent: { enabled: false } });
});

test('inbound has the address that bounces are sent on to', async () => {
  await world.callBy('forwardz')('PATCH', `${PATH}/forward_bounce`, { enabled: true, email: 'b@example.com' });
  const { readForward } = accountSettingsIn('Accounts', world.client, () => 0);
  expect(await readForward('forwardz', 'forward_bounce')).toMatchObject({ enabled: true, email: 'b@example.com' });
});

test.each([
  ['footer', [], null],
  ['footer', { enabled: 'yes' }, 'enabled'],
  ['footer', { html_content: 7 }, 'html_content'],
  ['footer', { plain_content: 'x'.repeat(50_001) }, 'plain_content'],
  ['template', { enabled: true, html_content: '<p>no place</p>' }, 'html_content'],
  ['forward_bounce', { enabled: true }, 'email'],
  ['forward_spam', { email: 'nobody' }, 'email'],
  ['bcc', { enabled: true }, 'email'],
  ['bcc', { email: 'a@example.com\r\nBcc: b@example.com' }, 'email'],
  ['bcc', { email: ['a@example.com'] }, 'email'],
  ['plain_content', { enabled: 0 }, 'enabled'],
])('%s refuses %j: %s', async (name, body, field) => {
  const answer = await world.callBy('refusals')('PATCH', `${PATH}/${name}`, body);
  expect([answer.status, answer.json.errors[0].field]).toEqual([400, field]);
});

describe.skipIf(!existsSync(OAI))('SendGrid’s document', () => {
  const calls: [string, string, object?][] = [
    ['GET', PATH],
    ...CHANGES.flatMap(([name, change]): [string, string, object?][] => [
      ['GET', `${PATH}/${name}`],
      ['PATCH', `${PATH}/${name}`, change],
    ]),
  ];
  it.each(calls)('%s %s', async (method, path, body) => {
    const document = JSON.parse(readFileSync(OAI, 'utf8'));
    const answer = await world.callBy('document')(method, path, body);
    const ajv = new Ajv({ strict: false, allErrors: true });
    ajv.addSchema(document, 'oai');
    const of = document.paths[path][method.toLowerCase()].responses['200'];
    const schema = of.$ref ? { $ref: `oai${of.$ref}/content/application~1json/schema` } : undefined;
    const pointer = ['paths', path, method.toLowerCase(), 'responses', '200', 'content', 'application/json', 'schema']
      .map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')))
      .join('/');
    const validate = ajv.compile(schema ?? { $ref: `oai#/${pointer}` });
    expect(answer.status).toBe(200);
    expect({ errors: validate(answer.json) ? [] : validate.errors, body: answer.json }).toMatchObject({ errors: [] });
  });
});
