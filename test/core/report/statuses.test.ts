/**
 * Delivery statuses as servers write them, and what contradicts itself: status and words, words and class. And mails that look like
 * reports, and are none.
 */
import { expect, it } from 'vitest';
import { readReport } from '../../../core/report/index.ts';

const wrap = (
  text: string,
  dsn: string,
  { enc = '', type = 'message/delivery-status', subject = 'Delivery Status Notification (Failure)' } = {},
) =>
  Buffer.from(
    `Return-Path: <>\nFrom: MAILER-DAEMON@mx.example\nTo: shop@sender.example\nSubject: ${subject}\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n--b\nContent-Type: text/plain\n\n${text}\n\n--b\nContent-Type: ${type}\n${enc ? `Content-Transfer-Encoding: ${enc}\n` : ''}\n${
      enc === 'base64'
        ? Buffer.from(dsn)
            .toString('base64')
            .replace(/(.{76})/g, '$1\n')
        : dsn
    }\n\n--b\nContent-Type: message/rfc822\n\nReceived: from a by b; x\nFrom: shop@sender.example\nTo: one@example.com\nSubject: Hello\nMessage-ID: <1@s>\n\nHi\n--b--\n`,
  );
const H = 'Reporting-MTA: dns; mx.example\n\n';
const cases: [string, Buffer, string][] = [
  [
    'no type',
    wrap('Failed.', `${H}Final-Recipient: one@example.com\nAction: failed\nStatus: 5.1.1`),
    'one@example.com|Invalid Address|bounced|bounce',
  ],
  [
    'LOCAL',
    wrap('Failed.', `${H}Final-Recipient: LOCAL;one@example.com\nAction: Failed\nStatus: 5.2.2 (mailbox full)`),
    'one@example.com|Mailbox Unavailable|bounced|blocked',
  ],
  [
    'brackets',
    wrap(
      'Failed.',
      H +
        'Original-Recipient: rfc822;<one@example.com>\nFinal-Recipient: rfc822;<fwd@example.org>\nAction: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 No such user',
    ),
    'fwd@example.org|Invalid Address|bounced|bounce',
  ],
  [
    'base64',
    wrap('Failed.', `${H}Final-Recipient: rfc822; one@example.com\nAction: failed\nStatus: 5.4.4`, { enc: 'base64' }),
    'one@example.com|Technical Failure|bounced|blocked',
  ],
  [
    'x400',
    wrap(
      'Failed.',
      H +
        'Original-Recipient: rfc822; one@example.com\nFinal-Recipient: x400; /G=One/S=User/O=ex/C=de/\nAction: failed\nStatus: 5.1.1',
    ),
    'one@example.com|Invalid Address|bounced|bounce',
  ],
  [
    'delayed',
    wrap(
      'Delayed.',
      `${H}Final-Recipient: rfc822; one@example.com\nAction: delayed\nStatus: 4.4.1\nWill-Retry-Until: x`,
    ),
    'one@example.com|Technical Failure|deferred|blocked',
  ],
  [
    'mixed',
    wrap(
      'x',
      H +
        'Final-Recipient: rfc822; one@example.com\nAction: delivered\nStatus: 2.1.5\n\nFinal-Recipient: rfc822; two@example.com\nAction: failed\nStatus: 5.7.1\nDiagnostic-Code: smtp;554 5.7.1 <two@example.com>: Relay access denied',
    ),
    'one@example.com|Unclassified|delivered|blocked,two@example.com|Technical Failure|bounced|blocked',
  ],
  [
    'status text only code',
    wrap('x', `${H}Final-Recipient: rfc822; one@example.com\nAction: failed\nStatus: 550\nDiagnostic-Code: smtp; 550`),
    'one@example.com|Unclassified|bounced|blocked',
  ],
  [
    'X-Postfix',
    wrap(
      'x',
      H +
        'Final-Recipient: rfc822; one@example.com\nAction: failed\nStatus: 5.4.4\nDiagnostic-Code: X-Postfix; Host or domain name not found. Name service error for name=example.com type=A: Host not found',
    ),
    'one@example.com|Technical Failure|bounced|blocked',
  ],
  [
    '5.1.1 over quota',
    wrap(
      'x',
      H +
        'Final-Recipient: rfc822; one@example.com\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 <one@example.com> user is over quota',
    ),
    'one@example.com|Mailbox Unavailable|bounced|blocked',
  ],
  [
    '5.1.1 with spam',
    wrap(
      'x',
      H +
        'Final-Recipient: rfc822; one@example.com\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 Message rejected as spam',
    ),
    'one@example.com|Content|bounced|blocked',
  ],
  [
    '5.1.1 blocked ip',
    wrap(
      'x',
      H +
        'Final-Recipient: rfc822; one@example.com\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 Your IP 192.0.2.1 is blocked by zen.spamhaus.org',
    ),
    'one@example.com|Reputation|bounced|blocked',
  ],
  [
    '5.7.1 unknown',
    wrap(
      'x',
      H +
        'Final-Recipient: rfc822; one@example.com\nAction: failed\nStatus: 5.7.1\nDiagnostic-Code: smtp; 550 5.7.1 <one@example.com>: Recipient address rejected: User unknown in local recipient table',
    ),
    'one@example.com|Invalid Address|bounced|bounce',
  ],
  [
    '5.0.0 words in text',
    wrap(
      'The mailbox of the recipient is full.',
      `${H}Final-Recipient: rfc822; one@example.com\nAction: failed\nStatus: 5.0.0`,
    ),
    'one@example.com|Mailbox Unavailable|bounced|blocked',
  ],
  [
    '4.x failed expired',
    wrap(
      'x',
      H +
        'Final-Recipient: rfc822; one@example.com\nAction: failed\nStatus: 4.4.7\nDiagnostic-Code: smtp; 451 4.7.1 Greylisted',
    ),
    'one@example.com|Technical Failure|bounced|blocked',
  ],
  [
    '4.4.7 with unknown user temp',
    wrap(
      'x',
      H +
        'Final-Recipient: rfc822; one@example.com\nAction: failed\nStatus: 4.4.7\nDiagnostic-Code: smtp; 450 4.1.1 <one@example.com>: Recipient address rejected: User unknown',
    ),
    'one@example.com|Invalid Address|bounced|blocked',
  ],
  [
    'exchange 365 5.1.10',
    wrap(
      'one@example.com wasn’t found at example.com.',
      H +
        'Final-Recipient: rfc822;one@example.com\nAction: failed\nStatus: 5.1.10\nDiagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient one@example.com not found by SMTP address lookup',
    ),
    'one@example.com|Invalid Address|bounced|bounce',
  ],
  [
    '5.4.1 eop',
    wrap(
      'x',
      H +
        'Final-Recipient: rfc822;one@example.com\nAction: failed\nStatus: 5.4.1\nDiagnostic-Code: smtp;550 5.4.1 Recipient address rejected: Access denied. AS(201806281) [X.prod.protection.outlook.com]\nRemote-MTA: dns; example-com.mail.protection.outlook.com',
    ),
    'one@example.com|Invalid Address|bounced|bounce',
  ],
  [
    'auto reply',
    Buffer.from(
      'Return-Path: <>\nFrom: One <one@example.com>\nTo: shop@sender.example\nSubject: Out of office: Hello\nAuto-Submitted: auto-replied\n\nI am away; your message could not be read until Monday. Contact two@example.com\n',
    ),
    'auto-reply',
  ],
  [
    'person',
    Buffer.from(
      'From: One <one@example.com>\nTo: shop@sender.example\nSubject: Re: Undelivered Mail Returned to Sender\n\nI got this bounce, what is it?\n> <two@example.com>: User unknown\n',
    ),
    'other',
  ],
  [
    'mailing list admin',
    Buffer.from(
      'Return-Path: <list-bounces@lists.example>\nFrom: list-bounces@lists.example\nTo: shop@sender.example\nSubject: Your message to List awaits moderator approval\n\nYour mail to List with the subject Hello is being held until the list moderator can review it for approval.\n',
    ),
    'other',
  ],
  [
    'password warning',
    Buffer.from(
      'From: postmaster@corp.example\nTo: shop@sender.example\nSubject: Warning: your password expires\n\nHello shop@sender.example, your account password will expire in 3 days. Contact help@corp.example.\n',
    ),
    'other',
  ],
  [
    'quota warning',
    Buffer.from(
      'From: Mail System Administrator <postmaster@sender.example>\nTo: shop@sender.example\nSubject: Your mailbox is almost full\n\nYour mailbox is over its size limit. You will not be able to send mail.\n',
    ),
    'other',
  ],
];

it.each(cases)('%s', (_name, raw, expected) => {
  const report = readReport(raw);
  const read =
    'recipients' in report
      ? report.recipients.map((one) => [one.address, one.classification, one.event, one.type].join('|')).join(',')
      : report.kind;
  expect(read).toBe(expected);
});
