/** Yahoo and AOL (senders.yahooinc.com/smtp-error-codes), and Yahoo Japan, which is another company with some of the same codes. */
import type { Rule } from '../rule.ts';
import { LISTED, NAMED, pause, RECONNECT } from './acts.ts';

const RATE = 'Frequency or Volume Too High';

export const YAHOO: readonly Rule[] = [
  {
    name: 'yahoo-refused-for-good',
    match: /\[TSS(?:09|11)\]|will be permanently deferred/i,
    sample:
      '553 5.7.2 [TSS09] All messages from 192.0.2.1 will be permanently deferred; Retrying will NOT succeed. See https://postmaster.yahooinc.com/error-codes',
    event: 'deferred',
    classification: 'Reputation',
    act: { do: 'pause', minutes: 1_440, operator: true },
  },
  {
    name: 'yahoo-listed',
    match: /\[(?:BL2[123]|TSS07)\]/i,
    sample:
      "553 5.7.1 [BL21] Connections will not be accepted from 192.0.2.1, because the ip is in Spamhaus's list; see http://postmaster.yahoo.com/550-bl23.html",
    event: 'deferred',
    classification: 'Reputation',
    act: LISTED,
  },
  {
    name: 'yahoo-complaints-4h',
    match: /\[(?:TSS05|IPTS05)\]/i,
    sample:
      '421 4.7.0 [TSS05] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints - 4.16.55.1; see https://postmaster.yahooinc.com/error-codes',
    event: 'deferred',
    classification: 'Reputation',
    act: pause(240),
  },
  {
    name: 'yahoo-complaints-2h',
    match:
      /\[(?:TSS04|TS04|TSS0[1236]|IPTS04)\]|^4\d\d (?!.{0,8}\[TS0).{0,80}temporarily deferred due to (?:unexpected volume|user complaints)/i,
    sample:
      '421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints - 4.16.55.1; see https://postmaster.yahooinc.com/error-codes',
    event: 'deferred',
    classification: 'Reputation',
    act: pause(120),
  },
  {
    name: 'yahoo-rate-ts03',
    match: /\[TS03\]/i,
    sample:
      '421 4.7.1 [TS03] Messages from 192.0.2.1 temporarily deferred; see http://postmaster.yahoo.com/421-ts03.html',
    event: 'deferred',
    classification: RATE,
    act: { do: 'limit', perMinute: 10, minutes: 30 },
  },
  {
    name: 'yahoo-rate-ts02',
    match: /\[TS0[12]\]/i,
    sample:
      '421 4.7.0 [TS02] Messages from 192.0.2.1 temporarily deferred due to user complaints - 4.16.56.1; see http://postmaster.yahoo.com/errors/421-ts02.html',
    event: 'deferred',
    classification: RATE,
    act: { do: 'limit', perMinute: 1, minutes: 30 },
  },
  {
    name: 'yahoo-connection-spent',
    match: /max message per connection reached/i,
    sample: '421 Max message per connection reached, closing transmission channel',
    event: 'deferred',
    classification: RATE,
    act: RECONNECT,
  },
  {
    name: 'aol-dynamic-block',
    match: /\bRLY:(?:B\w|CH|SN|NW)/,
    sample:
      '554 RLY:B1 http://postmaster.info.aol.com/errors/554rlyb1.html Your IP address has been blocked due to a spike in unfavorable e-mail statistics.',
    event: 'deferred',
    classification: 'Reputation',
    act: LISTED,
  },
  {
    name: 'aol-rate',
    match: /\b(?:DYN:T\d|CON:B\d)/,
    sample: '421 DYN:T1 http://postmaster.info.aol.com/errors/421dynt1.html',
    event: 'deferred',
    classification: RATE,
    act: pause(30),
  },
  {
    name: 'aol-content',
    match: /\bHVU:B\d?/,
    sample: '554 HVU:B1 http://postmaster.info.aol.com/errors/554hvub1.html',
    classification: 'Content',
  },
  {
    name: 'yahoo-unauthenticated',
    match: /requires all senders to authenticate/i,
    sample:
      '550 5.7.9 This mail has been blocked because the sender is unauthenticated. Yahoo requires all senders to authenticate with either SPF or DKIM. See https://senders.yahooinc.com/smtp-error-codes#authentication-failures',
    classification: 'Reputation',
  },
  {
    name: 'yahoo-policy',
    match: /not accepted for policy reasons|\[PH\d\d\]/i,
    sample: '554 5.7.9 Message not accepted for policy reasons. See https://postmaster.yahooinc.com/error-codes',
    classification: 'Content',
  },
  {
    name: 'yahoo-no-account',
    match: /this user doesn'?t have a \S{1,80} account|mailbox not found/i,
    stages: NAMED,
    sample:
      "554 delivery error: dd This user doesn't have a yahoo.com account (x@yahoo.com) - mta4209.mail.bf1.yahoo.com",
    type: 'bounce',
    classification: 'Invalid Address',
  },
  {
    name: 'yahoo-disabled',
    match: /this mailbox is disabled|\(554\.30\)|\bdd .{0,120}is no longer valid/i,
    stages: NAMED,
    sample: '554 30 Sorry, your message to x@aol.com cannot be delivered. This mailbox is disabled (554.30).',
    type: 'bounce',
    classification: 'Mailbox Unavailable',
  },
  {
    name: 'yahoo-reader-rate',
    match: /user is receiving mail too quickly/i,
    stages: NAMED,
    sample: '450 User is receiving mail too quickly',
    classification: RATE,
  },
];

export const YAHOO_JAPAN: readonly Rule[] = [
  {
    name: 'yahoo-japan-deferred',
    match: /VS98-IP0|\[(?:TSS04|IPTS04)\]/i,
    sample: '421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to user complaints - 4.16.55.1',
    event: 'deferred',
    classification: 'Reputation',
    act: pause(60),
  },
  {
    name: 'yahoo-japan-timeout',
    match: /timeout waiting for command/i,
    sample: '421 Timeout waiting for command',
    event: 'deferred',
    classification: 'Technical Failure',
    act: pause(30),
  },
  {
    name: 'yahoo-japan-no-account',
    match: /this user doesn'?t have a \S{1,80} account/i,
    stages: NAMED,
    sample: "554 delivery error: dd This user doesn't have a yahoo.co.jp account (x@yahoo.co.jp) [0]",
    type: 'bounce',
    classification: 'Invalid Address',
  },
];
