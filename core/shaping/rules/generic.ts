/** Any provider, last of all: what only a code tells (RFC 3463, RFC 5321 4.2). Words were read by the rules before these. */
import type { Rule } from '../rule.ts';
import { NAMED } from './acts.ts';

/** In answer to RCPT these codes are about the mailbox, or say that its domain takes no mail, unless words say otherwise. */
const OTHERWISE =
  '(?!.{0,400}(?:spam|junk|block|black|dns|rbl|reputation|virus|malware|banned|denied|relay|authenti|rate\\b|too many|content|sender|sending|your |listed|\\burl|rcpthosts|routing|transaction|error|temporar|later|locked|frozen|quota|full|recipient.{0,20}not allowed))';

export const GENERIC: readonly Rule[] = [
  {
    name: 'loop',
    match: /too many hops|mail ?loop|routing loop|loop detected|^[45]\d\d [45]\.4\.6\b/i,
    sample: '554 5.4.6 Too many hops',
    classification: 'Technical Failure',
  },
  {
    name: 'disk',
    match: /^4\d\d .{0,60}(?:disk|out of memory|no space)|^[45]\d\d [45]\.3\.1\b/i,
    sample: '452 4.3.1 Out of memory',
    classification: 'Technical Failure',
  },
  {
    name: 'server-trouble',
    match:
      /(?:service|server|system) .{0,30}(?:unavailable|not available|failure|error)|(?:internal|local|temporary|lookup|queue).{0,20}(?:error|failure|problem)|transaction failed|currently unavailable|timed? ?out|message expired/i,
    sample: '451 4.3.0 Temporary lookup failure; please try again later',
    classification: 'Technical Failure',
  },
  {
    name: 'access-denied',
    match: /\baccess denied\b|\bblocked\b|black-?list|\bdenied\b|\bbanned\b|reputation|dnsbl|block[- ]?list/i,
    sample: '554 5.7.1 Denied (Mode: normal)',
    classification: 'Reputation',
  },
  {
    name: 'address-code',
    match: /^[45]\d\d [45]\.1\.(?:0|1|2|3|6|9|10)\b(?!.{0,300}(?:denied|blocked|policy|sender|preferences|\bfrom\b))/i,
    stages: NAMED,
    sample: '550 5.1.2 Host is no longer ours',
    type: 'bounce',
    classification: 'Invalid Address',
  },
  {
    name: 'disabled-code',
    match: /^5\d\d 5\.2\.1\b/,
    stages: NAMED,
    sample: '550 5.2.1 Mail to this address is not possible',
    type: 'bounce',
    classification: 'Mailbox Unavailable',
  },
  {
    name: 'domain-takes-no-mail',
    match: /(?:does|will) not accept (?:any )?(?:e-?mail|mail)\b/i,
    sample: '550 Host does not accept mail',
    classification: 'Mailbox Unavailable',
  },
  {
    name: 'mailbox-code',
    match: /^[45]\d\d [45]\.2\.\d\b/,
    stages: NAMED,
    sample: '550 5.2.0 Delivery to this mailbox failed',
    classification: 'Mailbox Unavailable',
  },
  {
    name: 'system-code',
    match: /^[45]\d\d [45]\.[34]\.\d{1,3}\b/,
    sample: '550 5.4.4 Unable to look up the destination',
    classification: 'Technical Failure',
  },
  {
    name: 'protocol-code',
    match: /^(?:50[0-4]\b|555\b|[45]\d\d [45]\.5\.\d{1,3}\b)/,
    sample: '503 5.5.1 Bad sequence of commands',
    classification: 'Technical Failure',
  },
  {
    name: 'security-code',
    match: /^[45]\d\d [45]\.7\.\d{1,3}\b/,
    sample: '550 5.7.1 Message not taken',
    classification: 'Reputation',
  },
  {
    name: 'mailbox-refused',
    match: new RegExp(`^55[013](?! 5\\.\\d)(?! rejected\\.?$)${OTHERWISE}`, 'i'),
    stages: ['rcpt'],
    sample: '551 not local',
    type: 'bounce',
    classification: 'Invalid Address',
  },
  {
    name: 'try-later',
    match: /^4\d\d .{0,200}(?:try|retry|later|deferred|temporar)/i,
    sample: '421 Please try again later',
    classification: 'Technical Failure',
  },
];
