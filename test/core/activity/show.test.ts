/** One message, and why it is where it is. */
import { describe, expect, test } from 'vitest';
import { lastEventTime } from '../../../core/activity/message.ts';
import { historyOf, readMessageId, showMessage } from '../../../core/activity/show.ts';
import { explainMessage } from '../../../core/activity/why.ts';
import { engagementKey } from '../../../core/event/engagement.ts';
import { makeRequestId, sgMessageId } from '../../../core/ids.ts';
import { recipientKey } from '../../../core/records/message-key.ts';
import { attemptKey, copyKey, lateKey, requestKey } from '../../../core/records/messages.ts';

const START = Date.UTC(2026, 10, 25, 12);
const ID = makeRequestId(START, Buffer.alloc(10, 3));
const about = {
  smtpId: '<x>',
  from: 'shop@example.com',
  pool: 'p',
  ip: '198.51.100.1',
  categories: ['a'],
  customArgs: { k: 'v' },
};
const base = { site: 's', lane: 'l1', mx: 'mx.example.net [203.0.113.1]', tls: 'TLSv1.3 X', about, expiresAt: 1 };
const request = {
  ...requestKey('operator', ID),
  acceptedAt: START,
  copies: 2,
  keyId: 'SG.key',
  from: 'shop@example.com',
  subject: 'Hi',
  expiresAt: 1,
};
const deferred = {
  ...attemptKey('operator', ID, 1, 'deferred', 0),
  ...base,
  event: 'deferred',
  attempt: 0,
  address: 'b@example.net',
  at: START + 1_000,
  due: START + 301_000,
  reply: '451 4.7.1 slow down',
  classification: 'Frequency or Volume Too High',
  rule: 'google-rate',
};
const delivered = {
  ...copyKey('operator', ID, 1),
  ...base,
  event: 'delivered',
  attempt: 1,
  recipient: recipientKey('operator', 'b@example.net'),
  at: START + 302_000,
  reply: '250 ok',
};
const open = {
  ...engagementKey('operator', ID, 1, 'open', 'x'),
  event: 'open',
  address: 'b@example.net',
  at: START + 400_000,
  userAgent: 'UA',
  expiresAt: 1,
};

test('ids: those of events, and what mail/send answered', () => {
  expect(readMessageId(sgMessageId(ID, 7))).toEqual({ requestId: ID, index: 7 });
  expect(readMessageId(sgMessageId(ID, 10_012))).toEqual({ requestId: ID, index: 10_012 });
  expect(readMessageId(ID)).toEqual({ requestId: ID, index: 0 });
  for (const wrong of ['', 'x', `${ID}.recvd.x`, `${ID}/..`, `${ID}#request`])
    expect(readMessageId(wrong)).toBeUndefined();
});

const eventsOf = (history: NonNullable<ReturnType<typeof historyOf>>) =>
  showMessage(ID, 1, history).events.map(({ event_name }) => event_name);

describe('a message', () => {
  test('what was heard later comes behind what the server said, though a clock says otherwise', () => {
    const complained = {
      ...lateKey('operator', ID, 1, 'complained'),
      ...base,
      event: 'complained',
      address: 'b@example.net',
      at: delivered.at - 5,
      reply: 'feedback report: abuse',
    };
    const opened = { ...open, at: delivered.at - 3 };
    const history = historyOf([complained, opened, request, delivered, deferred], 1)!;
    expect(eventsOf(history)).toEqual(['processed', 'deferred', 'delivered', 'spam_report', 'opened']);
    expect(lastEventTime({ requestId: ID, index: 1, history })).toBe(delivered.at);
  });

  test('with everything that happened to it, in order, and nothing of other copies', () => {
    const items = [open, request, delivered, deferred, { ...delivered, ...copyKey('operator', ID, 0) }];
    const history = historyOf(items, 1)!;
    expect(showMessage(ID, 1, history)).toMatchObject({
      from_email: 'shop@example.com',
      to_email: 'b@example.net',
      subject: 'Hi',
      status: 'delivered',
      api_key_id: 'SG.key',
      categories: ['a'],
      unique_args: '{"k":"v"}',
      outbound_ip: '198.51.100.1',
      events: [
        { event_name: 'processed', processed: '2026-11-25T12:00:00Z' },
        { event_name: 'deferred', reason: '451 4.7.1 slow down', attempt_num: 1, mx_server: base.mx },
        { event_name: 'delivered', reason: '250 ok' },
        { event_name: 'opened', http_user_agent: 'UA' },
      ],
    });
  });

  test('that is not there is not there', () => {
    expect(historyOf([], 0)).toBeUndefined();
    expect(historyOf([request], 2)).toBeUndefined();
    expect(showMessage(ID, 0, historyOf([request], 0)!)).toMatchObject({ status: 'processed', events: [] });
  });
});

describe('why', () => {
  test('has what was said, line by line, where that is on record', () => {
    const transcript = 'S: 220 hello\nC: EHLO me';
    const history = historyOf([request, { ...deferred, transcript }, delivered], 1)!;
    const { attempts } = explainMessage(ID, 1, history, START);
    expect(attempts.map((one) => 'transcript' in one && one.transcript)).toEqual([
      ['S: 220 hello', 'C: EHLO me'],
      false,
    ]);
  });

  const why = (...items: object[]) =>
    explainMessage(ID, 1, historyOf([request, ...items] as Record<string, unknown>[], 1)!, START + 2_000);

  test('waits: for the next attempt, and who holds it', () => {
    expect(why(deferred)).toMatchObject({
      status: 'processed',
      who: 'us',
      next_attempt: '2026-11-25T12:05:01Z',
      held_by: 'the schedule of retries',
      attempts: [
        { attempt: 0, result: 'deferred', reply: '451 4.7.1 slow down', rule: 'google-rate', server: base.mx },
      ],
    });
    expect(why()).toMatchObject({ cause: 'It is accepted, and no attempt was made yet.', attempts: [] });
  });

  test('ended: what it means, and who can put it right', () => {
    const end = (more: object) => why({ ...delivered, ...more });
    expect(end({})).toMatchObject({ status: 'delivered', who: 'nobody' });
    expect(end({ event: 'bounced', type: 'bounce', classification: 'Invalid Address' })).toMatchObject({
      status: 'not_delivered',
      who: 'sender',
    });
    expect(end({ event: 'bounced', type: 'blocked', classification: 'Reputation' })).toMatchObject({
      who: 'ip owner',
      do: expect.stringContaining('doctor'),
    });
    expect(end({ event: 'dropped', reply: 'Bounced Address' })).toMatchObject({
      cause: expect.stringContaining('list of bounces'),
    });
    expect(end({ event: 'unknown' })).toMatchObject({ cause: expect.stringContaining('may have arrived') });
  });

  const heard = (event: 'bounced' | 'complained', more: object) =>
    why(delivered, {
      ...lateKey('operator', ID, 1, event),
      ...base,
      event,
      address: 'b@example.net',
      at: START + 9e6,
      reply: '550 gone',
      ...more,
    });

  test('what came later is the last word: it came back, or the reader called it spam', () => {
    expect(heard('bounced', { type: 'bounce', classification: 'Invalid Address' })).toMatchObject({
      status: 'not_delivered',
      cause: expect.stringMatching(/sent it back later: The address does not exist/),
      who: 'sender',
      do: expect.stringContaining('list of bounces'),
      later: [{ result: 'bounced', reply: '550 gone' }],
    });
    expect(heard('bounced', {})).toMatchObject({ cause: expect.stringContaining('550 gone') });
    expect(heard('complained', {})).toMatchObject({ status: 'delivered', cause: expect.stringContaining('spam') });
    expect(heard('complained', { optOut: true })).toMatchObject({ do: expect.stringContaining('unsubscribes') });
  });

  test('each drop has advice of its own, and only one of a list speaks of a list', () => {
    const drop = (reply: string) => why({ ...delivered, event: 'dropped', reply });
    const replies = {
      'Bounced Address': /list of bounces/,
      'Spam Reporting Address': /list of spam reports/,
      Invalid: /typo/,
      'Unsubscribed Address': /only if he asks/,
      'Invalid SMTPAPI header': /header/,
      'Cancelled: its batch was cancelled before it was due': /as was asked for/,
      'Cancelled: its batch was paused for 72 hours after it was due': /still wanted/,
      'Bulk of this account was paused for 96 hours': /resume it/,
      "Erased: its reader's data were erased before it was sent": /nothing of him is kept/,
      '5.7.20 example.com is not a domain of this account any more': /domains add/,
      '5.6.0 its template cannot be rendered: x': /names the place/,
      '5.3.4 the message is too long once its substitutions are made': /Shorten/,
      'anything else': /^Nothing was sent\. Send it again/,
    };
    for (const [reply, advice] of Object.entries(replies))
      expect(drop(reply), reply).toMatchObject({ status: 'not_delivered', do: expect.stringMatching(advice) });
    for (const reply of Object.keys(replies).slice(4)) expect(drop(reply).do, reply).not.toMatch(/\blists?\b/);
  });

  test('between two tries of which one broke off after the dot: it may have arrived', () => {
    expect(why({ ...deferred, event: 'doubted' })).toMatchObject({
      status: 'processed',
      cause: expect.stringContaining('may have arrived'),
      next_attempt: '2026-11-25T12:05:01Z',
    });
  });
});
