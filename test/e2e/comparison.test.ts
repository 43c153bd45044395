/**
 * 5,000 mixed messages, by HTTP in requests of many and of one, and by SMTP; and five books of what became of them: the sink's own log,
 * which knows nothing of ours; the events that a customer's server was told, verified by SendGrid's library; statistics; suppressions;
 * activity. They agree to the last message.
 */
import nodemailer from 'nodemailer';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SendGridEvent } from '../../core/event/event.ts';
import { eventually, givenMail, type Mail, mailTo, thenAllIsAccountedFor, whenRetriesAreDue } from './given.ts';
import { ALL_ON, startReceiver, unverified } from './receiver.ts';

/** How many readers of each kind (`local/sink/behaviours.ts`) a mailing has. */
type Readers = Readonly<Record<string, number>>;
/** Mail that is tracked, and mail that is not: whoever would open or click there finds nothing. */
const TRACKED: Readers = {
  ...{ reader: 600, open: 350, click: 250, unsubscribe: 120, scan: 80 },
  ...{ bounce: 40, 'bounce-later': 30, 'defer-2': 20, complain: 10 },
};
const PLAIN: Readers = {
  ...{ reader: 2_930, open: 20, click: 20, unsubscribe: 20, scan: 10 },
  ...{ bounce: 160, 'bounce-later': 70, 'defer-2': 80, complain: 10 },
};
const BY_SMTP: Readers = {
  ...{ reader: 80, open: 30, click: 20, unsubscribe: 10, scan: 5 },
  ...{ bounce: 10, 'bounce-later': 10, 'defer-2': 10, complain: 5 },
};
const MESSAGES = 5_000;
const OUTCOMES = { delivered: 4_790, bounced: 210, dropped: 0, unknown: 0, held: 0, dead: 0 };
/** Bounced at once and later; opens and clicks are of people and of scanners. */
const EVENTS = {
  processed: MESSAGES,
  deferred: 2 * 110,
  delivered: OUTCOMES.delivered,
  bounce: OUTCOMES.bounced + 110,
  open: 380 + 85,
  click: 270 + 85,
  unsubscribe: 130,
  spamreport: 25,
};
const MACHINES = 85;

/** Of each mailing by HTTP, so many are in requests of their own; the others go together. */
const SINGLE = 50;
const OF_A_REQUEST = 490;
/** Sites enough that nobody's mail has to wait for its turn at one. */
const SITES = 47;
const siteOf = (n: number) => `site-${n % SITES}.example`;
const CATEGORY = 'mixed';
const CAMPAIGN = '5000';
const HTML = '<p>It is on its way: <a href="https://shop.example/?a=1&amp;b=2">look</a></p>';

/** By address: what became of its mail, in order, in the words of SendGrid's events. */
type Book = Map<string, string[]>;
function enter(book: Book, address: string, what: string): void {
  const known = book.get(address);
  if (known) known.push(what);
  else book.set(address, [what]);
}
const sorted = (book: Book) => [...book].sort(([a], [b]) => (a < b ? -1 : 1));
const countOf = (book: Book) => {
  const counts: Record<string, number> = {};
  for (const what of [...book.values()].flat()) counts[what] = (counts[what] ?? 0) + 1;
  return counts;
};
const having = (book: Book, isHad: (events: string[]) => boolean) =>
  [...book].flatMap(([address, events]) => (isHad(events) ? [address] : [])).sort();

let mail: Mail;
let receiver: Awaited<ReturnType<typeof startReceiver>>;
/** What X-Message-Id, or the relay's reply, said of each request. */
const requests: { id: string; copies: number }[] = [];
beforeAll(async () => {
  receiver = await startReceiver();
  mail = await givenMail({
    settings: {
      relay: { hostName: 'smtp.pennypost.example' },
      events: { announceSeconds: 1, tallySeconds: 1 },
      // This is a bad list, and is meant to be: when its first hundreds are counted is not ours to say.
      brakes: { bouncePercent: 100, complaintPercent: 100 },
    },
  });
  for (let n = 0; n < SITES; n++)
    mail.dns.setRecord(siteOf(n), 'MX', [{ preference: 10, exchange: `mx.${siteOf(n)}` }]);
}, 120_000);
afterAll(async () => {
  await mail?.end();
  receiver?.stop();
});

const call = async (method: string, path: string, body?: unknown) => {
  const answer = await fetch(`${mail.local.apiUrl}${path}`, {
    method,
    headers: { authorization: `Bearer ${mail.local.apiKey}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  expect([path, answer.status, text.slice(0, 500)]).toEqual([path, 200, expect.anything()]);
  return JSON.parse(text);
};
/** Some at a time, until there are none. */
const inTurns = <T>(all: readonly T[], work: (one: T) => Promise<void>) => {
  const left = [...all];
  const worker = async () => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) await work(one);
  };
  return Promise.all(Array.from({ length: 8 }, worker));
};

/** Addresses of all kinds, mixed the same way each time. */
function addressesOf(mailing: string, readers: Readers): string[] {
  const inOrder = Object.entries(readers).flatMap(([kind, count]) =>
    Array.from({ length: count }, (_, n) => `${kind}+${mailing}-${n}@${siteOf(n)}`),
  );
  // Prime, and no divisor of any of the lengths: each has its turn once.
  return inOrder.map((_, n) => inOrder[(n * 1_009) % inOrder.length]!);
}

async function sendByHttp(addresses: string[], more: object): Promise<void> {
  const bodies: { personalizations: object[] }[] = [];
  for (let from = 0; from < addresses.length; ) {
    // The long ones first: the lanes have work while the others are taken.
    const count = Math.max(1, Math.min(OF_A_REQUEST, addresses.length - SINGLE - from));
    const personalizations = addresses.slice(from, from + count).map((email) => ({ to: [{ email }] }));
    bodies.push({ ...mailTo('x', more), personalizations });
    from += count;
  }
  await inTurns(bodies, async (body) => {
    const { status, id, body: problem } = await mail.post(body);
    expect([status, problem]).toEqual([202, '']);
    requests.push({ id, copies: body.personalizations.length });
  });
}

async function sendBySmtp(addresses: string[]): Promise<void> {
  const { host, port, user, password: pass } = mail.local.smtp!;
  const tls = { rejectUnauthorized: false };
  const transport = nodemailer.createTransport({
    host,
    port,
    auth: { user, pass },
    tls,
    pool: true,
    maxConnections: 4,
  });
  const on = { settings: { enable: 1 } };
  const filters = { clicktrack: on, opentrack: on, subscriptiontrack: on };
  const api = JSON.stringify({ category: [CATEGORY], unique_args: { campaign: CAMPAIGN }, filters });
  await inTurns(addresses, async (to) => {
    const { response } = await transport.sendMail({
      ...{ from: 'shop@example.com', to, subject: 'Your order', html: HTML },
      headers: { 'X-SMTPAPI': api },
    });
    requests.push({ id: /queued as ([\w-]+)/.exec(response)![1]!, copies: 1 });
  });
  transport.close();
}

/** What the sink's log says became of each: in SendGrid's words, and in the order in which they must come. */
function expectedOf({ sink }: Mail): Book {
  const book: Book = new Map();
  const attempts = [
    ...sink.refusals.map(({ recipient, at, reply }) => ({
      ...{ recipient, at },
      event: reply.startsWith('4') ? 'deferred' : 'bounce',
    })),
    ...sink.dots.map(({ recipient, dotAt }) => ({ recipient, at: dotAt, event: 'delivered' })),
  ].sort((a, b) => a.at - b.at);
  for (const { recipient, event } of attempts) {
    if (!book.has(recipient)) enter(book, recipient, 'processed');
    enter(book, recipient, event);
  }
  for (const { recipient, kind } of sink.answers)
    if (kind === 'bounce') enter(book, recipient, 'bounce');
    else if (kind === 'complaint') enter(book, recipient, 'spamreport');
  for (const { recipient, what, url, status } of sink.visits) {
    const path = new URL(url).pathname[1];
    if (path === 'o' && status === 200) enter(book, recipient, 'open');
    else if (path === 'c' && status === 302) enter(book, recipient, 'click');
    else if (path === 'u' && status === 200 && what === 'unsubscribe') enter(book, recipient, 'unsubscribe');
  }
  return book;
}

describe('5,000 mixed messages', () => {
  let expected: Book;

  test('are sent, put off, bounced, complained of, opened, followed, left; all is accounted for', async () => {
    // Prepare
    const { id } = await call('PATCH', '/v3/user/webhooks/event/settings', {
      ...{ enabled: true, url: receiver.url },
      ...ALL_ON,
    });
    await call('PATCH', `/v3/user/webhooks/event/settings/signed/${id}`, { enabled: true });

    // Act
    const about = { categories: [CATEGORY], custom_args: { campaign: CAMPAIGN } };
    const on = { enable: true };
    await sendByHttp(addressesOf('plain', PLAIN), about);
    await sendByHttp(addressesOf('tracked', TRACKED), {
      ...about,
      content: [{ type: 'text/html', value: HTML }],
      tracking_settings: { click_tracking: on, open_tracking: on, subscription_tracking: on },
    });
    await sendBySmtp(addressesOf('smtp', BY_SMTP));
    expect(requests.reduce((sum, { copies }) => sum + copies, 0)).toBe(MESSAGES);
    // What is held has been put off, or waits for its turn: hours pass until nothing is.
    for (let hours = 0; ; hours++) {
      const { held } = await thenAllIsAccountedFor(mail, undefined, 180);
      if (held === 0) break;
      expect(hours).toBeLessThan(10);
      await whenRetriesAreDue(mail);
    }

    // Assess: nobody got it twice, and everybody has done what he does.
    expect(await thenAllIsAccountedFor(mail)).toMatchObject({ accepted: MESSAGES, ...OUTCOMES });
    expect(mail.sink.dots).toHaveLength(OUTCOMES.delivered);
    expected = await eventually(
      () => expectedOf(mail),
      (book) => Object.values(countOf(book)).reduce((a, b) => a + b) >= Object.values(EVENTS).reduce((a, b) => a + b),
      180,
    );
    expect(countOf(expected)).toEqual(EVENTS);
    expect(expected.size).toBe(MESSAGES);
    const ofScanners = mail.sink.visits.filter(({ what }) => what === 'scan');
    expect(new Set(ofScanners.map(({ recipient }) => recipient)).size).toBe(MACHINES);
  }, 600_000);

  test('events: each once by its id, in order for each reader, verified', async () => {
    const all = Object.values(EVENTS).reduce((sum, count) => sum + count, 0);
    const unique = await eventually(
      () => receiver.unique(),
      ({ length }) => length >= all,
      120,
    ).catch(() => receiver.unique());
    const told: Book = new Map();
    for (const { email, event } of unique) enter(told, email, event);
    expect(countOf(told)).toEqual(EVENTS);
    expect(sorted(told)).toEqual(sorted(expected));
    expect(unique).toHaveLength(all);
    // What was told twice (its run was cut off) is the same to the last field.
    const byId = new Map(unique.map((event) => [event.sg_event_id, event]));
    for (const event of receiver.events()) expect(event).toEqual(byId.get(event.sg_event_id));
    const ofRequest = (event: SendGridEvent) => String(event.sg_message_id).split('.')[0];
    expect(new Set(unique.map(ofRequest))).toEqual(new Set(requests.map(({ id }) => id)));
    for (const event of unique) {
      expect([event.campaign, event.category]).toEqual([CAMPAIGN, [CATEGORY]]);
      const isScanner = event.email.startsWith('scan+');
      if (event.event === 'open') expect(event.sg_machine_open).toBe(isScanner);
      if (event.event === 'click')
        expect(event).toMatchObject({ url: 'https://shop.example/?a=1&b=2', sg_machine_click: isScanner });
    }
    const { public_key: key } = await call('GET', '/v3/user/webhooks/event/settings/signed');
    expect(unverified(receiver.received, key)).toEqual([]);
  }, 180_000);

  test('statistics', async () => {
    // A day may end while it runs.
    const since = new Date(mail.sink.dots[0]!.dotAt - 60_000).toISOString().slice(0, 10);
    const wanted = {
      requests: MESSAGES,
      processed: EVENTS.processed,
      deferred: EVENTS.deferred,
      delivered: EVENTS.delivered,
      bounces: EVENTS.bounce,
      opens: EVENTS.open,
      unique_opens: EVENTS.open,
      clicks: EVENTS.click,
      unique_clicks: EVENTS.click,
      unsubscribes: EVENTS.unsubscribe,
      spam_reports: EVENTS.spamreport,
      ...{ blocks: 0, bounce_drops: 0, spam_report_drops: 0, unsubscribe_drops: 0, invalid_emails: 0 },
    };
    const sums = async (path: string) => {
      const days: { stats: { metrics: Record<string, number> }[] }[] = await call('GET', `${path}start_date=${since}`);
      const sum = Object.fromEntries(Object.keys(wanted).map((name) => [name, 0]));
      for (const { metrics } of days.flatMap(({ stats }) => stats))
        for (const name of Object.keys(wanted)) sum[name]! += metrics[name] ?? 0;
      return sum;
    };
    const isAll = (seen: Record<string, number>) => Object.entries(wanted).every(([name, n]) => seen[name]! >= n);
    const seen = await eventually(() => sums('/v3/stats?'), isAll, 60).catch(() => sums('/v3/stats?'));
    expect(seen).toEqual(wanted);
    expect(await sums(`/v3/categories/stats?categories=${CATEGORY}&`)).toEqual(wanted);
    const ofPeople = { opens: EVENTS.open - MACHINES, clicks: EVENTS.click - MACHINES };
    expect(await sums('/v3/stats?machine=exclude&')).toEqual({
      ...wanted,
      ...{ ...ofPeople, unique_opens: ofPeople.opens, unique_clicks: ofPeople.clicks },
    });
  }, 120_000);

  test('suppressions', async () => {
    const listed = async (list: string) => {
      const all: string[] = [];
      for (let offset = 0; ; offset += 500) {
        const page: { email: string }[] = await call('GET', `/v3/suppression/${list}?limit=500&offset=${offset}`);
        all.push(...page.map(({ email }) => email));
        if (page.length < 500) return all.sort();
      }
    };
    const whoHad = (event: string) => having(expected, (events) => events.includes(event));
    expect(await listed('bounces')).toEqual(whoHad('bounce'));
    expect(await listed('unsubscribes')).toEqual(whoHad('unsubscribe'));
    expect(await listed('spam_reports')).toEqual(whoHad('spamreport'));
    expect(await listed('blocks')).toEqual([]);
    expect(await listed('invalid_emails')).toEqual([]);
  }, 60_000);

  test('activity: every message in the lists of their requests; and by its id, whatever it met', async () => {
    type Row = { to_email: string; msg_id: string; status: string; opens_count: number; clicks_count: number };
    const rows: Row[] = [];
    await inTurns(requests, async ({ id, copies }) => {
      const query = encodeURIComponent(`msg_id LIKE "${id}%"`);
      const { messages } = await call('GET', `/v3/messages?limit=1000&query=${query}`);
      expect([id, messages.length]).toEqual([id, copies]);
      rows.push(...messages);
    });
    const count = (events: string[], which: string) => events.filter((one) => one === which).length;
    const summary = (address: string, events: string[]) => [
      ...[address, events.includes('bounce') ? 'not_delivered' : 'delivered'],
      ...[count(events, 'open'), count(events, 'click')],
    ];
    const shown = rows.map((row) => [row.to_email, row.status, row.opens_count, row.clicks_count]);
    const byAddress = ([a]: unknown[], [b]: unknown[]) => (String(a) < String(b) ? -1 : 1);
    expect(shown.sort(byAddress)).toEqual(sorted(expected).map(([address, events]) => summary(address, events)));

    // One by one: who only got it is shown alike, so a tenth of those will do.
    const isPlain = (address: string) => expected.get(address)!.join() === 'processed,delivered';
    const asked = rows.filter(({ to_email: address }, n) => !isPlain(address) || n % 10 === 0);
    const byId: Book = new Map();
    await inTurns(asked, async ({ msg_id: id, to_email: address }) => {
      const { to_email: to, events } = await call('GET', `/v3/messages/${id}`);
      expect(to).toBe(address);
      for (const { event_name: name } of events) enter(byId, to, NAMES[name] ?? name);
    });
    const wanted = new Map(asked.map(({ to_email: address }) => [address, expected.get(address)!]));
    expect(sorted(byId)).toEqual(sorted(wanted));
    expect(mail.stack.denials.map(({ message }) => message)).toEqual([]);
  }, 180_000);
});

/** The words of activity for what events call otherwise. */
const NAMES: Record<string, string> = {
  bounced: 'bounce',
  spam_report: 'spamreport',
  opened: 'open',
  clicked: 'click',
};
