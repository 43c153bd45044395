/**
 * X-SMTPAPI by SMTP on the whole local stack, and what comes of it in the inbox and in events: the fixtures of SendGrid's own
 * library, as it ships them, and every field of the header.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import { createTransport, type Transporter } from 'nodemailer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SendGridEvent } from '../../core/event/event.ts';
import { OPERATOR } from '../../core/records/accounts.ts';
import { groupsKey } from '../../core/records/groups.ts';
import { OPERATOR_KEY } from '../../local/proxy.ts';
import { tableNamed } from '../../local/stack.ts';
import { eventually, givenMail, type Mail, mailTo, thenAllIsAccountedFor } from './given.ts';
import { ALL_ON, startReceiver } from './receiver.ts';

const SOURCE = createRequire(import.meta.url).resolve('smtpapi/test/smtpapi_test_strings.json');
const FIXTURES = JSON.parse(readFileSync(SOURCE, 'utf8')) as Record<string, string>;
/** The group that a fixture names. */
const GROUP = 123;

let mail: Mail;
let receiver: Awaited<ReturnType<typeof startReceiver>>;
let by: Transporter;
/** A pool made over the API: before any mail names one that is none, since that is kept for some seconds. */
let letters: Awaited<ReturnType<typeof makePool>>;

beforeAll(async () => {
  receiver = await startReceiver();
  mail = await givenMail({
    settings: {
      relay: { hostName: 'smtp.example.com' },
      events: { announceSeconds: 1, tallySeconds: 1 },
      pools: [
        { name: 'default', sourceIps: [{ name: 'default-1', ehloName: 'mta1.example.com' }] },
        { name: 'marketing', sourceIps: [{ name: 'test-1', ehloName: 'mta2.example.com' }] },
      ],
    },
  });
  const { port, password } = mail.local.smtp!;
  by = createTransport({
    ...{ host: '127.0.0.1', port, requireTLS: true, tls: { rejectUnauthorized: false } },
    auth: { user: 'apikey', pass: password },
  });
  await makeGroup();
  letters = await makePool('Spring letters');
  await call('PATCH', 'user/webhooks/event/settings', { enabled: true, url: receiver.url, ...ALL_ON });
}, 120_000);
afterAll(async () => {
  by?.close();
  await mail?.end();
  receiver.server.close();
});

async function call(method: string, path: string, body?: unknown): Promise<unknown> {
  const answer = await fetch(`${mail.local.apiUrl}/v3/${path}`, {
    method,
    headers: { authorization: `Bearer ${mail.local.apiKey}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  return answer.status === 204 ? undefined : answer.json();
}

/** Ids are counted, so that the next group is the one that the fixture means. */
async function makeGroup(): Promise<void> {
  const client = new DynamoDBClient({
    endpoint: mail.local.awsUrl,
    region: mail.stack.region,
    credentials: { accessKeyId: OPERATOR_KEY, secretAccessKey: 'local' },
  });
  await DynamoDBDocumentClient.from(client).send(
    new PutCommand({
      TableName: tableNamed(mail.stack, 'accounts'),
      Item: { ...groupsKey(OPERATOR), ids: [], last: GROUP - 1, version: 1 },
    }),
  );
  client.destroy();
  await call('POST', 'asm/groups', { name: 'News', description: 'What is new' });
}

/** With the address of the deployed pool `marketing` in it. */
async function makePool(name: string): Promise<{ name: string; id: string; ip: string }> {
  const ips = (await call('GET', 'ips')) as { ip: string; pools: string[] }[];
  const { ip } = ips.find(({ pools }) => pools.includes('marketing'))!;
  const { id } = (await call('POST', 'send_ips/pools', { name, ips: [ip] })) as { id: string };
  return { name, id, ip };
}

type Arrived = { to: string; mailFrom: string; raw: string; dkim: { result: string } };

type Letter = { rcpt?: string[]; subject?: string; text?: string; html?: string };
let count = 0;

/** Sends one with this X-SMTPAPI. @returns its X-Message-Id, and whom RCPT named */
async function send(api: string | object, letter: Letter = {}): Promise<{ id: string; rcpt: string[]; from: string }> {
  const { rcpt = [`reader-${++count}@example.net`], subject = 'Hello', text = 'Plain text.', html } = letter;
  const from = `app-${count}@sender.example.org`;
  const value = typeof api === 'string' ? api : JSON.stringify(api);
  const { response } = await by.sendMail({
    envelope: { from, to: rcpt },
    from: 'The Shop <shop@example.com>',
    to: rcpt,
    subject,
    text,
    ...(html === undefined ? {} : { html }),
    headers: { 'X-SMTPAPI': { prepared: true, value } },
  });
  return { id: /queued as (\S+)/.exec(String(response))![1]!, rcpt, from };
}

/** What arrived for an address: one message, whole. */
async function arrived(to: string): Promise<Arrived> {
  const { inboxUrl } = mail.local;
  const [one, ...others] = await eventually(
    async () => (await (await fetch(`${inboxUrl}/messages?to=${encodeURIComponent(to)}`)).json()) as { id: string }[],
    (list) => list.length > 0,
  );
  expect(others).toEqual([]);
  return (await (await fetch(`${inboxUrl}/messages/${one!.id}`)).json()) as Arrived;
}

/** The first event of this kind that a webhook was told of one message. */
async function eventOf(id: string, kind = 'delivered'): Promise<SendGridEvent & Record<string, unknown>> {
  const found = await eventually(
    () => receiver.events().find(({ event, sg_message_id }) => event === kind && sg_message_id?.startsWith(id)),
    (event) => event !== undefined,
    40,
  );
  return found as SendGridEvent & Record<string, unknown>;
}

const bodyOf = ({ raw }: Arrived) => raw.slice(raw.indexOf('\r\n\r\n') + 4);
const fieldOf = ({ raw }: Arrived, name: string) =>
  new RegExp(`^${name}: (.*(?:\\r\\n[ \\t].*)*)`, 'im').exec(raw.slice(0, raw.indexOf('\r\n\r\n')))?.[1];

describe("smtpapi's own fixtures, each sent by SMTP", () => {
  type Check = (sent: { id: string; rcpt: string[]; from: string }) => Promise<void>;
  const unchanged: Check = async ({ rcpt }) => {
    for (const to of rcpt) {
      const one = await arrived(to);
      expect([bodyOf(one).trimEnd(), one.dkim.result]).toEqual(['It is a sub for you.', 'pass']);
    }
  };
  const withEvent =
    (expected: object): Check =>
    async (sent) => {
      await unchanged(sent);
      expect(await eventOf(sent.id)).toMatchObject(expected);
    };
  const goesTo =
    (address: string): Check =>
    async ({ rcpt }) => {
      const one = await arrived(address);
      // RCPT's list is replaced, and To with it.
      expect(fieldOf(one, 'To')).toContain(address);
      expect(one.raw).not.toContain(rcpt[0]!);
      expect(mail.arrivals.list({ to: rcpt[0]!, limit: 1 })).toEqual([]);
    };
  const says =
    (...texts: string[]): Check =>
    async ({ rcpt }) => {
      for (const [n, to] of rcpt.entries())
        expect(bodyOf(await arrived(to)).trimEnd()).toBe(`It is a ${texts[n]} for you.`);
    };
  const CHECKS: Record<string, Check> = {
    json_string: unchanged,
    add_to: goesTo('addTo@mailinator.com'),
    set_tos: goesTo('setTos@mailinator.com'),
    add_substitution: says('val'),
    add_substitution_array_value: says('val 1', 'val 2'),
    set_substitutions: says('val'),
    add_unique_arg: withEvent({
      add_unique_argument_key: 'add_unique_argument_value',
      add_unique_argument_key_2: 'add_unique_argument_value_2',
    }),
    set_unique_args: withEvent({ set_unique_argument_key: 'set_unique_argument_value' }),
    add_category: withEvent({ category: ['addCategory', 'addCategory2'] }),
    add_category_array: withEvent({ category: ['addCategory'] }),
    // "Categories must be in 7bit encoding using the US-ASCII character set."
    add_category_unicode: async ({ id, rcpt, from }) => {
      expect(await eventOf(id, 'dropped')).toMatchObject({ reason: 'Invalid SMTPAPI header', email: rcpt[0] });
      expect(bodyOf(await arrived(from))).toContain('categor');
      expect(mail.arrivals.list({ to: rcpt[0]!, limit: 1 })).toEqual([]);
    },
    set_categories: withEvent({ category: ['setCategories'] }),
    // Sections are for the values of substitutions.
    add_section: unchanged,
    set_sections: unchanged,
    // Not enabled; and `setting` is no property of a filter.
    add_filter: unchanged,
    set_filters: unchanged,
    // All these times are past: now.
    set_send_at: unchanged,
    set_send_each_at: unchanged,
    add_send_each_at: unchanged,
    set_batch_id: unchanged,
    // A group has a way to leave it, where the text has no tag for one.
    set_asm_group_id: async ({ id, rcpt }) => {
      expect(await eventOf(id)).toMatchObject({ asm_group_id: GROUP });
      expect(bodyOf(await arrived(rcpt[0]!))).toMatch(
        /^It is a sub for you\.\r\n[\s\S]*Unsubscribe From This List: http/,
      );
    },
    // No pool of this account: as with mail/send, nothing goes out by another one.
    set_ip_pool: async ({ id }) =>
      void expect(await eventOf(id, 'dropped')).toMatchObject({ reason: 'Invalid SMTPAPI header' }),
  };

  it('are all here', () => expect(Object.keys(CHECKS).sort()).toEqual(Object.keys(FIXTURES).sort()));

  it.each(Object.keys(FIXTURES))(
    '%s',
    async (name) => {
      const rcpt = name === 'add_substitution_array_value' ? ['one@example.net', 'two@example.net'] : undefined;
      const sent = await send(FIXTURES[name]!, { text: 'It is a sub for you.', ...(rcpt ? { rcpt } : {}) });
      await CHECKS[name]!(sent);
    },
    60_000,
  );
});

describe('every field of X-SMTPAPI', () => {
  it('to, sub and section: each has a message of his own, with his own To and his own words, in the subject too', async () => {
    const to = ['Ann <ann@example.net>', '"Doe, Jane" <jane@example.net>'];
    const api = {
      to,
      sub: { '-name-': ['Ann', 'Jane'], '-greet-': [':formal', ':warm'] },
      section: { ':formal': 'Good day, -name-', ':warm': 'Hi -name-' },
      unique_args: { who: '-name-' },
      category: 'greetings',
    };
    const { id } = await send(api, {
      subject: 'For -name-',
      text: '-greet-!',
      html: '<p title="-name-">-greet-!</p>',
    });
    for (const [address, name, greeting] of [
      ['ann@example.net', 'Ann', 'Good day, Ann!'],
      ['jane@example.net', 'Jane', 'Hi Jane!'],
    ] as const) {
      const one = await arrived(address);
      expect(fieldOf(one, 'Subject')).toBe(`For ${name}`);
      expect(fieldOf(one, 'To')).toContain(`<${address}>`);
      expect(one.raw).not.toMatch(/X-SMTPAPI|-name-|-greet-/i);
      expect(bodyOf(one)).toContain(greeting);
      expect(bodyOf(one)).toContain(`<p title="${name}">${greeting}</p>`);
      expect(one.dkim.result).toBe('pass');
    }
    await eventually(
      () =>
        receiver.events().filter(({ event, sg_message_id }) => event === 'delivered' && sg_message_id?.startsWith(id)),
      (events) => events.length === 2,
      40,
    );
    const told = receiver
      .events()
      .filter(({ event, sg_message_id }) => event === 'delivered' && sg_message_id?.startsWith(id));
    expect(told.map((event) => (event as { who?: string }).who).sort()).toEqual(['Ann', 'Jane']);
    expect(told[0]).toMatchObject({ category: ['greetings'] });
  }, 60_000);

  it('templates: the message stands in the active version of a legacy template; one that is not there is told of', async () => {
    const { id: template } = (await call('POST', 'templates', { name: 'Frame' })) as { id: string };
    const version = { name: 'v', active: 1, subject: 'Shop: <%subject%>', html_content: '<h1>-shop-</h1><%body%>' };
    await call('POST', `templates/${template}/versions`, version);
    const api = (template_id: string) => ({
      sub: { '-shop-': ['The Shop'], '-name-': ['Ann'] },
      filters: { templates: { settings: { enable: 1, template_id } } },
    });
    const { rcpt } = await send(api(template), { subject: 'For -name-', text: 'Dear -name-' });
    const one = await arrived(rcpt[0]!);
    expect([fieldOf(one, 'Subject'), one.dkim.result]).toEqual(['Shop: For Ann', 'pass']);
    expect(bodyOf(one)).toContain('<h1>The Shop</h1>Dear Ann');
    expect(bodyOf(one)).toMatch(/^THE SHOP|^The Shop\r\n/m);

    const missing = await send(api('13b8f94f-bcae-4ec6-b752-70d6cb59f932'));
    expect(await eventOf(missing.id, 'dropped')).toMatchObject({ reason: 'Invalid SMTPAPI header' });
    expect(bodyOf(await arrived(missing.from)).replace(/=?\r\n/g, ' ')).toMatch(/there is no +template with the/);
  }, 60_000);

  it('tags within tags, to four levels', async () => {
    const sub = { '%1': ['(%2)'], '%2': ['[%3]'], '%3': ['{%4}'], '%4': ['end'] };
    const { rcpt } = await send({ sub }, { text: 'A %1.' });
    expect(bodyOf(await arrived(rcpt[0]!)).trimEnd()).toBe('A ([{end}]).');
  }, 60_000);

  it('filters: footer, template, and those that leave the message as it is', async () => {
    const filters = {
      footer: { settings: { enable: 1, 'text/plain': 'The footer.', 'text/html': '<i>The footer.</i>' } },
      template: { settings: { enable: 1, 'text/html': '<div id="around"><% body %></div>' } },
      bypass_list_management: { settings: { enable: 0 } },
      dkim: { settings: { domain: 'example.com', use_from: false } },
      clicktrack: { settings: { enable: 0, enable_text: 0 } },
      opentrack: { settings: { enable: 0 } },
      subscriptiontrack: { settings: { enable: 0 } },
      ganalytics: { settings: { enable: 0 } },
      bcc: { settings: { enable: 0 } },
      spamcheck: { settings: { enable: 0 } },
    };
    const { rcpt } = await send({ filters }, { text: 'Plain.', html: '<p>Rich.</p>' });
    const one = await arrived(rcpt[0]!);
    expect(bodyOf(one)).toMatch(/Plain\.\s+The footer\./);
    expect(bodyOf(one)).toMatch(/<div id="around">\s*<p>Rich\.<\/p>[\s\S]*<i>The footer\.<\/i>/);
    expect(one.dkim.result).toBe('pass');
  }, 60_000);

  it('send_at and send_each_at wait until then; both together are too much', async () => {
    const later = Math.floor(Date.now() / 1_000) + 3_600;
    const soon = Math.floor(Date.now() / 1_000) + 3;
    const held = await send({ send_at: later });
    const [now, then] = ['each-now@example.net', 'each-later@example.net'];
    const each = await send({ to: [now, then], send_each_at: [soon, later] });
    const both = await send({ send_at: later, send_each_at: [later] });
    expect(await eventOf(both.id, 'dropped')).toMatchObject({ reason: 'Invalid SMTPAPI header' });
    expect((await arrived(now)).dkim.result).toBe('pass');
    expect(Date.now() / 1_000).toBeGreaterThanOrEqual(soon);
    for (const to of [held.rcpt[0]!, then]) expect(mail.arrivals.list({ to, limit: 1 })).toEqual([]);
    expect(await mail.ledger([held.id])).toMatchObject({ accepted: 1, held: 1 });
    expect(await mail.ledger([each.id])).toMatchObject({ accepted: 2, delivered: 1, held: 1 });
  }, 60_000);

  it('batch_id: goes with what waits', async () => {
    const { id } = await send({ batch_id: 'spring', send_at: Math.floor(Date.now() / 1_000) + 3_600 });
    expect(await mail.ledger([id])).toMatchObject({ accepted: 1, held: 1 });
  }, 60_000);

  it('asm_group_id and asm_groups_to_display: the group is the event’s, and a reader who left it gets nothing', async () => {
    await call('POST', `asm/groups/${GROUP}/suppressions`, { recipient_emails: ['left@example.net'] });
    const api = { to: ['stays@example.net', 'left@example.net'], asm_group_id: GROUP, asm_groups_to_display: [GROUP] };
    const { id } = await send(api);
    expect(await eventOf(id)).toMatchObject({ email: 'stays@example.net', asm_group_id: GROUP });
    expect(await eventOf(id, 'dropped')).toMatchObject({ email: 'left@example.net' });
    await arrived('stays@example.net');
    expect(mail.arrivals.list({ to: 'left@example.net', limit: 1 })).toEqual([]);
  }, 60_000);

  it('ip_pool: one that there is, and one that there is not', async () => {
    const good = await send({ ip_pool: 'marketing' });
    const bad = await send({ ip_pool: 'elsewhere' });
    expect(await eventOf(good.id, 'processed')).toMatchObject({ pool: { name: 'marketing' } });
    expect(await eventOf(bad.id, 'dropped')).toMatchObject({ reason: 'Invalid SMTPAPI header' });
  }, 60_000);

  it('ip_pool, ip_pool_name: one made over the API, by the address that is in it, from acceptance to statistics', async () => {
    const { name, id: poolId, ip } = letters;
    const bySmtp = await send({ ip_pool: name });
    const byHttp = await mail.post(mailTo('spring@example.net', { ip_pool_name: name }));
    for (const { id } of [bySmtp, byHttp]) {
      expect(await eventOf(id, 'processed')).toMatchObject({ pool: { name, id: poolId } });
      expect(await eventOf(id)).toMatchObject({ ip });
    }
    expect(fieldOf(await arrived('spring@example.net'), 'Feedback-ID')).toMatch(/:Spring-letters:/);
    const today = new Date().toISOString().slice(0, 10);
    const path = `stats/ip_pools?start_date=${today}&ip_pools=${encodeURIComponent(name)}`;
    await eventually(
      () => call('GET', path) as Promise<{ stats: { metrics: { delivered: number } }[] }[]>,
      (days) => days.flatMap(({ stats }) => stats).some(({ metrics }) => metrics.delivered === 2),
    );
  }, 60_000);

  it('a broken one: taken, sent to nobody, MAIL FROM is told, and of several the first counts', async () => {
    const { id, rcpt } = await send('{"to":["x@example.net"');
    expect(await eventOf(id, 'dropped')).toMatchObject({ reason: 'Invalid SMTPAPI header' });
    expect(mail.arrivals.list({ to: rcpt[0]!, limit: 1 })).toEqual([]);
    const ledger = await thenAllIsAccountedFor(mail, [id]);
    expect(ledger).toMatchObject({ accepted: 1, dropped: 1 });
  }, 60_000);
});
