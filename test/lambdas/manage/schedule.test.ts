/** Batches and what is said of them, on real tables: SendGrid's operations against its schemas, the list of what is scheduled, two tenants. */
import { existsSync, readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Hold, scheduledHold } from '../../../core/records/holds.ts';
import { SCHEDULE_ROUTES } from '../../../lambdas/manage/schedule-routes.ts';
import { NOW, startManage } from './account.ts';

const OAI = new URL('../../../../shared/oai/', import.meta.url);
let world: Awaited<ReturnType<typeof startManage>>;
beforeAll(async () => {
  world = await startManage();
});
afterAll(() => world?.stop());

it('a batch is made, paused, cancelled, resumed; each change wakes what was put aside', async () => {
  const holds: Hold[] = [];
  const call = world.callBy('batchone', { hold: async (hold) => void holds.push(hold) });
  const made = await call('POST', '/v3/mail/batch');
  const { batch_id: id } = made.json;
  expect([made.status, id]).toEqual([201, expect.stringMatching(/^[A-Za-z0-9_-]{32}$/)]);
  expect((await call('GET', `/v3/mail/batch/${id}`)).json).toEqual({ batch_id: id });
  expect(
    [await call('GET', '/v3/mail/batch/none')].map(({ status, json }) => [status, json.errors[0].message]),
  ).toEqual([[400, 'invalid batch id']]);
  expect((await call('GET', `/v3/user/scheduled_sends/${id}`)).json).toEqual([]);
  const send = (method: string, path: string, body?: object) => call(method, `/v3/user/scheduled_sends${path}`, body);
  expect((await send('PATCH', `/${id}`, { status: 'pause' })).status).toBe(404);
  expect((await send('POST', '', { batch_id: id, status: 'pause' })).status).toBe(201);
  expect((await send('POST', '', { batch_id: id, status: 'cancel' })).status).toBe(400);
  expect(holds).toEqual([]);
  expect((await send('PATCH', `/${id}`, { status: 'cancel' })).status).toBe(204);
  expect((await send('GET', '')).json).toEqual([{ batch_id: id, status: 'cancel' }]);
  expect((await send('GET', `/${id}`)).json).toEqual([{ batch_id: id, status: 'cancel' }]);
  expect((await send('DELETE', `/${id}`)).status).toBe(204);
  expect((await send('DELETE', `/${id}`)).status).toBe(404);
  expect(holds.map(({ due, kind }) => [kind, due - NOW])).toEqual([
    ['wake', 0],
    ['wake', 120_000],
    ['wake', 0],
    ['wake', 120_000],
  ]);
});

it('lists what is scheduled, the next first, page by page, with what its batch says', async () => {
  const call = world.callBy('listlist');
  const { batch_id: batchId } = (await call('POST', '/v3/mail/batch')).json;
  await call('POST', '/v3/user/scheduled_sends', { batch_id: batchId, status: 'pause' });
  const ids = Array.from({ length: 25 }, (_, n) => `request${String(n).padStart(2, '0')}`);
  for (const [n, requestId] of ids.entries()) {
    const batch = n % 5 === 0 ? { batchId } : {};
    const due = NOW + Math.floor(n / 3) * 1_000;
    const expansion = { v: 1, requestId, acceptedAt: NOW, contentKey: 'k', ...batch } as const;
    await world.hold(scheduledHold({ ...expansion, account: 'listlist' }, due, { copies: n + 1, samples: 1 }));
    await world.hold(scheduledHold({ ...expansion, account: 'otheract', requestId: `other${n}` }, due, { copies: n }));
  }
  const seen: Record<string, unknown>[] = [];
  let next: string | undefined = '/v3/mail/scheduled?limit=4';
  while (next) {
    const { json } = await call('GET', next);
    seen.push(...json.result);
    next = json._metadata.next;
  }
  expect(seen.map((one) => one.message_id)).toEqual(ids);
  expect(seen[5]).toEqual({
    message_id: 'request05',
    send_at: NOW / 1_000 + 1,
    recipients: 5,
    batch_id: batchId,
    status: 'paused',
  });
  expect(seen[6]).toMatchObject({ batch_id: null, status: 'scheduled' });
  for (const query of ['limit=0', 'limit=501', 'limit=x', 'page_token=x', 'page_token=1.%23'])
    expect((await call('GET', `/v3/mail/scheduled?${query}`)).status).toBe(400);
});

it.skipIf(!existsSync(OAI))('SendGrid’s eight operations answer by its schemas', async () => {
  const call = world.callBy('contrac2');
  const { batch_id: id } = (await call('POST', '/v3/mail/batch')).json;
  const order: [string, string, object?][] = [
    ['POST', '/v3/mail/batch'],
    ['GET', '/v3/mail/batch/{batch_id}'],
    ['POST', '/v3/user/scheduled_sends', { batch_id: id, status: 'pause' }],
    ['GET', '/v3/user/scheduled_sends'],
    ['GET', '/v3/user/scheduled_sends/{batch_id}'],
    ['PATCH', '/v3/user/scheduled_sends/{batch_id}', { status: 'cancel' }],
    ['DELETE', '/v3/user/scheduled_sends/{batch_id}'],
  ];
  for (const [method, path, body] of order) {
    const file = path.includes('/mail/') ? 'tsg_mail_v3.json' : 'tsg_scheduled_sends_v3.json';
    const document = JSON.parse(readFileSync(new URL(file, OAI), 'utf8'));
    const { responses } = document.paths[path][method.toLowerCase()];
    const answer = await call(method, path.replace('{batch_id}', id), body);
    expect([path, Object.keys(responses)]).toEqual([path, expect.arrayContaining([String(answer.status)])]);
    expect(answer.status).toBeLessThan(300);
    const { $ref, content } = responses[answer.status];
    const found = $ref ? document.components.responses[$ref.split('/').at(-1)].content : content;
    if (!found) continue;
    const ajv = new Ajv({ strict: false, unicodeRegExp: false });
    ajv.addSchema({ ...document, answer: found['application/json'].schema }, 'oai');
    const validate = ajv.compile({ $ref: 'oai#/answer' });
    expect({ path, valid: validate(answer.json), errors: validate.errors }).toMatchObject({ valid: true });
  }
});

it('attack: another account’s batch is not there, and its state stays; strange bodies are no 5xx', async () => {
  const victim = world.callBy('victim44');
  const { batch_id: id } = (await victim('POST', '/v3/mail/batch')).json;
  await victim('POST', '/v3/user/scheduled_sends', { batch_id: id, status: 'pause' });
  const attack = world.callBy('attack44');
  expect((await attack('GET', `/v3/mail/batch/${id}`)).status).toBe(400);
  expect((await attack('POST', '/v3/user/scheduled_sends', { batch_id: id, status: 'cancel' })).status).toBe(400);
  for (const [method, body] of [['GET'], ['PATCH', { status: 'cancel' }], ['DELETE']] as [string, object?][])
    expect((await attack(method, `/v3/user/scheduled_sends/${id}`, body)).status).toBe(404);
  expect((await attack('GET', '/v3/user/scheduled_sends')).json).toEqual([]);
  expect((await victim('GET', '/v3/user/scheduled_sends')).json).toEqual([{ batch_id: id, status: 'pause' }]);
  const path = fc.string({ minLength: 1, maxLength: 50 }).filter((text) => !/^\.{1,2}$/.test(text));
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...SCHEDULE_ROUTES), path, fc.jsonValue(), async (route, text, body) => {
      world.clock.now += 1_000;
      const url = route.path.replace('{batch_id}', encodeURIComponent(text));
      expect((await attack(route.method, url, route.method === 'GET' ? undefined : body)).status).toBeLessThan(500);
    }),
    { numRuns: 500 },
  );
  expect(world.problems).toEqual([]);
});
