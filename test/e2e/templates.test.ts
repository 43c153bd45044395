/** Templates and schedules as users have them: SendGrid's client against the whole stack, every policy enforced. */
import { createRequire } from 'node:module';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually, givenMail, type Mail, thenAllIsAccountedFor } from './given.ts';

const { Client } = createRequire(import.meta.url)('@sendgrid/client') as {
  Client: new () => {
    setApiKey: (key: string) => void;
    setDefaultRequest: (name: string, value: string) => void;
    request: (request: object) => Promise<[{ statusCode: number; headers: Record<string, string> }, never]>;
  };
};

let mail: Mail;
let call: (method: string, url: string, body?: object) => Promise<{ status: number; json: never; id: string }>;
beforeAll(async () => {
  mail = await givenMail();
  const client = new Client();
  client.setApiKey(mail.local.apiKey);
  client.setDefaultRequest('baseUrl', mail.local.apiUrl);
  call = async (method, url, body) => {
    const [{ statusCode, headers }, json] = await client.request({ method, url, ...(body ? { body } : {}) });
    return { status: statusCode, json, id: headers['x-message-id'] ?? '' };
  };
});
afterAll(() => mail?.end());

type Found = { id: string; subject: string; text: string; html: string };
async function inbox(to: string): Promise<Found[]> {
  const list = (await (await fetch(`${mail.local.inboxUrl}/messages?to=${encodeURIComponent(to)}`)).json()) as Found[];
  return Promise.all(
    list.map(async ({ id }) => (await (await fetch(`${mail.local.inboxUrl}/messages/${id}`)).json()) as Found),
  );
}
const from = { email: 'shop@example.com' };

it('a dynamic template is made, activated, sent with; mail that was accepted outlives it; what fails is dropped with its reason', async () => {
  const { id } = (await call('POST', '/v3/templates', { name: 'Order', generation: 'dynamic' })).json as { id: string };
  const version = {
    name: 'v',
    subject: 'Order {{order.id}}',
    html_content: '<p>Dear {{name}}</p>{{#each order.items}}<i>{{this}}</i>{{/each}}',
  };
  const made = (await call('POST', `/v3/templates/${id}/versions`, version)).json as { id: string };
  const send = (to: string, data: object, more: object = {}) =>
    call('POST', '/v3/mail/send', {
      personalizations: [{ to: [{ email: to }], dynamic_template_data: data }],
      from,
      template_id: id,
      ...more,
    });
  const data = { name: 'Ann & Co', order: { id: 7, items: ['a', 'b'] } };
  const first = await send('ann@example.net', data);
  const later = await send('later@example.net', data, { send_at: Math.floor(Date.now() / 1_000) + 8 });
  const endless = await send('endless@example.net', { order: { items: Array.from({ length: 150_000 }, () => 1) } });
  await call('PATCH', `/v3/templates/${id}/versions/${made.id}`, { subject: 'Changed' });
  await call('DELETE', `/v3/templates/${id}`);
  expect(
    (await mail.post({ personalizations: [{ to: [{ email: 'x@example.net' }] }], from, template_id: id })).body,
  ).toContain('template_id');

  for (const to of ['ann@example.net', 'later@example.net']) {
    const [found] = await eventually(
      () => inbox(to),
      (list) => list.length > 0,
      90,
    );
    expect(found).toMatchObject({ subject: 'Order 7' });
    expect(found!.html).toContain('<p>Dear Ann &amp; Co</p><i>a</i><i>b</i>');
    expect(found!.text).toContain('Dear Ann & Co');
  }
  const ledger = await thenAllIsAccountedFor(mail, [first.id, later.id, endless.id], 60);
  expect(ledger).toMatchObject({ accepted: 3, delivered: 2, dropped: 1 });
  const shown = (await call('GET', `/v3/messages/${endless.id}`)).json;
  expect(JSON.stringify(shown)).toContain('it takes more than 200000 steps');
}, 150_000);

it('a batch is paused, listed, resumed and cancelled; every copy is accounted for', async () => {
  const schedule = async (to: string) => {
    const { batch_id: batch } = (await call('POST', '/v3/mail/batch')).json as { batch_id: string };
    const send_at = Math.floor(Date.now() / 1_000) + 6;
    const body = {
      personalizations: [{ to: [{ email: to }] }],
      from,
      subject: 'Later',
      content: [{ type: 'text/plain', value: 'x' }],
      send_at,
      batch_id: batch,
    };
    return { batch, id: (await call('POST', '/v3/mail/send', body)).id };
  };
  // release looks a minute ahead: until all is said of them, it does not run.
  await mail.stack.pause();
  const [resumed, cancelled] = [await schedule('resumed@example.net'), await schedule('cancelled@example.net')];
  await call('POST', '/v3/user/scheduled_sends', { batch_id: resumed.batch, status: 'pause' });
  await call('POST', '/v3/user/scheduled_sends', { batch_id: cancelled.batch, status: 'cancel' });
  const ids = [resumed.id, cancelled.id];
  const list = async () =>
    ((await call('GET', '/v3/mail/scheduled')).json as { result: { message_id: string; status: string }[] }).result
      .filter(({ message_id }) => ids.includes(message_id))
      .map(({ message_id, status }) => [message_id, status]);
  expect(new Map((await list()) as [string, string][])).toEqual(
    new Map([
      [resumed.id, 'paused'],
      [cancelled.id, 'cancelled'],
    ]),
  );

  mail.stack.resume();
  const ends = () => mail.ledger([resumed.id, cancelled.id]);
  expect(await eventually(ends, ({ dropped }) => dropped === 1, 120)).toMatchObject({ accepted: 2, held: 1, lost: 0 });
  expect(await list()).toEqual([[resumed.id, 'paused']]);
  await call('DELETE', `/v3/user/scheduled_sends/${resumed.batch}`);
  await eventually(
    () => inbox('resumed@example.net'),
    (found) => found.length > 0,
    90,
  );
  expect(await thenAllIsAccountedFor(mail, [resumed.id, cancelled.id], 60)).toMatchObject({ delivered: 1, dropped: 1 });
  expect(await inbox('cancelled@example.net')).toEqual([]);
  expect(await list()).toEqual([]);
}, 300_000);
