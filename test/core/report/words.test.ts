/** The shapes in which servers write that send no delivery status: written after what each is known to write, with names of ours. */
import { describe, expect, it } from 'vitest';
import { readReport } from '../../../core/report/index.ts';

type Case = {
  server: string;
  from?: string;
  subject: string;
  fields?: string[];
  text: string;
  expected: [address: string, classification: string, type: 'bounce' | 'blocked' | 'delayed'][];
};

const RETURNED =
  'Received: from a.example by b.example; Thu, 1 Jan 2026 00:00:00 +0000\nFrom: shop@sender.example\nTo: other@elsewhere.example\nMessage-ID: <1@sender.example>\nSubject: Hello\n\nHello';

const CASES: Case[] = [
  {
    server: 'qmail, two recipients',
    subject: 'failure notice',
    text: `Hi. This is the qmail-send program at mx.example.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<one@example.com>:
192.0.2.1 does not like recipient.
Remote host said: 550 5.1.1 <one@example.com>: User unknown
Giving up on 192.0.2.1.

<two@example.net>:
Sorry, I couldn't find any host named example.net. (#5.1.2)

--- Below this line is a copy of the message.

${RETURNED}`,
    expected: [
      ['one@example.com', 'Invalid Address', 'bounce'],
      ['two@example.net', 'Technical Failure', 'blocked'],
    ],
  },
  {
    server: 'qmail, local delivery',
    subject: 'failure notice',
    text: `Hi. This is the qmail-send program at mx.example.

<one@example.com>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.

${RETURNED}`,
    expected: [['one@example.com', 'Invalid Address', 'bounce']],
  },
  {
    server: 'qmail, queue',
    subject: 'failure notice',
    text: `Hi. This is the qmail-send program at mx.example.

<one@example.com>:
Sorry, I wasn't able to establish an SMTP connection. (#4.4.1)
I'm not going to try again; this message has been in the queue too long.

--- Below this line is a copy of the message.
${RETURNED}`,
    expected: [['one@example.com', 'Technical Failure', 'blocked']],
  },
  {
    server: 'Exim',
    subject: 'Mail delivery failed: returning message to sender',
    text: `This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  one@example.com
    SMTP error from remote mail server after RCPT TO:<one@example.com>:
    host mx.example.com [192.0.2.1]: 550 5.1.1 <one@example.com>:
    Recipient address rejected: User unknown in virtual mailbox table
  two@example.com
    all relevant MX records point to non-existent hosts
  three@example.com
    retry timeout exceeded

------ This is a copy of the message, including all the headers. ------

Return-path: <shop@sender.example>
${RETURNED}`,
    expected: [
      ['one@example.com', 'Invalid Address', 'bounce'],
      ['two@example.com', 'Technical Failure', 'blocked'],
      ['three@example.com', 'Technical Failure', 'blocked'],
    ],
  },
  {
    server: 'Exim, delayed',
    subject: 'Warning: message 1abcDE-000001-2f delayed 24 hours',
    text: `This message was created automatically by mail delivery software.
A message that you sent has not yet been delivered to one or more of its
recipients after more than 24 hours on the queue on mx.example.

The address to which the message has not yet been delivered is:

  one@example.com

No action is required on your part. Delivery attempts will continue for
some time, and this warning may be repeated at intervals if the message
remains undelivered.`,
    expected: [['one@example.com', 'Technical Failure', 'delayed']],
  },
  {
    server: 'GMX',
    subject: 'Mail delivery failed: returning message to sender',
    text: `This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of
its recipients. This is a permanent error. The following address
failed:

"one@example.com":
SMTP error from remote server after RCPT command:
host: mx.example.com
5.1.1 <one@example.com>... User Unknown

--- The header of the original message is following. ---

${RETURNED}`,
    expected: [['one@example.com', 'Invalid Address', 'bounce']],
  },
  {
    server: 'MailMarshal',
    subject: 'Undeliverable Mail: "Hello"',
    text: `Your message:
   From:    shop@sender.example
   Subject: Hello

Could not be delivered because of

550 5.1.1 User unknown

The following recipients were affected:
    one@example.com`,
    expected: [['one@example.com', 'Invalid Address', 'bounce']],
  },
  {
    server: 'Lotus Notes',
    subject: 'DELIVERY FAILURE',
    text: `------- Failure Reasons  --------

User not listed in public Name & Address Book
one@notes.example.com

------- Returned Message --------

${RETURNED}`,
    expected: [['one@notes.example.com', 'Invalid Address', 'bounce']],
  },
  {
    server: 'SurfControl',
    subject: 'Message could not be delivered',
    text: `Your message could not be sent.
A transcript of the attempts to send the message follows.
The number of attempts made: 1
Addressed To: one@example.com

Thu 1 Jan 2026 00:00:00 +0000
Failed to send to identified host,
one@example.com: [192.0.2.1], 550 one@example.com... No such user

--- Message non-deliverable.`,
    expected: [['one@example.com', 'Invalid Address', 'bounce']],
  },
  {
    server: 'IMail, full',
    subject: 'Undeliverable Mail',
    text: `User mailbox exceeds allowed size: one@example.com

Original message follows.

${RETURNED}`,
    expected: [['one@example.com', 'Mailbox Unavailable', 'blocked']],
  },
  {
    server: 'IMail, unknown',
    subject: 'Undeliverable Mail',
    text: `Unknown user: one@example.com

Original message follows.

${RETURNED}`,
    expected: [['one@example.com', 'Invalid Address', 'bounce']],
  },
  {
    server: 'MailFoundry',
    subject: 'Message delivery has failed',
    text: `Unable to deliver message to: <one@example.com>
Delivery failed for the following reason:
Server mx.example.com[192.0.2.1] failed with: 552 <one@example.com>... Mailbox Full

This has been a permanent failure.  No further delivery attempts will be made.`,
    expected: [['one@example.com', 'Mailbox Unavailable', 'blocked']],
  },
  {
    server: 'McAfee',
    subject: 'Delivery Status',
    text: `--- The following addresses had delivery problems ---

<one@example.com>   (User unknown one@example.com)

--- Original message follows ---`,
    expected: [['one@example.com', 'Invalid Address', 'bounce']],
  },
  {
    server: 'Biglobe',
    subject: 'Returned mail: see transcript',
    text: `   ----- The following addresses had delivery problems -----
one@biglobe.example

   ----- Non-delivered information -----
The number of messages in recipient's mailbox exceeded the local limit.`,
    expected: [['one@biglobe.example', 'Mailbox Unavailable', 'blocked']],
  },
  {
    server: 'sendmail 8.8, text only',
    subject: 'Returned mail: User unknown',
    text: `The original message was received at Thu, 1 Jan 1998 00:00:00 GMT
from localhost [127.0.0.1]

   ----- The following addresses had permanent fatal errors -----
<one@example.com>

   ----- Transcript of session follows -----
... while talking to mx.example.com.:
>>> RCPT To:<one@example.com>
<<< 550 <one@example.com>... User unknown
550 <one@example.com>... User unknown

   ----- Original message follows -----

${RETURNED}`,
    expected: [['one@example.com', 'Invalid Address', 'bounce']],
  },
  {
    server: 'sendmail 5',
    subject: 'Returned mail: Host unknown',
    text: `   ----- Transcript of session follows -----
While talking to mx.example.com:
>>> RCPT To:<one@example.com>
<<< 550 <one@example.com>... User unknown
554 <two@nowhere.example>... 550 Host unknown (Authoritative answer from name server)

   ----- Unsent message follows -----
${RETURNED}`,
    expected: [
      ['one@example.com', 'Invalid Address', 'bounce'],
      ['two@nowhere.example', 'Technical Failure', 'blocked'],
    ],
  },
  {
    server: 'Exchange 5.5',
    from: 'System Administrator <postmaster@example.com>',
    subject: 'Undeliverable: Hello',
    text: `Your message

  To:      one@example.com
  Subject: Hello
  Sent:    Thu, 1 Jan 1998 00:00:00 +0000

did not reach the following recipient(s):

one@example.com on Thu, 1 Jan 1998 00:00:01 +0000
    The recipient name is not recognized
\tThe MTS-ID of the original message is: c=us;a= ;p=example;l=HOST-980101000000Z-1
    MSEXCH:IMS:EXAMPLE:SITE:HOST 0 (000C05A6) Unknown Recipient`,
    expected: [['one@example.com', 'Invalid Address', 'bounce']],
  },
  {
    server: 'Verizon',
    from: 'post_master@vtext.example',
    subject: 'Undeliverable Message',
    text: `Error: No such user

Error message below:
550 - Requested action not taken: no such user here

Message details:
  Subject: Hello
  MAIL FROM: shop@sender.example
  RCPT TO: 5550100@vtext.example
  From: shop@sender.example`,
    expected: [['5550100@vtext.example', 'Invalid Address', 'bounce']],
  },
  {
    server: 'KDDI',
    from: 'Postmaster@ezweb.example',
    subject: 'Mail System Error - Returned Mail',
    text: `Your mail could not be delivered.

Could not be delivered to: <one@ezweb.example>
As their mailbox is full.`,
    expected: [['one@ezweb.example', 'Mailbox Unavailable', 'blocked']],
  },
  {
    server: 'Postfix of old, without MIME',
    subject: 'Undelivered Mail Returned to Sender',
    text: `This is the Postfix program at host mx.example.

I'm sorry to have to inform you that the message returned
below could not be delivered to one or more destinations.

<one@example.com>: host mx.example.com[192.0.2.1] said: 452 4.2.2
    Over quota (in reply to RCPT TO command)

${RETURNED}`,
    expected: [['one@example.com', 'Mailbox Unavailable', 'blocked']],
  },
  {
    server: 'Gmail of old',
    from: 'Mail Delivery Subsystem <mailer-daemon@googlemail.com>',
    subject: 'Delivery Status Notification (Failure)',
    fields: ['X-Failed-Recipients: one@example.com'],
    text: `Delivery to the following recipient failed permanently:

     one@example.com

Technical details of permanent failure:
Google tried to deliver your message, but it was rejected by the recipient domain. The error that the other server returned was: 550 550 Unknown user one@example.com (state 14).

----- Original message -----

${RETURNED}`,
    expected: [['one@example.com', 'Invalid Address', 'bounce']],
  },
  {
    server: 'Gmail of old, delayed',
    from: 'Mail Delivery Subsystem <mailer-daemon@googlemail.com>',
    subject: 'Delivery Status Notification (Delay)',
    fields: ['X-Failed-Recipients: one@example.com'],
    text: `This is an automatically generated Delivery Status Notification

THIS IS A WARNING MESSAGE ONLY.

YOU DO NOT NEED TO RESEND YOUR MESSAGE.

Delivery to the following recipient has been delayed:

     one@example.com

Message will be retried for 2 more day(s)

Technical details of temporary failure:
The recipient server did not accept our requests to connect. [mx.example.com (1): Connection timed out]`,
    expected: [['one@example.com', 'Technical Failure', 'delayed']],
  },
  {
    server: 'Dovecot Sieve',
    from: 'Mail Delivery Subsystem <postmaster@example.com>',
    subject: 'Rejected: Hello',
    text: `Your message to <one@example.com> was automatically rejected:
Quota exceeded (mailbox for user is full)`,
    expected: [['one@example.com', 'Mailbox Unavailable', 'blocked']],
  },
  {
    server: 'Google, whose headline says more than it knows',
    from: 'Mail Delivery Subsystem <mailer-daemon@googlemail.com>',
    subject: 'Delivery Status Notification (Failure)',
    fields: ['X-Failed-Recipients: one@example.com'],
    text: `** Address not found **

Your message wasn't delivered to one@example.com because the domain example.com couldn't be found. Check for typos and try again.

The response was:

DNS Error: DNS type 'mx' lookup of example.com responded with code NXDOMAIN`,
    expected: [['one@example.com', 'Technical Failure', 'blocked']],
  },
  {
    server: 'one that names nobody but in a copy of the header',
    subject: 'Undeliverable Message',
    text: `Message could not be delivered: no such user.

  To: one@example.com
  Subject: Hello`,
    expected: [['one@example.com', 'Invalid Address', 'bounce']],
  },
  {
    server: 'a filter in German',
    subject: 'Unzustellbar: Hallo',
    text: `Ihre Nachricht konnte nicht zugestellt werden.

one@example.de: Empfänger unbekannt`,
    expected: [['one@example.de', 'Invalid Address', 'bounce']],
  },
];

function mail({ from = 'Mail Delivery System <MAILER-DAEMON@mx.example>', subject, fields = [], text }: Case): Buffer {
  const header = [
    'Return-Path: <>',
    `From: ${from}`,
    'To: shop@sender.example',
    `Subject: ${subject}`,
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    ...fields,
  ];
  return Buffer.from(`${header.join('\n')}\n\n${text}\n`);
}

describe('reports without a delivery status', () => {
  it.each(CASES.map((one) => [one.server, one] as const))('%s', (_, given) => {
    const report = readReport(mail(given));

    const delayed = given.expected.every(([, , type]) => type === 'delayed');
    expect(report.kind).toBe(delayed ? 'delayed' : 'bounce');
    const told = 'recipients' in report ? report.recipients : [];
    expect(
      told.map(({ address, classification, type, event }) => [
        address,
        classification,
        event === 'deferred' ? 'delayed' : type,
      ]),
    ).toEqual(given.expected);
  });

  it.each(CASES.map((one) => [one.server, one] as const))('%s, whatever the line ends', (_, given) => {
    const text = mail(given).toString('latin1');

    const read = (end: string) => readReport(Buffer.from(text.replaceAll('\n', end), 'latin1'));
    expect(read('\r\n')).toEqual(read('\n'));
    expect(read('\r')).toEqual(read('\n'));
  });
});
