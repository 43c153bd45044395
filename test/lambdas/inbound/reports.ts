/** Mails that come back, as tests want them: who wrote what about which copy. */

export type About = {
  /** Fields of the returned message. */
  original?: string[];
  recipient?: string;
};

/** A report as RFC 3464 has it. */
export function dsn({ original = [], recipient = 'reader@example.net' }: About = {}, rest: Partial<Dsn> = {}): Buffer {
  const { action = 'failed', status = '5.1.1', diagnostic = `550 5.1.1 <${recipient}>: User unknown` } = rest;
  return mail(
    ['From: MAILER-DAEMON@mx.example.net', 'Subject: Undelivered Mail', 'Auto-Submitted: auto-replied'],
    'report; report-type=delivery-status',
    [
      ['Content-Type: text/plain', 'I am sorry, your mail could not be delivered.'],
      [
        'Content-Type: message/delivery-status',
        [
          'Reporting-MTA: dns; mx.example.net',
          '',
          `Final-Recipient: rfc822; ${recipient}`,
          `Action: ${action}`,
          `Status: ${status}`,
          `Diagnostic-Code: smtp; ${diagnostic}`,
          'Remote-MTA: dns; mx2.example.net',
        ].join('\r\n'),
      ],
      ['Content-Type: text/rfc822-headers', ['Subject: Hello', ...original].join('\r\n')],
    ],
  );
}
type Dsn = { action: string; status: string; diagnostic: string };

/** A complaint as RFC 5965 has it. */
export function arf({ original = [] }: About = {}, fields: string[] = []): Buffer {
  return mail(['From: fbl@provider.example', 'Subject: FW: Hello'], 'report; report-type=feedback-report', [
    ['Content-Type: text/plain', 'This is an email abuse report.'],
    [
      'Content-Type: message/feedback-report',
      ['Feedback-Type: abuse', 'User-Agent: Test/1', 'Version: 1', ...fields].join('\r\n'),
    ],
    [
      'Content-Type: message/rfc822',
      ['Subject: Hello', 'From: news@shop.example', ...original, '', 'Text.'].join('\r\n'),
    ],
  ]);
}

export function plain(fields: string[], text = 'Hello.'): Buffer {
  return Buffer.from([...fields, '', text, ''].join('\r\n'));
}

function mail(fields: string[], type: string, parts: [string, string][]): Buffer {
  const body = parts.map(([header, text]) => `--b1\r\n${header}\r\n\r\n${text}\r\n`).join('');
  return plain([...fields, 'MIME-Version: 1.0', `Content-Type: multipart/${type}; boundary=b1`], `${body}--b1--`);
}
