/**
 * How the sink treats a recipient, told by the local part before an optional `+tag`: `bounce@`, `defer-2+anything@`.
 * A local part that is not in the table is accepted. Replies are those of real providers, word for word where they are
 * known, so that whatever reads replies is tried on what it will meet. `{ip}` stands for the client's address.
 */

import type { AnswerKind } from './answers.ts';
import type { Reads } from './reader.ts';

/** Where in the transaction a refusal is said: at RCPT TO, or after the final dot. A 421 also closes the connection. */
export type Stage = 'rcpt' | 'dot';

/** `n` is the number in the recipient's name. Attempts are counted per message and recipient (see `session.ts`). */
export type Action =
  | { do: 'refuse'; at: Stage; reply: string; attempts?: number | 'n' }
  | { do: 'wait'; seconds: 'n' }
  | { do: 'read'; what: Reads }
  | { do: 'drop'; at: 'data' }
  | { do: 'drop'; at: 'dot'; attempts?: 'n' }
  /** Takes the message, and writes back. */
  | { do: 'answer'; with: AnswerKind };

export type Behaviour = {
  /** The local part; `{n}` stands for a whole number from 0 to 9999. */
  name: string;
  /** A sentence for people, without its subject. */
  does: string;
  action: Action;
};

export const BEHAVIOURS: readonly Behaviour[] = [
  {
    name: 'bounce',
    does: 'does not exist (Gmail)',
    action: {
      do: 'refuse',
      at: 'rcpt',
      reply:
        "550-5.1.1 The email account that you tried to reach does not exist. Please try\n550-5.1.1 double-checking the recipient's email address for typos or\n550-5.1.1 unnecessary spaces. For more information, go to\n550 5.1.1  https://support.google.com/mail/?p=NoSuchUser - gsmtp",
    },
  },
  {
    name: 'yahoo-unknown',
    does: 'does not exist, said only after the final dot (Yahoo)',
    action: {
      do: 'refuse',
      at: 'dot',
      reply: "554 delivery error: dd This user doesn't have a yahoo.com account [0] - mta4209.mail.bf1.yahoo.com",
    },
  },
  {
    name: 'outlook-unknown',
    does: 'does not exist (Microsoft 365)',
    action: {
      do: 'refuse',
      at: 'rcpt',
      reply:
        '550 5.4.1 Recipient address rejected: Access denied. [AM6EUR05FT066.eop-eur05.prod.protection.outlook.com]',
    },
  },
  {
    name: 'full',
    does: 'is over quota, for good (Gmail, inactive accounts)',
    action: {
      do: 'refuse',
      at: 'rcpt',
      reply:
        "552-5.2.2 The recipient's inbox is out of storage space and inactive. Please\n552-5.2.2 direct the recipient to\n552 5.2.2  https://support.google.com/mail/?p=OverQuotaPerm - gsmtp",
    },
  },
  {
    name: 'full-452',
    does: 'is over quota, for now (Gmail)',
    action: {
      do: 'refuse',
      at: 'rcpt',
      reply:
        "452-4.2.2 The recipient's inbox is out of storage space. Please direct the\n452-4.2.2 recipient to\n452 4.2.2  https://support.google.com/mail/?p=OverQuotaTemp - gsmtp",
    },
  },
  {
    name: 'block',
    does: 'refuses the source IP, which is on a blocklist (Spamhaus)',
    action: {
      do: 'refuse',
      at: 'rcpt',
      reply:
        '554 5.7.1 Service unavailable; Client host [{ip}] blocked using zen.spamhaus.org; https://www.spamhaus.org/query/ip/{ip}',
    },
  },
  {
    name: 'outlook-s3150',
    does: "refuses the source IP's network (Outlook.com)",
    action: {
      do: 'refuse',
      at: 'rcpt',
      reply:
        "550 5.7.1 Unfortunately, messages from [{ip}] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3150). You can also refer your provider to http://mail.live.com/mail/troubleshooting.aspx#errors. [BN8NAM12FT058.eop-nam12.prod.protection.outlook.com]",
    },
  },
  {
    name: 'spam',
    does: 'refuses the content after the final dot (Gmail)',
    action: {
      do: 'refuse',
      at: 'dot',
      reply:
        '550-5.7.1 [{ip}] Our system has detected that this message is\n550-5.7.1 likely unsolicited mail. To reduce the amount of spam sent to Gmail,\n550-5.7.1 this message has been blocked. For more information, go to\n550 5.7.1  https://support.google.com/mail/?p=UnsolicitedMessageError - gsmtp',
    },
  },
  {
    name: 'gmail-unauthenticated',
    does: 'refuses mail that passes neither SPF nor DKIM (Gmail)',
    action: {
      do: 'refuse',
      at: 'dot',
      reply:
        '550-5.7.26 Your email has been blocked because the sender is unauthenticated.\n550-5.7.26 Gmail requires all senders to authenticate with either SPF or DKIM.\n550 5.7.26  https://support.google.com/mail/answer/81126#authentication - gsmtp',
    },
  },
  {
    name: 'gmail-rate',
    does: "puts off mail that exceeds the source IP's rate (Gmail), and closes",
    action: {
      do: 'refuse',
      at: 'dot',
      reply:
        '421-4.7.28 Gmail has detected an unusual rate of unsolicited mail originating\n421-4.7.28 from your IP address. To protect our users from spam, mail sent from\n421-4.7.28 your IP address has been temporarily rate limited. For more\n421-4.7.28 information, go to\n421 4.7.28  https://support.google.com/mail/?p=UnsolicitedRateLimitError - gsmtp',
    },
  },
  {
    name: 'gmail-low-reputation',
    does: 'puts off mail from an IP of very low reputation (Gmail), and closes',
    action: {
      do: 'refuse',
      at: 'dot',
      reply:
        '421-4.7.0 [{ip}] Gmail has detected that this message is suspicious due to\n421-4.7.0 the very low reputation of the sending IP address. To protect our users\n421-4.7.0 from spam, mail sent from your IP address has been temporarily rate\n421-4.7.0 limited. For more information, go to\n421 4.7.0  https://support.google.com/mail/answer/188131 - gsmtp',
    },
  },
  {
    name: 'gmail-recipient-rate',
    does: 'receives mail too quickly, this recipient only (Gmail)',
    action: {
      do: 'refuse',
      at: 'rcpt',
      reply:
        '450-4.2.1 The user you are trying to contact is receiving mail too quickly.\n450-4.2.1 Please resend your message at a later time. If the user is able to\n450-4.2.1 receive mail at that time, your message will be delivered. For more\n450-4.2.1 information, go to\n450 4.2.1  https://support.google.com/mail/?p=ReceivingRate - gsmtp',
    },
  },
  {
    name: 'yahoo-tss04',
    does: 'puts off for volume or complaints (Yahoo), and closes',
    action: {
      do: 'refuse',
      at: 'rcpt',
      reply:
        '421 4.7.0 [TSS04] Messages from {ip} temporarily deferred due to unexpected volume or user complaints - 4.16.55.1; see https://postmaster.yahooinc.com/error-codes',
    },
  },
  {
    name: 'outlook-rate',
    does: "puts off for the source IP's reputation (Outlook.com)",
    action: {
      do: 'refuse',
      at: 'rcpt',
      reply:
        '451 4.7.650 The mail server [{ip}] has been temporarily rate limited due to IP reputation. For e-mail delivery information, see https://postmaster.live.com (S775) [DB5EUR03FT022.eop-EUR03.prod.protection.outlook.com]',
    },
  },
  {
    name: 'busy-421',
    does: 'is on a server with too many connections: 421, and closes',
    action: {
      do: 'refuse',
      at: 'rcpt',
      reply: '421 4.7.0 mx1.sink.test Error: too many connections from {ip}',
    },
  },
  {
    name: 'defer',
    does: 'is put off at every attempt',
    action: {
      do: 'refuse',
      at: 'rcpt',
      reply: '451 4.3.0 Temporary lookup failure; please try again later',
    },
  },
  {
    name: 'defer-{n}',
    does: 'is put off the first n times, then accepted; retries come after 5, 15, 30 and 60 minutes, a fifth sooner or later',
    action: {
      do: 'refuse',
      at: 'rcpt',
      attempts: 'n',
      reply: '450 4.2.0 Mailbox temporarily unavailable; please try again later',
    },
  },
  {
    name: 'defer-dot-{n}',
    does: 'is put off after the final dot the first n times, then accepted',
    action: {
      do: 'refuse',
      at: 'dot',
      attempts: 'n',
      reply: '451 4.3.2 Internal resources are temporarily unavailable; please try again later',
    },
  },
  {
    name: 'greylist',
    does: 'is greylisted: put off once, then accepted',
    action: {
      do: 'refuse',
      at: 'rcpt',
      attempts: 1,
      reply: '451 4.7.1 Greylisting in action, please come back later',
    },
  },
  { name: 'slow-{n}s', does: 'answers n seconds after the final dot', action: { do: 'wait', seconds: 'n' } },
  { name: 'open', does: 'loads the pixel', action: { do: 'read', what: 'open' } },
  { name: 'click', does: 'follows the first tracked link', action: { do: 'read', what: 'click' } },
  {
    name: 'scan',
    does: 'has a scanner look at every tracked and every unsubscribe link, which unsubscribes nobody',
    action: { do: 'read', what: 'scan' },
  },
  {
    name: 'unsubscribe',
    does: 'unsubscribes with one click (RFC 8058), where the mail has a link to do so',
    action: { do: 'read', what: 'unsubscribe' },
  },
  {
    name: 'drop-in-data',
    does: 'closes the connection in the middle of the message',
    action: { do: 'drop', at: 'data' },
  },
  {
    name: 'drop-after-dot',
    does: 'takes the message and closes without a reply, at every attempt',
    action: { do: 'drop', at: 'dot' },
  },
  {
    name: 'drop-after-dot-{n}',
    does: 'takes the message and closes without a reply the first n times',
    action: { do: 'drop', at: 'dot', attempts: 'n' },
  },
  {
    name: 'bounce-later',
    does: 'is taken, and bounces a moment later as unknown (delivery status by Postfix)',
    action: { do: 'answer', with: 'bounce' },
  },
  {
    name: 'bounce-later-exchange',
    does: 'is taken, and bounces a moment later as unknown (Exchange)',
    action: { do: 'answer', with: 'bounce-exchange' },
  },
  {
    name: 'bounce-later-exim',
    does: 'is taken, and bounces a moment later as unknown, in words alone (Exim)',
    action: { do: 'answer', with: 'bounce-exim' },
  },
  {
    name: 'bounce-later-qmail',
    does: 'is taken, and bounces a moment later as unknown, in words alone (qmail)',
    action: { do: 'answer', with: 'bounce-qmail' },
  },
  {
    name: 'full-later',
    does: 'is taken, and bounces a moment later because its mailbox is full',
    action: { do: 'answer', with: 'bounce-full' },
  },
  { name: 'complain', does: 'calls the mail spam (feedback loop)', action: { do: 'answer', with: 'complaint' } },
  {
    name: 'unsubscribe-by-mail',
    does: 'unsubscribes by mail, where the mail says how (List-Unsubscribe)',
    action: { do: 'answer', with: 'unsubscription' },
  },
  { name: 'auto-reply', does: 'is out of office, and says so', action: { do: 'answer', with: 'auto-reply' } },
];

const MATCHERS = BEHAVIOURS.map((behaviour) => ({
  behaviour,
  pattern: new RegExp(`^${behaviour.name.replace('{n}', '(\\d{1,4})')}$`),
}));

/** A behaviour as one recipient asks for it. */
export type Told = { behaviour: Behaviour; n: number };

/** What a recipient's address tells the sink to do; undefined: accept. Case does not matter. */
export function behaviourOf(address: string): Told | undefined {
  const localPart = address.slice(0, address.lastIndexOf('@')).toLowerCase();
  const plus = localPart.indexOf('+');
  const name = plus === -1 ? localPart : localPart.slice(0, plus);
  for (const { behaviour, pattern } of MATCHERS) {
    const match = pattern.exec(name);
    if (match) return { behaviour, n: Number(match[1] ?? 0) };
  }
  return undefined;
}

/** Whether the behaviour still applies. @param before attempts of the same message for the same recipient before this one */
export function applies({ behaviour: { action }, n }: Told, before: number): boolean {
  const attempts = 'attempts' in action ? action.attempts : undefined;
  return attempts === undefined || before < (attempts === 'n' ? n : attempts);
}
