/**
 * Searching what became of mail: the answers against SendGrid's documents, against a plain filter over all of an account's messages,
 * within their bounds, and never another account's.
 */

import { existsSync, readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import formats from 'ajv-formats';
import { parse as parseCsv } from 'csv-parse/sync';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { bucketOf } from '../../../core/records/message-key.ts';
import { ACTIVITY_ROUTES } from '../../../lambdas/manage/activity-routes.ts';
import { type Fate, NOW, type Sending, startActivity } from './activity.ts';

const HOUR = 3_600_000;
const ME = 'account2';
const OTHER = 'account3';
const MISSING = 'Xj5LmNkWSOqRbdvOpR34BA';

type Row = { msg_id: string; to_email: string; status: string; last_event_time: string; subject: string };
type Sent = Sending & { id: string };

let world: Awaited<ReturnType<typeof startActivity>>;
let call: ReturnType<typeof world.callBy>;
const sent: Sent[] = [];
let bulk: Sent;

beforeAll(async () => {
  world = await startActivity();
  call = world.callBy(ME);
  const fates: Fate[] = ['delivered', 'bounced', 'opened', 'deferred', 'dropped', 'late', 'blocked', 'delivered'];
  const send = async (one: Sending) => {
    const whole = { ...one, id: await world.send(one) };
    sent.push(whole);
    return whole;
  };
  for (let n = 0; n < 40; n++)
    await send({
      account: ME,
      // From four days ago to an hour ago.
      at: NOW - (40 - n) * 2.5 * HOUR,
      to: [`reader-${n % 5}@example.net`],
      fate: fates[n % fates.length]!,
      subject: `Invoice ${n}`,
      from: n % 3 === 0 ? 'news@example.com' : 'shop@example.com',
      about: {
        ...(n % 2 === 0 ? { categories: ['even', `n${n}`] } : {}),
        ...(n % 4 === 0 ? { customArgs: { order: String(n), status: 'hidden' } } : {}),
        ...(n % 8 === 0 ? { asmGroupId: 7 } : {}),
      },
    });
  bulk = await send({
    account: ME,
    at: NOW - HOUR / 2,
    to: Array.from({ length: 30 }, (_, n) => `bulk-${n}@example.net`),
  });
  await send({ account: ME, at: NOW - HOUR / 4, to: ['waits@example.net'], fate: 'waiting' });
  await world.send({
    account: OTHER,
    at: NOW - HOUR,
    to: ['reader-1@example.net', 'secret@example.net'],
    subject: 'Secret',
  });
  await world.log();
}, 120_000);
afterAll(() => world?.stop());

const list = async (query: string | undefined, limit = 1_000, by = call) => {
  const answer = await by('GET', '/v3/messages', { ...(query === undefined ? {} : { query }), limit: String(limit) });
  expect({ status: answer.status, body: answer.status === 200 ? '' : answer.body, problems: world.problems }).toEqual({
    status: 200,
    body: '',
    problems: [],
  });
  return answer.json as { messages: Row[]; searched_until?: string };
};

const NOT_DELIVERED: Fate[] = ['bounced', 'blocked', 'dropped', 'late'];
const single = () => sent.filter(({ to, fate }) => to.length === 1 && fate !== 'waiting');
const at = (hoursAgo: number) => `TIMESTAMP "${new Date(NOW - hoursAgo * HOUR).toISOString()}"`;

describe('GET /v3/messages', () => {
  const cases: [string, (one: Sent) => boolean][] = [
    ['status = "not_delivered"', ({ fate }) => NOT_DELIVERED.includes(fate!)],
    ['status = "delivered"', ({ fate }) => fate === 'delivered' || fate === 'opened'],
    [
      'status IN ("processed", "delivered") AND from_email = "news@example.com"',
      ({ fate, from }) => !NOT_DELIVERED.includes(fate!) && from === 'news@example.com',
    ],
    [
      'subject LIKE "Invoice 1%" AND NOT Contains(events, "opened")',
      ({ subject, fate }) => subject!.startsWith('Invoice 1') && fate !== 'opened',
    ],
    ['to_email = "READER-3@example.net"', ({ to }) => to[0] === 'reader-3@example.net'],
    [
      'to_email IN ("reader-3@example.net", "reader-4@example.net") AND clicks > 0',
      ({ to, fate }) => /[34]@/.test(to[0]!) && fate === 'opened',
    ],
    [
      'to_email LIKE "reader-1@%" OR Contains(categories, "n8")',
      ({ to, about }) => to[0] === 'reader-1@example.net' || about!.categories?.includes('n8') === true,
    ],
    [`unique_args['order'] = "12"`, ({ about }) => about!.customArgs?.order === '12'],
    // Hidden behind a field in some of its events.
    [`unique_args['status'] = "hidden"`, ({ about }) => about!.customArgs !== undefined],
    [`unique_args['status'] IS NULL`, ({ about }) => about!.customArgs === undefined],
    ['NOT CONTAINS(unique_args, "status")', ({ about }) => about!.customArgs === undefined],
    ['asm_group_id = 7', ({ about }) => about!.asmGroupId === 7],
    ['asm_group_id IS NULL AND opens > 0', ({ about, fate }) => about!.asmGroupId === undefined && fate === 'opened'],
    ['Contains(events, "deferred")', ({ fate }) => fate === 'deferred'],
    ['NOT Contains(events, "processed")', ({ fate }) => fate === 'dropped'],
    [
      `last_event_time BETWEEN ${at(60)} AND ${at(30)}`,
      ({ at: then }) => then >= NOW - 60 * HOUR && then < NOW - 30.1 * HOUR,
    ],
    [
      `last_event_time < ${at(48)} AND status = "not_delivered"`,
      ({ at: then, fate }) => then < NOW - 48.1 * HOUR && NOT_DELIVERED.includes(fate!),
    ],
    ['api_key_id = "SG.other"', () => false],
  ];

  it.each(cases)('%s', async (query, expected) => {
    // Act
    const { messages, searched_until } = await list(`(${query}) AND subject LIKE "Invoice %"`);

    // Assess
    expect(messages.map(({ msg_id }) => msg_id.slice(0, 22)).sort()).toEqual(
      single()
        .filter(expected)
        .map(({ id }) => id)
        .sort(),
    );
    const times = messages.map(({ last_event_time }) => last_event_time);
    expect(times).toEqual([...times].sort().reverse());
    expect(searched_until).toBeUndefined();
  });

  it('msg_id LIKE "<X-Message-Id>%": every recipient of what mail/send answered with', async () => {
    const { messages } = await list(`msg_id LIKE "${bulk.id}%"`);
    expect(messages.map(({ to_email }) => to_email).sort()).toEqual([...bulk.to].sort());
    expect(new Set(messages.map(({ msg_id }) => msg_id)).size).toBe(30);
    const [one] = messages;
    expect((await call('GET', `/v3/messages/${one!.msg_id}`)).json).toMatchObject({ to_email: one!.to_email });
    expect((await list(`msg_id = "${one!.msg_id}"`)).messages).toEqual([one]);
    expect((await list(`msg_id LIKE "${bulk.id}%" AND to_email = "bulk-7@example.net"`)).messages).toHaveLength(1);
  });

  it.each([
    ['id', ({ id }: Sent) => `msg_id LIKE "${id}%"`],
    ['recipient', ({ to }: Sent) => `to_email = "${to[0]}"`],
  ])('what waits is found by its %s, before anything happened to it', async (_, query) => {
    const one = sent.at(-1)!;
    expect((await list(query(one))).messages).toMatchObject([
      { msg_id: `${one.id}.recvd-pennypost-1.0`, status: 'processed', to_email: 'waits@example.net' },
    ]);
  });

  it('readers who share a bucket get each his own', async () => {
    // Prepare: of some thousand addresses two have the same 24 bits.
    const first = new Map<string, string>();
    const pair: string[] = [];
    for (let n = 0; pair.length === 0; n++) {
      const [address, bucket] = [`n${n}@bucket.example`, bucketOf(ME, `n${n}@bucket.example`)];
      if (first.has(bucket)) pair.push(first.get(bucket)!, address);
      first.set(bucket, address);
    }
    const ids = new Map<string, string>();
    for (const address of pair)
      ids.set(address, await world.send({ account: ME, at: NOW - HOUR, to: [address], subject: 'Shared' }));

    // Act, Assess
    for (const address of pair) {
      const { messages } = await list(`to_email = "${address}"`);
      expect(messages.map(({ msg_id }) => msg_id.slice(0, 22))).toEqual([ids.get(address)]);
      expect((await list(`msg_id LIKE "${ids.get(address)}%"`)).messages).toMatchObject([{ to_email: address }]);
    }
  });

  it('without a query: the newest, ten of them', async () => {
    const { json } = await call('GET', '/v3/messages');
    expect(json.messages).toHaveLength(10);
    expect(json.messages.map(({ msg_id }: Row) => msg_id.slice(0, 22))).toEqual(Array(10).fill(bulk.id));
  });

  it('the newest few of many cost the pages and messages that they are in, not all of them', async () => {
    Object.assign(world.reads, { pages: 0, items: 0 });
    const { messages } = await list('subject LIKE "Invoice 39" OR subject = "Invoice 38"', 2);
    expect(messages.map(({ subject }) => subject)).toEqual(['Invoice 39', 'Invoice 38']);
    expect(world.reads.pages).toBeLessThan(15);
    // A status is told by the pages alone: what is not wanted is not read.
    Object.assign(world.reads, { pages: 0, items: 0 });
    const { messages: failed } = await list('status = "not_delivered"');
    expect(world.reads.items).toBeLessThan(failed.length + 12);
  });

  it('goes on where the work of one call ended', async () => {
    // Prepare: a clock by which each page takes two seconds.
    let now = NOW;
    const slow = world.callBy(ME, {
      now: () => now,
      readPage: async (key) => {
        now += 2_000;
        return world.readPage(key);
      },
    });
    const seen: string[] = [];
    let until: string | undefined;
    // Act
    for (let calls = 0; calls < 60; calls++) {
      const before = until === undefined ? '' : ` AND last_event_time < TIMESTAMP "${until}"`;
      const { messages, searched_until } = await list(`from_email = "news@example.com"${before}`, 1_000, slow);
      seen.push(...messages.map(({ msg_id }) => msg_id.slice(0, 22)));
      if (searched_until === undefined) break;
      expect(until === undefined || searched_until <= until).toBe(true);
      until = searched_until;
    }
    // Assess
    const expected = single()
      .filter(({ from }) => from === 'news@example.com')
      .map(({ id }) => id);
    expect([...new Set(seen)].sort()).toEqual(expected.sort());
  });

  test.each([
    [{ query: 'bad_field="x"' }, "invalid syntax: 'bad_field' is not a known field"],
    [{ query: 'CONTAINS(subject, "x")' }, 'CONTAINS expects an array or map type as the first argument'],
    [{ limit: '0' }, 'limit must be a whole number from 1 to 1000'],
    [{ limit: '1001' }, 'limit must be a whole number from 1 to 1000'],
    [{ limit: 'ten' }, 'limit must be a whole number from 1 to 1000'],
  ])('%j is refused in SendGrid’s shape', async (query, message) => {
    const answer = await call('GET', '/v3/messages', query as Record<string, string>);
    expect([answer.status, answer.json]).toEqual([400, { errors: [{ message }] }]);
  });
});

describe('CSV', () => {
  it('one line for each event, in SendGrid’s columns; no cell is a formula; the link ends, and so does the file', async () => {
    // Act
    const made = await call('POST', '/v3/messages/download', { query: 'Contains(events, "opened")' });
    const { download_uuid: id } = made.json;
    const link = await call('GET', `/v3/messages/download/${id}`);
    const file = await fetch(link.json.presigned_url);
    const rows = parseCsv(await file.text(), { columns: true }) as Record<string, string>[];

    // Assess
    expect([made.status, made.json.status, link.status]).toEqual([202, 'pending', 200]);
    const opened = single().filter(({ fate }) => fate === 'opened');
    expect(made.json.message).toMatch(new RegExp(`^${opened.length} messages\\. `));
    // processed, delivered, opened, clicked, unsubscribe
    expect(rows).toHaveLength(opened.length * 5);
    expect(rows.find(({ event }) => event === 'clicked')).toMatchObject({
      user_agent: "'=Mozilla",
      is_unique: '1',
      url: 'http://example.com/path/a.html',
    });
    expect(new Set(rows.map(({ recv_message_id }) => recv_message_id))).toEqual(
      new Set(opened.map(({ id: one }) => one)),
    );
    expect(link.json.presigned_url).toMatch(/X-Amz-Expires=900/);
    expect((await world.callBy(OTHER)('GET', `/v3/messages/download/${id}`)).status).toBe(404);
    for (const wrong of [MISSING, '../../events', `${id}x`, '00000000-0000-0000-0000-000000000000'])
      expect((await call('GET', `/v3/messages/download/${encodeURIComponent(wrong)}`)).status).toBe(404);
    world.clock.now = Date.now() + 3.1 * 24 * HOUR;
    expect((await call('GET', `/v3/messages/download/${id}`)).status).toBe(404);
    world.clock.now = NOW;
  });

  it('refuses what a list refuses', async () => {
    const { status, json } = await call('POST', '/v3/messages/download', { query: 'nothing = "x"' });
    expect([status, json.errors[0].message]).toEqual([400, "invalid syntax: 'nothing' is not a known field"]);
  });
});

describe('logs', () => {
  const logs = async (query?: string, limit = 1_000) => {
    const answer = await call('POST', '/v3/logs', {}, { ...(query === undefined ? {} : { query }), limit });
    expect([answer.status, answer.status === 200 ? '' : answer.body]).toEqual([200, '']);
    return answer.json.messages as { sg_message_id: string; status: string; reason?: string }[];
  };
  const ids = (rows: { sg_message_id: string }[]) => rows.map(({ sg_message_id: id }) => id.slice(0, 22)).sort();

  test.each<[string, (one: Sent) => boolean]>([
    ["status IN ('bounced', 'blocked')", ({ fate }) => ['bounced', 'blocked', 'late'].includes(fate!)],
    ["status IN ('deferred')", ({ fate }) => fate === 'deferred'],
    [
      "status IN ('dropped') AND categories IN ('even')",
      ({ fate, about }) => fate === 'dropped' && about!.categories !== undefined,
    ],
    ["reason = '451 4.7.1 slow down'", ({ fate }) => fate === 'deferred'],
    [
      "to_email = 'reader-2@example.net' AND status IN ('opened', 'delivered')",
      ({ to, fate }) => to[0] === 'reader-2@example.net' && /delivered|opened/.test(fate!),
    ],
    [
      `sg_message_id_created_at > ${at(60)} AND sg_message_id_created_at <= ${at(30)}`,
      ({ at: then }) => then > NOW - 60 * HOUR && then <= NOW - 30 * HOUR,
    ],
  ])('%s', async (query, expected) => {
    expect(ids(await logs(query))).toEqual(
      single()
        .filter(expected)
        .map(({ id }) => id)
        .sort(),
    );
  });

  it('by id', async () => {
    expect(await logs(`sg_message_id = '${bulk.id}'`)).toHaveLength(30);
    expect(await logs(`sg_message_id = '${bulk.id}.recvd-pennypost-1.4'`)).toMatchObject([
      { to_email: 'bulk-4@example.net' },
    ]);
    expect(await logs(undefined, 3)).toHaveLength(3);
  });

  test.each([
    ["status = 'bounced'", "invalid syntax: 'status' is compared by IN, not by ="],
    [
      "status IN ('bounced') OR to_email = 'x'",
      'invalid syntax: conditions are joined by AND, and nesting is not allowed',
    ],
    [
      "to_email = 'x' AND (status IN ('a') OR status IN ('b'))",
      'invalid syntax: conditions are joined by AND, and nesting is not allowed',
    ],
    ["msg_id = 'x'", "invalid syntax: 'msg_id' is not a known field"],
    ["to_email LIKE 'x%'", "invalid syntax: 'to_email' is compared by =, not by LIKE"],
  ])('%s is refused', async (query, message) => {
    const { status, json } = await call('POST', '/v3/logs', {}, { query });
    expect([status, json]).toEqual([400, { errors: [{ message }] }]);
  });

  it('one message: events of the webhook’s shape, custom arguments apart, and how it was received', async () => {
    const { id } = single().find(({ fate, about }) => fate === 'opened' && about!.customArgs === undefined)!;
    const { json } = await call('GET', `/v3/logs/${id}.recvd-pennypost-1.0`);
    expect(json.events.map(({ event }: { event: string }) => event)).toEqual([
      'received',
      'processed',
      'delivered',
      'open',
      'click',
      'unsubscribe',
    ]);
    expect(json.events[0]).toMatchObject({
      client_ip: '192.0.2.7',
      recipient_count: 1,
      size: 321,
      useragent: 'sendgrid/8',
    });
    const withArgs = single().find(({ about }) => about!.customArgs)!;
    const { json: log } = await call('GET', `/v3/logs/${withArgs.id}`);
    expect(log.events[1]).toMatchObject({ custom_args: { status: 'hidden' }, event: 'processed' });
    expect(log.events[1].status).toBeUndefined();
  });

  it('of a subuser that is not there: forbidden', async () => {
    expect((await call('POST', '/v3/logs', {}, { subusers: ['20223230'] })).status).toBe(403);
    expect((await call('GET', `/v3/logs/${bulk.id}`, { subuser: '20223230' })).status).toBe(403);
  });
});

describe('transcripts', () => {
  it('of what did not go well, or of all: a setting', async () => {
    let kept: string = 'failures';
    const own = world.callBy(ME, {
      readTranscripts: async () => kept as never,
      writeTranscripts: async (account, keep) => {
        expect(account).toBe(ME);
        kept = keep;
      },
    });
    const url = '/v3/user/settings/transcripts';
    expect((await own('GET', url)).json).toEqual({ keep: 'failures' });
    expect(await own('PATCH', url, {}, { keep: 'all' })).toMatchObject({ status: 200, json: { keep: 'all' } });
    expect((await own('GET', url)).json).toEqual({ keep: 'all' });
    for (const body of [undefined, null, {}, [], { keep: 'none' }, { keep: ['all'] }, 'all'])
      expect(await own('PATCH', url, {}, body)).toMatchObject({
        status: 400,
        json: { errors: [{ field: 'keep', message: 'keep must be one of failures, all' }] },
      });
  });
});

describe('another account', () => {
  // Attack: an account with every scope searches for, names and downloads another's mail.
  it('is never seen, whatever is asked', async () => {
    const attack = world.callBy(OTHER);
    for (const query of [
      undefined,
      `msg_id LIKE "${bulk.id}%"`,
      'to_email = "reader-1@example.net"',
      `to_email = "${ME}#reader-1@example.net"`,
      'status = "delivered"',
      'subject LIKE "%"',
      `msg_id = "${ME}#${bulk.id}"`,
    ]) {
      const { messages } = await list(query, 1_000, attack);
      for (const { subject } of messages) expect(subject).toBe('Secret');
    }
    for (const path of [
      `/v3/messages/${bulk.id}`,
      `/v3/messages/${bulk.id}/why`,
      `/v3/logs/${bulk.id}`,
      `/v3/logs/${encodeURIComponent(`${ME}#${bulk.id}`)}`,
    ])
      expect((await attack('GET', path)).status).toBe(404);
    expect((await attack('POST', '/v3/logs', {}, { query: `sg_message_id = '${bulk.id}'` })).json).toEqual({
      messages: [],
    });
    // And ours never the other's.
    expect(JSON.stringify(await list('subject LIKE "Secret%" OR to_email LIKE "secret%"'))).not.toContain('ecret@');
  });

  it.each(ACTIVITY_ROUTES.map(({ method, path }) => [method, path]))(
    '%s %s asks for its scope',
    async (method, path) => {
      const poor = world.callBy(ME, {}, ['mail.send']);
      expect((await poor(method!, path!.replaceAll(/\{\w+\}/g, bulk.id))).status).toBe(403);
    },
  );
});

describe('whatever is asked', () => {
  const words = fc.constantFrom(
    ...`( ) [ ] , = != < <= AND OR NOT IN LIKE BETWEEN CONTAINS IS NULL TIMESTAMP INTERVAL DAY NOW() msg_id status clicks opens events categories unique_args['order'] last_event_time to_email subject from_email "a%" 'Invoice%' "%" "2026-11-24T00:00:00Z" 17 0 "delivered" "reader-1@example.net" \\ % x`.split(
      ' ',
    ),
  );
  const condition = fc.constantFrom(
    'status = "delivered"',
    'to_email LIKE "%1@%"',
    'clicks < 1',
    'last_event_time > "2026-11-24"',
    'subject IN ("Invoice 3", "")',
    'Contains(events, "bounced")',
    'template_id IS NULL',
    `msg_id LIKE "x%"`,
  );

  it('10,000 queries: an answer or a refusal, never a failure', async () => {
    const query = fc.oneof(
      fc.array(words, { maxLength: 20 }).map((some) => some.join(' ')),
      fc
        .array(fc.tuple(fc.constantFrom('', 'NOT '), condition), { minLength: 1, maxLength: 4 })
        .map((some) => some.map(([not, one]) => `${not}${one}`).join(' AND ')),
      fc.string({ unit: 'binary', maxLength: 80 }),
    );
    const answers = { 200: 0, 400: 0 } as Record<number, number>;
    const quick = world.callBy(ME, world.remembered());
    await fc.assert(
      fc.asyncProperty(query, fc.constantFrom('1', '10'), async (text, limit) => {
        const { status } = await quick('GET', '/v3/messages', { query: text, limit });
        answers[status] = (answers[status] ?? 0) + 1;
        expect(status).toBeLessThan(500);
      }),
      { numRuns: 10_000 },
    );
    expect(Object.keys(answers)).toEqual(['200', '400']);
    expect(answers[200]).toBeGreaterThan(2_000);
    expect(world.problems).toEqual([]);
  }, 300_000);

  it('1,000 bodies of logs, and ids: never a failure', async () => {
    const body = fc.oneof(
      fc.json().map((text) => JSON.parse(text)),
      fc.record(
        { query: fc.oneof(fc.string(), fc.anything()), limit: fc.oneof(fc.integer(), fc.anything()) },
        { requiredKeys: [] },
      ),
    );
    await fc.assert(
      fc.asyncProperty(body, fc.string({ minLength: 1, maxLength: 60 }), async (sentBody, id) => {
        expect((await call('POST', '/v3/logs', {}, sentBody)).status).toBeLessThan(500);
        for (const path of ['/v3/messages/', '/v3/logs/', '/v3/messages/download/'])
          expect((await call('GET', `${path}${encodeURIComponent(id)}`)).status).toBeLessThan(500);
      }),
      { numRuns: 1_000 },
    );
  }, 120_000);
});

const OAI = new URL('../../../../shared/oai/', import.meta.url);

describe.skipIf(!existsSync(OAI))('SendGrid’s OpenAPI documents', () => {
  const documents = Object.fromEntries(
    ['email_activity', 'logs'].flatMap((name) => {
      const file = new URL(`tsg_${name}_v3.json`, OAI);
      return existsSync(file) ? [[name, JSON.parse(readFileSync(file, 'utf8'))]] : [];
    }),
  );
  /** An event of Email Activity must have the fields of every kind of event at once, by its document: only its own are asked for here. */
  const fields = (name: string) => {
    const document = structuredClone(documents[name]);
    if (name === 'email_activity')
      document.paths['/v3/messages/{msg_id}'].get.responses['200'].content[
        'application/json'
      ].schema.properties.events.items.required = ['event_name', 'processed'];
    return document;
  };
  const errorsOf = (name: string, path: string, method: string, status: number, body: unknown) => {
    const ajv = new Ajv({ strict: false, allErrors: true });
    (formats as unknown as (ajv: Ajv) => void)(ajv);
    ajv.addFormat('^\\d+$', true).addFormat('string', true);
    ajv.addSchema(fields(name), 'oai');
    const pointer = ['paths', path, method, 'responses', String(status), 'content', 'application/json', 'schema'];
    const escaped = pointer.map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')));
    const validate = ajv.compile({ $ref: `oai#/${escaped.join('/')}` });
    return validate(body) ? [] : validate.errors;
  };

  it('every operation has its route', () => {
    const known = ACTIVITY_ROUTES.map(({ method, path }) => `${method} ${path}`);
    const asked = Object.values(documents).flatMap(({ paths }) =>
      Object.entries(paths as Record<string, object>).flatMap(([path, operations]) =>
        Object.keys(operations)
          .filter((one) => one === 'get' || one === 'post')
          .map((method) => `${method.toUpperCase()} ${path}`),
      ),
    );
    expect(asked).toHaveLength(6);
    expect(known).toEqual(expect.arrayContaining(asked));
  });

  it('lists, files and refusals', async () => {
    for (const [query, status] of [
      [undefined, 200],
      ['status = "not_delivered"', 200],
      ['bad = 1', 400],
    ] as const) {
      const answer = await call('GET', '/v3/messages', query === undefined ? {} : { query });
      expect([answer.status, errorsOf('email_activity', '/v3/messages', 'get', status, answer.json)]).toEqual([
        status,
        [],
      ]);
    }
    const made = await call('POST', '/v3/messages/download');
    expect(errorsOf('email_activity', '/v3/messages/download', 'post', 202, made.json)).toEqual([]);
    const link = await call('GET', `/v3/messages/download/${made.json.download_uuid}`);
    expect(errorsOf('email_activity', '/v3/messages/download/{download_uuid}', 'get', 200, link.json)).toEqual([]);
    const logs = await call('POST', '/v3/logs', {}, { limit: 1_000 });
    expect(errorsOf('logs', '/v3/logs', 'post', 200, logs.json)).toEqual([]);
    const refused = await call('POST', '/v3/logs', {}, { query: 'x' });
    expect(errorsOf('logs', '/v3/logs', 'post', 400, refused.json)).toEqual([]);
  });

  it('each message, whatever became of it', async () => {
    const byFate = new Map(
      single()
        .filter(({ about }) => about!.asmGroupId !== undefined || about!.categories)
        .map((one) => [one.fate, one]),
    );
    for (const { id, about } of [...byFate.values(), ...single().slice(0, 8)]) {
      const log = await call('GET', `/v3/logs/${id}`);
      expect([log.status, errorsOf('logs', '/v3/logs/{sg_message_id}', 'get', 200, log.json)]).toEqual([200, []]);
      // The document knows no message without a group.
      if (about!.asmGroupId === undefined) continue;
      const { json } = await call('GET', `/v3/messages/${id}`);
      expect(errorsOf('email_activity', '/v3/messages/{msg_id}', 'get', 200, json)).toEqual([]);
    }
  });
});
