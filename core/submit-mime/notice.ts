/**
 * The mail that tells MAIL FROM of a broken X-SMTPAPI (SendGrid: "if our system encounters a parsing error, the message will be
 * bounced to the address specified in the MAIL FROM"). It goes out as any other mail of the account, from its own domain, so
 * that it is signed; the null sender is told nothing, and nobody answers it (RFC 3834).
 */
import { domainOf } from '../domain.ts';
import type { MailRequest } from '../mail.ts';
import { type MailSendContext, validateMailSend } from '../mail-send/index.ts';

export type Told = {
  mailFrom: string;
  /** The From address of the message. */
  from: string;
  subject?: string | undefined;
  /** Its Message-ID, as it stands in the header. */
  messageId?: string | undefined;
  recipients: number;
  /** What is wrong, one line each. */
  faults: string[];
};

/** Undefined: there is nobody to tell. */
export function makeNotice(told: Told, context: MailSendContext): MailRequest | undefined {
  const { mailFrom, from, subject = '', messageId, recipients, faults } = told;
  if (mailFrom === '') return undefined;
  const isId = messageId !== undefined && /^<[!-;=?-~]{1,200}>$/.test(messageId);
  const valid = validateMailSend(
    {
      personalizations: [{ to: [{ email: mailFrom }] }],
      from: { email: `mailer-daemon@${domainOf(from)}`, name: 'Mail Delivery System' },
      subject: 'Undelivered mail: invalid X-SMTPAPI header',
      content: [{ type: 'text/plain', value: textOf(subject, messageId, recipients, faults) }],
      headers: {
        'Auto-Submitted': 'auto-replied',
        ...(isId ? { 'In-Reply-To': messageId, References: messageId } : {}),
      },
      // It is ours, and no mail of the account's to keep.
      mail_settings: { bcc: { enable: false } },
    },
    { now: context.now, pools: context.pools },
  );
  return valid.ok ? valid.request : undefined;
}

function textOf(subject: string, messageId: string | undefined, recipients: number, faults: string[]): string {
  const lines = [
    'Your message was accepted, and sent to nobody: its X-SMTPAPI header cannot be read.',
    '',
    ...faults.map((fault) => `  ${fault}`),
    '',
    `Subject:    ${subject}`,
    ...(messageId === undefined ? [] : [`Message-ID: ${messageId}`]),
    `Recipients: ${recipients}`,
    '',
    'Mend the header and send the message again.',
  ];
  return `${lines.join('\n')}\n`;
}
