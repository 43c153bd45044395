/**
 * Outlook.com and Microsoft 365: one front, two sets of limits, the same replies. Codes: sendersupport.olc.protection.outlook.com
 * and learn.microsoft.com (non-delivery reports in Exchange Online).
 */
import type { Rule } from '../rule.ts';
import { HALVE, LISTED, MEND, NAMED, ONE_CONNECTION, RECONNECT, TRICKLE } from './acts.ts';

const RATE = 'Frequency or Volume Too High';

export const MICROSOFT: readonly Rule[] = [
  {
    name: 'outlook-listed',
    match: /\bS31[45]0\b|network is on our block ?list/i,
    sample:
      "550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3150). You can also refer your provider to http://mail.live.com/mail/troubleshooting.aspx#errors. [BN8NAM12FT058.eop-nam12.prod.protection.outlook.com]",
    event: 'deferred',
    classification: 'Reputation',
    act: LISTED,
  },
  {
    name: 'outlook-banned-ip',
    match: /^5\d\d 5\.7\.(?:6(?:0[6-9]|[1-4]\d)|708)\b|access denied, banned sending ip/i,
    sample:
      '550 5.7.606 Access denied, banned sending IP [192.0.2.1]. To request removal from this list please visit https://sender.office.com/ and follow the directions. For more information please go to http://go.microsoft.com/fwlink/?LinkID=526655 AS(1430)',
    event: 'deferred',
    classification: 'Reputation',
    act: LISTED,
  },
  {
    name: 'outlook-dynamic-ip',
    match: /\bDY-00[12]\b/,
    sample:
      '550 DY-001 Mail rejected by Outlook.com for policy reasons. We generally do not accept email from dynamic IPs as they are not typically used to deliver unauthenticated SMTP email to an Internet mail server.',
    event: 'deferred',
    classification: 'Reputation',
    act: LISTED,
  },
  {
    name: 'outlook-listed-spamhaus',
    match: /\bOU-00[12]\b/,
    sample:
      '550 OU-001 Mail rejected by Outlook.com for policy reasons. If you are not an email/network admin please contact your E-mail/Internet Service Provider for help. The IP address is listed by Spamhaus.',
    event: 'deferred',
    classification: 'Reputation',
    act: LISTED,
  },
  {
    name: 'outlook-complaints',
    match: /\bSC-00[24]\b/,
    sample:
      '550 SC-004 Mail rejected by Outlook.com for policy reasons. A block has been placed against your IP address because we have received complaints concerning mail coming from that IP address.',
    event: 'deferred',
    classification: 'Reputation',
    act: LISTED,
  },
  {
    name: 'outlook-connection-spent',
    match: /\bRP-002\b|exceeded (?:the )?maximum number of messages per connection/i,
    sample:
      '421 RP-002 The mail server IP connecting to Outlook.com server has exceeded the rate limit allowed on this connection. Reason for rate limitation is related to IP/domain reputation.',
    event: 'deferred',
    classification: RATE,
    act: RECONNECT,
  },
  {
    name: 'outlook-connections',
    match:
      /^4\d\d (?:4\.7\.652\b|.{0,12}RP-003\b)|exceeded the maximum number of connections|max concurrent connections/i,
    sample:
      '451 4.7.652 The mail server [192.0.2.1] has exceeded the maximum number of connections. (S3115) [AM4PEPF00025F95.EURPRD83.prod.outlook.com]',
    event: 'deferred',
    classification: RATE,
    act: ONE_CONNECTION,
  },
  {
    name: 'outlook-ip-rate',
    match: /^4\d\d (?:4\.7\.65[01]\b|.{0,12}RP-001\b)|temporarily rate limited due to ip reputation/i,
    sample:
      '451 4.7.650 The mail server [192.0.2.1] has been temporarily rate limited due to IP reputation. For e-mail delivery information, see https://postmaster.live.com (S775) [DB5EUR03FT022.eop-EUR03.prod.protection.outlook.com]',
    event: 'deferred',
    classification: 'Reputation',
    act: TRICKLE,
  },
  {
    name: 'outlook-permitted-limit',
    match: /^5\d\d 5\.7\.508\b/,
    sample: '550 5.7.508 Access denied, 192.0.2.1 has exceeded permitted limits within 24h range. AS(7555)',
    event: 'deferred',
    classification: RATE,
    act: TRICKLE,
  },
  {
    name: 'outlook-tenant-threshold',
    match: /^5\d\d 5\.7\.7\d\d\b/,
    sample: '550 5.7.705 Access denied, tenant has exceeded threshold',
    event: 'deferred',
    classification: RATE,
    act: HALVE,
  },
  {
    name: 'outlook-busy',
    match: /^4\d\d 4\.7\.(?:500|700)\b|server busy\. please try again later|access denied, please try again later/i,
    sample:
      '451 4.7.500 Server busy. Please try again later from [192.0.2.1]. (AS761) [AM4PEPF00027A5E.eurprd04.prod.outlook.com]',
    event: 'deferred',
    classification: RATE,
    act: { do: 'limit', perMinute: 1, minutes: 30 },
  },
  {
    name: 'outlook-ipv6',
    match: /^5\d\d 5\.7\.510\b/,
    sample: '550 5.7.510 Access denied, contoso.com does not accept email over IPv6',
    event: 'deferred',
    classification: 'Technical Failure',
    act: MEND,
  },
  {
    name: 'outlook-authentication',
    match: /^[45]\d\d [45]\.7\.(?:509|515)\b|does not pass DMARC verification/i,
    sample:
      "550 5.7.515 Access denied, sending domain example.com does not meet the required authentication level. The sender's domain in the 5322.From address doesn't meet the authentication requirements defined for the sender. To learn how to fix this see: https://go.microsoft.com/fwlink/p/?linkid=2319303 Spf= Fail , Dkim= Pass , DMARC= Fail",
    classification: 'Reputation',
  },
  {
    name: 'outlook-banned-sender',
    match: /^5\d\d 5\.7\.(?:501|502|503|511|513)\b|access denied, banned sender/i,
    sample:
      '550 5.7.511 Access denied, banned sender[192.0.2.1]. To request removal from this list please forward this message to delist@messaging.microsoft.com.',
    event: 'deferred',
    classification: 'Reputation',
    act: LISTED,
  },
  {
    name: 'outlook-not-compliant',
    match: /^5\d\d 5\.7\.512\b/,
    sample:
      '550 5.7.512 Access denied, message must be RFC 5322 section 3.6.2 compliant and include a valid From address',
    classification: 'Content',
  },
  {
    name: 'outlook-content',
    match: /\bSC-001\b/,
    sample:
      '550 SC-001 Mail rejected by Outlook.com for policy reasons. Reasons for rejection may be related to content with spam-like characteristics or IP/domain reputation.',
    classification: 'Content',
  },
  {
    name: 'outlook-relay',
    match: /\bSC-003\b/,
    sample:
      '550 SC-003 Mail rejected by Outlook.com for policy reasons. Reasons for rejection may be related to IP address having been detected as an open relay or proxy.',
    event: 'deferred',
    classification: 'Reputation',
    act: LISTED,
  },
  {
    name: 'outlook-unknown-recipient',
    match: /^5\d\d (?:5\.4\.1|5\.1\.10)\b.{0,200}(?:access denied|RecipientNotFound|not found)/i,
    stages: ['rcpt'],
    sample:
      '550 5.4.1 Recipient address rejected: Access denied. [AM6EUR05FT066.eop-eur05.prod.protection.outlook.com]',
    type: 'bounce',
    classification: 'Invalid Address',
  },
  {
    name: 'outlook-mailbox-unavailable',
    match: /^5\d\d (?:5\.5\.0 )?requested action not taken: mailbox unavailable/i,
    stages: NAMED,
    sample:
      '550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302). [DB5EUR03FT022.eop-EUR03.prod.protection.outlook.com]',
    type: 'bounce',
    classification: 'Invalid Address',
  },
];
