/**
 * Mails with which recipients of the sink answer one that they took: bounces that come later, in the forms that mail servers
 * write, a complaint by a feedback loop, an unsubscription, an answering machine. They say what real ones say.
 */

const ANSWERS = [
  'bounce',
  'bounce-exim',
  'bounce-qmail',
  'bounce-exchange',
  'bounce-full',
  'complaint',
  'unsubscription',
  'auto-reply',
] as const;
export type AnswerKind = (typeof ANSWERS)[number];

/** What was taken, and by whom. */
export type Taken = { mailFrom: string; recipient: string; raw: Buffer };
export type Answer = { mailFrom: string; to: string; raw: string };

const HOST = 'mx1.sink.test';
const CRLF = '\r\n';

/**
 * @param id unique: a part of Message-ID
 * @param at milliseconds since the epoch
 * @returns undefined where there is nobody to write to: mail from the null sender, or without a List-Unsubscribe
 */
export function composeAnswer(kind: AnswerKind, taken: Taken, id: string, at: number): Answer | undefined {
  const date = new Date(at).toUTCString().replace('GMT', '+0000');
  const header = (from: string, to: string, subject: string, ...more: string[]) => [
    `From: ${from}`,
    `To: ${to}`,
    `Subject: ${subject}`,
    `Date: ${date}`,
    `Message-ID: <${id}@${HOST}>`,
    ...more,
  ];
  const { mailFrom, recipient } = taken;
  if (kind === 'unsubscription') {
    const to = /^list-unsubscribe:[^\n]*?<mailto:([^>?]+)/im.exec(unfolded(taken.raw))?.[1];
    return to === undefined
      ? undefined
      : { mailFrom: recipient, to, raw: [...header(recipient, to, 'unsubscribe'), '', 'unsubscribe', ''].join(CRLF) };
  }
  if (mailFrom === '') return undefined;
  if (kind === 'auto-reply') {
    const automatic = header(
      recipient,
      mailFrom,
      'Out of office',
      'Auto-Submitted: auto-replied',
      'X-Auto-Response-Suppress: All',
    );
    return { mailFrom: '', to: mailFrom, raw: [...automatic, '', 'I am away until Monday.', ''].join(CRLF) };
  }
  if (kind === 'complaint') {
    const to = `fbl@${mailFrom.slice(mailFrom.lastIndexOf('@') + 1)}`;
    return { mailFrom: 'feedback@sink.test', to, raw: complaint(header, to, taken, date) };
  }
  const bounce = BOUNCES[kind];
  return { mailFrom: '', to: mailFrom, raw: bounce(header, taken, date) };
}

type Header = (from: string, to: string, subject: string, ...more: string[]) => string[];

/** The recipient is left out, as feedback loops do; so is Original-Mail-From, as most do. */
function complaint(header: Header, to: string, { raw, recipient }: Taken, date: string): string {
  const redacted = raw.toString('latin1').replaceAll(recipient, 'redacted@sink.test');
  return report(header('feedback@sink.test', to, 'FW: complaint'), 'feedback-report', [
    ['text/plain', 'This is an email abuse report for an email message received from your network.'],
    [
      'message/feedback-report',
      [
        'Feedback-Type: abuse',
        'User-Agent: Sink/1.0',
        'Version: 1',
        `Arrival-Date: ${date}`,
        'Source-IP: 127.0.0.1',
      ].join(CRLF),
    ],
    ['message/rfc822', redacted],
  ]);
}

const UNKNOWN = 'User unknown in virtual mailbox table';
type BounceKind = Extract<AnswerKind, `bounce${string}`>;

const BOUNCES: Record<BounceKind, (header: Header, taken: Taken, date: string) => string> = {
  bounce: (header, taken, date) =>
    delivery(
      header,
      taken,
      date,
      '5.1.1',
      `smtp; 550 5.1.1 <${taken.recipient}>: Recipient address rejected: ${UNKNOWN}`,
    ),
  'bounce-full': (header, taken, date) =>
    delivery(header, taken, date, '5.2.2', `smtp; 552 5.2.2 <${taken.recipient}>: Mailbox full`),
  'bounce-exchange': (header, taken, date) =>
    delivery(
      header,
      taken,
      date,
      '5.1.10',
      `smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient ${taken.recipient} not found by SMTP address lookup`,
    ),
  'bounce-exim': (header, { mailFrom, recipient, raw }) =>
    [
      ...header(
        `Mail Delivery System <Mailer-Daemon@${HOST}>`,
        mailFrom,
        'Mail delivery failed: returning message to sender',
        `X-Failed-Recipients: ${recipient}`,
        'Auto-Submitted: auto-replied',
      ),
      '',
      'This message was created automatically by mail delivery software.',
      '',
      'A message that you sent could not be delivered to one or more of its',
      'recipients. This is a permanent error. The following address(es) failed:',
      '',
      `  ${recipient}`,
      '    host mx2.sink.test [127.0.0.1]',
      `    SMTP error from remote mail server after RCPT TO:<${recipient}>:`,
      `    550 5.1.1 <${recipient}>: Recipient address rejected: ${UNKNOWN}`,
      '',
      '------ This is a copy of the message, including all the headers. ------',
      '',
      headerOf(raw),
    ].join(CRLF),
  'bounce-qmail': (header, { mailFrom, recipient, raw }) =>
    [
      ...header(`MAILER-DAEMON@${HOST}`, mailFrom, 'failure notice'),
      '',
      `Hi. This is the qmail-send program at ${HOST}.`,
      "I'm afraid I wasn't able to deliver your message to the following addresses.",
      "This is a permanent error; I've given up. Sorry it didn't work out.",
      '',
      `<${recipient}>:`,
      '127.0.0.1 does not like recipient.',
      'Remote host said: 550 5.1.1 Sorry, no mailbox here by that name.',
      'Giving up on 127.0.0.1.',
      '',
      '--- Below this line is a copy of the message.',
      '',
      `Return-Path: <${mailFrom}>`,
      headerOf(raw),
    ].join(CRLF),
};

/** A delivery status notification (RFC 3464), as Postfix writes it. */
function delivery(header: Header, { mailFrom, recipient, raw }: Taken, date: string, status: string, code: string) {
  return report(
    header(
      `MAILER-DAEMON@${HOST} (Mail Delivery System)`,
      mailFrom,
      'Undelivered Mail Returned to Sender',
      'Auto-Submitted: auto-replied',
    ),
    'delivery-status',
    [
      [
        'text/plain',
        [
          `This is the mail system at host ${HOST}.`,
          '',
          "I'm sorry to have to inform you that your message could not",
          "be delivered to one or more recipients. It's attached below.",
          '',
          `<${recipient}>: host mx2.sink.test[127.0.0.1] said: ${code.replace(/^smtp; ?/, '')}`,
        ].join(CRLF),
      ],
      [
        'message/delivery-status',
        [
          `Reporting-MTA: dns; ${HOST}`,
          `Arrival-Date: ${date}`,
          '',
          `Final-Recipient: rfc822; ${recipient}`,
          'Action: failed',
          `Status: ${status}`,
          'Remote-MTA: dns; mx2.sink.test',
          `Diagnostic-Code: ${code}`,
        ].join(CRLF),
      ],
      ['text/rfc822-headers', headerOf(raw)],
    ],
  );
}

function report(header: string[], type: string, parts: [string, string][]): string {
  const boundary = 'sink-report-boundary';
  const body = parts
    .map(([kind, text]) => `--${boundary}${CRLF}Content-Type: ${kind}${CRLF}${CRLF}${text}${CRLF}`)
    .join('');
  return [
    ...header,
    'MIME-Version: 1.0',
    `Content-Type: multipart/report; report-type=${type}; boundary="${boundary}"`,
    '',
    `${body}--${boundary}--`,
    '',
  ].join(CRLF);
}

function headerOf(raw: Buffer): string {
  const end = raw.indexOf('\r\n\r\n');
  return raw.toString('latin1', 0, end < 0 ? raw.length : end);
}

function unfolded(raw: Buffer): string {
  return headerOf(raw).replace(/\r\n[ \t]+/g, ' ');
}
