/** Events field by field, as ../shared/reference/sendgrid.md §3 has them. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { historyOf } from '../../../core/activity/show.ts';
import { sampleIndex } from '../../../core/copies.ts';
import { type About, aboutCopy } from '../../../core/event/about.ts';
import { ENGAGEMENTS, type EngagementRecord, engagementKey } from '../../../core/event/engagement.ts';
import { toEvents } from '../../../core/event/event.ts';
import { type Change, readNews } from '../../../core/event/item.ts';
import { makeRequestId } from '../../../core/ids.ts';
import type { Content } from '../../../core/mail.ts';
import { recipientKey } from '../../../core/records/message-key.ts';
import { attemptKey, copyKey, lateKey } from '../../../core/records/messages.ts';

const ACCEPTED = Date.UTC(2026, 10, 23, 12, 0, 0, 700);
const ID = makeRequestId(ACCEPTED, Buffer.alloc(10, 7));
const AT = ACCEPTED + 5_000;
const SECONDS = Math.floor(AT / 1_000);
const ABOUT: About = {
  smtpId: `<${ID}.0@example.com>`,
  from: 'shop@example.com',
  pool: 'default',
  ip: '198.51.100.7',
  categories: ['orders', 'eu'],
  customArgs: { order: '17', event: 'mine', ip: '::1' },
  asmGroupId: 5,
};
const session = { site: 'mx.example.net', mx: 'mx.example.net [203.0.113.9]', tls: 'TLSv1.3 AES', lane: 'default-1' };
const outcome = (more: object) => ({
  ...copyKey('operator', ID, 2),
  event: 'delivered',
  recipient: recipientKey('operator', 'reader@example.net'),
  at: AT,
  attempt: 0,
  reply: '250 2.0.0 OK',
  status: '2.0.0',
  ...session,
  about: ABOUT,
  expiresAt: 1,
  ...more,
});
const events = (item: object, change: Change = 'INSERT', about?: About) =>
  toEvents(readNews(item as Record<string, unknown>, change)!, change, ...(about ? [about] : []));
const decoded = (id: string) => Buffer.from(id, 'base64url').toString();
const common = {
  email: 'reader@example.net',
  order: '17',
  category: ['orders', 'eu'],
  asm_group_id: 5,
  'smtp-id': ABOUT.smtpId,
  sg_message_id: `${ID}.recvd-pennypost-1.2`,
};

describe('delivery events', () => {
  test('the first news of a copy: processed, with the time of acceptance, then delivered', () => {
    // Act
    const [processed, delivered, ...more] = events(outcome({}));

    // Assess
    expect(more).toEqual([]);
    expect(processed).toEqual({
      ...common,
      // An argument of the name of a field that this event does not have stays.
      ip: '::1',
      event: 'processed',
      timestamp: Math.floor(ACCEPTED / 1_000),
      sg_event_id: expect.any(String),
      send_at: 0,
      pool: { name: 'default', id: expect.stringMatching(/^\d+$/) },
    });
    expect(delivered).toEqual({
      ...common,
      ip: '198.51.100.7',
      event: 'delivered',
      timestamp: SECONDS,
      sg_event_id: expect.any(String),
      response: '250 2.0.0 OK',
      tls: 1,
    });
    expect(decoded(processed!.sg_event_id)).toBe(`processed-operator-${ID}-2`);
    expect(decoded(delivered!.sg_event_id)).toBe(`delivered-0-operator-${ID}-2`);
  });

  test('scheduled mail is processed at its time, and says so', () => {
    const sendAt = Math.floor(ACCEPTED / 1_000) + 3_600;
    expect(events(outcome({ about: { ...ABOUT, sendAt } }))[0]).toMatchObject({ timestamp: sendAt, send_at: sendAt });
  });

  test('deferred: response, attempt as text, domain, from; without a connection no ip and no tls', () => {
    const { about, reply, ...rest } = outcome({
      reply: '451 4.7.1 later',
      about: { ...ABOUT, customArgs: { order: '17' } },
    });
    const attempt = (number: number, more: object = {}) => ({
      ...rest,
      ...attemptKey('operator', ID, 2, 'deferred', number),
      reply,
      about,
      event: 'deferred',
      attempt: number,
      address: 'Reader@Example.NET',
      due: AT + 300_000,
      ...more,
    });

    const first = events(attempt(0, { certError: 'expired' }));
    const [second, ...none] = events(attempt(1, { mx: undefined, tls: undefined }));

    expect(first.map(({ event }) => event)).toEqual(['processed', 'deferred']);
    expect(first[1]).toEqual({
      ...common,
      email: 'Reader@Example.NET',
      event: 'deferred',
      timestamp: SECONDS,
      sg_event_id: first[1]!.sg_event_id,
      response: '451 4.7.1 later',
      attempt: '0',
      domain: 'example.net',
      from: 'shop@example.com',
      ip: '198.51.100.7',
      tls: 1,
      cert_err: '1',
    });
    expect(none).toEqual([]);
    expect(second).toMatchObject({ attempt: '1' });
    expect(second).not.toHaveProperty('ip');
    expect(second).not.toHaveProperty('tls');
    expect(decoded(second!.sg_event_id)).toBe(`deferred-1-operator-${ID}-2`);
  });

  test('bounce and block: reason, status, type, classification', () => {
    const told = { event: 'bounced', attempt: 3, reply: '550 5.1.1 no such user', status: '5.1.1' };
    expect(events(outcome({ ...told, type: 'bounce', classification: 'Invalid Address' }))).toEqual([
      {
        ...common,
        ip: '198.51.100.7',
        tls: 1,
        event: 'bounce',
        timestamp: SECONDS,
        sg_event_id: expect.any(String),
        reason: '550 5.1.1 no such user',
        status: '5.1.1',
        type: 'bounce',
        bounce_classification: 'Invalid Address',
      },
    ]);
    expect(events(outcome({ ...told, type: 'blocked' }))[0]).toMatchObject({
      type: 'blocked',
      bounce_classification: 'Unclassified',
    });
  });

  test('a copy that may have arrived ends as a block that says so', () => {
    expect(
      events(outcome({ event: 'unknown', attempt: 2, status: undefined, reply: 'dot: ECONNRESET' })),
    ).toMatchObject([{ event: 'bounce', type: 'blocked', reason: 'unknown, it may have arrived: dot: ECONNRESET' }]);
  });

  test('dropped stands beside processed, not behind it', () => {
    expect(events(outcome({ event: 'dropped', reply: 'Bounced Address', status: undefined, mx: undefined }))).toEqual([
      {
        ...common,
        ip: '::1',
        event: 'dropped',
        timestamp: SECONDS,
        sg_event_id: expect.any(String),
        reason: 'Bounced Address',
        status: '5.0.0',
        pool: { name: 'default', id: expect.any(String) },
      },
    ]);
  });

  test('by SES: processed when SES has it, delivered when SES says so, and no second processed', () => {
    const relayed = outcome({ event: 'relayed', relayId: 'x', reply: '250 x' });
    const kinds = [
      events(relayed),
      events({
        ...relayed,
        ...attemptKey('operator', ID, 2, 'deferred', 0),
        event: 'deferred',
        address: 'reader@example.net',
      }),
      events(outcome({ relayId: 'x' }), 'MODIFY'),
    ].map((told) => told.map(({ event }) => event));
    expect(kinds).toEqual([['processed'], ['deferred'], ['delivered']]);
  });

  test('a bounce that came later has the same ids and custom arguments, and an event id of its own', () => {
    const [, delivered] = events(outcome({}));
    const {
      attempt: _,
      recipient: __,
      ...rest
    } = outcome({ event: 'bounced', type: 'bounce', reply: '550 gone', status: '5.1.1' });
    const [late, ...none] = events({
      ...rest,
      ...lateKey('operator', ID, 2, 'bounced'),
      address: 'reader@example.net',
    });
    expect(none).toEqual([]);
    expect(late).toMatchObject({ ...common, event: 'bounce', reason: '550 gone' });
    expect(late!.sg_event_id).not.toBe(delivered!.sg_event_id);
  });

  test('a complaint is a spam report; an opt-out is not', () => {
    const late = {
      ...lateKey('operator', ID, 2, 'complained'),
      event: 'complained',
      address: 'reader@example.net',
      at: AT,
    };
    expect(events({ ...late, about: ABOUT })[0]).toMatchObject({ ...common, event: 'spamreport', timestamp: SECONDS });
    expect(events({ ...late, optOut: true })[0]).toMatchObject({ event: 'unsubscribe' });
  });
});

describe('engagement events', () => {
  const engaged = (event: EngagementRecord['event'], more: Partial<EngagementRecord>): EngagementRecord => ({
    ...engagementKey('operator', ID, 2, event, 'abc'),
    event,
    address: 'reader@example.net',
    at: AT,
    ip: '192.0.2.1',
    userAgent: 'Mozilla/5.0',
    expiresAt: 1,
    ...more,
  });

  test('open, click, group unsubscribe: their fields, and what their copy has', () => {
    const [open] = events(engaged('open', { machine: true, contentType: 'html' }), 'INSERT', ABOUT);
    const [click] = events(
      engaged('click', { url: 'https://example.com/', urlOffset: { index: 1, type: 'html' } }),
      'INSERT',
      ABOUT,
    );
    const [left] = events(engaged('group_unsubscribe', { asmGroupId: 9 }), 'INSERT', ABOUT);
    const { 'smtp-id': _, ...shared } = common;
    const base = {
      ...shared,
      ip: '192.0.2.1',
      useragent: 'Mozilla/5.0',
      timestamp: SECONDS,
      sg_event_id: expect.any(String),
    };
    expect(open).toEqual({ ...base, event: 'open', sg_machine_open: true, sg_content_type: 'html' });
    expect(click).toEqual({
      ...base,
      event: 'click',
      url: 'https://example.com/',
      url_offset: { index: 1, type: 'html' },
      sg_machine_click: false,
    });
    expect(left).toEqual({ ...base, event: 'group_unsubscribe', asm_group_id: 9 });
  });
});

describe('ids', () => {
  test('are at most 100 characters, the same each time, and differ by event, attempt, copy and account', () => {
    const seen = new Map<string, string>();
    fc.assert(
      fc.property(
        fc.constantFrom('operator', 'abcdefgh'),
        fc.nat(2_000),
        fc.nat(60),
        fc.constantFrom('delivered', 'bounced', 'dropped', 'unknown'),
        (account, index, attempt, event) => {
          const item = {
            ...outcome({ event, attempt }),
            ...copyKey(account, ID, index),
            recipient: recipientKey(account, 'a@b.c'),
          };
          const told = events(item);
          expect(events(structuredClone(item))).toEqual(told);
          for (const one of told) {
            expect(one.sg_event_id.length).toBeLessThanOrEqual(100);
            // The end of a copy is one: whether it bounced or is unknown has one id.
            const what = one.event === 'processed' || one.event === 'dropped' ? one.event : `${one.event}${attempt}`;
            const name = `${account} ${index} ${what}`;
            expect(seen.get(one.sg_event_id) ?? name).toBe(name);
            seen.set(one.sg_event_id, name);
          }
        },
      ),
    );
  });
});

test('only copies are news: requests, claims, keys and what is counted are none', () => {
  const pk = `operator#${ID}`;
  for (const item of [
    { pk, sk: 'request', copies: 3 },
    { pk, sk: `claim#${ID}.0.0`, until: 1 },
    { pk: 'operator#idempotency#00', sk: 'idempotency' },
    { pk: 'operator#inbound#x', sk: 'received' },
    { pk, sk: '0000#nothing#x', event: 'nothing' },
    {},
  ])
    expect(readNews(item, 'INSERT')).toBeUndefined();
  // Written twice, told once.
  expect(readNews({ ...outcome({}), ...attemptKey('operator', ID, 2, 'deferred', 0) }, 'MODIFY')).toBeUndefined();
});

/** A subuser must not learn whom its parent watches it by: also not when the copy's outcome, and all that it said, is gone. */
test('of a sample nobody hears anything, whatever becomes of it and whoever tells', () => {
  const index = sampleIndex(0);
  const key = copyKey('operator', ID, index);
  const own = [
    outcome(key),
    outcome({ ...key, about: undefined }),
    outcome({ ...key, event: 'dropped' }),
    { ...outcome(attemptKey('operator', ID, index, 'deferred', 0)), event: 'deferred', address: 'parent@example.com' },
    { ...outcome(lateKey('operator', ID, index, 'bounced')), event: 'bounced', address: 'parent@example.com' },
    ...ENGAGEMENTS.map((event) => ({ ...outcome(engagementKey('operator', ID, index, event, 'x')), event })),
  ];
  for (const item of own) expect(readNews(item, 'INSERT')).toBeUndefined();
  expect(historyOf(own, index)).toBeUndefined();
});

test('what is written beside an outcome: only what the sender gave', () => {
  const content: Content = {
    from: { email: 'shop@example.com' },
    replyTo: [],
    parts: [],
    attachments: [],
    headers: { 'message-id': 'x <mine@example.com>' },
    sections: {},
    categories: [],
    customArgs: {},
  };
  const place = { pool: 'default' };
  const own = { index: 4, to: [], cc: [], customArgs: { a: 'own' } };
  const plain = aboutCopy({ requestId: ID }, { personalization: 4 }, { ...content, headers: {} }, undefined, place);
  expect(plain).toEqual({ smtpId: `<${ID}.4@example.com>`, from: 'shop@example.com', pool: 'default' });
  expect(JSON.stringify(plain).length).toBeLessThan(150);
  expect(
    aboutCopy({ requestId: ID }, { personalization: 4 }, { ...content, customArgs: { a: '1', b: '2' } }, own, place),
  ).toEqual({
    smtpId: '<mine@example.com>',
    from: 'shop@example.com',
    pool: 'default',
    customArgs: { a: 'own', b: '2' },
  });
});
