/** From a bounce to the next mail that is not sent, and back: on the local stack, by the API alone. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SUPPRESSION_LISTS } from '../../core/records/suppressions.ts';
import { eventually, givenMail, type Mail, mailTo, thenAllIsAccountedFor } from './given.ts';

let mail: Mail;
let key: string;
beforeAll(async () => {
  mail = await givenMail();
  const scopes = [
    ...SUPPRESSION_LISTS.flatMap((list) => [`suppression.${list}.read`, `suppression.${list}.delete`]),
    ...['asm.groups', 'asm.groups.suppressions', 'asm.suppressions.global'].flatMap((one) =>
      ['create', 'read', 'update', 'delete'].map((what) => `${one}.${what}`),
    ),
    ...['address_whitelist', 'bounce_purge'].flatMap((one) => [
      `mail_settings.${one}.read`,
      `mail_settings.${one}.update`,
    ]),
  ];
  key = (await mail.operator.createKey('operator', 'suppressions', scopes)).key;
  // Before the first mail: deliver keeps an account's settings for a minute.
  expect(
    (await call('PATCH', 'mail_settings/address_whitelist', { enabled: true, list: ['white.example'] })).status,
  ).toBe(200);
}, 60_000);
afterAll(() => mail?.end());

async function call(method: string, path: string, body?: unknown) {
  const answer = await fetch(`${mail.local.apiUrl}/v3/${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, json: text === '' ? undefined : JSON.parse(text), headers: answer.headers };
}

/** Sends a mail and waits for what becomes of each copy. */
async function send(email: string, more: object = {}) {
  const { status, id } = await mail.post(mailTo(email, more));
  expect(status).toBe(202);
  const { delivered, bounced, dropped } = await thenAllIsAccountedFor(mail, [id]);
  return { delivered, bounced, dropped };
}
const DELIVERED = { delivered: 1, bounced: 0, dropped: 0 };
const BOUNCED = { delivered: 0, bounced: 1, dropped: 0 };
const DROPPED = { delivered: 0, bounced: 0, dropped: 1 };

describe('suppressions', () => {
  it('a hard bounce lists the address; the next mail to it is dropped; taken off the list, it is tried again', async () => {
    expect(await send('Bounce@gone.example')).toEqual(BOUNCED);
    const listed = await call('GET', 'suppression/bounces/bounce%40gone.example');
    expect(listed.json).toEqual([
      {
        created: expect.any(Number),
        email: 'Bounce@gone.example',
        reason: expect.stringMatching(/^550.5\.1\.1/),
        status: '5.1.1',
      },
    ]);
    expect((await call('GET', 'suppression/bounces?limit=5')).headers.get('link')).toMatch(/^<http.*rel="last"/);
    expect(await send('bounce@gone.example')).toEqual(DROPPED);
    expect(
      await send('bounce@gone.example', { mail_settings: { bypass_bounce_management: { enable: true } } }),
    ).toEqual(BOUNCED);
    expect((await call('DELETE', 'suppression/bounces/bounce@gone.example')).status).toBe(204);
    expect(await send('bounce@gone.example')).toEqual(BOUNCED);
  }, 60_000);

  it('a block is listed, and the next mail is sent', async () => {
    expect(await send('spam@gone.example')).toEqual(BOUNCED);
    expect((await call('GET', 'suppression/blocks/spam@gone.example')).json).toHaveLength(1);
    expect(await send('spam@gone.example')).toEqual(BOUNCED);
  }, 60_000);

  it('who has left everything gets nothing, until he is back', async () => {
    const added = await call('POST', 'asm/suppressions/global', { recipient_emails: ['reader@left.example'] });
    expect(added.status).toBe(201);
    expect(await send('reader@left.example')).toEqual(DROPPED);
    const trace = await eventually(
      () => mail.ledger(),
      ({ queued }) => queued === 0,
    );
    expect(trace.lost).toBe(0);
    expect(await send('reader@left.example', { mail_settings: { bypass_list_management: { enable: true } } })).toEqual(
      DELIVERED,
    );
    expect((await call('DELETE', 'asm/suppressions/global/reader@left.example')).status).toBe(204);
    expect(await send('reader@left.example')).toEqual(DELIVERED);
  }, 60_000);

  it('who has left a group gets everything but its mail', async () => {
    const unknown = await mail.post(mailTo('reader@group.example', { asm: { group_id: 1 } }));
    expect([unknown.status, JSON.parse(unknown.body).errors[0].field]).toEqual([400, 'asm.group_id']);
    for (const name of ['News', 'Offers']) await call('POST', 'asm/groups', { name, description: name });
    await call('POST', 'asm/groups/1/suppressions', { recipient_emails: ['reader@group.example'] });
    expect(await send('reader@group.example', { asm: { group_id: 1 } })).toEqual(DROPPED);
    expect(await send('reader@group.example', { asm: { group_id: 2, groups_to_display: [1, 2] } })).toEqual(DELIVERED);
    expect(await send('reader@group.example')).toEqual(DELIVERED);
    const global = { mail_settings: { bypass_unsubscribe_management: { enable: true } } };
    expect(await send('reader@group.example', { asm: { group_id: 1 }, ...global })).toEqual(DROPPED);
    await call('DELETE', 'asm/groups/1/suppressions/reader@group.example');
    expect(await send('reader@group.example', { asm: { group_id: 1 } })).toEqual(DELIVERED);
  }, 60_000);

  it('whoever is on the whitelist gets everything; of a request the others are delivered', async () => {
    await call('POST', 'asm/suppressions/global', { recipient_emails: ['a@white.example', 'b@black.example'] });
    const both = mailTo('x', {
      personalizations: ['a@white.example', 'b@black.example', 'c@c.example'].map((email) => ({ to: [{ email }] })),
    });
    const { id } = await mail.post(both);
    expect(await thenAllIsAccountedFor(mail, [id])).toMatchObject({ delivered: 2, dropped: 1 });
    expect(mail.arrivals.list({ to: 'b@black.example' })).toEqual([]);
  }, 60_000);

  it('nothing was called that is not allowed, and nothing is lost', async () => {
    expect(mail.stack.denials.map(({ message }) => message)).toEqual([]);
    expect((await thenAllIsAccountedFor(mail)).lost).toBe(0);
  }, 60_000);
});
