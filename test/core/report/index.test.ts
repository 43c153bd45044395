import { describe, expect, it } from 'vitest';
import { readReport } from '../../../core/report/index.ts';
import { compileShaping } from '../../../core/shaping/compile.ts';

const mail = (header: string[], body: string) =>
  Buffer.from(`${header.join('\r\n')}\r\n\r\n${body.replaceAll('\n', '\r\n')}`);

/** A delivery status notification as RFC 3464 has it. */
function notification(
  groups: string[],
  { about = 'Reporting-MTA: dns; mx.example.com', words = 'See below.', returned = '' } = {},
) {
  const original =
    returned ||
    'Return-Path: <bounce-token@em.shop.example>\nFrom: Shop <shop@shop.example>\nTo: reader@example.com\nMessage-ID: <id.1@shop.example>\nX-Pennypost: 1\nList-Unsubscribe: <mailto:u-token@em.shop.example>,\n <https://t.shop.example/u>\n\nHello';
  const parts = [
    `Content-Type: text/plain\n\n${words}\n`,
    `Content-Type: message/delivery-status\n\n${[about, ...groups].join('\n\n')}\n`,
    `Content-Type: message/rfc822\n\n${original}\n`,
  ];
  return mail(
    [
      'Return-Path: <>',
      'From: MAILER-DAEMON@mx.example.com',
      'To: bounce-token@em.shop.example',
      'Subject: Undelivered Mail Returned to Sender',
      'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
    ],
    `${parts.map((part) => `--b\n${part}`).join('')}--b--\n`,
  );
}
const group = (status: string, diagnostic: string, action = 'failed', more = '') =>
  `Final-Recipient: rfc822; reader@example.com\nAction: ${action}\nStatus: ${status}\n${more}Diagnostic-Code: smtp; ${diagnostic}`;

function only(raw: Buffer) {
  const report = readReport(raw);
  if (!('recipients' in report)) throw new Error(`a ${report.kind} has no recipients`);
  expect(report.recipients).toHaveLength(1);
  return { kind: report.kind, ...report.recipients[0]! };
}

describe('a delivery status notification', () => {
  it('is read recipient by recipient', () => {
    const report = readReport(
      notification(
        [
          'Original-Recipient: rfc822;reader@example.com\nFinal-Recipient: rfc822;<inner@example.net>\nAction: failed\nStatus: 5.1.1 (bad)\nRemote-MTA: dns; mx.example.net (192.0.2.1)\nDiagnostic-Code: smtp; 550-5.1.1 The account does not\n 550 5.1.1 exist',
          'Final-Recipient: rfc822; other@example.com\nAction: delayed\nStatus: 4.4.1',
        ],
        {
          about:
            'Original-Envelope-Id: ENVID-1\nReporting-MTA: dns; MX.example.com\nArrival-Date: Thu, 1 Jan 2026 00:00:00 +0000',
        },
      ),
    );

    expect(report).toMatchObject({
      kind: 'bounce',
      envelopeId: 'ENVID-1',
      reportingMta: 'mx.example.com',
      arrivalDate: 'Thu, 1 Jan 2026 00:00:00 +0000',
      to: ['bounce-token@em.shop.example'],
      recipients: [
        {
          address: 'inner@example.net',
          originalAddress: 'reader@example.com',
          action: 'failed',
          status: '5.1.1',
          diagnostic: '550 5.1.1 The account does not exist',
          mta: 'mx.example.net',
          event: 'bounced',
          type: 'bounce',
          classification: 'Invalid Address',
        },
        { address: 'other@example.com', action: 'delayed', event: 'deferred', type: 'blocked' },
      ],
    });
  });

  it('gives back what tells which copy it is about', () => {
    const { original } = readReport(notification([group('5.1.1', '550 5.1.1 User unknown')]));

    expect(original).toMatchObject({
      messageId: '<id.1@shop.example>',
      returnPath: 'bounce-token@em.shop.example',
      from: 'shop@shop.example',
      to: ['reader@example.com'],
    });
    expect(original.headers.get('x-pennypost')).toEqual(['1']);
    expect(original.headers.get('list-unsubscribe')).toEqual([
      '<mailto:u-token@em.shop.example>, <https://t.shop.example/u>',
    ]);
  });

  it('of a delay is no bounce, whatever its status says', () =>
    expect(only(notification([group('5.1.1', '550 5.1.1 User unknown', 'delayed')]))).toMatchObject({
      kind: 'delayed',
      event: 'deferred',
      type: 'blocked',
      status: '4.1.1',
    }));

  it.each(['delivered', 'relayed', 'expanded'])('of what was %s is no bounce', (action) =>
    expect(only(notification([group('2.0.0', '250 2.0.0 Ok', action)]))).toMatchObject({
      kind: 'delivered',
      event: 'delivered',
      status: '2.0.0',
    }),
  );

  it('may lack its empty lines, its fields and its part', () => {
    const text =
      'Reporting-MTA: dns; mx.example.com\nFinal-Recipient: rfc822; reader@example.com\nAction: failed\nStatus: 5.0.0\n\nDiagnostic-Code: smtp; 550 no such user';
    const raw = mail(
      ['From: postmaster@example.com', 'Subject: Delivery failure'],
      `Your mail was not delivered.\n\n${text}`,
    );

    expect(only(raw)).toMatchObject({
      address: 'reader@example.com',
      type: 'bounce',
      classification: 'Invalid Address',
    });
  });

  it('may name a program, a name or nobody: the token tells whom', () => {
    const named = (recipient: string) =>
      only(
        notification([`Final-Recipient: ${recipient}\nAction: failed\nStatus: 5.3.0\nDiagnostic-Code: x-unix; 127`], {
          returned: 'From: a@b.example\n\nx',
        }),
      );
    expect(named('rfc822; |/usr/bin/procmail').address).toBe('|/usr/bin/procmail');
    expect(named('unknown; nair_s')).toMatchObject({ address: 'nair_s', classification: 'Technical Failure' });
  });

  it('has internationalised addresses (RFC 6533)', () =>
    expect(
      only(notification(['Final-Recipient: utf-8; \\x{5B9D}@example.com\nAction: failed\nStatus: 5.1.1'])).address,
    ).toBe('宝@example.com'));

  it('is read by the rules of the user, before ours', () => {
    const shaping = compileShaping({
      rules: [
        {
          name: 'mine',
          match: 'the vault is closed',
          sample: '550 The vault is closed',
          classification: 'Mailbox Unavailable',
        },
      ],
    });
    const report = readReport(notification([group('5.0.0', '550 The vault is closed: host unknown')]), { shaping });
    expect(report).toMatchObject({ recipients: [{ rule: 'mine', classification: 'Mailbox Unavailable' }] });
  });
});

describe('what suppresses', () => {
  it.each([
    ['5.1.1', '550 5.1.1 <reader@example.com>: Recipient address rejected: User unknown', 'Invalid Address'],
    ['5.0.0', '550 No such user here', 'Invalid Address'],
    ['5.2.1', '550 5.2.1 This account has been disabled', 'Mailbox Unavailable'],
    ['5.1.6', '550 5.1.6 recipient no longer on server', 'Invalid Address'],
    ['5.1.1', '', 'Invalid Address'],
  ])('%s %s', (status, diagnostic, classification) =>
    expect(only(notification([group(status, diagnostic)]))).toMatchObject({
      event: 'bounced',
      type: 'bounce',
      classification,
    }),
  );
});

// One bad hour of a domain's DNS, or a reader on holiday, must not cost an address for ever.
describe('what suppresses nobody', () => {
  it.each([
    ['a full mailbox', '5.2.2', '552 5.2.2 Mailbox full', 'Mailbox Unavailable'],
    [
      'a domain that DNS does not know',
      '5.1.2',
      '550 5.1.2 Host unknown (Name server: host not found)',
      'Technical Failure',
    ],
    [
      'NXDOMAIN in words',
      '4.0.0',
      "DNS Error: DNS type 'mx' lookup of example.com responded with code NXDOMAIN",
      'Technical Failure',
    ],
    ['a domain that takes no mail', '5.1.10', '556 5.1.10 Recipient address has a null MX', 'Mailbox Unavailable'],
    [
      'a server out of reach',
      '4.4.1',
      'connect to mx.example.com[192.0.2.1]:25: Connection timed out',
      'Technical Failure',
    ],
    ['a queue that gave up', '4.4.7', 'delivery time expired', 'Technical Failure'],
    ['an unknown user, said for now', '4.1.1', '450 4.1.1 User unknown', 'Invalid Address'],
    ['our listing', '5.7.1', '554 5.7.1 Client host [192.0.2.1] blocked using zen.spamhaus.org', 'Reputation'],
    ['content', '5.7.1', '550 5.7.1 Message rejected as spam', 'Content'],
    ['policy behind 5.1.1', '5.1.1', '550 5.1.1 RCP-P2 Refused due to recipient preferences', 'Content'],
    ['size', '5.3.4', '552 5.3.4 Message size exceeds fixed limit', 'Content'],
    ['relaying', '5.7.1', '550 5.7.1 Unable to relay for reader@example.com', 'Technical Failure'],
    ['a program that failed', '5.3.0', 'Command died with status 1', 'Technical Failure'],
    ['no reason at all', '5.0.0', '', 'Unclassified'],
  ])('%s', (_, status, diagnostic, classification) =>
    expect(only(notification([group(status, diagnostic)]))).toMatchObject({
      event: 'bounced',
      type: 'blocked',
      classification,
    }),
  );

  it('a refusal of our MAIL FROM, whatever its words', () =>
    expect(
      only(
        notification([group('5.1.1', '550 5.1.1 User unknown')], {
          words:
            '<reader@example.com>: host mx.example.com[192.0.2.1] said: 550 5.1.1 User unknown (in reply to MAIL FROM command)',
        }),
      ),
    ).toMatchObject({ type: 'blocked' }));

  it('an unknown user in answer to the message, behind an accepted RCPT', () =>
    expect(
      only(
        notification([group('5.0.0', '550 Unknown user')], {
          words:
            '<reader@example.com>: host mx.example.com[192.0.2.1] said: 550 Unknown user (in reply to end of DATA\n    command)',
        }),
      ),
    ).toMatchObject({ type: 'blocked', classification: 'Reputation' }));
});

describe('complaints', () => {
  const arf = (
    report: string,
    returned = 'From: a@shop.example\nTo: reader@example.com\nReturn-Path: <b-token@em.shop.example>\n\nx',
  ) =>
    mail(
      [
        'From: fbl@isp.example',
        'To: fbl@em.shop.example',
        'Subject: FW: Hello',
        'Content-Type: multipart/report; report-type=feedback-report; boundary=b',
      ],
      `--b\n\nThis is an abuse report.\n--b\nContent-Type: message/feedback-report\n\n${report}\n--b\nContent-Type: message/rfc822\n\n${returned}\n--b--\n`,
    );

  it('are read (RFC 5965)', () => {
    const report = readReport(
      arf(
        'Feedback-Type: abuse\nUser-Agent: SomeGenerator/1.0\nVersion: 1\nOriginal-Mail-From: <b-token@em.shop.example>\nOriginal-Rcpt-To: <redacted@isp.example>\nOriginal-Envelope-Id: E1\nSource-IP: 192.0.2.1\nReported-Domain: Shop.example\nArrival-Date: Thu, 1 Jan 2026 00:00:00 +0000',
      ),
    );
    expect(report).toMatchObject({
      kind: 'complaint', feedbackType: 'abuse', originalMailFrom: 'b-token@em.shop.example', originalRcptTo: ['redacted@isp.example'],
      originalEnvelopeId: 'E1', sourceIp: '192.0.2.1', reportedDomain: 'shop.example', arrivalDate: 'Thu, 1 Jan 2026 00:00:00 +0000',
    }); // biome-ignore format: a report
  });

  it('without Original-Mail-From have the returned Return-Path', () =>
    expect(readReport(arf('Feedback-Type: abuse\nVersion: 1'))).toMatchObject({
      kind: 'complaint',
      originalMailFrom: 'b-token@em.shop.example',
    }));

  it('of Microsoft have no report', () => {
    const raw = mail(
      [
        'From: staff@hotmail.com',
        'Subject: complaint about message from 192.0.2.1',
        'Content-Type: multipart/mixed; boundary=b',
      ],
      '--b\nContent-Type: message/rfc822\n\nX-HmXmrOriginalRecipient: reader@hotmail.com\nFrom: a@shop.example\nMessage-ID: <1@shop.example>\n\nx\n--b--\n',
    );
    expect(readReport(raw)).toMatchObject({
      kind: 'complaint',
      feedbackType: 'abuse',
      originalRcptTo: ['reader@hotmail.com'],
      sourceIp: '192.0.2.1',
      original: { messageId: '<1@shop.example>' },
    });
  });
});

describe('answering machines', () => {
  it.each([
    [['Auto-Submitted: auto-replied', 'Subject: Re: Hello']],
    [['Subject: Out of Office: Hello']],
    [['Subject: Automatic reply: Hello', 'X-Auto-Response-Suppress: All']],
    [['Subject: Abwesenheitsnotiz: Hallo']],
    [['Subject: =?utf-8?B?6Ieq5YuV6L+U5L+h?=']],
    [['X-Autoreply: yes', 'Subject: Thanks']],
    [['Precedence: auto_reply', 'Subject: Thanks']],
    [['Return-Path: <>', 'Auto-Submitted: auto-replied (vacation)', 'Subject: I could not be reached']],
  ])('%j', (fields) =>
    expect(
      readReport(
        mail(['From: Reader <reader@example.com>', 'To: shop@shop.example', ...fields], 'I am away until Monday.'),
      ),
    ).toMatchObject({ kind: 'auto-reply', address: 'reader@example.com' }),
  );

  it('are not taken for one when a mail system answers with a failure', () =>
    expect(
      readReport(
        mail(
          ['From: MAILER-DAEMON@example.com', 'Auto-Submitted: auto-replied', 'Subject: failure notice'],
          '<reader@example.com>:\n550 5.1.1 User unknown',
        ),
      ),
    ).toMatchObject({ kind: 'bounce' }));
});

// Attack: mail that speaks of failed deliveries makes an address suppressed.
describe('ordinary mail', () => {
  it.each([
    [
      'a person who forwards a bounce',
      ['From: Ann <ann@example.com>', 'Subject: Fwd: Undelivered Mail Returned to Sender'],
      '<reader@example.com>: 550 5.1.1 User unknown\nCould not be delivered.',
    ],
    [
      'a person who asks about one',
      ['From: Ann <ann@example.com>', 'Subject: your mail'],
      'My mail to reader@example.com could not be delivered. 550 User unknown?',
    ],
    [
      'a parcel service',
      ['From: Parcels <news@parcels.example>', 'Subject: Your parcel could not be delivered'],
      'Contact us at help@parcels.example.',
    ],
    [
      'a postmaster who writes himself',
      ['From: postmaster@example.com', 'Subject: Maintenance on Sunday'],
      'Mail to a@example.com will be slow.',
    ],
    [
      'what RFC 3834 calls generated',
      ['From: cron@example.com', 'Auto-Submitted: auto-generated', 'Subject: nightly run'],
      'done',
    ],
    ['nothing', [''], ''],
  ])('of %s', (_, header, body) => expect(readReport(mail(header, body)).kind).toBe('other'));
});

describe('what is wrapped', () => {
  const inner = '<reader@example.com>:\n192.0.2.1 does not like recipient.\nRemote host said: 550 5.1.1 User unknown\n';
  it('a report in a report of a gateway that names nobody', () => {
    const raw = mail(
      [
        'Return-Path: <>',
        'From: MAILER-DAEMON@gateway.example',
        'Subject: Returned mail: User unknown',
        'Content-Type: multipart/mixed; boundary=b',
      ],
      `--b\n\nThe message could not be delivered.\n--b\nContent-Type: message/rfc822\n\nFrom: MAILER-DAEMON@inner.example\nTo: x@y.example\nSubject: failure notice\n\n${inner}\n--b--\n`,
    );
    expect(readReport(raw)).toMatchObject({
      kind: 'bounce',
      recipients: [{ address: 'reader@example.com', type: 'bounce' }],
    });
  });

  it('a boundary that no header names', () => {
    const raw = mail(
      ['Return-Path: <>', 'From: MAILER-DAEMON@mx.example.com', 'Subject: Undelivered'],
      'This is a MIME-encapsulated message.\n\n--x/mx\nContent-Type: text/plain\n\nIt failed.\n\n--x/mx\nContent-Type: message/delivery-status\n\nFinal-Recipient: rfc822; reader@example.com\nAction: failed\nStatus: 5.2.2\n\n--x/mx--\n',
    );
    expect(readReport(raw)).toMatchObject({
      kind: 'bounce',
      recipients: [{ address: 'reader@example.com', status: '5.2.2', type: 'blocked' }],
    });
  });

  it('encodings: quoted-printable, base64, HTML', () => {
    const head = ['Return-Path: <>', 'From: MAILER-DAEMON@mx.example.com', 'Subject: Undelivered'];
    const qp = mail(
      [...head, 'Content-Transfer-Encoding: quoted-printable'],
      '<reader=40example.com>: 550 5.1.1 User un=\nknown',
    );
    const b64 = mail([...head, 'Content-Transfer-Encoding: base64'], Buffer.from(inner).toString('base64'));
    const html = mail(
      [...head, 'Content-Type: text/html'],
      '<p>Could not be delivered to:<br>&lt;reader@example.com&gt;: 550 5.1.1 User unknown</p>',
    );
    for (const raw of [qp, b64, html])
      expect(readReport(raw)).toMatchObject({
        kind: 'bounce',
        recipients: [{ address: 'reader@example.com', type: 'bounce' }],
      });
  });
});

describe("SES's notifications by mail", () => {
  const notify = (message: object) =>
    mail(
      ['From: SES <no-reply@sns.amazonaws.com>', 'Subject: AWS Notification Message'],
      `${JSON.stringify({ Type: 'Notification', Message: JSON.stringify(message) })}\n\n--\nTo stop, click.`,
    );

  it('are bounces, deliveries and complaints', () => {
    const bounce = {
      notificationType: 'Bounce',
      bounce: {
        bouncedRecipients: [
          {
            emailAddress: 'a@example.com',
            action: 'failed',
            status: '5.1.1',
            diagnosticCode: 'smtp; 550 5.1.1 user unknown',
          },
        ],
      },
    };
    const delivery = {
      notificationType: 'Delivery',
      delivery: { recipients: ['a@example.com'], smtpResponse: '250 2.6.0 Message received' },
    };
    const complaint = {
      notificationType: 'Complaint',
      mail: { source: 'b@em.example' },
      complaint: { complainedRecipients: [{ emailAddress: 'a@example.com' }] },
    };
    expect(readReport(notify(bounce))).toMatchObject({
      kind: 'bounce',
      recipients: [{ address: 'a@example.com', type: 'bounce' }],
    });
    expect(readReport(notify(delivery))).toMatchObject({
      kind: 'delivered',
      recipients: [{ address: 'a@example.com', status: '2.6.0' }],
    });
    expect(readReport(notify(complaint))).toMatchObject({
      kind: 'complaint',
      originalRcptTo: ['a@example.com'],
      originalMailFrom: 'b@em.example',
    });
  });
});

it('the envelope says that it is a bounce where the header does not', () => {
  const raw = mail(
    ['From: Filter <filter@example.com>', 'Subject: About your message'],
    'It could not be delivered to:\n\n<reader@example.com>: 550 5.1.1 User unknown',
  );
  expect(readReport(raw).kind).toBe('other');
  expect(readReport(raw, { mailFrom: '' }).kind).toBe('bounce');
});
