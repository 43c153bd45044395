/** `POST /v3/validations/email`: DNS and the account's own lists, on real tables; another account's history is not told. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startManage } from './account.ts';

let world: Awaited<ReturnType<typeof startManage>>;
beforeAll(async () => {
  world = await startManage();
});
afterAll(() => world.stop());

const asked: string[] = [];
const lookUp = async (name: string, type: string) => {
  asked.push(`${name} ${type}`);
  return { values: type === 'MX' && name === 'xn--bcher-kva.example' ? ['10 mx.example.net'] : [] };
};
const callBy = (account: string) => world.callBy(account, { lookUp, disposableDomains: ['xn--bcher-kva.example'] });

it('asks DNS for the A-labels, and says who asked', async () => {
  const body = { email: 'ada@bücher.example', source: 'signup' };
  const headers = { 'x-forwarded-for': '203.0.113.9, 198.51.100.7' };
  const { status, json } = await callBy('valid222')('POST', '/v3/validations/email', body, headers);
  expect([status, json.result]).toMatchObject([
    200,
    {
      email: 'ada@bücher.example',
      host: 'bücher.example',
      verdict: 'Risky',
      source: 'signup',
      ip_address: '198.51.100.7',
      checks: { domain: { has_mx_or_a_record: true, is_suspected_disposable_address: true } },
    },
  ]);
  expect(asked).toEqual(['xn--bcher-kva.example MX']);
});

it('asks DNS nothing for what is no address', async () => {
  asked.length = 0;
  const { json } = await callBy('valid222')('POST', '/v3/validations/email', { email: 'nobody' });
  expect(json.result).toMatchObject({ verdict: 'Invalid', score: 0, local: 'nobody', host: '' });
  expect(asked).toEqual([]);
});

// Attack: an account asks how another's mail to an address has fared.
it('knows the account’s own bounces, and nobody else’s', async () => {
  const address = 'gone@bücher.example';
  const entry = { created: 1_700_000_000 };
  await world.suppress({ account: 'bounced2', address: 'gone@xn--bcher-kva.example', list: 'bounces', entry });
  const history = async (account: string) =>
    (await callBy(account)('POST', '/v3/validations/email', { email: address })).json.result;
  expect(await history('bounced2')).toMatchObject({
    verdict: 'Invalid',
    checks: { additional: { has_known_bounces: true } },
  });
  expect(await history('stranger')).toMatchObject({ checks: { additional: { has_known_bounces: false } } });
});

it.each([
  ['email', {}],
  ['email', { email: 5 }],
  ['email', { email: '' }],
  ['source', { email: 'a@b.example', source: 5 }],
  [null, undefined],
])('names %s where it is wrong: %j', async (field, body) => {
  const { status, json } = await callBy('valid222')('POST', '/v3/validations/email', body);
  expect([status, json.errors[0].field]).toEqual([400, field]);
});
