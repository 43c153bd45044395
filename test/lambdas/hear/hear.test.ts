/** hear against a real messages table: what SES says, in whatever order and however often. */
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ownerOf } from '../../../core/records/message-key.ts';
import { copyKey, type OutcomeRecord } from '../../../core/records/messages.ts';
import { tagsOf } from '../../../core/ses.ts';
import { compileShaping } from '../../../core/shaping/compile.ts';
import { messagesIn } from '../../../io/messages.ts';
import { suppressionsIn } from '../../../io/suppressions.ts';
import { type HearDeps, hear } from '../../../lambdas/hear/hear.ts';
import { startDynamodb } from '../../io/dynamodb.ts';

const NOW = Date.UTC(2026, 10, 23, 12);
const AT = '2026-11-23T11:59:00.000Z';
const EXPIRES = NOW / 1_000 + 30 * 86_400;
const shaping = compileShaping();
let dynamodb: Awaited<ReturnType<typeof startDynamodb>>;
let messages: ReturnType<typeof messagesIn>;
let suppressions: ReturnType<typeof suppressionsIn>;
let reports: string[] = [];
let published: Record<string, unknown>[] = [];

beforeAll(async () => {
  dynamodb = await startDynamodb(['messages', 'suppressions']);
  messages = messagesIn('messages', dynamodb.client);
  suppressions = suppressionsIn('suppressions', dynamodb.client);
});
afterAll(() => dynamodb.stop());

const deps = (change: Partial<HearDeps> = {}): HearDeps => {
  reports = [];
  published = [];
  return {
    ...messages,
    ...suppressions,
    shaping,
    now: () => NOW,
    messagesDays: 30,
    report: (one) => void reports.push(one),
    publish: (lane, tallies) => void published.push({ lane, ...Object.fromEntries(tallies) }),
    ...change,
  };
};

test('of a copy whose reader was erased nothing is written, and nobody is listed', async () => {
  const id = newRequest();
  const { pk, sk } = copyKey('operator', id, 0);
  const erased = {
    pk,
    sk,
    erased: 'job',
    was: 'unknown',
    indexedRecipient: 'operator#erased#job',
    at: 1,
    expiresAt: 1,
  };
  await dynamodb.client.send(new PutCommand({ TableName: 'messages', Item: erased }));
  expect(await hear([bounce(id), delivery(id)], deps())).toEqual([]);
  expect(await messages.readTrace('operator', id)).toEqual([erased]);
  expect(await suppressions.readSuppression('operator', 'reader@example.net')).toBeUndefined();
});

let ids = 0;
const newRequest = () => String(ids++).padStart(22, 'R');
const relayedOf = (requestId: string): OutcomeRecord => ({
  ...copyKey('operator', requestId, 0),
  event: 'relayed',
  ...ownerOf('operator', requestId, 'reader@example.net'),
  at: NOW - 120_000,
  attempt: 0,
  reply: '250 ses-id',
  site: 'ses',
  lane: 'default',
  relayId: 'ses-id',
  expiresAt: 1,
});
const event = (requestId: string, eventType: string, part: object, more: { possibleDuplicate?: true } = {}) => {
  const tags = tagsOf({ account: 'operator', requestId, index: 0, attempt: 0, lane: 'default', ...more });
  const mail = {
    timestamp: AT,
    messageId: 'ses-id',
    destination: ['reader@example.net'],
    tags: Object.fromEntries(tags.map(({ Name, Value }) => [Name, [Value]])),
  };
  return { messageId: `${requestId}-${eventType}`, body: JSON.stringify({ eventType, mail, ...part }) };
};
const delivery = (id: string) => event(id, 'Delivery', { delivery: { timestamp: AT, smtpResponse: '250 2.0.0 ok' } });
const bounce = (id: string) =>
  event(id, 'Bounce', {
    bounce: {
      bounceType: 'Permanent',
      bounceSubType: 'General',
      timestamp: AT,
      bouncedRecipients: [{ diagnosticCode: 'smtp; 550 5.1.1 no such user' }],
    },
  });
const complaint = (id: string) =>
  event(id, 'Complaint', { complaint: { timestamp: AT, complaintFeedbackType: 'abuse' } });
const eventsOf = async (id: string) =>
  (await messages.readTrace('operator', id)).map(({ sk, event: what }) => `${sk} ${what}`);

test('a delivery makes a relayed copy delivered', async () => {
  const id = newRequest();
  await messages.recordOutcome(relayedOf(id));

  expect(await hear([delivery(id)], deps())).toEqual([]);

  expect(await messages.readTrace('operator', id)).toEqual([
    {
      ...relayedOf(id),
      event: 'delivered',
      at: NOW - 60_000,
      reply: '250 2.0.0 ok',
      status: '2.0.0',
      expiresAt: EXPIRES,
    },
  ]);
});

test('an event that overtakes the record of deliver stands', async () => {
  const id = newRequest();
  await hear([bounce(id)], deps());
  expect(await messages.recordOutcome(relayedOf(id))).toBe('already-final');
  const [record] = await messages.readTrace('operator', id);
  expect(record).toMatchObject({ event: 'bounced', type: 'bounce', status: '5.1.1', site: 'ses', lane: 'default' });
});

test('the same events again, in any order, change nothing', async () => {
  const id = newRequest();
  await hear([delivery(id)], deps());
  const before = await messages.readTrace('operator', id);
  await hear([delivery(id), delivery(id)], deps({ now: () => NOW + 5_000 }));
  expect(await messages.readTrace('operator', id)).toEqual(before);

  const other = newRequest();
  await hear([bounce(other)], deps());
  await hear([bounce(other), bounce(other)], deps());
  expect(await eventsOf(other)).toEqual(['0000 bounced']);
});

test('what comes after a delivery is an item of its own, and the delivery stands', async () => {
  const id = newRequest();
  await hear([delivery(id)], deps());
  await hear([bounce(id), complaint(id), complaint(id)], deps());
  expect(await eventsOf(id)).toEqual([
    '0000 delivered',
    '0000#late#bounced bounced',
    '0000#late#complained complained',
  ]);
});

test('a delay is an attempt: the copy stays relayed', async () => {
  const id = newRequest();
  await messages.recordOutcome(relayedOf(id));
  const deliveryDelay = { timestamp: AT, delayType: 'MailboxFull', expirationTime: '2026-11-24T02:00:00.000Z' };
  await hear([event(id, 'DeliveryDelay', { deliveryDelay })], deps());
  expect(await eventsOf(id)).toEqual(['0000 relayed', '0000#000#deferred deferred']);
});

test('a copy that may have arrived before keeps its mark', async () => {
  const id = newRequest();
  await hear([event(id, 'Delivery', { delivery: { timestamp: AT } }, { possibleDuplicate: true })], deps());
  expect((await messages.readTrace('operator', id))[0]).toMatchObject({ event: 'delivered', possibleDuplicate: true });
});

test('only what could not be written is handed back; what is nothing of ours is let go', async () => {
  const [good, bad] = [newRequest(), newRequest()];
  const recordHeard: HearDeps['recordHeard'] = async (record) => {
    if (record.pk.endsWith(bad)) throw new Error('throttled');
    return messages.recordHeard(record);
  };

  const handedBack = await hear(
    [delivery(bad), { messageId: 'alien', body: '{}' }, delivery(good)],
    deps({ recordHeard }),
  );

  expect(handedBack).toEqual([`${bad}-Delivery`]);
  expect(reports.map((one) => one.replace(/^event \S+ ?/, ''))).toEqual(
    expect.arrayContaining(
      ['is let go: not about a message of ours', 'throttled'].map((why) => expect.stringContaining(why)),
    ),
  );
  expect(await eventsOf(good)).toEqual(['0000 delivered']);
});

test('what was news is counted for SES once, lane by lane; what comes again or too late is not', async () => {
  const [one, two, three] = [newRequest(), newRequest(), newRequest()];
  const zero = { accepted: 0, delivered: 0, deferred: 0, bounced: 0, dropped: 0, unknown: 0, latencies: [] };

  await hear([delivery(one), bounce(two), complaint(three)], deps());
  expect(published).toEqual([{ lane: 'default', ses: { ...zero, delivered: 1, bounced: 1, complained: 1 } }]);

  await hear([delivery(one), bounce(one), bounce(two)], deps());
  expect(published).toEqual([]);
});

test('what could not be written is not counted', async () => {
  const recordHeard = () => Promise.reject(new Error('throttled'));

  expect(await hear([delivery(newRequest())], deps({ recordHeard }))).toHaveLength(1);

  expect(published).toEqual([]);
});

test('who bounced or complained is on its list before the word is written', async () => {
  // Prepare
  const failing = deps({ recordHeard: () => Promise.reject(new Error('no table')) });
  const one = bounce(newRequest());

  // Act
  const handedBack = await hear([one], failing);
  const second = await hear([one, complaint(newRequest())], deps());

  // Assess
  expect(handedBack).toEqual([one.messageId]);
  expect(second).toEqual([]);
  const created = Date.parse(AT) / 1_000;
  expect(await suppressions.readSuppression('operator', 'reader@example.net')).toMatchObject({
    bounces: {
      created,
      reason: expect.stringContaining('550 5.1.1'),
      status: '5.1.1',
      classification: 'Invalid Address',
    },
    spam_reports: { created },
  });
});
