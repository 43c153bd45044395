/** `/v3/alerts` on real tables: made, listed, changed, removed; each with a look that waits for its time. */
import { ScanCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Hold } from '../../../core/records/holds.ts';
import { AT, startManage } from './account.ts';

let world: Awaited<ReturnType<typeof startManage>>;
beforeAll(async () => {
  world = await startManage();
});
afterAll(() => world.stop());

async function looksOf(account: string) {
  const { Items = [] } = await world.client.send(new ScanCommand({ TableName: 'Holds', ConsistentRead: true }));
  return (Items as Hold[])
    .filter((hold) => hold.account === account)
    .flatMap((hold) => (hold.kind === 'notify' && hold.notify.kind === 'alert' ? [hold.notify] : []))
    .map(({ alert, due }) => [alert, new Date(due).toISOString()]);
}

it('an alert is made, shown, changed and removed, and is looked at from then on', async () => {
  const call = world.callBy('alerts22');
  const made = await call('POST', '/v3/alerts', {
    type: 'stats_notification',
    email_to: 'boss@example.com',
    frequency: 'daily',
  });
  const { id } = made.json;
  const shown = { id, type: 'stats_notification', email_to: 'boss@example.com', frequency: 'daily' };
  expect([made.status, made.json]).toEqual([201, { ...shown, created_at: AT, updated_at: AT }]);
  expect(await looksOf('alerts22')).toEqual([[id, '2026-11-26T01:00:00.000Z']]);

  const usage = await call('POST', '/v3/alerts', { type: 'usage_limit', email_to: 'b@example.com', percentage: 90 });
  expect(usage.json).toMatchObject({ type: 'usage_limit', percentage: 90 });
  expect((await call('GET', '/v3/alerts')).json).toHaveLength(2);
  expect((await call('GET', `/v3/alerts/${id}`)).json).toMatchObject(shown);

  const changed = await call('PATCH', `/v3/alerts/${id}`, { frequency: 'monthly' });
  expect([changed.status, changed.json]).toEqual([
    200,
    { ...shown, frequency: 'monthly', created_at: AT, updated_at: AT + 1 },
  ]);
  expect(await looksOf('alerts22')).toContainEqual([id, '2026-12-01T01:00:00.000Z']);
  expect((await call('PATCH', `/v3/alerts/${id}`, { percentage: 4 })).status).toBe(400);

  expect((await call('DELETE', `/v3/alerts/${id}`)).status).toBe(204);
  expect((await call('DELETE', `/v3/alerts/${id}`)).status).toBe(404);
  expect((await call('GET', `/v3/alerts/${id}`)).status).toBe(404);
});

it('without an address of its own it is for the account’s, where that has one', async () => {
  const call = world.callBy('alerts33');
  const body = { type: 'usage_limit', email_to: null, percentage: 90 };
  expect(await call('POST', '/v3/alerts', body)).toMatchObject({
    status: 400,
    json: { errors: [{ field: 'email_to', message: expect.stringContaining('PUT /v3/user/email') }] },
  });
  await call('PUT', '/v3/user/email', { email: 'ada@example.com' });
  const { status, json } = await call('POST', '/v3/alerts', body);
  expect([status, json.email_to]).toEqual([201, null]);
  const to = async (email_to: unknown) => (await call('PATCH', `/v3/alerts/${json.id}`, { email_to })).json.email_to;
  expect([await to('b@example.com'), await to(null)]).toEqual(['b@example.com', null]);
  expect((await call('POST', '/v3/alerts', { type: 'usage_limit', percentage: 90 })).status).toBe(400);
});

it('an account has twenty at most', async () => {
  const call = world.callBy('many2222');
  const body = { type: 'usage_limit', email_to: 'b@example.com', percentage: 90 };
  for (let n = 0; n < 20; n++) expect((await call('POST', '/v3/alerts', body)).status).toBe(201);
  expect((await call('POST', '/v3/alerts', body)).json.errors[0].message).toBe('an account has 20 alerts at most');
});

// Attack: another account names an alert by the id that its owner has.
it('another account’s alert is not there', async () => {
  const { json } = await world.callBy('owner222')('POST', '/v3/alerts', {
    type: 'usage_limit',
    email_to: 'b@example.com',
    percentage: 90,
  });
  const other = world.callBy('other222');
  for (const [method, body] of [['GET'], ['DELETE'], ['PATCH', { percentage: 1 }]] as const)
    expect((await other(method, `/v3/alerts/${json.id}`, body)).status).toBe(404);
  expect((await world.callBy('owner222')('GET', `/v3/alerts/${json.id}`)).json.percentage).toBe(90);
});
