/**
 * What was sent, looked up: mixed mail through the whole stack, then searched by the API in every way, and compared with what the
 * sink did with it.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, givenMail, type Mail, mailTo, thenAllIsAccountedFor } from './given.ts';

type Row = { msg_id: string; to_email: string; status: string; subject: string };
const MIXED = ['good', 'bounce', 'spam', 'good', 'defer-9'];
const STATUS: Record<string, string> = {
  good: 'delivered',
  bounce: 'not_delivered',
  spam: 'not_delivered',
  'defer-9': 'processed',
};

let mail: Mail;
const sent = new Map<string, { id: string; fate: string }>();
let bulk = '';

const call = async (method: string, path: string, body?: unknown) => {
  const answer = await fetch(`${mail.local.apiUrl}/v3/${path}`, {
    method,
    headers: { authorization: `Bearer ${mail.local.apiKey}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, json: JSON.parse(await answer.text()) };
};
const list = async (query: string, limit = 1_000): Promise<Row[]> => {
  const { status, json } = await call('GET', `messages?limit=${limit}&query=${encodeURIComponent(query)}`);
  expect([status, json.errors, json.searched_until]).toEqual([200, undefined, undefined]);
  return json.messages;
};

beforeAll(async () => {
  mail = await givenMail({ settings: { events: { announceSeconds: 1, tallySeconds: 1 }, archive: {} } });
  for (let n = 0; n < 25; n++) {
    const fate = MIXED[n % MIXED.length]!;
    const address = `${fate}+${n}@site-${n}.example`;
    const { id } = await mail.post(
      mailTo(address, { subject: `Number ${n}`, categories: ['mixed'], custom_args: { n: String(n) } }),
    );
    sent.set(address, { id, fate });
  }
  const many = Array.from({ length: 40 }, (_, n) => ({ to: [{ email: `bulk-${n}@example.net` }] }));
  bulk = (await mail.post({ ...mailTo('x'), personalizations: many })).id;
  await eventually(
    () => mail.ledger(),
    ({ queued, held }) => queued === 0 && held === 5,
    60,
  );
  // Pages are written once a second here.
  await eventually(
    () => list('subject LIKE "%"'),
    (rows) => rows.length === 65,
    30,
  );
}, 120_000);
afterAll(() => mail?.end());

describe('activity', () => {
  it('says of each recipient what the sink did with it', async () => {
    const rows = await list('Contains(categories, "mixed")');
    const told = Object.fromEntries(
      rows.map(({ to_email, status, msg_id }) => [to_email, [status, msg_id.slice(0, 22)]]),
    );
    const expected = Object.fromEntries([...sent].map(([address, { id, fate }]) => [address, [STATUS[fate], id]]));
    expect(told).toEqual(expected);
    const ledger = await thenAllIsAccountedFor(mail);
    const count = async (query: string) => (await list(query)).length;
    expect({
      delivered: await count('status = "delivered"'),
      bounced: await count('status = "not_delivered"'),
      held: await count('status = "processed"'),
    }).toEqual({ delivered: ledger.delivered, bounced: ledger.bounced, held: ledger.held });
  }, 60_000);

  it('finds the recipients of a request by what mail/send returned, each with an id that answers', async () => {
    const rows = await list(`msg_id LIKE "${bulk}%"`);
    expect(rows.map(({ to_email }) => to_email).sort()).toEqual(
      Array.from({ length: 40 }, (_, n) => `bulk-${n}@example.net`).sort(),
    );
    const one = rows.find(({ to_email }) => to_email === 'bulk-17@example.net')!;
    expect((await call('GET', `messages/${one.msg_id}`)).json).toMatchObject({
      to_email: 'bulk-17@example.net',
      originating_ip: '127.0.0.1',
    });
  });

  it('finds mail by its recipient, also what waits for its next attempt', async () => {
    for (const [address, { fate }] of [...sent].slice(0, 5))
      expect(await list(`to_email = "${address.toUpperCase()}"`)).toMatchObject([
        { to_email: address, status: STATUS[fate] },
      ]);
    expect(await list(`unique_args['n'] = "7"`)).toMatchObject([{ subject: 'Number 7' }]);
  });

  it('why: the conversation of an attempt that did not go well, with its last word', async () => {
    const idOf = (fate: string) => [...sent.values()].find((one) => one.fate === fate)!.id;
    const bounced = (await call('GET', `messages/${idOf('bounce')}/why`)).json;
    expect(bounced.attempts[0].transcript[0]).toMatch(/^S: 220 /);
    expect(bounced.attempts[0].transcript).toContainEqual(
      expect.stringMatching(/^C: RCPT TO:<bounce\+1@site-1\.example>/),
    );
    expect(bounced.attempts[0].transcript).toContainEqual(expect.stringMatching(/^S: 550/));
    expect((await call('GET', `messages/${idOf('good')}/why`)).json.attempts[0].transcript).toBeUndefined();
    expect((await call('GET', `logs/${idOf('defer-9')}`)).json).toMatchObject({
      status: 'deferred',
      events: [{ event: 'received', client_ip: '127.0.0.1' }, { event: 'processed' }, { event: 'deferred' }],
    });
    const logs = await call('POST', 'logs', { query: "status IN ('bounced', 'blocked')", limit: 100 });
    expect(logs.json.messages).toHaveLength(10);
  });

  it('a file by a link, which nobody can use for another', async () => {
    const made = await call('POST', `messages/download?query=${encodeURIComponent('status = "not_delivered"')}`);
    expect(made.status).toBe(202);
    const { presigned_url: link } = (await call('GET', `messages/download/${made.json.download_uuid}`)).json;
    const text = await (await fetch(link)).text();
    // The header, then processed and bounced of ten.
    expect(text.trimEnd().split('\r\n')).toHaveLength(21);
    const stolen = link.replace(/downloads\/[^?]+/, 'events/');
    expect((await fetch(stolen)).ok).toBe(false);
    const past = link.replace(/X-Amz-Date=\d{8}/, 'X-Amz-Date=20200101');
    expect((await fetch(past)).status).toBe(403);
  });

  it('no function did what it may not', () => {
    expect(mail.stack.denials.map(({ message }) => message)).toEqual([]);
  });
});
