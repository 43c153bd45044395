/** Gmail and Workspace. Codes: support.google.com/a/answer/3726730 and 81126. */
import type { Quota, Rule } from '../rule.ts';
import { HALVE, LISTED, MEND, NAMED } from './acts.ts';

const RATE = 'Frequency or Volume Too High';
const GUIDE =
  'For more information, go to https://support.google.com/mail/?p=UnsolicitedRateLimitError to review our Bulk Email Senders Guidelines. - gsmtp';

const rate = (name: string, match: RegExp, said: string, ...quotas: Quota[]): Rule => ({
  name: `gmail-rate-${name}`,
  match,
  sample: `421 4.7.28 ${said} ${GUIDE}`,
  event: 'deferred',
  classification: RATE,
  act: { do: 'recover', quotas },
});

export const GOOGLE: readonly Rule[] = [
  {
    name: 'gmail-ip-blocked',
    match: /^5\d\d .{0,60}unusual rate of unsolicited mail originating from your ip address/i,
    sample:
      '550 5.7.1 [192.0.2.1 12] Our system has detected an unusual rate of unsolicited mail originating from your IP address. To protect our users from spam, mail sent from your IP address has been blocked. Please visit https://support.google.com/mail/?p=UnsolicitedIPError to review our Bulk Email Senders Guidelines. - gsmtp',
    event: 'deferred',
    classification: 'Reputation',
    act: LISTED,
  },
  rate(
    'ip',
    /unusual rate of unsolicited mail originating from your ip address/i,
    'Gmail has detected an unusual rate of unsolicited mail originating from your IP address. To protect our users from spam, mail sent from your IP address has been temporarily rate limited.',
    'ip',
  ),
  rate(
    'netblock',
    /unusual rate of unsolicited mail originating from your ip netblock/i,
    'Gmail has detected an unusual rate of unsolicited mail originating from your IP Netblock [192.0.2.0/24 1]. To protect our users from spam, mail sent from your IP Netblock has been temporarily rate limited.',
    'netblock',
  ),
  rate(
    'dkim',
    /unusual rate of unsolicited mail originating from your dkim domain/i,
    'Gmail has detected an unusual rate of unsolicited mail originating from your DKIM domain [example.com 35]. To protect our users from spam, mail sent from your domain has been temporarily rate limited.',
    'dkim',
  ),
  rate(
    'spf',
    /unusual rate of unsolicited mail originating from your spf domain/i,
    'Gmail has detected an unusual rate of unsolicited mail originating from your SPF domain [bounces.example.com 35]. To protect our users from spam, mail sent from your domain has been temporarily rate limited.',
    'spf',
  ),
  rate(
    'url',
    /unusual rate of unsolicited mail containing one of your url domains/i,
    'Gmail has detected an unusual rate of unsolicited mail containing one of your URL domains. To protect our users from spam, mail with the URL has been temporarily rate limited.',
    'url',
  ),
  rate(
    'message-id',
    /quota for sending messages with the same message-id/i,
    'Gmail has detected this message exceeded its quota for sending messages with the same Message-ID. To best protect our users, the message has been temporarily rejected.',
    'message-id',
  ),
  rate(
    'unnamed',
    /^4\d\d (?:4\.7\.28\b|.{0,60}unusual rate of (?:unsolicited )?mail)/i,
    'Gmail has detected an unusual rate of mail. To protect our users from spam, mail has been temporarily rate limited.',
    'ip',
    'dkim',
    'spf',
  ),
  {
    name: 'gmail-ip-reputation',
    match: /very low reputation of the sending ip/i,
    sample:
      '421 4.7.0 [192.0.2.1] Gmail has detected that this message is suspicious due to the very low reputation of the sending IP address. To protect our users from spam, mail sent from your IP address has been temporarily rate limited. For more information, go to https://support.google.com/mail/answer/188131 - gsmtp',
    event: 'deferred',
    classification: 'Reputation',
    act: MEND,
  },
  {
    name: 'gmail-domain-reputation',
    match: /very low reputation of the sending domain/i,
    sample:
      '550 5.7.1 [192.0.2.1 19] Our system has detected that this message is likely suspicious due to the very low reputation of the sending domain. To best protect our users from spam, the message has been blocked. Please visit https://support.google.com/mail/answer/188131 for more information. - gsmtp',
    classification: 'Reputation',
    act: HALVE,
  },
  {
    name: 'gmail-suspicious-content',
    match: /suspicious due to the nature of the content/i,
    sample:
      '421 4.7.0 [192.0.2.1 15] Our system has detected that this message is suspicious due to the nature of the content and/or the links within. To best protect our users from spam, the message has been blocked. Please visit https://support.google.com/mail/answer/188131 for more information. - gsmtp',
    classification: 'Content',
    act: HALVE,
  },
  {
    name: 'gmail-unsolicited',
    match: /likely unsolicited mail/i,
    sample:
      '550 5.7.1 [192.0.2.1 12] Our system has detected that this message is likely unsolicited mail. To reduce the amount of spam sent to Gmail, this message has been blocked. Please visit https://support.google.com/mail/?p=UnsolicitedMessageError for more information. - gsmtp',
    classification: 'Content',
  },
  {
    name: 'gmail-security-issue',
    match: /content presents a potential security issue/i,
    sample:
      '552 5.7.0 This message was blocked because its content presents a potential security issue. Please visit https://support.google.com/mail/?p=BlockedMessage to review our message content and attachment content guidelines. - gsmtp',
    classification: 'Content',
  },
  {
    name: 'gmail-not-compliant',
    match: /not rfc 5322 compliant|multiple addresses in from: header/i,
    sample:
      '550 5.7.1 [192.0.2.1 11] This message is not RFC 5322 compliant. There are multiple Subject headers. To reduce the amount of spam sent to Gmail, this message has been blocked. Please visit https://support.google.com/mail/?p=RfcMessageNonCompliant and review RFC 5322 specifications for more information. - gsmtp',
    classification: 'Content',
  },
  {
    name: 'gmail-ptr',
    match: /^[45]\d\d (?:4\.7\.23|5\.7\.25)\b/,
    sample:
      '550 5.7.25 [192.0.2.1] The IP address sending this message does not have a PTR record setup, or the corresponding forward DNS entry does not match the sending IP. As a policy, Gmail does not accept messages from IPs with missing PTR records. - gsmtp',
    event: 'deferred',
    classification: 'Reputation',
    act: MEND,
  },
  {
    name: 'gmail-authentication',
    match: /^[45]\d\d [45]\.7\.(?:24|26|27|30|31|32|40)\b/,
    sample:
      '550 5.7.26 Your email has been blocked because the sender is unauthenticated. Gmail requires all senders to authenticate with either SPF or DKIM. Authentication results: DKIM = did not pass SPF [example.com] with ip: [192.0.2.1] = did not pass. For instructions on setting up authentication, go to https://support.google.com/mail/answer/81126#authentication - gsmtp',
    classification: 'Reputation',
  },
  {
    name: 'gmail-tls',
    match: /^[45]\d\d [45]\.7\.29\b/,
    sample:
      '421 4.7.29 This email has been rate limited because the message was not sent over a TLS connection. Gmail requires all bulk email senders to use TLS/SSL for SMTP connections. - gsmtp',
    classification: 'Technical Failure',
  },
  {
    name: 'gmail-reader-rate',
    match: /user you are trying to contact is receiving mail (?:too quickly|at a rate)/i,
    stages: NAMED,
    sample:
      '450 4.2.1 The user you are trying to contact is receiving mail too quickly. Please resend your message at a later time. If the user is able to receive mail at that time, your message will be delivered. For more information, please visit https://support.google.com/mail/?p=ReceivingRate - gsmtp',
    classification: RATE,
  },
  {
    name: 'gmail-full-and-inactive',
    match: /out of storage space and inactive/i,
    stages: NAMED,
    sample:
      "552 5.2.2 The recipient's inbox is out of storage space and inactive. Please direct the recipient to https://support.google.com/mail/?p=OverQuotaPerm - gsmtp",
    type: 'bounce',
    classification: 'Mailbox Unavailable',
  },
  {
    name: 'gmail-full',
    match: /inbox is out of storage space|account that you tried to reach is over quota/i,
    stages: NAMED,
    sample:
      "452 4.2.2 The recipient's inbox is out of storage space. Please direct the recipient to https://support.google.com/mail/?p=OverQuotaTemp - gsmtp",
    classification: 'Mailbox Unavailable',
  },
  {
    name: 'gmail-no-such-user',
    match: /email account that you tried to reach does not exist/i,
    stages: NAMED,
    sample:
      "550 5.1.1 The email account that you tried to reach does not exist. Please try double-checking the recipient's email address for typos or unnecessary spaces. For more information, go to https://support.google.com/mail/?p=NoSuchUser - gsmtp",
    type: 'bounce',
    classification: 'Invalid Address',
  },
  {
    name: 'gmail-disabled',
    match: /email account that you tried to reach is (?:disabled|inactive)/i,
    stages: NAMED,
    sample:
      '550 5.2.1 The email account that you tried to reach is disabled. For more information, go to https://support.google.com/mail/?p=DisabledUser - gsmtp',
    type: 'bounce',
    classification: 'Mailbox Unavailable',
  },
  {
    name: 'gmail-closing',
    match: /^421 4\.7\.0 .{0,60}try again later, closing connection/i,
    sample: '421 4.7.0 Try again later, closing connection. (EHLO) - gsmtp',
    classification: 'Technical Failure',
    act: HALVE,
  },
];
