/**
 * 5,000 mixed messages, and five books of what became of them: the sink's own log, which knows nothing of ours; the events that a customer's
 * server was told, verified by SendGrid's library; statistics; suppressions; activity. They agree to the last message.
 */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { historyOf, showMessage } from '../../core/activity/show.ts';
import { OPERATOR } from '../../core/records.ts';
import { messagesIn } from '../../io/messages.ts';
import { OPERATOR_KEY } from '../../local/proxy.ts';
import { eventually, givenMail, type Mail, mailTo, thenAllIsAccountedFor, whenRetriesAreDue } from './given.ts';
import { ALL_ON, startReceiver, unverified } from './receiver.ts';

const MESSAGES = 5_000;
/** Of these, each in a request of its own. */
const SINGLE = 100;
const OF_A_REQUEST = 980;

/**
 * Who of fifty is how: the rest reads. What a reader does (`open@`, `click@`, `unsubscribe@` of the sink) has its place here and in
 * `expectedOf` and `EXPECTED_COUNTS`, each a line.
 */
const MIX: Record<number, string> = {
  0: 'bounce',
  10: 'bounce',
  20: 'bounce-later',
  30: 'defer-2',
  40: 'defer-2',
};
/** Sites enough that nobody's mail has to wait for its turn at one. */
const SITES = 47;
const siteOf = (n: number) => `site-${n % SITES}.example`;
const addressOf = (n: number) => `${n % 250 === 45 ? 'complain' : (MIX[n % 50] ?? 'reader')}+${n}@${siteOf(n)}`;

type Book = Map<string, string[]>;
/** Adds to what is known of a reader, in order. */
function enter(book: Book, address: string, what: string): void {
  book.set(address, [...(book.get(address) ?? []), what]);
}

let mail: Mail;
let receiver: Awaited<ReturnType<typeof startReceiver>>;
let client: DynamoDBClient;
const ids: string[] = [];
beforeAll(async () => {
  receiver = await startReceiver();
  mail = await givenMail({
    settings: {
      relay: { hostName: 'smtp.pennypost.example' },
      events: { announceSeconds: 1, tallySeconds: 1 },
      // This is a bad list, and is meant to be.
      brakes: { bouncePercent: 100, complaintPercent: 100 },
    },
  });
  for (let n = 0; n < SITES; n++)
    mail.dns.setRecord(siteOf(n), 'MX', [{ preference: 10, exchange: `mx.${siteOf(n)}` }]);
  client = new DynamoDBClient({
    endpoint: mail.local.awsUrl,
    region: mail.stack.region,
    credentials: { accessKeyId: OPERATOR_KEY, secretAccessKey: 'local' },
  });
}, 120_000);
afterAll(async () => {
  client?.destroy();
  await mail?.end();
  receiver?.stop();
});

const call = async (method: string, path: string, body?: unknown) => {
  const answer = await fetch(`${mail.local.apiUrl}${path}`, {
    method,
    headers: { authorization: `Bearer ${mail.local.apiKey}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  expect(answer.status).toBeLessThan(300);
  return JSON.parse(await answer.text());
};

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
  return book;
}
const countOf = (book: Book, event: string) => [...book.values()].flat().filter((one) => one === event).length;
const EXPECTED_COUNTS = { processed: 5_000, deferred: 400, delivered: 4_800, bounce: 300, spamreport: 20 };
const sorted = (book: Book) => [...book].sort(([a], [b]) => (a < b ? -1 : 1));

async function send(): Promise<void> {
  const to = (n: number) => ({ to: [{ email: addressOf(n) }] });
  const about = { categories: ['mixed'], custom_args: { campaign: '5000' } };
  const bodies: object[] = Array.from({ length: SINGLE }, (_, n) => ({
    ...mailTo('x', about),
    personalizations: [to(n)],
  }));
  for (let from = SINGLE; from < MESSAGES; from += OF_A_REQUEST)
    bodies.push({
      ...mailTo('x', about),
      personalizations: Array.from({ length: Math.min(OF_A_REQUEST, MESSAGES - from) }, (_, n) => to(from + n)),
    });
  const post = async () => {
    for (let body = bodies.pop(); body; body = bodies.pop()) {
      const { status, id } = await mail.post(body);
      expect(status).toBe(202);
      ids.push(id);
    }
  };
  // The long ones first: the lanes have work while the others are taken.
  await Promise.all(Array.from({ length: 8 }, post));
}

describe('5,000 mixed messages', () => {
  let expected: Book;

  test('are sent, put off, bounced, complained of; all is accounted for', async () => {
    const { id } = await call('PATCH', '/v3/user/webhooks/event/settings', {
      ...{ enabled: true, url: receiver.url },
      ...ALL_ON,
    });
    await call('PATCH', `/v3/user/webhooks/event/settings/signed/${id}`, { enabled: true });
    await send();
    const putOff = () => mail.sink.refusals.filter(({ reply }) => reply.startsWith('450')).length;
    for (const refused of [200, 400]) {
      await eventually(putOff, (count) => count === refused, 90);
      await eventually(
        () => mail.ledger(),
        ({ queued, held }) => queued === 0 && held === 200,
        60,
      );
      await whenRetriesAreDue(mail, true);
    }
    await eventually(
      () => mail.ledger(),
      ({ held, queued }) => held + queued === 0,
      60,
    );
    const ledger = await thenAllIsAccountedFor(mail, undefined, 60);
    expect(ledger).toMatchObject({ accepted: MESSAGES, delivered: 4_800, bounced: 200, held: 0 });
    await eventually(
      () => mail.sink.answers.length,
      (answers) => answers === 120,
      30,
    );
    expected = expectedOf(mail);
    expect(expected.size).toBe(MESSAGES);
    expect(Object.keys(EXPECTED_COUNTS).map((event) => [event, countOf(expected, event)])).toEqual(
      Object.entries(EXPECTED_COUNTS),
    );
  }, 240_000);

  test('events: each once by its id, in order for each reader, verified', async () => {
    const all = Object.values(EXPECTED_COUNTS).reduce((sum, count) => sum + count, 0);
    await eventually(
      () => receiver.unique().length,
      (told) => told >= all,
      90,
    );
    const told: Book = new Map();
    for (const { email, event, campaign, category } of receiver.unique()) {
      enter(told, email, event);
      expect([campaign, category]).toEqual(['5000', ['mixed']]);
    }
    expect(sorted(told)).toEqual(sorted(expected));
    expect(receiver.unique()).toHaveLength(all);
    const { public_key: key } = await call('GET', '/v3/user/webhooks/event/settings/signed');
    expect(unverified(receiver.received, key)).toEqual([]);
  }, 120_000);

  test('statistics', async () => {
    const today = new Date().toISOString().slice(0, 10);
    const metrics = await eventually(
      async () => (await call('GET', `/v3/stats?start_date=${today}`))[0].stats[0].metrics,
      ({ delivered, bounces, spam_reports: complaints }) => delivered + bounces + complaints >= 5_120,
      30,
    );
    expect(metrics).toMatchObject({
      requests: MESSAGES,
      processed: countOf(expected, 'processed'),
      deferred: countOf(expected, 'deferred'),
      delivered: countOf(expected, 'delivered'),
      bounces: countOf(expected, 'bounce'),
      spam_reports: countOf(expected, 'spamreport'),
      blocks: 0,
      bounce_drops: 0,
    });
    const [day] = await call('GET', `/v3/categories/stats?start_date=${today}&categories=mixed`);
    expect(day.stats[0].metrics).toMatchObject({ delivered: metrics.delivered, bounces: metrics.bounces });
  }, 60_000);

  test('suppressions', async () => {
    const listed = async (list: string) => {
      const all: string[] = [];
      for (let offset = 0; ; offset += 500) {
        const page: { email: string }[] = await call('GET', `/v3/suppression/${list}?limit=500&offset=${offset}`);
        all.push(...page.map(({ email }) => email));
        if (page.length < 500) return all.sort();
      }
    };
    const having = (event: string) =>
      [...expected].flatMap(([address, events]) => (events.includes(event) ? [address] : [])).sort();
    expect(await listed('bounces')).toEqual(having('bounce'));
    expect(await listed('spam_reports')).toEqual(having('spamreport'));
    expect(await listed('blocks')).toEqual([]);
    expect(await listed('invalid_emails')).toEqual([]);
  }, 60_000);

  test('activity: of every message, and the same by the API', async () => {
    const { readTrace } = messagesIn(mail.stack.outputs.MessagesTable!, DynamoDBDocumentClient.from(client));
    const shown: Book = new Map();
    const samples = new Map<string, { id: string; message: ReturnType<typeof showMessage> }>();
    for (const id of ids) {
      const items = await readTrace(OPERATOR, id);
      const request = items.find(({ sk }) => sk === 'request')!;
      for (const [copy, own] of Map.groupBy(items, ({ sk }) => String(sk).slice(0, 4))) {
        if (!/^\d{4}$/.test(copy)) continue;
        const message = showMessage(id, Number(copy), historyOf([request, ...own], Number(copy))!);
        const events = (message.events as { event_name: string }[]).map(({ event_name: name }) => NAMES[name] ?? name);
        shown.set(message.to_email, events);
        samples.set(events.join(), { id: message.msg_id, message });
      }
    }
    expect(sorted(shown)).toEqual(sorted(expected));
    expect(samples.size).toBe(5);
    for (const { id, message } of samples.values()) expect(await call('GET', `/v3/messages/${id}`)).toEqual(message);
    expect(mail.stack.denials.map(({ message }) => message)).toEqual([]);
  }, 60_000);
});

/** The words of activity for what events call otherwise. */
const NAMES: Record<string, string> = { bounced: 'bounce', spam_report: 'spamreport' };
