/** Apple, Comcast, Cox and Spectrum. */
import type { Rule } from '../rule.ts';
import { HALVE, LISTED, MEND, NAMED, ONE_CONNECTION, pause, RECONNECT } from './acts.ts';

const RATE = 'Frequency or Volume Too High';

/** support.apple.com/102322 */
export const APPLE: readonly Rule[] = [
  {
    name: 'apple-listed',
    match: /rejected due to listing in spamhaus|blocked - see https:\/\/support\.proofpoint\.com\/dnsbl-lookup/i,
    sample:
      '550 5.7.1 Mail from IP 192.0.2.1 was rejected due to listing in Spamhaus SBL. For details please see http://www.spamhaus.org/query/bl?ip=192.0.2.1',
    event: 'deferred',
    classification: 'Reputation',
    act: LISTED,
  },
  {
    name: 'apple-domain-listed',
    match: /domain present in the spamhaus dbl/i,
    sample:
      '550 5.7.1 Your email was rejected due to having a domain present in the Spamhaus DBL -- see https://www.spamhaus.org/dbl/',
    classification: 'Reputation',
    act: { do: 'pause', minutes: 240, operator: true },
  },
  {
    name: 'apple-authentication',
    match: /\[HME1\]|failing both SPF and DKIM|'s DMARC policy/i,
    sample:
      '554 5.7.1 [HME1] This message was blocked for failing both SPF and DKIM authentication checks. See https://support.apple.com/en-us/HT204137 for mailing best practices',
    classification: 'Reputation',
  },
  {
    name: 'apple-local-policy',
    match: /\[(?:CS01|HM08)\]|due to local policy/i,
    sample:
      '550 5.7.1 [CS01] Message rejected due to local policy. Please visit https://support.apple.com/en-us/HT204137',
    classification: 'Content',
  },
  {
    name: 'apple-deferred',
    match: /\[HCM1\]/i,
    sample: '421 4.7.0 [HCM1] Your mail from 192.0.2.1 was deferred due to its reputation',
    event: 'deferred',
    classification: 'Reputation',
    act: pause(15),
  },
  {
    name: 'apple-temporary',
    match: /\[BS02\]|service unavailable - try again later/i,
    sample: '451 4.3.2 [BS02] Temporary server error. Please try again later',
    event: 'deferred',
    classification: 'Technical Failure',
    act: pause(15),
  },
  {
    name: 'apple-volume',
    match: /deferred due to excessive volume/i,
    sample:
      '421 4.7.1 Messages to x@icloud.com deferred due to excessive volume. Try again later - https://support.apple.com/en-us/HT204137',
    event: 'deferred',
    classification: RATE,
    act: HALVE,
  },
  {
    name: 'apple-inactive',
    match: /inactive email address|unknown or illegal alias|recipient no longer on server/i,
    stages: NAMED,
    sample: '550 5.1.1 <x@icloud.com>: inactive email address',
    type: 'bounce',
    classification: 'Invalid Address',
  },
];

/** postmaster.comcast.net/smtp-error-codes.php */
export const COMCAST: readonly Rule[] = [
  {
    name: 'comcast-domain-rate',
    match: /\bRL000010\b/,
    sample:
      '421 4.1.0 192.0.2.1 Throttled - try again later. Please see http://postmaster.comcast.net/smtp-error-codes.php#RL000010',
    event: 'deferred',
    classification: RATE,
    act: pause(5),
  },
  {
    name: 'comcast-rate',
    match: /\bRL0000\d\d\b/,
    sample:
      '421 4.1.0 192.0.2.1 Throttled - try again later. Please see http://postmaster.comcast.net/smtp-error-codes.php#RL000001',
    event: 'deferred',
    classification: RATE,
    act: HALVE,
  },
  {
    name: 'comcast-listed',
    match: /\bBL000\d\d\d\b|\bBL00000\d\b/,
    sample:
      '554 5.7.1 192.0.2.1 found on one or more DNSBLs, see http://postmaster.comcast.net/smtp-error-codes.php#BL000001',
    event: 'deferred',
    classification: 'Reputation',
    act: LISTED,
  },
  {
    name: 'comcast-unknown',
    match: /not our customer|account not available/i,
    stages: NAMED,
    sample: '550 5.1.1 Not our Customer',
    type: 'bounce',
    classification: 'Invalid Address',
  },
];

/** cox.com/residential/support/email-error-codes.html */
export const COX: readonly Rule[] = [
  {
    name: 'cox-listed',
    match: /\bAUP#(?:CXBL|CDRBL|IPBL\d{4,5})\b/,
    sample:
      '554 5.1.0 cox.net 192.0.2.1 blocked. Refer to Error Codes section at https://www.cox.com/residential/support/email-error-codes.html for more information. AUP#CXBL',
    event: 'deferred',
    classification: 'Reputation',
    act: LISTED,
  },
  {
    name: 'cox-connections',
    match: /\bAUP#CXCNCT\b|too many sessions from/i,
    sample: '421 cox.net too many sessions from 192.0.2.1 AUP#CXCNCT',
    event: 'deferred',
    classification: RATE,
    act: ONE_CONNECTION,
  },
  {
    name: 'cox-connection-spent',
    match: /message threshold exceeded/i,
    sample: '452 cox.net message threshold exceeded for this connection',
    event: 'deferred',
    classification: RATE,
    act: RECONNECT,
  },
  {
    name: 'cox-rate',
    match: /\bAUP#(?:CXMXRT|CXTHRT)\b/,
    sample: '452 4.1.0 cox.net 192.0.2.1 requested action aborted: try again later AUP#CXMXRT',
    event: 'deferred',
    classification: RATE,
    act: HALVE,
  },
  {
    name: 'cox-ptr',
    match: /\bAUP#CXDNS\b|rejected - no rdns/i,
    sample: '554 cox.net 192.0.2.1 rejected - no rDNS AUP#CXDNS',
    event: 'deferred',
    classification: 'Reputation',
    act: MEND,
  },
  {
    name: 'cox-url',
    match: /\bAUP#URLBL\d{3,4}\b/,
    sample: '552 5.2.0 cox.net message rejected: a URL in it is listed. AUP#URLBL011',
    classification: 'Content',
  },
  {
    name: 'cox-sender',
    match: /\bAUP#(?:CXSNDR|CXSMTP|CXMJ)\b/,
    sample:
      '550 5.1.0 <x@example.com> sender rejected. Refer to Error Codes section at https://www.cox.com/residential/support/email-error-codes.html for more information. AUP#CXSNDR',
    classification: 'Reputation',
  },
];

/** spectrum.net/support/internet/understanding-email-error-codes: ranges of one number. */
export const SPECTRUM: readonly Rule[] = [
  {
    name: 'spectrum-connections',
    match: /\bAUP#(?:In-|I-)?13[0-4]0\b/,
    sample:
      '550 5.1.0 <x@example.com> sender rejected. Please see https://www.spectrum.net/support/internet/understanding-email-error-codes for more information. AUP#In-1310',
    event: 'deferred',
    classification: RATE,
    act: ONE_CONNECTION,
  },
  {
    name: 'spectrum-connection-spent',
    match: /\bAUP#(?:In-|I-)?1540\b/,
    sample:
      '452 4.1.0 Too many messages in this session. Please see https://www.spectrum.net/support/internet/understanding-email-error-codes AUP#In-1540',
    event: 'deferred',
    classification: RATE,
    act: RECONNECT,
  },
  {
    name: 'spectrum-rate',
    match: /\bAUP#(?:In-|I-)?(?:13[5-9]0|14\d0|15[5-8]0)\b/,
    sample:
      '421 4.1.0 Please see https://www.spectrum.net/support/internet/understanding-email-error-codes for more information. AUP#In-1350',
    event: 'deferred',
    classification: RATE,
    act: { do: 'limit', perMinute: 10, minutes: 60 },
  },
  {
    name: 'spectrum-ptr',
    match: /\bAUP#(?:In-|I-)?11[0-5]0\b/,
    sample:
      '554 5.7.1 Please see https://www.spectrum.net/support/internet/understanding-email-error-codes for more information. AUP#In-1110',
    event: 'deferred',
    classification: 'Reputation',
    act: MEND,
  },
  {
    name: 'spectrum-sender',
    match: /\bAUP#(?:In-|I-)?(?:11[6-9]0|15[02]0)\b/,
    sample:
      '550 5.7.1 Please see https://www.spectrum.net/support/internet/understanding-email-error-codes for more information. AUP#In-1160',
    classification: 'Reputation',
  },
  {
    name: 'spectrum-size',
    match: /\bAUP#(?:In-|I-)?1530\b/,
    sample:
      '552 5.2.3 Message is too large. Please see https://www.spectrum.net/support/internet/understanding-email-error-codes AUP#In-1530',
    classification: 'Content',
  },
  {
    name: 'spectrum-listed',
    match: /\bAUP#(?:In-|I-)?1(?:0\d0|2[0-6]0)\b/,
    sample:
      '554 5.7.1 Please see https://www.spectrum.net/support/internet/understanding-email-error-codes for more information. AUP#In-1220',
    event: 'deferred',
    classification: 'Reputation',
    act: LISTED,
  },
];
