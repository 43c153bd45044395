import fc from 'fast-check';
import { expect, test } from 'vitest';
import { tagsOf } from '../../core/ses.ts';
import { readSesEvent } from '../../core/ses-event.ts';
import { compileShaping } from '../../core/shaping/compile.ts';

const shaping = compileShaping();
const about = { account: 'operator', requestId: 'AZq2-_aaaaaaaaaaaaaaaa', index: 0, attempt: 0, lane: 'default-1' };
const AT = '2026-11-23T12:00:00.000Z';
const at = Date.UTC(2026, 10, 23, 12);
const mail = {
  timestamp: AT,
  messageId: '0100-ses',
  destination: ['Reader@Example.net'],
  tags: {
    'ses:configuration-set': ['x'],
    ...Object.fromEntries(tagsOf(about).map(({ Name, Value }) => [Name, [Value]])),
  },
};
const read = (event: object) => readSesEvent(JSON.stringify({ mail, ...event }), shaping);
const bounce = (bounceType: string, bounceSubType: string, recipient: object = {}) => ({
  eventType: 'Bounce',
  bounce: {
    bounceType,
    bounceSubType,
    timestamp: AT,
    reportingMTA: 'dns; a8-50.smtp-out.amazonses.com',
    bouncedRecipients: [{ emailAddress: 'reader@example.net', action: 'failed', ...recipient }],
  },
});

test('a delivery', () => {
  const delivery = { timestamp: AT, smtpResponse: '250 2.6.0 Message received', remoteMtaIp: '192.0.2.25' };
  expect(read({ eventType: 'Delivery', delivery })).toEqual({
    about,
    address: 'Reader@Example.net',
    relayId: '0100-ses',
    event: 'delivered',
    at,
    reply: '250 2.6.0 Message received',
    status: '2.6.0',
    mx: '[192.0.2.25]',
  });
});

test.each([
  [
    'what the server said of the address',
    bounce('Permanent', 'General', { status: '5.1.1', diagnosticCode: 'smtp; 550 5.1.1 no such user here' }),
    { type: 'bounce', status: '5.1.1', reply: '550 5.1.1 no such user here' },
  ],
  [
    'what the server said of us, whatever SES calls it',
    bounce('Permanent', 'General', {
      status: '5.7.1',
      diagnosticCode: 'smtp; 550 5.7.1 Message rejected as spam by Content Filtering.',
    }),
    { type: 'blocked', status: '5.7.1' },
  ],
  [
    'no word of the server',
    bounce('Permanent', 'NoEmail'),
    { type: 'bounce', reply: 'SES: Permanent bounce, NoEmail' },
  ],
  [
    "SES's own list",
    bounce('Permanent', 'Suppressed'),
    { type: 'blocked', reply: 'SES: Permanent bounce, Suppressed' },
  ],
  ["the account's list", bounce('Permanent', 'OnAccountSuppressionList'), { type: 'blocked' }],
  [
    'a mailbox that stayed full for 14 hours',
    bounce('Transient', 'MailboxFull', { status: '4.2.2', diagnosticCode: 'smtp; 452 4.2.2 mailbox full' }),
    { type: 'blocked', status: '4.2.2', reply: '452 4.2.2 mailbox full' },
  ],
  ['nobody knows why', bounce('Undetermined', 'Undetermined'), { type: 'blocked', status: '4.4.7' }],
  [
    'a virus',
    { eventType: 'Reject', reject: { reason: 'Bad content' } },
    { type: 'blocked', reply: 'SES refused it: Bad content' },
  ],
  [
    'a message that cannot be made',
    { eventType: 'Rendering Failure', failure: { errorMessage: 'no attribute' } },
    { type: 'blocked', reply: 'SES could not make it: no attribute' },
  ],
])('a bounce: %s', (_, event, told) => {
  expect(read(event)).toMatchObject({ about, event: 'bounced', at, ...told });
});

test('a complaint, and a delay', () => {
  const complaint = { timestamp: AT, complaintFeedbackType: 'abuse', complainedRecipients: [] };
  expect(read({ eventType: 'Complaint', complaint })).toMatchObject({
    event: 'complained',
    reply: 'complaint: abuse',
    at,
  });
  const deliveryDelay = {
    timestamp: AT,
    delayType: 'MailboxFull',
    expirationTime: '2026-11-24T02:00:00.000Z',
    delayedRecipients: [{ status: '4.2.2', diagnosticCode: 'smtp; 452 4.2.2 full' }],
  };
  expect(read({ eventType: 'DeliveryDelay', deliveryDelay })).toMatchObject({
    event: 'deferred',
    reply: '452 4.2.2 full',
    due: at + 14 * 3_600_000,
  });
});

test.each([
  [
    'the word that SES has the topic',
    'Successfully validated SNS topic for Amazon SES event publishing.',
    /tried the topic/,
  ],
  ['no JSON', '<html>', /not JSON/],
  ['a list', '[]', /not about a message of ours/],
  ['mail of somebody else', JSON.stringify({ eventType: 'Bounce', mail: { ...mail, tags: {} } }), /message of ours/],
  ['an event that we did not ask for', JSON.stringify({ eventType: 'Open', mail }), /not used: "Open"/],
])('%s is let go, with a reason', (_, body, why) => {
  expect(readSesEvent(body, shaping)).toMatch(why);
});

test('whatever an event holds, it is read or let go', () => {
  const eventType = fc.constantFrom('Delivery', 'Bounce', 'Complaint', 'DeliveryDelay', 'Reject', 'Rendering Failure');
  const anything = fc.oneof(
    fc.jsonValue(),
    fc.record({ timestamp: fc.jsonValue(), bouncedRecipients: fc.jsonValue() }),
  );
  fc.assert(
    fc.property(eventType, anything, (type, part) => {
      const parts = { delivery: part, bounce: part, complaint: part, deliveryDelay: part, reject: part, failure: part };
      const heard = read({ eventType: type, ...parts });
      expect(heard).toMatchObject({ about, at: expect.any(Number), reply: expect.any(String) });
      expect((heard as { reply: string }).reply).not.toMatch(/[\x00-\x1f\x7f]/);
    }),
  );
});
